//! Sizes as people read and write them: `2 TB`, in powers of 1,024 and labelled as `pg_size_pretty` labels them.

use std::fmt;
use std::str::FromStr;

use super::quantity::{IntervalError, Quantity};

/// A number of bytes. Displays in the unit that leaves fewer than four digits: `14.2 GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

const UNITS: [(&str, u32); 5] = [("kB", 1), ("MB", 2), ("GB", 3), ("TB", 4), ("PB", 5)];

impl FromStr for Bytes {
    type Err = IntervalError;

    fn from_str(text: &str) -> Result<Self, IntervalError> {
        let quantity = Quantity::split(text, "kB, MB, GB, TB, PB")?;
        // Nobody means a kilobit, so case is not what tells units apart.
        let power = UNITS.iter().find(|(unit, _)| unit.eq_ignore_ascii_case(quantity.unit));
        let known = UNITS.each_ref().map(|(unit, _)| std::slice::from_ref(unit));
        let (_, power) = power.ok_or_else(|| quantity.unknown_unit(&known))?;
        match quantity.count.checked_mul(1 << (10 * power)) {
            Some(0) => Err(IntervalError::Zero),
            Some(bytes) => Ok(Self(bytes)),
            None => Err(IntervalError::OutOfRange { most: "16383 PB" }),
        }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LABELS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
        match scaled(self.0, 1024.0, &LABELS, 1_000) {
            Some(text) => f.write_str(&text),
            None => write!(f, "{} B", self.0),
        }
    }
}

/// `None` below the threshold; otherwise in the unit that leaves fewer than four digits.
pub fn scaled(amount: u64, base: f64, units: &[&str], threshold: u64) -> Option<String> {
    if amount < threshold {
        return None;
    }
    let mut value = amount as f64 / base;
    let mut unit = 0;
    while 999.5 <= value && unit + 1 < units.len() {
        value /= base;
        unit += 1;
    }
    let unit = units[unit];
    Some(if value < 99.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in
            [("8 kB", 8_192), ("8KB", 8_192), ("1 MB", 1 << 20), ("2 TB", 2 << 40), ("10 gb", 10 << 30)]
        {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for (text, message) in [
            ("5", "missing unit"),
            ("TB", "missing count"),
            ("0 TB", "must be more than zero"),
            ("1.5 TB", "invalid count `1.5`"),
            ("1 TiB", "unknown unit `TiB`"),
            ("16384 PB", "out of range"),
        ] {
            assert_eq!(text.parse::<Bytes>().unwrap_err().to_string(), message, "{text}");
        }
    }
}
