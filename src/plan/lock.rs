//! Table locks, as plans promise them. Facts: postgres.org's lock table and what 14-18 were seen to take.

use std::fmt;

use crate::sql::QualifiedName;

/// Table lock modes that partition DDL takes, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    /// What SELECT takes.
    AccessShare,
    /// What a foreign key's check takes.
    RowShare,
    /// What INSERT, UPDATE and DELETE take.
    RowExclusive,
    /// Blocks DDL, VACUUM and ANALYZE; readers and writers go on.
    ShareUpdateExclusive,
    /// Blocks writers; readers go on.
    Share,
    /// Blocks writers; readers go on; not shared with itself.
    ShareRowExclusive,
    /// Blocks everybody.
    AccessExclusive,
}

impl LockMode {
    /// Whether INSERT, UPDATE or DELETE wait for it; the strongest stops SELECT as well.
    pub fn stops_writers(self) -> bool {
        self.conflicts_with(Self::RowExclusive)
    }

    /// Whether two sessions cannot hold these modes on one relation at once.
    ///
    /// Source: the conflict table under "Explicit Locking" in the PostgreSQL documentation.
    pub fn conflicts_with(self, other: Self) -> bool {
        use LockMode::*;
        let (weaker, stronger) = (self.min(other), self.max(other));
        match stronger {
            AccessShare | RowShare | RowExclusive => false,
            ShareUpdateExclusive => weaker == ShareUpdateExclusive,
            Share => matches!(weaker, RowExclusive | ShareUpdateExclusive),
            ShareRowExclusive => RowExclusive <= weaker,
            AccessExclusive => true,
        }
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        })
    }
}

/// A lock that a step takes on an existing relation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lock {
    /// The relation.
    pub relation: QualifiedName,
    /// The strongest mode on it.
    pub mode: LockMode,
    /// What of it.
    pub scope: LockScope,
}

/// How far down a lock reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockScope {
    /// The relation alone.
    Only,
    /// Its partitions too, when it has any.
    WithPartitions,
}

impl Lock {
    /// A lock on the relation alone.
    pub fn new(relation: &QualifiedName, mode: LockMode) -> Self {
        Self { relation: relation.clone(), mode, scope: LockScope::Only }
    }

    /// A lock on the relation and all that is below it.
    pub fn with_partitions(relation: &QualifiedName, mode: LockMode) -> Self {
        Self { relation: relation.clone(), mode, scope: LockScope::WithPartitions }
    }

    /// The statement that takes it. It needs UPDATE, DELETE or TRUNCATE on the relation.
    pub fn statement(&self) -> String {
        let only = match self.scope {
            LockScope::Only => "ONLY ",
            LockScope::WithPartitions => "",
        };
        format!("LOCK TABLE {only}{} IN {} MODE", self.relation, self.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::LockMode::*;

    #[test]
    fn modes_conflict_as_postgres_documents() {
        assert!(!ShareUpdateExclusive.conflicts_with(RowExclusive), "attaching does not stop writers");
        assert!(ShareUpdateExclusive.conflicts_with(ShareUpdateExclusive), "nor run beside VACUUM");
        assert!(ShareRowExclusive.conflicts_with(RowExclusive));
        assert!(!ShareRowExclusive.conflicts_with(RowShare));
        assert!(!Share.conflicts_with(Share));
        assert!(Share.conflicts_with(RowExclusive));
        assert!(AccessExclusive.conflicts_with(AccessShare));
        assert!(!AccessShare.conflicts_with(ShareRowExclusive));
    }
}
