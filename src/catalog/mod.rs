//! The facts: what one read of the catalog found, as data that is planned from, saved, and written by hand in tests.

mod archives;
mod bound;
mod condition;
mod dump;
mod index_fault;
mod ledger;
mod partition_facts;
mod partition_key;
mod property;
mod question;
mod snapshot;
mod split;
mod table;

pub use archives::{ArchiveEntry, Archives};
pub use bound::{Bound, BoundError, Datum};
pub use condition::first_row;
pub use dump::{Beyond, Dump};
pub use index_fault::{IndexConstraint, IndexFault};
pub use ledger::{DetachedTable, Journal, Ledger, RestoredTable, UnreadableEntry};
pub use partition_facts::{PartitionFacts, Publication, Referrer, Trigger, TriggerState};
pub use partition_key::{KeyColumn, PartitionKey, Strategy};
pub use property::{
    DefaultGrant, ExtendedStatistics, Grant, InSchema, OwnProperties, Property, ReplicaIdentity, Storage,
};
pub use question::{Answer, Answers, Question};
pub use snapshot::{CatalogSnapshot, Server, UnfinishedBranch};
pub use split::{SplitFacts, UnfinishedSplit};
pub use table::{Column, FarEnd, ForeignKey, Partition, RelationKind, Table, UniqueKey};

/// What most facts are when a file does not say.
fn yes() -> bool {
    true
}
