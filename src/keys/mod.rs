//! Key codecs: between the text of a bound and a point on the key's axis, both ways.
//!
//! The codec follows from the column's type, or from the policy's `encoding` where the type does not tell. Adding one
//! is a file here and a line in [`CODECS`]; the laws walk the slice.

mod encoding;
mod epoch;
mod integer;
#[cfg(test)]
mod laws;
mod list_value;
mod sample;
mod snowflake;
mod text_date;
mod timestamp;
mod ulid;
mod uuidv7;

use std::sync::Arc;

use crate::schedule::{Edge, Point, Window, Zone};

pub use encoding::{Encoding, EncodingError, Fault, Parameters};
pub use list_value::{canonical, certain_spelling};
pub use sample::sample;

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

/// Reads and writes the bounds of one kind of key.
pub trait KeyCodec: Send + Sync + std::fmt::Debug {
    /// The axis its points lie on.
    fn axis(&self) -> Axis;

    /// The points that the type can hold as a bound, both ends included in what can be written.
    fn limits(&self) -> Window;

    /// The literal's text for a point, without quotes: of the last one at or before it that the key can hold. `zone`
    /// chooses the offset that is written, never the instant.
    fn encode(&self, point: Point, zone: Zone) -> String;

    /// The edge that a bound's text means; `infinity` is [`Edge::Above`]. `None` for text that is not of this type
    /// or not on the axis.
    fn decode(&self, text: &str) -> Option<Edge>;

    /// The point for a person.
    fn describe(&self, point: Point, zone: Zone) -> String {
        match self.axis() {
            Axis::Instant => timestamp::describe_instant(point, zone),
            Axis::WallClock => timestamp::describe_wall_clock(point),
            Axis::Day | Axis::Integer => self.encode(point, zone),
        }
    }

    /// Whether a key holds more than its point does, so that several bounds decode to one. Those that begin their unit
    /// decode to its point, others to a point inside of it, which no grid has. A partition that is to touch another
    /// one takes over its text.
    fn holds_more(&self) -> bool {
        false
    }

    /// Whether keys are text: their order is that of the key's collation.
    fn is_text(&self) -> bool {
        false
    }
}

/// A kind of codec: what asks for it, and how it is made.
#[derive(Debug)]
pub struct CodecKind {
    /// The word of `encoding` that asks for it; `None`: the key's type says it all.
    pub encoding: Option<&'static str>,
    /// The key types it serves, as `format_type` writes them without a modifier.
    pub types: &'static [&'static str],
    /// How a policy may write it, for hints and for the laws; empty where the type says it all.
    pub example: &'static str,
    /// Makes it, or says what is wrong with the parameters.
    pub make: fn(&Parameters) -> Result<Arc<dyn KeyCodec>, EncodingError>,
}

/// Every codec.
pub static CODECS: &[CodecKind] = &[
    timestamp::TIMESTAMPTZ,
    timestamp::TIMESTAMP,
    timestamp::DATE,
    integer::SMALLINT,
    integer::INTEGER,
    integer::BIGINT,
    integer::NUMERIC,
    uuidv7::UUIDV7,
    ulid::TEXT,
    ulid::UUID,
    epoch::SECONDS,
    epoch::SECONDS_OF_INTEGER,
    epoch::MILLISECONDS,
    epoch::MICROSECONDS,
    epoch::NANOSECONDS,
    snowflake::SNOWFLAKE,
    text_date::TEXT,
];

/// The codec of a column type such as `timestamp(3) with time zone` or `numeric(20,0)`, read as `encoding` says.
pub fn codec_for(type_name: &str, encoding: Option<&Encoding>) -> Option<Arc<dyn KeyCodec>> {
    let bare = without_modifier(type_name);
    let word = encoding.map(Encoding::word);
    let kind = CODECS.iter().find(|kind| kind.encoding == word && kind.types.contains(&bare.as_str()))?;
    let made = (kind.make)(encoding.map_or(&Parameters::None, Encoding::parameters));
    Some(made.expect("an encoding's parameters are right, or it could not be made"))
}

/// How policies may write the encodings that a column of this type can have.
pub fn encodings_for(type_name: &str) -> Vec<String> {
    let bare = without_modifier(type_name);
    let fitting = CODECS.iter().filter(|kind| kind.encoding.is_some() && kind.types.contains(&bare.as_str()));
    fitting.map(CodecKind::in_yaml).collect()
}

/// Whether values of the type compare in one way only. A partition key may have another collation than its column,
/// and then no plain comparison prunes.
pub fn has_one_order(type_name: &str) -> bool {
    codec_for(type_name, None).is_some() || matches!(type_name, "uuid" | "boolean" | "bytea" | "oid")
}

fn without_modifier(type_name: &str) -> String {
    match (type_name.find('('), type_name.find(')')) {
        (Some(open), Some(close)) if open < close => format!("{}{}", &type_name[..open], &type_name[close + 1..]),
        _ => type_name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_modifier_does_not_matter() {
        let axis = |type_name| codec_for(type_name, None).map(|codec| codec.axis());
        assert_eq!(axis("timestamp(3) with time zone"), Some(Axis::Instant));
        assert_eq!(axis("timestamp without time zone"), Some(Axis::WallClock));
        assert_eq!(axis("numeric(20,0)"), Some(Axis::Integer));
        assert_eq!(axis("text"), None);
    }

    #[test]
    fn an_encoding_is_for_some_types_only() {
        let ulid: Encoding = "ulid".parse().unwrap();
        let axis = |type_name| codec_for(type_name, Some(&ulid)).map(|codec| codec.axis());
        assert_eq!([axis("text"), axis("character(26)"), axis("uuid")], [Some(Axis::Instant); 3]);
        assert_eq!([axis("bigint"), axis("timestamp with time zone")], [None; 2]);
        assert_eq!(encodings_for("uuid"), ["uuidv7", "ulid"]);
        assert_eq!(encodings_for("point"), [""; 0]);
        assert_eq!(encodings_for("bigint").last().unwrap(), "{snowflake: {epoch: 1288834974657, shift: 22}}");
    }
}
