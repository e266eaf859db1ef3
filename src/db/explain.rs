//! Asks the planner: each query once with a custom and once with a generic plan, and which locks that took.
//!
//! A query is planned and never executed: `PREPARE`, then `EXPLAIN` without `ANALYZE`, in a read-only transaction of
//! its own that ends in `ROLLBACK`. What cannot be planned is an observation, not an error. Nothing is judged here.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::fmt::Write as _;

use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryRow};

use crate::pruning::{
    Attempt, LockBudget, LockEstimate, Observation, PlanForm, Probe, Pruning, Refusal, Source, explain,
};
use crate::sql::{QualifiedName, SqlLiteral};

/// Planning reads the catalog only, but a query may make it evaluate functions. Waiting as a reader holds nobody up;
/// the wait is short so that one table under DDL does not stop the check of all others.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; \
    SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '1s'";

/// Names, moments and dates mean what they mean to the role's own sessions, whose query it is.
const AS_THE_ROLE: &str = "; SET LOCAL search_path TO DEFAULT; SET LOCAL \"TimeZone\" TO DEFAULT; \
    SET LOCAL \"DateStyle\" TO DEFAULT; SET LOCAL \"IntervalStyle\" TO DEFAULT";

/// Under which settings a query is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settings {
    /// Those that every session of ours pins: names need their schema, TimeZone is UTC.
    Pinned,
    /// Those of the role and the database.
    OfTheRole,
}

impl Settings {
    /// Opens a read-only transaction with its timeouts.
    pub(super) fn begin(self) -> String {
        match self {
            Self::Pinned => BEGIN.to_owned(),
            Self::OfTheRole => format!("{BEGIN}{AS_THE_ROLE}"),
        }
    }
}

pub(super) const FORGET: &str = "ROLLBACK; DEALLOCATE partctl_probe";

/// Relations of users that this transaction has locked; below 16384 are the system's own.
pub(super) const LOCKED: &str = "SELECT string_agg(DISTINCT relation::text, ' ') FROM pg_catalog.pg_locks \
    WHERE pid = pg_backend_pid() AND locktype = 'relation' AND 16384 <= relation";

/// `PREPARE` locks what the query names, views resolved, and no partition. From there: all that it could reach.
const MENTIONED: &str = "WITH RECURSIVE mentioned AS MATERIALIZED ( \
        SELECT DISTINCT relation AS oid FROM pg_catalog.pg_locks \
        WHERE pid = pg_backend_pid() AND locktype = 'relation' AND 16384 <= relation \
    ), below AS ( \
        SELECT oid FROM mentioned UNION SELECT inhrelid FROM pg_catalog.pg_inherits JOIN below ON inhparent = oid \
    ) \
    SELECT (SELECT string_agg(oid::text, ' ') FROM mentioned), \
        (SELECT count(*) FROM below) + (SELECT count(*) FROM pg_catalog.pg_index WHERE indrelid IN (SELECT oid FROM below))";

/// Asks about every probe, one after the other, and returns what was observed in the same order.
///
/// The session must be outside a transaction, with the settings that every session of ours pins; it is left that way.
/// Takes two round trips for a probe of the grid and four for a policy's query; what differs in its values only is
/// prepared once. Where a table is locked against readers, or a probe of its grid is refused, that is found out once:
/// the table's other probes get the same refusal.
///
/// # Errors
/// Only when the connection is gone.
pub async fn explain_all(client: &Client, probes: &[Probe], budget: LockBudget) -> Result<Vec<Observation>, Error> {
    if probes.is_empty() {
        return Ok(Vec::new());
    }
    let pruning = read_setting(client).await?;
    let mut refused: BTreeMap<&QualifiedName, Refusal> = BTreeMap::new();
    let mut observations: Vec<Option<Observation>> = vec![None; probes.len()];
    for (at, probe) in probes.iter().enumerate() {
        if observations[at].is_some() {
            continue;
        }
        let known = refused.get(&probe.table).filter(|refusal| probe.source == Source::Grid || is_lock(refusal));
        let group = alike(probes, at);
        let observed = match (known, &probe.obstacle) {
            (Some(refusal), _) => vec![both(pruning, Attempt::Refused(refusal.clone()))],
            (None, Some(obstacle)) => vec![both(pruning, Attempt::Skipped(obstacle.clone()))],
            (None, None) if 1 < group.len() => ask_alike(client, probes, &group, budget, pruning).await?,
            (None, None) => vec![ask(client, probe, budget, pruning, Settings::Pinned).await?],
        };
        for (at, observation) in group.into_iter().zip(observed) {
            let for_the_table = |attempt: &Attempt| match attempt {
                Attempt::Refused(refusal) if probe.source == Source::Grid || is_lock(refusal) => Some(refusal.clone()),
                Attempt::Refused(_) | Attempt::Planned { .. } | Attempt::Skipped(_) => None,
            };
            if let Some(refusal) = for_the_table(&observation.custom).or_else(|| for_the_table(&observation.generic)) {
                refused.entry(&probe.table).or_insert(refusal);
            }
            observations[at] = Some(observation);
        }
    }
    Ok(observations.into_iter().flatten().collect())
}

