//! What is wrong with the indexes of a partition: one that it does not have, or one that no query uses.

use serde::{Deserialize, Serialize};

use crate::sql::QualifiedName;

/// Something that is wrong with a partition's indexes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexFault {
    /// An index of the table it is a partition of has no counterpart here, so that index is not valid.
    Missing {
        /// The table's index.
        index: QualifiedName,
        /// Whether it is unique.
        #[serde(default)]
        unique: bool,
        /// The constraint that stands on it.
        #[serde(default)]
        constraint: Option<IndexConstraint>,
        /// From `USING` on, as `pg_get_indexdef` shows it; `None`: somebody's lock kept it from being shown.
        #[serde(default)]
        definition: Option<String>,
    },
    /// An index that `indisvalid` says is not whole: writers keep it up to date, and no query uses it.
    Invalid {
        /// The index.
        index: QualifiedName,
        /// Whether it is attached to one of the table's.
        #[serde(default)]
        attached: bool,
    },
}

/// A constraint that stands on an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexConstraint {
    /// PRIMARY KEY
    PrimaryKey,
    /// UNIQUE
    Unique,
    /// EXCLUDE, which cannot be put on an index that is there.
    Exclusion,
}
