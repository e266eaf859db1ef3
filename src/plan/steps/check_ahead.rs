//! A CHECK constraint that says beforehand what ATTACH would find out by a scan under its lock.
//!
//! Adding it NOT VALID takes ACCESS EXCLUSIVE for an instant, validating it scans under SHARE UPDATE EXCLUSIVE, beside
//! readers and writers; then ATTACH finds its proof and scans nothing (Postgres 14-18). Between the two, writers of
//! rows that the constraint excludes are refused (23514), as they are refused once the partition is there.

use crate::plan::{Action, Lock, LockMode, Transaction};
use crate::sql::{Identifier, QualifiedName};

/// What partctl's own constraints begin with; one that is left behind is known by it.
pub const CHECK_PREFIX: &str = "partctl_";

/// A constraint that is added, validated, and dropped again by the transaction that it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckAhead {
    /// The table that would be scanned.
    pub table: QualifiedName,
    /// Its name, which begins with [`CHECK_PREFIX`].
    pub constraint: Identifier,
    /// What holds for every row.
    pub condition: String,
}

impl CheckAhead {
    /// On DEFAULT: no row belongs to the partition that is to be attached.
    pub fn excluding(default: &QualifiedName, partition: &QualifiedName, predicate: &str) -> Self {
        Self::on(default, "excludes", partition, format!("NOT ({predicate})"))
    }

    /// On a filled table: every row belongs to it.
    pub fn holding(table: &QualifiedName, predicate: String) -> Self {
        Self::on(table, "holds", table, predicate)
    }

    /// On a table that is to be DEFAULT: no row belongs to any of the other partitions.
    pub fn excluding_all(table: &QualifiedName, predicates: &[String]) -> Self {
        let conditions: Vec<String> = predicates.iter().map(|predicate| format!("NOT ({predicate})")).collect();
        Self::on(table, "rest", table, conditions.join(" AND "))
    }

    fn on(table: &QualifiedName, verb: &str, partition: &QualifiedName, condition: String) -> Self {
        let constraint = Identifier::new(format!("{CHECK_PREFIX}{verb}_{}", partition.name.as_str())).shortened();
        Self { table: table.clone(), constraint, condition }
    }

    /// One that was left behind: all that is known of it is its name.
    pub fn left_behind(table: &QualifiedName, constraint: &Identifier) -> Self {
        Self { table: table.clone(), constraint: constraint.clone(), condition: String::new() }
    }

    /// Adds and validates it; one that an earlier run left behind is replaced.
    pub(super) fn actions(&self) -> [Action; 2] {
        let Self { table, constraint, .. } = self;
        let lock = |mode| vec![Lock::with_partitions(table, mode)];
        let add = format!("{} NOT VALID", self.add());
        let validate = format!("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}");
        [
            Action::Transaction(Transaction {
                locks: lock(LockMode::AccessExclusive),
                under: vec![self.drop(), add],
                ..Transaction::default()
            }),
            Action::Transaction(Transaction {
                implied: lock(LockMode::ShareUpdateExclusive),
                under: vec![validate],
                ..Transaction::default()
            }),
        ]
    }

    /// The statement that adds it and looks at every row.
    pub(super) fn add(&self) -> String {
        let Self { table, constraint, condition } = self;
        format!("ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({condition})")
    }

    /// The statement that takes it away, for a transaction that has locked the table already.
    pub(super) fn drop(&self) -> String {
        format!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", self.table, self.constraint)
    }

    /// Takes it away when what it was for did not happen.
    pub(super) fn clean_up(&self) -> Action {
        Action::Transaction(Transaction {
            locks: vec![Lock::with_partitions(&self.table, LockMode::AccessExclusive)],
            under: vec![self.drop()],
            ..Transaction::default()
        })
    }
}
