//! `retain`: when partitions end, and how. Nothing here has a default that would remove more.

use crate::policy::document::Node;
use crate::policy::model::{Retain, Then};
use crate::policy::reference::{GRACE, INTERVAL, Key, Keys, POSITIVE, Shape};
use crate::schedule::{Interval, IntervalError, Unit};

use super::partition::Axis;
use super::report::{Report, Wholeness};
use super::rules;
use super::scalars::{boolean, choice, count, interval, interval_problem, scalar, words};
use super::section::Section;

pub(super) static KEYS: Keys = Keys {
    section: "retain",
    known: &[
        Key::new("for", INTERVAL, "how long a partition is kept after its upper bound, on the calendar").examples(&[
            "24 months",
            "90 days",
            "10 years",
        ]),
        Key::new(
            "newest",
            POSITIVE,
            "how many partitions that have begun are kept. With `for` too, both must say that a partition is old",
        )
        .examples(&["12"]),
        Key::new("at_least", POSITIVE, "never fewer partitions with rows in them than this, however old").default("1"),
        Key::new(
            "then",
            Shape::Choice(|| words(&THEN)),
            "what becomes of old partitions: `detach` keeps the table, `drop` detaches, waits out `grace`, and drops",
        )
        .required(),
        Key::new("grace", GRACE, "between detach and drop; `0 days` drops in the same run")
            .default("7 days")
            .examples(&["7 days", "0 days"]),
        Key::new(
            "per_run",
            POSITIVE,
            "more than this many at once is refused as a whole; without it, more than 10 or 20 %, whichever is larger",
        )
        .examples(&["5"]),
        Key::new("unattended", Shape::Boolean, "a run without a terminal may carry retirement out").default("false"),
    ],
    alternatives: &[],
    later: LATER,
};

/// The words for [`Then`].
const THEN: [(&str, Option<Then>); 4] =
    [("detach", Some(Then::Detach)), ("drop", Some(Then::Drop)), ("archive", None), ("move", None)];

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
    choice(node, &THEN, report)
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
