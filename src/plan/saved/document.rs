//! The parts of the document: plain data with the names that readers of the JSON see, made from the plan's own types.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::Bound;
use crate::plan::{Action, Finding, Lock, Phase, Plan, Runway, Severity, Step, StepKind, TablePlan};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Summary {
    steps: BTreeMap<String, usize>,
    findings: BTreeMap<String, usize>,
    frees_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedTable {
    pub(super) table: String,
    grid: String,
    fingerprint: String,
    partitions: usize,
    #[serde(default)]
    leaves: usize,
    bytes: u64,
    runway: SavedRunway,
    lock_timeout_ms: u64,
    unattended: bool,
    pub(super) steps: Vec<SavedStep>,
    findings: Vec<SavedFinding>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SavedRunway {
    kind: RunwayKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partitions: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum RunwayKind {
    None,
    Until,
    Partitions,
    Endless,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedStep {
    kind: String,
    phase: SavedPhase,
    target: String,
    range: String,
    bound: Option<String>,
    reason: String,
    bytes: Option<u64>,
    rows: Option<u64>,
    locks: Vec<SavedLock>,
    actions: Vec<SavedAction>,
    undo: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SavedPhase {
    Finish,
    Create,
    Retire,
    Maintain,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SavedLock {
    relation: String,
    mode: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SavedAction {
    transaction: bool,
    sql: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedFinding {
    code: String,
    name: String,
    severity: String,
    table: Option<String>,
    message: String,
    hint: Option<String>,
}

impl SavedTable {
    pub(super) fn of(table: &TablePlan, at: DateTime<Utc>) -> Self {
        Self {
            table: table.table.to_string(),
            grid: table.grid.clone(),
            fingerprint: table.fingerprint.clone(),
            partitions: table.partitions,
            leaves: table.leaves,
            bytes: table.bytes,
            runway: SavedRunway::of(table.runway, at),
            lock_timeout_ms: u64::try_from(table.locks.timeout.as_millis()).unwrap_or(u64::MAX),
            unattended: table.unattended,
            steps: table.steps.iter().map(SavedStep::of).collect(),
            findings: table.findings.iter().map(SavedFinding::of).collect(),
        }
    }

    /// Adds to the list what the fresh plan would do otherwise.
    pub(super) fn compare(&self, fresh: &Self, moved: &mut Vec<String>) {
        if self.fingerprint != fresh.fingerprint {
            moved.push(format!("policy of {} changed", self.table));
        }
        let mut left: Vec<&SavedStep> = self.steps.iter().collect();
        for step in &fresh.steps {
            match left.iter().position(|saved| saved.kind == step.kind && saved.target == step.target) {
                Some(at) if left.remove(at).actions == step.actions => {}
                Some(_) => moved.push(format!("{}: step {step} would run other statements", self.table)),
                None => moved.push(self.new_step(step)),
            }
        }
        moved.extend(left.iter().map(|step| format!("{}: step {step} is no longer needed", self.table)));
    }

    pub(super) fn new_step(&self, step: &SavedStep) -> String {
        format!("{}: new step {step}", self.table)
    }
}

/// As sentences quote it.
impl fmt::Display for SavedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{} {}`", self.kind, self.target)
    }
}

impl Summary {
    pub(super) fn of(plan: &Plan) -> Self {
        let severities = [Severity::Error, Severity::Warning, Severity::Info];
        let having = |severity| plan.findings().filter(|finding| finding.severity == severity).count();
        Self {
            steps: StepKind::ALL.map(|kind| (kind.as_str().to_owned(), plan.count(kind))).into(),
            findings: severities.map(|severity| (severity.as_str().to_owned(), having(severity))).into(),
            frees_bytes: plan.frees_bytes(),
        }
    }
}

impl SavedRunway {
    fn of(runway: Runway, at: DateTime<Utc>) -> Self {
        let none = Self { kind: RunwayKind::None, until: None, seconds: None, partitions: None };
        match runway {
            Runway::None => none,
            Runway::Endless => Self { kind: RunwayKind::Endless, ..none },
            Runway::Partitions(count) => Self { kind: RunwayKind::Partitions, partitions: Some(count), ..none },
            Runway::Until(until) => Self {
                kind: RunwayKind::Until,
                until: Some(until),
                seconds: Some(until.signed_duration_since(at).num_seconds()),
                ..none
            },
        }
    }
}

impl SavedStep {
    fn of(step: &Step) -> Self {
        let (bytes, rows) = step.volume();
        Self {
            kind: step.kind().as_str().to_owned(),
            phase: match step.phase() {
                Phase::Finish => SavedPhase::Finish,
                Phase::Create => SavedPhase::Create,
                Phase::Retire => SavedPhase::Retire,
                Phase::Maintain => SavedPhase::Maintain,
            },
            target: step.target().to_string(),
            range: step.range().into_owned(),
            bound: match step {
                Step::Create(step) => Some(step.bound.to_string()),
                Step::Move(step) => Some(step.create.bound.to_string()),
                Step::Detach(step) => Some(step.bound.to_string()),
                Step::Archive(step) => Some(step.bound.to_string()),
                Step::Attach(step) => Some(step.bound.to_string()),
                Step::Split(step) => Some(step.bound.to_string()),
                Step::DiscardSplit(step) => Some(step.bound.to_string()),
                Step::SetAside(_) | Step::BringBack(_) => Some(Bound::Default.to_string()),
                Step::Finalize(_)
                | Step::Record(_)
                | Step::Remove(_)
                | Step::Discard(_)
                | Step::Relocate(_)
                | Step::Drop(_)
                | Step::DeleteArchive(_)
                | Step::Match(_)
                | Step::Analyze(_) => None,
            },
            reason: step.reason().to_string(),
            bytes,
            rows,
            locks: step.locks().iter().map(SavedLock::of).collect(),
            actions: step.actions().iter().map(SavedAction::of).collect(),
            undo: step.undo(),
        }
    }
}

impl SavedLock {
    fn of(lock: &Lock) -> Self {
        Self { relation: lock.relation.to_string(), mode: lock.mode.to_string() }
    }
}

impl SavedAction {
    fn of(action: &Action) -> Self {
        Self { transaction: matches!(action, Action::Transaction(_)), sql: action.statements().to_vec() }
    }
}

impl SavedFinding {
    pub(super) fn of(finding: &Finding) -> Self {
        Self {
            code: finding.code.id.to_owned(),
            name: finding.code.name.to_owned(),
            severity: finding.severity.as_str().to_owned(),
            table: finding.table.as_ref().map(ToString::to_string),
            message: finding.message.clone(),
            hint: finding.hint.clone(),
        }
    }
}
