//! `snowflake`: 64-bit ids with milliseconds since an epoch of their own in the upper bits.

use std::sync::Arc;

use super::timestamp::{edge, years};
use super::{Axis, CodecKind, EncodingError, KeyCodec};
use crate::schedule::{Edge, Point, Window, Zone};

pub(super) const SNOWFLAKE: CodecKind = CodecKind {
    encoding: Some(WORD),
    types: &["bigint"],
    example: "snowflake {epoch: 1288834974657, shift: 22}",
    make: |parameters| {
        let [epoch, shift] = parameters.numbers(WORD, ["epoch", "shift"])?;
        let shift = u32::try_from(shift).ok().filter(|shift| (1..=62).contains(shift)).ok_or_else(|| {
            EncodingError::new("`shift` is not between 1 and 62")
                .hint("it is the number of bits behind the milliseconds")
                .at("shift")
        })?;
        let codec = Snowflake { epoch, shift };
        let epochs = 0..years().end().0 / 1_000;
        if !epochs.contains(&epoch) {
            return Err(EncodingError::new("`epoch` is no number of milliseconds since 1970").at("epoch"));
        }
        Ok(Arc::new(codec))
    },
};

const WORD: &str = "snowflake";

#[derive(Debug)]
struct Snowflake {
    /// Milliseconds from 1970 to the id 0.
    epoch: i128,
    /// Bits behind the milliseconds, 1 to 62.
    shift: u32,
}

impl KeyCodec for Snowflake {
    fn axis(&self) -> Axis {
        Axis::Instant
    }

    /// From the epoch on: ids are not negative.
    fn limits(&self) -> Window {
        let last = i128::from(i64::MAX >> self.shift);
        let counted = Window::new(Point(self.epoch * 1_000), Point((self.epoch + last) * 1_000));
        counted.and_then(|counted| counted.intersect(years())).expect("the epoch lies within the years")
    }

    fn encode(&self, point: Point, _zone: Zone) -> String {
        ((point.0.div_euclid(1_000) - self.epoch) << self.shift).to_string()
    }

    fn decode(&self, text: &str) -> Option<Edge> {
        let id = i128::from(text.parse::<i64>().ok()?);
        let milliseconds = (id >> self.shift) + self.epoch;
        let inside = i128::from(id & ((1 << self.shift) - 1) != 0);
        Some(edge(Point(milliseconds * 1_000 + inside)))
    }

    fn holds_more(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Encoding, codec_for};
    use super::*;

    #[test]
    fn an_id_is_read_as_its_millisecond() {
        let encoding: Encoding = SNOWFLAKE.example.parse().unwrap();
        let codec = codec_for("bigint", Some(&encoding)).unwrap();
        let id = 1_541_815_603_606_036_480_i64;
        let at = Point((1_288_834_974_657 + i128::from(id >> 22)) * 1_000);
        assert_eq!(codec.describe(at, Zone::Named(chrono_tz::UTC)), "2022-06-28 16:07:40.105+00");
        assert_eq!(codec.decode(&id.to_string()), Some(Edge::At(Point(at.0 + 1))), "ids of one worker lie inside");
        assert_eq!(codec.decode(&((id >> 22) << 22).to_string()), Some(Edge::At(at)));
        assert_eq!(codec.decode("9223372036854775808"), None);
        let last = codec.encode(codec.limits().end(), Zone::WallClock);
        assert!(last.parse::<i64>().is_ok(), "{last}");
    }
}
