//! Properties of partitions against those of their table and the policy.

use super::Situation;
use crate::catalog::{Grant, Property};
use crate::plan::{Carried, inherited_as};
use crate::policy::{Inherited, StorageParameter};
use crate::sql::Identifier;

/// What a new partition in this schema is given.
pub(super) fn carried(situation: &Situation<'_>, schema: &Identifier) -> Carried {
    let (policy, root) = (situation.policy, situation.root);
    let inherits = |word| policy.inherit.contains(&word);
    let properties: Vec<Property> =
        root.properties.iter().filter(|property| inherits(inherited_as(property))).cloned().collect();
    let here = situation
        .table
        .default_grants
        .iter()
        .filter(|default| default.schema.as_ref().is_none_or(|other| other == schema));
    let beyond = here.filter(|default| !root.properties.iter().any(|property| grants(property, &default.grant)));
    Carried {
        inherit: policy.inherit.clone(),
        properties,
        revoke_from: if inherits(Inherited::Privileges) {
            beyond.map(|default| default.grant.grantee.clone()).collect()
        } else {
            Default::default()
        },
        storage: known_storage(situation).map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    }
}

/// The policy's storage parameters that the server knows.
fn known_storage<'a>(situation: &Situation<'a>) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
    let major = situation.snapshot.server.version / 10_000;
    let storage = situation.policy.storage.iter();
    storage
        .filter(move |(name, _)| StorageParameter::named(name).is_some_and(|parameter| parameter.since <= major))
        .map(|(name, value)| (name.as_str(), value.as_str()))
}

fn grants(property: &Property, wanted: &Grant) -> bool {
    matches!(property, Property::Grant(grant) if grant.covers(wanted))
}
