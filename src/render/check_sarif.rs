//! A check as SARIF 2.1.0 (OASIS): each finding at the policy or the query file that asks for it.
//!
//! Code hosts refuse a whole log in which a single result stands nowhere, so what is about the database stands at the
//! first policy.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::check_report::{Case, CheckReport, Said};
use super::explanations::sarif_rule;
use super::problems::{level, uri, write_log};
use crate::plan::FINDING_CODES;
use crate::policy::Location;

/// Writes a log with one run.
///
/// # Errors
/// When `out` cannot be written to.
pub fn check_sarif(report: &CheckReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let cases = report.cases();
    let first = report.policies.iter().map(|policy| &policy.location).min_by_key(|at| (&at.path, at.line));
    let results = cases
        .iter()
        .flat_map(|case| case.said.iter().map(move |said| result(case, said, case.place.or(first))))
        .collect();
    write_log(FINDING_CODES.iter().map(|code| sarif_rule(code.id)).collect(), results, out)
}

fn result(case: &Case<'_>, said: &Said, place: Option<&Location>) -> Value {
    let table = case.table.map(|table| format!("{table}: ")).unwrap_or_default();
    let evidence: String = said.evidence.iter().map(|line| format!("\n{line}")).collect();
    let mut result = json!({
        "ruleId": said.code.id,
        "level": level(said.severity),
        "message": {"text": format!("{table}{}{evidence}", said.sentence())},
        // The same finding keeps its identity when lines move.
        "partialFingerprints": {"partctl/v1": format!("{} {table}{}", said.code.id, case.name)},
    });
    if let Some(index) = FINDING_CODES.iter().position(|code| code.id == said.code.id) {
        result["ruleIndex"] = json!(index);
    }
    if let Some(place) = place {
        result["locations"] = json!([{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(&place.path)},
                "region": {"startLine": place.line},
            }
        }]);
    }
    result
}
