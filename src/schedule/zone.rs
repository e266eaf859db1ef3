//! Wall clocks: which point a local time is, and which local time a point shows.
//!
//! Decides how a time that a clock shows twice or never is read. Never asks what time it is now.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, MappedLocalTime, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

use super::Point;
use super::interval::{Interval, Step};

const MICROS_PER_SECOND: i128 = 1_000_000;

/// The years of the wall clock that grids and retention reckon with; four digits, and inside what Postgres holds.
const YEARS: RangeInclusive<i32> = 1..=9999;

/// What clock the axis of a time key follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    /// The axis is the wall clock itself, in microseconds since 1970-01-01 00:00: `timestamp` and `date`.
    WallClock,
    /// The axis is microseconds since the Unix epoch, and this zone's clocks say what they are called: `timestamptz`
    /// and ids ordered by time. Its changes of the clocks are known up to the year 2100.
    Named(Tz),
}

impl Zone {
    /// The first point at which the wall clock reads the given time or a later one.
    ///
    /// So a time that comes twice is its first occurrence, and a time that is skipped is the end of the gap. A
    /// greater time is never an earlier point. Parts of a microsecond are cut off.
    pub fn point(self, local: NaiveDateTime) -> Point {
        let wall = i128::from(local.and_utc().timestamp_micros());
        let Self::Named(tz) = self else { return Point(wall) };
        match tz.offset_from_local_datetime(&local) {
            MappedLocalTime::Single(offset) | MappedLocalTime::Ambiguous(offset, _) => {
                Point(wall - i128::from(offset.fix().local_minus_utc()) * MICROS_PER_SECOND)
            }
            MappedLocalTime::None => {
                let end = GapInfo::new(&local, &tz).and_then(|gap| gap.end);
                let end = end.expect("a time that no clock shows lies in a gap, and every gap ends");
                Point(i128::from(end.timestamp_micros()))
            }
        }
    }

    /// What the wall clock reads at a point, or `None` beyond the 262,000 years that chrono knows.
    pub fn local(self, point: Point) -> Option<NaiveDateTime> {
        let utc = utc(point)?;
        match self {
            Self::WallClock => Some(utc),
            Self::Named(tz) => utc.checked_add_offset(tz.offset_from_utc_datetime(&utc).fix()),
        }
    }

    /// How many seconds the wall clock is ahead of UTC at a point: 0 for [`Zone::WallClock`], and beyond chrono's
    /// years what the nearest of them has.
    pub fn offset_seconds(self, point: Point) -> i32 {
        let Self::Named(tz) = self else { return 0 };
        let nearest = if point < Point(0) { NaiveDateTime::MIN } else { NaiveDateTime::MAX };
        tz.offset_from_utc_datetime(&utc(point).unwrap_or(nearest)).fix().local_minus_utc()
    }

    /// The point one interval later, always greater: days and longer on the calendar (31 January plus a month is the
    /// end of February), minutes and hours in physical time. `None` outside the years 1 to 9999.
    pub fn after(self, point: Point, interval: Interval) -> Option<Point> {
        self.shift(point, interval, 1)
    }

    /// The point one interval earlier, by the same rules. Never greater; the same point only where a zone skipped the
    /// very day that would be the answer.
    pub fn before(self, point: Point, interval: Interval) -> Option<Point> {
        self.shift(point, interval, -1)
    }

    fn shift(self, point: Point, interval: Interval, steps: i64) -> Option<Point> {
        let shifted = match interval.step() {
            Step::Absolute { micros } => Point(point.0.checked_add(i128::from(micros * steps))?),
            Step::Calendar(step) => self.point(step.shift(self.supported(point)?, steps)?),
        };
        self.supported(shifted).map(|_| shifted)
    }

    /// What the wall clock reads at a point, if that is a year that grids reckon with.
    pub(super) fn supported(self, point: Point) -> Option<NaiveDateTime> {
        self.local(point).filter(|local| YEARS.contains(&local.year()))
    }
}

impl Interval {
    /// The moment one interval later on the calendar of UTC; `None` beyond the year 9999.
    pub fn after(self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let point = Zone::Named(Tz::UTC).after(Point(i128::from(moment.timestamp_micros())), self)?;
        DateTime::from_timestamp_micros(i64::try_from(point.0).ok()?)
    }
}

