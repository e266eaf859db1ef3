//! `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`: how many of a unit have passed since 1970-01-01 00:00 UTC, as a
//! whole number.

use std::sync::Arc;

use super::timestamp::{edge, years};
use super::{Axis, CodecKind, KeyCodec};
use crate::schedule::{Edge, Point, Window, Zone};

macro_rules! kind {
    ($word:literal, $nanoseconds:literal, $type:literal, $integer:ty) => {
        CodecKind {
            encoding: Some($word),
            types: &[$type],
            example: $word,
            make: |parameters| {
                parameters.none().map(|()| {
                    let limits = (<$integer>::MIN as i128, <$integer>::MAX as i128);
                    Arc::new(Epoch { nanoseconds: $nanoseconds, limits }) as Arc<dyn KeyCodec>
                })
            },
        }
    };
}

pub(super) const SECONDS: CodecKind = kind!("epoch_s", 1_000_000_000, "bigint", i64);
pub(super) const SECONDS_OF_INTEGER: CodecKind = kind!("epoch_s", 1_000_000_000, "integer", i32);
pub(super) const MILLISECONDS: CodecKind = kind!("epoch_ms", 1_000_000, "bigint", i64);
pub(super) const MICROSECONDS: CodecKind = kind!("epoch_us", 1_000, "bigint", i64);
pub(super) const NANOSECONDS: CodecKind = kind!("epoch_ns", 1, "bigint", i64);

/// A count of units of so many nanoseconds, and the least and greatest count that the type can hold.
#[derive(Debug)]
struct Epoch {
    nanoseconds: i128,
    limits: (i128, i128),
}

const NANOSECONDS_OF_A_POINT: i128 = 1_000;

impl KeyCodec for Epoch {
    fn axis(&self) -> Axis {
        Axis::Instant
    }

    fn limits(&self) -> Window {
        let (least, greatest) = self.limits;
        let first = (least * self.nanoseconds).div_euclid(NANOSECONDS_OF_A_POINT) + 1;
        let last = (greatest * self.nanoseconds).div_euclid(NANOSECONDS_OF_A_POINT);
        let counted = Window::new(Point(first), Point(last)).expect("a type holds more than one value");
        let whole = counted.intersect(years()).expect("every type can count from 1970");
        // Both ends are whole units.
        let unit = self.nanoseconds / NANOSECONDS_OF_A_POINT;
        let ends = |unit: i128| {
            Window::new(
                Point(-(-whole.start().0).div_euclid(unit) * unit),
                Point(whole.end().0.div_euclid(unit) * unit),
            )
        };
        ends(unit.max(1)).expect("a type holds more than one value")
    }

    fn encode(&self, point: Point, _zone: Zone) -> String {
        (point.0 * NANOSECONDS_OF_A_POINT).div_euclid(self.nanoseconds).to_string()
    }

    fn decode(&self, text: &str) -> Option<Edge> {
        let count = text.parse().ok().filter(|count| (self.limits.0..=self.limits.1).contains(count))?;
        let nanoseconds = count * self.nanoseconds;
        let inside = i128::from(nanoseconds.rem_euclid(NANOSECONDS_OF_A_POINT) != 0);
        Some(edge(Point(nanoseconds.div_euclid(NANOSECONDS_OF_A_POINT) + inside)))
    }

    fn holds_more(&self) -> bool {
        self.nanoseconds < NANOSECONDS_OF_A_POINT
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Encoding, codec_for};
    use super::*;

    #[test]
    fn every_unit_counts_from_1970() {
        let new_year = Point(1_767_225_600_000_000);
        for (word, text) in [
            ("epoch_s", "1767225600"),
            ("epoch_ms", "1767225600000"),
            ("epoch_us", "1767225600000000"),
            ("epoch_ns", "1767225600000000000"),
        ] {
            let encoding: Encoding = word.parse().unwrap();
            let codec = codec_for("bigint", Some(&encoding)).unwrap();
            assert_eq!(codec.encode(new_year, Zone::WallClock), text);
            assert_eq!(codec.decode(text), Some(Edge::At(new_year)), "{word}");
            assert_eq!(codec.decode("-1").and_then(Edge::point).map(|point| point <= Point(0)), Some(true));
        }
        let seconds: Encoding = "epoch_s".parse().unwrap();
        let integer = codec_for("integer", Some(&seconds)).unwrap();
        assert_eq!(integer.decode("2147483648"), None, "2038 ends what an integer holds");
        assert_eq!(integer.encode(integer.limits().end(), Zone::WallClock), "2147483647");
    }
}
