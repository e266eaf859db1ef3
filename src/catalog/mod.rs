//! The facts: what one read of the catalog found, as data that is planned from, saved, and written by hand in tests.

mod bound;
mod dump;
mod property;
mod question;
mod snapshot;

pub use bound::{Bound, BoundError, Datum};
pub use dump::{Beyond, Dump};
pub use property::{DefaultGrant, ExtendedStatistics, Grant, Property, ReplicaIdentity, RowSecurity};
pub use question::{Answer, Answers, Question};
pub use snapshot::{
    CatalogSnapshot, Column, DetachedTable, FarEnd, ForeignKey, Journal, KeyColumn, Ledger, Partition, PartitionKey,
    RelationKind, Server, Strategy, Table, UnfinishedBranch, UniqueKey, UnreadableEntry,
};