fn utc(point: Point) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(i64::try_from(point.0).ok()?).map(|utc| utc.naive_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Unit;

    fn local(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }

    /// The point of a local time, written in UTC.
    fn utc_of(tz: Tz, text: &str) -> String {
        let point = Zone::Named(tz).point(local(text));
        utc(point).unwrap().to_string()
    }

    fn every(text: &str) -> Interval {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_that_comes_twice_is_its_first_occurrence() {
        assert_eq!(utc_of(Tz::Europe__Berlin, "2026-10-25 02:30"), "2026-10-25 00:30:00");
        assert_eq!(utc_of(Tz::Europe__Berlin, "2026-10-25 03:00"), "2026-10-25 02:00:00");
        assert_eq!(utc_of(Tz::America__Havana, "2026-11-01 00:00"), "2026-11-01 04:00:00");
        assert_eq!(utc_of(Tz::Atlantic__Azores, "2026-10-25 00:00"), "2026-10-25 00:00:00");
        assert_eq!(utc_of(Tz::Australia__Lord_Howe, "2026-04-05 01:45"), "2026-04-04 14:45:00");
    }

    #[test]
    fn a_skipped_time_is_the_end_of_the_gap() {
        assert_eq!(utc_of(Tz::Europe__Berlin, "2026-03-29 02:00"), "2026-03-29 01:00:00");
        assert_eq!(utc_of(Tz::Europe__Berlin, "2026-03-29 02:59"), "2026-03-29 01:00:00");
        assert_eq!(utc_of(Tz::America__Sao_Paulo, "2018-11-04 00:00"), "2018-11-04 03:00:00");
        assert_eq!(utc_of(Tz::Pacific__Apia, "2011-12-30 00:00"), "2011-12-30 10:00:00");
        assert_eq!(utc_of(Tz::Pacific__Apia, "2011-12-30 23:59"), "2011-12-30 10:00:00");
        assert_eq!(utc_of(Tz::Pacific__Apia, "2011-12-31 00:00"), "2011-12-30 10:00:00");
    }

    #[test]
    fn offsets_of_45_minutes_and_of_odd_seconds_are_exact() {
        assert_eq!(utc_of(Tz::Asia__Kathmandu, "2026-01-01 00:00"), "2025-12-31 18:15:00");
        assert_eq!(utc_of(Tz::Pacific__Chatham, "2026-07-01 00:00"), "2026-06-30 11:15:00");
        assert_eq!(utc_of(Tz::Africa__Monrovia, "1971-01-01 00:00"), "1971-01-01 00:44:30");
        let zone = Zone::Named(Tz::Africa__Monrovia);
        assert_eq!(zone.offset_seconds(zone.point(local("1971-01-01 00:00"))), -2670);
    }

    #[test]
    fn a_wall_clock_never_changes() {
        let point = Zone::WallClock.point(local("1970-01-02 00:00"));
        assert_eq!(point, Point(86_400_000_000));
        assert_eq!(Zone::WallClock.local(point), Some(local("1970-01-02 00:00")));
        assert_eq!(Zone::WallClock.offset_seconds(point), 0);
    }

    #[test]
    fn points_beyond_the_calendar_have_no_local_time_and_do_not_panic() {
        for zone in [Zone::WallClock, Zone::Named(Tz::Europe__Berlin)] {
            for point in [i128::MIN, i128::from(i64::MIN), i128::from(i64::MAX), i128::MAX].map(Point) {
                assert_eq!(zone.local(point), None);
                assert_eq!(zone.after(point, every("1 day")), None);
                assert_eq!(zone.before(point, every("1 minute")), None);
                zone.offset_seconds(point);
            }
            for local in [NaiveDateTime::MIN, NaiveDateTime::MAX] {
                zone.point(local);
            }
            assert_eq!(zone.before(zone.point(local("2026-01-01 00:00")), every("2026 years")), None);
            assert_eq!(zone.after(zone.point(local("2026-01-01 00:00")), every("1000000 years")), None);
        }
    }

    #[test]
    fn days_and_longer_are_calendar_steps_and_month_ends_clip() {
        let berlin = Zone::Named(Tz::Europe__Berlin);
        for (from, interval, to) in [
            ("2026-03-28 12:00", "1 day", "2026-03-29 12:00"),
            ("2026-03-28 02:30", "1 day", "2026-03-29 03:00"),
            ("2026-03-28 12:00", "24 hours", "2026-03-29 13:00"),
            ("2026-10-24 12:00", "24 hours", "2026-10-25 11:00"),
            ("2026-01-31 08:00", "1 month", "2026-02-28 08:00"),
            ("2024-02-29 00:00", "1 year", "2025-02-28 00:00"),
            ("2026-11-30 00:00", "1 quarter", "2027-02-28 00:00"),
            ("2026-12-28 00:00", "2 weeks", "2027-01-11 00:00"),
        ] {
            let point = berlin.after(berlin.point(local(from)), every(interval)).unwrap();
            assert_eq!(berlin.local(point), Some(local(to)), "{from} + {interval}");
        }
        for (from, interval, to) in [
            ("2026-03-31 08:00", "1 month", "2026-02-28 08:00"),
            ("2026-06-15 00:00", "24 months", "2024-06-15 00:00"),
            ("2026-03-30 00:00", "24 hours", "2026-03-28 23:00"),
        ] {
            let point = berlin.before(berlin.point(local(from)), every(interval)).unwrap();
            assert_eq!(berlin.local(point), Some(local(to)), "{from} - {interval}");
        }
    }

    #[test]
    fn one_of_any_unit_moves_a_point_both_ways() {
        for unit in Unit::ALL {
            for zone in [Zone::WallClock, Zone::Named(Tz::Pacific__Apia)] {
                let (point, one) = (zone.point(local("2011-12-29 10:00")), Interval::new(1, unit).unwrap());
                assert!(point < zone.after(point, one).unwrap());
                assert!(zone.before(point, one).unwrap() < point);
            }
        }
    }
}
