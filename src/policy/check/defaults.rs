//! `kind: defaults`: what a file says once for all the policies below.
//!
//! Decides how two trees become one. Entries that come from defaults are marked, as they may not fit every policy
//! of the file and are then left out in silence.

use crate::policy::document::{Entry, Node, Origin, Value};

use super::partition::strategies;

/// What belongs to one document only.
pub(in crate::policy) const OWN: [&str; 3] = ["version", "kind", "table"];

/// The document with all that the defaults say and it does not, key by key at any depth. `null` unsets a default.
pub(super) fn merge(defaults: &Node, own: Node) -> Node {
    match (&defaults.value, own.value) {
        (Value::Map(defaults), Value::Map(entries)) => {
            let defaults = defaults.iter().filter(|entry| !OWN.contains(&entry.key.as_str()));
            Node { value: Value::Map(merge_maps(defaults, entries)), span: own.span }
        }
        (_, value) => Node { value, span: own.span },
    }
}

fn merge_maps<'d>(defaults: impl Iterator<Item = &'d Entry>, mut own: Vec<Entry>) -> Vec<Entry> {
    let is_strategy = |entry: &Entry| strategies().any(|strategy| strategy.key == entry.key);
    let own_strategy = own.iter().any(is_strategy);
    let mut inherited = Vec::new();
    for default in defaults {
        match own.iter_mut().find(|entry| entry.key == default.key) {
            Some(entry) => {
                let value = std::mem::replace(&mut entry.value.value, Value::Null);
                entry.value.value = match (&default.value.value, value) {
                    (Value::Map(defaults), Value::Map(entries)) => Value::Map(merge_maps(defaults.iter(), entries)),
                    (_, Value::Null) => {
                        let unset = default.key.clone();
                        own.retain(|entry| entry.key != unset);
                        continue;
                    }
                    (_, value) => value,
                };
            }
            None if own_strategy && is_strategy(default) => {}
            None => inherited.push(inherit(default)),
        }
    }
    own.extend(inherited);
    own
}

fn inherit(entry: &Entry) -> Entry {
    let value = match &entry.value.value {
        Value::Map(entries) => Value::Map(entries.iter().map(inherit).collect()),
        other => other.clone(),
    };
    Entry {
        key: entry.key.clone(),
        key_span: entry.key_span.clone(),
        value: Node { value, span: entry.value.span.clone() },
        origin: Origin::Defaults,
    }
}
