//! What a check found: findings and verdicts, for a person and as JSON; and as a list of cases, which is what formats
//! of build servers know.

use std::io::{self, Write};

use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::findings;
use super::pruning::{self, WireQuery, wire};
use super::schemas::schema_of;
use super::style::{Screen, plural};
use super::workload::{self, WireWorkload};
use crate::failure::FailureKind;
use crate::plan::{Finding, FindingCode, Plan, Severities, Severity, codes};
use crate::policy::{Location, Policy};
use crate::pruning::{Advice, Judgement, PruningResult, Workload};
use crate::sql::QualifiedName;

/// A check, for its reader and for the exit code.
#[derive(Debug, Clone, Copy)]
pub struct CheckReport<'a> {
    /// The plan that was made to see what is missing.
    pub plan: &'a Plan,
    /// Everything found.
    pub findings: &'a [Finding],
    /// Every query asked about.
    pub pruning: &'a [PruningResult],
    /// What was checked.
    pub policies: &'a [Policy],
    /// How much of it.
    pub scope: Scope,
    /// The statements that the server has counted; `None`: nobody asked.
    pub workload: Option<&'a Workload>,
}

/// What a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Coverage, rows in DEFAULT, rights, and pruning.
    Everything,
    /// Pruning alone, on a database that may hold no rows.
    Pruning,
}

/// One thing that is or is not as it should be.
#[derive(Debug)]
pub(super) struct Case<'a> {
    /// Its table; `None`: the database as a whole.
    pub(super) table: Option<&'a QualifiedName>,
    /// `coverage`, or the query's name.
    pub(super) name: String,
    /// Where it is written.
    pub(super) place: Option<&'a Location>,
    /// All that is to be said; nothing, when it is as it should be.
    pub(super) said: Vec<Said>,
}

/// Something to be said of a case.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: &'static FindingCode,
    pub(super) severity: Severity,
    pub(super) message: String,
    /// What was measured, line by line.
    pub(super) evidence: Vec<String>,
    pub(super) remedy: Option<String>,
}

impl Said {
    fn of(finding: &Finding) -> Self {
        let (message, remedy) = (finding.message.clone(), finding.hint.clone());
        Self { code: finding.code, severity: finding.severity, message, evidence: finding.evidence().to_vec(), remedy }
    }

    /// The message and what to do, in one text.
    pub(super) fn sentence(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{}: {remedy}", self.message),
            None => self.message.clone(),
        }
    }
}

impl CheckReport<'_> {
    /// How the check ends.
    pub fn failure(&self) -> Option<FailureKind> {
        self.findings.iter().filter_map(Finding::failure).max()
    }

    /// Every case: of each table how it stands as a whole, then its queries; last the database.
    pub(super) fn cases(&self) -> Vec<Case<'_>> {
        let of_queries = [codes::PRUNING, codes::PRUNING_NOT_TRIED];
        let managed = |table: &QualifiedName| self.policies.iter().any(|policy| policy.table == *table);
        let whole = match self.scope {
            Scope::Everything => "coverage",
            Scope::Pruning => "fits its policy",
        };
        let mut cases = Vec::new();
        let mut policies: Vec<&Policy> = self.policies.iter().collect();
        policies.sort_by(|a, b| a.table.cmp(&b.table));
        for policy in policies {
            let (table, place) = (Some(&policy.table), Some(&policy.location));
            let own = self.findings.iter().filter(|finding| finding.table.as_ref() == table);
            let (workload, own): (Vec<_>, Vec<_>) = own.partition(|finding| finding.code == codes::WORKLOAD);
            let said = own.into_iter().filter(|finding| !of_queries.contains(&finding.code)).map(Said::of).collect();
            cases.push(Case { table, name: whole.to_owned(), place, said });
            let queries = self.pruning.iter().filter(|result| result.table == policy.table);
            cases.extend(queries.map(|result| Case {
                table,
                name: result.query.clone(),
                place: result.location.as_ref().or(place),
                said: said_of(result, &policy.severities).into_iter().collect(),
            }));
            if self.workload.is_some() {
                let said = workload.into_iter().map(Said::of).collect();
                cases.push(Case { table, name: "workload".to_owned(), place, said });
            }
        }
        let others = self.findings.iter().filter(|finding| !finding.table.as_ref().is_some_and(managed));
        let said: Vec<Said> = others
            .map(|finding| match &finding.table {
                Some(table) => Said { message: format!("{table} {}", finding.message), ..Said::of(finding) },
                None => Said::of(finding),
            })
            .collect();
        if !said.is_empty() {
            cases.push(Case { table: None, name: "database".to_owned(), place: None, said });
        }
        cases
    }

    pub(super) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

