//! Problems for machines of one's own.

use std::io;

use serde::Serialize;

use super::Texts;
use crate::policy::{Problem, Source};

#[derive(Serialize)]
struct Output<'a> {
    format: &'static str,
    version: u32,
    problems: Vec<Item<'a>>,
}

#[derive(Serialize)]
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

/// Writes `{"format": "partctl-problems", "version": 1, "problems": [...]}`.
///
/// # Errors
/// When the output cannot be written.
pub fn json(problems: &[Problem], sources: &[Source], out: &mut dyn io::Write) -> io::Result<()> {
    let texts = Texts::of(sources);
    let item = |problem| {
        let Problem { rule, message, path, hint, .. }: &Problem = problem;
        let region = texts.region(problem);
        Item {
            path,
            line: region.line,
            column: region.column,
            end_line: region.end_line,
            end_column: region.end_column,
            rule: rule.id,
            name: rule.name,
            severity: "error",
            message,
            hint: hint.as_deref(),
        }
    };
    let output = Output { format: "partctl-problems", version: 1, problems: problems.iter().map(item).collect() };
    serde_json::to_writer_pretty(&mut *out, &output)?;
    writeln!(out)
}
