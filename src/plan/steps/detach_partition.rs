//! Takes a partition out of its table. The ledger learns of it before and after, so that a run killed in between
//! leaves nothing that the next one cannot understand.

use std::time::Duration;

use super::FinalizeDetach;
use crate::catalog::Bound;
use crate::plan::guard::{Standing, guard};
use crate::plan::{Action, Lock, LockMode};
use crate::sql::{QualifiedName, SqlLiteral};

/// A partition to be detached.
#[derive(Debug, Clone, PartialEq)]
pub struct DetachPartition {
    /// The partitioned table.
    pub parent: QualifiedName,
    /// Its oid.
    pub parent_oid: u32,
    /// The partition.
    pub partition: QualifiedName,
    /// Its oid.
    pub oid: u32,
    /// What it holds.
    pub bound: Bound,
    /// The bound for a person.
    pub range: String,
    /// Why.
    pub reason: String,
    /// How.
    pub method: DetachMethod,
    /// Estimated bytes.
    pub bytes: u64,
    /// Estimated rows.
    pub rows: Option<u64>,
    /// Tables that the parent's foreign keys reference.
    pub references: Vec<QualifiedName>,
    /// Tables whose foreign keys reference the parent.
    pub referenced_by: Vec<QualifiedName>,
}

/// The form of DETACH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetachMethod {
    /// CONCURRENTLY: nobody queues on the parent.
    Concurrently,
    /// Plain, because Postgres refuses CONCURRENTLY beside a DEFAULT partition (55000).
    BesideDefault(QualifiedName),
}

impl DetachPartition {
    pub(in crate::plan) fn locks(&self) -> Vec<Lock> {
        let (parent, default) = match &self.method {
            DetachMethod::Concurrently => (LockMode::ShareUpdateExclusive, None),
            DetachMethod::BesideDefault(default) => (LockMode::AccessExclusive, Some(default)),
        };
        let mut locks = vec![Lock::new(&self.parent, parent), Lock::new(&self.partition, LockMode::AccessExclusive)];
        locks.extend(default.map(|default| Lock::new(default, LockMode::AccessExclusive)));
        locks.extend(self.references.iter().map(|table| Lock::new(table, LockMode::ShareRowExclusive)));
        locks.extend(self.referenced_by.iter().map(|table| Lock::new(table, LockMode::AccessExclusive)));
        locks
    }

    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let Self { parent, partition, .. } = self;
        let guard = guard(self.oid, partition, &Standing::Attached { parent_oid: self.parent_oid, bound: &self.bound });
        match self.method {
            DetachMethod::Concurrently => vec![
                Action::Transaction(vec![guard, self.record_intent()]),
                Action::Alone(format!("ALTER TABLE {parent} DETACH PARTITION {partition} CONCURRENTLY")),
                Action::Transaction(vec![record_detached(self.oid)]),
            ],
            DetachMethod::BesideDefault(_) => vec![Action::Transaction(vec![
                guard,
                format!("ALTER TABLE {parent} DETACH PARTITION {partition}"),
                self.record_intent(),
                record_detached(self.oid),
            ])],
        }
    }

    /// The `lock_timeout` of a concurrent detach where one try may make others queue for `timeout`.
    ///
    /// While it waits for old transactions nobody queues behind it, and cut short there it leaves the partition pending;
    /// so it may take longer. With foreign keys its second phase locks their other ends as well, and then it may not.
    pub fn concurrent_lock_timeout(&self, timeout: Duration) -> Duration {
        const ALONE: Duration = Duration::from_secs(5);
        let alone = self.references.is_empty() && self.referenced_by.is_empty();
        if alone && self.method == DetachMethod::Concurrently { timeout.max(ALONE) } else { timeout }
    }

    /// What ends the detach once its first phase is over.
    pub fn finalize(&self) -> FinalizeDetach {
        FinalizeDetach {
            parent: self.parent.clone(),
            partition: self.partition.clone(),
            oid: self.oid,
            range: self.range.clone(),
            ours: true,
            references: self.references.clone(),
            referenced_by: self.referenced_by.clone(),
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
            SqlLiteral(self.parent.schema.as_str()),
            SqlLiteral(self.parent.name.as_str()),
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
