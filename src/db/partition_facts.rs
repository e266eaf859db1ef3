//! What hangs on a partition: whether, and how, rows can leave it or other tables can take its place. Asked only when some
//! are to leave.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::answers::{ask, ask_with, reason};
use crate::catalog::{Answer, PartitionFacts, SplitFacts};
use crate::sql::QualifiedName;

/// These look into the catalog alone; some wait for DDL on the table.
const PATIENCE: &str = "10s";

/// Answers [`Question::PartitionFacts`](crate::catalog::Question::PartitionFacts).
///
/// # Errors
/// When the connection is lost.
pub(super) async fn partition_facts(client: &Client, partition: &QualifiedName) -> Result<Answer> {
    about(client, partition, include_str!("sql/partition_facts.sql"), |row| {
        Ok(Answer::Facts(Box::new(PartitionFacts {
            columns: json(row, "columns")?,
            triggers: json(row, "triggers")?,
            rules: json(row, "rules")?,
            publications: json(row, "publications")?,
            referenced_by: json(row, "referenced_by")?,
        })))
    })
    .await
}

/// Answers [`Question::SplitFacts`](crate::catalog::Question::SplitFacts).
///
/// # Errors
/// When the connection is lost.
pub(super) async fn split_facts(client: &Client, partition: &QualifiedName) -> Result<Answer> {
    about(client, partition, include_str!("sql/split_facts.sql"), |row| {
        Ok(Answer::SplitFacts(Box::new(SplitFacts {
            partitioned_by: row.try_get("partitioned_by")?,
            collated: row.try_get("collated")?,
            key: json(row, "key")?,
            foreign_keys: json(row, "foreign_keys")?,
            own_triggers: json(row, "own_triggers")?,
            row_security: row.try_get("row_security")?,
            deferrable: row.try_get("deferrable")?,
            subscribed: row.try_get("subscribed")?,
            dependents: json(row, "dependents")?,
            shape: row.try_get("shape")?,
        })))
    })
    .await
}

async fn about(
    client: &Client,
    partition: &QualifiedName,
    sql: &str,
    read: impl Fn(&Row) -> Result<Answer>,
) -> Result<Answer> {
    let (schema, name) = (partition.schema.as_str(), partition.name.as_str());
    let values: [(&(dyn ToSql + Sync), Type); 2] = [(&schema, Type::TEXT), (&name, Type::TEXT)];
    Ok(match ask_with(client, PATIENCE, sql, &values).await? {
        Ok(rows) => match rows.first() {
            Some(row) => read(row)?,
            None => Answer::Unknown(format!("{partition} is gone")),
        },
        Err(refusal) => Answer::Unknown(reason(&refusal)),
    })
}

/// A JSON array; NULL is the empty one.
fn json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<Vec<T>> {
    let text: Option<String> = row.try_get(column)?;
    text.map_or(Ok(Vec::new()), |text| {
        serde_json::from_str(&text).with_context(|| format!("reading column `{column}`"))
    })
}

/// Answers [`Question::MaySkipTriggers`](crate::catalog::Question::MaySkipTriggers). Before Postgres 15 the right cannot
/// be granted, and the function that tells of it is not there (42883): superusers have it.
///
/// # Errors
/// When the connection is lost.
pub(super) async fn may_skip_triggers(client: &Client) -> Result<Answer> {
    let asked = "SELECT pg_catalog.has_parameter_privilege('session_replication_role', 'SET') AS may";
    let superuser = "SELECT pg_catalog.current_setting('is_superuser') = 'on' AS may";
    for sql in [asked, superuser] {
        if let Ok(rows) = ask(client, PATIENCE, sql).await? {
            return Ok(Answer::May(rows.first().context("a right came without a row")?.try_get("may")?));
        }
    }
    Ok(Answer::May(false))
}
