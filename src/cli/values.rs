//! Values of options, with what to write where they are wrong.

use std::time::Duration;

use crate::schedule::{Bytes, Interval, IntervalError, parse_elapsed};

/// A calendar interval, such as `7 days`.
pub(super) fn interval(text: &str) -> Result<Interval, String> {
    text.parse().map_err(in_words)
}

/// A time that a clock measures, such as `20 minutes`.
pub(super) fn elapsed(text: &str) -> Result<Duration, String> {
    parse_elapsed(text).map_err(in_words)
}

/// Bytes, such as `2 TB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    text.parse().map(|Bytes(bytes)| bytes).map_err(in_words)
}

fn in_words(error: IntervalError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}: {hint}"),
        None => error.to_string(),
    }
}
