//! `maintain`: what is looked after besides the partitions themselves.

use crate::policy::model::Maintain;
use crate::policy::reference::{Key, Keys, Shape};

use super::report::Report;
use super::scalars::boolean;
use super::section::Section;

pub(super) static KEYS: Keys = Keys::of(
    "maintain",
    &[Key::new(
        "analyze",
        Shape::Boolean,
        "ANALYZE the table as a whole, after everything else, when it never was or its partitions hold a fifth more or \
         less than it says; autovacuum only looks after partitions",
    )
    .default("false")],
);

/// Reads the section, or what holds without it.
pub(super) fn read(root: &Section<'_>, report: &mut Report<'_>) -> Maintain {
    let section = root.optional("maintain", report, |node, report| Section::open(node, &KEYS, report));
    let analyze = section.and_then(|section| section.optional("analyze", report, boolean));
    Maintain { analyze: analyze.unwrap_or_default() }
}
