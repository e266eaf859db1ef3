//! Partition bounds, parsed from and shown as the text of `pg_get_expr(relpartbound, 0)`.
//!
//! The text depends on session settings (DateStyle, TimeZone, bytea_output ...), which every session of ours pins;
//! values stay text here, codecs decode them. Postgres 14-18 write it alike.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::sql::SqlLiteral;

/// What a partition holds, as the catalog says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Bound {
    /// `FROM` inclusive, `TO` exclusive; one datum per key column.
    Range {
        /// Inclusive.
        from: Vec<Datum>,
        /// Exclusive.
        to: Vec<Datum>,
    },
    /// `IN (...)`, in the order given when it was made.
    List(Vec<Datum>),
    /// `WITH (modulus m, remainder r)`.
    Hash {
        /// At least 1.
        modulus: u32,
        /// Below the modulus.
        remainder: u32,
    },
    /// Whatever no other partition holds.
    Default,
}

/// One value of a bound.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Datum {
    /// Before every value.
    MinValue,
    /// After every value.
    MaxValue,
    /// SQL null; in lists only.
    Null,
    /// A value's text.
    Value(String),
}

/// A text that is no partition bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundError {
    /// The whole text.
    pub text: String,
}

impl fmt::Display for BoundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a partition bound", self.text)
    }
}

impl std::error::Error for BoundError {}

impl Bound {
    /// Where a range begins and ends; `None` for every other bound.
    pub fn ends(&self) -> Option<(&[Datum], &[Datum])> {
        match self {
            Self::Range { from, to } => Some((from, to)),
            Self::List(_) | Self::Hash { .. } | Self::Default => None,
        }
    }
}

impl Datum {
    /// The text, when it is a value.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Value(text) => Some(text),
            Self::MinValue | Self::MaxValue | Self::Null => None,
        }
    }
}

impl Bound {
    /// For a person who has no policy to decode it by: `2024-10-01 … 2024-11-01`. Midnights in UTC are days.
    pub fn in_words(&self) -> String {
        let datum = |datum: &Datum| match datum {
            Datum::Value(text) => {
                let day = ["+00", ""].iter().find_map(|zone| text.strip_suffix(&format!(" 00:00:00{zone}")));
                day.unwrap_or(text).to_owned()
            }
            other => other.to_string(),
        };
        let data = |data: &[Datum]| data.iter().map(datum).collect::<Vec<_>>().join(", ");
        match self {
            Self::Range { from, to } => format!("{} … {}", data(from), data(to)),
            Self::List(values) => data(values),
            Self::Hash { modulus, remainder } => format!("modulus {modulus}, remainder {remainder}"),
            Self::Default => "DEFAULT".to_owned(),
        }
    }
}

impl FromStr for Bound {
    type Err = BoundError;

    fn from_str(text: &str) -> Result<Self, BoundError> {
        parse(text).ok_or_else(|| BoundError { text: text.to_owned() })
    }
}

impl TryFrom<String> for Bound {
    type Error = BoundError;

    fn try_from(text: String) -> Result<Self, BoundError> {
        text.parse()
    }
}

impl From<Bound> for String {
    fn from(bound: Bound) -> Self {
        bound.to_string()
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range { from, to } => write!(f, "FOR VALUES FROM ({}) TO ({})", commas(from), commas(to)),
            Self::List(values) => write!(f, "FOR VALUES IN ({})", commas(values)),
            Self::Hash { modulus, remainder } => {
                write!(f, "FOR VALUES WITH (modulus {modulus}, remainder {remainder})")
            }
            Self::Default => f.write_str("DEFAULT"),
        }
    }
}

fn commas(data: &[Datum]) -> String {
    data.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Every value is quoted: Postgres reads `'7'` as the key's type, also where it writes `7` itself.
impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinValue => f.write_str("MINVALUE"),
            Self::MaxValue => f.write_str("MAXVALUE"),
            Self::Null => f.write_str("NULL"),
            Self::Value(text) => SqlLiteral(text).fmt(f),
        }
    }
}

fn parse(text: &str) -> Option<Bound> {
    let text = text.trim();
    if text == "DEFAULT" {
        return Some(Bound::Default);
    }
    let rest = text.strip_prefix("FOR VALUES ")?;
    if let Some(rest) = rest.strip_prefix("FROM ") {
        let (from, rest) = tuple(rest)?;
        let (to, rest) = tuple(rest.strip_prefix(" TO ")?)?;
        return (rest.is_empty() && from.len() == to.len()).then_some(Bound::Range { from, to });
    }
    if let Some(rest) = rest.strip_prefix("IN ") {
        let (values, rest) = tuple(rest)?;
        return rest.is_empty().then_some(Bound::List(values));
    }
    let (modulus, remainder) = rest.strip_prefix("WITH (modulus ")?.strip_suffix(')')?.split_once(", remainder ")?;
    let (modulus, remainder) = (modulus.parse().ok()?, remainder.parse().ok()?);
    (remainder < modulus).then_some(Bound::Hash { modulus, remainder })
}

