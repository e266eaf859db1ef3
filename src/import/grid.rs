//! The grid that partitions lie on: their width, the zone of the calendar, and where it starts counting.
//!
//! Of several that fit the simplest is taken: the longest unit, the first zone, no anchor where none is needed. What
//! else fits is told.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::{is_on, windows};
use crate::catalog::{Bound, Datum, KeyColumn, Table};
use crate::keys::{Axis, Encoding, KeyCodec, codec_for, encodings_for};
use crate::schedule::{Edge, Grid, Interval, Unit, Window, Zone};

/// Partitions that are looked at, newest first: what was long ago says little of what is to come.
const LOOKED_AT: usize = 200;

/// Zones that many databases follow, for where several fit.
pub(super) const COMMON: [Tz; 14] = [
    Tz::Europe__London,
    Tz::Europe__Berlin,
    Tz::Europe__Paris,
    Tz::Europe__Madrid,
    Tz::Europe__Rome,
    Tz::Europe__Istanbul,
    Tz::America__New_York,
    Tz::America__Chicago,
    Tz::America__Los_Angeles,
    Tz::America__Sao_Paulo,
    Tz::Asia__Kolkata,
    Tz::Asia__Shanghai,
    Tz::Asia__Tokyo,
    Tz::Australia__Sydney,
];

/// Texts that a key of text may carry a date as.
const DATE_TEXTS: [&str; 6] = ["%Y%m%d", "%Y-%m-%d", "%Y_%m_%d", "%Y%m", "%Y-%m", "%Y"];

/// A grid, as a policy writes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub every: String,
    /// The zones in which it is one, likely ones first; none where the key has no zone.
    pub zones: Vec<Tz>,
    pub anchor: Option<String>,
    /// Without quotes.
    pub encoding: Option<String>,
    /// Windows that lie on it, of all that were looked at.
    pub on_grid: usize,
    pub of: usize,
}

/// What a codec makes of the bounds.
struct Reading {
    codec: Arc<dyn KeyCodec>,
    /// `None`: the key's type says it all.
    encoding: Option<String>,
    windows: Vec<Window>,
}

/// The grid of the table's partitions. `encoding` and `every` are what is known of it already.
///
/// # Errors
/// Why there is none, as a sentence.
pub(super) fn find(
    table: &Table,
    column: &KeyColumn,
    every: Option<&str>,
    encoding: Option<&str>,
    zones: &[Tz],
) -> Result<Found, String> {
    let type_name = &column.type_name;
    let mut readings = Vec::new();
    for written in encodings(type_name, encoding) {
        let parsed = match &written {
            Some(written) => Some(written.parse::<Encoding>().map_err(|error| format!("Its key {}.", error.message))?),
            None => None,
        };
        let Some(codec) = codec_for(type_name, parsed.as_ref()) else { continue };
        if let Some(windows) = readable(table, codec.as_ref()) {
            readings.push(Reading { codec, encoding: written, windows });
        }
    }
    if readings.is_empty() {
        return Err(format!(
            "Its key has type {type_name}, and its bounds show no time and no number that a grid could follow."
        ));
    }
    let found = readings.iter().filter_map(|reading| of_reading(reading, every, zones));
    // The type's own reading comes first and stays unless another one explains more.
    let best = found.reduce(|best, next| if is_better(&next, &best) { next } else { best });
    best.ok_or_else(|| "It has no partition that shows how wide the next one should be.".to_owned())
}

fn is_better(next: &Found, best: &Found) -> bool {
    // Numbers that are whole days since 1970 are hardly a coincidence, if all of them are.
    let is_whole = next.on_grid == next.of && 1 < next.of;
    let times = next.encoding.is_some() && best.encoding.is_none() && is_whole && next.is_of_days();
    times || best.on_grid * next.of < next.on_grid * best.of
}

impl Found {
    fn is_of_days(&self) -> bool {
        self.every.parse::<Interval>().is_ok_and(|every| !matches!(every.unit(), Unit::Minute | Unit::Hour))
    }
}

/// The encodings to try; `None` is the type's own.
fn encodings(type_name: &str, known: Option<&str>) -> Vec<Option<String>> {
    if let Some(known) = known {
        return vec![Some(known.to_owned())];
    }
    let mut tried = vec![None];
    for example in encodings_for(type_name) {
        match example.as_str() {
            // A snowflake's epoch and shift are nobody's to guess.
            text if text.starts_with('{') => {}
            text if text.starts_with("text:") => {
                tried.extend(DATE_TEXTS.map(|format| Some(format!("text:{format}"))));
            }
            word => tried.push(Some(word.to_owned())),
        }
    }
    tried
}

/// The windows, when every bound that is one can be read.
fn readable(table: &Table, codec: &dyn KeyCodec) -> Option<Vec<Window>> {
    let edge = |data: &[Datum]| match data.first()? {
        Datum::Value(text) => codec.decode(text),
        Datum::MinValue => Some(Edge::Below),
        Datum::MaxValue => Some(Edge::Above),
        Datum::Null => None,
    };
    let window = |bound: &Bound| match bound {
        Bound::Range { from, to } => Some((edge(from)?, edge(to)?)),
        _ => None,
    };
    let ranges = table.visible().filter(|partition| matches!(partition.bound, Bound::Range { .. }));
    if !ranges.into_iter().all(|partition| window(&partition.bound).is_some()) {
        return None;
    }
    let mut found = windows(table, |bound| {
        let (from, to) = window(bound)?;
        Window::new(from.point()?, to.point()?)
    });
    let older = found.len().saturating_sub(LOOKED_AT);
    found.drain(..older);
    Some(found)
}

