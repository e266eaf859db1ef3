//! What partctl remembers in the database: tables that it detached, archives, tables that came back from them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ArchiveEntry, Archives, Bound, FarEnd, RelationKind};
use crate::sql::{Identifier, QualifiedName};

/// What partctl remembers in the database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ledger {
    /// Not installed yet.
    Missing {
        /// Whether this role may install it: create a schema in the database.
        installable: bool,
    },
    /// There, but this role may not read it.
    Denied,
    /// Installed.
    Installed {
        /// Tables that partctl detached, or began to, and that still exist.
        detached: Vec<DetachedTable>,
        /// What it knows of archives.
        #[serde(default)]
        archives: Archives,
        /// Archives whose deletion has begun, and has not come to its end.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        being_deleted: Vec<ArchiveEntry>,
        /// Tables that came back from archives and are kept until they are released, by oid.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        restored: Vec<RestoredTable>,
        /// Entries that cannot be read: somebody edited them.
        #[serde(default)]
        unreadable: Vec<UnreadableEntry>,
        /// Whether it keeps the journal of this version.
        #[serde(default)]
        journal: Journal,
        /// Whether this role may write what a run writes.
        #[serde(default = "super::yes")]
        writable: bool,
    },
}

impl Default for Ledger {
    fn default() -> Self {
        Self::Installed {
            detached: Vec::new(),
            archives: Archives::default(),
            being_deleted: Vec::new(),
            restored: Vec::new(),
            unreadable: Vec::new(),
            journal: Journal::Current,
            writable: true,
        }
    }
}

/// Whether runs and steps are remembered as this version does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Journal {
    /// As this version does it.
    #[default]
    Current,
    /// As an earlier one did; it goes on to be written so until somebody who may brings it up to date.
    Outdated {
        /// Whether this role may: it owns the ledger's tables.
        upgradable: bool,
    },
}

/// A table that came back from an archive, attached or not, and was not released yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoredTable {
    /// `pg_class.oid` of the table.
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// The URL of the archive.
    pub from: String,
}

/// An entry of a detached table that says nothing that could be planned with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnreadableEntry {
    /// `pg_class.oid` of the table.
    pub oid: u32,
    /// That of the only table which has its name now, where no table has its oid.
    #[serde(default)]
    pub found: Option<u32>,
    /// Its name when it was detached.
    pub recorded: QualifiedName,
    /// The table it was a partition of.
    pub parent: QualifiedName,
    /// What cannot be read, as a fragment.
    pub problem: String,
}

impl Ledger {
    /// The detached tables it remembers.
    pub fn detached(&self) -> &[DetachedTable] {
        match self {
            Self::Installed { detached, .. } => detached,
            Self::Missing { .. } | Self::Denied => &[],
        }
    }

    /// The archives it remembers.
    pub fn archives(&self) -> &Archives {
        match self {
            Self::Installed { archives, .. } => archives,
            Self::Missing { .. } | Self::Denied => &Archives::Missing,
        }
    }

    /// The archives whose deletion has begun, and has not come to its end.
    pub fn being_deleted(&self) -> &[ArchiveEntry] {
        match self {
            Self::Installed { being_deleted, .. } => being_deleted,
            Self::Missing { .. } | Self::Denied => &[],
        }
    }

    /// The tables that came back from archives and are kept until they are released.
    pub fn restored(&self) -> &[RestoredTable] {
        match self {
            Self::Installed { restored, .. } => restored,
            Self::Missing { .. } | Self::Denied => &[],
        }
    }

    /// Whether the table with this oid came back from an archive and is kept until it is released.
    pub fn is_restored(&self, oid: u32) -> bool {
        self.restored().iter().any(|table| table.oid == oid)
    }

    /// Its entries that cannot be read.
    pub fn unreadable(&self) -> &[UnreadableEntry] {
        match self {
            Self::Installed { unreadable, .. } => unreadable,
            Self::Missing { .. } | Self::Denied => &[],
        }
    }
}

/// A ledger entry, compared with what the catalog says of its table now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetachedTable {
    /// `pg_class.oid` of the table.
    pub oid: u32,
    /// What it is.
    #[serde(default)]
    pub kind: RelationKind,
    /// Its name now.
    pub name: QualifiedName,
    /// Its name when it was detached: an oid can be given to another table once its own is dropped.
    pub recorded: QualifiedName,
    /// The table it was a partition of.
    pub parent: QualifiedName,
    /// The bound it had.
    pub bound: Bound,
    /// When the detach was done; `None`: begun, and its end was not recorded.
    pub detached_at: Option<DateTime<Utc>>,
    /// Whether it is attached to any parent now.
    #[serde(default)]
    pub attached: bool,
    /// Its owner, where the session's role has not the owner's rights.
    #[serde(default)]
    pub owner_out_of_reach: Option<Identifier>,
    /// The tablespace that it is in; `None`: of a snapshot that does not say.
    #[serde(default)]
    pub tablespace: Option<Identifier>,
    /// Estimated bytes.
    #[serde(default)]
    pub bytes: u64,
    /// Estimated rows; `None`: nobody has counted.
    #[serde(default)]
    pub rows: Option<u64>,
    /// Its own foreign keys: dropping it locks their other ends.
    #[serde(default)]
    pub foreign_keys: Vec<FarEnd>,
    /// CHECK constraints of partctl's own, which a run that was killed left behind.
    #[serde(default)]
    pub leftover_checks: Vec<Identifier>,
}
