//! Range partitions: the step, the zone of its calendar, and where it starts counting.

use std::str::FromStr;

use chrono_tz::{TZ_VARIANTS, Tz};

use crate::keys::Encoding;
use crate::policy::check::nearest::{did_you_mean, nearest};
use crate::policy::check::report::Report;
use crate::policy::check::rules;
use crate::policy::check::scalars::{
    axis_value, decimal, interval_problem, scalar, shown, text, without_quotes, wrong_type,
};
use crate::policy::check::section::Section;
use crate::policy::document::{Form, Node};
use crate::policy::model::{AxisValue, Every, Partitioning, RangePolicy};

use super::Axis;
use super::encoding::encoding;
use super::key::parts;

/// The keys of a grid, as far as they could be read.
pub(super) struct GridKeys {
    every: Option<Every>,
    timezone: Option<Tz>,
    anchor: Option<AxisValue>,
    encoding: Option<Encoding>,
}

/// Reads each key by itself.
pub(super) fn read_keys(section: &Section<'_>, report: &mut Report<'_>) -> GridKeys {
    GridKeys {
        every: section.optional("every", report, every),
        timezone: section.optional("timezone", report, timezone),
        anchor: section.optional("anchor", report, axis_value),
        encoding: section.optional("encoding", report, encoding),
    }
}

/// Reads a range policy, and whether its keys fit each other.
pub(super) fn read(section: &Section<'_>, report: &mut Report<'_>) -> (Option<Axis>, Option<Partitioning>) {
    let key = section.required("range", report, parts);
    if section.get("every").is_none() {
        section.missing("every", report);
    }
    let GridKeys { every, mut timezone, mut anchor, mut encoding } = read_keys(section, report);
    let axis = every.map(|every| match every {
        Every::Time(interval) => Axis::Time(interval),
        Every::Integer(_) => Axis::Integer,
    });
    if axis == Some(Axis::Integer) {
        if let Some(entry) = section.own("timezone") {
            let message = "`timezone` does not go with a grid of numbers";
            report.hinted(rules::CONTRADICTION, &entry.key_span, message, "leave it out, or write `every: 1 month`");
        }
        timezone = None;
        if let Some(entry) = section.own("encoding") {
            let message = "`encoding` says how a key carries a time, and `every` is a number";
            report.hinted(rules::CONTRADICTION, &entry.key_span, message, "leave it out, or write `every: 1 month`");
        }
        encoding = None;
    }
    if encoding.as_ref().is_some_and(Encoding::holds_instants) && section.get("timezone").is_none() {
        section.missing("timezone", report);
    }
    let fits = match (axis, anchor) {
        (Some(Axis::Time(_)), Some(AxisValue::Integer(_))) => Err("`anchor` is a number where `every` is a time"),
        (Some(Axis::Integer), Some(AxisValue::Time(_))) => Err("`anchor` is a date where `every` is a number"),
        _ => Ok(()),
    };
    if let Err(message) = fits {
        anchor = None;
        if let Some(entry) = section.own("anchor") {
            report.problem(rules::CONTRADICTION, &entry.value.span, message);
        }
    }
    let partitioning =
        key.zip(every).map(|(key, every)| Partitioning::Range(RangePolicy { key, encoding, every, timezone, anchor }));
    (axis, partitioning)
}

fn every(node: &Node, report: &mut Report<'_>) -> Option<Every> {
    const EXPECTED: &str = "a time with its unit, or a whole number for an integer key";
    let scalar = scalar(node, EXPECTED, report)?;
    match (scalar.form, decimal(&scalar.text)) {
        (Form::Typed, Some(number)) if 1 <= number => return Some(Every::Integer(number)),
        (Form::Typed, Some(_)) => {
            let message = format!("{} is out of range", shown(&scalar.text));
            report.hinted(rules::OUT_OF_RANGE, &node.span, message, "a partition is at least 1 wide");
        }
        (Form::Text, Some(_)) => without_quotes(node, EXPECTED, report),
        (Form::Typed, None) => wrong_type(node, EXPECTED, report),
        (Form::Text, None) => match scalar.text.parse() {
            Ok(interval) => return Some(Every::Time(interval)),
            Err(error) => interval_problem(node, &scalar.text, &error, ["months", "days"], report),
        },
    }
    None
}

fn timezone(node: &Node, report: &mut Report<'_>) -> Option<Tz> {
    let name = text(node, report)?;
    if let Ok(zone) = Tz::from_str(&name) {
        return Some(zone);
    }
    let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
    let city = |known: &&str| known.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&name));
    let hint = match names().find(city).or_else(|| nearest(&name, names())) {
        Some(near) => did_you_mean(near),
        None => "write an IANA name such as `Europe/Berlin` or `UTC`".to_owned(),
    };
    report.hinted(rules::TIME_ZONE, &node.span, format!("unknown time zone {}", shown(&name)), hint);
    None
}
