//! What policies say in the database's own words: names and values that are no secret to whoever reads the policies.

use std::collections::BTreeSet;

use super::{Groups, Held, Level, ListPolicy, Partitioning, Policy};
use crate::sql::KeyPart;

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
    let key = level.partitioning.key().iter().map(|part| match part {
        KeyPart::Column(name) => name.as_str().to_owned(),
        KeyPart::Expression(text) => text.clone(),
    });
    let values: Vec<String> = match &level.partitioning {
        Partitioning::List(ListPolicy { groups: Groups::Named(groups), .. }) => {
            groups.iter().flat_map(|group| group.values.iter().flatten().cloned()).collect()
        }
        Partitioning::List(ListPolicy { groups: Groups::Each(query), .. }) => vec![query.clone()],
        Partitioning::Range(_) | Partitioning::Hash(_) => Vec::new(),
    };
    let retired = level.retain.iter().filter_map(|retain| retain.move_to.as_ref());
    let retired = retired.flat_map(|to| to.schema.iter().chain(&to.tablespace));
    let places = level.placement.schema.iter().chain(&level.placement.tablespace).chain(retired);
    key.chain(places.map(|name| name.as_str().to_owned())).chain(values).collect()
}
