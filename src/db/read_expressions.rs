//! Reads the expressions of partition keys: the one thing in the catalog that only a lock on the table shows.
//!
//! Inside of the catalog's transaction, and never at its cost: a table that somebody keeps locked is left out.

use std::collections::HashMap;

use anyhow::{Context, Result};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use crate::sql::split_expressions;

/// Nobody's DDL holds up a plan for longer.
const BEGIN: &str = "SAVEPOINT expressions; SET LOCAL lock_timeout = '500ms'";
const END: &str = "ROLLBACK TO SAVEPOINT expressions; RELEASE SAVEPOINT expressions";

/// The expressions of these tables' keys, by oid, in their order.
///
/// # Errors
/// When the connection is lost.
pub(super) async fn read_expressions(client: &Client, tables: Vec<u32>) -> Result<HashMap<u32, Vec<String>>> {
    const READING: &str = "reading the expressions of keys";
    let mut found = HashMap::new();
    let mut waiting = if tables.is_empty() { Vec::new() } else { vec![tables.as_slice()] };
    while let Some(tables) = waiting.pop() {
        client.batch_execute(BEGIN).await.context(READING)?;
        match client.query_typed(include_str!("sql/expressions.sql"), &[(&tables, Type::OID_ARRAY)]).await {
            Ok(rows) => {
                for row in &rows {
                    let text: String = row.try_get("expressions")?;
                    let expressions = split_expressions(&text).into_iter().map(str::to_owned).collect();
                    found.insert(row.try_get("oid")?, expressions);
                }
            }
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) && 1 < tables.len() => {
                let (first, second) = tables.split_at(tables.len() / 2);
                waiting.extend([second, first]);
            }
            Err(error) if error.as_db_error().is_some() => {}
            Err(error) => return Err(error).context(READING),
        }
        client.batch_execute(END).await.context(READING)?;
    }
    Ok(found)
}
