//! Takes names and values out of a dump. Whatever is not known to be harmless is replaced, so that a fact which is new
//! to the catalog never leaks: the text of a key that this file does not list becomes a made-up word.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Dump, FORMAT};
use crate::catalog::{Bound, Datum, Question};
use crate::sql::{QualifiedName, same_expression};

/// Keys whose texts are words of Postgres' or of this format.
const HARMLESS: &[&str] = &[
    "format",
    "partctl",
    "now",
    "detached_at",
    "begun_at",
    "verified_at",
    "archives",
    "kind",
    "strategy",
    "privilege",
    "replica_identity",
    "properties",
    "set",
    "method",
    "in_schema",
    "kinds",
    "ledger",
    "journal",
    "texts",
];

/// Keys whose texts are types: those that Postgres brings along are harmless.
const TYPES: &[&str] = &["type", "type_name"];

/// What the names of Postgres' own types begin with, as far as keys have them.
const BUILT_IN: &[&str] = &[
    "smallint",
    "integer",
    "bigint",
    "numeric",
    "text",
    "character",
    "date",
    "timestamp",
    "time",
    "interval",
    "uuid",
    "boolean",
    "bytea",
    "inet",
    "cidr",
    "oid",
    "real",
    "double precision",
    "name",
    "json",
    "jsonb",
];

pub(super) fn redact(dump: &Dump, mentioned: &BTreeSet<String>) -> Dump {
    let mut open = dump.clone();
    open.names = None;
    // The names asked about are made from the policies, and are free again.
    let answers = std::mem::take(&mut open.catalog.answers);
    for (question, answer) in answers.iter().filter(|(question, _)| !matches!(question, Question::NameTaken(_))) {
        open.catalog.answers.add(question.clone(), answer.clone());
    }
    let mut value = serde_json::to_value(&open).expect("strings, numbers and lists always serialise");
    Words { mentioned, made_up: BTreeMap::new() }.replace("", &mut value);
    let mut redacted: Dump = FORMAT.read(&value.to_string()).expect("made-up words take the place of free text only");
    // Both are kept in the order of names.
    redacted.catalog.tables.sort_by(|a, b| a.name.cmp(&b.name));
    let answers = std::mem::take(&mut redacted.catalog.answers);
    for (question, answer) in answers.iter() {
        redacted.catalog.answers.add(question.clone(), answer.clone());
    }
    redacted
}

struct Words<'a> {
    mentioned: &'a BTreeSet<String>,
    made_up: BTreeMap<String, String>,
}

impl Words<'_> {
    fn replace(&mut self, key: &str, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(key, text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.replace(key, value)),
            Value::Object(map) if key == "holds_rows" => {
                *map = std::mem::take(map).into_iter().map(|(name, held)| (self.text("name", &name), held)).collect();
            }
            Value::Object(map) => map.iter_mut().for_each(|(key, value)| self.replace(key, value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&mut self, key: &str, text: &str) -> String {
        let built_in = || BUILT_IN.iter().any(|prefix| text.starts_with(prefix));
        if HARMLESS.contains(&key) || TYPES.contains(&key) && (text.is_empty() || built_in()) {
            return text.to_owned();
        }
        if key == "expression" && self.mentioned.iter().any(|known| same_expression(known, text)) {
            return text.to_owned();
        }
        if let Ok(bound) = text.parse::<Bound>() {
            return self.bound(bound).to_string();
        }
        match QualifiedName::parse(text) {
            Ok(name) => QualifiedName::new(self.word(name.schema.as_str()), self.word(name.name.as_str())).to_string(),
            Err(_) => self.word(text),
        }
    }

    /// Times and numbers say nothing of anybody; the values of a list may.
    fn bound(&mut self, bound: Bound) -> Bound {
        let Bound::List(values) = bound else { return bound };
        let value = |value| match value {
            Datum::Value(text) => Datum::Value(self.word(&text)),
            other => other,
        };
        Bound::List(values.into_iter().map(value).collect())
    }

    fn word(&mut self, word: &str) -> String {
        if self.mentioned.contains(word) {
            return word.to_owned();
        }
        let next = self.made_up.len() + 1;
        self.made_up.entry(word.to_owned()).or_insert_with(|| format!("redacted_{next}")).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Answer, Beyond, CatalogSnapshot};

    const CATALOG: &str = r#"{
        "server": {"version": 150004, "now": "2026-11-21T03:00:00Z", "database": "secret", "role": "boss"},
        "tables": [{"oid": 1, "name": "shop.orders", "owner": "boss",
            "key": {"strategy": "list", "columns": [{"name": "region", "type": "text"}]},
            "properties": [{"grant": {"grantee": "clerk", "privilege": "SELECT"}}, {"replica_identity": {"index": "hidden_idx"}},
                "row_security", {"compression": {"column": "hidden", "method": "lz4"}},
                {"statistics": {"kinds": ["mcv"], "columns": ["hidden"]}}, {"comment": {"column": null, "text": "hush"}}],
            "foreign_keys": [{"outgoing": {"constraint": "hidden_fk", "table": "hidden.far", "columns": [["a", "b"]]}}],
            "partitions": [
                {"oid": 2, "name": "shop.orders_mars", "bound": "FOR VALUES IN ('mars', 'eu')"},
                {"oid": 3, "name": "shop.orders_rest", "bound": "DEFAULT"}]}]}"#;

    fn redacted() -> Dump {
        let mut catalog: CatalogSnapshot = serde_json::from_str(CATALOG).unwrap();
        let default = QualifiedName::new("shop", "orders_rest");
        let asked = |name: &str| Question::NameTaken(QualifiedName::new("shop", name));
        catalog.answers.add(asked("orders_new"), Answer::Taken(false));
        catalog.answers.add(Question::HeapBytes(default.clone()), Answer::Bytes(8192));
        let beyond = Beyond { holds_rows: [(default, true)].into(), ..Beyond::default() };
        let mentioned = ["shop", "orders", "region", "eu"].map(str::to_owned).into();
        Dump::new(catalog, beyond).redacted(&mentioned)
    }

    #[test]
    fn nothing_that_no_policy_mentions_is_left() {
        let text = redacted().to_json();
        for word in ["secret", "boss", "clerk", "hidden", "mars", "rest", "orders_new"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
        assert!(text.contains("shop.orders\""), "{text}");
    }

    #[test]
    fn what_belongs_together_still_does() {
        let dump = redacted();
        let managed = QualifiedName::new("shop", "orders");
        let facts = dump.facts(&[&managed].into());
        let table = &facts.tables[0];
        assert_eq!(table.owner, facts.server.role);
        let default = table.default_partition().unwrap();
        assert_eq!(facts.answers.get(&Question::HeapBytes(default.name.clone())), Some(&Answer::Bytes(8192)));
        let some = Question::HoldRows { partitions: vec![default.name.clone()], enough: 1 };
        assert_eq!(dump.answer(&some), Answer::Holders(vec![default.name.clone()]));
        let Bound::List(values) = &table.partitions[0].bound else { panic!("{:?}", table.partitions[0].bound) };
        assert_eq!(values[1], Datum::Value("eu".to_owned()));
    }
}
