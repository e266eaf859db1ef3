//! Reads what a table is made of, and which server it is on: what the manifest of its archive tells of it. Decides
//! nothing; waits for whoever holds the table exclusively, as indexes and constraints are spelled under a lock.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::manifest::{ArchivedTable, Bound, Origin, Source};
use crate::rows::{Column, Form, ServerType};
use crate::sql::{Identifier, QualifiedName};

/// A table and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The table.
    pub table: ArchivedTable,
    /// Its server.
    pub source: Source,
    /// The zone that times are spelled in.
    pub time_zone: String,
    /// The role that logged in.
    pub role: String,
    /// The server's clock.
    pub now: DateTime<Utc>,
}

/// A column as the query has it.
#[derive(Deserialize)]
struct ColumnRow {
    name: String,
    #[serde(rename = "type")]
    type_name: String,
    oid: u32,
    modifier: i32,
    #[serde(rename = "enum")]
    is_enum: bool,
    not_null: bool,
    collation: Option<String>,
    default: Option<String>,
    generated: bool,
    identity: Option<String>,
}

impl From<ColumnRow> for Column {
    fn from(row: ColumnRow) -> Self {
        Self {
            name: Identifier::new(row.name),
            type_name: row.type_name,
            stored_as: Form::of(ServerType { oid: row.oid, modifier: row.modifier, is_enum: row.is_enum }),
            because: None,
            not_null: row.not_null,
            collation: row.collation,
            default: row.default,
            generated: row.generated,
            identity: row.identity,
        }
    }
}

/// The table with this oid, once a partition of `parent` with this bound. `None`: there is none.
///
/// # Errors
/// When a query fails.
pub async fn read_definition(
    client: &Client,
    oid: u32,
    parent: &QualifiedName,
    bound: Bound,
) -> Result<Option<Definition>> {
    let (schema, name) = (parent.schema.as_str(), parent.name.as_str());
    let values: [(&(dyn ToSql + Sync), Type); 3] = [(&oid, Type::OID), (&schema, Type::TEXT), (&name, Type::TEXT)];
    let rows = client.query_typed(include_str!("sql/definition.sql"), &values).await;
    let rows = rows.context("reading what the table is made of")?;
    let Some(row) = rows.first() else { return Ok(None) };
    let system_identifier = match row.try_get::<_, Option<i32>>("sees_identity")? {
        Some(_) => Some(system_identifier(client).await?),
        None => None,
    };
    let columns: Vec<ColumnRow> = list(row, "columns")?;
    let table = ArchivedTable {
        name: QualifiedName::new(row.try_get::<_, String>("schema")?, row.try_get::<_, String>("name")?),
        parent: parent.clone(),
        bound,
        key: row.try_get::<_, Option<String>>("key")?.unwrap_or_default(),
        columns: columns.into_iter().map(Column::from).collect(),
        constraints: list::<Origin>(row, "constraints")?,
        indexes: list::<Origin>(row, "indexes")?,
    };
    let source = Source {
        server: row.try_get("server")?,
        system_identifier,
        database: row.try_get("database")?,
        encoding: row.try_get("encoding")?,
    };
    let now = DateTime::from_timestamp_micros(row.try_get("now")?).context("the server's clock is off the calendar")?;
    Ok(Some(Definition { table, source, time_zone: row.try_get("time_zone")?, role: row.try_get("role")?, now }))
}

async fn system_identifier(client: &Client) -> Result<String> {
    let sql = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()";
    let rows = client.query_typed(sql, &[]).await.context("asking which server this is")?;
    Ok(rows.first().context("the server answered without a row")?.try_get(0)?)
}

/// A JSON array column; NULL is the empty one.
fn list<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> Result<Vec<T>> {
    let text: Option<String> = row.try_get(column)?;
    let read = text.map_or(Ok(Vec::new()), |text| serde_json::from_str(&text));
    read.with_context(|| format!("reading column `{column}`"))
}

/// The oid of the table of that name; `None`: there is none.
///
/// # Errors
/// When the connection is lost.
pub async fn find_table(client: &Client, table: &QualifiedName) -> Result<Option<u32>> {
    let sql = "SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')";
    let (schema, name) = (table.schema.as_str(), table.name.as_str());
    let rows = client.query_typed(sql, &[(&schema, Type::TEXT), (&name, Type::TEXT)]).await;
    let rows = rows.with_context(|| format!("looking for {table}"))?;
    rows.first().map(|row| Ok(row.try_get(0)?)).transpose()
}
