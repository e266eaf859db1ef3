//! Intervals as people write them: `3 months` on a calendar, `50 ms` on a stopwatch.
//!
//! Decides what such a text means and how one is refused. Knows no dates: what a month is on a given day is the
//! zone's business.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use chrono::{Datelike, Months, NaiveDateTime, TimeDelta};

use super::quantity::{IntervalError, Quantity};

/// The unit of an [`Interval`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Sixty seconds, whatever the wall clock does.
    Minute,
    /// 3,600 seconds, whatever the wall clock does.
    Hour,
    /// A calendar day: 23 or 25 hours when the clocks change.
    Day,
    /// Seven calendar days.
    Week,
    /// A calendar month.
    Month,
    /// Three calendar months.
    Quarter,
    /// Twelve calendar months.
    Year,
}

impl Unit {
    /// Every unit, shortest first.
    pub const ALL: [Self; 7] =
        [Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The singular and the plural, as policies spell them.
    fn spellings(self) -> &'static [&'static str] {
        match self {
            Self::Minute => &["minute", "minutes"],
            Self::Hour => &["hour", "hours"],
            Self::Day => &["day", "days"],
            Self::Week => &["week", "weeks"],
            Self::Month => &["month", "months"],
            Self::Quarter => &["quarter", "quarters"],
            Self::Year => &["year", "years"],
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spellings()[0])
    }
}

/// A positive number of units, at most [`Interval::MAX_COUNT`] of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    count: NonZeroU32,
    unit: Unit,
}

impl Interval {
    /// The largest count: a million years still fit into every integer that reckons with them.
    pub const MAX_COUNT: u32 = 1_000_000;

    /// An interval of 1 to [`Interval::MAX_COUNT`] units; [`IntervalError::Zero`] or [`IntervalError::OutOfRange`]
    /// otherwise.
    pub fn new(count: u32, unit: Unit) -> Result<Self, IntervalError> {
        let count = NonZeroU32::new(count).ok_or(IntervalError::Zero)?;
        if Self::MAX_COUNT < count.get() {
            return Err(IntervalError::OutOfRange { most: "1000000" });
        }
        Ok(Self { count, unit })
    }

    /// How many units, from 1 to [`Interval::MAX_COUNT`].
    pub fn count(self) -> u32 {
        self.count.get()
    }

    /// The unit.
    pub fn unit(self) -> Unit {
        self.unit
    }

    /// How the interval is walked.
    pub(super) fn step(self) -> Step {
        let count = i64::from(self.count.get());
        match self.unit {
            Unit::Minute => Step::Absolute { micros: count * 60_000_000 },
            Unit::Hour => Step::Absolute { micros: count * 3_600_000_000 },
            Unit::Day => Step::Calendar(CalendarStep::Days(count)),
            Unit::Week => Step::Calendar(CalendarStep::Days(count * 7)),
            Unit::Month => Step::Calendar(CalendarStep::Months(count)),
            Unit::Quarter => Step::Calendar(CalendarStep::Months(count * 3)),
            Unit::Year => Step::Calendar(CalendarStep::Months(count * 12)),
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [singular, plural] = [self.unit.spellings()[0], self.unit.spellings()[1]];
        write!(f, "{} {}", self.count, if self.count.get() == 1 { singular } else { plural })
    }
}

impl FromStr for Interval {
    type Err = IntervalError;

