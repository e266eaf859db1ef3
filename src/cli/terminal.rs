//! The two streams and what is known of them: stdout is the result, stderr is the conversation.

use std::io::{BufWriter, IsTerminal, Write};

use clap::ValueEnum;

use crate::render::{Colour, Screen};

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
            out: Box::new(BufWriter::new(stdout)),
            err: Box::new(stderr),
        }
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

fn width(is_terminal: bool) -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let asked = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    if is_terminal { asked().or(columns) } else { columns }.unwrap_or(WIDTH_WITHOUT_TERMINAL)
}
