//! `create`: how far coverage reaches.

use std::time::Duration;

use crate::policy::document::{Form, Node};
use crate::policy::model::{Create, DefaultRule, MoveRule, Partitioning, Reach};
use crate::policy::reference::{ELAPSED, INTERVAL, Key, Keys, PARTITIONS, Shape};
use crate::schedule::IntervalError;

use super::nearest::{did_you_mean, nearest};
use super::partition::{Axis, SUBPARTITION};
use super::report::Report;
use super::rules;
use super::scalars::{boolean, choice, elapsed, interval_problem, scalar, shown, words, wrong_type};
use super::section::Section;

pub(super) static KEYS: Keys = Keys::of(
    "create",
    &[
        Key::new("ahead", REACH, "coverage beyond the current partition, as a time or as a number of partitions")
            .default("4 partitions")
            .examples(&["3 months", "14 days", "4 partitions"]),
        Key::new("behind", REACH, "coverage before the current partition, for a table that begins")
            .default("0 partitions")
            .examples(&["2 partitions", "1 month"]),
        Key::new("fill_gaps", Shape::Boolean, "fill holes between the oldest bound and the horizon").default("true"),
        Key::new(
            "default",
            Shape::Choice(|| words(&DEFAULT_RULES)),
            "what a DEFAULT partition is: one that exists is reported, may exist, or is made",
        )
        .default("allow"),
        Key::new(
            "move_rows",
            Shape::Choice(|| words(&MOVE_RULES)),
            "what becomes of rows in DEFAULT that a partition to be made would hold: they are moved with it in one \
             transaction, where writers need not wait for too long (`at_once`); else all of DEFAULT is copied in batches \
             beside them, and exchanged for its parts (`in_batches`); it is copied however few they are \
             (`always_in_batches`); they stay (`never`). A partition whose rows stay is not made. With `hash`, batches let \
             partitions be copied and exchanged where `modulus` is raised to a multiple. Rows that are moved in one \
             transaction wait for transactions that keep a snapshot (REPEATABLE READ, SERIALIZABLE, cursors) as far as \
             these can be seen: one whose first statement waits for the move would miss them. Rows that are copied are \
             missed by nobody",
        )
        .default("at_once")
        .examples(&["in_batches", "always_in_batches", "never"]),
        Key::new("writers_wait", ELAPSED, "longest time for which writers may wait while rows move; at most 1 hour")
            .default("1 s")
            .examples(&["200 ms", "10 s"]),
    ],
);

/// A time, or a number of partitions.
pub(super) const REACH: Shape = Shape::Either(&[INTERVAL, PARTITIONS]);

/// The words for [`DefaultRule`].
const DEFAULT_RULES: [(&str, DefaultRule); 3] =
    [("forbid", DefaultRule::Forbid), ("allow", DefaultRule::Allow), ("require", DefaultRule::Require)];

/// The words for [`MoveRule`].
const MOVE_RULES: [(&str, MoveRule); 4] = [
    ("at_once", MoveRule::AtOnce),
    ("in_batches", MoveRule::InBatches),
    ("always_in_batches", MoveRule::AlwaysInBatches),
    ("never", MoveRule::Never),
];

