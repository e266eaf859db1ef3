//! List values as Postgres writes them back, so that a policy's spelling and the catalog's can be compared.

use std::sync::Arc;

use super::{KeyCodec, codec_for, without_modifier};
use crate::schedule::{Edge, Zone};

/// One spelling for all that Postgres may write for a value of this type.
pub fn canonical(type_name: &str, text: &str) -> String {
    one_spelling(type_name, text).unwrap_or_else(|| text.to_owned())
}

/// The same for what anybody else wrote, where it is certain what value that is; `None`: only the server knows. Texts
/// that the type does not take are the server's to refuse.
pub fn certain_spelling(type_name: &str, text: &str) -> Option<String> {
    // A scale rounds what has more digits.
    let is_rounded = type_name.starts_with("numeric(") && text.contains('.');
    one_spelling(type_name, text).filter(|_| !is_rounded)
}

fn one_spelling(type_name: &str, text: &str) -> Option<String> {
    match without_modifier(type_name).as_str() {
        // A key expression's type is empty where it is polymorphic, as for an enum.
        "text" | "character varying" | "name" | "" => Some(text.to_owned()),
        // The catalog pads char(n) values with blanks, which do not count when they are compared.
        "character" => Some(text.trim_end_matches(' ').to_owned()),
        "boolean" => match text {
            "t" | "true" | "yes" | "on" | "1" => Some("true".to_owned()),
            "f" | "false" | "no" | "off" | "0" => Some("false".to_owned()),
            _ => None,
        },
        "uuid" => has_uuid_shape(text).then(|| text.to_ascii_lowercase()),
        "numeric" => without_trailing_zeros(text),
        _ => {
            let respelled = |codec: Arc<dyn KeyCodec>| match codec.decode(text)? {
                Edge::At(point) => Some(codec.encode(point, Zone::WallClock)),
                Edge::Below | Edge::Above => None,
            };
            codec_for(type_name, None).and_then(respelled)
        }
    }
}

fn has_uuid_shape(text: &str) -> bool {
    let shaped = text.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    shaped && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Plain decimal digits without zeros at the end, which do not count when values are compared; `None` for every other
/// way to write a number.
fn without_trailing_zeros(text: &str) -> Option<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let zero = digits.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if !plain(whole) || !plain(fraction) || 1 < whole.len() && whole.starts_with('0') || zero && digits != text {
        return None;
    }
    Some(if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() })
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
            ("boolean", "f", "false"),
            ("text", "NO", "NO"),
            ("text", "08", "08"),
            ("numeric", "1.50", "1.5"),
            ("numeric", "-0.500", "-0.5"),
            ("numeric", "100", "100"),
            ("numeric(10,2)", "8", "8"),
            ("character(3)", "a  ", "a"),
            ("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            ("date", "2024-06-01", "2024-06-01"),
            ("timestamp with time zone", "2024-06-01 00:00:00+02", "2024-05-31 22:00:00+00:00"),
        ];
        for (type_name, text, expected) in cases {
            assert_eq!(certain_spelling(type_name, text).as_deref(), Some(expected), "{type_name}");
        }
    }

    #[test]
    fn the_catalogs_own_zeros_do_not_count() {
        assert_eq!(canonical("numeric(10,2)", "2.00"), "2");
        assert_eq!(canonical("numeric(10,2)", "NaN"), "NaN");
        assert_eq!(canonical("interval", "P1D"), "P1D");
    }

    #[test]
    fn what_only_the_server_knows_is_left_to_it() {
        let cases = [
            ("integer", "1e3"),
            ("numeric", "1e3"),
            ("numeric", "007"),
            ("numeric", "-0"),
            ("numeric", ".5"),
            ("numeric(10,2)", "1.555"),
            ("boolean", "tr"),
            ("uuid", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"),
            ("date", "June 1, 2024"),
            ("interval", "1 day"),
            ("shop.state", "Open"),
            ("bytea", "abc"),
        ];
        for (type_name, text) in cases {
            assert_eq!(certain_spelling(type_name, text), None, "{type_name} {text}");
        }
    }
}
