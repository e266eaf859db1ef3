//! Columns of a row in the terms of the catalog.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use tokio_postgres::Row;

use crate::catalog::{FarEnd, RelationKind};
use crate::sql::{Identifier, QualifiedName};

/// Bytes of a page; every build of Postgres in use has this block size.
const PAGE: u64 = 8192;

pub(super) fn kind(row: &Row) -> Result<RelationKind> {
    Ok(match row.try_get::<_, String>("kind")?.as_str() {
        "r" => RelationKind::Table,
        "p" => RelationKind::Partitioned,
        "f" => RelationKind::Foreign,
        _ => RelationKind::Other,
    })
}

pub(super) fn bytes(row: &Row) -> Result<u64> {
    Ok(u64::try_from(row.try_get::<_, i64>("pages")?)? * PAGE)
}

pub(super) fn identifier(row: &Row, column: &str) -> Result<Identifier> {
    Ok(Identifier::new(row.try_get::<_, String>(column)?))
}

/// A text[] column; NULL is the empty one.
pub(super) fn identifiers(row: &Row, column: &str) -> Result<Vec<Identifier>> {
    let names: Option<Vec<String>> = row.try_get(column)?;
    Ok(names.unwrap_or_default().into_iter().map(Identifier::new).collect())
}

pub(super) fn qualified(row: &Row, schema: &str, name: &str) -> Result<QualifiedName> {
    Ok(QualifiedName { schema: identifier(row, schema)?, name: identifier(row, name)? })
}

/// A JSON array column; NULL is the empty one.
pub(super) fn json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<Vec<T>> {
    let text: Option<String> = row.try_get(column)?;
    text.map_or(Ok(Vec::new()), |text| {
        serde_json::from_str(&text).with_context(|| format!("reading column `{column}`"))
    })
}

pub(super) fn moment(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
}

/// Whether it is outgoing, its name, schema and name of the other table, whether that may be locked, and the columns
/// that are compared, this end's and the other end's.
pub(super) type ForeignKeyRow = (bool, String, String, String, bool, Vec<String>, Vec<String>);

pub(super) fn far_end((_, constraint, schema, table, lockable, near, far): ForeignKeyRow) -> FarEnd {
    let columns = near.into_iter().map(Identifier::new).zip(far.into_iter().map(Identifier::new));
    FarEnd {
        constraint: Identifier::new(constraint),
        table: QualifiedName::new(schema, table),
        columns: columns.collect(),
        lockable,
    }
}
