//! The facts: what one read of the catalog found, as data that is planned from, saved, and written by hand in tests.

mod archives;
mod bound;
mod condition;
mod dump;
mod index_fault;
mod partition_facts;
mod property;
mod question;
mod snapshot;
mod split;

pub use archives::{ArchiveEntry, Archives};
pub use bound::{Bound, BoundError, Datum};
pub use condition::first_row;
pub use dump::{Beyond, Dump};
pub use index_fault::{IndexConstraint, IndexFault};
pub use partition_facts::{PartitionFacts, Publication, Referrer, Trigger, TriggerState};
pub use property::{
    DefaultGrant, ExtendedStatistics, Grant, InSchema, OwnProperties, Property, ReplicaIdentity, Storage,
};
pub use question::{Answer, Answers, Question};
pub use snapshot::{
    CatalogSnapshot, Column, DetachedTable, FarEnd, ForeignKey, Journal, KeyColumn, Ledger, Partition, PartitionKey,
    RelationKind, RestoredTable, Server, Strategy, Table, UnfinishedBranch, UniqueKey, UnreadableEntry,
};
pub use split::{SplitFacts, UnfinishedSplit};
