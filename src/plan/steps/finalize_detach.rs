//! Ends a concurrent detach that was interrupted between its two phases: until then the partition's rows are
//! invisible and no other concurrent detach can begin (55000).

use super::detached_entry::record_detached;
use crate::plan::surroundings::Modes;
use crate::plan::{Action, Lock, LockMode, Surroundings, Transaction};
use crate::sql::QualifiedName;

/// A partition that is pending detach.
#[derive(Debug, Clone, PartialEq)]
pub struct FinalizeDetach {
    /// The partitioned table, and what is locked besides.
    pub around: Surroundings,
    /// The partition.
    pub partition: QualifiedName,
    /// Its oid.
    pub oid: u32,
    /// The bound for a person.
    pub range: String,
    /// Whether partctl began it; then its ledger entry is ended too.
    pub ours: bool,
}

impl FinalizeDetach {
    pub(crate) fn actions(&self) -> Vec<Action> {
        let Self { partition, .. } = self;
        let parent = &self.around.parent;
        // It first waits for older snapshots in the whole database, and locks the ends of foreign keys only then;
        // locked beforehand, they would stay so for all of that wait.
        let around = Surroundings { default: None, ..self.around.clone() };
        let (mut locks, implied) = around.locks(Modes {
            referenced_by: LockMode::AccessExclusive,
            references: LockMode::ShareRowExclusive,
            parent: LockMode::ShareUpdateExclusive,
        });
        locks.extend(implied.into_iter().chain([Lock::with_partitions(partition, LockMode::AccessExclusive)]));
        let mut under = vec![format!("ALTER TABLE {parent} DETACH PARTITION {partition} FINALIZE")];
        if self.ours {
            under.push(record_detached(self.oid));
        }
        let finalizes = Some(parent.clone());
        vec![Action::Transaction(Transaction { implied: locks, under, finalizes, ..Transaction::default() })]
    }
}