fn said_of(result: &PruningResult, severities: &Severities) -> Option<Said> {
    let (code, message) = match &result.judgement {
        Judgement::Passed => return None,
        Judgement::Failed(why) => (codes::PRUNING, format!("`{}` {why}", result.query)),
        Judgement::NotTried(why) => (codes::PRUNING_NOT_TRIED, format!("`{}` was not tried: {why}", result.query)),
    };
    let advice = result.advice.as_ref().map(Advice::in_words);
    let remedy = result.hint.clone().or(advice);
    Some(Said {
        code,
        severity: severities.of(code.id, code.severity),
        message,
        evidence: pruning::evidence(result),
        remedy,
    })
}

/// The check for a person.
///
/// # Errors
/// When `out` cannot be written to.
pub fn check_human(report: &CheckReport<'_>, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    pruning::write(report.pruning, screen, out)?;
    if let Some(workload) = report.workload {
        workload::write(workload, screen, out)?;
    }
    findings::write(&findings::told(report.findings.iter()), screen, out)?;
    writeln!(
        out,
        "{} checked: {}, {}",
        plural(report.plan.tables.len(), "table"),
        plural(report.count(Severity::Error), "error"),
        plural(report.count(Severity::Warning), "warning"),
    )
}

#[derive(Serialize, JsonSchema)]
struct Wire<'a> {
    #[schemars(extend("const" = "partctl-check"))]
    format: &'static str,
    #[schemars(extend("const" = 1))]
    version: u32,
    database: &'a str,
    at: String,
    findings: Vec<WireFinding<'a>>,
    pruning: Vec<WireQuery<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<WireWorkload<'a>>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct WireFinding<'a> {
    code: &'static str,
    name: &'static str,
    severity: &'static str,
    table: Option<String>,
    message: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<String>,
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

/// The schema of what [`check_json`] writes.
pub(in crate::render) fn schema() -> Schema {
    schema_of::<Wire<'static>>()
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
        findings: report.findings.iter().map(|finding| wire_finding(finding, report.pruning)).collect(),
        pruning: wire(report.pruning),
        workload: report.workload.map(workload::wire),
    };
    serde_json::to_writer_pretty(&mut *out, &wire)?;
    writeln!(out)
}

pub(super) fn wire_finding<'a>(finding: &'a Finding, pruning: &[PruningResult]) -> WireFinding<'a> {
    // A query's numbers stand with its result; the finding that tells of it begins as the result does.
    let tells = |said: &Said| said.code == finding.code && finding.message.starts_with(&said.message);
    let own = pruning.iter().filter(|result| Some(&result.table) == finding.table.as_ref());
    let measured =
        own.filter_map(|result| said_of(result, &Severities::default())).find(tells).map(|said| said.evidence);
    WireFinding {
        code: finding.code.id,
        name: finding.code.name,
        severity: finding.severity.as_str(),
        table: finding.table.as_ref().map(ToString::to_string),
        message: &finding.message,
        evidence: measured.unwrap_or_else(|| finding.evidence().to_vec()),
        hint: finding.hint.as_deref(),
        path: finding.location().map(|at| at.path.as_str()),
        line: finding.location().map(|at| at.line),
    }
}

#[cfg(test)]
mod tests;