    /// Reads `1 month`, `15 minutes`, `3months`. Units are lower case and spelled out, so that `m` cannot be misread.
    fn from_str(text: &str) -> Result<Self, IntervalError> {
        const UNITS: &str = "minutes, hours, days, weeks, months, quarters, years";
        let quantity = Quantity::split(text, UNITS)?;
        let unit = Unit::ALL
            .into_iter()
            .find(|unit| unit.spellings().contains(&quantity.unit))
            .ok_or_else(|| quantity.unknown_unit(&Unit::ALL.map(Unit::spellings)))?;
        Self::new(u32::try_from(quantity.count).unwrap_or(u32::MAX), unit)
    }
}

/// How an interval is walked: on the calendar of a zone, or in physical time.
pub(super) enum Step {
    Calendar(CalendarStep),
    Absolute { micros: i64 },
}

/// A step of wall clock time; the number is positive.
#[derive(Clone, Copy)]
pub(super) enum CalendarStep {
    Days(i64),
    Months(i64),
}

impl CalendarStep {
    /// The wall clock time so many steps from another one; a day that the month lacks becomes the month's last.
    /// `None` when it leaves the calendar that chrono knows.
    pub(super) fn shift(self, from: NaiveDateTime, steps: i64) -> Option<NaiveDateTime> {
        match self {
            Self::Days(days) => from.checked_add_signed(TimeDelta::try_days(days.checked_mul(steps)?)?),
            Self::Months(months) => {
                let total = months.checked_mul(steps)?;
                let months = Months::new(u32::try_from(total.unsigned_abs()).ok()?);
                if total < 0 { from.checked_sub_months(months) } else { from.checked_add_months(months) }
            }
        }
    }

