//! The pruning check: which queries to ask the planner about, how to read its plans, and what they prove.
//!
//! Pure: `db::explain` asks, between [`probes`] and [`judge`]. Nothing here executes a query, and no verdict comes
//! from anything but a plan that Postgres made for this table.

mod before_commit;
pub mod explain;
mod explained;
mod findings;
#[cfg(test)]
mod fixture;
mod lock_budget;
mod lost;
mod probe;
pub mod reason;
mod result;
mod sample;
mod verdict;
mod weigh;
mod workload;

pub use before_commit::{Found, found};
pub use explain::{Condition, PlanFacts};
pub use explained::{Explained, TableVerdict, explained, is_better};
pub use findings::findings;
pub use lock_budget::{LockBudget, LockEstimate, Pruning, relation_locks};
pub use lost::{is_lost, lost};
pub use probe::{Emptiness, Expectation, Parameter, Probe, Source, probes, reach_probes};
pub use result::{
    Advice, Attempt, Instead, Judgement, Observation, Outcome, PlanForm, PruningResult, Refusal, Tried, Verdict,
};
pub use sample::{ColumnSample, ComparedColumn, Parameters, bounds, preparable};
pub use verdict::{judge, tried};
pub use workload::{Judged, Statement, Workload, shortened};
