//! The end of archives: those that `keep` says are over are deleted, unless a hold covers them or their table is still
//! there; a deletion that was interrupted is gone on with.

use super::detached::grace_is_over;
use super::retire::per_run;
use super::{Draft, Node, Situation};
use crate::catalog::{ArchiveEntry, Bound, CatalogSnapshot};
use crate::desired::expand;
use crate::plan::steps::DeleteArchive;
use crate::plan::{Finding, Step, codes, first_few};
use crate::policy::{Held, Policy};
use crate::schedule::Bytes;
use crate::sql::QualifiedName;

/// Deletes archives whose time is over.
pub(super) fn end_archives(situation: &Situation<'_>, draft: &mut Draft) {
    let (parent, ledger) = (&situation.table.name, &situation.snapshot.ledger);
    let of_the_table = |entry: &&ArchiveEntry| entry.parent == *parent;
    let begun = ledger.being_deleted().iter().filter(of_the_table);
    draft.steps.extend(begun.map(|entry| step(situation, entry, "its deletion was interrupted".to_owned())));
    let Some(keep) = situation.policy.archive.as_ref().and_then(|archive| archive.keep) else { return };
    let is_over = |entry: &&ArchiveEntry| grace_is_over(Some(keep), entry.verified_at, situation.now());
    // What a drop rests on is needed for as long as there is something to be dropped.
    let goes = |oid: u32| draft.steps.iter().any(|step| matches!(step, Step::Drop(drop) if drop.oid == oid));
    let is_needed = |entry: &&ArchiveEntry| {
        ledger.detached().iter().any(|table| table.oid == entry.oid && !table.attached && !goes(table.oid))
    };
    let over = ledger.archives().known().iter().filter(of_the_table).filter(is_over).filter(|entry| !is_needed(entry));
    let (held, over): (Vec<&ArchiveEntry>, Vec<&ArchiveEntry>) = over.partition(|entry| {
        let bound = entry.bound.parse::<Bound>();
        bound.map_or(true, |bound| is_held(situation, &entry.table, &bound))
    });
    draft.findings.extend(held.into_iter().map(|entry| {
        let message = format!("the archive of {} is over, and held", entry.table.name);
        Finding::about(codes::ARCHIVE_HELD, parent, message)
    }));
    let Some(limit) = situation.level.retain.as_ref().map(|retain| per_run(situation, retain)) else { return };
    if limit.max(situation.confirmed) < over.len() {
        let (count, bytes) = (over.len(), Bytes(over.iter().map(|entry| entry.bytes).sum()));
        let names: Vec<String> = over.iter().map(|entry| entry.table.name.to_string()).collect();
        let message =
            format!("{count} archives are over at once ({}; {bytes}), and per_run is {limit}", first_few(&names, 3));
        let hint = format!("where all of them shall go, `--confirm-retention {count}` lets them, this once");
        draft.findings.push(Finding::about(codes::BLAST_RADIUS, parent, message).hint(hint));
        return;
    }
    let steps = over.into_iter().map(|entry| {
        let since = entry.verified_at.format("%Y-%m-%d");
        step(situation, entry, format!("archived {since}, kept for {keep}"))
    });
    draft.steps.extend(steps);
}

fn step(situation: &Situation<'_>, entry: &ArchiveEntry, reason: String) -> Step {
    let range = entry.bound.parse().map(|bound| situation.desired.describe_bound(&bound)).unwrap_or_default();
    Step::DeleteArchive(DeleteArchive {
        id: entry.id,
        table: entry.table.clone(),
        range,
        destination: entry.destination.clone(),
        path: entry.path.clone(),
        rows: entry.rows,
        bytes: entry.bytes,
        reason,
    })
}

fn is_held(situation: &Situation<'_>, table: &QualifiedName, bound: &Bound) -> bool {
    situation.holds(table, bound) || is_held_by_name(situation.policy, situation.snapshot, table)
}

fn is_held_by_name(policy: &Policy, snapshot: &CatalogSnapshot, table: &QualifiedName) -> bool {
    let today = snapshot.server.now.date_naive();
    let stands = policy.hold.iter().filter(|hold| hold.until.is_none_or(|until| today < until));
    stands.into_iter().any(|hold| matches!(&hold.what, Held::Partition(held) if *held == table.name))
}

/// Whether a hold of these policies covers the archive of a table that was a partition of `parent`. Also where nobody
/// can tell what it held.
pub fn archive_is_held(
    policies: &[Policy],
    snapshot: &CatalogSnapshot,
    parent: &QualifiedName,
    table: &QualifiedName,
    bound: Option<&Bound>,
) -> bool {
    let is_of = |policy: &Policy| policy.table == *parent || node_of(policy, snapshot, parent).is_some();
    let is_known = policies.iter().any(is_of);
    // A branch that is gone may have been below any table whose partitions have some themselves.
    let may_be_of = |policy: &&Policy| is_of(policy) || !is_known && policy.level.subpartition.is_some();
    policies.iter().filter(may_be_of).any(|policy| {
        let situation = node_of(policy, snapshot, parent)
            .and_then(|node| Some((expand(node.level, node.table, snapshot).ok()?, node)))
            .zip(bound);
        match situation {
            Some(((desired, node), bound)) => is_held(&Situation::new(node, &desired, snapshot), table, bound),
            None => {
                let between = |what: &Held| matches!(what, Held::Between { .. });
                is_held_by_name(policy, snapshot, table) || policy.hold.iter().any(|hold| between(&hold.what))
            }
        }
    })
}

/// The partitioned table of this name, and the level of the policy that its partitions follow.
fn node_of<'a>(policy: &'a Policy, snapshot: &'a CatalogSnapshot, table: &QualifiedName) -> Option<Node<'a>> {
    let nodes = Node::root(policy, snapshot).map(Node::with_all_below).unwrap_or_default();
    nodes.into_iter().find(|node| node.table.name == *table)
}
