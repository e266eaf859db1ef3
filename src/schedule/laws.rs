//! Laws of the grid, held over random grids in every zone and over every change of the clocks in the awkward ones.
//!
//! The expected answers come from lists of clock changes and of boundaries made here, never from the code under test.

use chrono::{DateTime, Days, Months, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;

use super::{Grid, Interval, Point, Unit, Window, Zone};

const SECOND: i128 = 1_000_000;
const HOUR: i128 = 3_600 * SECOND;
const DAY: i128 = 24 * HOUR;

/// Zones whose changes are odd in length (15, 30, 44.5 minutes, a whole day), fall on midnight, or come by decree.
const AWKWARD: [Tz; 30] = [
    Tz::Africa__Cairo,
    Tz::Africa__Casablanca,
    Tz::Africa__Monrovia,
    Tz::America__Asuncion,
    Tz::America__Caracas,
    Tz::America__Havana,
    Tz::America__New_York,
    Tz::America__Santiago,
    Tz::America__Sao_Paulo,
    Tz::America__Scoresbysund,
    Tz::America__St_Johns,
    Tz::Antarctica__Casey,
    Tz::Antarctica__Troll,
    Tz::Asia__Amman,
    Tz::Asia__Beirut,
    Tz::Asia__Gaza,
    Tz::Asia__Kathmandu,
    Tz::Asia__Kolkata,
    Tz::Asia__Pyongyang,
    Tz::Asia__Tehran,
    Tz::Atlantic__Azores,
    Tz::Australia__Lord_Howe,
    Tz::Europe__Berlin,
    Tz::Europe__Dublin,
    Tz::Europe__London,
    Tz::Europe__Moscow,
    Tz::Pacific__Apia,
    Tz::Pacific__Chatham,
    Tz::Pacific__Kiritimati,
    Tz::Pacific__Kwajalein,
];

fn offset(zone: Zone, seconds: i64) -> i64 {
    i64::from(zone.offset_seconds(Point(i128::from(seconds) * SECOND)))
}

/// The first second with another offset than the one before it, in a stretch that may hold one change.
fn change_between(zone: Zone, mut from: i64, mut to: i64) -> Option<i64> {
    let before = offset(zone, from);
    if offset(zone, to) == before {
        return None;
    }
    while 1 < to - from {
        let middle = from + (to - from) / 2;
        if offset(zone, middle) == before { from = middle } else { to = middle }
    }
    Some(to)
}

/// The changes of the clocks, in seconds since the epoch, looked for once a stride.
fn changes(zone: Zone, from: i64, to: i64, stride: usize) -> impl Iterator<Item = i64> {
    (from..to).step_by(stride).filter_map(move |seconds| change_between(zone, seconds, seconds + stride as i64))
}

fn year(year: i32) -> i64 {
    NaiveDate::from_ymd_opt(year, 1, 1).unwrap().and_time(NaiveTime::MIN).and_utc().timestamp()
}

fn time_grid(count: u32, unit: Unit, anchor: NaiveDateTime, zone: Zone) -> Grid {
    Grid::Time { every: Interval::new(count, unit).unwrap(), anchor, zone }
}

fn at(date: (i32, u32, u32), time: (u32, u32, u32)) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(date.0, date.1, date.2).unwrap().and_hms_opt(time.0, time.1, time.2).unwrap()
}

/// Holds every law at one point and returns the window there, so that a caller can walk on.
#[track_caller]
fn assert_lawful(grid: &Grid, point: Point) -> Window {
    let window = grid.window_at(point).unwrap_or_else(|| panic!("no window at {point:?} of {grid:?}"));
    let told = || format!("{window:?} at {point:?} of {grid:?}");
    let (start, end) = (window.start().0, window.end().0);
    assert!(window.contains(point), "does not contain its point: {}", told());
    for inside in [start, start + (end - start) / 2, end - 1] {
        assert_eq!(grid.window_at(Point(inside)), Some(window), "another answer from {inside}: {}", told());
    }
    let next = grid.window_at(window.end()).unwrap();
    assert_eq!(next.start(), window.end(), "gap or overlap after {}", told());
    assert!(next.start() < next.end(), "empty after {}", told());
    assert_eq!(grid.window_before(next), Some(window), "no way back to {}", told());
    assert_eq!(grid.window_before(window).unwrap().end(), window.start(), "gap or overlap before {}", told());
    assert!(grid.is_boundary(window.start()) && grid.is_boundary(window.end()), "{}", told());
    assert!(!grid.is_boundary(Point(start + 1)) && !grid.is_boundary(Point(end - 1)), "{}", told());
    window
}

