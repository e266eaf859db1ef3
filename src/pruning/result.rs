//! What the database said about a query, and what that says of one table: data between asking, judging and showing.

use std::collections::BTreeSet;
use std::fmt;

use super::explain::{Condition, PlanFacts};
use super::lock_budget::Pruning;
use super::probe::Source;
use super::reason::{Diagnosis, Reason};
use crate::policy::{Location, PruningStage};
use crate::sql::QualifiedName;

/// `plan_cache_mode`: planned for the values at hand, or once for all values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanForm {
    /// `force_custom_plan`
    Custom,
    /// `force_generic_plan`, what a prepared statement may get from its sixth execution on.
    Generic,
}

/// When a plan leaves partitions out, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// At this stage.
    Pruned(PruningStage),
    /// Every partition is read, or there was nothing to leave out.
    Unpruned,
}

impl Verdict {
    /// `plan`, `startup`, `execution` or `none`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pruned(PruningStage::Plan) => "plan",
            Self::Pruned(PruningStage::Startup) => "startup",
            Self::Pruned(PruningStage::Execution) => "execution",
            Self::Unpruned => "none",
        }
    }
}

/// What the database said when it was asked for one form of plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// A plan.
    Planned {
        /// What it says.
        facts: PlanFacts,
        /// Oids of the user's relations that planning and starting it locked.
        locked: BTreeSet<u32>,
    },
    /// An error.
    Refused(Refusal),
    /// It was not asked, and why.
    Skipped(String),
}

/// Why Postgres would not plan a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The SQLSTATE; `None` when the text never reached the server.
    pub sqlstate: Option<String>,
    /// The server's message.
    pub message: String,
}

/// Everything the database said about one probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Oids of the relations that the query names, itself or through views; `None`: not asked.
    pub mentioned: Option<BTreeSet<u32>>,
    /// Relations that it could lock at worst, with indexes; `None`: not asked.
    pub reachable: Option<u64>,
    /// The session's setting.
    pub pruning: Pruning,
    /// The custom plan.
    pub custom: Attempt,
    /// The generic plan.
    pub generic: Attempt,
}

/// One form of plan, as far as it concerns one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Leaves of the table that are read, in the order of their names.
    pub scanned: Vec<QualifiedName>,
    /// Leaves that were locked, and left out when execution started.
    pub removed: usize,
    /// Leaves in the plan that were never executed; `None`: it was planned only.
    pub never_executed: Option<usize>,
    /// Relations locked, of all tables, with indexes.
    pub locks: usize,
    /// What this amounts to.
    pub verdict: Verdict,
    /// What the plan checks of each row of a leaf, where it checks anything.
    pub condition: Option<Condition>,
}

/// One form of plan, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// Planned.
    Planned(Outcome),
    /// Not planned: the server's error, or ours.
    Not(String),
}

impl Tried {
    /// The outcome, if there is one.
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Planned(outcome) => Some(outcome),
            Self::Not(_) => None,
        }
    }
}

/// How a query stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It prunes as it must.
    Passed,
    /// It does not, and why: a clause that follows the query's name.
    Failed(String),
    /// Nobody knows, and why: a clause that follows the query's name.
    NotTried(String),
}

/// What is known about one query on one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PruningResult {
    /// The managed table.
    pub table: QualifiedName,
    /// The query's name.
    pub query: String,
    /// Whether the query is ours or the policy's.
    pub source: Source,
    /// The query.
    pub sql: String,
    /// Leaves of the table.
    pub total: usize,
    /// Its custom plan.
    pub custom: Tried,
    /// Its generic plan.
    pub generic: Tried,
    /// How it stands.
    pub judgement: Judgement,
    /// What to do about it.
    pub hint: Option<String>,
    /// Worth knowing, and no reason to fail.
    pub notes: Vec<String>,
    /// Where the query is written; `None`: it is ours.
    pub location: Option<Location>,
    /// Why the query prunes late or not at all, where that is known.
    pub advice: Option<Advice>,
}

/// Why a plan is worse than one that prunes when planned, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The reason.
    pub reason: &'static Reason,
    /// The same in words, about this query.
    pub why: String,
    /// Another way to write it, which the planner has shown to be better.
    pub instead: Option<Instead>,
}

/// A rewrite that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instead {
    /// The condition that takes the place of another.
    pub condition: String,
    /// The whole query with it.
    pub sql: String,
    /// What its plan does to the same table.
    pub outcome: Outcome,
}

impl Advice {
    /// In one line: why, and the rewrite or else the way out.
    pub fn in_words(&self) -> String {
        let instead = self.instead.as_ref().map_or(self.reason.way_out, |instead| instead.condition.as_str());
        format!("{} ({}); instead: {instead}", self.why, self.reason.code)
    }

    /// A reason without a rewrite.
    pub fn of(diagnosis: Diagnosis) -> Self {
        Self { reason: diagnosis.reason, why: diagnosis.why, instead: None }
    }
}

impl PruningResult {
    /// The verdict that counts: the custom plan's. `None`: there is no such plan.
    pub fn verdict(&self) -> Option<Verdict> {
        self.custom.outcome().map(|outcome| outcome.verdict)
    }

    /// Whether it prunes as it must.
    pub fn passed(&self) -> bool {
        self.judgement == Judgement::Passed
    }
}

impl Refusal {
    /// Syntax and naming errors, bad values: class 42 and 22, but not a missing right (42501). Whoever wrote the query
    /// has to mend it; anything else may be different next time.
    pub(super) fn is_the_querys_own_fault(&self) -> bool {
        self.sqlstate
            .as_deref()
            .is_some_and(|state| (state.starts_with("42") || state.starts_with("22")) && state != "42501")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.sqlstate.as_ref().map_or(Ok(()), |state| write!(f, " ({state})"))
    }
}
