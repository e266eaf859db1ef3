//! What policies say in the database's own words: names and values that are no secret to whoever reads the policies.

use std::collections::BTreeSet;

use super::{Held, Level, Partitioning, Policy};
use crate::sql::Identifier;

/// Every name and list value that stands in the policies.
pub fn mentioned(policies: &[Policy]) -> BTreeSet<String> {
    policies.iter().flat_map(of_one).collect()
}

fn of_one(policy: &Policy) -> Vec<String> {
    let held = policy.hold.iter().filter_map(|hold| match &hold.what {
        Held::Partition(name) => Some(name.as_str().to_owned()),
        Held::Between { .. } => None,
    });
    let table = [&policy.table.schema, &policy.table.name].map(|name| name.as_str().to_owned());
    table.into_iter().chain(held).chain(policy.levels().flat_map(of_level)).collect()
}

fn of_level(level: &Level) -> Vec<String> {
    let (keys, values): (&[Identifier], Vec<String>) = match &level.partitioning {
        Partitioning::Range(range) => (std::slice::from_ref(&range.key), Vec::new()),
        Partitioning::List(list) => {
            let values = list.groups.iter().flat_map(|group| group.values.iter().flatten().cloned());
            (std::slice::from_ref(&list.key), values.collect())
        }
        Partitioning::Hash(hash) => (&hash.key, Vec::new()),
    };
    let places = level.placement.schema.iter().chain(&level.placement.tablespace);
    keys.iter().chain(places).map(|name| name.as_str().to_owned()).chain(values).collect()
}
