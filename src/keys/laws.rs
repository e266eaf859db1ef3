//! What holds for every codec. That order in Rust is order in Postgres is a live law.

use std::sync::Arc;

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

fn codecs() -> Vec<Arc<dyn KeyCodec>> {
    let make = |kind: &CodecKind| {
        let parameters = match kind.encoding {
            Some(_) => kind.example.parse::<Encoding>().unwrap().parameters().clone(),
            None => Parameters::None,
        };
        (kind.make)(&parameters).unwrap()
    };
    CODECS.iter().map(make).collect()
}

/// A point that the codec can write: the last one at or before the given share of its limits.
fn point(codec: &dyn KeyCodec, n: i64) -> Point {
    let limits = codec.limits();
    let span = limits.end().0 - limits.start().0;
    let any = Point(limits.start().0 + i128::from(n).rem_euclid(span));
    codec.decode(&codec.encode(any, zones_of(codec)[0])).and_then(Edge::point).unwrap()
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(n in any::<i64>(), codec in prop::sample::select(codecs())) {
        let point = point(&*codec, n);
        for zone in zones_of(&*codec) {
            prop_assert_eq!(codec.decode(&codec.encode(point, *zone)), Some(Edge::At(point)), "{:?}", codec);
        }
    }

    #[test]
    fn what_is_written_for_a_point_lies_at_or_before_it(n in any::<i64>(), m in any::<i64>(), codec in prop::sample::select(codecs())) {
        let limits = codec.limits();
        let within = |n: i64| Point(limits.start().0 + i128::from(n).rem_euclid(limits.end().0 - limits.start().0));
        let written = |point| codec.decode(&codec.encode(point, zones_of(&*codec)[0])).and_then(Edge::point).unwrap();
        let (a, b) = (within(n).min(within(m)), within(n).max(within(m)));
        prop_assert!(written(a) <= a && written(a) <= written(b), "{:?} {a:?} {b:?}", codec);
    }

    #[test]
    fn junk_decodes_to_nothing(text in "[a-zA-Z:/ ]{0,12}", codec in prop::sample::select(codecs())) {
        prop_assume!(!text.contains("infinity"));
        prop_assert_eq!(codec.decode(&text), None);
    }

    #[test]
    fn no_text_is_too_strange_to_be_decoded(text in "\\PC{0,40}|[0-9a-f-]{30,40}|[0-9A-Z]{10,26}|-?[0-9]{1,40}", codec in prop::sample::select(codecs())) {
        let Some(Edge::At(point)) = codec.decode(&text) else { return Ok(()) };
        codec.describe(point, zones_of(&*codec)[0]);
    }
}

#[test]
fn both_ends_of_the_limits_can_be_written() {
    for codec in codecs() {
        for end in [codec.limits().start(), codec.limits().end()] {
            let text = codec.encode(end, zones_of(&*codec)[0]);
            assert_eq!(codec.decode(&text), Some(Edge::At(end)), "{codec:?} {text}");
        }
    }
}

#[test]
fn keywords_of_bounds_are_not_values() {
    for codec in codecs() {
        for text in ["MINVALUE", "MAXVALUE", "NULL", "", " "] {
            assert_eq!(codec.decode(text), None, "{codec:?} {text:?}");
        }
    }
}

#[test]
fn examples_are_written_as_they_are_read() {
    for kind in CODECS.iter().filter(|kind| kind.encoding.is_some()) {
        assert_eq!(kind.example.parse::<Encoding>().unwrap().to_string(), kind.example);
    }
}
