//! What one REPEATABLE READ READ ONLY transaction saw: the server, the managed tables, and the ledger.
//! Serialises both ways, so a plan can be made without the database.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Answers, Ledger, Table};
use crate::sql::{Identifier, QualifiedName};

/// Everything a plan is made from, besides policies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogSnapshot {
    /// The server and the session that looked.
    pub server: Server,
    /// The tables that policies name, as far as they exist, in the order of their names.
    #[serde(default)]
    pub tables: Vec<Table>,
    /// Partitioned tables that no policy names.
    #[serde(default)]
    pub unmanaged: Vec<QualifiedName>,
    /// Partitions of these tables that partctl began to build and never attached.
    #[serde(default)]
    pub unfinished: Vec<UnfinishedBranch>,
    /// partctl's own memory.
    #[serde(default)]
    pub ledger: Ledger,
    /// What planning asked beyond the catalog, and what the database answered.
    #[serde(default)]
    pub answers: Answers,
}

impl CatalogSnapshot {
    /// The table of that name, if it exists.
    pub fn table(&self, name: &QualifiedName) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == *name)
    }
}

/// A partitioned table that was to become a partition, and is no part of anything yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnfinishedBranch {
    /// Its name.
    pub name: QualifiedName,
    /// Whose partition it was to be.
    pub parent: QualifiedName,
    /// What is below it.
    #[serde(default)]
    pub below: Vec<QualifiedName>,
}

/// The server and the session that looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// `server_version_num`, such as 150020.
    pub version: u32,
    /// The server's clock at the start of the transaction.
    pub now: DateTime<Utc>,
    /// The database's name.
    pub database: String,
    /// `current_user`.
    pub role: Identifier,
    /// Whether the server is in recovery.
    #[serde(default)]
    pub standby: bool,
    /// Slots of the shared lock table: `max_locks_per_transaction * (max_connections + max_prepared_transactions)`.
    #[serde(default = "default_lock_slots")]
    pub lock_slots: u64,
    /// Whether the role sees other roles' sessions: since when their transactions run, and what they do.
    #[serde(default = "super::yes")]
    pub sees_sessions: bool,
}

/// What Postgres has with its default settings: 64 * 100.
fn default_lock_slots() -> u64 {
    6_400
}
