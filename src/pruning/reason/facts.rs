//! What the database says about the names in a query: relations with their columns and keys, parameters' types,
//! functions. Data that `db` gathers; nothing here asks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::Strategy;
use crate::pruning::Pruning;
use crate::sql::QualifiedName;

/// Everything known about the names that one query uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryFacts {
    /// Relations that the query names, itself or through views.
    pub relations: Vec<Relation>,
    /// `format_type`'s text of each parameter, as declared or inferred.
    pub parameters: Vec<String>,
    /// Functions by their bare name, in lower case.
    pub functions: BTreeMap<String, Function>,
    /// The session's setting.
    pub pruning: Pruning,
}

/// A relation that the query names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// `pg_class.oid`
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// Whether its bare name finds it.
    #[serde(default)]
    pub visible: bool,
    /// Its columns, in order.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// How it is partitioned, if it is.
    #[serde(default)]
    pub key: Option<Key>,
    /// `pg_get_viewdef`, of a view.
    #[serde(default)]
    pub view: Option<String>,
    /// The root of its partition tree, when it is a partition itself.
    #[serde(default)]
    pub root: Option<QualifiedName>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// `format_type`'s text without its modifier, such as `timestamp with time zone`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it is NOT NULL.
    #[serde(default)]
    pub not_null: bool,
}

/// How a table is partitioned, as reasons need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The strategy.
    pub strategy: Strategy,
    /// Its parts, in order.
    pub parts: Vec<KeyPart>,
}

/// A column or an expression of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPart {
    /// The column; `None`: an expression.
    pub column: Option<String>,
    /// Its type; empty for an expression.
    #[serde(rename = "type", default)]
    pub type_name: String,
    /// The expression's text.
    #[serde(default)]
    pub expression: Option<String>,
    /// The collation that the key sorts by, when its type has one.
    #[serde(default)]
    pub collation: Option<String>,
    /// The column's own collation, when its type has one.
    #[serde(default)]
    pub column_collation: Option<String>,
}

/// What `pg_proc` says of all functions of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// The least certain of them.
    pub volatility: Volatility,
    /// Their result, when all agree.
    #[serde(default)]
    pub result: Option<String>,
}

/// `pg_proc.provolatile`, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Volatility {
    /// The same for ever.
    Immutable,
    /// The same within a statement.
    Stable,
    /// Another with every call.
    Volatile,
}

impl QueryFacts {
    /// The relation that a query means by these words.
    pub(super) fn named(&self, schema: Option<&str>, name: &str) -> Option<usize> {
        let fits = |relation: &Relation| relation.name.name.as_str() == name;
        let of = |schema: &str, relation: &Relation| fits(relation) && relation.name.schema.as_str() == schema;
        match schema {
            Some(schema) => self.relations.iter().position(|relation| of(schema, relation)),
            None => {
                let visible = self.relations.iter().position(|relation| fits(relation) && relation.visible);
                visible.or_else(|| self.relations.iter().position(fits))
            }
        }
    }
}
