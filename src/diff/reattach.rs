//! Puts a detached table back in its old place: the undo of a detach, for as long as its grace lasts.

use super::finish_interrupted::finish_interrupted;
use super::move_rows::InDefault;
use super::rights::require_rights;
use super::{Draft, Rules, Situation, plan_by};
use crate::catalog::{Bound, CatalogSnapshot, DetachedTable};
use crate::desired::Desired;
use crate::failure::{Failure, FailureKind};
use crate::plan::steps::{AttachPartition, CheckAhead};
use crate::plan::{Finding, Plan, Step, codes};
use crate::policy::Policy;
use crate::sql::QualifiedName;

/// The table of that name, with its schema or without, that partctl detached and nobody attached or dropped since.
///
/// # Errors
/// When there is none, or more than one, or no policy manages the table it was a partition of.
pub fn detached_table<'a>(
    name: &str,
    policies: &[Policy],
    snapshot: &'a CatalogSnapshot,
) -> Result<&'a DetachedTable, Failure> {
    let is_named = |entry: &&DetachedTable| entry.name.to_string() == name || entry.name.name.to_string() == name;
    let detached = || snapshot.ledger.detached().iter().filter(|entry| !entry.attached);
    let mut found = detached().filter(is_named);
    let (entry, another) = (found.next(), found.next());
    let refused = |message: String| Failure::new(FailureKind::Refused, message);
    let Some(entry) = entry else {
        let all: Vec<String> = detached().map(|entry| entry.name.to_string()).collect();
        let hint = if all.is_empty() {
            "`partctl history` tells what became of partitions".to_owned()
        } else {
            format!("there are {}", all.join(", "))
        };
        return Err(refused(format!("`{name}` is no table that partctl detached and that is still there")).hint(hint));
    };
    if let Some(another) = another {
        return Err(refused(format!("`{name}` may be {} or {}", entry.name, another.name)).hint("name its schema too"));
    }
    let manages = |policy: &Policy| {
        policy.table == entry.parent || snapshot.table(&policy.table).is_some_and(|table| table.has_node(&entry.parent))
    };
    if !policies.iter().any(manages) {
        let message = format!("no policy manages {}, from which {} was detached", entry.parent, entry.name);
        return Err(Failure::new(FailureKind::Policy, message).hint("its `locks` say how patient to be"));
    }
    Ok(entry)
}

/// The plan that attaches the table with this oid, and nothing else; without steps once it is attached.
pub fn reattach(oid: u32, policies: &[Policy], snapshot: &CatalogSnapshot) -> Plan {
    let detached = snapshot.ledger.detached().iter().find(|entry| entry.oid == oid && !entry.attached);
    let attach = |situation: &Situation<'_>, draft: &mut Draft| {
        // DEFAULT is back before anything else.
        let others = |entry: &&DetachedTable| entry.parent == situation.table.name && entry.bound != Bound::Default;
        if let Some(entry) = detached.filter(others) {
            attach(situation, entry, draft);
        }
        let attached = situation.table.partitions.iter().find(|partition| partition.oid == oid);
        if let Some(partition) = attached {
            draft.findings.extend(retires_again(situation, partition.oid, &partition.name, &partition.bound));
        }
    };
    let is_its_table = |table: &QualifiedName| {
        snapshot.table(table).is_some_and(|table| {
            let attached = table.all_partitions().iter().any(|other| other.oid == oid);
            attached || detached.is_some_and(|entry| table.has_node(&entry.parent))
        })
    };
    let policies: Vec<Policy> = policies.iter().filter(|policy| is_its_table(&policy.table)).cloned().collect();
    let rules = Rules { of_nodes: &[&finish_interrupted, &attach, &require_rights], of_tables: &[], confirmed: 0 };
    let mut plan = plan_by(&rules, &policies, snapshot);
    plan.findings.clear();
    plan
}

/// What is over is detached again by the next run, unless it is held.
fn retires_again(situation: &Situation<'_>, oid: u32, table: &QualifiedName, bound: &Bound) -> Option<Finding> {
    let kept = situation.snapshot.ledger.is_restored(oid) || situation.holds(table, bound);
    if !situation.would_retire(bound, &[]) || kept {
        return None;
    }
    let message = format!("{} is over: the next run detaches it again", table.name);
    let hint = format!("hold it: `hold: [{{partition: {}}}]` in the policy", table.name);
    Some(Finding::about(codes::RETIRES_AGAIN, &situation.table.name, message).hint(hint))
}

fn attach(situation: &Situation<'_>, entry: &DetachedTable, draft: &mut Draft) {
    let table = &situation.table.name;
    let range = situation.desired.describe_bound(&entry.bound);
    if let Some(place) = taken_by(situation, &entry.bound) {
        draft.findings.push(
            Finding::about(
                codes::OVERLAP,
                table,
                format!("{place} holds part of {range} now, where {} was", entry.name),
            )
            .hint("move its rows over by hand, or detach the other one first"),
        );
        return;
    }
    match situation.in_default(draft, &entry.bound, &range) {
        InDefault::Nothing => {}
        InDefault::Rows { default, condition, rows } => {
            draft.findings.push(situation.rows_stay(default, rows, &range, &condition));
            return;
        }
        InDefault::NobodyKnows => return,
    }
    draft.findings.extend(retires_again(situation, entry.oid, &entry.name, &entry.bound));
    let spares_default = situation.check_ahead(draft, &entry.name, &entry.bound);
    let key = situation.table.key.as_ref();
    let holding = key.and_then(|key| entry.bound.holding_predicate(&key.columns));
    draft.steps.push(Step::Attach(AttachPartition {
        around: situation.surroundings(),
        table: entry.name.clone(),
        oid: entry.oid,
        kind: entry.kind,
        bound: entry.bound.clone(),
        range,
        reason: match entry.detached_at {
            _ if situation.snapshot.ledger.is_restored(entry.oid) => "back from its archive".to_owned(),
            Some(at) => format!("detached {}", at.format("%Y-%m-%d")),
            None => "detached".to_owned(),
        },
        bytes: entry.bytes,
        has_foreign_keys: !entry.foreign_keys.is_empty(),
        spares_table: holding.map(|predicate| CheckAhead::holding(&entry.name, predicate)),
        spares_default,
    }));
}

/// The partition that holds a part of what the table held.
pub(super) fn taken_by(situation: &Situation<'_>, bound: &Bound) -> Option<String> {
    match situation.desired {
        Desired::Range(range) => {
            let old = range.extent(bound)?;
            let overlaps = situation.placed.iter().find(|(extent, _)| extent.from < old.to && old.from < extent.to);
            overlaps.map(|(_, partition)| partition.name.to_string())
        }
        Desired::List(_) | Desired::Hash(_) => {
            let same = situation.table.partitions.iter().find(|partition| partition.bound == *bound);
            same.map(|partition| partition.name.to_string())
        }
    }
}
