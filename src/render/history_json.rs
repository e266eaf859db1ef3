//! Past runs for machines.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::plan::{History, PastRun, PastStep, RunEnd};

/// Writes the runs as indented JSON of format `partctl-history`.
///
/// # Errors
/// Those of `out`.
pub fn history_json(history: &History, out: &mut dyn Write) -> io::Result<()> {
    let (ledger, runs) = match history {
        History::NoLedger => ("missing", Vec::new()),
        History::Runs(runs) => ("installed", runs.iter().map(run).collect()),
    };
    write(&json!({"format": "partctl-history", "version": 1, "ledger": ledger, "runs": runs}), out)
}

/// Writes a run with its steps as indented JSON of format `partctl-run`.
///
/// # Errors
/// Those of `out`.
pub fn run_json(past: &PastRun, steps: &[PastStep], out: &mut dyn Write) -> io::Result<()> {
    let steps: Vec<Value> = steps.iter().map(step).collect();
    write(&json!({"format": "partctl-run", "version": 1, "run": run(past), "steps": steps}), out)
}

fn write(document: &Value, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

fn run(run: &PastRun) -> Value {
    let (state, ended_at, outcome, pid) = match &run.end {
        RunEnd::Ended { at, outcome } => ("ended", Some(*at), Some(outcome), None),
        RunEnd::Running { pid, .. } => ("running", None, None, Some(*pid)),
        RunEnd::Unknown => ("never_ended", None, None, None),
    };
    json!({
        "id": run.id, "started_at": run.started_at, "state": state, "ended_at": ended_at, "outcome": outcome, "pid": pid,
        "milliseconds": run.took().map(|took| took.as_millis() as u64), "role": run.role, "os_user": run.os_user,
        "client_host": run.client_host, "partctl": run.version, "options": run.options,
        "done": run.done, "failed": run.failed, "left_out": run.left_out,
    })
}

fn step(step: &PastStep) -> Value {
    json!({
        "position": step.position, "finished_at": step.finished_at, "table": step.table,
        "fingerprint": step.fingerprint, "kind": step.kind, "target": step.target,
        "milliseconds": step.took.map(|took| took.as_millis() as u64), "sql": step.sql, "error": step.error,
        "sqlstate": step.sqlstate, "blockers": step.blockers,
    })
}

#[cfg(test)]
mod tests {
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
