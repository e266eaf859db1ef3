//! The catalog as a file: what plans are made from where there is no database, in CI and for bug reports.
//!
//! Holds what the catalog says and what planning asked: names, bounds, sizes, counts. Never a row's content.

mod redact;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Answer, Answers, CatalogSnapshot, Partition, Question};
use crate::json_document::{DocumentError, Format};
use crate::sql::{Identifier, QualifiedName};

const FORMAT: Format = Format { name: "partctl-snapshot", version: 1, noun: "snapshot" };

/// The catalog of one database, whatever policies will be held against it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dump {
    format: String,
    version: u64,
    partctl: String,
    /// Every table that is partitioned or that a policy names; nothing counts as unmanaged yet.
    catalog: CatalogSnapshot,
    /// Names of relations and types, by schema; `None`: left out, and every new name is taken to be free.
    names: Option<BTreeMap<Identifier, BTreeSet<Identifier>>>,
    /// Tables without statistics that show rows: whether they hold any.
    holds_rows: BTreeMap<QualifiedName, bool>,
}

/// What a dump holds besides the catalog.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Beyond {
    /// Names of relations and types, by schema.
    pub names: BTreeMap<Identifier, BTreeSet<Identifier>>,
    /// Tables without statistics that show rows: whether they hold any.
    pub holds_rows: BTreeMap<QualifiedName, bool>,
}

impl Dump {
    /// The dump of a catalog whose tables are all there are, with the answers that policies have asked for.
    pub fn new(catalog: CatalogSnapshot, beyond: Beyond) -> Self {
        Self {
            format: FORMAT.name.to_owned(),
            version: FORMAT.version,
            partctl: env!("CARGO_PKG_VERSION").to_owned(),
            catalog,
            names: Some(beyond.names),
            holds_rows: beyond.holds_rows,
        }
    }

    /// Keeps what the database answered.
    pub fn remember(&mut self, answers: Answers) {
        self.catalog.answers = answers;
    }

    /// Reads what [`Dump::to_json`] wrote.
    ///
    /// # Errors
    /// When it is no such document, or of another version.
    pub fn from_json(text: &str) -> Result<Self, DocumentError> {
        FORMAT.read(text)
    }

    /// Indented JSON that ends with a newline.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("strings, numbers and lists always serialise");
        text.push('\n');
        text
    }

    /// The same with made-up words in place of every name and value but these: those of the policies, which whoever
    /// reads the dump has anyway. What is no name stays: bounds in time and numbers, sizes, counts.
    #[must_use]
    pub fn redacted(&self, mentioned: &BTreeSet<String>) -> Self {
        redact::redact(self, mentioned)
    }

    /// The facts for policies of these tables, as the database would have given them.
    pub fn facts(&self, managed: &BTreeSet<&QualifiedName>) -> CatalogSnapshot {
        let mut facts = self.catalog.clone();
        let (tables, others) = facts.tables.into_iter().partition(|table| managed.contains(&table.name));
        facts.tables = tables;
        facts.unmanaged = others.into_iter().map(|table| table.name).collect();
        facts
    }

    /// What the database would have answered, as far as the dump can tell.
    pub fn answer(&self, question: &Question) -> Answer {
        let told = match question {
            Question::NameTaken(name) => Some(Answer::Taken(self.has_name(name))),
            Question::RowsInDefault { default, .. } if self.is_empty(default) => Some(Answer::Rows(0)),
            Question::RowsReferencing { partition, .. } if self.is_empty(partition) => Some(Answer::Rows(0)),
            Question::HoldRows { partitions, enough } => self.holders(partitions, *enough as usize),
            Question::HighestInUse(partitions) => match self.holders(partitions, 1) {
                Some(Answer::Holders(highest)) => Some(Answer::Highest(highest.into_iter().next())),
                _ => None,
            },
            Question::HeapBytes(table) => self.partition(table).map(|partition| Answer::Bytes(partition.bytes)),
            Question::Sizes(tables) => {
                let sizes = tables.iter().map(|table| self.partition(table).map(|partition| partition.bytes));
                sizes.collect::<Option<Vec<u64>>>().map(Answer::Sizes)
            }
            Question::BeyondInDefault { default, .. } if self.is_empty(default) => {
                Some(Answer::Beyond { rows: 0, newest: None })
            }
            Question::RowsInDefault { .. }
            | Question::BeyondInDefault { .. }
            | Question::PartitionFacts(_)
            | Question::SplitFacts(_)
            | Question::MaySkipTriggers
            | Question::HighestKey { .. }
            | Question::Keeps { .. }
            | Question::RowsReferencing { .. }
            | Question::WrittenSinceArchived { .. }
            | Question::Spelling { .. }
            | Question::EachValue { .. }
            | Question::TextInOrder { .. } => None,
        };
        told.unwrap_or_else(|| Answer::Unknown("the snapshot does not tell; take one with these policies".to_owned()))
    }

    fn has_name(&self, name: &QualifiedName) -> bool {
        let names = self.names.as_ref().and_then(|names| names.get(&name.schema));
        names.is_some_and(|names| names.contains(&name.name))
    }

    fn is_empty(&self, table: &QualifiedName) -> bool {
        self.holds_rows(table) == Some(false)
    }

    fn holds_rows(&self, table: &QualifiedName) -> Option<bool> {
        let known = || self.partition(table).filter(|partition| partition.is_known_to_hold_rows()).map(|_| true);
        self.holds_rows.get(table).copied().or_else(known)
    }

    fn partition(&self, name: &QualifiedName) -> Option<&Partition> {
        self.catalog.tables.iter().flat_map(|table| &table.partitions).find(|partition| partition.name == *name)
    }

    fn holders(&self, partitions: &[QualifiedName], enough: usize) -> Option<Answer> {
        let mut holders = Vec::new();
        for partition in partitions {
            if holders.len() == enough {
                break;
            }
            if self.holds_rows(partition)? {
                holders.push(partition.clone());
            }
        }
        Some(Answer::Holders(holders))
    }
}
