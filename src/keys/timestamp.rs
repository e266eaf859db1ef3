//! Time keys: `timestamptz` on the axis of instants, `timestamp` and `date` on the wall clock.
//!
//! Text is that of DateStyle ISO; `timestamptz` comes with the session's offset, `BC` marks years before 1.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::{Axis, CodecKind, KeyCodec};
use crate::schedule::{Edge, Point, Window, Zone};

pub(super) const TIMESTAMPTZ: CodecKind = CodecKind {
    encoding: None,
    types: &["timestamp with time zone"],
    example: "",
    make: |_| Ok(Arc::new(Timestamptz)),
};
pub(super) const TIMESTAMP: CodecKind = CodecKind {
    encoding: None,
    types: &["timestamp without time zone"],
    example: "",
    make: |_| Ok(Arc::new(Timestamp)),
};
pub(super) const DATE: CodecKind =
    CodecKind { encoding: None, types: &["date"], example: "", make: |_| Ok(Arc::new(Date)) };

#[derive(Debug)]
struct Timestamptz;
#[derive(Debug)]
struct Timestamp;
#[derive(Debug)]
struct Date;

impl KeyCodec for Timestamptz {
    fn axis(&self) -> Axis {
        Axis::Instant
    }

    fn limits(&self) -> Window {
        years()
    }

    fn encode(&self, point: Point, zone: Zone) -> String {
        with_offset(point, zone)
    }

    fn decode(&self, text: &str) -> Option<Edge> {
        infinite(text).or_else(|| {
            let (text, era) = era(text);
            let at = text.rfind(['+', '-']).filter(|at| 10 < *at)?;
            let local = date_time(&text[..at], era)?;
            let seconds = offset_seconds(&text[at..])?;
            Some(Edge::At(micros(local.checked_sub_signed(TimeDelta::seconds(seconds))?)))
        })
    }
}

/// The offset is always written (policy rule 6), so no session's TimeZone can move the bound. Offsets with seconds,
/// which zones had before standard time, are written as UTC.
fn with_offset(point: Point, zone: Zone) -> String {
    let offset = match zone.offset_seconds(point) {
        offset if offset % 60 == 0 => offset,
        _ => 0,
    };
    let minutes = offset.abs() / 60;
    let sign = if offset < 0 { '-' } else { '+' };
    format!("{}{sign}{:02}:{:02}", iso(point, offset), minutes / 60, minutes % 60)
}

/// A wall clock time for a person, whatever the key that carries it.
pub(super) fn describe_wall_clock(point: Point) -> String {
    short(local(point))
}

/// An instant for a person, whatever the key that carries it. Midnight in the zone is shown as the day alone; zeros at
/// the end of time and offset are left out.
pub(super) fn describe_instant(point: Point, zone: Zone) -> String {
    match zone.local(point) {
        Some(local) if local.time() == NaiveTime::MIN && point == zone.point(local) => short(local),
        _ => with_offset(point, zone).replace(":00+", "+").replace(":00-", "-").trim_end_matches(":00").to_owned(),
    }
}

impl KeyCodec for Timestamp {
    fn axis(&self) -> Axis {
        Axis::WallClock
    }

    fn limits(&self) -> Window {
        years()
    }

    fn encode(&self, point: Point, _zone: Zone) -> String {
        iso(point, 0)
    }

    fn decode(&self, text: &str) -> Option<Edge> {
        infinite(text).or_else(|| {
            let (text, era) = era(text);
            Some(Edge::At(micros(date_time(text, era)?)))
        })
    }
}

impl KeyCodec for Date {
    fn axis(&self) -> Axis {
        Axis::Day
    }

    fn limits(&self) -> Window {
        years()
    }

    fn encode(&self, point: Point, _zone: Zone) -> String {
        short(local(point).date().and_time(NaiveTime::MIN))
    }

    fn decode(&self, text: &str) -> Option<Edge> {
        infinite(text).or_else(|| {
            let (text, era) = era(text);
            Some(Edge::At(micros(date(text, era)?.and_time(NaiveTime::MIN))))
        })
    }
}

/// Years 1 to 9998: what the grid covers, and what chrono and Postgres agree on without eras.
pub(super) fn years() -> Window {
    let day = |year| micros(NaiveDate::from_ymd_opt(year, 1, 2).expect("a day").and_time(NaiveTime::MIN));
    Window::new(day(1), day(9999)).expect("year 1 comes before year 9999")
}

pub(super) fn micros(local: NaiveDateTime) -> Point {
    Point(i128::from(local.and_utc().timestamp_micros()))
}

