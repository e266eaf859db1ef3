//! `ulid`: 48 bits of milliseconds since 1970 and 80 random ones, as a UUID or as 26 characters of Crockford's base 32.
//!
//! As text they lie in the order of their time under every collation that has digits before letters and letters in
//! the order of the alphabet; a plan asks the server about the key's own before it makes a partition.

use std::sync::Arc;

use super::uuidv7::{TAIL_BITS, TimedUuid, edge, millisecond_limits, milliseconds};
use super::{Axis, CodecKind, KeyCodec};
use crate::schedule::{Edge, Point, Window, Zone};

pub(super) const TEXT: CodecKind = CodecKind {
    encoding: Some("ulid"),
    types: &["text", "character varying", "character"],
    example: "ulid",
    make: |parameters| parameters.none().map(|()| Arc::new(Ulid) as Arc<dyn KeyCodec>),
};

pub(super) const UUID: CodecKind = CodecKind {
    encoding: Some("ulid"),
    types: &["uuid"],
    example: "ulid",
    make: |parameters| parameters.none().map(|()| Arc::new(TimedUuid { least_tail: 0 }) as Arc<dyn KeyCodec>),
};

/// Upper case only: lower case lies elsewhere in the order of text.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 26;
/// Of which so many carry the milliseconds.
const TIME_LENGTH: usize = 10;

#[derive(Debug)]
struct Ulid;

impl KeyCodec for Ulid {
    fn axis(&self) -> Axis {
        Axis::Instant
    }

    fn limits(&self) -> Window {
        millisecond_limits()
    }

    fn encode(&self, point: Point, _zone: Zone) -> String {
        let bits = milliseconds(point) << TAIL_BITS;
        let digit = |at: usize| char::from(DIGITS[(bits >> (5 * at) & 31) as usize]);
        (0..LENGTH).rev().map(digit).collect()
    }

    /// A bound may be cut off behind its milliseconds, which puts it in the same place.
    fn decode(&self, text: &str) -> Option<Edge> {
        let text = text.trim_end_matches(' ');
        if !(TIME_LENGTH..=LENGTH).contains(&text.len()) {
            return None;
        }
        let mut bits: u128 = 0;
        for at in 0..LENGTH {
            let digit = match text.as_bytes().get(at) {
                Some(byte) => DIGITS.iter().position(|digit| digit == byte)?,
                None => 0,
            };
            // 26 digits are 130 bits, two more than there are.
            bits = bits.checked_mul(32)?.checked_add(digit as u128)?;
        }
        Some(edge(bits, 0))
    }

    fn holds_more(&self) -> bool {
        true
    }

    fn is_text(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ulid_is_read_as_its_millisecond() {
        // The example of the ULID specification.
        assert_eq!(Ulid.decode("01ARYZ6S410000000000000000"), Some(Edge::At(Point(1_469_918_176_385_000))));
        assert_eq!(Ulid.decode("01ARYZ6S41"), Some(Edge::At(Point(1_469_918_176_385_000))));
        assert_eq!(Ulid.decode("01ARYZ6S41TSV4RRFFQ69G5FAV"), Some(Edge::At(Point(1_469_918_176_385_001))));
        assert_eq!(Ulid.encode(Point(1_469_918_176_385_000), Zone::WallClock), "01ARYZ6S410000000000000000");
        assert_eq!(Ulid.decode("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), Some(Edge::Above));
        for junk in ["80000000000000000000000000", "01aryz6s410000000000000000", "01ARYZ6S4", "01ARYZ6S4U"] {
            assert_eq!(Ulid.decode(junk), None, "{junk}");
        }
    }
}
