//! Problems of policy files: drawn under the line they are in for people, and as JSON, SARIF and GitHub annotations.
//!
//! Nothing that a policy file holds reaches the terminal as an escape sequence.

mod drawing;
mod github;
mod json;
mod sarif;

use std::collections::HashMap;

use crate::policy::{Lines, Problem, Source};

pub use drawing::{draw, summary};
pub use github::github;
pub(super) use github::{data, property};
pub(super) use json::schema;
pub use json::{items, json};
pub use sarif::sarif;
pub(super) use sarif::{level, uri, write_log};

/// Where a problem is, as editors count: lines and columns (in characters) from 1, the end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Region {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

/// The texts by path, their lines found once.
struct Texts<'a>(HashMap<&'a str, Lines<'a>>);

impl<'a> Texts<'a> {
    fn of(sources: &'a [Source]) -> Self {
        Self(sources.iter().map(|source| (source.path.as_str(), Lines::of(&source.text))).collect())
    }

    fn region(&self, problem: &Problem) -> Region {
        let Some(lines) = self.0.get(problem.path.as_str()) else {
            return Region { line: 1, column: 1, end_line: 1, end_column: 1 };
        };
        let (line, column) = lines.position(problem.span.start);
        let (end_line, end_column) = lines.position(problem.span.end);
        Region { line, column, end_line, end_column }
    }
}

/// The message with its hint, for readers that have one field for both.
fn sentence(problem: &Problem) -> String {
    match &problem.hint {
        Some(hint) => format!("{}: {hint}", problem.message),
        None => problem.message.clone(),
    }
}

#[cfg(test)]
mod tests;
