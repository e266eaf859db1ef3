//! A run for machines: what `--notify` sends, and `apply -o json` prints.

use std::io::{self, Write};

use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::check_report::{WireFinding, wire_finding};
use super::run_report::{RunReport, Target};
use super::schemas::schema_of;
use crate::plan::{Blocker, FailedStep, Step};
use crate::sql::QualifiedName;

#[derive(Serialize, JsonSchema)]
struct Wire<'a> {
    #[schemars(extend("const" = "partctl-report"))]
    format: &'static str,
    #[schemars(extend("const" = 1))]
    version: u32,
    /// What chat services show.
    text: String,
    command: &'static str,
    partctl: &'static str,
    database: Option<&'a str>,
    server: Option<&'a str>,
    client: Option<&'a str>,
    started_at: String,
    milliseconds: u128,
    exit: u8,
    outcome: &'static str,
    standby: bool,
    error: Option<WireError<'a>>,
    run: Option<i64>,
    done: Vec<WireStep>,
    destroyed: Vec<WireStep>,
    failed: Vec<WireFailed<'a>>,
    left_out: usize,
    withheld: Vec<WireStep>,
    put_off: Vec<WireStep>,
    findings: Vec<WireFinding<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct WireError<'a> {
    message: &'a str,
    causes: &'a [String],
    sqlstate: Option<&'a str>,
    hint: Option<&'a str>,
}

#[derive(Serialize, JsonSchema)]
struct WireStep {
    table: String,
    kind: &'static str,
    target: String,
    range: String,
    reason: String,
    bytes: Option<u64>,
    rows: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
struct WireFailed<'a> {
    step: WireStep,
    message: &'a str,
    sqlstate: Option<&'a str>,
    doing: &'a str,
    next: &'a str,
    blockers: &'a [Blocker],
}

/// The schema of what [`run_report_json`] writes.
pub(super) fn schema() -> Schema {
    schema_of::<Wire<'static>>()
}

/// Writes the run as indented JSON of format `partctl-report`.
///
/// # Errors
/// Those of `out`.
pub fn run_report_json(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let work = report.work.as_ref();
    let steps = |steps: &[(QualifiedName, Step)]| steps.iter().map(|(table, step)| wire_step(table, step)).collect();
    let withheld = |withheld: &[crate::plan::Withheld]| {
        withheld.iter().map(|withheld| wire_step(&withheld.table, &withheld.step)).collect()
    };
    let wire = Wire {
        format: "partctl-report",
        version: 1,
        text: report.in_words(),
        command: report.command,
        partctl: env!("CARGO_PKG_VERSION"),
        database: report.target.as_ref().map(|Target { database, .. }| database.as_str()),
        server: report.target.as_ref().map(|Target { server, .. }| server.as_str()),
        client: report.client.as_deref(),
        started_at: report.started_at.to_rfc3339(),
        milliseconds: report.took.as_millis(),
        exit: report.exit_code(),
        outcome: report.outcome(),
        standby: report.standby,
        error: report.error.as_ref().map(|error| WireError {
            message: &error.message,
            causes: &error.causes,
            sqlstate: error.sqlstate.as_deref(),
            hint: error.hint.as_deref(),
        }),
        run: work.and_then(|work| work.run),
        done: work.map(|work| steps(&work.done)).unwrap_or_default(),
        destroyed: report.destroyed().map(|(table, step)| wire_step(table, step)).collect(),
        failed: work.into_iter().flat_map(|work| &work.failed).map(wire_failed).collect(),
        left_out: work.map_or(0, |work| work.left_out),
        withheld: work.map(|work| withheld(&work.withheld)).unwrap_or_default(),
        put_off: work.map(|work| withheld(&work.put_off)).unwrap_or_default(),
        findings: report
            .seen
            .iter()
            .flat_map(|seen| seen.findings.iter().map(|finding| wire_finding(finding, &seen.pruning)))
            .collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &wire)?;
    writeln!(out)
}

fn wire_step(table: &QualifiedName, step: &Step) -> WireStep {
    let (bytes, rows) = step.volume();
    WireStep {
        table: table.to_string(),
        kind: step.kind().as_str(),
        target: step.target().to_string(),
        range: step.range().into_owned(),
        reason: step.reason().into_owned(),
        bytes,
        rows,
    }
}

fn wire_failed(failed: &FailedStep) -> WireFailed<'_> {
    let FailedStep { table, step, error } = failed;
    WireFailed {
        step: wire_step(table, step),
        message: &error.message,
        sqlstate: error.sqlstate.as_deref(),
        doing: &error.doing,
        next: &error.next,
        blockers: &error.blockers,
    }
}
