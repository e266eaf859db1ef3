//! Brings a ledger entry in line with the catalog: a detach that was done and not written down, because its run was
//! killed in between, or a table that somebody attached again.

use super::detached_entry::{record_detached, record_ended};
use crate::plan::{Action, Transaction};
use crate::sql::QualifiedName;

/// A ledger entry that does not say what the catalog says.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordDetach {
    /// The table.
    pub table: QualifiedName,
    /// Its oid.
    pub oid: u32,
    /// What it held, for a person.
    pub range: String,
    /// What is written down.
    pub change: RecordedChange,
}

/// What happened to the table unrecorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedChange {
    /// It is detached. The grace clock starts now, which is later than the truth and so never too early.
    Detached,
    /// It is a partition again: its grace is forgotten, so that a later detach by hand does not end in a drop.
    AttachedAgain,
}

impl RecordDetach {
    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let statement = match self.change {
            RecordedChange::Detached => record_detached(self.oid),
            RecordedChange::AttachedAgain => record_ended(self.oid),
        };
        vec![Action::Transaction(Transaction::of([statement]))]
    }
}
