//! A string literal, safe under `standard_conforming_strings = on`, which every session and script of ours pins.

use std::fmt;

/// Text that is spelled as a quoted SQL literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlLiteral<'a>(pub &'a str);

impl fmt::Display for SqlLiteral<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled_and_backslashes_kept() {
        assert_eq!(SqlLiteral(r"it's a\b").to_string(), r"'it''s a\b'");
    }
}
