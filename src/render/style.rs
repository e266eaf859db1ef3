//! How text meets a screen: colour, width, line breaks, and names that cannot play tricks on a terminal.
//!
//! Whether there is a terminal, how wide it is and what `NO_COLOR` says is found out upstairs and arrives as data.

use std::fmt::Write as _;

use tabled::grid::util::string::get_string_width;

pub(super) use crate::plan::first_few;
use crate::sql::QualifiedName;

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

/// What a colour stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Heading,
    Create,
    Detach,
    Drop,
    Fix,
    Error,
    Warning,
    Quiet,
}

impl Screen {
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match (self.colour, tone) {
            (Colour::Never, _) => return text.to_owned(),
            (Colour::Always, Tone::Heading) => "1",
            (Colour::Always, Tone::Create) => "32",
            (Colour::Always, Tone::Detach | Tone::Warning) => "33",
            (Colour::Always, Tone::Drop) => "31",
            (Colour::Always, Tone::Fix) => "36",
            (Colour::Always, Tone::Error) => "1;31",
            (Colour::Always, Tone::Quiet) => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Columns that remain beside an indent; never so few that nothing can be said.
    pub(super) fn room(self, indent: usize) -> usize {
        self.width.saturating_sub(indent).max(20)
    }
}

/// Columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    get_string_width(text)
}

/// The text with control characters, and those that reorder or hide their neighbours, written as escapes: a quoted
/// SQL name may hold any of them.
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let invisible =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if c.is_control() || invisible {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A relation for a person.
pub(super) fn name(name: &QualifiedName) -> String {
    plain(&name.to_string())
}

/// A relation for a person who knows which table it belongs to: its schema only when that is another one.
pub(super) fn name_beside(relation: &QualifiedName, table: &QualifiedName) -> String {
    if relation.schema == table.schema { plain(&relation.name.to_string()) } else { name(relation) }
}

/// Words in lines of at most so many columns; a longer word keeps a line of its own.
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    joined(text.split_whitespace(), " ", room)
}

/// Pieces in lines of at most so many columns; a line that follows starts with the separator.
pub(super) fn joined<'a>(pieces: impl IntoIterator<Item = &'a str>, separator: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        match lines.last_mut() {
            Some(line) if width(line) + width(separator) + width(piece) <= room => {
                write!(line, "{separator}{piece}").expect("a String takes all");
            }
            Some(_) => lines.push(format!("{}{piece}", separator.trim_start())),
            None => lines.push(piece.to_owned()),
        }
    }
    lines
}

/// `1 partition`, `2 partitions`.
pub(super) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{} {noun}s", super::amounts::in_full(count as u64)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_written_only_when_asked_for() {
        let screen = |colour| Screen { width: 80, colour };
        assert_eq!(screen(Colour::Never).paint(Tone::Drop, "- drop"), "- drop");
        assert_eq!(screen(Colour::Always).paint(Tone::Drop, "- drop"), "\x1b[31m- drop\x1b[0m");
    }

    #[test]
    fn names_cannot_move_the_cursor_break_the_line_or_reorder_it() {
        assert_eq!(plain("a\nb\tc\x1b[2J\u{202e}d"), r"a\nb\tc\u{1b}[2J\u{202e}d");
        assert_eq!(plain("größe 表 \u{301}"), "größe 表 \u{301}");
    }

    #[test]
    fn lines_break_between_words_and_count_wide_characters_twice() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("注文 注文 注文", 9), ["注文 注文", "注文"]);
        assert_eq!(wrap("a incomprehensible b", 5), ["a", "incomprehensible", "b"]);
        assert_eq!(wrap("", 5), [""; 0]);
    }

    #[test]
    fn a_line_that_follows_starts_with_the_separator() {
        assert_eq!(
            joined(["shop.orders", "31 partitions", "runway"], " · ", 27),
            ["shop.orders · 31 partitions", "· runway"]
        );
    }
}
