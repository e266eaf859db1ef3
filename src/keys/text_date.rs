//! `text:FORMAT`: dates and times written as text, such as `20260131`, whose order as text is their order in time.
//!
//! That holds for formats that write the larger before the smaller, each with all its digits: then two texts differ
//! first in a digit, and every collation has the digits in their order.

use std::sync::Arc;

use chrono::format::{Item, Numeric, Pad, StrftimeItems};
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::timestamp::{local, micros};
use super::{Axis, CodecKind, EncodingError, KeyCodec};
use crate::schedule::{Edge, Point, Window, Zone};

pub(super) const TEXT: CodecKind = CodecKind {
    encoding: Some(WORD),
    types: &["text", "character varying", "character"],
    example: "text:%Y%m%d",
    make: |parameters| Ok(Arc::new(TextDate::new(parameters.text(WORD)?)?)),
};

const WORD: &str = "text";

/// What a format may write, in this order, as far down as it goes; and with how many digits.
const FIELDS: [(Numeric, usize); 6] = [
    (Numeric::Year, 4),
    (Numeric::Month, 2),
    (Numeric::Day, 2),
    (Numeric::Hour, 2),
    (Numeric::Minute, 2),
    (Numeric::Second, 2),
];

#[derive(Debug)]
struct TextDate {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    /// So many digits of the next field.
    Field(usize),
    /// As it stands.
    Literal(String),
}

impl TextDate {
    fn new(format: &str) -> Result<Self, EncodingError> {
        let mut fields = FIELDS.iter();
        let parts: Option<Vec<Part>> = StrftimeItems::new(format)
            .map(|item| match item {
                Item::Numeric(field, Pad::Zero) => {
                    fields.next().filter(|(next, _)| *next == field).map(|(_, digits)| Part::Field(*digits))
                }
                Item::Literal(text) | Item::Space(text) if text.is_ascii() => Some(Part::Literal(text.to_owned())),
                _ => None,
            })
            .collect();
        match parts {
            Some(parts) if fields.len() < FIELDS.len() => Ok(Self { parts }),
            _ => {
                let message = format!("`{}` is no format of dates that sort as text", format.escape_debug());
                Err(EncodingError::new(message)
                    .hint("the larger first, each with all its digits: `%Y-%m-%d`, `%Y%m%d%H`"))
            }
        }
    }

    fn write(&self, local: NaiveDateTime) -> String {
        let year = local.year().unsigned_abs();
        let fields = [year, local.month(), local.day(), local.hour(), local.minute(), local.second()];
        let mut fields = fields.into_iter();
        let part = |part: &Part| match part {
            Part::Field(digits) => format!("{:0digits$}", fields.next().unwrap_or_default()),
            Part::Literal(text) => text.clone(),
        };
        self.parts.iter().map(part).collect()
    }

    /// Fields that the format does not write are at their least.
    fn read(&self, text: &str) -> Option<NaiveDateTime> {
        let mut fields = [0, 1, 1, 0, 0, 0];
        let mut field = fields.iter_mut();
        let mut rest = text;
        for part in &self.parts {
            match part {
                Part::Field(digits) => {
                    let number = rest.get(..*digits).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
                    *field.next()? = number.parse().ok()?;
                    rest = &rest[*digits..];
                }
                Part::Literal(text) => rest = rest.strip_prefix(text.as_str())?,
            }
        }
        let [year, month, day, hour, minute, second] = fields;
        let read = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?.and_hms_opt(hour, minute, second);
        read.filter(|_| rest.is_empty())
    }
}

impl KeyCodec for TextDate {
    fn axis(&self) -> Axis {
        Axis::WallClock
    }

    fn limits(&self) -> Window {
        // The first of January of years is what every format can write.
        let year = |year| micros(NaiveDate::from_ymd_opt(year, 1, 1).expect("a day").and_time(NaiveTime::MIN));
        Window::new(year(2), year(9999)).expect("year 2 comes before year 9999")
    }

    fn encode(&self, point: Point, _zone: Zone) -> String {
        self.write(local(point))
    }

    fn decode(&self, text: &str) -> Option<Edge> {
        // A char(n) is filled up with blanks.
        self.read(text.trim_end_matches(' ')).map(|local| Edge::At(micros(local)))
    }

    fn is_text(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: &str, text: &str) -> Option<String> {
        let codec = TextDate::new(format).unwrap();
        Some(local(codec.decode(text)?.point()?).to_string())
    }

    #[test]
    fn formats_that_sort_are_read_and_written() {
        for (format, text, expected) in [
            ("%Y%m%d", "20260131", "2026-01-31 00:00:00"),
            ("%F", "2026-01-31", "2026-01-31 00:00:00"),
            ("%Y-%m", "2026-12", "2026-12-01 00:00:00"),
            ("%Y", "0999", "0999-01-01 00:00:00"),
            ("%Y%m%dT%H%M%SZ", "20260131T235959Z", "2026-01-31 23:59:59"),
            ("day %Y/%m/%d", "day 2026/01/31", "2026-01-31 00:00:00"),
        ] {
            assert_eq!(read(format, text).as_deref(), Some(expected), "{format}");
            let codec = TextDate::new(format).unwrap();
            assert_eq!(codec.encode(codec.decode(text).unwrap().point().unwrap(), Zone::WallClock), text);
        }
    }

    #[test]
    fn what_the_format_does_not_write_is_not_read() {
        for text in ["2026013", "202601311", "2026-01-31", "20260132", "2026 131", "20261301", "２0260131", "+2026013"]
        {
            assert_eq!(read("%Y%m%d", text), None, "{text}");
        }
        assert_eq!(read("%Y%m%d", "20260131   ").as_deref(), Some("2026-01-31 00:00:00"), "char(11)");
    }

    #[test]
    fn formats_that_do_not_sort_are_refused() {
        for format in ["", "x", "%d.%m.%Y", "%m/%d/%Y", "%y%m%d", "%Y%d", "%Y%-m%d", "%Y %B", "%s", "%Y%m%d%Q", "%Y%mé"]
        {
            assert!(TextDate::new(format).is_err(), "{format}");
        }
    }
}
