//! Reads past runs from the ledger, of whatever version it is; decides nothing about them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::diff::LastApply;
use crate::failure::{Failure, FailureKind};
use crate::plan::{Blocker, History, PastRun, PastStep, RunEnd};
use crate::sql::Identifier;

/// Which runs are asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// At most so many.
    pub limit: Option<u32>,
    /// One of them.
    pub run: Option<i64>,
    /// Only those with steps of these tables, as [`tables`] names them.
    pub tables: Option<&'a [String]>,
}

/// The tables that any step was about; `None`: there is no ledger.
///
/// # Errors
/// When this role may not read the ledger, or the connection is lost.
pub async fn tables(client: &Client) -> Result<Option<Vec<String>>> {
    let rows =
        client.query_typed(include_str!("sql/history_ledger.sql"), &[]).await.context("looking for the ledger")?;
    let row = rows.first().context("the server answered without a row")?;
    if !row.try_get::<_, bool>("installed")? {
        return Ok(None);
    }
    if !row.try_get::<_, bool>("readable")? {
        let role = Identifier::new(row.try_get::<_, String>("role")?);
        return Err(Failure::new(FailureKind::Findings, format!("role {role} may not read the ledger"))
            .hint(format!(
                "GRANT USAGE ON SCHEMA partctl TO {role}; GRANT SELECT ON partctl.runs, partctl.steps TO {role}"
            ))
            .into());
    }
    let rows = client.query_typed(include_str!("sql/history_tables.sql"), &[]).await.context("reading the ledger")?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<_>>().map(Some)
}

/// The last step of each table that was tried, by the table's name; none where there is no ledger, or this role may
/// not read it.
///
/// # Errors
/// When the connection is lost.
pub async fn last_steps(client: &Client) -> Result<BTreeMap<String, LastApply>> {
    let rows =
        client.query_typed(include_str!("sql/history_ledger.sql"), &[]).await.context("looking for the ledger")?;
    let row = rows.first().context("the server answered without a row")?;
    if !row.try_get::<_, bool>("readable")? {
        return Ok(BTreeMap::new());
    }
    let rows = client.query_typed(include_str!("sql/history_last.sql"), &[]).await.context("reading the ledger")?;
    let last = |row: &Row| {
        let last = LastApply {
            at: moment(row.try_get("finished_at")?)?,
            run: row.try_get("run_id")?,
            failed: row.try_get("failed")?,
        };
        Ok((row.try_get("table_name")?, last))
    };
    rows.iter().map(last).collect()
}

/// Past runs, newest first. `run_lock` is the key of the advisory lock that a run holds.
///
/// # Errors
/// When the connection is lost.
pub async fn read_runs(client: &Client, wanted: &Wanted<'_>, run_lock: (i32, i32)) -> Result<History> {
    let (limit, key) = (wanted.limit.map(i64::from), (i64::from(run_lock.0), i64::from(run_lock.1)));
    let values: [(&(dyn ToSql + Sync), Type); 5] = [
        (&limit, Type::INT8),
        (&wanted.run, Type::INT8),
        (&wanted.tables, Type::TEXT_ARRAY),
        (&key.0, Type::INT8),
        (&key.1, Type::INT8),
    ];
    let rows = client.query_typed(include_str!("sql/history_runs.sql"), &values).await.context("reading past runs")?;
    rows.iter().map(run).collect::<Result<_>>().map(History::Runs)
}

/// The steps of a run, as they ended.
///
/// # Errors
/// When the connection is lost.
pub async fn read_steps(client: &Client, run: i64, tables: Option<&[String]>) -> Result<Vec<PastStep>> {
    let values: [(&(dyn ToSql + Sync), Type); 2] = [(&run, Type::INT8), (&tables, Type::TEXT_ARRAY)];
    let rows = client.query_typed(include_str!("sql/history_steps.sql"), &values).await.context("reading its steps")?;
    rows.iter().map(step).collect()
}

fn run(row: &Row) -> Result<PastRun> {
    let outcome: Option<String> = row.try_get("outcome")?;
    let (finished_at, pid): (Option<i64>, Option<i32>) = (row.try_get("finished_at")?, row.try_get("pid")?);
    let end = match (finished_at, pid) {
        (Some(at), _) => RunEnd::Ended { at: moment(at)?, outcome: outcome.unwrap_or_default() },
        (None, Some(pid)) => {
            RunEnd::Running { pid, since: Duration::try_from_secs_f64(row.try_get("age")?).unwrap_or_default() }
        }
        (None, None) => RunEnd::Unknown,
    };
    let left_out: Option<i64> = row.try_get("left_out")?;
    Ok(PastRun {
        id: row.try_get("id")?,
        started_at: moment(row.try_get("started_at")?)?,
        end,
        role: row.try_get("role")?,
        os_user: row.try_get("os_user")?,
        client_host: row.try_get("client_host")?,
        version: row.try_get("version")?,
        options: options(row)?,
        done: count(row.try_get("done")?),
        failed: count(row.try_get("failed")?),
        left_out: left_out.map(count),
    })
}

fn options(row: &Row) -> Result<Option<Vec<String>>> {
    let Some(only_create) = row.try_get::<_, Option<bool>>("only_create")? else { return Ok(None) };
    let allow_destroy = row.try_get::<_, Option<bool>>("allow_destroy")?.unwrap_or_default();
    let deadline: Option<f64> = row.try_get("deadline")?;
    let flags = [(only_create, "--only-create"), (allow_destroy, "--allow-destroy")];
    let flags = flags.into_iter().filter(|(set, _)| *set).map(|(_, flag)| flag.to_owned());
    let deadline = deadline.map(|seconds| format!("--deadline '{} seconds'", seconds.round()));
    Ok(Some(flags.chain(deadline).collect()))
}

fn step(row: &Row) -> Result<PastStep> {
    let milliseconds: Option<i64> = row.try_get("milliseconds")?;
    let blockers: Option<String> = row.try_get("blockers")?;
    Ok(PastStep {
        position: row.try_get("position")?,
        finished_at: moment(row.try_get("finished_at")?)?,
        table: row.try_get("table_name")?,
        fingerprint: row.try_get("fingerprint")?,
        kind: row.try_get("kind")?,
        target: row.try_get("target")?,
        took: milliseconds.map(|milliseconds| Duration::from_millis(count(milliseconds))),
        sql: row.try_get("sql")?,
        error: row.try_get("error")?,
        sqlstate: row.try_get("sqlstate")?,
        // What somebody edited is not worth failing for.
        blockers: blockers.and_then(|json| serde_json::from_str::<Vec<Blocker>>(&json).ok()).unwrap_or_default(),
    })
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn moment(micros: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).context("a time in the ledger is beyond the calendar")
}
