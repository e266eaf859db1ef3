//! `partition`: the strategy and its grid. Exactly one of `range`, `list` and `hash`, with the keys that go with it.

mod list;
mod range;

use crate::policy::document::{Node, Value};
use crate::policy::model::{HashPolicy, Partitioning, Placement};
use crate::schedule::Interval;
use crate::sql::Identifier;

use super::report::{Report, Wholeness};
use super::scalars::{count, identifier, shown, wrong_type};
use super::section::{Keys, Section};
use super::{name, rules};

pub(super) const KEYS: Keys = Keys {
    section: "partition",
    known: &[
        "range",
        "list",
        "hash",
        "every",
        "timezone",
        "anchor",
        "values",
        "default",
        "modulus",
        "name",
        "schema",
        "tablespace",
        "subpartition",
    ],
    later: &["each", "encoding"],
};

/// The keys of a level below the outermost one, which has its own `create` and `retain` beside its grid.
pub(super) const SUBPARTITION: Keys = Keys { section: "subpartition", known: &SUBPARTITION_KNOWN, later: KEYS.later };

const SUBPARTITION_KNOWN: [&str; KEYS.known.len() + 2] = {
    let mut known = ["create"; KEYS.known.len() + 2];
    let mut at = 0;
    while at < KEYS.known.len() {
        known[at] = KEYS.known[at];
        at += 1;
    }
    known[at] = "retain";
    known
};

/// Most partitions that one table is given; Postgres plans slowly long before.
pub(super) const MAX_PARTITIONS: u32 = 10_000;

/// A strategy and the keys that only it has.
pub(super) struct Strategy {
    pub key: &'static str,
    pub keys: &'static [&'static str],
}

pub(super) const STRATEGIES: [Strategy; 3] = [
    Strategy { key: "range", keys: &["every", "timezone", "anchor"] },
    Strategy { key: "list", keys: &["values", "default"] },
    Strategy { key: "hash", keys: &["modulus"] },
];

/// What the other sections must fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    /// Range partitions of this width in time.
    Time(Interval),
    /// Range partitions of a number.
    Integer,
    List,
    Hash,
}

impl Axis {
    /// The strategy, for messages.
    pub fn strategy(self) -> &'static str {
        match self {
            Self::Time(_) | Self::Integer => "range",
            Self::List => "list",
            Self::Hash => "hash",
        }
    }

    /// Whether its partitions have a before and an after.
    pub fn ages(self) -> bool {
        matches!(self, Self::Time(_) | Self::Integer)
    }
}

/// The section, as far as it could be read.
pub(super) struct Partition {
    pub axis: Option<Axis>,
    pub partitioning: Option<Partitioning>,
    pub placement: Placement,
}

/// Reads the section's own level.
pub(super) fn read(section: &Section<'_>, report: &mut Report<'_>) -> Partition {
    let strategy = strategy(section, report);
    let (axis, partitioning) = match strategy.map(|strategy| strategy.key) {
        Some("range") => range::read(section, report),
        Some("list") => (Some(Axis::List), list::read(section, report)),
        Some(_) => (Some(Axis::Hash), hash(section, report)),
        None => {
            // Which of them are in place is not known, but each can be looked at.
            range::read_keys(section, report);
            section.optional("values", report, list::groups);
            section.optional("modulus", report, modulus);
            (None, None)
        }
    };
    let placement = Placement {
        name: name::read(section, axis, partitioning.as_ref(), report),
        schema: section.optional("schema", report, identifier),
        tablespace: section.optional("tablespace", report, identifier),
    };
    Partition { axis, partitioning, placement }
}

/// The only strategy; keys of the others are reported when the document itself has them.
fn strategy(section: &Section<'_>, report: &mut Report<'_>) -> Option<&'static Strategy> {
    let mut found = STRATEGIES.iter().filter(|strategy| section.get(strategy.key).is_some());
    let Some(first) = found.next() else {
        if report.wholeness() == Wholeness::Whole {
            let hint = "write the key columns under one of `range`, `list` and `hash`";
            report.hinted(rules::STRATEGY, section.place(), "no partitioning strategy", hint);
        }
        return None;
    };
    let mut only = Some(first);
    for other in found {
        if let Some(entry) = section.get(other.key) {
            let message = format!("`{}` and `{}` in one policy", first.key, other.key);
            report.hinted(rules::STRATEGY, &entry.key_span, message, "a table has one partitioning strategy");
        }
        only = None;
    }
    let only = only?;
    for other in STRATEGIES.iter().filter(|other| other.key != only.key) {
        for entry in other.keys.iter().filter_map(|key| section.own(key)) {
            let message = format!("`{}` does not go with `{}`", entry.key, only.key);
            let hint = format!("it belongs to `{}` partitions", other.key);
            report.hinted(rules::CONTRADICTION, &entry.key_span, message, hint);
        }
    }
    Some(only)
}

fn hash(section: &Section<'_>, report: &mut Report<'_>) -> Option<Partitioning> {
    let key = section.required("hash", report, columns);
    let modulus = section.required("modulus", report, modulus);
    Some(Partitioning::Hash(HashPolicy { key: key?, modulus: modulus? }))
}

fn modulus(node: &Node, report: &mut Report<'_>) -> Option<u32> {
    count(node, 1..=MAX_PARTITIONS, report)
}

/// The key columns of hash partitions: one, or a list.
fn columns(node: &Node, report: &mut Report<'_>) -> Option<Vec<Identifier>> {
    let Value::List(items) = &node.value else { return Some(vec![column(node, report)?]) };
    if items.is_empty() {
        wrong_type(node, "the key columns", report);
    }
    let mut columns: Vec<Identifier> = Vec::new();
    for item in items {
        let Some(name) = column(item, report) else { continue };
        if columns.contains(&name) {
            let message = format!("{} is in the key already", shown(name.as_str()));
            report.problem(rules::DUPLICATE_VALUE, &item.span, message);
        } else {
            columns.push(name);
        }
    }
    Some(columns)
}

/// The key column of range and list partitions.
fn single_column(node: &Node, report: &mut Report<'_>) -> Option<Identifier> {
    match &node.value {
        Value::List(items) if items.len() == 1 => column(&items[0], report),
        Value::List(items) if 1 < items.len() => {
            let message = "a key of several columns is not supported by this version of partctl yet";
            report.problem(rules::NOT_YET, &node.span, message);
            None
        }
        _ => column(node, report),
    }
}

fn column(node: &Node, report: &mut Report<'_>) -> Option<Identifier> {
    if let Value::Scalar(scalar) = &node.value
        && !scalar.text.starts_with('"')
        && scalar.text.contains('(')
    {
        let message = "an expression as key is not supported by this version of partctl yet";
        report.problem(rules::NOT_YET, &node.span, message);
        return None;
    }
    identifier(node, report)
}
