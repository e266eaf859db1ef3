//! What is wrong with a policy file, and where: the model of every validation message.

use std::ops::Range;

use crate::codes::Severity;

/// A stable rule id, `PT001` to `PT099`; the id never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// `PT014`
    pub id: &'static str,
    /// A short name, `unknown-unit`.
    pub name: &'static str,
    /// How much it matters: what is no error is no reason to refuse a policy.
    pub severity: Severity,
    /// What the rule asks of a policy, as one sentence.
    pub explanation: &'static str,
}

/// One problem of one place in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which rule was broken.
    pub rule: Rule,
    /// How much it matters here.
    pub severity: Severity,
    /// What is wrong, as a lowercase fragment.
    pub message: String,
    /// The file, as the user gave it.
    pub path: String,
    /// Bytes of the file's text that are at fault; empty ranges point between characters.
    pub span: Range<usize>,
    /// What to do, as a lowercase fragment: ``did you mean `month`?``
    pub hint: Option<String>,
}

/// A file's text under the path the user gave, for drawing problems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As the user gave it.
    pub path: String,
    /// The whole text; U+FFFD stands where the file was not UTF-8.
    pub text: String,
}

impl Source {
    /// Line and column (in characters) of a byte offset, both from 1.
    ///
    /// It reads the text from its start; for many offsets use [`Lines`].
    pub fn position(&self, offset: usize) -> (usize, usize) {
        Lines::of(&self.text).position(offset)
    }
}

/// Where the lines of a text begin, so that many offsets are looked up quickly.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// The lines of this text; `\n` ends one.
    pub fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect();
        Self { text, starts }
    }

    /// The text itself.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Line and column (in characters) of a byte offset, both from 1; offsets beyond the text count as its end.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.line_of(offset);
        (line, self.text[self.starts[line - 1]..offset].chars().count() + 1)
    }

    /// The line of a byte offset, from 1.
    pub fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// The bytes of a line (counted from 1), its line break excluded; empty beyond the last.
    pub fn line(&self, line: usize) -> Range<usize> {
        let Some(&start) = self.starts.get(line.wrapping_sub(1)) else {
            return self.text.len()..self.text.len();
        };
        let end = self.starts.get(line).map_or(self.text.len(), |next| next - 1);
        let end = start + self.text[start..end].trim_end_matches('\r').len();
        start..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_clamp_at_the_end() {
        let lines = Lines::of("aü\r\nxyz");
        assert_eq!(lines.position(0), (1, 1));
        assert_eq!(lines.position(3), (1, 3));
        assert_eq!(lines.position(5), (2, 1));
        assert_eq!(lines.position(99), (2, 4));
        assert_eq!(lines.position(2), (1, 2), "inside the two bytes of `ü`");
        assert_eq!([lines.line(1), lines.line(2), lines.line(3)], [0..3, 5..8, 8..8]);
    }
}
