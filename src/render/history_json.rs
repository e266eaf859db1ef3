//! Past runs for machines.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::schemas::schema_of;
use crate::plan::{Blocker, History, PastRun, PastStep, RunEnd};

#[derive(Serialize, JsonSchema)]
struct WireHistory<'a> {
    #[schemars(extend("const" = "partctl-history"))]
    format: &'static str,
    #[schemars(extend("const" = 1))]
    version: u32,
    /// `installed` or `missing`.
    ledger: &'static str,
    runs: Vec<WireRun<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct WireSteps<'a> {
    #[schemars(extend("const" = "partctl-run"))]
    format: &'static str,
    #[schemars(extend("const" = 1))]
    version: u32,
    run: WireRun<'a>,
    steps: Vec<WireStep<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct WireRun<'a> {
    id: i64,
    started_at: DateTime<Utc>,
    /// `running`, `ended` or `never_ended`.
    state: &'static str,
    ended_at: Option<DateTime<Utc>>,
    /// `done`, or the kind of failure.
    outcome: Option<&'a str>,
    /// Of the server process, while it runs.
    pid: Option<i32>,
    milliseconds: Option<u64>,
    role: &'a str,
    os_user: Option<&'a str>,
    client_host: Option<&'a str>,
    partctl: &'a str,
    options: Option<&'a [String]>,
    done: u64,
    failed: u64,
    left_out: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
struct WireStep<'a> {
    position: Option<i64>,
    finished_at: DateTime<Utc>,
    table: &'a str,
    fingerprint: &'a str,
    kind: &'a str,
    target: &'a str,
    milliseconds: Option<u64>,
    sql: Option<&'a str>,
    error: Option<&'a str>,
    sqlstate: Option<&'a str>,
    blockers: &'a [Blocker],
}

/// The schema of what [`history_json`] writes.
pub(super) fn schema() -> Schema {
    schema_of::<WireHistory<'static>>()
}

/// The schema of what [`run_json`] writes.
pub(super) fn run_schema() -> Schema {
    schema_of::<WireSteps<'static>>()
}

/// Writes the runs as indented JSON of format `partctl-history`.
///
/// # Errors
/// Those of `out`.
pub fn history_json(history: &History, out: &mut dyn Write) -> io::Result<()> {
    let (ledger, runs) = match history {
        History::NoLedger => ("missing", Vec::new()),
        History::Runs(runs) => ("installed", runs.iter().map(run).collect()),
    };
    write(&WireHistory { format: "partctl-history", version: 1, ledger, runs }, out)
}

/// Writes a run with its steps as indented JSON of format `partctl-run`.
///
/// # Errors
/// Those of `out`.
pub fn run_json(past: &PastRun, steps: &[PastStep], out: &mut dyn Write) -> io::Result<()> {
    let steps = steps.iter().map(step).collect();
    write(&WireSteps { format: "partctl-run", version: 1, run: run(past), steps }, out)
}

fn write(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

fn run(run: &PastRun) -> WireRun<'_> {
    let (state, ended_at, outcome, pid) = match &run.end {
        RunEnd::Ended { at, outcome } => ("ended", Some(*at), Some(outcome.as_str()), None),
        RunEnd::Running { pid, .. } => ("running", None, None, Some(*pid)),
        RunEnd::Unknown => ("never_ended", None, None, None),
    };
    WireRun {
        id: run.id,
        started_at: run.started_at,
        state,
        ended_at,
        outcome,
        pid,
        milliseconds: run.took().map(|took| took.as_millis() as u64),
        role: &run.role,
        os_user: run.os_user.as_deref(),
        client_host: run.client_host.as_deref(),
        partctl: &run.version,
        options: run.options.as_deref(),
        done: run.done,
        failed: run.failed,
        left_out: run.left_out,
    }
}

fn step(step: &PastStep) -> WireStep<'_> {
    WireStep {
        position: step.position,
        finished_at: step.finished_at,
        table: &step.table,
        fingerprint: &step.fingerprint,
        kind: &step.kind,
        target: &step.target,
        milliseconds: step.took.map(|took| took.as_millis() as u64),
        sql: step.sql.as_deref(),
        error: step.error.as_deref(),
        sqlstate: step.sqlstate.as_deref(),
        blockers: &step.blockers,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::render::samples;

    fn parsed(write: impl Fn(&mut dyn Write) -> io::Result<()>) -> Value {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn runs_have_their_state_and_numbers_are_plain() {
        let history = History::Runs(samples::past_runs());
        let document = parsed(|out| history_json(&history, out));
        assert_eq!((&document["format"], &document["version"]), (&"partctl-history".into(), &1.into()));
        let states: Vec<&Value> = document["runs"].as_array().unwrap().iter().map(|run| &run["state"]).collect();
        assert_eq!(states, ["running", "ended", "never_ended", "ended"]);
        assert_eq!(document["runs"][1]["milliseconds"], 600_250);
        assert_eq!(parsed(|out| history_json(&History::NoLedger, out))["ledger"], "missing");
    }

    #[test]
    fn a_run_has_the_exact_sql_of_its_steps() {
        let document = parsed(|out| run_json(&samples::past_runs()[1], &samples::past_steps(), out));
        assert_eq!(document["format"], "partctl-run");
        assert_eq!(document["steps"][0]["sql"], samples::past_steps()[0].sql.as_deref().unwrap());
        assert_eq!(document["steps"][1]["blockers"][0]["pid"], 4711);
    }
}
