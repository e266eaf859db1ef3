//! Takes a partition out of its table. The ledger learns of it before and after, so that a run killed in between
//! leaves nothing that the next one cannot understand.

use super::FinalizeDetach;
use super::detached_entry::{record_detached, record_intent};
use crate::catalog::{Bound, RelationKind};
use crate::plan::guard::{Standing, guard, refuse_kept};
use crate::plan::surroundings::Modes;
use crate::plan::{Action, Alone, Lock, LockMode, Surroundings, Transaction};
use crate::sql::QualifiedName;

/// A partition to be detached.
#[derive(Debug, Clone, PartialEq)]
pub struct DetachPartition {
    /// The partitioned table, and what is locked besides.
    pub around: Surroundings,
    /// The partitioned table's oid.
    pub parent_oid: u32,
    /// The partition.
    pub partition: QualifiedName,
    /// What it is.
    pub kind: RelationKind,
    /// Its oid.
    pub oid: u32,
    /// What it holds.
    pub bound: Bound,
    /// The bound for a person.
    pub range: String,
    /// Why.
    pub reason: String,
    /// Estimated bytes.
    pub bytes: u64,
    /// Estimated rows.
    pub rows: Option<u64>,
    /// A condition that keeps it, looked at once more right before.
    pub unless: Option<String>,
}

impl DetachPartition {
    /// Whether it is CONCURRENTLY, and nobody queues on the parent. Postgres refuses that beside a DEFAULT partition
    /// (55000); then it takes ACCESS EXCLUSIVE on both, for an instant.
    pub fn is_concurrent(&self) -> bool {
        self.around.default.is_none()
    }

    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let Self { partition, .. } = self;
        let parent = &self.around.parent;
        let guard = guard(self.oid, partition, &Standing::Attached { parent_oid: self.parent_oid, bound: &self.bound });
        let unless = refuse_kept(partition, self.unless.as_deref());
        let record_intent = record_intent(self.oid, partition, parent, &self.bound);
        let modes = |parent| Modes {
            referenced_by: LockMode::AccessExclusive,
            references: LockMode::ShareRowExclusive,
            parent,
        };
        let own = Lock::with_partitions(partition, LockMode::AccessExclusive);
        if self.is_concurrent() {
            let (mut locks, implied) = self.around.locks(modes(LockMode::ShareUpdateExclusive));
            locks.extend(implied.into_iter().chain([own]));
            return vec![
                Action::Transaction(Transaction::of([guard.clone(), record_intent])),
                Action::Alone(Alone {
                    guards: [guard].into_iter().chain(unless).collect(),
                    statement: format!("ALTER TABLE {parent} DETACH PARTITION {partition} CONCURRENTLY"),
                    locks,
                    waits_for_users_of: parent.clone(),
                }),
                Action::Transaction(Transaction::of([record_detached(self.oid)])),
            ];
        }
        let (mut locks, mut implied) = self.around.locks(modes(LockMode::AccessExclusive));
        // LOCK TABLE refuses a foreign table (42809).
        match self.kind {
            RelationKind::Foreign => implied.push(own),
            _ => locks.push(own),
        }
        let detach = format!("ALTER TABLE {parent} DETACH PARTITION {partition}");
        // The first DO of a session loads PL/pgSQL, which takes milliseconds: better before the locks than under them.
        // And what the policy asks may take its time.
        let before = [guard.clone(), record_intent].into_iter().chain(unless).collect();
        let under = vec![guard, detach, record_detached(self.oid)];
        vec![Action::Transaction(Transaction { before, locks, implied, under, ..Transaction::default() })]
    }

    /// What ends the detach once its first phase is over.
    pub fn finalize(&self) -> FinalizeDetach {
        FinalizeDetach {
            around: self.around.clone(),
            partition: self.partition.clone(),
            oid: self.oid,
            range: self.range.clone(),
            ours: true,
        }
    }
}
