//! Attaches a filled table in its old place. Nothing is scanned under a lock that others wait for: that its rows belong
//! there is proven beforehand by a constraint, and so is that DEFAULT holds none of them.

use super::CheckAhead;
use super::detached_entry::record_ended;
use crate::catalog::{Bound, RelationKind};
use crate::plan::guard::{Standing, guard};
use crate::plan::surroundings::Modes;
use crate::plan::{Action, Lock, LockMode, Surroundings, Transaction};
use crate::sql::QualifiedName;

/// A detached table to be attached again.
#[derive(Debug, Clone, PartialEq)]
pub struct AttachPartition {
    /// The partitioned table, and what is locked besides.
    pub around: Surroundings,
    /// The table.
    pub table: QualifiedName,
    /// Its oid.
    pub oid: u32,
    /// What it is.
    pub kind: RelationKind,
    /// What it will hold.
    pub bound: Bound,
    /// The bound for a person.
    pub range: String,
    /// Why.
    pub reason: String,
    /// Estimated bytes.
    pub bytes: u64,
    /// Whether it has foreign keys of its own: then ATTACH merges their triggers with the parent's, under ACCESS EXCLUSIVE
    /// on the tables that are referenced (Postgres 14-18).
    pub has_foreign_keys: bool,
    /// Spares the scan of the table itself.
    pub spares_table: Option<CheckAhead>,
    /// Spares the scan of DEFAULT.
    pub spares_default: Option<CheckAhead>,
}

impl AttachPartition {
    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let Self { table, bound, oid, .. } = self;
        let parent = &self.around.parent;
        let (mut locks, mut implied) = self.around.locks(Modes {
            referenced_by: LockMode::ShareRowExclusive,
            references: if self.has_foreign_keys { LockMode::AccessExclusive } else { LockMode::ShareRowExclusive },
            parent: LockMode::ShareUpdateExclusive,
        });
        let own = Lock::with_partitions(table, LockMode::AccessExclusive);
        // LOCK TABLE refuses a foreign table (42809).
        match self.kind {
            RelationKind::Foreign => implied.push(own),
            _ => locks.push(own),
        }
        let mut under = vec![
            guard(*oid, table, &Standing::Detached),
            format!("ALTER TABLE {parent} ATTACH PARTITION {table} {bound}"),
        ];
        under.extend(self.checks().map(CheckAhead::drop));
        under.push(record_ended(*oid));
        let ahead = self.checks().flat_map(CheckAhead::actions);
        let attach = Action::Transaction(Transaction { locks, implied, under, ..Transaction::default() });
        ahead.chain([attach]).collect()
    }

    pub(in crate::plan) fn clean_up(&self) -> Vec<Action> {
        self.checks().map(CheckAhead::clean_up).collect()
    }

    fn checks(&self) -> impl Iterator<Item = &CheckAhead> {
        self.spares_table.iter().chain(&self.spares_default)
    }
}
