//! A number and a word after it, as people write durations, and what is wrong with one.
//!
//! Decides where the number ends and which unit a wrong word was meant to be. Does not know what any unit means.

use std::fmt;
use std::ops::Range;

/// Why a text is not an interval. Displays as a fragment; [`IntervalError::hint`] says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntervalError {
    /// A bare number.
    MissingUnit {
        /// The units that would do.
        units: &'static str,
    },
    /// No number in front.
    MissingCount,
    /// What stands in front is not a whole positive number.
    InvalidCount {
        /// As it was written.
        count: String,
    },
    /// Nothing, `0 days`.
    Zero,
    /// A number of something else.
    UnknownUnit {
        /// As it was written.
        unit: String,
        /// Where it stands: bytes of the text that was read.
        at: Range<usize>,
        /// The known unit that was probably meant.
        near: Option<&'static str>,
        /// The units that would do.
        units: &'static str,
    },
    /// More than can be reckoned with.
    OutOfRange {
        /// The most that is taken.
        most: &'static str,
    },
}

impl IntervalError {
    /// The known unit that was probably meant, for `did you mean`.
    pub fn near(&self) -> Option<&'static str> {
        match self {
            Self::UnknownUnit { near, .. } => *near,
            _ => None,
        }
    }

    /// What to write instead, as a fragment.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownUnit { near: Some(near), .. } => Some(format!("did you mean `{near}`?")),
            Self::UnknownUnit { units, .. } | Self::MissingUnit { units } => Some(format!("the units are {units}")),
            Self::MissingCount | Self::InvalidCount { .. } => Some("write a whole number and a unit".to_owned()),
            Self::OutOfRange { most } => Some(format!("at most {most}")),
            Self::Zero => None,
        }
    }
}

impl fmt::Display for IntervalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingUnit { .. } => f.write_str("missing unit"),
            Self::MissingCount => f.write_str("missing count"),
            Self::InvalidCount { count } => write!(f, "invalid count `{count}`"),
            Self::Zero => f.write_str("must be more than zero"),
            Self::UnknownUnit { unit, .. } => write!(f, "unknown unit `{unit}`"),
            Self::OutOfRange { .. } => f.write_str("out of range"),
        }
    }
}

impl std::error::Error for IntervalError {}

/// A count and the word after it.
pub(super) struct Quantity<'a> {
    pub(super) count: u64,
    pub(super) unit: &'a str,
    at: Range<usize>,
    units: &'static str,
}

impl<'a> Quantity<'a> {
    pub(super) fn split(text: &'a str, units: &'static str) -> Result<Self, IntervalError> {
        let body = text.trim();
        let word = body.find(|c: char| c.is_alphabetic() || c.is_whitespace()).unwrap_or(body.len());
        let (count, rest) = body.split_at(word);
        let unit = rest.trim_start();
        if count.is_empty() {
            return Err(IntervalError::MissingCount);
        }
        if !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(IntervalError::InvalidCount { count: count.to_owned() });
        }
        if unit.is_empty() {
            return Err(IntervalError::MissingUnit { units });
        }
        let end = text.trim_end().len();
        // A count too long for the integer is out of range for every unit, which the callers tell from its size.
        let count = count.parse().unwrap_or(u64::MAX);
        Ok(Self { count, unit, at: end - unit.len()..end, units })
    }

    pub(super) fn unknown_unit(&self, known: &[&[&'static str]]) -> IntervalError {
        let near = nearest(self.unit, known);
        IntervalError::UnknownUnit { unit: self.unit.to_owned(), at: self.at.clone(), near, units: self.units }
    }
}

/// The unit that a word abbreviates (`d`, `hrs`), else the one it misspells; `None` for `m`, which could be two.
fn nearest(word: &str, known: &[&[&'static str]]) -> Option<&'static str> {
    let word = word.to_lowercase();
    let abbreviated: Vec<&'static str> = known
        .iter()
        .filter_map(|spellings| spellings.iter().find(|spelling| abbreviates(&word, spelling)).copied())
        .collect();
    match abbreviated[..] {
        [unit] => Some(unit),
        [] => known
            .concat()
            .into_iter()
            .map(|spelling| (strsim::osa_distance(&word, spelling), spelling))
            .filter(|(distance, _)| distance * 3 <= word.chars().count())
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, spelling)| spelling),
        _ => None,
    }
}

/// Whether the word keeps the first letter of the other and some of the rest, in order.
fn abbreviates(word: &str, spelling: &str) -> bool {
    let mut letters = spelling.chars();
    word.chars().next() == spelling.chars().next() && word.chars().all(|wanted| letters.any(|letter| letter == wanted))
}
