//! How a table is partitioned: strategy, and the columns or expressions that decide.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sql::{Identifier, KeyPart, QualifiedName, SqlLiteral};

/// `pg_partitioned_table.partstrat`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// By ranges.
    Range,
    /// By lists of values.
    List,
    /// By hash.
    Hash,
}

impl Strategy {
    /// `range`, `list` or `hash`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::List => "list",
            Self::Hash => "hash",
        }
    }
}

/// How a table is partitioned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionKey {
    /// The strategy.
    pub strategy: Strategy,
    /// Its columns, in order.
    pub columns: Vec<KeyColumn>,
}

/// One part of a partition key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyColumn {
    /// `None`: an expression.
    pub name: Option<Identifier>,
    /// The expression, as `pg_get_expr` writes it; `None`: a column, or it could not be read for somebody's lock.
    #[serde(default)]
    pub expression: Option<String>,
    /// `format_type`'s text, such as `timestamp with time zone`; of an expression the type that its operators compare,
    /// empty when that is polymorphic.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The collation that its values are compared by, where they are text; `None`: the database's.
    #[serde(default)]
    pub collation: Option<QualifiedName>,
}

impl KeyColumn {
    /// What conditions compare; `None`: an expression that could not be read.
    pub fn part(&self) -> Option<KeyPart> {
        let column = || self.name.clone().map(KeyPart::Column);
        self.expression.clone().map(KeyPart::Expression).or_else(column)
    }

    /// A value of its type.
    pub fn literal(&self, text: &str) -> String {
        if self.type_name.is_empty() {
            SqlLiteral(text).to_string()
        } else {
            format!("{}::{}", SqlLiteral(text), self.type_name)
        }
    }
}

impl fmt::Display for KeyColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part() {
            Some(part) => part.fmt(f),
            None => f.write_str("(an expression)"),
        }
    }
}