/// The windows from one point to another, each of them lawful.
fn assert_lawful_between(grid: &Grid, from: Point, to: Point) {
    let mut point = from;
    while point < to {
        point = assert_lawful(grid, point).end();
    }
}

/// Asks every ten minutes: the point lies in its window, and a window once left is never given again. A clock that is
/// set back over a boundary reads like the old window there, yet the new one has begun.
fn assert_one_answer_between(grid: &Grid, from: Point, to: Point) {
    let mut current = grid.window_at(from).unwrap();
    for point in (from.0..to.0).step_by(600_000_000).map(Point) {
        let window = grid.window_at(point).unwrap();
        assert!(window.contains(point), "{window:?} does not contain {point:?} of {grid:?}");
        assert!(window == current || window.start() == current.end(), "{window:?} after {current:?} of {grid:?}");
        current = window;
    }
}

#[test]
fn every_day_and_hour_around_every_change_of_awkward_clocks_is_lawful() {
    let midnight = at((2000, 1, 1), (0, 0, 0));
    let mut nights = 0;
    for zone in AWKWARD.map(Zone::Named) {
        let days = time_grid(1, Unit::Day, midnight, zone);
        let odd_days = time_grid(1, Unit::Day, at((1999, 12, 31), (2, 15, 0)), zone);
        let hours = time_grid(1, Unit::Hour, midnight, zone);
        for change in changes(zone, year(1970), year(2100), 86_400) {
            nights += 1;
            let change = i128::from(change) * SECOND;
            assert_lawful_between(&days, Point(change - 2 * DAY), Point(change + 2 * DAY));
            assert_lawful_between(&odd_days, Point(change - DAY), Point(change + DAY));
            assert_lawful_between(&hours, Point(change - 6 * HOUR), Point(change + 6 * HOUR));
            for grid in [&days, &odd_days, &hours] {
                assert_one_answer_between(grid, Point(change - 3 * HOUR), Point(change + 3 * HOUR));
            }
        }
    }
    assert!(4_000 < nights, "only {nights} changes found");
}

#[test]
fn a_local_time_is_the_first_instant_whose_clock_reads_it_or_later() {
    for zone in AWKWARD.map(Zone::Named) {
        let changes: Vec<i64> = changes(zone, year(1969), year(2101), 86_400).collect();
        // Stretches of one offset: first second, second after the last, offset.
        let mut from = year(1960);
        let stretches: Vec<(i64, i64, i64)> = changes
            .iter()
            .copied()
            .chain([year(2110)])
            .map(|to| (std::mem::replace(&mut from, to), to, offset(zone, to - 1)))
            .collect();
        for (index, change) in changes.iter().enumerate() {
            let [(.., offset_before), (.., offset_after)] = [stretches[index], stretches[index + 1]];
            for wall in [change + offset_before, change + offset_after] {
                for nearby in [0, 1, 60, 900, 1_800, 3_600, 86_400].into_iter().flat_map(|by| [wall - by, wall + by]) {
                    let first = stretches[index.saturating_sub(2)..]
                        .iter()
                        .find(|(_, to, offset)| nearby < to + offset)
                        .map(|(from, _, offset)| (nearby - offset).max(*from))
                        .unwrap();
                    let local = DateTime::from_timestamp(nearby, 0).unwrap().naive_utc();
                    assert_eq!(zone.point(local), Point(i128::from(first) * SECOND), "{local} in {zone:?}");
                }
            }
        }
    }
}

