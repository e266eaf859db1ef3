//! The parent's foreign keys on a table that is to be attached: added and validated beforehand, beside readers and
//! writers, because ATTACH would look every row up under a lock that stops writers to the other table (Postgres 14-18).

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use super::signals::Stop;
use crate::db::connect::Session;
use crate::failure::{Failure, FailureKind};
use crate::policy::Locks;
use crate::sql::{Identifier, QualifiedName};

/// Between two tries for a lock.
const PAUSE: Duration = Duration::from_millis(300);

/// The parent's keys that the table lacks.
const LACKING: &str = "SELECT k.conname::text, pg_catalog.pg_get_constraintdef(k.oid) FROM pg_catalog.pg_constraint k \
    WHERE k.conrelid = $1::text::pg_catalog.regclass AND k.contype = 'f' AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint o \
    WHERE o.conrelid = $2::text::pg_catalog.regclass AND o.contype = 'f' AND o.convalidated \
    AND pg_catalog.pg_get_constraintdef(o.oid) = pg_catalog.pg_get_constraintdef(k.oid)) ORDER BY k.conname";

/// Gives the table every foreign key of its parent-to-be.
///
/// # Errors
/// When a row references what is not there, or locks are not granted within the policy's patience.
pub async fn add_foreign_keys(
    session: &Session,
    table: &QualifiedName,
    parent: &QualifiedName,
    locks: Locks,
    stop: &mut Stop,
) -> Result<()> {
    let client = session.client();
    let (parent_text, table_text) = (parent.to_string(), table.to_string());
    let values: [(&(dyn ToSql + Sync), Type); 2] = [(&parent_text, Type::TEXT), (&table_text, Type::TEXT)];
    let lacking = client.query_typed(LACKING, &values).await.context("looking for foreign keys")?;
    for row in lacking {
        let (name, definition): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let name = Identifier::new(name);
        let definition = definition.trim_end_matches(" NOT VALID");
        let add = format!(
            "BEGIN; SET LOCAL lock_timeout = '{}ms'; ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}; \
             ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID; COMMIT",
            locks.timeout.as_millis().max(1)
        );
        let began = Instant::now();
        while let Err(error) = client.batch_execute(&add).await {
            let _ = client.batch_execute("ROLLBACK").await;
            if error.code() != Some(&SqlState::LOCK_NOT_AVAILABLE) || locks.retry_for <= began.elapsed() {
                let kind = match error.code() {
                    Some(&SqlState::LOCK_NOT_AVAILABLE) => FailureKind::LockTimeout,
                    _ => FailureKind::Findings,
                };
                let failure =
                    Failure::new(kind, format!("{table} holds its rows, and did not get its foreign key {name}"));
                return Err(
                    anyhow::Error::from(error).context(failure.hint("run the same again: it goes on from here"))
                );
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                signal = stop.requested() => {
                    let hint = "run the same again: it goes on from here";
                    return Err(Failure::new(signal.failure(), "interrupted").hint(hint).into());
                }
            }
        }
        client.batch_execute(&format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}")).await.map_err(|error| {
            let message = format!("{table} holds its rows, and cannot be attached: foreign key {name}");
            let hint =
                "put back what its rows reference, or delete those rows of it; then `partctl archive restore` again";
            anyhow::Error::from(error).context(Failure::new(FailureKind::Findings, message).hint(hint))
        })?;
    }
    Ok(())
}
