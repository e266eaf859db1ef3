//! Carrying out: planning against a live server, the executor, the ledger, and the patience in between.
//!
//! What to do was decided below the purity line; here is only when, how often, and what to say when it fails.

mod absence;
mod apply;
mod archiving;
mod attempt;
mod deleting;
mod executor;
mod explain_query;
mod foreign_keys;
mod ledger;
mod lock_window;
mod make_plan;
mod notify;
mod patience;
mod proof;
mod prove_pruning;
mod prove_workload;
mod restoring;
mod run_lock;
mod signals;
mod step_error;
mod take_snapshot;

pub use apply::{Applied, Applying, apply};
pub use deleting::{Deleting, delete_archive};
pub use executor::{Execution, execute};
pub use explain_query::{Execute, explain_query};
pub use foreign_keys::add_foreign_keys;
pub use ledger::{Invocation, OpenRun, begin_run, end_run, install};
pub use make_plan::{Moment, Planner, make_offline_plan, make_plan, make_plan_by, make_rough_plan};
pub use notify::{Recipient, heartbeat, http_url, notify};
pub use prove_pruning::prove_pruning;
pub use prove_workload::prove_workload;
pub use restoring::{Model, Restored, Restoring, restore};
pub use run_lock::{RUN_LOCK, lock_database};
pub use signals::{Stop, StopSignal};
pub use take_snapshot::take_snapshot;
