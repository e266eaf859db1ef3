//! `uuidv7`: UUIDs whose first 48 bits are the milliseconds since 1970 (RFC 9562), and what ULIDs share with them.
//!
//! Postgres compares UUIDs byte by byte, so they lie in the order of their time.

use std::sync::Arc;

use super::timestamp::years;
use super::{Axis, CodecKind, KeyCodec};
use crate::schedule::{Edge, Point, Window, Zone};

pub(super) const UUIDV7: CodecKind = CodecKind {
    encoding: Some("uuidv7"),
    types: &["uuid"],
    example: "uuidv7",
    make: |parameters| parameters.none().map(|()| Arc::new(TimedUuid { least_tail: LEAST_TAIL }) as Arc<dyn KeyCodec>),
};

/// No version 7 UUID has less behind its milliseconds: version 7, variant 2, the rest zeros. Others write bounds so.
const LEAST_TAIL: u128 = 0x7000_8000_0000_0000_0000;

/// Bits behind the milliseconds.
pub(super) const TAIL_BITS: u32 = 80;

/// The milliseconds that 48 bits can count from 1970, as far as grids reckon.
pub(super) fn millisecond_limits() -> Window {
    Window::new(Point(0), years().end()).expect("1970 comes before the last year")
}

/// The milliseconds of a point, at most so many that 48 bits hold them.
pub(super) fn milliseconds(point: Point) -> u128 {
    point.0.div_euclid(1_000).clamp(0, (1 << 48) - 1).unsigned_abs()
}

/// The edge of 128 bits: the beginning of their millisecond when no value of it has less behind it, else a point
/// inside of it. All ones are what people write for the end of time.
pub(super) fn edge(bits: u128, least_tail: u128) -> Edge {
    if bits == u128::MAX {
        return Edge::Above;
    }
    let tail = bits & ((1 << TAIL_BITS) - 1);
    let inside = i128::from(least_tail < tail);
    let milliseconds = i128::try_from(bits >> TAIL_BITS).expect("48 bits are left");
    Edge::At(Point(milliseconds * 1_000 + inside))
}

/// A UUID that begins with milliseconds; the least that stands behind them in a value.
#[derive(Debug)]
pub(super) struct TimedUuid {
    pub least_tail: u128,
}

impl KeyCodec for TimedUuid {
    fn axis(&self) -> Axis {
        Axis::Instant
    }

    fn limits(&self) -> Window {
        millisecond_limits()
    }

    fn encode(&self, point: Point, _zone: Zone) -> String {
        let hex = format!("{:032x}", milliseconds(point) << TAIL_BITS);
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    fn decode(&self, text: &str) -> Option<Edge> {
        let parts: Vec<&str> = text.split('-').collect();
        let shaped = parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]);
        let hex = parts.concat();
        let digits = shaped && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(edge(digits.then(|| u128::from_str_radix(&hex, 16).ok())??, self.least_tail))
    }

    fn holds_more(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_the_first_value_of_its_millisecond_however_it_is_written() {
        let codec = TimedUuid { least_tail: LEAST_TAIL };
        let new_year = Point(1_767_225_600_000_000);
        assert_eq!(codec.encode(new_year, Zone::WallClock), "019b76da-a800-0000-0000-000000000000");
        for text in [
            "019b76da-a800-0000-0000-000000000000",
            "019b76da-a800-7000-0000-000000000000",
            "019B76DA-A800-7000-8000-000000000000",
        ] {
            assert_eq!(codec.decode(text), Some(Edge::At(new_year)), "{text}");
        }
        let inside = Some(Edge::At(Point(new_year.0 + 1)));
        assert_eq!(codec.decode("019b76da-a800-7000-8000-000000000001"), inside);
        assert_eq!(codec.decode("ffffffff-ffff-ffff-ffff-ffffffffffff"), Some(Edge::Above));
        for junk in ["019b76daa80000000000000000000000", "019b76da-a800-0000-0000-00000000000g", "-----"] {
            assert_eq!(codec.decode(junk), None, "{junk}");
        }
    }
}
