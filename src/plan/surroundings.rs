//! What lies around a partition: its table, the DEFAULT partition, both ends of foreign keys. DDL on the partition
//! locks them as well, and every step takes them in the one order that is decided here.

use super::{Lock, LockMode};
use crate::sql::QualifiedName;

/// The relations that DDL on a partition locks besides the partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The partitioned table.
    pub parent: QualifiedName,
    /// Its DEFAULT partition.
    pub default: Option<Neighbour>,
    /// Tables that its foreign keys reference.
    pub references: Vec<Neighbour>,
    /// Tables whose foreign keys reference it.
    pub referenced_by: Vec<Neighbour>,
}

/// The DEFAULT partition, or a table at the other end of a foreign key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbour {
    /// The table.
    pub name: QualifiedName,
    /// Whether LOCK TABLE locks it: this role may do so, and it is no foreign table (42809). DDL beside it does in any case.
    pub lockable: bool,
}

/// How hard each kind of neighbour is locked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Modes {
    pub(super) referenced_by: LockMode,
    pub(super) references: LockMode,
    pub(super) parent: LockMode,
}

impl Surroundings {
    /// The locks that LOCK TABLE takes, in order, and those that only the statement itself can take.
    ///
    /// Tables that reference come first, because whoever writes to them goes on to the parent; then the tables that
    /// are referenced, the parent, DEFAULT. DEFAULT is locked exclusively whenever the bounds beside it change.
    pub(super) fn locks(&self, modes: Modes) -> (Vec<Lock>, Vec<Lock>) {
        let (mut locks, mut implied) = self.far(modes);
        locks.push(Lock::new(&self.parent, modes.parent));
        if let Some(default) = &self.default {
            let lock = Lock::with_partitions(&default.name, LockMode::AccessExclusive);
            if default.lockable { locks.push(lock) } else { implied.push(lock) }
        }
        (locks, implied)
    }

    /// The locks under which rows leave a partition: writers to the table wait, readers do not. Beside a lock on the
    /// partition alone statements that wait for it would go on with partitions of the past, and miss rows without an error
    /// (14-18).
    pub(super) fn locks_for_rows(&self, modes: Modes, left: &QualifiedName) -> Vec<Lock> {
        let (mut locks, _) = self.far(modes);
        locks.push(Lock::new(&self.parent, modes.parent));
        locks.push(Lock::with_partitions(left, modes.parent));
        locks
    }

    /// The tables that are referenced: locks that LOCK TABLE takes, and those that only the statement itself can take.
    pub(super) fn far_locks(&self, references: LockMode) -> (Vec<Lock>, Vec<Lock>) {
        let around = Self { referenced_by: Vec::new(), ..self.clone() };
        around.far(Modes { referenced_by: references, references, parent: references })
    }

    fn far(&self, modes: Modes) -> (Vec<Lock>, Vec<Lock>) {
        let others = self.referenced_by.iter().map(|table| (table, Lock::new(&table.name, modes.referenced_by)));
        // Postgres keeps triggers of a foreign key on every partition of what it references (14-18).
        let referenced =
            self.references.iter().map(|table| (table, Lock::with_partitions(&table.name, modes.references)));
        // A table that references itself is locked as the parent first, and harder by the statement.
        let (lockable, implied): (Vec<_>, Vec<_>) =
            others.chain(referenced).partition(|(table, _)| table.lockable && table.name != self.parent);
        let locks = |far: Vec<(&Neighbour, Lock)>| -> Vec<Lock> { far.into_iter().map(|(_, lock)| lock).collect() };
        (locks(lockable), locks(implied))
    }

    /// Whether foreign keys begin or end here.
    pub fn has_foreign_keys(&self) -> bool {
        !self.references.is_empty() || !self.referenced_by.is_empty()
    }
}
