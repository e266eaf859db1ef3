//! `retain`: when partitions end, and how. Nothing here has a default that would remove more.

use crate::policy::document::{Node, Value};
use crate::policy::model::{MoveTo, Retain, Then, Unless};
use crate::policy::reference::{GRACE, INTERVAL, Key, Keys, POSITIVE, SIZE, Shape};
use crate::schedule::{Bytes, Interval, IntervalError, Unit};

use super::partition::Axis;
use super::report::{Report, Wholeness};
use super::rules;
use super::scalars::{boolean, choice, count, identifier, integer, interval, interval_problem, scalar, text, words};
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
        Key::new(
            "distance",
            Shape::Whole(1, u64::MAX),
            "number keys: how far behind the partition in use keys are kept. With `newest` too, both must say that a \
             partition is old",
        )
        .examples(&["50000000"]),
        Key::new(
            "max_size",
            SIZE,
            "bytes that all partitions together may take, indexes and all: beyond them the oldest go, whatever `for`, \
             `newest` and `distance` say",
        )
        .examples(&["2 TB", "500 GB"]),
        Key::new(
            "unless",
            Shape::Text,
            "a boolean expression in SQL that keeps a partition though it is over, with `{partition}` where the \
             partition's name stands; asked when planning, and again right before the partition is detached or dropped",
        )
        .examples(&["\"exists (select from {partition} where state = 'open')\""]),
        Key::new("at_least", POSITIVE, "never fewer partitions with rows in them than this, however old").default("1"),
        Key::new(
            "then",
            Shape::Choice(|| words(&THEN)),
            "what becomes of old partitions: `detach` keeps the table, `drop` detaches, waits out `grace`, and drops; \
             `archive` archives what it detaches, reads the archive back, waits out `grace`, and drops; `move` keeps the \
             table where `move_to` says",
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
        Key::new(
            "move_to",
            Shape::Either(&[Shape::Name, Shape::Section(&MOVE_KEYS)]),
            "with `then: move`: the schema that detached tables go to, or a schema, a tablespace or both",
        )
        .examples(&["cold", "{schema: cold, tablespace: slow}"]),
        Key::new("unattended", Shape::Boolean, "a run without a terminal may carry retirement out").default("false"),
    ],
    alternatives: &[],
};

pub(super) static MOVE_KEYS: Keys = Keys {
    section: "move_to",
    known: &[
        Key::new("schema", Shape::Name, "the schema that detached tables go to; their own when not given"),
        Key::new(
            "tablespace",
            Shape::Name,
            "the tablespace that they go to with their indexes; their own when not given",
        ),
    ],
    alternatives: &[],
};

/// The words for [`Then`].
const THEN: [(&str, Then); 4] =
    [("detach", Then::Detach), ("drop", Then::Drop), ("archive", Then::Archive), ("move", Then::Move)];

/// What says how long.
const LIMITS: [&str; 4] = ["for", "newest", "distance", "max_size"];

/// Days between detach and drop unless the policy says otherwise.
const GRACE_DAYS: u32 = 7;

/// Reads the section beside `each`, where a partition is over when its row is gone; `None` when nothing is ever retired.
pub(super) fn read_of_rows(root: &Section<'_>, report: &mut Report<'_>) -> Option<Retain> {
    let section = Section::open(&root.get("retain")?.value, &KEYS, report)?;
    for entry in LIMITS.iter().filter_map(|key| section.own(key)) {
        let message = format!("`{}` does not go with `each`: rows have no age", entry.key);
        let hint = "a partition is over when its row is gone, and `grace` says how long it is kept then";
        report.hinted(rules::CONTRADICTION, &entry.key_span, message, hint);
    }
    how(&section, report)
}

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
    let distance = section.optional("distance", report, distance);
    let max_size = section.optional("max_size", report, size);
    let how = how(&section, report);
    if !section.has_any(&LIMITS) && report.wholeness() == Wholeness::Whole {
        let hint = "write `for: 24 months`, `newest: 12` or `max_size: 2 TB`";
        report.hinted(rules::MISSING_KEY, section.place(), "`retain` does not say how long", hint);
    }
    if axis == Some(Axis::Integer)
        && let Some(entry) = section.get("for")
    {
        let message = "`for` is a time where `every` is a number";
        report.hinted(rules::CONTRADICTION, &entry.value.span, message, "write it as in `distance: 50000000`");
    }
    if let (Some(Axis::Time(_)), Some(entry)) = (axis, section.own("distance")) {
        let message = "`distance` is a number where `every` is a time";
        report.hinted(rules::CONTRADICTION, &entry.value.span, message, "write it as in `for: 24 months`");
    }
    if let (Some(newest), Some(Retain { at_least, .. }), Some(entry)) = (newest, &how, section.get("at_least"))
        && newest < *at_least
        && keep_for.is_none()
        && distance.is_none()
    {
        let message = format!("`newest: {newest}` can never hold where `at_least` keeps {at_least}");
        report.problem(rules::CONTRADICTION, &entry.value.span, message);
    }
    Some(Retain { keep_for, newest, distance: distance.filter(|_| axis == Some(Axis::Integer)), max_size, ..how? })
}