/// Reads `(datum, ...)`. Strings may hold commas, parentheses, newlines and `''`, so this is never a split.
fn tuple(text: &str) -> Option<(Vec<Datum>, &str)> {
    let mut rest = text.strip_prefix('(')?;
    let mut data = Vec::new();
    loop {
        let (datum, after) = datum(rest)?;
        data.push(datum);
        if let Some(after) = after.strip_prefix(", ") {
            rest = after;
        } else {
            return Some((data, after.strip_prefix(')')?));
        }
    }
}

fn datum(text: &str) -> Option<(Datum, &str)> {
    if let Some(quoted) = text.strip_prefix('\'') {
        let mut value = String::new();
        let mut rest = quoted;
        loop {
            let quote = rest.find('\'')?;
            value.push_str(&rest[..quote]);
            rest = &rest[quote + 1..];
            match rest.strip_prefix('\'') {
                Some(after) => {
                    value.push('\'');
                    rest = after;
                }
                None => return Some((Datum::Value(value), rest)),
            }
        }
    }
    let end = text.find([',', ')'])?;
    let datum = match &text[..end] {
        "" => return None,
        "MINVALUE" => Datum::MinValue,
        "MAXVALUE" => Datum::MaxValue,
        "NULL" => Datum::Null,
        bare => Datum::Value(bare.to_owned()),
    };
    Some((datum, &text[end..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(text: &str) -> Datum {
        Datum::Value(text.to_owned())
    }

    #[test]
    fn a_bound_is_told_without_its_policy() {
        let words = |text: &str| text.parse::<Bound>().unwrap().in_words();
        assert_eq!(words("FOR VALUES FROM ('2024-10-01 00:00:00+00') TO (MAXVALUE)"), "2024-10-01 … MAXVALUE");
        assert_eq!(
            words("FOR VALUES FROM ('2024-10-01 00:00:00', 7) TO ('2024-10-01 06:00:00', 7)"),
            "2024-10-01, 7 … 2024-10-01 06:00:00, 7"
        );
        assert_eq!(words("FOR VALUES IN ('UK', NULL)"), "UK, NULL");
        assert_eq!(words("FOR VALUES WITH (modulus 4, remainder 1)"), "modulus 4, remainder 1");
    }

    #[test]
    fn every_form_postgres_writes_is_read() {
        let read = |text: &str| text.parse::<Bound>().unwrap();
        assert_eq!(
            read("FOR VALUES FROM ('2024-01-01 00:00:00+00') TO (MAXVALUE)"),
            Bound::Range { from: vec![value("2024-01-01 00:00:00+00")], to: vec![Datum::MaxValue] }
        );
        assert_eq!(
            read("FOR VALUES FROM (1, '2024-01-01', MINVALUE) TO ('-10', 'a, (b''\n', 1.50)"),
            Bound::Range {
                from: vec![value("1"), value("2024-01-01"), Datum::MinValue],
                to: vec![value("-10"), value("a, (b'\n"), value("1.50")],
            }
        );
        assert_eq!(
            read(r"FOR VALUES IN (3, true, NULL, 'a\b', 'NULL', '')"),
            Bound::List(vec![value("3"), value("true"), Datum::Null, value(r"a\b"), value("NULL"), value("")])
        );
        assert_eq!(read("FOR VALUES WITH (modulus 4, remainder 1)"), Bound::Hash { modulus: 4, remainder: 1 });
        assert_eq!(read("DEFAULT"), Bound::Default);
    }

    #[test]
    fn what_is_no_bound_is_refused() {
        for text in [
            "",
            "FOR VALUES",
            "FOR VALUES FROM (1) TO",
            "FOR VALUES FROM (1) TO (2, 3)",
            "FOR VALUES IN ('a",
            "FOR VALUES IN ()",
            "FOR VALUES IN (1) x",
            "FOR VALUES WITH (modulus 4, remainder 4)",
        ] {
            assert!(text.parse::<Bound>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(values in prop::collection::vec(".*", 1..4)) {
            let bound = Bound::List(values.into_iter().map(Datum::Value).collect());
            prop_assert_eq!(bound.to_string().parse(), Ok(bound));
        }
    }
}
