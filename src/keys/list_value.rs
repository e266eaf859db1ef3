//! List values as Postgres writes them back, so that a policy's spelling and the catalog's can be compared.

use std::sync::Arc;

use super::{KeyCodec, codec_for, without_modifier};
use crate::schedule::{Edge, Zone};

/// The spelling that `pg_get_expr` uses for a value of this type, where the type has more than one spelling.
///
/// Text, enums and every type not named here are spelled as they are.
pub fn canonical(type_name: &str, text: &str) -> String {
    match without_modifier(type_name).as_str() {
        "boolean" => match text.to_ascii_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "on" | "1" => "true".to_owned(),
            "f" | "false" | "n" | "no" | "off" | "0" => "false".to_owned(),
            _ => text.to_owned(),
        },
        "uuid" => text.to_ascii_lowercase(),
        // The catalog pads char(n) values with blanks, which do not count when they are compared.
        "character" => text.trim_end_matches(' ').to_owned(),
        "numeric" => without_trailing_zeros(text),
        _ => {
            let respelled = |codec: Arc<dyn KeyCodec>| match codec.decode(text)? {
                Edge::At(point) => Some(codec.encode(point, Zone::WallClock)),
                Edge::Below | Edge::Above => None,
            };
            codec_for(type_name, None).and_then(respelled).unwrap_or_else(|| text.to_owned())
        }
    }
}

fn without_trailing_zeros(text: &str) -> String {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_value_meet() {
        let cases = [
            ("integer", "08", "8"),
            ("bigint", "+7", "7"),
            ("boolean", "on", "true"),
            ("boolean", "NO", "false"),
            ("text", "NO", "NO"),
            ("text", "08", "08"),
            ("numeric(10,2)", "1.50", "1.5"),
            ("character(3)", "a  ", "a"),
            ("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            ("date", "2024-06-01", "2024-06-01"),
            ("shop.state", "Open", "Open"),
        ];
        for (type_name, text, expected) in cases {
            assert_eq!(canonical(type_name, text), expected, "{type_name}");
        }
    }
}
