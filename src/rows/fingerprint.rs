//! A fingerprint of a set of rows that does not depend on their order: the sum, modulo 2^128, of every row's XXH3-128.
//!
//! A sum and not an exclusive or, under which a row that stands twice would vanish. It finds what was lost, doubled or
//! changed by accident; against forgery stand the SHA-256 of the files.

use std::fmt;

use twox_hash::XxHash3_128;

/// The rows seen so far: how many, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fingerprint {
    /// How many.
    pub rows: u64,
    sum: u128,
}

/// What a spelled fingerprint begins with: how it is made.
const SCHEME: &str = "xxh3-128-sum:";

impl Fingerprint {
    /// Adds a row: the bytes of a `COPY BINARY` tuple, or of a CSV record without its line's end.
    pub fn add(&mut self, row: &[u8]) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(XxHash3_128::oneshot(row));
    }

    /// Adds all rows of another one.
    pub fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// The sum of so many rows, as [`fmt::Display`] spells it; `None` for another text.
    pub fn parse(rows: u64, text: &str) -> Option<Self> {
        let digits = text.strip_prefix(SCHEME).filter(|digits| digits.len() == 32)?;
        Some(Self { rows, sum: u128::from_str_radix(digits, 16).ok()? })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{:032x}", self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&str]) -> Fingerprint {
        let mut print = Fingerprint::default();
        rows.iter().for_each(|row| print.add(row.as_bytes()));
        print
    }

    #[test]
    fn order_does_not_matter_and_all_else_does() {
        let print = of(&["a", "b", "c"]);
        assert_eq!(print, of(&["c", "a", "b"]));
        let (mut left, right) = (of(&["b"]), of(&["c", "a"]));
        left.merge(right);
        assert_eq!(left, print);
        for other in [&["a", "b"][..], &["a", "b", "c", "c"], &["a", "b", "C"], &["a", "b", "", "c"], &["ab", "", "c"]]
        {
            assert_ne!(of(other), print, "{other:?}");
        }
        assert_ne!(of(&["a", "a"]).to_string(), of(&["b", "b"]).to_string(), "rows that stand twice do not cancel out");
    }

    #[test]
    fn it_is_read_back_from_its_text() {
        let print = of(&["a", "b"]);
        assert_eq!(Fingerprint::parse(2, &print.to_string()), Some(print));
        assert_eq!(Fingerprint::parse(2, "xxh3-128-sum:12"), None);
        assert_eq!(Fingerprint::parse(2, &print.to_string().replace("xxh3", "md5")), None);
        // The value is part of the archive's format: another one here would make every stored archive a broken one.
        assert_eq!(print.to_string(), of(&["b", "a"]).to_string());
    }
}
