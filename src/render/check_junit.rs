//! A check as JUnit XML: one case for each table's coverage and for each pruning query.
//!
//! What fails a check fails its case; what could not be tried is skipped; the rest stands in the case's output.

use std::io::{self, Write};

use super::check_report::{Case, CheckReport, Said};
use super::style::plain;
use crate::plan::{Severity, codes};

/// Writes the report.
///
/// # Errors
/// When `out` cannot be written to.
pub fn check_junit(report: &CheckReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let cases = report.cases();
    let at = report.plan.at.format("%Y-%m-%dT%H:%M:%S");
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"partctl check\" {}>", counts(&cases))?;
    for cases in cases.chunk_by(|a, b| a.table == b.table) {
        let suite = suite(&cases[0], report);
        writeln!(out, "  <testsuite name=\"{suite}\" {} timestamp=\"{at}\" time=\"0\">", counts(cases))?;
        cases.iter().try_for_each(|case| one(case, &suite, out))?;
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn suite(case: &Case<'_>, report: &CheckReport<'_>) -> String {
    escaped(&case.table.map_or_else(|| format!("database {}", report.plan.database), ToString::to_string))
}

fn counts(cases: &[Case<'_>]) -> String {
    let failures = cases.iter().filter(|case| failure(case).is_some()).count();
    let skipped = cases.iter().filter(|case| failure(case).is_none() && skipped(case).is_some()).count();
    format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"", cases.len())
}

fn failure<'c>(case: &'c Case<'_>) -> Option<&'c Said> {
    case.said.iter().find(|said| said.severity == Severity::Error)
}

fn skipped<'c>(case: &'c Case<'_>) -> Option<&'c Said> {
    case.said.iter().find(|said| said.code == codes::PRUNING_NOT_TRIED)
}

fn one(case: &Case<'_>, suite: &str, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "    <testcase classname=\"{suite}\" name=\"{}\" time=\"0\"", escaped(&case.name))?;
    if let Some(place) = case.place {
        write!(out, " file=\"{}\" line=\"{}\"", escaped(&place.path), place.line)?;
    }
    if case.said.is_empty() {
        return writeln!(out, "/>");
    }
    writeln!(out, ">")?;
    let (failures, others): (Vec<&Said>, Vec<&Said>) =
        case.said.iter().partition(|said| said.severity == Severity::Error);
    // A reader takes one failure of a case, so all of them share it.
    if let Some(first) = failures.first() {
        let kind = escaped(&format!("{} {}", first.code.id, first.code.name));
        write!(out, "      <failure type=\"{kind}\" message=\"{}\">", escaped(&first.message))?;
        for said in &failures {
            write!(out, "{}", lines(said))?;
        }
        if let Some(place) = case.place {
            write!(out, "at {}:{}", escaped(&place.path), place.line)?;
        }
        writeln!(out, "</failure>")?;
    } else if let Some(said) = skipped(case) {
        writeln!(out, "      <skipped message=\"{}\"/>", escaped(&said.sentence()))?;
    }
    if !others.is_empty() {
        write!(out, "      <system-out>")?;
        for said in others {
            write!(out, "{}", lines(said))?;
        }
        writeln!(out, "</system-out>")?;
    }
    writeln!(out, "    </testcase>")
}

fn lines(said: &Said) -> String {
    let mut text = format!("{} {}: {}\n", said.severity.as_str(), said.code.id, escaped(&said.message));
    for line in &said.evidence {
        text.push_str(&format!("{}\n", escaped(line)));
    }
    if let Some(remedy) = &said.remedy {
        text.push_str(&format!("remedy: {}\n", escaped(remedy)));
    }
    text
}

/// Text for an element or a quoted attribute. Control characters, which XML 1.0 cannot hold even escaped, are written
/// as in Rust, and so are the two that are no characters.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}
