//! Key codecs: between the text of a bound and a point on the key's axis, both ways.
//!
//! The codec follows from the column's type. Adding one is a file here and a line in [`CODECS`]; the laws below
//! walk the slice.

mod integer;
mod list_value;
mod timestamp;

use crate::schedule::{Edge, Point, Window, Zone};

pub use list_value::canonical;

/// What kind of line a key's values lie on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Instants; the calendar needs a zone.
    Instant,
    /// Wall-clock date and time; there is no zone.
    WallClock,
    /// Whole days on the wall calendar.
    Day,
    /// Whole numbers.
    Integer,
}

/// Reads and writes the bounds of one key type.
pub trait KeyCodec: Sync + std::fmt::Debug {
    /// The key types it serves, as `format_type` writes them without a modifier.
    fn types(&self) -> &'static [&'static str];

    /// The axis its points lie on.
    fn axis(&self) -> Axis;

    /// The points that the type can hold as a bound, both ends included in what can be written.
    fn limits(&self) -> Window;

    /// The literal's text for a point, without quotes. `zone` chooses the offset that is written, never the instant.
    fn encode(&self, point: Point, zone: Zone) -> String;

    /// The edge that a bound's text means; `infinity` is [`Edge::Above`]. `None` for text that is not of this type
    /// or not on the axis.
    fn decode(&self, text: &str) -> Option<Edge>;

    /// The point for a person.
    fn describe(&self, point: Point, zone: Zone) -> String {
        self.encode(point, zone)
    }
}

/// Every codec.
pub static CODECS: &[&dyn KeyCodec] = &[
    &timestamp::Timestamptz,
    &timestamp::Timestamp,
    &timestamp::Date,
    &integer::Integer { types: &["smallint"], limits: (i16::MIN as i128, i16::MAX as i128) },
    &integer::Integer { types: &["integer"], limits: (i32::MIN as i128, i32::MAX as i128) },
    &integer::Integer { types: &["bigint"], limits: (i64::MIN as i128, i64::MAX as i128) },
    &integer::Integer { types: &["numeric"], limits: (-integer::NUMERIC_LIMIT, integer::NUMERIC_LIMIT) },
];

/// The codec of a column type such as `timestamp(3) with time zone` or `numeric(20,0)`.
pub fn codec_for(type_name: &str) -> Option<&'static dyn KeyCodec> {
    let bare = without_modifier(type_name);
    CODECS.iter().copied().find(|codec| codec.types().contains(&bare.as_str()))
}

/// Whether values of the type compare in one way only. A partition key may have another collation than its column,
/// and then no plain comparison prunes.
pub fn has_one_order(type_name: &str) -> bool {
    codec_for(type_name).is_some() || matches!(type_name, "uuid" | "boolean" | "bytea" | "oid")
}

fn without_modifier(type_name: &str) -> String {
    match (type_name.find('('), type_name.find(')')) {
        (Some(open), Some(close)) if open < close => format!("{}{}", &type_name[..open], &type_name[close + 1..]),
        _ => type_name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ZONES: [Zone; 4] = [
        Zone::WallClock,
        Zone::Named(chrono_tz::Tz::UTC),
        Zone::Named(chrono_tz::Asia::Kathmandu),
        Zone::Named(chrono_tz::America::New_York),
    ];

    fn zones_of(codec: &dyn KeyCodec) -> &'static [Zone] {
        if codec.axis() == Axis::Instant { &ZONES[1..] } else { &ZONES[..1] }
    }

    /// Dates lie on whole days only.
    fn on_axis(codec: &dyn KeyCodec, point: Point) -> Point {
        const DAY: i128 = 86_400_000_000;
        if codec.axis() == Axis::Day { Point(point.0.div_euclid(DAY) * DAY) } else { point }
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(n in any::<i64>(), codec in prop::sample::select(CODECS)) {
            let limits = codec.limits();
            let span = limits.end().0 - limits.start().0;
            let point = on_axis(codec, Point(limits.start().0 + i128::from(n).rem_euclid(span)));
            for zone in zones_of(codec) {
                prop_assert_eq!(codec.decode(&codec.encode(point, *zone)), Some(Edge::At(point)), "{:?}", codec);
            }
        }

        #[test]
        fn junk_decodes_to_nothing(text in "[a-zA-Z:/ ]{0,12}", codec in prop::sample::select(CODECS)) {
            prop_assume!(!text.contains("infinity"));
            prop_assert_eq!(codec.decode(&text), None);
        }
    }

    #[test]
    fn keywords_of_bounds_are_not_values() {
        for codec in CODECS {
            for text in ["MINVALUE", "MAXVALUE", "NULL", "", " "] {
                assert_eq!(codec.decode(text), None, "{codec:?} {text:?}");
            }
        }
    }

    #[test]
    fn the_type_modifier_does_not_matter() {
        assert_eq!(codec_for("timestamp(3) with time zone").map(KeyCodec::axis), Some(Axis::Instant));
        assert_eq!(codec_for("timestamp without time zone").map(KeyCodec::axis), Some(Axis::WallClock));
        assert_eq!(codec_for("numeric(20,0)").map(KeyCodec::axis), Some(Axis::Integer));
        assert!(codec_for("text").is_none());
    }
}
