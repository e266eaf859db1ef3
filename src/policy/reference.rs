//! What a key of the policy language is: its name, what may stand under it, and what it means.
//!
//! Each section keeps its table beside the code that reads it. The checker, "did you mean" and the JSON Schema walk
//! these tables, so that no key is read without being described. Decides nothing about a document.

use super::storage::StorageParameter;

/// What may stand in a section.
pub(in crate::policy) struct Keys {
    /// The key that leads to the section; empty for the document itself.
    pub section: &'static str,
    pub known: &'static [Key],
    /// Keys that belong to different alternatives do not stand together; the first of each tells which one it is.
    pub alternatives: &'static [&'static [&'static str]],
}

impl Keys {
    /// A section whose keys all go together.
    pub const fn of(section: &'static str, known: &'static [Key]) -> Self {
        Self { section, known, alternatives: &[] }
    }

    /// The name of every key.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.known.iter().map(|key| key.name)
    }

    /// Whether a key belongs here.
    pub fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// This section and all inside it, each once.
    pub fn sections(&'static self) -> Vec<&'static Keys> {
        let mut found = vec![self];
        let mut next = 0;
        while let Some(keys) = found.get(next) {
            next += 1;
            for inside in keys.known.iter().flat_map(|key| key.shape.sections()) {
                if !found.iter().any(|known| std::ptr::eq(*known, inside)) {
                    found.push(inside);
                }
            }
        }
        found
    }
}

/// A key, as the reference and editors tell of it.
#[derive(Clone, Copy)]
pub(in crate::policy) struct Key {
    pub name: &'static str,
    pub shape: Shape,
    /// What it means: a fragment, as in the README.
    pub about: &'static str,
    /// What holds without it, as a policy would write it.
    pub default: Option<&'static str>,
    /// Values worth copying, as a policy would write them.
    pub examples: &'static [&'static str],
    pub need: Need,
}

/// Whether a key may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Need {
    Optional,
    /// It is there, with the section or with its alternative; defaults may bring it.
    Required,
}

impl Key {
    /// An optional key without a default.
    pub const fn new(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, shape, about, default: None, examples: &[], need: Need::Optional }
    }

    pub const fn default(self, value: &'static str) -> Self {
        Self { default: Some(value), ..self }
    }

    pub const fn examples(self, values: &'static [&'static str]) -> Self {
        Self { examples: values, ..self }
    }

    pub const fn required(self) -> Self {
        Self { need: Need::Required, ..self }
    }
}

/// What may stand under a key, as far as that can be told without the rest of the policy.
#[derive(Clone, Copy)]
pub(in crate::policy) enum Shape {
    /// Any text that is not blank; numbers and booleans are text as they are written.
    Text,
    /// Text that matches a regular expression of ECMA 262.
    Pattern(&'static str),
    /// A name by SQL's rules, without a schema before it.
    Name,
    /// A value of a list partition or of a parameter.
    Scalar,
    Null,
    Boolean,
    /// A whole number within bounds, both inclusive; `u64::MAX` bounds nothing.
    Whole(u64, u64),
    /// Any whole number.
    Number,
    /// One of a few words.
    Choice(fn() -> Vec<&'static str>),
    /// The name of a time zone.
    Zone,
    /// What a storage parameter takes.
    Storage(&'static StorageParameter),
    Either(&'static [Shape]),
    List(&'static Shape),
    /// Names of the policy's own, each with such a value.
    Map(&'static Shape),
    /// A list or a map of at least one.
    NonEmpty(&'static Shape),
    Section(&'static Keys),
}

/// A name by SQL's rules: bare or in double quotes.
macro_rules! name {
    () => {
        r#"(?:(?:[A-Za-z_]|[^\x00-\x7F])(?:[A-Za-z0-9_$]|[^\x00-\x7F])*|"(?:[^"]|"")+")"#
    };
}

pub(in crate::policy) const NAME_PATTERN: &str = concat!(r"^\s*", name!(), r"\s*$");
/// `schema.table`
pub(in crate::policy) const TABLE: Shape = Shape::Pattern(concat!(r"^\s*", name!(), r"\s*\.\s*", name!(), r"\s*$"));
/// `3 months`
pub(in crate::policy) const INTERVAL: Shape =
    Shape::Pattern(r"^\s*0*[1-9][0-9]*\s*(minute|hour|day|week|month|quarter|year)s?\s*$");
/// `0 days`, or any interval.
pub(in crate::policy) const GRACE: Shape =
    Shape::Pattern(r"^\s*[0-9]+\s*(minute|hour|day|week|month|quarter|year)s?\s*$");
/// `50 ms`
pub(in crate::policy) const ELAPSED: Shape =
    Shape::Pattern(r"^\s*0*[1-9][0-9]*\s*(ms|milliseconds?|s|seconds?|min|minutes?|hours?)\s*$");
/// `2 TB`
pub(in crate::policy) const SIZE: Shape = Shape::Pattern(r"^\s*0*[1-9][0-9]*\s*[kKmMgGtTpP][bB]\s*$");
/// `3 partitions`
pub(in crate::policy) const PARTITIONS: Shape = Shape::Pattern(r"^\s*[0-9]+\s*partitions?\s*$");
/// `2024-01-31`
pub(in crate::policy) const DATE: Shape = Shape::Pattern(r"^(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}$");
/// `2024-01-31`, `2024-01-31 06:00`, or a number.
pub(in crate::policy) const AXIS_VALUE: Shape = Shape::Either(&[
    Shape::Pattern(r"^\s*(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?\s*$"),
    Shape::Number,
]);
/// At least one.
pub(in crate::policy) const POSITIVE: Shape = Shape::Whole(1, u32::MAX as u64);

impl Shape {
    pub fn sections(self) -> Vec<&'static Keys> {
        match self {
            Self::Section(keys) => vec![keys],
            Self::List(inside) | Self::Map(inside) | Self::NonEmpty(inside) => inside.sections(),
            Self::Either(shapes) => shapes.iter().flat_map(|shape| shape.sections()).collect(),
            _ => Vec::new(),
        }
    }
}
