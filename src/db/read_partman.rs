//! Reads pg_partman's settings, of whatever version: rows come as JSON, and what their columns mean is decided elsewhere.

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use tokio_postgres::Client;

use crate::failure::{Failure, FailureKind};
use crate::import::PartConfig;
use crate::sql::Identifier;

/// The rows of `part_config` and `part_config_sub`.
///
/// # Errors
/// [`FailureKind::Refused`] when there is no pg_partman in this database, or the role may not read its table.
pub async fn read_partman(client: &Client) -> Result<PartConfig> {
    let found = client.query_typed(include_str!("sql/partman.sql"), &[]).await.context("looking for pg_partman")?;
    let Some(row) = found.first() else {
        let failure =
            Failure::new(FailureKind::Refused, "there is no table `part_config` of pg_partman in this database");
        return Err(failure.hint("connect to the database that pg_partman is installed in").into());
    };
    let schema = Identifier::new(row.try_get::<_, &str>("schema")?);
    let tables = rows(client, &format!("{schema}.part_config"), "parent_table").await?;
    let sub = match row.try_get("has_sub")? {
        true => rows(client, &format!("{schema}.part_config_sub"), "sub_parent").await?,
        false => Vec::new(),
    };
    Ok(PartConfig { tables, sub })
}

async fn rows(client: &Client, table: &str, key: &str) -> Result<Vec<Map<String, Value>>> {
    let sql = format!("SELECT pg_catalog.to_jsonb(c)::text FROM {table} c ORDER BY c.{key}");
    let rows = client.query_typed(&sql, &[]).await.with_context(|| {
        let failure = Failure::new(FailureKind::Refused, format!("cannot read pg_partman's settings from {table}"));
        failure.hint(format!("GRANT USAGE on its schema and SELECT on {table} to the role that connects"))
    })?;
    rows.iter().map(|row| Ok(serde_json::from_str(row.try_get(0)?)?)).collect()
}
