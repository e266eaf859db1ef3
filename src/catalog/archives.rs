//! What the ledger remembers of archives.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::DetachedTable;
use crate::sql::QualifiedName;

/// The ledger's archives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Archives {
    /// Those that were verified and not deleted, oldest first.
    Known(Vec<ArchiveEntry>),
    /// The ledger is of an earlier partctl, which made none.
    Missing,
    /// The role may not read or write them.
    Denied,
}

impl Default for Archives {
    fn default() -> Self {
        Self::Known(Vec::new())
    }
}

/// An archive that was read back and found to hold its table's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveEntry {
    /// Its number in the ledger.
    pub id: i64,
    /// The oid that its table had.
    pub oid: u32,
    /// Its table's name.
    pub table: QualifiedName,
    /// What that was a partition of.
    pub parent: QualifiedName,
    /// The bound it had, as Postgres spells it.
    pub bound: String,
    /// The URL of its destination.
    pub destination: String,
    /// The folder of its objects there.
    pub path: String,
    /// When it was begun.
    pub begun_at: DateTime<Utc>,
    /// When it was found to hold the table's rows.
    pub verified_at: DateTime<Utc>,
    /// How long that took.
    pub milliseconds: u64,
    /// Its rows.
    pub rows: u64,
    /// The bytes of its data files.
    pub bytes: u64,
}

impl ArchiveEntry {
    /// The URL of its folder.
    pub fn url(&self) -> String {
        format!("{}/{}", self.destination.trim_end_matches('/'), self.path)
    }
}

impl Archives {
    /// Those that were verified and not deleted, as far as the role may see them.
    pub fn known(&self) -> &[ArchiveEntry] {
        match self {
            Self::Known(entries) => entries,
            Self::Missing | Self::Denied => &[],
        }
    }

    /// The newest one of a table, begun after it was detached.
    pub fn of(&self, table: &DetachedTable) -> Option<&ArchiveEntry> {
        let since = table.detached_at?;
        self.known().iter().rev().find(|entry| entry.oid == table.oid && since <= entry.begun_at)
    }
}
