//! Problems for people: the message, the place, the line, a caret under it, and what to do.

use std::collections::HashSet;
use std::io;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

use super::Texts;
use crate::codes::Severity;
use crate::policy::{Problem, Source};
use crate::render::{Colour, Screen};

/// Nobody reads wider, and the drawing reckons with the width.
const WIDEST: usize = 400;
/// Longest line that is handed to the drawing whole, in bytes; of longer ones this much around the problem.
const LONGEST_LINE: usize = 4_000;

/// Draws every problem, with an empty line after each.
///
/// # Errors
/// When the output cannot be written.
pub fn draw(problems: &[Problem], sources: &[Source], screen: Screen, out: &mut dyn io::Write) -> io::Result<()> {
    let texts = Texts::of(sources);
    let renderer = match screen.colour {
        Colour::Never => Renderer::plain(),
        Colour::Always => Renderer::styled(),
    };
    let renderer = renderer.term_width(screen.width.min(WIDEST));
    for problem in problems {
        writeln!(out, "{}\n", one(problem, &texts, &renderer))?;
    }
    Ok(())
}

fn one(problem: &Problem, texts: &Texts<'_>, renderer: &Renderer) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let title = level.primary_title(normalize_untrusted_str(&problem.message)).id(problem.rule.id);
    let path = normalize_untrusted_str(&problem.path);
    let hint = problem.hint.as_deref().map(normalize_untrusted_str);
    let Some(lines) = texts.0.get(problem.path.as_str()) else {
        return renderer.render(&[title.element(Origin::path(path))]);
    };
    let number = lines.line_of(problem.span.start);
    let line = lines.line(number);
    let (text, span) = excerpt(lines.text(), line.clone(), &problem.span);
    let snippet = Snippet::source(text).line_start(number).annotation(AnnotationKind::Primary.span(span).label(hint));
    if text.len() == line.len() {
        return renderer.render(&[title.element(snippet.path(path))]);
    }
    // The drawing would count the column from the cut.
    let (line, column) = lines.position(problem.span.start);
    let origin = Origin::path(path).line(line).char_column(column);
    renderer.render(&[title.element(origin).element(snippet)])
}

/// The part of a line around a problem, and where the problem is in it.
fn excerpt<'a>(text: &'a str, line: Range<usize>, span: &Range<usize>) -> (&'a str, Range<usize>) {
    let start = span.start.clamp(line.start, line.end);
    let end = span.end.clamp(start, line.end);
    if line.len() <= LONGEST_LINE {
        return (&text[line.clone()], start - line.start..end - line.start);
    }
    let end = end.min(start + LONGEST_LINE / 4);
    let boundary = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let from = boundary(start.saturating_sub(LONGEST_LINE / 4).max(line.start));
    let to = boundary((end + LONGEST_LINE / 4).min(line.end));
    (&text[from..to], boundary(start) - from..boundary(end) - from)
}

/// The closing line: `5 errors and 1 warning in 1 file, 3 files are fine`, or `3 policies in 3 files are fine`.
pub fn summary(problems: &[Problem], policies: usize, sources: &[Source]) -> String {
    let having = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
    let told: Vec<String> = [
        (Severity::Error, "error", "errors"),
        (Severity::Warning, "warning", "warnings"),
        (Severity::Info, "remark", "remarks"),
    ]
    .into_iter()
    .map(|(severity, one, many)| (having(severity), one, many))
    .filter(|(count, ..)| 0 < *count)
    .map(|(count, one, many)| counted(count, one, many))
    .collect();
    let told = told.join(" and ");
    let broken: HashSet<&str> = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(|problem| problem.path.as_str())
        .collect();
    let fine = sources.iter().filter(|source| !broken.contains(source.path.as_str())).count();
    let are = |count: usize| if count == 1 { "is" } else { "are" };
    let (policies_are, files) = (are(policies), counted(sources.len(), "file", "files"));
    let policies = counted(policies, "policy", "policies");
    match (broken.len(), fine) {
        (0, _) if problems.is_empty() => format!("{policies} in {files} {policies_are} fine"),
        (0, _) => format!("{policies} in {files} {policies_are} valid, with {told}"),
        (broken, 0) => format!("{told} in {}", counted(broken, "file", "files")),
        (broken, fine) => {
            format!(
                "{told} in {}, {} {} fine",
                counted(broken, "file", "files"),
                counted(fine, "file", "files"),
                are(fine)
            )
        }
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
