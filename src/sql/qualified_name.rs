//! `schema.table`, as a policy writes it and as SQL needs it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Identifier;

/// A relation's schema and name. Always both: partctl's sessions run with an empty `search_path`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QualifiedName {
    /// The schema.
    pub schema: Identifier,
    /// The relation inside it.
    pub name: Identifier,
}

/// Why a text is not a qualified name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// There is one part only.
    MissingSchema,
    /// There are more than two parts.
    TooManyParts,
    /// A part is empty, or a quote is not closed.
    Malformed,
    /// A part is longer than 63 bytes.
    TooLong,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingSchema => "the schema is missing: write `schema.table`",
            Self::TooManyParts => "more than two parts: write `schema.table`",
            Self::Malformed => "not a name: write `schema.table`, quoted as in SQL where needed",
            Self::TooLong => "longer than the 63 bytes that Postgres keeps",
        })
    }
}

impl QualifiedName {
    /// The name with these parts, spelled exactly so.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: Identifier::new(schema), name: Identifier::new(name) }
    }

    /// Reads `schema.table` by SQL's rules: bare parts fold to lower case, quoted ones are kept.
    ///
    /// # Errors
    /// When it has not exactly two parts, a part is empty or unclosed, or longer than 63 bytes.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (schema, rest) = part(text.trim())?;
        let rest = rest.trim_start();
        if rest.is_empty() {
            return Err(NameError::MissingSchema);
        }
        let (name, rest) = part(rest.strip_prefix('.').ok_or(NameError::Malformed)?.trim_start())?;
        match rest.trim_start().chars().next() {
            None if schema.fits() && name.fits() => Ok(Self { schema, name }),
            None => Err(NameError::TooLong),
            Some('.') => Err(NameError::TooManyParts),
            Some(_) => Err(NameError::Malformed),
        }
    }
}

impl Identifier {
    /// Reads one name by SQL's rules: bare ones fold to lower case, quoted ones are kept.
    ///
    /// # Errors
    /// When it is empty, unclosed, qualified with a schema, or longer than 63 bytes.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (name, rest) = part(text.trim())?;
        match rest.trim_start().chars().next() {
            None if name.fits() => Ok(name),
            None => Err(NameError::TooLong),
            Some('.') => Err(NameError::TooManyParts),
            Some(_) => Err(NameError::Malformed),
        }
    }
}

fn part(text: &str) -> Result<(Identifier, &str), NameError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len());
        let starts_well = text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
        return if starts_well { Ok((fold(&text[..end]), &text[end..])) } else { Err(NameError::Malformed) };
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            name.push(c);
        } else if chars.next_if(|(_, next)| *next == '"').is_some() {
            name.push('"');
        } else {
            return if name.is_empty() {
                Err(NameError::Malformed)
            } else {
                Ok((Identifier::new(name), &quoted[at + 1..]))
            };
        }
    }
    Err(NameError::Malformed)
}

/// Postgres folds only ASCII letters in a multibyte encoding (`downcase_identifier`).
fn fold(bare: &str) -> Identifier {
    Identifier::new(bare.to_ascii_lowercase())
}

impl TryFrom<String> for QualifiedName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<QualifiedName> for String {
    fn from(name: QualifiedName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl fmt::Debug for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_sql_reads_them() {
        let parsed = |text| {
            QualifiedName::parse(text).map(|name| (name.schema.as_str().to_owned(), name.name.as_str().to_owned()))
        };
        let pair = |a: &str, b: &str| Ok((a.to_owned(), b.to_owned()));
        assert_eq!(parsed("Shop.Orders"), pair("shop", "orders"));
        assert_eq!(parsed("shop.\"Order Items\""), pair("shop", "Order Items"));
        assert_eq!(parsed("\"a.b\".\"say \"\"hi\"\"\""), pair("a.b", "say \"hi\""));
        assert_eq!(parsed("orders"), Err(NameError::MissingSchema));
        assert_eq!(parsed("a.b.c"), Err(NameError::TooManyParts));
        for malformed in ["", ".", "a.", "a.\"\"", "a.\"b", "a b.c", "1.a", "a.b c"] {
            assert_eq!(parsed(malformed), Err(NameError::Malformed), "{malformed}");
        }
        assert_eq!(parsed(&format!("a.{}", "x".repeat(64))), Err(NameError::TooLong));
    }

    #[test]
    fn a_single_name_takes_no_schema() {
        assert_eq!(Identifier::parse("Order_Date"), Ok(Identifier::new("order_date")));
        assert_eq!(Identifier::parse("\"Order.Date\""), Ok(Identifier::new("Order.Date")));
        assert_eq!(Identifier::parse("a.b"), Err(NameError::TooManyParts));
        assert_eq!(Identifier::parse("a b"), Err(NameError::Malformed));
        assert_eq!(Identifier::parse(&"x".repeat(64)), Err(NameError::TooLong));
    }

    #[test]
    fn what_is_shown_reads_back_as_itself() {
        for name in
            [QualifiedName::new("shop", "orders"), QualifiedName::new("A b", "c\"d.e"), QualifiedName::new("user", "ü")]
        {
            assert_eq!(QualifiedName::parse(&name.to_string()), Ok(name));
        }
    }
}
