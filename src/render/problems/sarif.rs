//! Problems as SARIF 2.1.0 (OASIS), which code hosts and editors show beside the code.

use std::io;

use serde_json::{Value, json};

use super::{Texts, sentence};
use crate::codes::Severity;
use crate::policy::{Problem, RULES, Source};
use crate::render::explanations::sarif_rule;

/// Writes a SARIF log with one run; every rule is described, every problem is a result.
///
/// # Errors
/// When the output cannot be written.
pub fn sarif(problems: &[Problem], sources: &[Source], out: &mut dyn io::Write) -> io::Result<()> {
    let texts = Texts::of(sources);
    let results = problems.iter().map(|problem| result(problem, &texts)).collect();
    write_log(RULES.iter().map(|rule| sarif_rule(rule.id)).collect(), results, out)
}

/// A log with one run of partctl's.
pub(in crate::render) fn write_log(rules: Vec<Value>, results: Vec<Value>, out: &mut dyn io::Write) -> io::Result<()> {
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "partctl",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                }
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }]
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

/// What SARIF calls it.
pub(in crate::render) fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn result(problem: &Problem, texts: &Texts<'_>) -> Value {
    let region = texts.region(problem);
    let mut result = json!({
        "ruleId": problem.rule.id,
        "level": level(problem.severity),
        "message": {"text": sentence(problem)},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(&problem.path)},
                "region": {
                    "startLine": region.line,
                    "startColumn": region.column,
                    "endLine": region.end_line,
                    "endColumn": region.end_column,
                },
            }
        }],
    });
    if let Some(index) = RULES.iter().position(|rule| rule.id == problem.rule.id) {
        result["ruleIndex"] = json!(index);
    }
    result
}

/// A path as a URI reference (RFC 3986): what is not unreserved is percent-encoded, slashes stay.
pub(in crate::render) fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(byte.into()),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
