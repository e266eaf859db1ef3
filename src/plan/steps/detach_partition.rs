//! Takes a partition out of its table. The ledger learns of it before and after, so that a run killed in between
//! leaves nothing that the next one cannot understand.

use super::FinalizeDetach;
use crate::catalog::{Bound, RelationKind};
use crate::plan::guard::{Standing, guard};
use crate::plan::surroundings::Modes;
use crate::plan::{Action, Alone, Lock, LockMode, Surroundings, Transaction};
use crate::sql::{QualifiedName, SqlLiteral};

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
                Action::Transaction(Transaction::of([guard.clone(), self.record_intent()])),
                Action::Alone(Alone {
                    guard,
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
        let before = vec![guard.clone(), self.record_intent()];
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

    /// A table that was detached before, and attached since, perhaps under another name or to another parent, is from
    /// now on what it is now: its new parent's policy decides what becomes of it.
    fn record_intent(&self) -> String {
        format!(
            "INSERT INTO partctl.detached_tables (relation, schema_name, table_name, parent_schema, parent_name, bound) \
             VALUES ({}, {}, {}, {}, {}, {}) ON CONFLICT (relation) WHERE ended_at IS NULL DO UPDATE \
             SET begun_at = clock_timestamp(), detached_at = NULL, bound = EXCLUDED.bound, \
             schema_name = EXCLUDED.schema_name, table_name = EXCLUDED.table_name, \
             parent_schema = EXCLUDED.parent_schema, parent_name = EXCLUDED.parent_name",
            self.oid,
            SqlLiteral(self.partition.schema.as_str()),
            SqlLiteral(self.partition.name.as_str()),
            SqlLiteral(self.around.parent.schema.as_str()),
            SqlLiteral(self.around.parent.name.as_str()),
            SqlLiteral(&self.bound.to_string()),
        )
    }
}

/// The grace clock starts here.
pub(super) fn record_detached(oid: u32) -> String {
    format!(
        "UPDATE partctl.detached_tables SET detached_at = clock_timestamp() \
         WHERE relation = {oid} AND ended_at IS NULL"
    )
}
