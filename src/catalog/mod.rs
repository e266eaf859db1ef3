//! The facts: what one read of the catalog found, as data that is planned from, saved, and written by hand in tests.

mod archives;
mod bound;
mod default_facts;
mod dump;
mod property;
mod question;
mod snapshot;

pub use archives::{ArchiveEntry, Archives};
pub use bound::{Bound, BoundError, Datum};
pub use default_facts::{DefaultFacts, Publication, Referrer, Trigger, TriggerState};
pub use dump::{Beyond, Dump};
pub use property::{DefaultGrant, ExtendedStatistics, Grant, Property, ReplicaIdentity, RowSecurity};
pub use question::{Answer, Answers, Question};
pub use snapshot::{
    CatalogSnapshot, DetachedTable, FarEnd, ForeignKey, Journal, KeyColumn, Ledger, Partition, PartitionKey,
    RelationKind, RestoredTable, Server, Strategy, Table, UnreadableEntry,
};
