//! One file per kind of step: its data, its locks, its SQL.

mod analyze_parent;
mod archive_table;
mod attach_partition;
mod bring_default_back;
mod check_ahead;
mod create_partition;
mod detach_partition;
mod detached_entry;
mod discard_branch;
mod drop_table;
mod finalize_detach;
mod match_properties;
mod move_rows;
mod new_branch;
mod record_detach;
mod remove_check;
mod set_default_aside;
mod split_default;

pub use analyze_parent::{AnalyzeParent, AnalyzeReach, AnalyzeReason};
pub use archive_table::ArchiveTable;
pub use attach_partition::AttachPartition;
pub use bring_default_back::{Away, BringDefaultBack};
pub use check_ahead::{CHECK_PREFIX, CheckAhead};
pub use create_partition::{CreatePartition, CreateReason};
pub use detach_partition::DetachPartition;
pub use discard_branch::DiscardBranch;
pub use drop_table::{Condition, DropTable};
pub use finalize_detach::FinalizeDetach;
pub use match_properties::{ChangeOfOwner, MatchProperties};
pub use move_rows::{Firing, MoveRows, Published, SilencedTrigger, Wait};
pub use new_branch::{AttachOrder, NewBranch};
pub use record_detach::{RecordDetach, RecordedChange};
pub use remove_check::RemoveCheck;
pub use set_default_aside::SetDefaultAside;
pub use split_default::{Begun, DiscardSplit, SplitDefault};
