//! Takes away a partitioned partition that a run left half built when it was killed. It was never attached, and it is
//! dropped only while it holds no row.

use crate::plan::{Action, Transaction, unfinished};
use crate::sql::QualifiedName;

/// A table that was never finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscardBranch {
    /// The table.
    pub table: QualifiedName,
    /// Whose partition it was to be.
    pub parent: QualifiedName,
}

impl DiscardBranch {
    /// Nobody else knows of the table, so nobody waits.
    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        vec![Action::Transaction(Transaction::of([unfinished::discard(&self.table, &self.parent)]))]
    }
}
