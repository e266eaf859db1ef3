//! What a text is written to.

/// Whether colour is written. It only repeats what signs and words say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// ANSI SGR sequences.
    Always,
}

/// What is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Columns; `usize::MAX` where nobody breaks lines, such as a log.
    pub width: usize,
    /// Whether it shows colour.
    pub colour: Colour,
}
