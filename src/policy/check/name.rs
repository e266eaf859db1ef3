//! `partition.name`: whether a template goes with the strategy and gives neighbours different names.

use std::collections::HashMap;

use chrono::format::{Item, Numeric, StrftimeItems};
use chrono::{Months, NaiveDate, NaiveDateTime, TimeDelta};

use crate::policy::document::Node;
use crate::policy::model::{AxisValue, Partitioning};
use crate::policy::name_template::{NameTemplate, Segment, format_time};
use crate::schedule::{Interval, Unit};

use super::partition::Axis;
use super::report::Report;
use super::rules;
use super::scalars::text;
use super::section::Section;

/// So many neighbours are named for comparison: of days, a year and more; of weeks, the years in which `%Y` does not
/// go with `%V`.
const NEIGHBOURS: i64 = 400;

/// Reads the template. One that comes from defaults and does not go with the strategy is left out.
pub(super) fn read(
    section: &Section<'_>,
    axis: Option<Axis>,
    partitioning: Option<&Partitioning>,
    report: &mut Report<'_>,
) -> Option<NameTemplate> {
    let template = section.optional("name", report, parse)?;
    let misfit = match axis {
        None => None,
        Some(axis) => misfit(&template, axis).or_else(|| {
            let Axis::Time(every) = axis else { return None };
            let anchor = match partitioning {
                Some(Partitioning::Range(range)) => range.anchor,
                _ => None,
            };
            twins(&template, every, anchor)
        }),
    };
    let Some((message, hint)) = misfit else { return Some(template) };
    if let Some(entry) = section.own("name") {
        report.hinted(rules::NAME_TEMPLATE, &entry.value.span, message, hint);
    }
    None
}

fn parse(node: &Node, report: &mut Report<'_>) -> Option<NameTemplate> {
    let text = text(node, report)?;
    match NameTemplate::parse(&text) {
        Ok(template) => Some(template),
        Err(error) => {
            let span = report.part(node, &text, error.at);
            match error.hint {
                Some(hint) => report.hinted(rules::NAME_TEMPLATE, &span, error.message, hint),
                None => report.problem(rules::NAME_TEMPLATE, &span, error.message),
            }
            None
        }
    }
}

/// A placeholder that the strategy does not have, or the lack of the one that tells its partitions apart.
fn misfit(template: &NameTemplate, axis: Axis) -> Option<(String, &'static str)> {
    let hint = match axis {
        Axis::Time(_) => "write it as in `{table}_{start:%Y_%m}`",
        Axis::Integer => "write it as in `{table}_{start}`",
        Axis::List => "write it as in `{table}_{value}`",
        Axis::Hash => "write it as in `{table}_p{remainder}`",
    };
    let mut distinct = false;
    for segment in template.segments() {
        let (placeholder, fits, distinguishes) = match segment {
            Segment::Text(_) | Segment::Table | Segment::Parent => continue,
            Segment::Value => ("{value}", axis == Axis::List, true),
            Segment::Remainder => ("{remainder}", axis == Axis::Hash, true),
            Segment::Modulus => ("{modulus}", axis == Axis::Hash, false),
            Segment::Start(_) => ("{start}", axis.strategy() == "range", true),
            Segment::End(_) => ("{end}", axis.strategy() == "range", true),
        };
        if !fits {
            return Some((format!("`{placeholder}` does not go with `{}`", axis.strategy()), hint));
        }
        if axis == Axis::Integer && matches!(segment, Segment::Start(Some(_)) | Segment::End(Some(_))) {
            return Some((format!("a number takes no format in `{placeholder}`"), hint));
        }
        distinct |= distinguishes;
    }
    if distinct { None } else { Some(("all partitions would have the same name".to_owned(), hint)) }
}

/// Two partitions of the grid that the template gives the same name.
fn twins(template: &NameTemplate, every: Interval, anchor: Option<AxisValue>) -> Option<(String, &'static str)> {
    if template.segments().iter().any(|segment| is_exact(segment, every.unit())) {
        return None;
    }
    let monday = NaiveDate::from_ymd_opt(2000, 1, 3)?.and_hms_opt(0, 0, 0)?;
    let first = match anchor {
        Some(AxisValue::Time(anchor)) => anchor,
        _ => monday.checked_sub_days(chrono::Days::new(if every.unit() == Unit::Week { 0 } else { 2 }))?,
    };
    let neighbours = (0..NEIGHBOURS).map_while(|index| shift(first, every, index));
    let a_year_later = first.checked_add_months(Months::new(12)).filter(|_| divides_the_day(every));
    let mut named: HashMap<String, NaiveDateTime> = HashMap::new();
    for start in neighbours.chain(a_year_later) {
        let name = name(template, start, shift(start, every, 1)?)?;
        match named.insert(name, start) {
            Some(twin) if twin != start => {
                let show = |time: NaiveDateTime| time.format("%Y-%m-%d %H:%M").to_string();
                let message = format!("the partitions of {} and {} would have the same name", show(twin), show(start));
                return Some((message, "let the format write all that differs, down to the unit of `every`"));
            }
            _ => {}
        }
    }
    None
}

