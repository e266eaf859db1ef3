//! Who is in the way: the sessions that hold locks on the relations a step needs.

use anyhow::{Context, Result};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::plan::{Blocker, Lock, LockMode};
use crate::sql::QualifiedName;

/// A session's lock on a relation.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The mode it holds.
    pub mode: LockMode,
    /// The relation.
    pub relation: QualifiedName,
    /// Seconds since its transaction began.
    pub age: f64,
    /// Who it is.
    pub session: Blocker,
}

/// Every other session's lock on these relations, oldest transaction first.
///
/// # Errors
/// When the query fails; `pg_locks` needs no right.
pub async fn holders(client: &Client, relations: &[Lock]) -> Result<Vec<Holder>> {
    let schemas: Vec<&str> = relations.iter().map(|lock| lock.relation.schema.as_str()).collect();
    let names: Vec<&str> = relations.iter().map(|lock| lock.relation.name.as_str()).collect();
    let rows = client
        .query_typed(include_str!("sql/holders.sql"), &[(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)])
        .await
        .context("asking who holds locks")?;
    rows.iter()
        .map(|row| {
            let relation = QualifiedName::new(row.try_get::<_, String>("schema")?, row.try_get::<_, String>("name")?);
            let mode = mode(row.try_get("mode")?);
            let (state, backend): (String, String) = (row.try_get("state")?, row.try_get("backend_type")?);
            let pid: Option<i32> = row.try_get("pid")?;
            Ok(Holder {
                mode,
                age: row.try_get("age")?,
                session: Blocker {
                    pid: pid.unwrap_or_default(),
                    role: row.try_get("role")?,
                    application: row.try_get("application")?,
                    state: match pid {
                        None => "prepared transaction".to_owned(),
                        Some(_) if backend == "autovacuum worker" => backend,
                        Some(_) => state,
                    },
                    since: row.try_get("since")?,
                    holds: format!("{mode} on {relation}"),
                    query: row.try_get("query")?,
                },
                relation,
            })
        })
        .collect()
}

/// `pg_locks.mode`; EXCLUSIVE, which only REFRESH MATERIALIZED VIEW takes, counts as its stronger neighbour.
fn mode(text: &str) -> LockMode {
    match text {
        "AccessShareLock" => LockMode::AccessShare,
        "RowShareLock" => LockMode::RowShare,
        "RowExclusiveLock" => LockMode::RowExclusive,
        "ShareUpdateExclusiveLock" => LockMode::ShareUpdateExclusive,
        "ShareLock" => LockMode::Share,
        "ShareRowExclusiveLock" => LockMode::ShareRowExclusive,
        _ => LockMode::AccessExclusive,
    }
}
