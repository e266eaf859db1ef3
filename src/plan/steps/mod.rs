//! One file per kind of step: its data, its locks, its SQL.

mod create_partition;
mod detach_partition;
mod drop_table;
mod finalize_detach;
mod record_detach;

pub use create_partition::{CreatePartition, CreateReason};
pub use detach_partition::{DetachMethod, DetachPartition};
pub use drop_table::DropTable;
pub use finalize_detach::FinalizeDetach;
pub use record_detach::{RecordDetach, RecordedChange};
