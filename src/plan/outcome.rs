//! How carrying out a plan ended, as data for whoever shows it.

use std::collections::BTreeSet;

use super::{Blocker, Step};
use crate::failure::FailureKind;
use crate::sql::QualifiedName;

/// Why a step was not done. Whatever it had begun was rolled back, or is finished by the next run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepError {
    /// Decides the exit code.
    pub kind: FailureKind,
    /// What happened, as a lowercase fragment.
    pub message: String,
    /// SQLSTATE, when the server said it.
    pub sqlstate: Option<String>,
    /// The statement.
    pub doing: String,
    /// Who was in the way, as far as visible.
    pub blockers: Vec<Blocker>,
    /// What to do, as a lowercase fragment.
    pub next: String,
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedStep {
    /// Its table.
    pub table: QualifiedName,
    /// The step.
    pub step: Step,
    /// Why.
    pub error: StepError,
}

/// What became of a plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Steps that are done and committed.
    pub done: usize,
    /// Steps that failed, in no order.
    pub failed: Vec<FailedStep>,
    /// New partitions that were found by their own bounds before their commit.
    pub proven: BTreeSet<QualifiedName>,
    /// Steps that were not tried, because one before them failed or the run was stopped.
    pub left_out: usize,
}

impl Outcome {
    /// How it would end a run.
    pub fn failure(&self) -> Option<FailureKind> {
        self.failed.iter().map(|failed| failed.error.kind).max()
    }
}
