//! YAML as a tree that keeps the text of every scalar and its place.
//!
//! A parser that guesses types turns `NO`, `08` and `1e3` into something else; here a scalar is its text, with a
//! note of whether YAML would call it a number or a boolean.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use super::Refusal;
use crate::policy::check::rules;

/// A value and the bytes that a message about it points at; never more than one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Node {
    pub value: Value,
    pub span: Range<usize>,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) enum Value {
    /// `null`, `~`, nothing at all.
    Null,
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A scalar: the text as written, without quotes and escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Scalar {
    pub text: String,
    pub form: Form,
}

/// What YAML would make of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Form {
    /// A number or a boolean.
    Typed,
    /// Text: quoted, or nothing else fits.
    Text,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Entry {
    pub key: String,
    pub key_span: Range<usize>,
    pub value: Node,
    pub origin: Origin,
}

/// Whose wish an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Origin {
    /// The document's own.
    Own,
    /// A `kind: defaults` document's.
    Defaults,
}

/// What serde is shown of a node: typed values come without their text.
pub(super) enum Raw {
    Null,
    /// A number or a boolean, as its value spells it.
    Typed(String),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

/// Turns what serde was shown into located nodes, with the text to look things up in.
pub(super) struct Builder<'a> {
    text: &'a str,
    base: usize,
    /// Keys and values so far.
    pub nodes: usize,
    /// Keys that are not words.
    pub refusals: Vec<Refusal>,
}

impl<'a> Builder<'a> {
    /// For a chunk that begins at this byte of the text.
    pub fn new(text: &'a str, base: usize) -> Self {
        Self { text, base, nodes: 0, refusals: Vec::new() }
    }

    /// The root of a document.
    pub fn node(&mut self, raw: Spanned<Raw>) -> Node {
        let place = if raw.referenced == raw.defined { raw.defined } else { raw.referenced };
        self.node_at(raw, place)
    }

    /// Only the value that an alias names directly is placed at the alias; what lies inside is shown where it is
    /// written, and so is what a merge key brings.
    fn node_at(&mut self, raw: Spanned<Raw>, place: Location) -> Node {
        self.nodes += 1;
        let via = raw.referenced;
        let inside = |builder: &mut Self, item: Spanned<Raw>| {
            let place = if item.referenced == via { item.defined } else { item.referenced };
            builder.node_at(item, place)
        };
        let span = self.first_line(place);
        match raw.value {
            Raw::Null => Node { value: Value::Null, span },
            Raw::Text(text) => Node { value: Value::Scalar(Scalar { text, form: Form::Text }), span },
            Raw::Typed(value) => {
                let text = self.typed_text(raw.defined, value);
                Node { value: Value::Scalar(Scalar { text, form: Form::Typed }), span }
            }
            Raw::List(items) => {
                let list = items.into_iter().map(|item| inside(self, item)).collect();
                Node { value: Value::List(list), span: self.at_least_one_character(span) }
            }
            Raw::Map(pairs) => {
                let entries: Vec<Entry> =
                    pairs.into_iter().filter_map(|(key, value)| self.entry(via, key, value)).collect();
                let first_key = entries.first().filter(|_| place == raw.defined).map(|entry| entry.key_span.clone());
                let span = first_key.unwrap_or_else(|| self.at_least_one_character(span));
                Node { value: Value::Map(entries), span }
            }
        }
    }

    fn entry(&mut self, via: Location, key: Spanned<Raw>, value: Spanned<Raw>) -> Option<Entry> {
        self.nodes += 1;
        let key_span = self.first_line(key.defined);
        let name = match key.value {
            Raw::Text(text) => text,
            Raw::Typed(text) => self.typed_text(key.defined, text),
            Raw::Null | Raw::List(_) | Raw::Map(_) => {
                let refusal = Refusal::new(rules::WRONG_TYPE, key_span, "a key must be a word");
                self.refusals.push(refusal);
                return None;
            }
        };
        let merged = key.referenced != key.defined;
        let place = if merged || value.referenced == via { value.defined } else { value.referenced };
        Some(Entry { key: name, key_span, value: self.node_at(value, place), origin: Origin::Own })
    }

    /// The source text of a number or boolean; its value when a tag made it out of something quoted.
    fn typed_text(&self, defined: Location, value: String) -> String {
        match &self.text[self.range(defined)] {
            "" => value,
            text if text.starts_with(['"', '\'']) => value,
            text => text.trim().to_owned(),
        }
    }

    fn first_line(&self, location: Location) -> Range<usize> {
        let range = self.range(location);
        let line = self.text[range.clone()].split(['\n', '\r']).next().unwrap_or_default();
        range.start..range.start + line.trim_end().len()
    }

    fn at_least_one_character(&self, span: Range<usize>) -> Range<usize> {
        let first = self.text[span.start..].chars().next().map_or(0, char::len_utf8);
        span.start..span.end.max(span.start + first)
    }

    fn range(&self, location: Location) -> Range<usize> {
        let (start, len) = match (location.span().byte_offset(), location.span().byte_len()) {
            (Some(start), Some(len)) => (start as usize, len as usize),
            _ => (0, 0),
        };
        let range = self.base + start..self.base + start + len;
        if self.text.get(range.clone()).is_some() { range } else { self.base..self.base }
    }
}
