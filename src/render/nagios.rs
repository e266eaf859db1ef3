//! A check as a plugin of Nagios and its kin speaks: one line and its performance data, then a line for each finding.
//!
//! What is wrong with the tables is CRITICAL or WARNING; UNKNOWN is only a check that could not be made for a reason
//! that lies with partctl, its options or its policies. A database that is out of reach is CRITICAL.

use std::io::{self, Write};

use super::amounts;
use super::run_report::{RunReport, Seen};
use super::style::{plain, plural};
use crate::diff::TableOverview;
use crate::failure::FailureKind;
use crate::plan::{Runway, Severity};
use crate::policy::Reach;

/// What a plugin says by its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    /// All is well.
    Ok,
    /// It will hurt some day.
    Warning,
    /// It hurts.
    Critical,
    /// Nobody knows.
    Unknown,
}

impl ServiceState {
    /// The state that a check found.
    pub fn of(report: &RunReport) -> Self {
        let errors = 0 < report.count(Severity::Error);
        match (report.failure, &report.seen) {
            (Some(FailureKind::Unreachable), _) => Self::Critical,
            (Some(_), None) => Self::Unknown,
            (Some(_), Some(_)) => Self::Critical,
            (None, Some(_)) if errors => Self::Critical,
            (None, Some(_)) if 0 < report.count(Severity::Warning) => Self::Warning,
            (None, _) => Self::Ok,
        }
    }

    /// The exit code that the plugins' guidelines give it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// Writes the line, and what it leaves out below it.
///
/// # Errors
/// Those of `out`.
pub fn nagios(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let state = ServiceState::of(report);
    let Some(seen) = &report.seen else {
        let why = report.error.as_ref().map(|error| {
            let why = error.causes.first().map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("{}{why}", error.message)
        });
        return writeln!(
            out,
            "PARTCTL {} - {}",
            state.as_str(),
            text(&why.unwrap_or_else(|| report.outcome().to_owned()))
        );
    };
    let mut findings: Vec<_> = seen.findings.iter().filter(|found| Severity::Info < found.severity).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let lines: Vec<String> = findings
        .iter()
        .map(|finding| {
            let table = finding.table.as_ref().map(|table| format!(" {table}:")).unwrap_or_default();
            let remedy = finding.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            text(&format!("{} {}{table} {}{remedy}", finding.severity.as_str(), finding.code.id, finding.message))
        })
        .collect();
    let said = match lines.len() {
        0 => summary(seen),
        1 => lines[0].clone(),
        _ => {
            let errors = plural(report.count(Severity::Error), "error");
            format!("{errors}, {}: {}", plural(report.count(Severity::Warning), "warning"), lines[0])
        }
    };
    let data: Vec<String> = seen.overview.tables.iter().flat_map(|table| performance(table, seen)).collect();
    writeln!(out, "PARTCTL {} - {said} | {}", state.as_str(), data.join(" "))?;
    lines.iter().skip(1).try_for_each(|line| writeln!(out, "{line}"))
}

fn summary(seen: &Seen) -> String {
    let tables = plural(seen.overview.tables.len(), "table");
    let ends = seen.overview.tables.iter().filter_map(|table| match table.runway {
        Runway::Until(until) => Some((until, &table.table)),
        Runway::None | Runway::Partitions(_) | Runway::Endless => None,
    });
    match ends.min() {
        Some((until, table)) => {
            let runway = amounts::span(until.signed_duration_since(seen.overview.at));
            text(&format!("{tables}, shortest runway {runway} ({table})"))
        }
        None => tables,
    }
}

/// `'shop.orders runway'=794880s;;1209600:`
fn performance(table: &TableOverview, seen: &Seen) -> Vec<String> {
    let thresholds = &table.thresholds;
    let at_most = |most: Option<u32>| most.map(|most| format!(";;{most}")).unwrap_or_default();
    let at_least = |least: Option<i64>| least.map(|least| format!(";;{least}:")).unwrap_or_default();
    let at = seen.overview.at;
    let runway = match (table.runway, thresholds.min_runway) {
        (Runway::Until(until), least) => {
            let least = least.and_then(|least| match least {
                Reach::Time(interval) => Some(interval.after(at)?.signed_duration_since(at).num_seconds()),
                Reach::Partitions(_) => None,
            });
            Some(format!("{}s{}", until.signed_duration_since(at).num_seconds(), at_least(least)))
        }
        (Runway::Partitions(count), least) => {
            let least = least.and_then(|least| match least {
                Reach::Partitions(count) => Some(count.into()),
                Reach::Time(_) => None,
            });
            Some(format!("{count}{}", at_least(least)))
        }
        (Runway::None | Runway::Endless, _) => None,
    };
    let rows = table.default.as_ref().and_then(|default| default.rows);
    let measured = [
        ("runway", runway),
        ("partitions", Some(format!("{}{}", table.partitions, at_most(thresholds.max_partitions)))),
        ("size", Some(format!("{}B", table.bytes))),
        ("default", rows.map(|rows| format!("{rows}{}", at_most(thresholds.default_rows)))),
    ];
    let label = |what: &str| {
        let name = text(&table.table.to_string()).replace('\'', "''").replace('=', "_");
        format!("'{name} {what}'")
    };
    measured.into_iter().filter_map(|(what, value)| Some(format!("{}={}", label(what), value?))).collect()
}

/// What stands behind `|` is performance data, so none may stand before it.
fn text(text: &str) -> String {
    plain(text).replace('|', "/")
}

#[cfg(test)]
mod tests;
