//! Properties of partitions against those of the table that the policy names, at every level below it: given to new
//! ones, matched on old ones where that takes an instant, told where it would take more, or where it would take away.

mod indexes;
mod lacking;
mod told;

use super::{Draft, Situation};
use crate::catalog::{Grant, IndexFault, Partition, Property};
use crate::plan::{Carried, Step, inherited_as, is_copied};
use crate::policy::{Inherited, StorageParameter};
use crate::sql::Identifier;

pub(super) use indexes::indexes;

/// What a new partition in this schema is given.
pub(super) fn carried(situation: &Situation<'_>, schema: &Identifier) -> Carried {
    let (policy, root) = (situation.policy, situation.root);
    let inherits = |word| policy.inherit.contains(&word);
    // A partition below the root is LIKE its own parent, which may lack what the root has.
    let comes_along = |property: &Property| is_copied(property) && situation.table.properties.contains(property);
    let given = |property: &&Property| inherits(inherited_as(property)) && !comes_along(property);
    let properties: Vec<Property> = root.properties.iter().filter(given).cloned().collect();
    let applies = |other: &Option<Identifier>| other.as_ref().is_none_or(|other| other == schema);
    let here = situation.table.default_grants.iter().filter(|default| applies(&default.schema));
    let beyond = here.filter(|default| !grants(&root.properties).any(|grant| grant.covers(&default.grant)));
    Carried {
        inherit: policy.inherit.clone(),
        properties,
        revoke_from: if inherits(Inherited::Privileges) {
            beyond.map(|default| default.grant.grantee.clone()).collect()
        } else {
            Default::default()
        },
        storage: known_storage(situation)
            .map(|(parameter, value)| (parameter.name.to_owned(), value.to_owned()))
            .collect(),
    }
}

/// The policy's storage parameters that the server knows.
fn known_storage<'a>(
    situation: &Situation<'a>,
) -> impl Iterator<Item = (&'static StorageParameter, &'a str)> + use<'a> {
    let major = situation.snapshot.server.version / 10_000;
    let storage = situation.policy.storage.iter();
    let named = storage.filter_map(|(name, value)| Some((StorageParameter::named(name)?, value.as_str())));
    named.filter(move |(parameter, _)| parameter.since <= major)
}

fn grants(properties: &[Property]) -> impl Iterator<Item = &Grant> {
    properties.iter().filter_map(|property| match property {
        Property::Grant(grant) => Some(grant),
        _ => None,
    })
}

/// Plans what old partitions lack, and tells the rest.
pub(super) fn match_properties(situation: &Situation<'_>, draft: &mut Draft) {
    let retired: Vec<u32> = draft.steps.iter().filter_map(retired).collect();
    let stays = |partition: &Partition| !partition.pending_detach && !retired.contains(&partition.oid);
    let members = members(situation, &stays);
    let mut steps: Vec<Step> = Vec::new();
    let mut told = told::Told::default();
    for member in members {
        steps.extend(lacking::step(situation, member, &mut told));
        told.differences(situation, member);
    }
    draft.findings.extend(told.findings(situation));
    let steps = super::rights::require_match(situation, draft, steps);
    let steps: Vec<Step> =
        steps.into_iter().filter_map(|step| given_to_its_successors(step, &mut draft.steps)).collect();
    draft.steps.extend(steps);
}

/// A partition that this plan splits is gone when its turn would come: what it lacks those get that are made like it.
fn given_to_its_successors(step: Step, planned: &mut [Step]) -> Option<Step> {
    let Step::Match(given) = &step else { return Some(step) };
    let split = planned.iter_mut().find_map(|planned| match planned {
        Step::Split(split) if split.old_oid == given.oid => Some(split),
        _ => None,
    });
    let Some(split) = split else { return Some(step) };
    for successor in split.made_like_it() {
        successor.carried.properties.extend(given.properties.iter().cloned());
    }
    None
}

fn retired(step: &Step) -> Option<u32> {
    match step {
        Step::Detach(detach) => Some(detach.oid),
        _ => None,
    }
}

/// A partition at any depth, with the oid of the table that it is a partition of.
#[derive(Debug, Clone, Copy)]
struct Member<'a> {
    partition: &'a Partition,
    parent_oid: u32,
    /// Whether it, or one above it, has no counterpart of some index.
    lacks_index: bool,
}

/// All partitions that stay, at all levels, in the order of their names.
fn members<'a>(situation: &Situation<'a>, stays: &dyn Fn(&Partition) -> bool) -> Vec<Member<'a>> {
    let below = |partitions: &'a [Partition], parent_oid, lacks_index: bool| {
        partitions.iter().filter(|partition| stays(partition)).map(move |partition| {
            let missing = |fault: &IndexFault| matches!(fault, IndexFault::Missing { .. });
            let lacks_index = lacks_index || partition.index_faults.iter().any(missing);
            Member { partition, parent_oid, lacks_index }
        })
    };
    let mut members: Vec<Member<'_>> = below(&situation.table.partitions, situation.table.oid, false).collect();
    let mut at = 0;
    while let Some(Member { partition, lacks_index, .. }) = members.get(at).copied() {
        members.extend(below(partition.partitions(), partition.oid, lacks_index));
        at += 1;
    }
    members.sort_by_key(|member| &member.partition.name);
    members
}
