//! Detached tables and their grace: archived where the policy says so, and dropped when the clock has run out, nothing
//! holds them, and they are still what was detached.

use chrono::{DateTime, Utc};

use super::archive::{condition, next_for};
use super::retire::too_many_at_once;
use super::size_cap::has_no_room_for;
use super::{Draft, Situation, unless};
use crate::catalog::{Bound, DetachedTable};
use crate::plan::steps::DropTable;
use crate::plan::{Finding, Step, codes};
use crate::policy::Then;
use crate::schedule::Interval;

/// Archives detached tables, and drops those whose grace is over.
pub(super) fn drop_after_grace(situation: &Situation<'_>, draft: &mut Draft) {
    let Some(retain) = situation.level.retain.as_ref().filter(|retain| retain.then != Then::Detach) else {
        return;
    };
    let parent = &situation.table.name;
    let mut due: Vec<(&DetachedTable, String)> = Vec::new();
    let mut archives: Vec<Step> = Vec::new();
    // DEFAULT is brought back, whatever the policy says of others.
    let of_the_table = |entry: &&DetachedTable| entry.parent == *parent && entry.bound != Bound::Default;
    for entry in situation.snapshot.ledger.detached().iter().filter(of_the_table) {
        let (over, reason) = match entry.detached_at {
            Some(detached_at) => (
                grace_is_over(retain.grace, detached_at, situation.now()),
                format!("detached {}, grace over", detached_at.format("%Y-%m-%d")),
            ),
            // Its detach was interrupted, and ends in this plan.
            None if !entry.attached || is_pending(situation, entry) => (retain.grace.is_none(), "no grace".to_owned()),
            None => continue,
        };
        let attached_again = entry.attached && entry.detached_at.is_some();
        if attached_again || entry.name != entry.recorded {
            let change = if attached_again { "is attached again".to_owned() } else { format!("is now {}", entry.name) };
            draft.findings.push(
                Finding::about(codes::DETACHED_CHANGED, parent, format!("{}, once detached, {change}", entry.recorded))
                    .hint("partctl will not drop it"),
            );
        } else if situation.snapshot.ledger.is_restored(entry.oid) {
            let message = format!("{} came back from its archive, and is not attached", entry.name.name);
            let hint = format!(
                "attach it by `partctl reattach {0}`, or give it back by `partctl archive release {0}`",
                entry.name
            );
            draft.findings.push(Finding::about(codes::RESTORED, parent, message).hint(hint));
        } else if situation.holds(&entry.name, &entry.bound) {
            let message = format!("{} was detached, and is held", entry.name.name);
            draft.findings.push(Finding::about(codes::HELD, parent, message));
        } else if is_wanted_again(situation, entry, &draft.steps) {
            draft.findings.push(
                Finding::about(
                    codes::WANTED_AGAIN,
                    parent,
                    format!("{} was detached, and the policy would keep it now", entry.name.name),
                )
                .hint("attach it again, or drop it by hand: partctl will not"),
            );
        } else {
            let due_for = match retain.then {
                Then::Archive => next_for(situation, retain, entry, &mut archives, draft),
                Then::Drop | Then::Detach => over.then_some(reason),
            };
            due.extend(due_for.filter(|_| !unless::keeps(situation, &entry.name, draft)).map(|reason| (entry, reason)));
        }
    }
    draft.steps.extend(archives);
    let tables = due.iter().map(|(entry, _)| (&entry.name, &entry.bound, entry.bytes));
    if too_many_at_once(situation, retain, tables, "detached tables are due to be dropped", draft) {
        return;
    }
    draft.steps.extend(due.into_iter().map(|(entry, reason)| {
        Step::Drop(DropTable {
            table: entry.name.clone(),
            oid: entry.oid,
            kind: entry.kind,
            range: situation.desired.describe_bound(&entry.bound),
            reason,
            bytes: entry.bytes,
            foreign_keys: entry.foreign_keys.clone(),
            condition: condition(situation),
            unless: unless::condition(situation, &entry.name),
        })
    }));
}

/// Whether the policy has become more generous since it was detached. Also where nobody can tell.
pub(super) fn is_wanted_again(situation: &Situation<'_>, entry: &DetachedTable, steps: &[Step]) -> bool {
    let may_leave = situation.desired.as_range().is_some() || situation.follows_rows();
    may_leave && !situation.would_retire(&entry.bound, steps) && !has_no_room_for(situation, entry)
}

/// Whether its detach has passed the first of its two phases.
fn is_pending(situation: &Situation<'_>, entry: &DetachedTable) -> bool {
    situation.table.partitions.iter().any(|partition| partition.pending_detach && partition.oid == entry.oid)
}

pub(super) fn grace_is_over(grace: Option<Interval>, detached_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    grace_end(grace, detached_at).is_some_and(|end| end <= now)
}

/// When the grace is over; `None`: beyond the calendar.
pub(super) fn grace_end(grace: Option<Interval>, detached_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    grace.map_or(Some(detached_at), |grace| grace.after(detached_at))
}