/// This probe, and those of the same grid that ask the same with other values.
fn alike(probes: &[Probe], at: usize) -> Vec<usize> {
    let probe = &probes[at];
    let types = |probe: &Probe| probe.parameters.iter().map(|value| value.type_name.clone()).collect::<Vec<_>>();
    let same = |other: &Probe| {
        other.source == Source::Grid
            && other.sql == probe.sql
            && other.locks.is_some()
            && other.obstacle.is_none()
            && types(other) == types(probe)
    };
    if probe.parameters.is_empty() || !same(probe) {
        return vec![at];
    }
    let of_the_table = probes.iter().enumerate().skip(at).take_while(|(_, other)| other.table == probe.table);
    of_the_table.filter(|(_, other)| same(other)).map(|(at, _)| at).collect()
}

/// Asks the same with several values, and prepares once: a generic plan is made for the first values and serves the
/// others, which saves the planning of every leaf. (Its locks are then those of executing it, without indexes.)
async fn ask_alike(
    client: &Client,
    probes: &[Probe],
    group: &[usize],
    budget: LockBudget,
    pruning: Pruning,
) -> Result<Vec<Observation>, Error> {
    let (begin, prepare) = (Settings::Pinned.begin(), prepare_sql(&probes[group[0]]));
    let (begun, prepared, saved) = tokio::join!(
        biased;
        client.batch_execute(&begin),
        client.execute_typed(&prepare, &[]),
        client.batch_execute("SAVEPOINT partctl_form"),
    );
    begun?;
    if let Err(error) = prepared {
        let refusal = refusal(client, error)?;
        client.batch_execute("ROLLBACK").await?;
        return Ok(vec![both(pruning, Attempt::Refused(refusal)); group.len()]);
    }
    saved?;
    let mut observations: Vec<Observation> = Vec::with_capacity(group.len());
    for probe in group.iter().map(|at| &probes[*at]) {
        let estimate = probe.locks.expect("a probe of the grid has an estimate");
        let ask_for = |form| {
            let refused = budget.refuse(form, estimate, pruning);
            plan_form(client, probe, form, "ROLLBACK TO SAVEPOINT partctl_form", refused)
        };
        let (custom, generic) = tokio::join!(biased; ask_for(PlanForm::Custom), ask_for(PlanForm::Generic));
        let reachable = Some(estimate.unpruned);
        let observation = Observation { mentioned: None, reachable, pruning, custom: custom?, generic: generic? };
        let refused = [&observation.custom, &observation.generic].into_iter().find_map(|attempt| match attempt {
            Attempt::Refused(refusal) => Some(refusal.clone()),
            Attempt::Planned { .. } | Attempt::Skipped(_) => None,
        });
        observations.push(observation);
        if let Some(refusal) = refused {
            observations.resize(group.len(), both(pruning, Attempt::Refused(refusal)));
            break;
        }
    }
    client.batch_execute(FORGET).await?;
    Ok(observations)
}

/// Asks about one query.
///
/// # Errors
/// Only when the connection is gone.
pub async fn explain_one(
    client: &Client,
    probe: &Probe,
    budget: LockBudget,
    settings: Settings,
) -> Result<Observation, Error> {
    let pruning = read_setting(client).await?;
    ask(client, probe, budget, pruning, settings).await
}

/// Someone keeps readers out of the table, or out of one of its partitions.
fn is_lock(refusal: &Refusal) -> bool {
    refusal.sqlstate.as_deref() == Some(SqlState::LOCK_NOT_AVAILABLE.code())
}

