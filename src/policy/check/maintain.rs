//! `maintain`: what is looked after besides the partitions themselves.

use crate::policy::model::Maintain;

use super::report::Report;
use super::scalars::boolean;
use super::section::{Keys, Section};

pub(super) const KEYS: Keys = Keys { section: "maintain", known: &["analyze"], later: &[] };

/// Reads the section, or what holds without it.
pub(super) fn read(root: &Section<'_>, report: &mut Report<'_>) -> Maintain {
    let section = root.optional("maintain", report, |node, report| Section::open(node, &KEYS, report));
    let analyze = section.and_then(|section| section.optional("analyze", report, boolean));
    Maintain { analyze: analyze.unwrap_or_default() }
}
