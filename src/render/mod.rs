//! Reports as text: one file per kind of report. What is shown is decided here, and nothing else is.

pub mod problems;

/// What a text is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Columns of the terminal; longer lines are cut where that loses nothing that matters.
    pub width: usize,
    /// Whether escape sequences may be used.
    pub colour: Colour,
}

impl Screen {
    /// For files, pipes and logs.
    pub const PLAIN: Self = Self { width: 140, colour: Colour::Off };
}

/// Whether escape sequences may be used; they only repeat what the text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// None at all.
    Off,
    /// ANSI colours.
    On,
}
