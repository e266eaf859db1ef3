//! Asks a person, once.

use std::io::Write;

use anyhow::{Context, Result};
use tokio::sync::oneshot;

use crate::run::{Stop, StopSignal};

/// What the person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Carry it out, all of it.
    Yes,
    /// Anything else.
    No,
    /// Ctrl-C instead of an answer.
    Stopped(StopSignal),
}

/// Asks on standard error and reads a line; only `y` and `yes` are a yes.
///
/// # Errors
/// When the terminal goes away.
pub(super) async fn confirm(err: &mut dyn Write, question: &str, stop: &mut Stop) -> Result<Answer> {
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let (tell, told) = oneshot::channel();
    // A thread of its own: reading a terminal cannot be cancelled, and the runtime would wait for it at its end.
    std::thread::spawn(move || {
        let mut line = String::new();
        // Nobody listens any more when a signal came first.
        let _ = tell.send(std::io::stdin().read_line(&mut line).map(|_| line));
    });
    let line = tokio::select! {
        line = told => line.context("the question was lost")?.context("reading the answer")?,
        signal = stop.requested() => {
            writeln!(err)?;
            return Ok(Answer::Stopped(signal));
        }
    };
    Ok(match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Answer::Yes,
        _ => Answer::No,
    })
}
