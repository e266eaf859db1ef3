//! Ends a concurrent detach that was interrupted between its two phases: until then the partition's rows are
//! invisible and no other concurrent detach can begin (55000).

use super::detach_partition::record_detached;
use crate::plan::{Action, Lock, LockMode};
use crate::sql::QualifiedName;

/// A partition that is pending detach.
#[derive(Debug, Clone, PartialEq)]
pub struct FinalizeDetach {
    /// The partitioned table.
    pub parent: QualifiedName,
    /// The partition.
    pub partition: QualifiedName,
    /// Its oid.
    pub oid: u32,
    /// The bound for a person.
    pub range: String,
    /// Whether partctl began it; then its ledger entry is ended too.
    pub ours: bool,
    /// Tables that the parent's foreign keys reference.
    pub references: Vec<QualifiedName>,
    /// Tables whose foreign keys reference the parent.
    pub referenced_by: Vec<QualifiedName>,
}

impl FinalizeDetach {
    pub(in crate::plan) fn locks(&self) -> Vec<Lock> {
        let mut locks = vec![
            Lock::new(&self.parent, LockMode::ShareUpdateExclusive),
            Lock::new(&self.partition, LockMode::AccessExclusive),
        ];
        locks.extend(self.references.iter().map(|table| Lock::new(table, LockMode::ShareRowExclusive)));
        locks.extend(self.referenced_by.iter().map(|table| Lock::new(table, LockMode::AccessExclusive)));
        locks
    }

    pub(crate) fn actions(&self) -> Vec<Action> {
        let mut statements = vec![format!("ALTER TABLE {} DETACH PARTITION {} FINALIZE", self.parent, self.partition)];
        if self.ours {
            statements.push(record_detached(self.oid));
        }
        vec![Action::Transaction(statements)]
    }
}
