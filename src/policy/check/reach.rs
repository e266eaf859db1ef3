//! Whether what is created, how much of it, and what is kept fit together.
//!
//! Months and years differ in length; a policy is only refused when it is wrong for every length they can have.

use std::ops::RangeInclusive;

use crate::policy::document::Value;
use crate::policy::model::{Create, Reach, Retain};
use crate::schedule::{Interval, Unit};

use super::partition::{Axis, MAX_PARTITIONS};
use super::report::Report;
use super::rules;
use super::section::Section;

/// Reports more partitions than a table is given, and partitions that would be made only to be retired.
pub(super) fn judge(
    root: &Section<'_>,
    create: &Create,
    retain: Option<&Retain>,
    axis: Option<Axis>,
    report: &mut Report<'_>,
) {
    let every = match axis {
        Some(Axis::Time(every)) => Some(every),
        Some(Axis::Integer) => None,
        _ => return,
    };
    let (ahead, behind) = (partitions(create.ahead, every), partitions(create.behind, every));
    if u64::from(MAX_PARTITIONS) < ahead.saturating_add(behind) {
        let key = if ahead < behind { "behind" } else { "ahead" };
        let message =
            format!("this asks for at least {} partitions, more than {MAX_PARTITIONS}", ahead.saturating_add(behind));
        report.problem(rules::TOO_LARGE, &place(root, key, report), message);
    }
    let Some(retain) = retain else { return };
    if retain.max_size.is_some() && 0 < behind {
        let message = "`behind` beside `max_size`: what leaves for its size would be made again";
        report.problem(rules::CONTRADICTION, &place(root, "behind", report), message);
    }
    if retain.keep_for.is_none() && retain.newest.is_none() {
        return;
    }
    let too_old = retain.keep_for.is_none_or(|keep| match (create.behind, every) {
        (Reach::Time(behind), _) => seconds(keep).end() < seconds(behind).start(),
        (Reach::Partitions(count), Some(every)) => *seconds(keep).end() < seconds(every).start() * u64::from(count),
        (Reach::Partitions(_), None) => false,
    });
    // The current partition is one of the newest.
    let too_many = retain.newest.is_none_or(|newest| u64::from(newest) <= behind);
    if too_old && too_many && 0 < behind {
        let message = "`behind` reaches beyond what `retain` keeps: its partitions would be made to be retired";
        report.problem(rules::CONTRADICTION, &place(root, "behind", report), message);
    }
}

/// How many partitions a reach takes, at least.
fn partitions(reach: Reach, every: Option<Interval>) -> u64 {
    match (reach, every) {
        (Reach::Partitions(count), _) => count.into(),
        (Reach::Time(reach), Some(every)) => seconds(reach).start() / seconds(every).end(),
        (Reach::Time(_), None) => 0,
    }
}

/// The shortest and the longest that an interval can be, clock changes aside.
pub(super) fn seconds(interval: Interval) -> RangeInclusive<u64> {
    const DAY: u64 = 86_400;
    let count = u64::from(interval.count());
    let months = |months: u64| {
        let (years, months) = (months / 12, months % 12);
        DAY * (365 * years + 28 * months)..=DAY * (366 * years + 31 * months)
    };
    match interval.unit() {
        Unit::Minute => 60 * count..=60 * count,
        Unit::Hour => 3_600 * count..=3_600 * count,
        Unit::Day => DAY * count..=DAY * count,
        Unit::Week => 7 * DAY * count..=7 * DAY * count,
        Unit::Month => months(count),
        Unit::Quarter => months(3 * count),
        Unit::Year => months(12 * count),
    }
}

fn place(root: &Section<'_>, key: &str, report: &Report<'_>) -> std::ops::Range<usize> {
    let create = root.get("create").map(|entry| &entry.value.value);
    match create {
        Some(Value::Map(entries)) => {
            entries.iter().find(|entry| entry.key == key).map(|entry| entry.value.span.clone())
        }
        _ => None,
    }
    .unwrap_or_else(|| report.document())
}
