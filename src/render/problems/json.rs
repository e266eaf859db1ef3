//! Problems for machines of one's own.

use std::io;

use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::Value;

use super::Texts;
use crate::policy::{Problem, Source};
use crate::render::schemas::schema_of;

#[derive(Serialize, JsonSchema)]
struct Output<'a> {
    #[schemars(extend("const" = "partctl-problems"))]
    format: &'static str,
    #[schemars(extend("const" = 1))]
    version: u32,
    problems: Vec<Item<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct Item<'a> {
    path: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    rule: &'a str,
    name: &'a str,
    severity: &'static str,
    message: &'a str,
    hint: Option<&'a str>,
}

/// The schema of what [`json`] writes.
pub(in crate::render) fn schema() -> Schema {
    schema_of::<Output<'static>>()
}

/// The problems, each as the document has it.
pub fn items(problems: &[Problem], sources: &[Source]) -> Vec<Value> {
    let texts = Texts::of(sources);
    problems.iter().map(|problem| serde_json::to_value(item(problem, &texts)).expect("an item is JSON")).collect()
}

/// Writes `{"format": "partctl-problems", "version": 1, "problems": [...]}`.
///
/// # Errors
/// When the output cannot be written.
pub fn json(problems: &[Problem], sources: &[Source], out: &mut dyn io::Write) -> io::Result<()> {
    let texts = Texts::of(sources);
    let problems = problems.iter().map(|problem| item(problem, &texts)).collect();
    let output = Output { format: "partctl-problems", version: 1, problems };
    serde_json::to_writer_pretty(&mut *out, &output)?;
    writeln!(out)
}

fn item<'a>(problem: &'a Problem, texts: &Texts<'_>) -> Item<'a> {
    let Problem { rule, severity, message, path, hint, .. } = problem;
    let region = texts.region(problem);
    Item {
        path,
        line: region.line,
        column: region.column,
        end_line: region.end_line,
        end_column: region.end_column,
        rule: rule.id,
        name: rule.name,
        severity: severity.as_str(),
        message,
        hint: hint.as_deref(),
    }
}
