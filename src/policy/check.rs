//! From texts to policies and every problem in them, in one go: a wrong `every` does not hide a wrong `grace`.
//!
//! One file per section of a policy. Nothing here knows a database: whether a policy fits its table is seen later.

mod archive;
mod create;
mod defaults;
mod hold;
mod inherit;
mod level;
mod lints;
mod locks;
mod maintain;
mod name;
mod nearest;
mod parameters;
mod partition;
mod pruning;
mod query_file;
mod reach;
mod report;
mod retain;
pub(super) mod rules;
mod scalars;
mod section;
mod severity;
mod thresholds;

use std::collections::HashMap;
use std::ops::Range;

use self::report::{Report, Told, Wholeness};
use self::scalars::words;
use self::section::Section;
use super::document::{Document, Documents, Node, Scalar, Value};
use super::model::{Location, Policy};
use super::problem::{Problem, Source};
use super::query_files::QueryFiles;
use super::reference::{Key, Keys, Shape, TABLE};
use crate::sql::{NameError, QualifiedName};

pub(super) use self::defaults::OWN;
pub use self::pruning::is_query;
pub use self::rules::RULES;
pub use self::severity::{code_of_severity, severity_called};

/// The policies of all sources, and all that is wrong with these.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checked {
    /// The policies that are in order, as the files have them.
    pub policies: Vec<Policy>,
    /// The problems, by file and place. While there are any, some policy is missing.
    pub problems: Vec<Problem>,
    /// What is unwise in the policies that are in order, by file and place.
    pub lints: Vec<Problem>,
}

pub(super) static KEYS: Keys = Keys {
    section: "",
    known: &[
        Key::new("version", Shape::Whole(1, 1), "version of the policy language").required(),
        Key::new("kind", Shape::Choice(|| words(&KINDS)), "`defaults` for what the later documents of the file share"),
        Key::new("table", TABLE, "`schema.table`, quoted as in SQL where needed")
            .examples(&["shop.orders", "'shop.\"Order Items\"'"])
            .required(),
        Key::new(
            "partition",
            Shape::Section(&partition::KEYS),
            "what the partitions look like; exactly one of `range`, `list` and `hash`",
        )
        .required(),
        Key::new("create", Shape::Section(&create::KEYS), "how far coverage reaches"),
        Key::new(
            "retain",
            Shape::Section(&retain::KEYS),
            "when partitions end, and how; without it nothing is removed",
        ),
        Key::new(
            "archive",
            Shape::Section(&archive::KEYS),
            "where `then: archive` takes the rows of partitions, and how",
        )
        .examples(&["{to: s3://acme-archive/orders}"]),
        Key::new("hold", Shape::List(&Shape::Section(&hold::KEYS)), "partitions that are not retired while listed")
            .examples(&["[{partition: orders_2023_04, reason: \"case 8812\", until: 2027-01-01}]"]),
        Key::new(
            "inherit",
            Shape::List(&inherit::WORD),
            "what new partitions take from their table; everything when not given",
        )
        .examples(&["[owner, privileges]"]),
        Key::new("storage", Shape::Section(&inherit::STORAGE_KEYS), "storage parameters of new partitions"),
        Key::new("locks", Shape::Section(&locks::KEYS), "how patient and how considerate changes are"),
        Key::new("maintain", Shape::Section(&maintain::KEYS), "what is looked after besides the partitions"),
        Key::new("check", Shape::Section(&thresholds::KEYS), "what `partctl check` holds the table to"),
        Key::new(
            "severity",
            Shape::Section(&severity::KEYS),
            "how much findings about the table matter, by their ids; what was refused stays refused",
        )
        .examples(&["{PT101: warning, PT116: error}"]),
        Key::new("pruning", Shape::List(&Shape::Section(&pruning::KEYS)), "queries that must prune"),
    ],
    alternatives: &[],
};

const KINDS: [(&str, Option<()>); 1] = [("defaults", Some(()))];

/// Where each table's policy is.
type Tables = HashMap<QualifiedName, Location>;

/// Checks all documents of all sources, which name no files of queries.
pub fn check(sources: &[Source]) -> Checked {
    check_with(sources, &QueryFiles::default())
}

/// Checks all documents of all sources, and the files of queries that they name.
pub fn check_with(sources: &[Source], files: &QueryFiles) -> Checked {
    let mut checked = Checked::default();
    let mut tables = Tables::new();
    let mut elsewhere = Vec::new();
    for source in sources {
        let mut report = Report::new(source, files);
        check_file(source, &mut tables, &mut checked.policies, &mut report);
        let Told { problems, elsewhere: mut others, lints } = report.into_told();
        checked.problems.extend(problems);
        checked.lints.extend(lints);
        others.sort_by(|a, b| (&a.path, a.span.start).cmp(&(&b.path, b.span.start)));
        elsewhere.extend(others);
    }
    for problem in elsewhere {
        // Several policies may name one file.
        if !checked.problems.contains(&problem) {
            checked.problems.push(problem);
        }
    }
    checked
}