pub(super) fn local(point: Point) -> NaiveDateTime {
    known(point).expect("points of time are within the calendar")
}

/// `None` beyond the 262,000 years that chrono knows.
fn known(point: Point) -> Option<NaiveDateTime> {
    let micros = i64::try_from(point.0).ok()?;
    Some(chrono::DateTime::from_timestamp_micros(micros)?.naive_utc())
}

/// Where a count of time lies; beyond the calendar it is the end of the axis: people write the type's greatest value
/// for the end of time.
pub(super) fn edge(point: Point) -> Edge {
    // The wall clock must be known as well, a day away at most.
    const DAY: i128 = 86_400_000_000;
    let both = known(Point(point.0 - DAY)).and(known(Point(point.0 + DAY)));
    match both {
        Some(_) => Edge::At(point),
        None if point < Point(0) => Edge::Below,
        None => Edge::Above,
    }
}

fn iso(point: Point, offset: i32) -> String {
    let shifted = Point(point.0 + i128::from(offset) * 1_000_000);
    local(shifted).format("%Y-%m-%d %H:%M:%S%.f").to_string()
}

fn short(local: NaiveDateTime) -> String {
    let format = if local.time() == NaiveTime::MIN { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S%.f" };
    local.format(format).to_string()
}

fn infinite(text: &str) -> Option<Edge> {
    match text {
        "infinity" => Some(Edge::Above),
        "-infinity" => Some(Edge::Below),
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum Era {
    Common,
    BeforeCommon,
}

fn era(text: &str) -> (&str, Era) {
    text.strip_suffix(" BC").map_or((text, Era::Common), |text| (text, Era::BeforeCommon))
}

fn date(text: &str, era: Era) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    match era {
        Era::Common => Some(date),
        Era::BeforeCommon => date.with_year(1 - date.year()),
    }
}

fn date_time(text: &str, era: Era) -> Option<NaiveDateTime> {
    let (day, time) = text.split_once(' ')?;
    Some(date(day, era)?.and_time(NaiveTime::parse_from_str(time, "%H:%M:%S%.f").ok()?))
}

/// `+02`, `-05:30`, and `+00:53:28` of the time before standard time.
fn offset_seconds(text: &str) -> Option<i64> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let mut seconds = 0;
    for (part, unit) in text[1..].split(':').zip([3600, 60, 1]) {
        seconds += part.parse::<i64>().ok()? * unit;
    }
    Some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::codec_for;

    fn at(micros: i128) -> Option<Edge> {
        Some(Edge::At(Point(micros)))
    }

    #[test]
    fn the_same_instant_is_read_from_any_offset() {
        let codec = codec_for("timestamp with time zone", None).unwrap();
        for text in [
            "2024-01-01 00:00:00+00",
            "2023-12-31 19:00:00-05",
            "2024-01-01 05:30:00+05:30",
            "2024-01-01 00:53:28+00:53:28",
        ] {
            assert_eq!(codec.decode(text), at(1_704_067_200_000_000), "{text}");
        }
        assert_eq!(codec.decode("2024-01-01 00:00:00"), None, "an instant needs an offset");
    }

    #[test]
    fn fractions_eras_and_infinities_are_read() {
        let codec = codec_for("timestamp without time zone", None).unwrap();
        assert_eq!(codec.decode("1970-01-01 00:00:00.000001"), at(1));
        assert_eq!(codec.decode("infinity"), Some(Edge::Above));
        assert_eq!(codec.decode("-infinity"), Some(Edge::Below));
        let year_zero = codec.decode("0001-12-31 00:00:00 BC").unwrap();
        assert_eq!(
            Some(Edge::At(Point(year_zero.point().unwrap().0 + 86_400_000_000))),
            codec.decode("0001-01-01 00:00:00")
        );
        assert_eq!(codec_for("date", None).unwrap().decode("2024-02-30"), None);
    }

    #[test]
    fn bounds_carry_the_zones_offset_and_people_see_the_day() {
        let codec = codec_for("timestamp with time zone", None).unwrap();
        let berlin = Zone::Named(chrono_tz::Europe::Berlin);
        let june = berlin.point(NaiveDate::from_ymd_opt(2026, 6, 1).unwrap().and_time(NaiveTime::MIN));
        assert_eq!(codec.encode(june, berlin), "2026-06-01 00:00:00+02:00");
        assert_eq!(codec.describe(june, berlin), "2026-06-01");
        assert_eq!(codec.describe(Point(june.0 + 3_600_000_000), berlin), "2026-06-01 01:00+02");
    }
}
