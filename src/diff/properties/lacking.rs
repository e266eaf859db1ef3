//! What one partition lacks and is given: a step, or none when it has all of it.

use std::collections::BTreeMap;

use super::told::{Refusal, Told};
use super::{Member, grants, known_storage};
use crate::catalog::{Bound, InSchema, OwnProperties, Partition, Property, RelationKind, ReplicaIdentity};
use crate::diff::Situation;
use crate::plan::steps::{ChangeOfOwner, MatchProperties};
use crate::plan::{Step, inherited_as};
use crate::policy::Inherited;
use crate::sql::Identifier;

/// The step that gives it all that can be given; what cannot is told.
pub(super) fn step<'a>(situation: &Situation<'_>, member: Member<'a>, told: &mut Told<'a>) -> Option<Step> {
    let (root, partition) = (situation.root, member.partition);
    let storage = lacking_storage(situation, partition);
    let mut owner = None;
    let mut properties = Vec::new();
    if let Some(own) = &partition.properties {
        owner = change_of_owner(situation, partition);
        if owner.is_some() && own.in_schema < InSchema::Create {
            told.refuse(Refusal::Schema(partition.name.schema.clone()), partition);
            owner = None;
        }
        let owned_by = owner.as_ref().map(|change| &change.to).or(partition.owner.as_ref());
        properties = lacking(situation, member, own, owned_by, told);
        let lacks = owner.is_some() || !properties.is_empty() || !storage.is_empty();
        // Who looks on plans for another role.
        if lacks && !own.role_is_owner && situation.root.role_is_owner {
            told.refuse(Refusal::Owner(partition.owner.clone().unwrap_or_else(|| root.owner.clone())), partition);
            return None;
        }
        if lacks && own.in_schema == InSchema::Nothing {
            told.refuse(Refusal::Schema(partition.name.schema.clone()), partition);
            return None;
        }
    }
    if owner.is_none() && properties.is_empty() && storage.is_empty() {
        return None;
    }
    // Statistics belong to whoever makes them.
    let makes = properties.iter().any(|property| matches!(property, Property::Statistics(_)));
    let becomes_the_tables = owner.is_some() || partition.owner.as_ref().is_none_or(|owner| *owner == root.owner);
    let act_as =
        (makes && becomes_the_tables && root.owner != situation.snapshot.server.role).then(|| root.owner.clone());
    Some(Step::Match(MatchProperties {
        table: root.name.clone(),
        partition: partition.name.clone(),
        oid: partition.oid,
        parent_oid: member.parent_oid,
        kind: partition.kind,
        bound: partition.bound.clone(),
        range: range(situation, member),
        act_as,
        owner,
        properties,
        storage,
    }))
}

/// Bounds below the first level are another level's: they are shown as Postgres shows them.
fn range(situation: &Situation<'_>, member: Member<'_>) -> String {
    match &member.partition.bound {
        bound @ Bound::Range { .. } if member.parent_oid != situation.table.oid => bound.to_string(),
        bound => situation.desired.describe_bound(bound),
    }
}

fn change_of_owner(situation: &Situation<'_>, partition: &Partition) -> Option<ChangeOfOwner> {
    let from = partition.owner.as_ref().filter(|owner| **owner != situation.root.owner)?;
    let inherits = situation.policy.inherit.contains(&Inherited::Owner);
    inherits.then(|| ChangeOfOwner { from: from.clone(), to: situation.root.owner.clone() })
}

fn lacking<'a>(
    situation: &Situation<'_>,
    member: Member<'a>,
    own: &OwnProperties,
    owned_by: Option<&Identifier>,
    told: &mut Told<'a>,
) -> Vec<Property> {
    let partition = member.partition;
    let wanted = situation.root.properties.iter().filter(|property| {
        situation.policy.inherit.contains(&inherited_as(property)) && can_have(partition.kind, property)
    });
    let mut given = Vec::new();
    for property in wanted {
        let lacks = match property {
            // Owners have every privilege, and what they are granted besides does not show.
            Property::Grant(grant) => {
                grant.grantee.as_ref().is_none_or(|grantee| Some(grantee) != owned_by)
                    && !grants(&own.set).any(|has| has.covers(grant))
            }
            // One that says something else was written by somebody.
            Property::Comment { column, .. } => {
                !own.set.iter().any(|has| matches!(has, Property::Comment { column: other, .. } if other == column))
            }
            _ => !own.set.contains(property),
        };
        if !lacks {
            continue;
        }
        match property {
            Property::Statistics(statistics) if statistics.expressions.is_some() => {
                told.refuse(Refusal::StatisticsOnExpressions, partition);
            }
            Property::Statistics(_) if own.in_schema < InSchema::Create => {
                told.refuse(Refusal::Schema(partition.name.schema.clone()), partition);
            }
            // Then UPDATE and DELETE fail where they are published (55000).
            Property::ReplicaIdentity(ReplicaIdentity::Nothing) => {
                told.refuse(Refusal::ReplicaIdentityNothing, partition)
            }
            // The counterpart may be the one that is missing, which is told.
            Property::ReplicaIdentity(ReplicaIdentity::Index(_)) if member.lacks_index => {}
            _ => given.push(property.clone()),
        }
    }
    given
}

/// Whether a relation of this kind can have it.
fn can_have(kind: RelationKind, property: &Property) -> bool {
    let takes_rows_itself =
        matches!(property, Property::ReplicaIdentity(_) | Property::RowSecurity | Property::Compression { .. });
    kind != RelationKind::Foreign || !takes_rows_itself
}

/// The policy's storage parameters that an old table does not have; where they go under `inherit`.
fn lacking_storage(situation: &Situation<'_>, partition: &Partition) -> BTreeMap<String, String> {
    if !situation.policy.inherit.contains(&Inherited::Storage) || partition.kind != RelationKind::Table {
        return BTreeMap::new();
    }
    let storage = &partition.storage;
    let lacks = known_storage(situation).filter(|(parameter, wanted)| {
        let has = storage.parameters.get(parameter.name).and_then(|value| parameter.canonical(value));
        // Parameters of a TOAST table that is not there are taken, and kept nowhere (14-18).
        has.as_deref() != Some(*wanted) && !(parameter.is_of_toast() && storage.lacks_toast)
    });
    lacks.map(|(parameter, value)| (parameter.name.to_owned(), value.to_owned())).collect()
}
