//! `locks`: how long one attempt may make others queue, and how long partctl keeps trying.

use std::time::Duration;

use crate::policy::document::Node;
use crate::policy::model::Locks;
use crate::policy::reference::{ELAPSED, Key, Keys, Shape};

use super::report::Report;
use super::rules;
use super::scalars::{boolean, elapsed};
use super::section::Section;

pub(super) static KEYS: Keys = Keys::of(
    "locks",
    &[
        Key::new(
            "timeout",
            ELAPSED,
            "the longest that one attempt may make other sessions queue behind it; 1 minute at most",
        )
        .default("50 ms")
        .examples(&["50 ms", "1 second"]),
        Key::new("retry_for", ELAPSED, "patience over all attempts of a step")
            .default("10 minutes")
            .examples(&["10 minutes", "1 hour"]),
        Key::new(
            "cancel_autovacuum",
            Shape::Boolean,
            "make an autovacuum in the way give way, instead of waiting for it",
        )
        .default("false"),
        Key::new(
            "set_default_aside",
            Shape::Boolean,
            "detach an empty DEFAULT partition for as long as several partitions are, so that they leave CONCURRENTLY; \
             rows that fit no other partition are refused meanwhile",
        )
        .default("false"),
    ],
);

/// A table that is locked longer than this at a time is down.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Reads the section, or what holds without it.
pub(super) fn read(root: &Section<'_>, report: &mut Report<'_>) -> Locks {
    let Some(section) = root.optional("locks", report, |node, report| Section::open(node, &KEYS, report)) else {
        return Locks::default();
    };
    let default = Locks::default();
    Locks {
        timeout: section.optional("timeout", report, timeout).unwrap_or(default.timeout),
        retry_for: section.optional("retry_for", report, elapsed).unwrap_or(default.retry_for),
        cancel_autovacuum: section.optional("cancel_autovacuum", report, boolean).unwrap_or(default.cancel_autovacuum),
        set_default_aside: section.optional("set_default_aside", report, boolean).unwrap_or(default.set_default_aside),
    }
}

fn timeout(node: &Node, report: &mut Report<'_>) -> Option<Duration> {
    let timeout = elapsed(node, report)?;
    if LONGEST_TIMEOUT < timeout {
        let hint = "at most 1 minute; `retry_for` is the patience over all attempts";
        let message = "one attempt would make other sessions queue behind it for too long";
        report.hinted(rules::OUT_OF_RANGE, &node.span, message, hint);
        return None;
    }
    Some(timeout)
}
