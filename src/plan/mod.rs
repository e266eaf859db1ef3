//! The plan, as data: steps in a DBA's language, the actions they lower to, findings, and the events of carrying
//! them out.
//!
//! Nothing here decides which steps are needed (`diff` does) or touches a database (`run` does).

mod action;
mod carried;
mod event;
mod guard;
mod lock;
mod outcome;
mod past_run;
#[expect(clippy::module_inception, reason = "the plan is what this room is about")]
mod plan;
mod properties;
mod saved;
mod seen;
mod step;
pub mod steps;
mod surroundings;
mod unfinished;

pub use crate::codes::{self, FINDING_CODES, FindingCode, Severities, Severity};
pub use action::{Action, Ahead, Alone, Batches, CopyOut, Drain, Proof, Transaction};
pub use carried::{Carried, is_copied};
pub use event::{Archived, Blocker, Event, Listener, Pass};
pub use lock::{Lock, LockMode, LockScope};
pub use outcome::{FailedStep, Outcome, StepError};
pub use past_run::{History, PastRun, PastStep, RunEnd, client_in_words};
pub use plan::{Plan, Round, Runway, TablePlan, Withheld};
pub use properties::{inherited_as, role};
pub use saved::{Moment, SavedPlan};
pub use seen::{Behind, Finding, first_few};
pub use step::{Phase, Step, StepKind};
pub use surroundings::{Neighbour, Surroundings};
pub use unfinished::unfinished_partition_of;
