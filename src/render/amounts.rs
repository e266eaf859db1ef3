//! Amounts for people: three digits or so, and a unit. Machines get plain numbers elsewhere.

use std::time::Duration;

use chrono::TimeDelta;

use crate::schedule::{Bytes, scaled};

/// Bytes in powers of 1,024, labelled as `pg_size_pretty` labels them: `14.2 GB`.
pub(super) fn bytes(bytes: u64) -> String {
    Bytes(bytes).to_string()
}

/// A count in full up to 9,999, then in powers of 1,000: `1,204`, `31.0 M`.
pub(super) fn count(count: u64) -> String {
    const UNITS: [&str; 6] = ["k", "M", "G", "T", "P", "E"];
    scaled(count, 1000.0, &UNITS, 10_000).unwrap_or_else(|| in_full(count))
}

/// A count with its thousands set apart: `1,500,000`.
pub(super) fn in_full(count: u64) -> String {
    let digits = count.to_string();
    let head = match digits.len() % 3 {
        0 => 3,
        head => head,
    };
    let groups = digits.as_bytes()[head..].chunks(3).map(|group| group.escape_ascii().to_string());
    std::iter::once(digits[..head].to_owned()).chain(groups).collect::<Vec<_>>().join(",")
}

/// A time in its largest unit of which there are two or more, cut off: `92 days`, `26 h`, `5 min`.
pub(super) fn span(time: TimeDelta) -> String {
    let minutes = time.num_minutes().abs();
    match minutes {
        2_880.. => format!("{} days", minutes / 1_440),
        120.. => format!("{} h", minutes / 60),
        _ => format!("{minutes} min"),
    }
}

/// How long something took: `7 ms`, `1.9 s`, `45 s`, `4 min 12 s`, `10 min`.
pub fn elapsed(time: Duration) -> String {
    match (time.as_secs() / 60, time.as_secs() % 60) {
        (0, 0) => format!("{} ms", time.as_millis()),
        (0, seconds @ 1..10) => format!("{seconds}.{} s", time.subsec_millis() / 100),
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

/// A lock timeout: `50 ms`, `2 s`.
pub(super) fn timeout(timeout: Duration) -> String {
    match timeout.as_millis() {
        millis if 1_000 <= millis && millis % 1_000 == 0 => format!("{} s", millis / 1_000),
        millis => format!("{millis} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_never_show_four_digits() {
        let cases: [(u64, &str); 9] = [
            (0, "0 B"),
            (512, "512 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (8_192, "8.0 kB"),
            (1_048_575, "1.0 MB"),
            (15_247_133_901, "14.2 GB"),
            (442_381_631_488, "412 GB"),
            (u64::MAX, "16.0 EB"),
        ];
        for (amount, shown) in cases {
            assert_eq!(bytes(amount), shown, "{amount}");
        }
    }

    #[test]
    fn elapsed_times_are_as_exact_as_they_are_short() {
        let shown = [3, 999, 1_999, 45_700, 60_000, 252_000, 600_000].map(|ms| elapsed(Duration::from_millis(ms)));
        assert_eq!(shown, ["3 ms", "999 ms", "1.9 s", "45 s", "1 min", "4 min 12 s", "10 min"]);
    }

    #[test]
    fn counts_are_exact_while_they_are_short() {
        let cases: [(u64, &str); 7] = [
            (0, "0"),
            (999, "999"),
            (1_204, "1,204"),
            (9_999, "9,999"),
            (10_000, "10.0 k"),
            (999_999, "1.0 M"),
            (31_004_112, "31.0 M"),
        ];
        for (amount, shown) in cases {
            assert_eq!(count(amount), shown, "{amount}");
        }
        assert_eq!([0, 10, 999, 10_000, 1_500_000].map(in_full), ["0", "10", "999", "10,000", "1,500,000"]);
    }

    #[test]
    fn times_are_cut_off_so_that_a_runway_is_never_overstated() {
        assert_eq!(span(TimeDelta::hours(92 * 24 + 23)), "92 days");
        assert_eq!(span(TimeDelta::hours(47)), "47 h");
        assert_eq!(span(TimeDelta::minutes(119)), "119 min");
        assert_eq!(span(TimeDelta::hours(-50)), "2 days");
        assert_eq!(timeout(Duration::from_millis(50)), "50 ms");
        assert_eq!(timeout(Duration::from_millis(1_500)), "1500 ms");
        assert_eq!(timeout(Duration::from_secs(2)), "2 s");
    }
}
