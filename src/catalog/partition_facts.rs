//! What decides whether, and how, rows can leave a partition: read only when some have to.

use serde::{Deserialize, Serialize};

use crate::sql::{Identifier, QualifiedName};

/// Facts about a partition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionFacts {
    /// Its columns that INSERT may give a value to, generated ones left out, in their order.
    pub columns: Vec<Identifier>,
    /// Triggers that somebody made, on it or on what lies below it.
    #[serde(default)]
    pub triggers: Vec<Trigger>,
    /// Its rules, by name.
    #[serde(default)]
    pub rules: Vec<Identifier>,
    /// Publications that publish its rows, under its own name or its table's.
    #[serde(default)]
    pub publications: Vec<Publication>,
    /// Tables whose foreign keys lead to it, or to a table above it.
    #[serde(default)]
    pub referenced_by: Vec<Referrer>,
}

/// A table that references rows which may lie in a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Referrer {
    /// The table.
    pub table: QualifiedName,
    /// Whether its foreign key names the partition itself: there is no such row anywhere else then.
    pub to_itself: bool,
}

/// A trigger that is not one of Postgres' own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// Its name.
    pub name: Identifier,
    /// When it fires.
    pub fires: TriggerState,
    /// When the one of the table above fires that it comes from: a new partition gets that as well.
    #[serde(default)]
    pub above: Option<TriggerState>,
    /// Whether it fires for DELETE.
    #[serde(default)]
    pub on_delete: bool,
    /// Whether it fires for INSERT.
    #[serde(default)]
    pub on_insert: bool,
    /// Whether its owner may disable it. On Postgres 14 only a superuser may where it comes from above (42501).
    pub switchable: bool,
}

/// `pg_trigger.tgenabled`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerState {
    /// Where `session_replication_role` is `origin` or `local`, as it usually is.
    Origin,
    /// Where it is `replica`.
    Replica,
    /// Everywhere.
    Always,
    /// Nowhere.
    Disabled,
}

impl TriggerState {
    /// What brings a trigger back into this state: `ENABLE ALWAYS TRIGGER`.
    pub fn clause(self) -> &'static str {
        match self {
            Self::Origin => "ENABLE TRIGGER",
            Self::Replica => "ENABLE REPLICA TRIGGER",
            Self::Always => "ENABLE ALWAYS TRIGGER",
            Self::Disabled => "DISABLE TRIGGER",
        }
    }
}

/// A publication, as far as it matters for rows that move from one partition to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// Its name.
    pub name: Identifier,
    /// Whether it publishes INSERT.
    pub inserts: bool,
    /// Whether it publishes DELETE.
    pub deletes: bool,
}