fn of_reading(reading: &Reading, every: Option<&str>, zones: &[Tz]) -> Option<Found> {
    let Reading { codec, encoding, windows } = reading;
    let found = match codec.axis() {
        Axis::Integer => numbers(windows, every)?,
        Axis::WallClock | Axis::Day => times(windows, every, Zone::WallClock)?,
        Axis::Instant => {
            let all = zones.iter().chain(&COMMON).chain(&TZ_VARIANTS).copied();
            let mut tried: Vec<(Tz, Found)> = Vec::new();
            for zone in all {
                if tried.iter().any(|(known, _)| *known == zone) {
                    continue;
                }
                tried.extend(times(windows, every, Zone::Named(zone)).map(|found| (zone, found)));
            }
            let rank = |found: &Found| (found.on_grid, found.anchor.is_none(), unit_of(found));
            let most = tried.iter().map(|(_, found)| rank(found)).max()?;
            tried.retain(|(_, found)| rank(found) == most);
            let zones = tried.iter().map(|(zone, _)| *zone).collect();
            Found { zones, ..tried.swap_remove(0).1 }
        }
    };
    // A time that a number carries is one of our own, or it is a number.
    let far =
        |window: &Window| Zone::WallClock.local(window.start()).is_none_or(|at| !(1990..=2100).contains(&at.year()));
    if encoding.is_some() && windows.iter().any(far) {
        return None;
    }
    Some(Found { encoding: encoding.clone(), ..found })
}

/// Longer units are simpler: a month is no 30 days.
fn unit_of(found: &Found) -> usize {
    let unit = found.every.parse::<Interval>().ok().map(Interval::unit);
    unit.and_then(|unit| Unit::ALL.iter().position(|known| *known == unit)).unwrap_or_default()
}

fn numbers(windows: &[Window], wanted: Option<&str>) -> Option<Found> {
    let width = |window: &Window| window.end().0 - window.start().0;
    let every = match wanted {
        Some(wanted) => wanted.parse().ok()?,
        None => most_common(windows.iter().map(width))?,
    };
    let newest = windows.iter().rev().find(|window| width(window) == every);
    let anchor = newest.map_or(0, |window| window.start().0.rem_euclid(every));
    let on_grid = windows.iter().filter(|window| is_on(&Grid::Integer { every, anchor }, **window)).count();
    Some(Found {
        every: every.to_string(),
        zones: Vec::new(),
        anchor: (anchor != 0).then(|| anchor.to_string()),
        encoding: None,
        on_grid,
        of: windows.len(),
    })
}

fn times(windows: &[Window], wanted: Option<&str>, zone: Zone) -> Option<Found> {
    let every: Interval = match wanted {
        Some(wanted) => wanted.parse().ok()?,
        None => most_common(windows.iter().filter_map(|window| step_of(*window, zone)))?,
    };
    let newest = windows.iter().rev().find(|window| step_of(**window, zone) == Some(every)).or(windows.last());
    let default =
        NaiveDate::from_ymd_opt(2000, 1, if every.unit() == Unit::Week { 3 } else { 1 })?.and_time(NaiveTime::MIN);
    let anchors = [Some(default), newest.and_then(|window| zone.local(window.start()))];
    let found = anchors.into_iter().flatten().map(|anchor| {
        let grid = Grid::Time { every, anchor, zone };
        let on_grid = windows.iter().filter(|window| is_on(&grid, **window)).count();
        (on_grid, (anchor != default).then(|| written(anchor)))
    });
    let (on_grid, anchor) = found.reduce(|best, next| if best.0 < next.0 { next } else { best })?;
    let every = every.to_string();
    Some(Found { every, zones: Vec::new(), anchor, encoding: None, on_grid, of: windows.len() })
}

fn written(anchor: NaiveDateTime) -> String {
    let format = if anchor.time() == NaiveTime::MIN { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S" };
    anchor.format(format).to_string()
}

/// The step from the start of a window to its end, in the longest unit that it is a whole number of.
fn step_of(window: Window, zone: Zone) -> Option<Interval> {
    let (from, to) = (zone.local(window.start())?, zone.local(window.end())?);
    let count = |count: i64, unit| Interval::new(u32::try_from(count).ok()?, unit).ok();
    if from.time() == to.time() {
        let months = |at: NaiveDateTime| i64::from(at.year()) * 12 + i64::from(at.month0());
        let between = months(to) - months(from);
        if from.day() == to.day() && 0 < between {
            return match between {
                _ if between % 12 == 0 => count(between / 12, Unit::Year),
                _ if between % 3 == 0 && from.month0() % 3 == 0 => count(between / 3, Unit::Quarter),
                _ => count(between, Unit::Month),
            };
        }
        let days = (to.date() - from.date()).num_days();
        return if days % 7 == 0 { count(days / 7, Unit::Week) } else { count(days, Unit::Day) };
    }
    let minutes = i64::try_from((window.end().0 - window.start().0) / 60_000_000).ok()?;
    let is_whole = (window.end().0 - window.start().0) % 60_000_000 == 0;
    match minutes {
        _ if !is_whole => None,
        _ if minutes % 60 == 0 => count(minutes / 60, Unit::Hour),
        _ => count(minutes, Unit::Minute),
    }
}

/// What comes up most often; of those that come up as often the latest.
fn most_common<T: PartialEq + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut counted: Vec<(T, usize)> = Vec::new();
    for value in values {
        let before = counted.iter().position(|(known, _)| *known == value).map(|at| counted.remove(at).1);
        counted.push((value, before.unwrap_or_default() + 1));
    }
    counted.into_iter().max_by_key(|(_, count)| *count).map(|(value, _)| value)
}
