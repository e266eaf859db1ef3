//! Drops a table that was detached, after its grace. The guard runs under the lock, so it is the table that was
//! planned, or nothing happens.

use crate::catalog::RelationKind;
use crate::plan::guard::{Standing, guard};
use crate::plan::{Action, Lock, LockMode};
use crate::sql::QualifiedName;

/// A detached table to be dropped.
#[derive(Debug, Clone, PartialEq)]
pub struct DropTable {
    /// The table.
    pub table: QualifiedName,
    /// Its oid.
    pub oid: u32,
    /// What it is.
    pub kind: RelationKind,
    /// What it held, for a person.
    pub range: String,
    /// Why now.
    pub reason: String,
    /// Estimated bytes that it frees.
    pub bytes: u64,
    /// Tables that its foreign keys reference: dropping a *detached* table that has one locks them exclusively.
    pub references: Vec<QualifiedName>,
}

impl DropTable {
    pub(in crate::plan) fn locks(&self) -> Vec<Lock> {
        let mut locks = vec![Lock::new(&self.table, LockMode::AccessExclusive)];
        locks.extend(self.references.iter().map(|table| Lock::new(table, LockMode::AccessExclusive)));
        locks
    }

    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let Self { table, oid, .. } = self;
        // A foreign table holds no rows to be lost here, and LOCK TABLE refuses it (42809).
        let (lock, drop) = match self.kind {
            RelationKind::Foreign => (None, format!("DROP FOREIGN TABLE {table}")),
            _ => (Some(format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")), format!("DROP TABLE {table}")),
        };
        let record = format!(
            "UPDATE partctl.detached_tables SET ended_at = clock_timestamp() \
             WHERE relation = {oid} AND ended_at IS NULL"
        );
        let statements = lock.into_iter().chain([guard(*oid, table, &Standing::Detached), drop, record]);
        vec![Action::Transaction(statements.collect())]
    }
}