/// Who cannot write for longer than this has a maintenance window, and time for a statement of their own.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Reads the section, or what holds without it.
pub(super) fn read(root: &Section<'_>, axis: Option<Axis>, report: &mut Report<'_>) -> Create {
    let Some(section) = root.optional("create", report, |node, report| Section::open(node, &KEYS, report)) else {
        return Create::default();
    };
    let otherwise = Create::default();
    let default = section.optional("default", report, default_rule).unwrap_or(otherwise.default);
    if axis == Some(Axis::Hash)
        && default == DefaultRule::Require
        && let Some(entry) = section.own("default")
    {
        // 42P16 in Postgres.
        let message = "a hash-partitioned table cannot have a DEFAULT partition";
        report.problem(rules::CONTRADICTION, &entry.value.span, message);
    }
    let move_rows = section.optional("move_rows", report, move_rule).unwrap_or(otherwise.move_rows);
    let writers_wait = section.optional("writers_wait", report, writers_wait).unwrap_or(otherwise.writers_wait);
    if axis == Some(Axis::Hash) && root.name() == SUBPARTITION.section {
        for entry in ["move_rows", "writers_wait"].iter().filter_map(|key| section.own(key)) {
            let message = format!("`{}` does not go with `hash` below the first level", entry.key);
            let hint = "there is no DEFAULT partition, and partitions keep the modulus that they were made with";
            report.hinted(rules::CONTRADICTION, &entry.key_span, message, hint);
        }
    }
    if let Some(axis @ (Axis::List | Axis::Hash)) = axis {
        for entry in ["ahead", "behind", "fill_gaps"].iter().filter_map(|key| section.own(key)) {
            let message = format!("`{}` does not go with `{}`", entry.key, axis.strategy());
            report.hinted(rules::CONTRADICTION, &entry.key_span, message, "it belongs to `range` partitions");
        }
        return Create { default, move_rows, writers_wait, ..otherwise };
    }
    let mut reach = |key: &str, otherwise: Reach| {
        let reach = section.optional(key, report, reach).unwrap_or(otherwise);
        if axis != Some(Axis::Integer) || matches!(reach, Reach::Partitions(_)) {
            return reach;
        }
        if let Some(entry) = section.own(key) {
            let message = format!("`{key}` is a time where `every` is a number");
            report.hinted(rules::CONTRADICTION, &entry.value.span, message, "write it as in `3 partitions`");
        }
        otherwise
    };
    let ahead = reach("ahead", otherwise.ahead);
    let behind = reach("behind", otherwise.behind);
    let fill_gaps = section.optional("fill_gaps", report, boolean).unwrap_or(otherwise.fill_gaps);
    Create { ahead, behind, fill_gaps, default, move_rows, writers_wait }
}

/// Makes `partition.default` and `create.default` of a list policy say the same.
pub(super) fn agree(
    root: &Section<'_>,
    create: &Create,
    partitioning: &mut Option<Partitioning>,
    report: &mut Report<'_>,
) {
    let Some(Partitioning::List(list)) = partitioning else { return };
    match create.default {
        DefaultRule::Require => {
            list.default.get_or_insert_with(|| "default".to_owned());
        }
        DefaultRule::Forbid if list.default.is_some() => {
            let span = root.get("create").map_or_else(|| root.place().clone(), |entry| entry.value.span.clone());
            let message = "`create` forbids the DEFAULT partition that `partition.default` asks for";
            report.problem(rules::CONTRADICTION, &span, message);
        }
        DefaultRule::Forbid | DefaultRule::Allow => {}
    }
}

fn default_rule(node: &Node, report: &mut Report<'_>) -> Option<DefaultRule> {
    choice(node, &DEFAULT_RULES, report)
}

fn move_rule(node: &Node, report: &mut Report<'_>) -> Option<MoveRule> {
    choice(node, &MOVE_RULES, report)
}

fn writers_wait(node: &Node, report: &mut Report<'_>) -> Option<Duration> {
    let wait = elapsed(node, report)?;
    if LONGEST_WAIT < wait {
        let message = "writers would wait for longer than an hour";
        report.problem(rules::OUT_OF_RANGE, &node.span, message);
        return None;
    }
    Some(wait)
}

/// `3 months` or `3 partitions`.
pub(super) fn reach(node: &Node, report: &mut Report<'_>) -> Option<Reach> {
    let scalar = scalar(node, "a time with its unit, or a number of partitions", report)?;
    let text = scalar.text.as_str();
    let word = text.trim().trim_start_matches(|c: char| c.is_ascii_digit());
    let number = &text.trim()[..text.trim().len() - word.len()];
    let word = word.trim_start();
    if !number.is_empty() && matches!(word, "partition" | "partitions") {
        let count = number.parse().ok();
        if count.is_none() {
            report.problem(rules::OUT_OF_RANGE, &node.span, format!("{} is out of range", shown(text)));
        }
        return count.map(Reach::Partitions);
    }
    match text.parse() {
        Ok(interval) => return Some(Reach::Time(interval)),
        Err(IntervalError::MissingUnit { .. }) => {
            let hint = format!("write `{number} partitions` or `{number} months`");
            report.hinted(rules::MISSING_UNIT, &node.span, format!("{} has no unit", shown(number)), hint);
        }
        Err(IntervalError::UnknownUnit { at, .. }) if nearest(word, ["partitions"]).is_some() => {
            let span = report.part(node, text, at);
            let message = format!("unknown unit {}", shown(word));
            report.hinted(rules::UNKNOWN_UNIT, &span, message, did_you_mean("partitions"));
        }
        Err(_) if scalar.form == Form::Typed => {
            wrong_type(node, "a time with its unit, or a number of partitions", report)
        }
        Err(error) => interval_problem(node, text, &error, ["partitions", "months"], report),
    }
    None
}