#[test]
fn every_zone_is_lawful_on_both_sides_of_every_change_and_every_unit_of_some() {
    let anchor = at((2000, 1, 31), (0, 30, 0));
    for zone in TZ_VARIANTS.map(Zone::Named) {
        let days = time_grid(1, Unit::Day, at((2000, 1, 1), (0, 0, 0)), zone);
        let grids = Unit::ALL.map(|unit| time_grid(1, unit, anchor, zone));
        for (index, change) in changes(zone, year(1970), year(2040), 20 * 86_400).enumerate() {
            let change = i128::from(change) * SECOND;
            let window = assert_lawful(&days, Point(change - 1));
            assert_lawful(&days, window.end());
            if index % 10 == 0 {
                for grid in &grids {
                    assert_lawful(grid, Point(change - 1));
                    assert_lawful(grid, Point(change));
                }
            }
        }
    }
}

fn any_zone() -> impl Strategy<Value = Zone> {
    prop_oneof![1 => Just(Zone::WallClock), 15 => prop::sample::select(&TZ_VARIANTS[..]).prop_map(Zone::Named)]
}

/// Dates of the anchor crowd at month ends, where calendars clip.
fn any_anchor() -> impl Strategy<Value = NaiveDateTime> {
    let date = (1960..2050, 1..=12u32, prop_oneof![1..=31u32, 28..=31u32])
        .prop_filter_map("a day that the month has", |(year, month, day)| NaiveDate::from_ymd_opt(year, month, day));
    let seconds = prop_oneof![3 => Just(0), 3 => (0..96u32).prop_map(|quarter| quarter * 900), 1 => 0..86_400u32];
    (date, seconds)
        .prop_map(|(date, seconds)| date.and_time(NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0).unwrap()))
}

fn any_interval() -> impl Strategy<Value = (u32, Unit)> {
    (prop_oneof![Just(1), 1..=40u32], prop::sample::select(&Unit::ALL[..]))
}

/// Any point from 1970 to 2100, every other one near a change of the clocks if one follows within two years.
fn any_point(zone: Zone) -> impl Strategy<Value = Point> {
    let anywhere = year(1970)..year(2100);
    prop_oneof![
        (anywhere.clone(), 0..SECOND).prop_map(|(seconds, micros)| Point(i128::from(seconds) * SECOND + micros)),
        (anywhere, prop_oneof![-DAY..DAY, -HOUR..HOUR]).prop_map(move |(seconds, by)| {
            let change = changes(zone, seconds, seconds + 730 * 86_400, 20 * 86_400).next().unwrap_or(seconds);
            Point(i128::from(change) * SECOND + by)
        }),
    ]
}

prop_compose! {
    fn any_time_grid()((count, unit) in any_interval(), anchor in any_anchor(), zone in any_zone())
        (point in any_point(zone), every in Just((count, unit)), anchor in Just(anchor), zone in Just(zone))
        -> (Grid, Point) {
        (time_grid(every.0, every.1, anchor, zone), point)
    }
}

