//! Problems as GitHub workflow commands, which a job's log turns into annotations of the change.

use std::io;

use super::{Texts, sentence};
use crate::codes::Severity;
use crate::policy::{Problem, Source};

/// Writes one `::error file=...::message` line for each problem, `::warning` and `::notice` for what matters less.
///
/// # Errors
/// When the output cannot be written.
pub fn github(problems: &[Problem], sources: &[Source], out: &mut dyn io::Write) -> io::Result<()> {
    let texts = Texts::of(sources);
    for problem in problems {
        let region = texts.region(problem);
        writeln!(
            out,
            "::{} file={},line={},endLine={},col={},endColumn={},title={}::{}",
            command(problem.severity),
            property(&problem.path),
            region.line,
            region.end_line,
            region.column,
            region.end_column,
            property(problem.rule.id),
            data(&sentence(problem)),
        )?;
    }
    Ok(())
}

fn command(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    }
}

/// Text after the second `::`.
pub(in crate::render) fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text of a property, where colons and commas divide.
pub(in crate::render) fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
