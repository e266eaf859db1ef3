//! Whole-number keys: `smallint`, `integer`, `bigint`, and `numeric` where its bounds are whole.

use std::sync::Arc;

use super::{Axis, CodecKind, KeyCodec};
use crate::schedule::{Edge, Point, Window, Zone};

pub(super) const SMALLINT: CodecKind = CodecKind {
    encoding: None,
    types: &["smallint"],
    example: "",
    make: |_| Ok(Arc::new(Integer { limits: (i16::MIN as i128, i16::MAX as i128) })),
};
pub(super) const INTEGER: CodecKind = CodecKind {
    encoding: None,
    types: &["integer"],
    example: "",
    make: |_| Ok(Arc::new(Integer { limits: (i32::MIN as i128, i32::MAX as i128) })),
};
pub(super) const BIGINT: CodecKind = CodecKind {
    encoding: None,
    types: &["bigint"],
    example: "",
    make: |_| Ok(Arc::new(Integer { limits: (i64::MIN as i128, i64::MAX as i128) })),
};
pub(super) const NUMERIC: CodecKind = CodecKind {
    encoding: None,
    types: &["numeric"],
    example: "",
    make: |_| Ok(Arc::new(Integer { limits: (-NUMERIC_LIMIT, NUMERIC_LIMIT) })),
};

/// Bounds of numeric keys are managed up to this many either side; far beyond any counter, far inside `i128`.
const NUMERIC_LIMIT: i128 = 10_i128.pow(30);

/// A whole-number type, as the least and the greatest value it can hold.
#[derive(Debug)]
struct Integer {
    limits: (i128, i128),
}

impl KeyCodec for Integer {
    fn axis(&self) -> Axis {
        Axis::Integer
    }

    fn limits(&self) -> Window {
        Window::new(Point(self.limits.0), Point(self.limits.1)).expect("a type holds more than one value")
    }

    fn encode(&self, point: Point, _zone: Zone) -> String {
        point.0.to_string()
    }

    /// A numeric bound keeps its scale: `5000.00` is the point 5000, `1.50` is on no grid of whole numbers, and what
    /// lies beyond the limits is on no axis that can be reckoned with.
    fn decode(&self, text: &str) -> Option<Edge> {
        match text {
            "Infinity" => return Some(Edge::Above),
            "-Infinity" => return Some(Edge::Below),
            _ => {}
        }
        let whole = match text.split_once('.') {
            Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole,
            Some(_) => return None,
            None => text,
        };
        let value = whole.parse().ok().filter(|value| (self.limits.0..=self.limits.1).contains(value))?;
        Some(Edge::At(Point(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec_for;
    use super::*;

    #[test]
    fn numeric_bounds_with_a_scale_of_zeros_are_whole() {
        let numeric = codec_for("numeric", None).unwrap();
        assert_eq!(numeric.decode("5000.00"), Some(Edge::At(Point(5000))));
        assert_eq!(numeric.decode("-7"), Some(Edge::At(Point(-7))));
        assert_eq!(numeric.decode("1.50"), None);
        assert_eq!(numeric.decode("NaN"), None);
        assert_eq!(numeric.decode(&i128::MIN.to_string()), None);
        assert_eq!(numeric.decode("Infinity"), Some(Edge::Above));
    }
}
