//! What an earlier run left unfinished comes first: a pending detach hides rows and blocks the next one.

use super::{Draft, Situation, set_aside};
use crate::plan::Step;
use crate::plan::steps::{CheckAhead, FinalizeDetach, RecordDetach, RecordedChange, RemoveCheck};

/// Finalizes pending detaches, brings DEFAULT back, removes constraints that were left behind, and records detaches that were done but not written down.
pub(super) fn finish_interrupted(situation: &Situation<'_>, draft: &mut Draft) {
    let remembered =
        || situation.snapshot.ledger.detached().iter().filter(|entry| entry.parent == situation.table.name);
    for partition in situation.table.partitions.iter().filter(|partition| partition.pending_detach) {
        draft.steps.push(Step::Finalize(FinalizeDetach {
            around: situation.surroundings(),
            partition: partition.name.clone(),
            oid: partition.oid,
            range: situation.desired.describe_bound(&partition.bound),
            ours: remembered().any(|entry| entry.oid == partition.oid),
        }));
    }
    // Not before: FINALIZE beside DEFAULT leaves other sessions with DEFAULT's old bound, and they would refuse rows of
    // what has left (23514), until something else makes them look again (Postgres 14, 15, 18).
    set_aside::bring_back(situation, draft);
    let attached = situation.table.partitions.iter();
    let left_behind = attached.map(|partition| (&partition.name, &partition.bound, &partition.leftover_checks)).chain(
        remembered().filter(|entry| !entry.attached).map(|entry| (&entry.name, &entry.bound, &entry.leftover_checks)),
    );
    for (table, bound, checks) in left_behind {
        draft.steps.extend(checks.iter().map(|constraint| {
            let range = situation.desired.describe_bound(bound);
            Step::Remove(RemoveCheck { check: CheckAhead::left_behind(table, constraint), range })
        }));
    }
    for entry in remembered() {
        let change = match (entry.attached, entry.detached_at) {
            (false, None) => RecordedChange::Detached,
            (true, Some(_)) => RecordedChange::AttachedAgain,
            // Begun and not done: the next detach of it writes the entry anew. Or detached, as it should be.
            (true, None) | (false, Some(_)) => continue,
        };
        draft.steps.push(Step::Record(RecordDetach {
            table: entry.name.clone(),
            oid: entry.oid,
            range: situation.desired.describe_bound(&entry.bound),
            change,
        }));
    }
}
