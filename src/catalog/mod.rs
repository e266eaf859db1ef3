//! The facts: what one read of the catalog found, as data that is planned from, saved, and written by hand in tests.

mod bound;
mod default_facts;
mod question;
mod snapshot;

pub use bound::{Bound, BoundError, Datum};
pub use default_facts::{DefaultFacts, Publication, Referrer, Trigger, TriggerState};
pub use question::{Answer, Answers, Question};
pub use snapshot::{
    CatalogSnapshot, DetachedTable, FarEnd, ForeignKey, Grant, Journal, KeyColumn, Ledger, Partition, PartitionKey,
    RelationKind, ReplicaIdentity, Server, Strategy, Table, UnreadableEntry,
};
