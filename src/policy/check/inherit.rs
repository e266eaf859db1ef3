//! `inherit`: what partitions take from their table; `storage`: the storage parameters that they get.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::document::{Node, Value};
use crate::policy::model::Inherited;
use crate::policy::reference::{Key, Keys, Shape};
use crate::policy::storage::{STORAGE_PARAMETERS, StorageParameter};

use super::report::Report;
use super::rules;
use super::scalars::{choice, scalar, shown, wrong_type};
use super::section::Section;

/// A key for each storage parameter.
const PARAMETERS: [Key; STORAGE_PARAMETERS.len()] = {
    let first = &STORAGE_PARAMETERS[0];
    let mut keys = [Key::new(first.name, Shape::Storage(first), ""); STORAGE_PARAMETERS.len()];
    let mut at = 0;
    while at < keys.len() {
        let parameter = &STORAGE_PARAMETERS[at];
        keys[at] = Key::new(parameter.name, Shape::Storage(parameter), "storage parameter, as CREATE TABLE takes it");
        at += 1;
    }
    keys
};

pub(super) static STORAGE_KEYS: Keys = Keys::of("storage", &PARAMETERS);

/// What may stand in `inherit`.
pub(super) const WORD: Shape = Shape::Choice(|| Inherited::ALL.map(Inherited::as_str).to_vec());

/// Reads the list of `inherit`, or what holds without it: everything.
pub(super) fn read(root: &Section<'_>, report: &mut Report<'_>) -> BTreeSet<Inherited> {
    root.optional("inherit", report, words).unwrap_or_else(|| Inherited::ALL.into_iter().collect())
}

fn words(node: &Node, report: &mut Report<'_>) -> Option<BTreeSet<Inherited>> {
    let Value::List(items) = &node.value else {
        wrong_type(node, "a list", report);
        return None;
    };
    let known = Inherited::ALL.map(|inherited| (inherited.as_str(), inherited));
    let mut words = BTreeSet::new();
    for item in items {
        if let Some(word) = choice(item, &known, report)
            && !words.insert(word)
        {
            report.problem(rules::DUPLICATE_VALUE, &item.span, format!("`{}` stands twice in the list", word.as_str()));
        }
    }
    Some(words)
}

/// Reads the storage parameters, each in its one spelling.
pub(super) fn read_storage(root: &Section<'_>, report: &mut Report<'_>) -> BTreeMap<String, String> {
    let Some(section) = root.optional("storage", report, |node, report| Section::open(node, &STORAGE_KEYS, report))
    else {
        return BTreeMap::new();
    };
    let given = STORAGE_PARAMETERS.iter().filter_map(|parameter| {
        let value = section.optional(parameter.name, report, |node, report| value(node, parameter, report))?;
        Some((parameter.name.to_owned(), value))
    });
    given.collect()
}

fn value(node: &Node, parameter: &StorageParameter, report: &mut Report<'_>) -> Option<String> {
    let takes = parameter.takes_in_words();
    let text = scalar(node, &takes, report)?.text.trim();
    let value = parameter.canonical(text);
    if value.is_none() {
        let message = format!("`{}` takes {takes}, not {}", parameter.name, shown(text));
        report.problem(rules::STORAGE, &node.span, message);
    }
    value
}
