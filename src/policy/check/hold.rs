//! `hold`: partitions under legal hold, by name or by what they cover.

use crate::policy::document::{Node, Value};
use crate::policy::model::{AxisValue, Held, Hold};
use crate::policy::reference::{AXIS_VALUE, DATE, Key, Keys, Shape};

use super::partition::Axis;
use super::report::Report;
use super::rules;
use super::scalars::{axis_value, date, identifier, text, wrong_type};
use super::section::Section;

pub(super) static KEYS: Keys = Keys {
    section: "hold",
    known: &[
        Key::new("partition", Shape::Name, "the partition that is held, by its name, in whatever schema").required(),
        Key::new("from", AXIS_VALUE, "with `to`: everything that overlaps this span is held; the start is in it")
            .examples(&["2023-01-01", "2023-01-01 06:00", "5000000"])
            .required(),
        Key::new("to", AXIS_VALUE, "the end of the span, which is not in it").examples(&["2023-07-01"]).required(),
        Key::new("reason", Shape::Text, "why, for people").examples(&["case 8812"]),
        Key::new("until", DATE, "held until this day begins (UTC); without it until the entry is removed")
            .examples(&["2027-01-01"]),
    ],
    alternatives: &[&["partition"], &["from", "to"]],
};

/// Reads the list.
pub(super) fn read(node: &Node, axis: Option<Axis>, report: &mut Report<'_>) -> Option<Vec<Hold>> {
    let Value::List(items) = &node.value else {
        wrong_type(node, "a list of holds", report);
        return None;
    };
    Some(items.iter().filter_map(|item| hold(item, axis, report)).collect())
}

fn hold(node: &Node, axis: Option<Axis>, report: &mut Report<'_>) -> Option<Hold> {
    let section = Section::open(node, &KEYS, report)?;
    let reason = section.optional("reason", report, text);
    let until = section.optional("until", report, date);
    let what = if let Some(partition) = section.get("partition") {
        if let Some(entry) = section.get("from").or_else(|| section.get("to")) {
            let message = format!("`{}` beside `partition`", entry.key);
            report.hinted(rules::CONTRADICTION, &entry.key_span, message, "write two holds");
        }
        identifier(&partition.value, report).map(Held::Partition)
    } else if section.has_any(&["from", "to"]) {
        between(&section, axis, report)
    } else {
        let hint = "write `partition: NAME`, or `from` and `to`";
        report.hinted(rules::MISSING_KEY, section.place(), "a hold that holds nothing", hint);
        None
    };
    Some(Hold { what: what?, reason, until })
}

fn between(section: &Section<'_>, axis: Option<Axis>, report: &mut Report<'_>) -> Option<Held> {
    let from = section.required("from", report, axis_value);
    let to = section.required("to", report, axis_value);
    for (key, value) in [("from", from), ("to", to)] {
        let (Some(entry), Some(axis)) = (section.get(key), axis) else { continue };
        let message = match (axis, value) {
            (Axis::List | Axis::Hash, _) => format!("`{key}` does not go with `{}`", axis.strategy()),
            (Axis::Time(_), Some(AxisValue::Integer(_))) => format!("`{key}` is a number where `every` is a time"),
            (Axis::Integer, Some(AxisValue::Time(_))) => format!("`{key}` is a date where `every` is a number"),
            _ => continue,
        };
        report.problem(rules::CONTRADICTION, &entry.value.span, message);
    }
    let (from, to) = (from?, to?);
    let forwards = match (from, to) {
        (AxisValue::Time(from), AxisValue::Time(to)) => from < to,
        (AxisValue::Integer(from), AxisValue::Integer(to)) => from < to,
        _ => axis.is_some(),
    };
    if !forwards && let Some(entry) = section.get("to") {
        report.problem(rules::CONTRADICTION, &entry.value.span, "`to` is not after `from`");
    }
    Some(Held::Between { from, to })
}
