//! The ledger: installed by migrations, written beside the steps it remembers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use crate::catalog::Journal;
use crate::failure::{Failure, FailureKind};
use crate::plan::{Action, Outcome, Plan, Step, StepError, StepKind, client_in_words};
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
        client.batch_execute("CREATE SCHEMA partctl").await.map_err(|error| match error.code() {
            Some(&SqlState::INSUFFICIENT_PRIVILEGE) => anyhow::Error::from(error).context(
                Failure::new(FailureKind::Refused, "cannot create schema partctl for the ledger")
                    .hint("GRANT CREATE ON DATABASE to this role, or run `partctl init` as one that may"),
            ),
            _ => anyhow::Error::from(error).context("creating schema partctl for the ledger"),
        })?;
    }
    let mut runner = migrations::migrations::runner().set_grouped(true);
    runner.set_migration_table_name("partctl.migrations");
    let report = runner.run_async(client).await.context("migrating the ledger")?;
    Ok(report.applied_migrations().len())
}

/// What a run was told, by whom and from where: plain data, gathered where the world is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invocation {
    /// The operating system's account that runs partctl.
    pub os_user: Option<String>,
    /// The name of the machine that it runs on.
    pub client_host: Option<String>,
    /// `--only-create`
    pub only_create: bool,
    /// `--allow-destroy`
    pub allow_destroy: bool,
    /// `--deadline`
    pub deadline: Option<Duration>,
}

impl Invocation {
    /// The account and the machine, such as `ada@db1`.
    pub fn client(&self) -> Option<String> {
        client_in_words(self.os_user.as_deref(), self.client_host.as_deref())
    }
}

/// A run in the ledger that has begun and not ended.
#[derive(Debug, Clone)]
pub struct OpenRun {
    id: i64,
    journal: Journal,
    positions: Arc<HashMap<(StepKind, QualifiedName), usize>>,
}

impl OpenRun {
    /// Its number.
    pub fn id(&self) -> i64 {
        self.id
    }
}

/// Writes down that a run begins.
///
/// # Errors
/// When the ledger cannot be written.
pub async fn begin_run(client: &Client, journal: Journal, invocation: &Invocation, plan: &Plan) -> Result<OpenRun> {
    let version = env!("CARGO_PKG_VERSION");
    let rows = match journal {
        Journal::Outdated { .. } => {
            let sql = "INSERT INTO partctl.runs (version) VALUES ($1) RETURNING id";
            client.query_typed(sql, &[(&version, Type::TEXT)]).await
        }
        Journal::Current => {
            let Invocation { os_user, client_host, only_create, allow_destroy, deadline } = invocation;
            let deadline = deadline.map(|deadline| deadline.as_secs_f64());
            let sql = "INSERT INTO partctl.runs \
                       (version, os_user, client_host, only_create, allow_destroy, deadline, backend_pid) VALUES \
                       ($1, $2, $3, $4, $5, pg_catalog.make_interval(secs => $6), pg_catalog.pg_backend_pid()) \
                       RETURNING id";
            let values: [(&(dyn ToSql + Sync), Type); 6] = [
                (&version, Type::TEXT),
                (os_user, Type::TEXT),
                (client_host, Type::TEXT),
                (only_create, Type::BOOL),
                (allow_destroy, Type::BOOL),
                (&deadline, Type::FLOAT8),
            ];
            client.query_typed(sql, &values).await
        }
    };
    let rows = rows.context("recording the run")?;
    let id = rows.first().context("the ledger answered without a row")?.try_get(0).context("recording the run")?;
    let steps = (1..).zip(plan.steps());
    let positions = steps.map(|(position, (_, step))| ((step.kind(), step.target().clone()), position)).collect();
    Ok(OpenRun { id, journal, positions: Arc::new(positions) })
}

/// Writes down how a run ended. Its commit is synchronous, and flushes every asynchronous one before it.
///
/// # Errors
/// When the ledger cannot be written.
pub async fn end_run(client: &Client, run: &OpenRun, failure: Option<FailureKind>, outcome: &Outcome) -> Result<()> {
    let mut sql = "UPDATE partctl.runs SET finished_at = pg_catalog.clock_timestamp(), outcome = $2".to_owned();
    if run.journal == Journal::Current {
        let Outcome { done, failed, left_out, proven: _ } = outcome;
        sql.push_str(&format!(", steps_done = {done}, steps_failed = {}, steps_left_out = {left_out}", failed.len()));
    }
    sql.push_str(" WHERE id = $1");
    let ended = failure.map_or("done", FailureKind::as_str);
    client
        .query_typed(&sql, &[(&run.id, Type::INT8), (&ended, Type::TEXT)])
        .await
        .context("recording the run's end")?;
    Ok(())
}

/// The statement that records a table that holds an archive's rows, and waits to be attached with this bound.
pub(super) fn restored_entry(
    oid: u32,
    table: &QualifiedName,
    parent: &QualifiedName,
    bound: &str,
    from: &str,
) -> String {
    let quoted =
        [table.schema.as_str(), table.name.as_str(), parent.schema.as_str(), parent.name.as_str(), bound, from];
    let quoted = quoted.map(|text| SqlLiteral(text).to_string()).join(", ");
    format!(
        "INSERT INTO partctl.detached_tables (relation, schema_name, table_name, parent_schema, parent_name, bound, \
         restored_from, detached_at) VALUES ({oid}, {quoted}, pg_catalog.clock_timestamp())"
    )
}

/// Whose ledger entry a step gets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    /// The run.
    pub run: &'a OpenRun,
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
        self.sql(&format!("{took} + {milliseconds_before}"), None)
    }

    /// The statement that records the step as failed.
    pub(super) fn failed(&self, milliseconds: u128, error: &StepError) -> String {
        self.sql(&milliseconds.to_string(), Some(error))
    }

    fn sql(&self, milliseconds: &str, error: Option<&StepError>) -> String {
        let quoted = |text: &str| SqlLiteral(text).to_string();
        let or_null = |text: Option<String>| text.map_or("NULL".to_owned(), |text| quoted(&text));
        let mut columns = vec![
            ("run_id", self.run.id.to_string()),
            ("table_name", quoted(&self.table.to_string())),
            ("fingerprint", quoted(self.fingerprint)),
            ("kind", quoted(self.step.kind().as_str())),
            ("target", quoted(&self.step.target().to_string())),
            ("milliseconds", milliseconds.to_owned()),
            ("error", or_null(error.map(|error| error.message.clone()))),
        ];
        if self.run.journal == Journal::Current {
            let position = self.run.positions.get(&(self.step.kind(), self.step.target().clone()));
            let blockers = error.map(|error| &error.blockers).filter(|blockers| !blockers.is_empty());
            columns.extend([
                ("position", position.map_or("NULL".to_owned(), ToString::to_string)),
                ("sql", quoted(&self.statements())),
                ("sqlstate", or_null(error.and_then(|error| error.sqlstate.clone()))),
                ("blockers", or_null(blockers.map(|blockers| serde_json::json!(blockers).to_string()))),
            ]);
        }
        let (names, values): (Vec<&str>, Vec<String>) = columns.into_iter().unzip();
        format!("INSERT INTO partctl.steps ({}) VALUES ({})", names.join(", "), values.join(", "))
    }

    fn statements(&self) -> String {
        let actions = self.step.actions();
        let statements = actions.iter().flat_map(Action::statements);
        statements.map(|statement| format!("{statement};")).collect::<Vec<_>>().join("\n")
    }
}
