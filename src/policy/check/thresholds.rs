//! `check`: what `partctl check` holds the table to. Nothing here changes what is planned or carried out.

use crate::policy::model::{Reach, Thresholds};
use crate::policy::reference::{Key, Keys, POSITIVE, Shape};

use super::create::{REACH, reach};
use super::partition::Axis;
use super::report::Report;
use super::rules;
use super::scalars::count;
use super::section::Section;

pub(super) static KEYS: Keys = Keys::of(
    "check",
    &[
        Key::new(
            "min_runway",
            REACH,
            "coverage ahead may not last less than this: a time, or partitions of number keys",
        )
        .examples(&["14 days", "3 partitions"]),
        Key::new("max_partitions", POSITIVE, "the table may not have more partitions than this").examples(&["1000"]),
        Key::new("default_rows", Shape::Whole(0, u32::MAX as u64), "DEFAULT may not hold more rows than this")
            .examples(&["0"]),
    ],
);

/// Reads the section; without it nothing is held against the table.
pub(super) fn read(root: &Section<'_>, axis: Option<Axis>, report: &mut Report<'_>) -> Thresholds {
    let section = root.optional("check", report, |node, report| Section::open(node, &KEYS, report));
    let Some(section) = section else { return Thresholds::default() };
    let min_runway = section.optional("min_runway", report, reach);
    let max_partitions = section.optional("max_partitions", report, |node, report| count(node, 1..=u32::MAX, report));
    let default_rows = section.optional("default_rows", report, |node, report| count(node, 0..=u32::MAX, report));
    let misfit = |key: &str, fits: bool, message: String, hint: &str, report: &mut Report<'_>| {
        if let Some(entry) = section.own(key).filter(|_| !fits) {
            report.hinted(rules::CONTRADICTION, &entry.value.span, message, hint);
        }
        fits
    };
    let (fits, message, hint) = match (axis, min_runway) {
        (Some(axis @ (Axis::List | Axis::Hash)), _) => {
            (false, format!("`min_runway` does not go with `{}`", axis.strategy()), "it belongs to `range` partitions")
        }
        (Some(Axis::Integer), Some(Reach::Time(_))) => {
            (false, "`min_runway` is a time where `every` is a number".to_owned(), "write it as in `3 partitions`")
        }
        (Some(Axis::Time(_)), Some(Reach::Partitions(_))) => {
            (false, "`min_runway` is a number where `every` is a time".to_owned(), "write it as in `14 days`")
        }
        _ => (true, String::new(), ""),
    };
    let min_runway = min_runway.filter(|_| misfit("min_runway", fits, message, hint, report));
    let message = "a hash-partitioned table cannot have a DEFAULT partition".to_owned();
    let fits = axis != Some(Axis::Hash);
    let default_rows = default_rows.filter(|_| misfit("default_rows", fits, message, "leave it out", report));
    Thresholds { min_runway, max_partitions, default_rows }
}