pub(super) async fn read_setting(client: &Client) -> Result<Pruning, Error> {
    let answer = client.simple_query("SHOW enable_partition_pruning").await?;
    let on = rows(&answer).next().and_then(|row| row.get(0)) == Some("on");
    Ok(if on { Pruning::On } else { Pruning::Off })
}

fn both(pruning: Pruning, attempt: Attempt) -> Observation {
    Observation { mentioned: None, reachable: None, pruning, custom: attempt.clone(), generic: attempt }
}

async fn ask(
    client: &Client,
    probe: &Probe,
    budget: LockBudget,
    pruning: Pruning,
    settings: Settings,
) -> Result<Observation, Error> {
    if let Some(refusal) = prepare(client, &settings.begin(), probe).await? {
        return Ok(both(pruning, Attempt::Refused(refusal)));
    }
    let (mentioned, estimate) = match probe.locks {
        Some(estimate) => (None, estimate),
        None => match reach(client).await {
            Ok((mentioned, unpruned)) => (Some(mentioned), LockEstimate { pruned: None, unpruned }),
            Err(error) => {
                let refusal = refusal(client, error)?;
                client.batch_execute(FORGET).await?;
                return Ok(both(pruning, Attempt::Refused(refusal)));
            }
        },
    };
    // Where a custom plan is over the budget a generic one is too, so the savepoint is always there.
    let ask_for = |form| {
        let start = match form {
            PlanForm::Custom => "SAVEPOINT partctl_form",
            PlanForm::Generic => "ROLLBACK TO SAVEPOINT partctl_form",
        };
        plan_form(client, probe, form, start, budget.refuse(form, estimate, pruning))
    };
    let forget = client.batch_execute(FORGET);
    let (custom, generic, forgotten) = match (probe.source, probe.parameters.is_empty()) {
        // Ours fail for the whole table or not at all, so both forms leave in one go.
        (Source::Grid, false) => {
            tokio::join!(biased; ask_for(PlanForm::Custom), ask_for(PlanForm::Generic), forget)
        }
        // Without parameters there is one plan. And what fails in one form fails in the other: a query that runs
        // into the timeout does it once.
        (_, no_parameters) => {
            let custom = ask_for(PlanForm::Custom).await?;
            if no_parameters || matches!(custom, Attempt::Refused(_)) {
                (Ok(custom.clone()), Ok(custom), forget.await)
            } else {
                let (generic, forgotten) = tokio::join!(biased; ask_for(PlanForm::Generic), forget);
                (Ok(custom), generic, forgotten)
            }
        }
    };
    forgotten?;
    let reachable = Some(estimate.unpruned);
    Ok(Observation { mentioned, reachable, pruning, custom: custom?, generic: generic? })
}

/// Opens a transaction and prepares the query in it, in one round trip. `Some`: the server refuses the query, and the
/// transaction has ended.
pub(super) async fn prepare(client: &Client, begin: &str, probe: &Probe) -> Result<Option<Refusal>, Error> {
    // A statement is prepared by the extended protocol, which refuses text that holds more than one (42601): what
    // follows a `;` in a policy's query never runs. `PREPARE` itself takes SELECT, INSERT, UPDATE, DELETE, MERGE and
    // VALUES, and nothing else.
    let prepare = prepare_sql(probe);
    // The first poll of each future sends, so the messages leave in this order and in one go.
    let (begun, prepared) = tokio::join!(biased; client.batch_execute(begin), client.execute_typed(&prepare, &[]));
    begun?;
    let Err(error) = prepared else { return Ok(None) };
    let refusal = refusal(client, error)?;
    client.batch_execute("ROLLBACK").await?;
    Ok(Some(refusal))
}

/// Types that nobody gave are `unknown`, which `PREPARE` infers.
fn prepare_sql(probe: &Probe) -> String {
    let given = probe.parameters.iter().any(|parameter| parameter.type_name.is_some());
    let types = probe.parameters.iter().map(|parameter| parameter.type_name.as_deref().unwrap_or("unknown"));
    let types = if given { format!(" ({})", types.collect::<Vec<_>>().join(", ")) } else { String::new() };
    // The line break ends a comment that ends the query.
    format!("PREPARE partctl_probe{types} AS {}\n", probe.sql)
}

