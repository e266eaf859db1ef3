//! The ledger: installed by migrations, written beside the steps it remembers.

use anyhow::{Context, Result};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::failure::{Failure, FailureKind};
use crate::plan::Step;
use crate::sql::{QualifiedName, SqlLiteral};

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// Creates schema `partctl` and brings it up to date. Returns how many migrations were applied: 0 when it was.
///
/// # Errors
/// When the role may not create a schema in this database, or the ledger was changed by hand.
pub async fn install(client: &mut Client) -> Result<usize> {
    // IF NOT EXISTS still asks for the right to create (42501), so a role that may not is never sent there in vain.
    let exists = client
        .query_typed("SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'partctl'", &[])
        .await
        .context("looking for the ledger")?;
    if exists.is_empty() {
        client.batch_execute("CREATE SCHEMA partctl").await.with_context(|| {
            Failure::new(FailureKind::Refused, "cannot create schema partctl for the ledger")
                .hint("GRANT CREATE ON DATABASE to this role, or run `partctl init` as one that may")
        })?;
    }
    let mut runner = migrations::migrations::runner().set_grouped(true);
    runner.set_migration_table_name("partctl.migrations");
    let report = runner.run_async(client).await.context("migrating the ledger")?;
    Ok(report.applied_migrations().len())
}

/// Writes down that a run begins, and returns its id.
///
/// # Errors
/// When the ledger cannot be written.
pub async fn begin_run(client: &Client) -> Result<i64> {
    let version = env!("CARGO_PKG_VERSION");
    let sql = "INSERT INTO partctl.runs (version) VALUES ($1) RETURNING id";
    let rows = client.query_typed(sql, &[(&version, Type::TEXT)]).await.context("recording the run")?;
    rows.first().context("the ledger answered without a row")?.try_get(0).context("recording the run")
}

/// Writes down how a run ended. Its commit is synchronous, and flushes every asynchronous one before it.
///
/// # Errors
/// When the ledger cannot be written.
pub async fn end_run(client: &Client, run: i64, outcome: &str) -> Result<()> {
    let sql = "UPDATE partctl.runs SET finished_at = pg_catalog.clock_timestamp(), outcome = $2 WHERE id = $1";
    client.query_typed(sql, &[(&run, Type::INT8), (&outcome, Type::TEXT)]).await.context("recording the run's end")?;
    Ok(())
}

/// Whose ledger entry a step gets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    /// The run.
    pub run: i64,
    /// The step's table.
    pub table: &'a QualifiedName,
    /// Its policy's fingerprint.
    pub fingerprint: &'a str,
    /// The step.
    pub step: &'a Step,
}

impl Entry<'_> {
    /// The statement that records the step as done, for the transaction that does it.
    pub(super) fn done(&self, milliseconds_before: u128) -> String {
        let took =
            "(extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.transaction_timestamp()) * 1000)::int8";
        self.sql(&format!("{took} + {milliseconds_before}"), "NULL")
    }

    /// The statement that records the step as failed.
    pub(super) fn failed(&self, milliseconds: u128, error: &str) -> String {
        self.sql(&milliseconds.to_string(), &SqlLiteral(error).to_string())
    }

    fn sql(&self, milliseconds: &str, error: &str) -> String {
        format!(
            "INSERT INTO partctl.steps (run_id, table_name, fingerprint, kind, target, milliseconds, error) \
             VALUES ({}, {}, {}, {}, {}, {milliseconds}, {error})",
            self.run,
            SqlLiteral(&self.table.to_string()),
            SqlLiteral(self.fingerprint),
            SqlLiteral(self.step.kind().as_str()),
            SqlLiteral(&self.step.target().to_string()),
        )
    }
}
