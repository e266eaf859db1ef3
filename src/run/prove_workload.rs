//! The statements that the server has counted, asked about one by one: prepared, planned, never executed.

use anyhow::{Context, Result};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::explain_query::{Trial, probe};
use crate::catalog::{Answers, CatalogSnapshot, Ledger};
use crate::db::explain::{Settings, explain_one};
use crate::db::look_up::look_up;
use crate::db::workload::{column_samples, read_statements};
use crate::policy::is_query;
use crate::pruning::{
    Attempt, Judged, LockBudget, Parameter, Parameters, Statement, Workload, bounds, explained, preparable,
};

/// Statements looked at for each one that is wanted: names stand in texts that have nothing to do with a table.
const LOOKS_FOR_EACH: usize = 10;

/// After so many the tables are locked, or the server is too busy for this.
const MOST_TIMEOUTS: usize = 3;

/// Asks the planner about the `wanted` dearest statements on the tables of this snapshot; executes nothing.
///
/// # Errors
/// When the connection is lost.
pub async fn prove_workload(client: &Client, snapshot: &CatalogSnapshot, wanted: usize) -> Result<Workload> {
    let tables: Vec<u32> = snapshot.tables.iter().filter(|table| table.key.is_some()).map(|table| table.oid).collect();
    let most = wanted.saturating_mul(LOOKS_FOR_EACH).clamp(100, 5_000);
    let counted = read_statements(client, &tables, i64::try_from(most)?).await.context("reading the workload")?;
    let counted = match counted {
        Ok(counted) => counted,
        Err(obstacle) => return Ok(Workload { obstacle: Some(obstacle), ..Workload::default() }),
    };
    let mut workload = Workload { hidden: counted.hidden, ..Workload::default() };
    let (mut planned, mut timeouts) = (0, 0);
    for (statement, path) in counted.statements {
        if wanted <= planned {
            break;
        }
        if MOST_TIMEOUTS <= timeouts {
            let message = format!("{timeouts} statements ran into a timeout, and the rest was not looked at");
            let hint = "look at what holds the tables locked, and run again".to_owned();
            workload.obstacle = Some((message, hint));
            break;
        }
        if !is_query(&statement.sql) {
            continue;
        }
        // Bare names lead where they lead for the statement's own role.
        client.query_typed("SELECT pg_catalog.set_config('search_path', $1, false)", &[(&path, Type::TEXT)]).await?;
        if let Some(judged) = judge(client, snapshot, statement).await.context("asking about the workload")? {
            planned += usize::from(judged.tables.is_ok());
            let timed_out = |why: &String| why.ends_with("(55P03)") || why.ends_with("(57014)");
            timeouts += usize::from(judged.tables.as_ref().err().is_some_and(timed_out));
            workload.statements.push(judged);
        }
    }
    client.batch_execute("SET search_path = ''").await?;
    Ok(workload)
}

/// What the planner says of one statement; `None`: it touches none of the tables.
async fn judge(client: &Client, snapshot: &CatalogSnapshot, statement: Statement) -> Result<Option<Judged>> {
    let sql = preparable(&statement.sql);
    let prepared = probe(&sql, &[]);
    let facts = match look_up(client, &prepared, Settings::Pinned).await? {
        Ok(facts) => facts,
        Err(refusal) => return Ok(Some(Judged { statement, tables: Err(refusal.to_string()) })),
    };
    let named = |oid: u32| facts.relations.iter().any(|relation| relation.oid == oid);
    let touched: Vec<_> =
        snapshot.tables.iter().filter(|table| table.key.is_some() && named(table.oid)).cloned().collect();
    if touched.is_empty() {
        return Ok(None);
    }
    let snapshot = CatalogSnapshot {
        server: snapshot.server.clone(),
        tables: touched,
        unmanaged: Vec::new(),
        unfinished: Vec::new(),
        ledger: Ledger::default(),
        answers: Answers::default(),
    };
    let uses = Parameters::of(&sql, &facts);
    let mut known = bounds(&snapshot);
    known.extend(column_samples(client, &uses.columns()).await?);
    let values = match uses.values(&facts, &known) {
        Ok(values) => values,
        Err(type_name) => {
            let why = format!("there is no sample value of type {type_name}");
            return Ok(Some(Judged { statement, tables: Err(why) }));
        }
    };
    let typed = values.into_iter().zip(&facts.parameters);
    let parameters: Vec<Parameter> =
        typed.map(|(value, type_name)| Parameter { type_name: Some(type_name.clone()), value }).collect();
    let budget = LockBudget::of(&snapshot.server);
    let probe = probe(&sql, &parameters);
    let observation = explain_one(client, &probe, budget, Settings::Pinned).await?;
    if let Attempt::Refused(refusal) = &observation.custom {
        return Ok(Some(Judged { statement, tables: Err(refusal.to_string()) }));
    }
    let verdicts = explained(&snapshot, &facts, &sql, &observation, None);
    let trial = Trial { client, snapshot: &snapshot, facts: &facts, probe: &probe, settings: Settings::Pinned };
    let tables = trial.of(verdicts).await?;
    Ok(Some(Judged { statement, tables: Ok(tables) }))
}
