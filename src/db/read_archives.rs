//! Reads what the ledger tells of archives, also of those whose tables and policies are long gone; decides nothing.

use anyhow::{Context, Result};
use chrono::DateTime;
use tokio_postgres::{Client, Row};

use crate::catalog::Bound;
use crate::failure::{Failure, FailureKind};
use crate::manifest::{ArchiveState, ListedArchive};
use crate::sql::{Identifier, QualifiedName};

/// An archive in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerArchive {
    /// What is told of it.
    pub told: ListedArchive,
    /// Its table.
    pub table: QualifiedName,
    /// What that was a partition of.
    pub parent: QualifiedName,
    /// What it held; `None`: the entry says nothing that is a bound.
    pub bound: Option<Bound>,
    /// Its destination.
    pub destination: String,
    /// The folder of its objects below that.
    pub path: String,
    /// Its rows when it was made, and their fingerprint.
    pub rows: u64,
    /// See `rows`.
    pub fingerprint: String,
}

/// Every archive that was ever verified, oldest first; `None`: this database has no ledger that knows of archives.
///
/// # Errors
/// When this role may not read them, or the connection is lost.
pub async fn read_archives(client: &Client) -> Result<Option<Vec<LedgerArchive>>> {
    let sql = "SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT'), \
               EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'removed_at'), \
               current_user::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = 'partctl' AND c.relname = 'archives'";
    let rows = client.query_typed(sql, &[]).await.context("looking for the ledger")?;
    let Some(row) = rows.first() else { return Ok(None) };
    if !row.try_get::<_, bool>(0)? {
        let role = Identifier::new(row.try_get::<_, String>(2)?);
        return Err(Failure::new(FailureKind::Findings, format!("role {role} may not read the ledger's archives"))
            .hint(format!("GRANT USAGE ON SCHEMA partctl TO {role}; GRANT SELECT ON partctl.archives TO {role}"))
            .into());
    }
    if !row.try_get::<_, bool>(1)? {
        return Err(Failure::new(FailureKind::Refused, "the ledger is of an earlier partctl")
            .hint("run `partctl init` as the role that owns it, or name the archive by its URL")
            .into());
    }
    let rows = client.query_typed(include_str!("sql/archives_told.sql"), &[]).await.context("reading the archives")?;
    rows.iter().map(archive).collect::<Result<_>>().map(Some)
}

fn archive(row: &Row) -> Result<LedgerArchive> {
    let name = |schema, name| {
        anyhow::Ok(QualifiedName::new(row.try_get::<_, String>(schema)?, row.try_get::<_, String>(name)?))
    };
    let number =
        |column| anyhow::Ok(row.try_get::<_, Option<i64>>(column)?.and_then(|number| u64::try_from(number).ok()));
    let moment = |column| anyhow::Ok(row.try_get::<_, Option<i64>>(column)?.and_then(DateTime::from_timestamp_micros));
    let text = |column| anyhow::Ok(row.try_get::<_, Option<String>>(column)?.unwrap_or_default());
    let (table, parent) = (name("schema", "name")?, name("parent_schema", "parent_name")?);
    let (destination, path, bound) = (text("destination")?, text("path")?, text("bound")?);
    let bound: Option<Bound> = bound.parse().ok();
    let state = match moment("deleted_at")? {
        None => ArchiveState::Kept,
        Some(at) => {
            ArchiveState::Deleted { at, by: text("deleted_by")?, why: text("deleted_why")?, gone: row.try_get("gone")? }
        }
    };
    let rows = number("rows")?;
    let told = ListedArchive {
        id: Some(row.try_get("id")?),
        parent: parent.to_string(),
        partition: table.to_string(),
        range: bound.as_ref().map(Bound::in_words).unwrap_or_default(),
        archived_at: moment("begun_at")?,
        rows,
        bytes: number("bytes")?,
        url: format!("{}/{path}", destination.trim_end_matches('/')),
        state,
    };
    let rows = rows.unwrap_or_default();
    Ok(LedgerArchive { told, table, parent, bound, destination, path, rows, fingerprint: text("fingerprint")? })
}
