//! The pruning check: which queries to ask the planner about, how to read its plans, and what they prove.
//!
//! Pure: `db::explain` asks, between [`probes`] and [`judge`]. Nothing here executes a query, and no verdict comes
//! from anything but a plan that Postgres made for this table.

pub mod explain;
mod findings;
#[cfg(test)]
mod fixture;
mod lock_budget;
mod probe;
mod result;
mod verdict;
mod weigh;

pub use explain::PlanFacts;
pub use findings::findings;
pub use lock_budget::{LockBudget, LockEstimate, Pruning, relation_locks};
pub use probe::{Emptiness, Expectation, Parameter, Probe, Source, probes};
pub use result::{Attempt, Judgement, Observation, Outcome, PlanForm, PruningResult, Refusal, Tried, Verdict};
pub use verdict::judge;
