//! The grid a policy asks for: a pure function from a point to the one window that contains it.
//!
//! Boundaries are counted from a fixed anchor, so the answer never depends on when it is asked for, and month ends
//! never drift. Never looks at a clock or at existing partitions.

use std::iter;

use chrono::NaiveDateTime;

use super::interval::{CalendarStep, Interval, Step};
use super::{Point, Window, Zone};

/// Contiguous windows over a whole axis. Every point in the supported range lies in exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grid {
    /// Windows of time, both ends of which lie in the years 1 to 9999 of the wall clock.
    ///
    /// Days and longer step on the calendar of the zone: boundary `n` is the first point whose wall clock reads
    /// anchor + `n` intervals or later. Minutes and hours step in physical time from the anchor.
    Time {
        /// Length of a window.
        every: Interval,
        /// Wall clock time of boundary 0.
        anchor: NaiveDateTime,
        /// Whose wall clock.
        zone: Zone,
    },
    /// Windows of integers, as far as both ends and their distance from the anchor fit an `i128`.
    Integer {
        /// Length of a window; positive, else there are no windows.
        every: i128,
        /// Value of boundary 0.
        anchor: i128,
    },
}

impl Grid {
    /// The one window that contains the point, or `None` outside the supported range.
    pub fn window_at(&self, point: Point) -> Option<Window> {
        match *self {
            Self::Integer { every, anchor } => multiple_at(point, Point(anchor), every),
            Self::Time { every, anchor, zone } => {
                let local = zone.supported(point)?;
                let window = match every.step() {
                    Step::Absolute { micros } => multiple_at(point, zone.point(anchor), i128::from(micros)),
                    Step::Calendar(step) => calendar_window_at(point, local, anchor, step, zone),
                }?;
                (zone.supported(window.start()).is_some() && zone.supported(window.end()).is_some()).then_some(window)
            }
        }
    }

    /// The window that contains the point and all that follow it, to the end of the supported range.
    pub fn windows_from(&self, point: Point) -> impl Iterator<Item = Window> {
        iter::successors(self.window_at(point), |window| self.window_at(window.end()))
    }

    /// How many windows lie whole between a boundary and a point after it; on an axis of numbers without walking them.
    pub fn whole_windows(&self, boundary: Point, to: Point) -> usize {
        match *self {
            Self::Integer { every, .. } => {
                let whole = to.0.saturating_sub(boundary.0).checked_div(every).unwrap_or_default();
                usize::try_from(whole.max(0)).unwrap_or(usize::MAX)
            }
            Self::Time { .. } => self.windows_from(boundary).take_while(|window| window.end() <= to).count(),
        }
    }

    /// The window of the grid that ends where the given one starts; when that is no boundary, the window around it.
    pub fn window_before(&self, window: Window) -> Option<Window> {
        self.window_at(Point(window.start().0.checked_sub(1)?))
    }

    /// Whether a window starts or ends at the point.
    pub fn is_boundary(&self, point: Point) -> bool {
        let ends_here = || Some(self.window_at(Point(point.0.checked_sub(1)?))?.end() == point);
        self.window_at(point).is_some_and(|window| window.start() == point) || ends_here() == Some(true)
    }

    /// The windows of the grid, clipped to the region: they cover it exactly, as far as the supported range goes.
    ///
    /// A region that starts off the grid gets a shorter first window, which is how a new interval is joined to
    /// partitions of an older one. Nothing at all when the region starts outside the supported range.
    pub fn covering(&self, region: Window) -> impl Iterator<Item = Window> {
        self.windows_from(region.start()).map_while(move |window| window.intersect(region))
    }
}

/// The window between two multiples of a length, counted from an origin.
fn multiple_at(point: Point, origin: Point, length: i128) -> Option<Window> {
    let past_start = point.0.checked_sub(origin.0)?.checked_rem_euclid(length)?;
    let start = point.0.checked_sub(past_start)?;
    Window::new(Point(start), Point(start.checked_add(length)?))
}

