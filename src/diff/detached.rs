//! Detached tables and their grace: archived where the policy says so, and dropped when the clock has run out, nothing
//! holds them, and they are still what was detached.

use chrono::{DateTime, Utc};

use super::archive::{Progress, archive_step, condition, is_archivable, progress};
use super::retire::too_many_at_once;
use super::{Draft, Situation};
use crate::catalog::{Bound, DetachedTable};
use crate::plan::steps::DropTable;
use crate::plan::{Finding, Step, codes};
use crate::policy::Then;
use crate::schedule::Interval;
use crate::sql::QualifiedName;

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
        } else if retain.then == Then::Archive {
            if !is_archivable(situation, entry.kind, &entry.name, draft) {
                continue;
            }
            match progress(situation, retain, entry, draft) {
                Progress::Unarchived => {
                    archives.extend(archive_step(situation, entry));
                    if retain.grace.is_none() {
                        due.push((entry, "no grace".to_owned()));
                    }
                }
                Progress::Waits | Progress::Asked => {}
                Progress::Due(archive) => {
                    due.push((entry, format!("archived {}, grace over", archive.verified_at.format("%Y-%m-%d"))));
                }
                Progress::Written(rows) => {
                    let rows = if rows == 1 { "a row".to_owned() } else { format!("{rows} rows") };
                    let message = format!("{} was written to since it was archived, by {rows}", entry.name.name);
                    draft.findings.push(
                        Finding::about(codes::WRITTEN_SINCE, parent, message)
                            .hint("it is archived again, and its grace begins anew"),
                    );
                    archives.extend(archive_step(situation, entry));
                }
            }
        } else if over {
            due.push((entry, reason));
        }
    }
    draft.steps.extend(archives);
    let names: Vec<&QualifiedName> = due.iter().map(|(entry, _)| &entry.name).collect();
    if let Some(refusal) = too_many_at_once(situation, retain, &names, "detached tables are due to be dropped") {
        draft.findings.push(refusal);
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
        })
    }));
}

/// Whether the policy has become more generous since it was detached. Also where nobody can tell.
pub(super) fn is_wanted_again(situation: &Situation<'_>, entry: &DetachedTable, steps: &[Step]) -> bool {
    situation.desired.as_range().is_some() && !situation.would_retire(&entry.bound, steps)
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