/// Two partitions of the grid whose names do not sort as they do, in order of time.
pub(super) fn unsorted(
    template: &NameTemplate,
    every: Interval,
    anchor: Option<AxisValue>,
) -> Option<(String, String)> {
    let first = match anchor {
        Some(AxisValue::Time(anchor)) => anchor,
        _ => NaiveDate::from_ymd_opt(2000, 1, if every.unit() == Unit::Week { 3 } else { 1 })?.and_hms_opt(0, 0, 0)?,
    };
    // Short steps come to no new month; longer ones show what the years do.
    let by_month = (1..NEIGHBOURS).map_while(|months| shift(first, Interval::new(1, Unit::Month).ok()?, months));
    let by_step = (1..NEIGHBOURS).map_while(|steps| shift(first, every, steps));
    let named = |start: NaiveDateTime| name(template, start, shift(start, every, 1)?);
    let is_unsorted =
        |pair: &[NaiveDateTime]| named(pair[1]).zip(named(pair[0])).is_some_and(|(later, earlier)| later < earlier);
    for starts in [by_step.collect::<Vec<_>>(), by_month.filter(|_| !matches!(every.unit(), Unit::Week)).collect()] {
        if let Some(pair) = starts.windows(2).find(|pair| is_unsorted(pair)) {
            let show = |time: NaiveDateTime| time.format("%Y-%m-%d %H:%M").to_string();
            return Some((show(pair[0]), show(pair[1])));
        }
    }
    None
}

/// Whether a bound is written down to its unit, so that no two can look alike.
fn is_exact(segment: &Segment, unit: Unit) -> bool {
    let format = match segment {
        Segment::Start(Some(format)) | Segment::End(Some(format)) => format,
        // partctl's own form tells neighbours apart.
        Segment::Start(None) | Segment::End(None) => return true,
        _ => return false,
    };
    let written: Vec<Numeric> = StrftimeItems::new(format)
        .filter_map(|item| if let Item::Numeric(numeric, _) = item { Some(numeric) } else { None })
        .collect();
    let needed: &[Numeric] = match unit {
        Unit::Year => &[Numeric::Year],
        Unit::Quarter | Unit::Month => &[Numeric::Year, Numeric::Month],
        Unit::Week | Unit::Day => &[Numeric::Year, Numeric::Month, Numeric::Day],
        Unit::Hour => &[Numeric::Year, Numeric::Month, Numeric::Day, Numeric::Hour],
        Unit::Minute => &[Numeric::Year, Numeric::Month, Numeric::Day, Numeric::Hour, Numeric::Minute],
    };
    needed.iter().all(|needed| written.contains(needed))
}

/// Whether the same time of each day is on the grid.
fn divides_the_day(every: Interval) -> bool {
    match every.unit() {
        Unit::Minute => 1_440 % every.count() == 0,
        Unit::Hour => 24 % every.count() == 0,
        _ => false,
    }
}

/// The bounds as the template writes them.
fn name(template: &NameTemplate, start: NaiveDateTime, end: NaiveDateTime) -> Option<String> {
    let mut name = String::new();
    for segment in template.segments() {
        match segment {
            Segment::Start(Some(format)) => name.push_str(&format_time(format, start)?),
            Segment::End(Some(format)) => name.push_str(&format_time(format, end)?),
            _ => name.push('_'),
        }
    }
    Some(name)
}

/// Wall clock time will do here: clock changes do not change how a bound is written.
fn shift(from: NaiveDateTime, every: Interval, steps: i64) -> Option<NaiveDateTime> {
    let count = i64::from(every.count()) * steps;
    let months = |count: i64| from.checked_add_months(Months::new(u32::try_from(count).ok()?));
    match every.unit() {
        Unit::Minute => from.checked_add_signed(TimeDelta::try_minutes(count)?),
        Unit::Hour => from.checked_add_signed(TimeDelta::try_hours(count)?),
        Unit::Day => from.checked_add_signed(TimeDelta::try_days(count)?),
        Unit::Week => from.checked_add_signed(TimeDelta::try_weeks(count)?),
        Unit::Month => months(count),
        Unit::Quarter => months(count * 3),
        Unit::Year => months(count * 12),
    }
}
