//! A map whose keys are known: unknown and repeated ones are reported when it is opened, then its keys are taken.

use std::collections::HashMap;
use std::ops::Range;

use crate::policy::document::{Entry, Node, Origin, Value};
use crate::policy::reference::Keys;

use super::nearest::{did_you_mean, nearest};
use super::report::{Report, Wholeness};
use super::scalars::{shown, wrong_type};
use super::{KEYS, rules};

/// An opened section.
pub(super) struct Section<'n> {
    entries: &'n [Entry],
    place: Range<usize>,
    keys: &'static Keys,
}

impl<'n> Section<'n> {
    /// Opens a map; anything else, and keys that do not belong, are reported.
    pub fn open(node: &'n Node, keys: &'static Keys, report: &mut Report<'_>) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            wrong_type(node, "a map of keys", report);
            return None;
        };
        repeated(entries, report);
        for entry in entries {
            judge(entry, keys, report);
        }
        let own = entries.iter().any(|entry| entry.origin == Origin::Own);
        let place = if own || entries.is_empty() { node.span.clone() } else { report.document() };
        Some(Self { entries, place, keys })
    }

    /// What the section is called.
    pub fn name(&self) -> &'static str {
        self.keys.section
    }

    /// The entry of a key, the first one if it is repeated.
    pub fn get(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The entry of a key, unless it only comes from defaults, which need not fit every policy of a file.
    pub fn own(&self, key: &str) -> Option<&'n Entry> {
        self.get(key).filter(|entry| entry.origin == Origin::Own)
    }

    /// Whether one of the keys is there, if only misspelt, which has been reported.
    pub fn has_any(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.get(key).is_some() || self.is_misspelt(key))
    }

    fn is_misspelt(&self, key: &str) -> bool {
        let unknown = self.entries.iter().filter(|entry| !self.keys.has(&entry.key));
        unknown.into_iter().any(|entry| nearest(&entry.key, self.keys.names()) == Some(key))
    }

    /// What is read from a key; `None` when it is absent or wrong, which has been reported then.
    pub fn optional<T>(
        &self,
        key: &str,
        report: &mut Report<'_>,
        read: impl FnOnce(&'n Node, &mut Report<'_>) -> Option<T>,
    ) -> Option<T> {
        self.get(key).and_then(|entry| read(&entry.value, report))
    }

    /// The same for a key that must be there.
    pub fn required<T>(
        &self,
        key: &str,
        report: &mut Report<'_>,
        read: impl FnOnce(&'n Node, &mut Report<'_>) -> Option<T>,
    ) -> Option<T> {
        if self.get(key).is_none() {
            self.missing(key, report);
        }
        self.optional(key, report, read)
    }

    /// Reports that a key is missing, except from defaults, and when it is there but misspelt.
    pub fn missing(&self, key: &str, report: &mut Report<'_>) {
        if report.wholeness() == Wholeness::Whole && !self.is_misspelt(key) {
            let section = self.keys.section;
            let place = if section.is_empty() { String::new() } else { format!(" in `{section}`") };
            report.problem(rules::MISSING_KEY, &self.place, format!("missing key `{key}`{place}"));
        }
    }

    /// What a message about the section as a whole points at.
    pub fn place(&self) -> &Range<usize> {
        &self.place
    }
}

/// Reports every repetition of a key.
pub(super) fn repeated(entries: &[Entry], report: &mut Report<'_>) {
    let mut first: HashMap<&str, &Range<usize>> = HashMap::new();
    for entry in entries {
        if let Some(before) = first.insert(&entry.key, &entry.key_span) {
            let line = report.line(before.start);
            let message = format!("duplicate key {}, first on line {line}", shown(&entry.key));
            report.problem(rules::DUPLICATE_KEY, &entry.key_span, message);
            first.insert(&entry.key, before);
        }
    }
}

fn judge(entry: &Entry, keys: &Keys, report: &mut Report<'_>) {
    let key = entry.key.as_str();
    if keys.has(key) {
        return;
    }
    let message = format!("unknown key {}", shown(key));
    if let Some(near) = nearest(key, keys.names()) {
        report.hinted(rules::UNKNOWN_KEY, &entry.key_span, message, did_you_mean(near));
    } else if let Some(section) = KEYS.sections().into_iter().find(|section| section.has(key)) {
        let hint = match section.section {
            "" => format!("`{key}` stands at the top of the document"),
            name => format!("`{key}` belongs under `{name}`"),
        };
        report.hinted(rules::UNKNOWN_KEY, &entry.key_span, message, hint);
    } else {
        report.problem(rules::UNKNOWN_KEY, &entry.key_span, message);
    }
}
