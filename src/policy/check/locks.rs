//! `locks`: how long one attempt may make others queue, and how long partctl keeps trying.

use std::time::Duration;

use crate::policy::document::Node;
use crate::policy::model::Locks;

use super::report::Report;
use super::rules;
use super::scalars::{boolean, elapsed};
use super::section::{Keys, Section};

pub(super) const KEYS: Keys =
    Keys { section: "locks", known: &["timeout", "retry_for", "cancel_autovacuum", "set_default_aside"], later: &[] };

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
