//! Writes down that a detach was done: its run was killed between the DDL and the ledger. The grace clock starts
//! now, which is later than the truth and so never too early.

use super::detach_partition::record_detached;
use crate::plan::Action;
use crate::sql::QualifiedName;

/// A detached table whose ledger entry lacks its end.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordDetach {
    /// The table.
    pub table: QualifiedName,
    /// Its oid.
    pub oid: u32,
    /// What it held, for a person.
    pub range: String,
}

impl RecordDetach {
    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        vec![Action::Transaction(vec![record_detached(self.oid)])]
    }
}