fn check_file(source: &Source, tables: &mut Tables, policies: &mut Vec<Policy>, report: &mut Report<'_>) {
    let documents = match Documents::of(&source.text) {
        Ok(documents) => documents,
        Err(refusal) => return report.refuse(refusal),
    };
    let mut defaults: Option<Node> = None;
    let mut wholeness = Wholeness::Whole;
    for Document { root, refusals, range } in documents {
        if report.is_full() {
            return;
        }
        let place = root.as_ref().map_or(range.start..range.start, place);
        report.begin(wholeness, place);
        refusals.into_iter().for_each(|refusal| report.refuse(refusal));
        let Some(root) = root else {
            // Without the defaults that it may hold, nobody can say what later documents lack.
            if source.text[range].contains("defaults") {
                wholeness = Wholeness::Part;
            }
            continue;
        };
        if is_defaults(&root) {
            let root = match &defaults {
                Some(earlier) => defaults::merge(earlier, root),
                None => root,
            };
            report.begin(Wholeness::Part, root.span.clone());
            check_document(&root, source, tables, report);
            defaults = Some(root);
        } else {
            let root = match &defaults {
                Some(defaults) => defaults::merge(defaults, root),
                None => root,
            };
            policies.extend(check_document(&root, source, tables, report));
        }
    }
}

/// What a message about a whole document points at: its table, else its beginning.
fn place(root: &Node) -> Range<usize> {
    match &root.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == "table").map(|entry| entry.value.span.clone()),
        _ => None,
    }
    .unwrap_or_else(|| root.span.clone())
}

fn is_defaults(root: &Node) -> bool {
    let Value::Map(entries) = &root.value else { return false };
    let kind = entries.iter().find(|entry| entry.key == "kind").map(|entry| &entry.value.value);
    matches!(kind, Some(Value::Scalar(Scalar { text, .. })) if text == "defaults")
}

/// The policy of a document; `None` when something is wrong with it, or it only holds defaults.
fn check_document(root: &Node, source: &Source, tables: &mut Tables, report: &mut Report<'_>) -> Option<Policy> {
    let section = Section::open(root, &KEYS, report)?;
    section.required("version", report, version);
    section.optional("kind", report, |node, report| scalars::choice(node, &KINDS, report));
    let location = Location { path: source.path.clone(), line: report.line(root.span.start) };
    let table = match section.own("table").filter(|_| is_defaults(root)) {
        Some(entry) => {
            let message = "defaults are for all policies below them and name no table";
            report.problem(rules::CONTRADICTION, &entry.key_span, message);
            None
        }
        None => section.required("table", report, |node, report| table(node, &location, tables, report)),
    };
    let grid = section.required("partition", report, |node, report| Section::open(node, &partition::KEYS, report));
    let level = level::read(&section, grid.as_ref(), report);
    let axis = level.reckoned_on();
    let archive = archive::read(&section, &level, report);
    let hold = section.optional("hold", report, |node, report| hold::read(node, axis, report));
    let inherit = inherit::read(&section, report);
    let storage = inherit::read_storage(&section, report);
    let locks = locks::read(&section, report);
    let maintain = maintain::read(&section, report);
    let thresholds = thresholds::read(&section, axis, report);
    let severities = section.optional("severity", report, severity::read);
    let pruning = section.optional("pruning", report, pruning::read);
    if !report.is_sound() {
        return None;
    }
    let policy = Policy {
        table: table?,
        level: level.whole()?,
        archive,
        hold: hold.unwrap_or_default(),
        inherit,
        storage,
        locks,
        maintain,
        thresholds,
        severities: severities.unwrap_or_default(),
        pruning: pruning.unwrap_or_default(),
        location,
    };
    lints::look(root, &policy, report);
    Some(policy)
}

fn version(node: &Node, report: &mut Report<'_>) -> Option<()> {
    match scalars::integer(node, report)? {
        1 => Some(()),
        other => {
            let message = format!("version {other} of the policy language is not known");
            report.hinted(rules::VERSION, &node.span, message, "this partctl reads `version: 1`");
            None
        }
    }
}

fn table(node: &Node, location: &Location, tables: &mut Tables, report: &mut Report<'_>) -> Option<QualifiedName> {
    let text = scalars::text(node, report)?;
    let name = match QualifiedName::parse(&text) {
        Ok(name) => name,
        Err(error) => {
            let (message, hint) = match error {
                NameError::MissingSchema => {
                    (format!("{} names no schema", scalars::shown(&text)), "write `schema.table`")
                }
                NameError::TooManyParts => {
                    (format!("{} has more than two parts", scalars::shown(&text)), "write `schema.table`")
                }
                NameError::Malformed => {
                    let hint = "quote it as in SQL where needed: 'shop.\"Order Items\"'";
                    (format!("{} is not a table name", scalars::shown(&text)), hint)
                }
                NameError::TooLong => ("the table name is too long".to_owned(), "Postgres keeps 63 bytes of a name"),
            };
            report.hinted(rules::NAME, &node.span, message, hint);
            return None;
        }
    };
    if let Some(first) = tables.get(&name) {
        let message = format!("second policy for `{name}`, the first is at {}:{}", first.path, first.line);
        report.problem(rules::TABLE_TWICE, &node.span, message);
        return None;
    }
    tables.insert(name.clone(), location.clone());
    Some(name)
}

#[cfg(test)]
pub(in crate::policy) mod tests;
