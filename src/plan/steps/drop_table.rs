//! Drops a table that was detached, after its grace. The guard runs under the lock, so it is the table that was
//! planned, or nothing happens.

use super::detached_entry::record_ended;
use crate::catalog::{FarEnd, Question, RelationKind};
use crate::plan::guard::{Standing, guard, refuse_kept};
use crate::plan::{Action, Lock, LockMode, Transaction};
use crate::sql::{DollarQuoted, QualifiedName, SqlLiteral};

/// What must be true of a table besides being detached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    None,
    /// It is archived, verified, and was not written to since.
    Archived,
}

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
    /// Its foreign keys. Dropping a *detached* table that has one locks the other end exclusively; dropping an attached
    /// one would not, but then there would be no grace.
    pub foreign_keys: Vec<FarEnd>,
    /// What else must be true when it is dropped.
    pub condition: Condition,
    /// A condition that keeps it, looked at once more under its lock.
    pub unless: Option<String>,
}

impl DropTable {
    /// Foreign keys go one by one, each in a transaction of its own, so that no two tables that others use are ever
    /// locked together, and none while the table's files are unlinked.
    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let Self { table, oid, .. } = self;
        let guards = [guard(*oid, table, &Standing::Detached)];
        let guards = guards.into_iter().chain(refuse_kept(table, self.unless.as_deref()));
        let own = Lock::with_partitions(table, LockMode::AccessExclusive);
        let mut actions: Vec<Action> = Vec::new();
        for key in &self.foreign_keys {
            let far = Lock::with_partitions(&key.table, LockMode::AccessExclusive);
            let (mut locks, implied) = if key.lockable { (vec![far], Vec::new()) } else { (Vec::new(), vec![far]) };
            locks.push(own.clone());
            let drop = format!("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {}", key.constraint);
            let under = guards.clone().chain([drop]).collect();
            actions.push(Action::Transaction(Transaction { locks, implied, under, ..Transaction::default() }));
        }
        // A foreign table holds no rows to be lost here, and LOCK TABLE refuses it (42809).
        let (locks, implied, drop) = match self.kind {
            RelationKind::Foreign => (Vec::new(), vec![own], format!("DROP FOREIGN TABLE {table}")),
            _ => (vec![own], Vec::new(), format!("DROP TABLE {table}")),
        };
        let mut under: Vec<String> = guards.collect();
        if self.condition == Condition::Archived {
            // Every row is looked at once more, and nobody waits for that: the table is detached.
            under.push("SET LOCAL statement_timeout = 0".to_owned());
            under.push(self.archive_guard());
        }
        under.extend([drop, record_ended(*oid)]);
        actions.push(Action::Transaction(Transaction { locks, implied, under, ..Transaction::default() }));
        actions
    }

    /// Raises 55000 unless the newest archive of the table holds the rows that it holds now.
    fn archive_guard(&self) -> String {
        let written = Question::WrittenSinceArchived { table: self.table.clone(), oid: self.oid };
        let written = written.sql().expect("this question is asked by a query");
        let message = format!("partctl: {} was never archived, or was written to since", self.table);
        let body = format!(
            "BEGIN IF coalesce(({written}), 1) <> 0 THEN \
             RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = {}; END IF; END",
            SqlLiteral(&message)
        );
        format!("DO {}", DollarQuoted(&body))
    }

    pub(in crate::plan) fn undo(&self) -> &'static str {
        match self.condition {
            Condition::None => "none: restore from a backup",
            Condition::Archived => "partctl archive restore",
        }
    }
}
