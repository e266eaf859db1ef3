//! What is wrong with a policy file, and where: the model of every validation message.

use std::ops::Range;

/// A stable rule id, `PT001` to `PT099`; the id never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// `PT014`
    pub id: &'static str,
    /// A short name, `unknown-unit`.
    pub name: &'static str,
}

/// One problem of one place in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which rule was broken.
    pub rule: Rule,
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
    /// The whole text.
    pub text: String,
}

impl Source {
    /// Line and column (in characters) of a byte offset, both from 1.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..offset.min(self.text.len())];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}
