//! Files of queries that policies name: which ones are wanted, and what was found of them.
//!
//! The files are read upstairs; nothing here touches a disk.

use std::collections::BTreeMap;

use super::document::{Documents, Node, Value};
use super::problem::Source;

/// A `file` entry of a policy's `pruning`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueryFileWanted {
    /// The policy file, as the user gave it; the pattern is relative to its folder.
    pub policy: String,
    /// A path or a glob.
    pub pattern: String,
}

/// What was found of the files wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryFiles(BTreeMap<QueryFileWanted, Result<Vec<Source>, String>>);

impl QueryFiles {
    /// Adds the files that match, in the order in which they count, or why they cannot be read.
    pub fn add(&mut self, wanted: QueryFileWanted, found: Result<Vec<Source>, String>) {
        self.0.insert(wanted, found);
    }

    /// The files that match a policy's pattern; none when nobody looked.
    pub(super) fn matching(&self, policy: &str, pattern: &str) -> Result<&[Source], &str> {
        let wanted = QueryFileWanted { policy: policy.to_owned(), pattern: pattern.to_owned() };
        match self.0.get(&wanted) {
            Some(Ok(sources)) => Ok(sources),
            Some(Err(why)) => Err(why),
            None => Ok(&[]),
        }
    }

    /// Every file found, once.
    pub fn sources(&self) -> Vec<Source> {
        let found = self.0.values().flatten().flatten();
        let by_path: BTreeMap<&str, &Source> = found.map(|source| (source.path.as_str(), source)).collect();
        by_path.into_values().cloned().collect()
    }
}

/// The files that these policies name. What is wrong with a policy is said by `check` alone.
pub fn query_files_wanted(sources: &[Source]) -> Vec<QueryFileWanted> {
    let mut wanted = Vec::new();
    for source in sources.iter().filter(|source| source.text.contains("pruning") && source.text.contains("file")) {
        let Ok(documents) = Documents::of(&source.text) else { continue };
        for root in documents.filter_map(|document| document.root) {
            let entries = entry(&root, "pruning").map(|node| &node.value);
            let Some(Value::List(items)) = entries else { continue };
            for file in items.iter().filter_map(|item| entry(item, "file")) {
                if let Value::Scalar(scalar) = &file.value {
                    wanted.push(QueryFileWanted { policy: source.path.clone(), pattern: scalar.text.clone() });
                }
            }
        }
    }
    wanted.sort();
    wanted.dedup();
    wanted
}

fn entry<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
}
