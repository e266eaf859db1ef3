//! What a check found: findings and verdicts, for a person and as JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::findings;
use super::pruning::{self, WireQuery, wire};
use super::style::{Screen, plural};
use crate::failure::FailureKind;
use crate::plan::{Finding, Plan, Severity};
use crate::pruning::PruningResult;

/// A check, for its reader and for the exit code.
#[derive(Debug, Clone, Copy)]
pub struct CheckReport<'a> {
    /// The plan that was made to see what is missing.
    pub plan: &'a Plan,
    /// Everything found.
    pub findings: &'a [Finding],
    /// Every query asked about.
    pub pruning: &'a [PruningResult],
}

impl CheckReport<'_> {
    /// How the check ends.
    pub fn failure(&self) -> Option<FailureKind> {
        self.findings.iter().filter_map(|finding| finding.code.failure).max()
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.code.severity == severity).count()
    }
}

/// The check for a person.
///
/// # Errors
/// When `out` cannot be written to.
pub fn check_human(report: &CheckReport<'_>, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    pruning::write(report.pruning, screen, out)?;
    findings::write(&findings::told(report.findings.iter()), screen, out)?;
    writeln!(
        out,
        "{} checked: {}, {}",
        plural(report.plan.tables.len(), "table"),
        plural(report.count(Severity::Error), "error"),
        plural(report.count(Severity::Warning), "warning"),
    )
}

#[derive(Serialize)]
struct Wire<'a> {
    format: &'static str,
    version: u32,
    database: &'a str,
    at: String,
    findings: Vec<WireFinding<'a>>,
    pruning: Vec<WireQuery<'a>>,
}

#[derive(Serialize)]
struct WireFinding<'a> {
    code: &'static str,
    name: &'static str,
    severity: &'static str,
    table: Option<String>,
    message: &'a str,
    hint: Option<&'a str>,
}

/// The check for a machine.
///
/// # Errors
/// When `out` cannot be written to.
pub fn check_json(report: &CheckReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let wire = Wire {
        format: "partctl-check",
        version: 1,
        database: &report.plan.database,
        at: report.plan.at.to_rfc3339(),
        findings: report.findings.iter().map(wire_finding).collect(),
        pruning: wire(report.pruning),
    };
    serde_json::to_writer_pretty(&mut *out, &wire)?;
    writeln!(out)
}

fn wire_finding(finding: &Finding) -> WireFinding<'_> {
    WireFinding {
        code: finding.code.id,
        name: finding.code.name,
        severity: finding.code.severity.as_str(),
        table: finding.table.as_ref().map(ToString::to_string),
        message: &finding.message,
        hint: finding.hint.as_deref(),
    }
}
