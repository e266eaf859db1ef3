//! What policies say in the database's own words: names and values that are no secret to whoever reads the policies.

use std::collections::BTreeSet;

use super::{Held, Partitioning, Policy};
use crate::sql::Identifier;

/// Every name and list value that stands in the policies.
pub fn mentioned(policies: &[Policy]) -> BTreeSet<String> {
    policies.iter().flat_map(of_one).collect()
}

fn of_one(policy: &Policy) -> Vec<String> {
    let (keys, values): (&[Identifier], Vec<String>) = match &policy.partition {
        Partitioning::Range(range) => (std::slice::from_ref(&range.key), Vec::new()),
        Partitioning::List(list) => {
            let values = list.groups.iter().flat_map(|group| group.values.iter().flatten().cloned());
            (std::slice::from_ref(&list.key), values.collect())
        }
        Partitioning::Hash(hash) => (&hash.key, Vec::new()),
    };
    let held = policy.hold.iter().filter_map(|hold| match &hold.what {
        Held::Partition(name) => Some(name),
        Held::Between { .. } => None,
    });
    let names = [&policy.table.schema, &policy.table.name].into_iter().chain(keys).chain(held);
    let places = policy.placement.schema.iter().chain(&policy.placement.tablespace);
    names.chain(places).map(|name| name.as_str().to_owned()).chain(values).collect()
}
