//! `retain`: when partitions end, and how. Nothing here has a default that would remove more.

use crate::policy::document::Node;
use crate::policy::model::{Retain, Then};
use crate::schedule::{Interval, IntervalError, Unit};

use super::partition::Axis;
use super::report::{Report, Wholeness};
use super::rules;
use super::scalars::{boolean, choice, count, interval, interval_problem, scalar};
use super::section::{Keys, Section};

pub(super) const KEYS: Keys = Keys {
    section: "retain",
    known: &["for", "newest", "at_least", "then", "grace", "per_run", "unattended"],
    later: LATER,
};

const LATER: &[&str] = &["distance", "max_size", "unless", "move_to"];

/// Days between detach and drop unless the policy says otherwise.
const GRACE_DAYS: u32 = 7;

/// Reads the section; `None` when nothing is ever retired.
pub(super) fn read(root: &Section<'_>, axis: Option<Axis>, report: &mut Report<'_>) -> Option<Retain> {
    let entry = root.get("retain")?;
    // Said once the levels below are known, whose partitions may be meant.
    if axis.is_some_and(|axis| !axis.ages()) {
        return None;
    }
    let section = Section::open(&entry.value, &KEYS, report)?;
    let keep_for = section.optional("for", report, interval);
    let newest = section.optional("newest", report, at_least_one);
    let at_least = section.optional("at_least", report, at_least_one);
    let then = section.required("then", report, then);
    let grace = section.optional("grace", report, grace);
    let per_run = section.optional("per_run", report, at_least_one);
    let unattended = section.optional("unattended", report, boolean);
    if !section.has_any(&["for", "newest"]) && !section.has_any(LATER) && report.wholeness() == Wholeness::Whole {
        let hint = "write `for: 24 months` or `newest: 12`";
        report.hinted(rules::MISSING_KEY, section.place(), "`retain` does not say how long", hint);
    }
    if axis == Some(Axis::Integer)
        && let Some(entry) = section.get("for")
    {
        let message = "`for` is a time where `every` is a number";
        report.hinted(rules::CONTRADICTION, &entry.value.span, message, "write it as in `newest: 12`");
    }
    if let (Some(newest), Some(at_least), Some(entry)) = (newest, at_least, section.get("at_least"))
        && newest < at_least
        && keep_for.is_none()
    {
        let message = format!("`newest: {newest}` can never hold where `at_least` keeps {at_least}");
        report.problem(rules::CONTRADICTION, &entry.value.span, message);
    }
    Some(Retain {
        keep_for,
        newest,
        at_least: at_least.unwrap_or(1),
        then: then?,
        grace: grace.unwrap_or_else(|| Interval::new(GRACE_DAYS, Unit::Day).ok()),
        per_run,
        unattended: unattended.unwrap_or(false),
    })
}

fn at_least_one(node: &Node, report: &mut Report<'_>) -> Option<u32> {
    count(node, 1..=u32::MAX, report)
}

fn then(node: &Node, report: &mut Report<'_>) -> Option<Then> {
    let words = [("detach", Some(Then::Detach)), ("drop", Some(Then::Drop)), ("archive", None), ("move", None)];
    choice(node, &words, report)
}

/// `0 days` is no time at all.
fn grace(node: &Node, report: &mut Report<'_>) -> Option<Option<Interval>> {
    let text = &scalar(node, "a time with its unit", report)?.text;
    match text.parse() {
        Ok(interval) => Some(Some(interval)),
        Err(IntervalError::Zero) => Some(None),
        Err(error) => {
            interval_problem(node, text, &error, ["days", "weeks"], report);
            None
        }
    }
}