/// The window between the last boundary at or before the point and the one after it; `local` is the point's wall clock.
///
/// Boundaries never decrease, but neighbours are equal where the zone skipped a whole day: taking the last of the
/// equal ones as start keeps windows from being empty.
fn calendar_window_at(
    point: Point,
    local: NaiveDateTime,
    anchor: NaiveDateTime,
    step: CalendarStep,
    zone: Zone,
) -> Option<Window> {
    let boundary = |n| step.shift(anchor, n).map(|local| zone.point(local));
    let mut n = step.steps_between(anchor, local);
    // A step or two at most: wall clocks repeat or skip no more than a day.
    while point < boundary(n)? {
        n -= 1;
    }
    let mut start = boundary(n)?;
    loop {
        let end = boundary(n + 1)?;
        if point < end {
            return Window::new(start, end);
        }
        (start, n) = (end, n + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Tz;

    fn local(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }

    fn grid(every: &str, anchor: &str, zone: Zone) -> Grid {
        Grid::Time { every: every.parse().unwrap(), anchor: local(anchor), zone }
    }

    /// The windows from a local time on, each as its local start and its length in hours.
    fn shown(grid: &Grid, from: &str, count: usize) -> Vec<String> {
        let Grid::Time { zone, .. } = *grid else { panic!("a time grid") };
        grid.windows_from(zone.point(local(from)))
            .take(count)
            .map(|window| {
                let hours = (window.end().0 - window.start().0) as f64 / 3.6e9;
                format!("{} {hours}h", zone.local(window.start()).unwrap().format("%Y-%m-%d %H:%M"))
            })
            .collect()
    }

    fn days(tz: Tz, from: &str, count: usize) -> Vec<String> {
        shown(&grid("1 day", "2000-01-01 00:00", Zone::Named(tz)), from, count)
    }

    fn months(anchor: &str, from: &str, count: usize) -> Vec<String> {
        let starts = shown(&grid("1 month", anchor, Zone::WallClock), from, count);
        starts.into_iter().map(|shown| shown[..10].to_owned()).collect()
    }

    #[test]
    fn days_in_berlin_have_23_and_25_hours() {
        assert_eq!(
            days(Tz::Europe__Berlin, "2026-03-28 09:00", 3),
            ["2026-03-28 00:00 24h", "2026-03-29 00:00 23h", "2026-03-30 00:00 24h"]
        );
        assert_eq!(
            days(Tz::Europe__Berlin, "2026-10-24 09:00", 3),
            ["2026-10-24 00:00 24h", "2026-10-25 00:00 25h", "2026-10-26 00:00 24h"]
        );
    }

    #[test]
    fn days_with_half_and_quarter_hour_changes_are_exact() {
        assert_eq!(days(Tz::Australia__Lord_Howe, "2026-04-05 09:00", 1), ["2026-04-05 00:00 24.5h"]);
        assert_eq!(days(Tz::Australia__Lord_Howe, "2026-10-04 09:00", 1), ["2026-10-04 00:00 23.5h"]);
        assert_eq!(days(Tz::Pacific__Chatham, "2026-04-05 09:00", 1), ["2026-04-05 00:00 25h"]);
        // Kathmandu went from +05:30 to +05:45 at midnight: the day starts at a quarter past.
        assert_eq!(
            days(Tz::Asia__Kathmandu, "1985-12-31 09:00", 2),
            ["1985-12-31 00:00 24h", "1986-01-01 00:15 23.75h"]
        );
    }

    #[test]
    fn days_start_after_a_gap_at_midnight_and_at_the_first_of_two_midnights() {
        assert_eq!(
            days(Tz::America__Sao_Paulo, "2018-11-03 09:00", 2),
            ["2018-11-03 00:00 24h", "2018-11-04 01:00 23h"]
        );
        // The clocks go back at midnight: 23:00 to 24:00 comes twice and belongs to the old day.
        assert_eq!(
            days(Tz::America__Sao_Paulo, "2018-02-17 09:00", 2),
            ["2018-02-17 00:00 25h", "2018-02-18 00:00 24h"]
        );
        assert_eq!(
            days(Tz::America__Havana, "2026-10-31 09:00", 3),
            ["2026-10-31 00:00 24h", "2026-11-01 00:00 25h", "2026-11-02 00:00 24h"]
        );
        assert_eq!(days(Tz::Atlantic__Azores, "2026-10-25 09:00", 1), ["2026-10-25 00:00 25h"]);
        assert_eq!(days(Tz::Africa__Cairo, "2026-04-24 09:00", 1), ["2026-04-24 01:00 23h"]);
    }

    #[test]
    fn a_day_that_has_begun_goes_on_when_the_clocks_go_back_over_midnight() {
        // St John's set its clocks from 00:01 back to 23:01 of the day before.
        let zone = Zone::Named(Tz::America__St_Johns);
        let grid = grid("1 day", "2000-01-01 00:00", zone);
        assert_eq!(shown(&grid, "2010-11-06 09:00", 2), ["2010-11-06 00:00 24h", "2010-11-07 00:00 25h"]);
        let repeated = Point(zone.point(local("2010-11-06 23:30")).0 + 3_600_000_000);
        assert_eq!(zone.local(repeated), Some(local("2010-11-06 23:30")));
        let window = grid.window_at(repeated).unwrap();
        assert_eq!(zone.local(window.start()), Some(local("2010-11-07 00:00")));
    }

    #[test]
    fn a_day_that_a_zone_skipped_has_no_window() {
        assert_eq!(
            days(Tz::Pacific__Apia, "2011-12-28 09:00", 4),
            ["2011-12-28 00:00 24h", "2011-12-29 00:00 24h", "2011-12-31 00:00 24h", "2012-01-01 00:00 24h"]
        );
        assert_eq!(
            days(Tz::Pacific__Kwajalein, "1993-08-20 09:00", 2),
            ["1993-08-20 00:00 24h", "1993-08-22 00:00 24h"]
        );
        assert_eq!(
            days(Tz::Pacific__Kiritimati, "1994-12-30 09:00", 2),
            ["1994-12-30 00:00 24h", "1995-01-01 00:00 24h"]
        );
        let apia = Zone::Named(Tz::Pacific__Apia);
        let skipped = grid("1 day", "2000-01-01 00:00", apia).window_at(apia.point(local("2011-12-30 12:00")));
        assert_eq!(skipped.and_then(|window| apia.local(window.start())), Some(local("2011-12-31 00:00")));
    }

    #[test]
    fn hours_are_absolute_whatever_the_clocks_do() {
        let berlin = Zone::Named(Tz::Europe__Berlin);
        assert_eq!(
            shown(&grid("1 hour", "2000-01-01 00:00", berlin), "2026-10-25 01:00", 4),
            ["2026-10-25 01:00 1h", "2026-10-25 02:00 1h", "2026-10-25 02:00 1h", "2026-10-25 03:00 1h"]
        );
        let kathmandu = Zone::Named(Tz::Asia__Kathmandu);
        assert_eq!(
            shown(&grid("6 hours", "2000-01-01 00:00", kathmandu), "2026-06-15 07:00", 2),
            ["2026-06-15 06:00 6h", "2026-06-15 12:00 6h"]
        );
        assert_eq!(
            shown(&grid("90 minutes", "2026-01-01 00:15", Zone::WallClock), "2025-12-31 23:00", 2),
            ["2025-12-31 22:45 1.5h", "2026-01-01 00:15 1.5h"]
        );
    }

    #[test]
    fn months_from_a_31st_clip_and_never_drift() {
        assert_eq!(
            months("2024-01-31 00:00", "2024-01-31 00:00", 5),
            ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]
        );
        assert_eq!(months("2024-01-31 00:00", "2023-03-01 00:00", 3), ["2023-02-28", "2023-03-31", "2023-04-30"]);
        assert_eq!(months("2024-01-31 06:00", "2024-02-29 05:00", 1), ["2024-01-31"]);
    }

    #[test]
    fn quarters_weeks_and_long_counts_are_counted_from_the_anchor() {
        let wall = Zone::WallClock;
        assert_eq!(
            shown(&grid("1 quarter", "2000-01-01 00:00", wall), "2026-05-20 00:00", 2),
            ["2026-04-01 00:00 2184h", "2026-07-01 00:00 2208h"]
        );
        assert_eq!(
            shown(&grid("2 weeks", "2000-01-03 00:00", wall), "2026-06-20 00:00", 2),
            ["2026-06-15 00:00 336h", "2026-06-29 00:00 336h"]
        );
        assert_eq!(shown(&grid("1 year", "2024-02-29 00:00", wall), "2026-01-01 00:00", 1), ["2025-02-28 00:00 8760h"]);
    }

    #[test]
    fn a_new_interval_is_joined_to_an_old_bound_by_a_bridge() {
        let at = |text| Zone::WallClock.point(local(text));
        let region = Window::new(at("2026-03-12 00:00"), at("2026-05-10 00:00")).unwrap();
        let tiles: Vec<_> = grid("1 month", "2000-01-01 00:00", Zone::WallClock)
            .covering(region)
            .map(|tile| {
                [tile.start(), tile.end()].map(|point| Zone::WallClock.local(point).unwrap().date().to_string())
            })
            .collect();
        assert_eq!(tiles, [["2026-03-12", "2026-04-01"], ["2026-04-01", "2026-05-01"], ["2026-05-01", "2026-05-10"]]);
    }

    #[test]
    fn time_grids_end_with_the_supported_years() {
        for zone in [Zone::WallClock, Zone::Named(Tz::Pacific__Apia)] {
            let days = grid("1 day", "2000-01-01 00:00", zone);
            let last = days.windows_from(zone.point(local("9999-12-29 05:00"))).last().unwrap();
            assert_eq!(zone.local(last.end()), Some(local("9999-12-31 00:00")));
            assert!(days.is_boundary(last.end()));
            let first = days.window_at(zone.point(local("0001-01-01 05:00"))).unwrap();
            assert_eq!(zone.local(first.start()), Some(local("0001-01-01 00:00")));
            assert_eq!(days.window_before(first), None);
            for every in ["1 minute", "1 day", "1 month"] {
                let grid = grid(every, "2000-01-01 00:00", zone);
                for point in [i128::MIN, i128::from(i64::MIN), i128::from(i64::MAX), i128::MAX].map(Point) {
                    assert_eq!(grid.window_at(point), None);
                    assert!(!grid.is_boundary(point));
                }
            }
            for every in ["1000000 years", "1000000 quarters", "1000000 weeks"] {
                assert_eq!(grid(every, "2000-01-01 00:00", zone).window_at(Point(0)), None, "{every}");
            }
        }
    }

    #[test]
    fn integer_grids_count_from_the_anchor_in_both_directions() {
        let grid = Grid::Integer { every: 1_000, anchor: 1 };
        assert_eq!(grid.window_at(Point(1_000)), Window::new(Point(1), Point(1_001)));
        assert_eq!(grid.window_at(Point(0)), Window::new(Point(-999), Point(1)));
        assert!(grid.is_boundary(Point(-1_999)) && !grid.is_boundary(Point(0)));
    }

    #[test]
    fn whole_windows_are_counted_however_many_there_are() {
        let grid = Grid::Integer { every: 1_000, anchor: 0 };
        assert_eq!(grid.whole_windows(Point(1_000), Point(3_999)), 2);
        assert_eq!(grid.whole_windows(Point(1_000), Point(0)), 0);
        assert_eq!(grid.whole_windows(Point(0), Point(9_000_000_000_000_000_000)), 9_000_000_000_000_000);
        let days = self::grid("1 day", "2000-01-01 00:00", Zone::WallClock);
        let at = |text| Zone::WallClock.point(local(text));
        assert_eq!(days.whole_windows(at("2026-01-01 00:00"), at("2026-01-03 12:00")), 2);
    }

    #[test]
    fn integer_grids_end_before_they_overflow() {
        let grid = Grid::Integer { every: 1_000, anchor: 0 };
        let last = grid.windows_from(Point(i128::MAX - 5_000)).last().unwrap();
        assert!(i128::MAX - 1_000 < last.end().0);
        assert!(grid.is_boundary(last.end()));
        assert_eq!(grid.window_at(Point(i128::MAX)), None);
        assert_eq!(grid.window_at(Point(i128::MIN)), None);
        assert!(!grid.is_boundary(Point(i128::MIN)));
        assert_eq!(Grid::Integer { every: 10, anchor: i128::MAX }.window_at(Point(-2)), None);
    }

    #[test]
    fn an_integer_grid_without_a_positive_length_has_no_windows() {
        for every in [0, -1, -10, i128::MIN] {
            assert_eq!(Grid::Integer { every, anchor: 0 }.window_at(Point(5)), None);
        }
    }
}
