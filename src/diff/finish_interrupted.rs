//! What an earlier run left unfinished comes first: a pending detach hides rows and blocks the next one.

use super::{Draft, Situation};
use crate::plan::Step;
use crate::plan::steps::{FinalizeDetach, RecordDetach};

/// Finalizes pending detaches, and records detaches that were done but not written down.
pub(super) fn finish_interrupted(situation: &Situation<'_>, draft: &mut Draft) {
    let remembered =
        || situation.snapshot.ledger.detached().iter().filter(|entry| entry.parent == situation.table.name);
    for partition in situation.table.partitions.iter().filter(|partition| partition.pending_detach) {
        draft.steps.push(Step::Finalize(FinalizeDetach {
            parent: situation.table.name.clone(),
            partition: partition.name.clone(),
            oid: partition.oid,
            range: situation.desired.describe_bound(&partition.bound),
            ours: remembered().any(|entry| entry.oid == partition.oid),
            references: situation.references(),
            referenced_by: situation.referenced_by(),
        }));
    }
    for entry in remembered().filter(|entry| !entry.attached && entry.detached_at.is_none()) {
        draft.steps.push(Step::Record(RecordDetach {
            table: entry.name.clone(),
            oid: entry.oid,
            range: situation.desired.describe_bound(&entry.bound),
        }));
    }
}
