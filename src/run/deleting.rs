//! Deletes an archive: written down first, so that nothing is dropped on its strength any more; then its manifest goes,
//! and with it the archive, then the rest. Interrupted, it is gone on with by the next run.

use anyhow::{Context, Result};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::archive::Destination;
use crate::failure::{Failure, FailureKind};

/// An archive of the ledger, and why it goes.
#[derive(Debug, Clone, Copy)]
pub struct Deleting<'a> {
    /// Its number.
    pub id: i64,
    /// The URL of its destination.
    pub destination: &'a str,
    /// Its folder below that.
    pub path: &'a str,
    /// Why, for whoever asks later.
    pub reason: &'a str,
}

/// Deletes it for good. One whose deletion had begun keeps its reason.
///
/// # Errors
/// When the ledger cannot be written, then nothing is deleted; or when the store refuses, then it is deleted by the
/// ledger, and some objects are left for another try.
pub async fn delete_archive(client: &Client, deleting: &Deleting<'_>) -> Result<()> {
    let Deleting { id, destination, path, reason } = deleting;
    let record = async |sql: &str, values: &[(&(dyn ToSql + Sync), Type)]| -> Result<()> {
        client.batch_execute("BEGIN; SET LOCAL synchronous_commit = on").await.context("recording a deletion")?;
        let done = client.execute_typed(sql, values).await;
        let ended = client.batch_execute(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
        done.with_context(|| {
            Failure::new(FailureKind::Findings, "the deletion could not be recorded, so nothing is deleted")
                .hint("GRANT USAGE ON SCHEMA partctl; GRANT SELECT, UPDATE ON partctl.archives to this role")
        })?;
        ended.context("recording a deletion")
    };
    let begin = "UPDATE partctl.archives SET deleted_at = pg_catalog.clock_timestamp(), deleted_by = session_user, \
                 deleted_why = $2 WHERE id = $1 AND deleted_at IS NULL";
    record(begin, &[(id, Type::INT8), (reason, Type::TEXT)]).await?;
    let left = || {
        Failure::new(
            FailureKind::Findings,
            format!("objects of a deleted archive are left in `{path}` below `{destination}`"),
        )
        .hint("make the store reachable and delete it again, or run `partctl apply`")
    };
    Destination::existing(destination).with_context(left)?.remove(path).await.with_context(left)?;
    let end = "UPDATE partctl.archives SET removed_at = pg_catalog.clock_timestamp() WHERE id = $1";
    record(end, &[(id, Type::INT8)]).await
}
