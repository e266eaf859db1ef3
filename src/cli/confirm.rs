//! Asks a person, once.

use std::io::Write;

use anyhow::{Context, Result};

/// What the person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Carry it out, all of it.
    Yes,
    /// Anything else.
    No,
}

/// Asks on standard error and reads a line; only `y` and `yes` are a yes. Signals are heard meanwhile.
///
/// # Errors
/// When the terminal goes away.
pub(super) async fn confirm(err: &mut dyn Write, question: &str) -> Result<Answer> {
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let (tell, told) = tokio::sync::oneshot::channel();
    // A thread of its own: the runtime would wait for one of its own to end, and reading ends only with a line.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line).map(|_| line);
        // Nobody waits any more when a signal came first.
        let _ = tell.send(read);
    });
    let line = told.await.context("reading the answer")?.context("reading the answer")?;
    if !line.ends_with('\n') {
        writeln!(err)?;
    }
    Ok(match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Answer::Yes,
        _ => Answer::No,
    })
}