proptest! {
    #[test]
    fn any_time_grid_is_lawful((grid, point) in any_time_grid()) {
        let window = assert_lawful(&grid, point);
        assert_lawful(&grid, window.end());
        assert_lawful(&grid, grid.window_before(window).unwrap().start());
    }

    #[test]
    fn any_integer_grid_is_lawful(
        every in prop_oneof![2..100i128, 2..i128::from(i64::MAX)],
        anchor in any::<i64>(),
        point in any::<i64>(),
    ) {
        assert_lawful(&Grid::Integer { every, anchor: i128::from(anchor) }, Point(i128::from(point)));
    }

    #[test]
    fn covering_tiles_any_region_exactly((grid, point) in any_time_grid(), lengths in (0.0..40.0f64, 0..DAY)) {
        let window = grid.window_at(point).unwrap();
        let length = (window.end().0 - window.start().0) as f64;
        let region = Window::new(point, Point(point.0 + (length * lengths.0) as i128 + lengths.1 + 1)).unwrap();
        let region = Window::new(region.start(), region.end().min(Point(i128::from(year(2400)) * SECOND))).unwrap();
        let tiles: Vec<Window> = grid.covering(region).collect();
        prop_assert_eq!(tiles.first().unwrap().start(), region.start());
        prop_assert_eq!(tiles.last().unwrap().end(), region.end());
        for pair in tiles.windows(2) {
            prop_assert_eq!(pair[0].end(), pair[1].start());
        }
        for tile in &tiles {
            prop_assert_eq!(grid.window_at(tile.start()).unwrap().intersect(region), Some(*tile));
        }
        prop_assert_eq!(grid.windows_from(region.start()).take(tiles.len()).map(|window| window.end()).last(),
            Some(grid.window_at(Point(region.end().0 - 1)).unwrap().end()));
    }

    #[test]
    fn calendar_windows_lie_between_whole_steps_from_the_anchor(
        count in 1..=40u32,
        unit in prop::sample::select(&[Unit::Day, Unit::Week, Unit::Month, Unit::Quarter, Unit::Year][..]),
        anchor in any_anchor(),
        zone in any_zone(),
        forwards in any::<bool>(),
    ) {
        // Boundaries counted one by one with chrono's own calendar, equal neighbours merged.
        let boundaries = |n: u32| {
            let months = |each: u32| Months::new(count * each * n);
            let days = |each: u32| Days::new(u64::from(count * each * n));
            let local = match (unit, forwards) {
                (Unit::Day, true) => anchor.checked_add_days(days(1)),
                (Unit::Day, false) => anchor.checked_sub_days(days(1)),
                (Unit::Week, true) => anchor.checked_add_days(days(7)),
                (Unit::Week, false) => anchor.checked_sub_days(days(7)),
                (Unit::Month, true) => anchor.checked_add_months(months(1)),
                (Unit::Month, false) => anchor.checked_sub_months(months(1)),
                (Unit::Quarter, true) => anchor.checked_add_months(months(3)),
                (Unit::Quarter, false) => anchor.checked_sub_months(months(3)),
                (_, true) => anchor.checked_add_months(months(12)),
                (_, false) => anchor.checked_sub_months(months(12)),
            };
            zone.point(local.unwrap())
        };
        let mut expected: Vec<Point> = (0..=30).map(boundaries).collect();
        expected.sort();
        expected.dedup();
        let grid = time_grid(count, unit, anchor, zone);
        let windows: Vec<Window> = grid.windows_from(expected[0]).take(expected.len() - 1).collect();
        let expected: Vec<Window> = expected.windows(2).map(|pair| Window::new(pair[0], pair[1]).unwrap()).collect();
        prop_assert_eq!(windows, expected);
    }

    #[test]
    fn absolute_windows_all_have_the_same_length(
        count in 1..=40u32,
        unit in prop::sample::select(&[Unit::Minute, Unit::Hour][..]),
        anchor in any_anchor(),
        (zone, point) in any_zone().prop_flat_map(|zone| (Just(zone), any_point(zone))),
    ) {
        let length = i128::from(count) * if unit == Unit::Hour { HOUR } else { 60 * SECOND };
        let window = time_grid(count, unit, anchor, zone).window_at(point).unwrap();
        prop_assert_eq!(window.end().0 - window.start().0, length);
        prop_assert_eq!((window.start().0 - zone.point(anchor).0) % length, 0);
    }

    #[test]
    fn an_interval_later_is_later_and_an_interval_earlier_is_not_later(
        (count, unit) in any_interval(),
        (zone, point) in any_zone().prop_flat_map(|zone| (Just(zone), any_point(zone))),
    ) {
        let every = Interval::new(count, unit).unwrap();
        prop_assert!(point < zone.after(point, every).unwrap());
        prop_assert!(zone.before(point, every).unwrap() <= point);
        let local = zone.local(point).unwrap();
        let wall = i128::from(local.and_utc().timestamp_micros());
        prop_assert_eq!(wall, point.0 + i128::from(zone.offset_seconds(point)) * SECOND);
        prop_assert!(zone.point(local) <= point, "the first time the clock reads {}", local);
    }
}
