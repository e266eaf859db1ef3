//! Asks a person, once.

use std::io::{BufRead, Write};

use anyhow::Result;

/// What the person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Carry it out, all of it.
    Yes,
    /// Anything else.
    No,
}

/// Asks on standard error and reads a line; only `y` and `yes` are a yes.
///
/// # Errors
/// When the terminal goes away.
pub(super) fn confirm(err: &mut dyn Write, question: &str) -> Result<Answer> {
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Answer::Yes,
        _ => Answer::No,
    })
}