/// `EXPLAIN EXECUTE` of the prepared query with its values.
pub(super) fn explain_sql(options: &str, probe: &Probe) -> String {
    let mut sql = format!("EXPLAIN (VERBOSE, FORMAT JSON, COSTS OFF, {options}) EXECUTE partctl_probe");
    for (at, parameter) in probe.parameters.iter().enumerate() {
        let separator = if at == 0 { " (" } else { ", " };
        write!(sql, "{separator}{}", SqlLiteral(&parameter.value)).expect("a string takes all text");
    }
    sql.push_str(if probe.parameters.is_empty() { "; " } else { "); " });
    sql
}

/// Which relations the query names, and how many it could lock at worst.
async fn reach(client: &Client) -> Result<(BTreeSet<u32>, u64), Error> {
    let answer = client.simple_query(MENTIONED).await?;
    let row = rows(&answer).next();
    let text = |column| row.and_then(|row| row.get(column)).unwrap_or_default();
    Ok((oids(text(0)), text(1).parse().unwrap_or(u64::MAX)))
}

/// Plans the prepared query in one form, from where this savepoint is set or rolled back to, so that the locks counted
/// are its own and an error in another form does not matter.
async fn plan_form(
    client: &Client,
    probe: &Probe,
    form: PlanForm,
    start: &str,
    refused: Option<String>,
) -> Result<Attempt, Error> {
    if let Some(why) = refused {
        return Ok(Attempt::Skipped(why));
    }
    let mode = match form {
        PlanForm::Custom => "force_custom_plan",
        PlanForm::Generic => "force_generic_plan",
    };
    let mut sql = format!("{start}; SET LOCAL plan_cache_mode = {mode}; {}", explain_sql("SUMMARY ON", probe));
    sql.push_str(LOCKED);
    planned(client, &sql).await
}

/// Plans a query in the transaction that is open, as the session's role: with pruning on, whatever the role's own
/// settings, so that it locks next to nothing. The transaction has failed afterwards when the query is refused.
///
/// # Errors
/// Only when the connection is gone.
pub async fn explain_here(client: &Client, query: &str) -> Result<Attempt, Error> {
    let sql = format!(
        "SET LOCAL statement_timeout = '5s'; SET LOCAL enable_partition_pruning = on; SET LOCAL row_security = off; \
         EXPLAIN (VERBOSE, FORMAT JSON, COSTS OFF) {query}"
    );
    planned(client, &sql).await
}

/// Runs statements that end in an EXPLAIN and [`LOCKED`].
pub(super) async fn planned(client: &Client, sql: &str) -> Result<Attempt, Error> {
    let answer = match client.simple_query(sql).await {
        Ok(answer) => answer,
        Err(error) => return Ok(Attempt::Refused(refusal(client, error)?)),
    };
    let mut rows = rows(&answer);
    let mut text = || rows.next().and_then(|row| row.get(0)).unwrap_or_default();
    let (plan, locked) = (text(), text());
    Ok(match explain::read(plan) {
        Ok(facts) => Attempt::Planned { facts, locked: oids(locked) },
        Err(message) => Attempt::Refused(Refusal { sqlstate: None, message }),
    })
}

/// What the server, or the wire's own rules such as no NUL in a text, said against a query.
pub(super) fn refusal(client: &Client, error: Error) -> Result<Refusal, Error> {
    match error.as_db_error() {
        Some(said) if matches!(said.parsed_severity(), Some(Severity::Fatal | Severity::Panic)) => Err(error),
        Some(said) => {
            let detail = said.detail().map(|detail| format!(": {}", detail.trim_end_matches('.'))).unwrap_or_default();
            let message = format!("{}{detail}", said.message());
            Ok(Refusal { sqlstate: Some(said.code().code().to_owned()), message })
        }
        None if client.is_closed() => Err(error),
        None => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            Ok(Refusal { sqlstate: None, message: format!("{error}{cause}") })
        }
    }
}

pub(super) fn rows(answer: &[SimpleQueryMessage]) -> impl Iterator<Item = &SimpleQueryRow> {
    answer.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    })
}

fn oids(text: &str) -> BTreeSet<u32> {
    text.split(' ').filter_map(|oid| oid.parse().ok()).collect()
}