/// What becomes of partitions that are over, and what keeps them; nothing of when they are.
fn how(section: &Section<'_>, report: &mut Report<'_>) -> Option<Retain> {
    let unless = section.optional("unless", report, unless);
    let at_least = section.optional("at_least", report, at_least_one);
    let then = section.required("then", report, then);
    let grace = section.optional("grace", report, grace);
    let per_run = section.optional("per_run", report, at_least_one);
    let unattended = section.optional("unattended", report, boolean);
    let move_to = section.optional("move_to", report, move_to);
    match (then, section.get("move_to"), section.get("then")) {
        (Some(Then::Move), None, Some(entry)) if report.wholeness() == Wholeness::Whole => {
            let hint = "write `move_to: SCHEMA` beside it";
            report.hinted(rules::MISSING_KEY, &entry.value.span, "`then: move` does not say where to", hint);
        }
        (Some(Then::Detach | Then::Archive | Then::Drop), Some(entry), _) => {
            let hint = "write `then: move`, or leave `move_to` out";
            report.hinted(rules::CONTRADICTION, &entry.key_span, "`move_to` goes with `then: move`", hint);
        }
        _ => {}
    }
    Some(Retain {
        keep_for: None,
        newest: None,
        distance: None,
        max_size: None,
        unless,
        at_least: at_least.unwrap_or(1),
        then: then?,
        grace: grace.unwrap_or_else(|| Interval::new(GRACE_DAYS, Unit::Day).ok()),
        per_run,
        move_to: move_to.filter(|_| then == Some(Then::Move)),
        unattended: unattended.unwrap_or(false),
    })
}

fn at_least_one(node: &Node, report: &mut Report<'_>) -> Option<u32> {
    count(node, 1..=u32::MAX, report)
}

fn distance(node: &Node, report: &mut Report<'_>) -> Option<i128> {
    let number = integer(node, report)?;
    if number < 1 {
        report.problem(rules::OUT_OF_RANGE, &node.span, format!("{number} is less than 1"));
        return None;
    }
    Some(number)
}

fn size(node: &Node, report: &mut Report<'_>) -> Option<Bytes> {
    let text = &scalar(node, "a size with its unit", report)?.text;
    text.parse().map_err(|error| interval_problem(node, text, &error, ["GB", "TB"], report)).ok()
}

/// It is put into statements of ours: a second statement, or a comment to the end of its line, would not stay in it.
fn unless(node: &Node, report: &mut Report<'_>) -> Option<Unless> {
    let condition = text(node, report)?;
    let (message, hint) = if !condition.contains(Unless::PLACEHOLDER) {
        ("`unless` does not name the partition", "write `{partition}` where its name stands")
    } else if condition.contains([';', '$']) || condition.contains("--") || condition.contains("/*") {
        (
            "`unless` holds a `;`, a `$` or a comment",
            "write one expression, as in `exists (select from {partition} where open)`",
        )
    } else {
        return Some(Unless(condition));
    };
    report.hinted(rules::UNLESS, &node.span, message, hint);
    None
}

fn move_to(node: &Node, report: &mut Report<'_>) -> Option<MoveTo> {
    if !matches!(node.value, Value::Map(_)) {
        return Some(MoveTo { schema: Some(identifier(node, report)?), tablespace: None });
    }
    let section = Section::open(node, &MOVE_KEYS, report)?;
    let schema = section.optional("schema", report, identifier);
    let tablespace = section.optional("tablespace", report, identifier);
    if !section.has_any(&["schema", "tablespace"]) {
        let hint = "write `schema: NAME`, `tablespace: NAME` or both";
        report.hinted(rules::MISSING_KEY, section.place(), "`move_to` does not say where to", hint);
    }
    Some(MoveTo { schema, tablespace })
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
