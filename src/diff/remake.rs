//! A place for what comes back from an archive: whether it is still free, and the statements that make the table that
//! rows come into before it is attached.

use super::properties::carried;
use super::reattach::taken_by;
use super::{Node, Situation};
use crate::catalog::{Bound, CatalogSnapshot};
use crate::desired::expand;
use crate::failure::{Failure, FailureKind};
use crate::plan::steps::{CreatePartition, CreateReason};
use crate::policy::Policy;
use crate::sql::QualifiedName;

/// The statements that make a table on its own, as a partition of `parent` is made today.
///
/// # Errors
/// When no policy manages the parent, it is not there, or something else holds a part of the bound now.
pub fn remade_partition(
    parent: &QualifiedName,
    partition: &QualifiedName,
    bound: &Bound,
    policies: &[Policy],
    snapshot: &CatalogSnapshot,
) -> Result<Vec<String>, Failure> {
    let Some(policy) = policies.iter().find(|policy| policy.table == *parent) else {
        return Err(Failure::new(FailureKind::Policy, format!("no policy manages {parent}"))
            .hint("its `locks` say how patient to be; `--as TABLE` needs no policy"));
    };
    let Some(node) = Node::root(policy, snapshot) else {
        return Err(Failure::new(FailureKind::Policy, format!("{parent} does not exist"))
            .hint("`--as TABLE` makes a table of the archive alone"));
    };
    let desired = expand(node.level, node.table, snapshot)
        .map_err(|misfit| Failure::new(FailureKind::Policy, format!("{parent}: {}", misfit.message)))?;
    let situation = Situation::new(node, &desired, snapshot);
    let table = situation.table;
    if let Some(place) = taken_by(&situation, bound) {
        let range = desired.describe_bound(bound);
        return Err(Failure::new(
            FailureKind::Findings,
            format!("{place} holds part of {range} now, where {partition} was"),
        )
        .hint("restore it `--as TABLE` and move its rows over by hand, or detach the other one first"));
    }
    if !table.role_is_owner {
        let (role, owner) = (&snapshot.server.role, &table.owner);
        return Err(Failure::new(
            FailureKind::Findings,
            format!("role {role} lacks the rights of {parent}'s owner {owner}"),
        )
        .hint(format!("GRANT {owner} TO {role}")));
    }
    let create = CreatePartition {
        around: situation.surroundings(),
        partition: partition.clone(),
        bound: bound.clone(),
        range: desired.describe_bound(bound),
        reason: CreateReason::Gap,
        owner: (table.owner != snapshot.server.role).then(|| table.owner.clone()),
        carried: carried(&situation, &partition.schema),
        tablespace: situation.level.placement.tablespace.clone().or_else(|| table.tablespace.clone()),
        access_method: table.access_method.clone(),
        found_by: None,
        spares_default: None,
        branch: None,
        root: situation.root.name.clone(),
    };
    Ok(create.apart())
}
