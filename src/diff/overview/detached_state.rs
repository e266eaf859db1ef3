//! What becomes of the tables that partctl detached, as far as the ledger remembers them.

use crate::diff::relocate::is_at_home;
use chrono::{DateTime, Utc};

use crate::catalog::{Bound, CatalogSnapshot, DetachedTable};
use crate::desired::expand;
use crate::diff::detached::{grace_end, is_wanted_again};
use crate::diff::{Node, Situation};
use crate::plan::Plan;
use crate::policy::{Policy, Retain, Then};
use crate::sql::QualifiedName;

/// A table that partctl detached.
#[derive(Debug, Clone, PartialEq)]
pub struct DetachedState {
    /// The table.
    pub table: QualifiedName,
    /// What it was a partition of.
    pub parent: QualifiedName,
    /// What it holds, for a person.
    pub range: String,
    /// Estimated bytes.
    pub bytes: u64,
    /// Since when; `None`: not recorded yet.
    pub detached_at: Option<DateTime<Utc>>,
    /// What becomes of it.
    pub fate: DetachedFate,
}

/// What becomes of a detached table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetachedFate {
    /// It is the DEFAULT partition: the next run attaches it again.
    Aside,
    /// It is dropped when its grace is over.
    DropsAt(DateTime<Utc>),
    /// Its grace is over.
    Due,
    /// A hold keeps it.
    Held,
    /// It is archived first: the next run does that.
    Unarchived,
    /// The policy does not drop what it detaches.
    Kept,
    /// No policy manages the table that it came from.
    Unmanaged,
    /// The next run records when it was detached; its grace starts then.
    Unrecorded,
    /// It is not what was detached any more: renamed, or attached again.
    Changed,
}

/// What becomes of one.
pub(super) fn detached_state(
    policies: &[Policy],
    snapshot: &CatalogSnapshot,
    plan: &Plan,
    entry: &DetachedTable,
) -> DetachedState {
    let has_its_parent = |policy: &&Policy| {
        let table = snapshot.table(&policy.table);
        policy.table == entry.parent || table.is_some_and(|table| table.has_node(&entry.parent))
    };
    let policy = policies.iter().find(has_its_parent);
    let nodes = policy.and_then(|policy| Node::root(policy, snapshot)).map(Node::with_all_below).unwrap_or_default();
    let node = nodes.into_iter().find(|node| node.table.name == entry.parent);
    let level = node.as_ref().map(|node| node.level).or(policy.map(|policy| &policy.level));
    let desired = node.as_ref().and_then(|node| expand(node.level, node.table, snapshot).ok());
    let situation = node.zip(desired.as_ref()).map(|(node, desired)| Situation::new(node, desired, snapshot));
    let held = || situation.as_ref().is_some_and(|situation| situation.holds(&entry.name, &entry.bound));
    let planned = plan.tables.iter().find(|planned| policy.is_some_and(|policy| policy.table == planned.table));
    let steps = planned.map_or(&[][..], |planned| &planned.steps);
    let wanted = || situation.as_ref().is_some_and(|situation| is_wanted_again(situation, entry, steps));
    let retain = level.and_then(|level| level.retain.as_ref());
    let archive = snapshot.ledger.archives().of(entry);
    let fate = match (policy, retain, entry.detached_at) {
        (_, Some(retain), Some(_)) if is_at_home(retain, entry) && !entry.attached => DetachedFate::Kept,
        _ if entry.attached || entry.name != entry.recorded => DetachedFate::Changed,
        (None, _, _) => DetachedFate::Unmanaged,
        _ if entry.bound == Bound::Default => DetachedFate::Aside,
        (_, _, None) => DetachedFate::Unrecorded,
        _ if held() => DetachedFate::Held,
        _ if wanted() => DetachedFate::Kept,
        (_, Some(Retain { then: Then::Archive, .. }), _) if archive.is_none() => DetachedFate::Unarchived,
        // The grace of an archived table begins when its archive is verified.
        (_, Some(retain), Some(detached_at)) if !matches!(retain.then, Then::Detach | Then::Move) => match grace_end(
            retain.grace,
            archive.filter(|_| retain.then == Then::Archive).map_or(detached_at, |archive| archive.verified_at),
        ) {
            Some(end) if end <= snapshot.server.now => DetachedFate::Due,
            Some(end) => DetachedFate::DropsAt(end),
            None => DetachedFate::Kept,
        },
        _ => DetachedFate::Kept,
    };
    DetachedState {
        table: entry.name.clone(),
        parent: entry.parent.clone(),
        range: desired.map_or_else(|| entry.bound.to_string(), |desired| desired.describe_bound(&entry.bound)),
        bytes: entry.bytes,
        detached_at: entry.detached_at,
        fate,
    }
}
