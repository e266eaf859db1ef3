//! A value of a type, where any one will do.

use super::{Axis, codec_for};
use crate::schedule::{Point, Zone};

/// A value of the type, for an equality that is to find one partition; `None`: of a type that is not known here.
pub fn sample(type_name: &str) -> Option<String> {
    if let Some(codec) = codec_for(type_name, None) {
        /// 2000-01-01 00:00 UTC in microseconds.
        const Y2K: Point = Point(946_684_800_000_000);
        let point = if codec.axis() == Axis::Integer { Point(1) } else { Y2K };
        return Some(codec.encode(point, Zone::Named(chrono_tz::UTC)));
    }
    let bare = type_name.split('(').next().unwrap_or(type_name);
    let text = match bare {
        "text" | "character varying" | "character" | "name" | "\"char\"" => "a",
        "uuid" => "00000000-0000-4000-8000-000000000001",
        "boolean" => "true",
        "real" | "double precision" | "oid" | "money" => "1",
        "bytea" => r"\x61",
        "interval" => "P1D",
        "inet" | "cidr" => "192.0.2.1",
        "macaddr" => "00:00:5e:00:53:01",
        "jsonb" => "1",
        _ if bare.starts_with("time") => "12:00:00+00",
        _ => return None,
    };
    Some(text.to_owned())
}
