//! One SQL identifier, kept as Postgres stores it and quoted when it is shown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest identifier in bytes; Postgres cuts longer ones with only a NOTICE (42622).
const MAX_BYTES: usize = 63;

/// Keywords that Postgres 14-18 refuse as a bare table, column or schema name: the categories "reserved" and
/// "reserved (can be function or type)" of its keyword appendix. Others need no quotes.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
];

/// A name as the catalog holds it: case kept, never quoted, at most 63 bytes where Postgres made it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identifier(String);

impl Identifier {
    /// The identifier with exactly this spelling.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The spelling without quotes, for comparing and for showing to people.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether Postgres would keep it whole (63 bytes at most).
    pub fn fits(&self) -> bool {
        self.0.len() <= MAX_BYTES
    }

    /// The name itself when it fits, else its head, `_` and a hash of the whole, 63 bytes at most.
    ///
    /// The same long name always gives the same short one, and two long names that share their head do not collide.
    #[must_use]
    pub fn shortened(self) -> Self {
        use sha2::{Digest, Sha256};
        if self.fits() {
            return self;
        }
        let digest = Sha256::digest(self.0.as_bytes());
        let suffix: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let mut head = MAX_BYTES - 1 - suffix.len();
        while !self.0.is_char_boundary(head) {
            head -= 1;
        }
        Self(format!("{}_{suffix}", &self.0[..head]))
    }

    fn is_bare(&self) -> bool {
        let mut chars = self.0.chars();
        chars.next().is_some_and(|first| first.is_ascii_lowercase() || first == '_')
            && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && RESERVED.binary_search(&self.0.as_str()).is_err()
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_bare() { f.write_str(&self.0) } else { write!(f, "\"{}\"", self.0.replace('"', "\"\"")) }
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_appear_only_where_postgres_needs_them() {
        let shown = ["orders", "Orders", "2024", "order", "a b", "say \"hi\"", "größe", "x$1", ""]
            .map(|name| Identifier::new(name).to_string());
        assert_eq!(
            shown,
            [
                "orders",
                "\"Orders\"",
                "\"2024\"",
                "\"order\"",
                "\"a b\"",
                "\"say \"\"hi\"\"\"",
                "\"größe\"",
                "\"x$1\"",
                "\"\""
            ]
        );
    }

    #[test]
    fn reserved_words_are_sorted_for_the_binary_search() {
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn long_names_are_shortened_to_63_bytes_without_splitting_a_character_or_colliding() {
        let a = Identifier::new(format!("{}a", "ü".repeat(40))).shortened();
        let b = Identifier::new(format!("{}b", "ü".repeat(40))).shortened();
        assert!(a.fits() && b.fits());
        assert_ne!(a, b);
        assert_eq!(Identifier::new("x".repeat(63)).shortened(), Identifier::new("x".repeat(63)));
    }
}
