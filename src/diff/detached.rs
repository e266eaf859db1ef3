//! Detached tables and their grace: dropped when the policy says drop, the clock has run out, nothing holds them,
//! and they are still what was detached.

use chrono::{DateTime, Utc};

use super::retire::too_many_at_once;
use super::{Draft, Situation};
use crate::catalog::DetachedTable;
use crate::plan::steps::DropTable;
use crate::plan::{Finding, Step, codes};
use crate::policy::Then;
use crate::schedule::Interval;
use crate::sql::QualifiedName;

/// Drops detached tables whose grace is over.
pub(super) fn drop_after_grace(situation: &Situation<'_>, draft: &mut Draft) {
    let Some(retain) = situation.policy.retain.as_ref().filter(|retain| retain.then == Then::Drop) else { return };
    let parent = &situation.table.name;
    let mut due: Vec<(&DetachedTable, DateTime<Utc>)> = Vec::new();
    for entry in situation.snapshot.ledger.detached().iter().filter(|entry| entry.parent == *parent) {
        let Some(detached_at) = entry.detached_at else { continue };
        if entry.attached || entry.name != entry.recorded {
            let change = if entry.attached { "is attached again".to_owned() } else { format!("is now {}", entry.name) };
            draft.findings.push(
                Finding::about(codes::DETACHED_CHANGED, parent, format!("{}, once detached, {change}", entry.recorded))
                    .hint("partctl will not drop it"),
            );
        } else if is_held(situation, entry) {
            let message = format!("{} was detached, and is held", entry.name.name);
            draft.findings.push(Finding::about(codes::HELD, parent, message));
        } else if grace_is_over(retain.grace, detached_at, situation.now()) {
            due.push((entry, detached_at));
        }
    }
    let names: Vec<&QualifiedName> = due.iter().map(|(entry, _)| &entry.name).collect();
    if let Some(refusal) = too_many_at_once(situation, retain, &names, "detached tables are due to be dropped") {
        draft.findings.push(refusal);
        return;
    }
    draft.steps.extend(due.into_iter().map(|(entry, detached_at)| {
        Step::Drop(DropTable {
            table: entry.name.clone(),
            oid: entry.oid,
            kind: entry.kind,
            range: situation.desired.describe_bound(&entry.bound),
            reason: format!("detached {}, grace over", detached_at.format("%Y-%m-%d")),
            bytes: entry.bytes,
            references: entry.references.clone(),
        })
    }));
}

fn grace_is_over(grace: Option<Interval>, detached_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    grace_end(grace, detached_at).is_some_and(|end| end <= now)
}

/// When the grace is over; `None`: beyond the calendar.
pub(super) fn grace_end(grace: Option<Interval>, detached_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    grace.map_or(Some(detached_at), |grace| grace.after(detached_at))
}

pub(super) fn is_held(situation: &Situation<'_>, entry: &DetachedTable) -> bool {
    let Some(range) = situation.desired.as_range() else { return false };
    let Some(extent) = range.extent(&entry.bound) else { return true };
    situation.hold_on(range, extent, &entry.name).is_some()
}
