//! What decides whether other tables can take the place of a partition, and what an earlier run left of some that were to.

use serde::{Deserialize, Serialize};

use crate::sql::{Identifier, QualifiedName};

/// A split of a partition that was begun and not ended: its rows are copied, and its changes captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnfinishedSplit {
    /// What it was to become, as the statements that began it say.
    pub print: String,
    /// The tables that are to be partitions, under the names that they keep.
    #[serde(default)]
    pub partitions: Vec<QualifiedName>,
}

/// What a partition is, as far as other tables could take its place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitFacts {
    /// `pg_get_partkeydef` of its table: `RANGE (at)`.
    pub partitioned_by: String,
    /// Of each part of that key, whether its type has a collation.
    #[serde(default)]
    pub collated: Vec<bool>,
    /// Columns that tell its rows apart and are never null, each with the operator that says equal; may be empty.
    #[serde(default)]
    pub key: Vec<(Identifier, String)>,
    /// The foreign keys of its table, by name, as `pg_get_constraintdef` writes them.
    #[serde(default)]
    pub foreign_keys: Vec<(Identifier, String)>,
    /// Triggers that it does not have from its table.
    #[serde(default)]
    pub own_triggers: Vec<Identifier>,
    /// Whether it has row security of its own.
    #[serde(default)]
    pub row_security: bool,
    /// One of its constraints that may be deferred: rows cannot be copied twice beside it (ON CONFLICT, 55000).
    #[serde(default)]
    pub deferrable: Option<String>,
    /// Whether a subscription of this server writes to it.
    #[serde(default)]
    pub subscribed: bool,
    /// What would go with it, as `pg_describe_object` names it: views, functions, sequences.
    #[serde(default)]
    pub dependents: Vec<String>,
    /// Changes whenever columns, indexes or constraints of its table do.
    pub shape: String,
}
