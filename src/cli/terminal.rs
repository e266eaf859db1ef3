//! The two streams and what is known of them: stdout is the result, stderr is the conversation.

use std::io::{self, BufWriter, IsTerminal, Write};

use clap::ValueEnum;

use crate::render::{Colour, Screen, ServiceState};

/// Columns assumed where there is no terminal to ask.
const WIDTH_WITHOUT_TERMINAL: usize = 160;

/// `--color`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColourChoice {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The process's streams.
pub(super) struct Terminal {
    /// The result.
    pub out: Box<dyn Write + Send>,
    /// The conversation.
    pub err: Box<dyn Write + Send>,
    /// How to draw on standard output.
    pub screen: Screen,
    /// How to draw on standard error.
    pub err_screen: Screen,
    /// Whether a person can be asked: standard input and standard error are a terminal.
    pub person: bool,
    /// What a monitoring system is told in place of the exit code.
    pub service_state: Option<ServiceState>,
}

impl Terminal {
    /// The streams of this process.
    pub(super) fn new(choice: ColourChoice) -> Self {
        let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
        let screen = |is_terminal: bool| Screen { width: width(is_terminal), colour: colour(choice, is_terminal) };
        Self {
            screen: screen(stdout.is_terminal()),
            err_screen: screen(stderr.is_terminal()),
            person: std::io::stdin().is_terminal() && stderr.is_terminal(),
            out: Box::new(BufWriter::new(Stream::new(stdout, "standard output"))),
            err: Box::new(Stream::new(stderr, "standard error")),
            service_state: None,
        }
    }
}

/// A stream whose reader may leave early, as `head` does: what follows goes nowhere, and the exit code stays true.
struct Stream<W> {
    inner: W,
    name: &'static str,
    reader: Reader,
}

#[derive(PartialEq, Eq)]
enum Reader {
    Listens,
    Left,
}

impl<W: Write> Stream<W> {
    fn new(inner: W, name: &'static str) -> Self {
        Self { inner, name, reader: Reader::Listens }
    }

    fn unless_left<T>(&mut self, act: impl FnOnce(&mut W) -> io::Result<T>, otherwise: T) -> io::Result<T> {
        if self.reader == Reader::Left {
            return Ok(otherwise);
        }
        match act(&mut self.inner) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.reader = Reader::Left;
                Ok(otherwise)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            other => {
                other.map_err(|error| io::Error::new(error.kind(), format!("cannot write to {}: {error}", self.name)))
            }
        }
    }
}

impl<W: Write> Write for Stream<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unless_left(|inner| inner.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_left(Write::flush, ())
    }
}

fn colour(choice: ColourChoice, is_terminal: bool) -> Colour {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match choice {
        ColourChoice::Always => Colour::Always,
        ColourChoice::Auto if is_terminal && !set("NO_COLOR") && !dumb => Colour::Always,
        ColourChoice::Auto | ColourChoice::Never => Colour::Never,
    }
}

/// Columns of the terminal, or what `COLUMNS` says.
pub(super) fn width(is_terminal: bool) -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let asked = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    if is_terminal { asked().or(columns) } else { columns }.unwrap_or(WIDTH_WITHOUT_TERMINAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_reader_that_leaves_is_no_failure_and_a_full_disk_is() {
        let mut piped = Stream::new(Failing(io::ErrorKind::BrokenPipe), "standard output");
        assert!(piped.write_all(b"plan").is_ok() && piped.flush().is_ok());
        let mut full = Stream::new(Failing(io::ErrorKind::StorageFull), "standard output");
        let error = full.write_all(b"plan").unwrap_err().to_string();
        assert!(error.starts_with("cannot write to standard output: "), "{error}");
    }
}