    /// How many whole steps lie between two wall clock times; at most one too many, as only dates are looked at.
    pub(super) fn steps_between(self, from: NaiveDateTime, to: NaiveDateTime) -> i64 {
        let months = |local: NaiveDateTime| i64::from(local.year()) * 12 + i64::from(local.month0());
        match self {
            Self::Days(days) => (to.date() - from.date()).num_days().div_euclid(days),
            Self::Months(step) => (months(to) - months(from)).div_euclid(step),
        }
    }
}

/// Reads an elapsed time for lock timeouts and patience: `50 ms`, `2 seconds`, `10 minutes`, `1 hour`.
///
/// At least 1 ms and at most 2,147,483,647 ms (24 days), which is as much as `lock_timeout` takes; its 0 would mean
/// to wait without end, so 0 is refused.
pub fn parse_elapsed(text: &str) -> Result<Duration, IntervalError> {
    const UNITS: &str = "ms, seconds, minutes, hours";
    const KNOWN: [(u64, &[&str]); 4] = [
        (1, &["ms", "millisecond", "milliseconds"]),
        (1_000, &["s", "second", "seconds"]),
        (60_000, &["min", "minute", "minutes"]),
        (3_600_000, &["hour", "hours"]),
    ];
    let quantity = Quantity::split(text, UNITS)?;
    let (millis_each, _) = KNOWN
        .into_iter()
        .find(|(_, spellings)| spellings.contains(&quantity.unit))
        .ok_or_else(|| quantity.unknown_unit(&KNOWN.map(|(_, spellings)| spellings)))?;
    match quantity.count.checked_mul(millis_each) {
        Some(0) => Err(IntervalError::Zero),
        Some(millis) if millis <= 2_147_483_647 => Ok(Duration::from_millis(millis)),
        _ => Err(IntervalError::OutOfRange { most: "24 days" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> IntervalError {
        text.parse::<Interval>().unwrap_err()
    }

    #[test]
    fn intervals_are_read_and_written_back() {
        for (text, count, unit, written) in [
            ("1 month", 1, Unit::Month, "1 month"),
            ("3 months", 3, Unit::Month, "3 months"),
            ("3 month", 3, Unit::Month, "3 months"),
            ("1 quarters", 1, Unit::Quarter, "1 quarter"),
            ("15 minutes", 15, Unit::Minute, "15 minutes"),
            ("  6hours ", 6, Unit::Hour, "6 hours"),
            ("007 days", 7, Unit::Day, "7 days"),
            ("2\tweeks", 2, Unit::Week, "2 weeks"),
            ("1000000 years", 1_000_000, Unit::Year, "1000000 years"),
        ] {
            let interval: Interval = text.parse().unwrap();
            assert_eq!(interval, Interval::new(count, unit).unwrap(), "{text}");
            assert_eq!(interval.to_string(), written);
            assert_eq!(written.parse(), Ok(interval));
        }
    }

    #[test]
    fn every_way_to_be_wrong_is_told_apart() {
        for (text, message) in [
            ("10", "missing unit"),
            ("", "missing count"),
            ("month", "missing count"),
            ("one month", "missing count"),
            ("1.5 months", "invalid count `1.5`"),
            ("-1 month", "invalid count `-1`"),
            ("+1 month", "invalid count `+1`"),
            ("1_000 days", "invalid count `1_000`"),
            ("2024-01-01", "invalid count `2024-01-01`"),
            ("٣ days", "invalid count `٣`"),
            ("0 days", "must be more than zero"),
            ("3 mnths", "unknown unit `mnths`"),
            ("1 month 2 days", "unknown unit `month 2 days`"),
            ("1000001 minutes", "out of range"),
            ("4294967297 days", "out of range"),
            ("99999999999999999999999 days", "out of range"),
        ] {
            assert_eq!(error(text).to_string(), message, "{text:?}");
        }
    }

    #[test]
    fn an_unknown_unit_is_shown_where_it_stands() {
        for (text, unit) in [("3 mnths", "mnths"), ("  90d  ", "d"), ("5 µs ", "µs"), ("1 日", "日")] {
            let IntervalError::UnknownUnit { unit: found, at, .. } = error(text) else { panic!("{text}") };
            assert_eq!((found.as_str(), &text[at]), (unit, unit));
        }
    }

    #[test]
    fn the_unit_that_was_meant_is_guessed_only_when_it_is_clear() {
        for (text, near) in [
            ("1 mnth", Some("month")),
            ("3 moths", Some("months")),
            ("3 mouths", Some("months")),
            ("90d", Some("day")),
            ("6 hrs", Some("hours")),
            ("2 yr", Some("year")),
            ("1 Month", Some("month")),
            ("15 min", Some("minute")),
            ("1 mo", Some("month")),
            ("15 m", None),
            ("1 fortnight", None),
            ("3 ba", None),
            ("10", None),
        ] {
            assert_eq!(error(text).near(), near, "{text}");
        }
    }

    #[test]
    fn hints_say_what_to_write() {
        assert_eq!(error("1 mnth").hint().unwrap(), "did you mean `month`?");
        let units = "the units are minutes, hours, days, weeks, months, quarters, years";
        assert_eq!(error("15 m").hint().unwrap(), units);
        assert_eq!(error("15").hint().unwrap(), units);
        assert_eq!(error("1.5 days").hint().unwrap(), "write a whole number and a unit");
        assert_eq!(error("1000001 days").hint().unwrap(), "at most 1000000");
        assert_eq!(parse_elapsed("5 m").unwrap_err().hint().unwrap(), "the units are ms, seconds, minutes, hours");
    }

    #[test]
    fn elapsed_times_are_read() {
        for (text, millis) in [
            ("50 ms", 50),
            ("50ms", 50),
            ("1 millisecond", 1),
            ("2 s", 2_000),
            ("2 seconds", 2_000),
            ("1 min", 60_000),
            ("10 minutes", 600_000),
            ("1 hour", 3_600_000),
            ("2147483647 ms", 2_147_483_647),
        ] {
            assert_eq!(parse_elapsed(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn elapsed_times_that_postgres_would_not_take_are_refused() {
        for (text, message) in [
            ("0 ms", "must be more than zero"),
            ("2147483648 ms", "out of range"),
            ("1000 hours", "out of range"),
            ("99999999999999999999 hours", "out of range"),
            ("50", "missing unit"),
            ("1 day", "unknown unit `day`"),
            ("5 m", "unknown unit `m`"),
        ] {
            assert_eq!(parse_elapsed(text).unwrap_err().to_string(), message, "{text}");
        }
        assert_eq!(parse_elapsed("30 sec").unwrap_err().near(), Some("second"));
    }
}
