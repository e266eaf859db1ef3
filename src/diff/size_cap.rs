//! `max_size`: what all partitions together may take. Beyond it the oldest that are over go first, whatever their age;
//! the current and future ones, held ones and the `at_least` newest never do.
//!
//! Sizes are asked of the database: estimates know nothing of a partition that nobody has vacuumed or analyzed.

use std::collections::BTreeMap;
use std::fmt;

use super::{Draft, Situation};
use crate::catalog::{Answer, Bound, DetachedTable, Partition, Question};
use crate::plan::{Finding, codes};
use crate::schedule::Bytes;
use crate::sql::QualifiedName;

/// A cap, and what there is under it.
pub(super) struct SizeCap<'a> {
    limit: Bytes,
    sizes: BTreeMap<&'a QualifiedName, u64>,
    /// What those that stay take.
    left: u64,
}

impl<'a> SizeCap<'a> {
    /// `None`: there is no cap, or the database is being asked, or would not say.
    pub(super) fn of(situation: &Situation<'a>, draft: &mut Draft) -> Option<Self> {
        let cap = Self::as_answered(situation);
        if let (None, Some(question)) = (&cap, question(situation)) {
            match situation.snapshot.answers.get(&question) {
                Some(Answer::Unknown(why)) => {
                    let message =
                        format!("cannot tell how large the partitions are, so none leaves for its size: {why}");
                    let finding = Finding::about(codes::UNANSWERED, &situation.table.name, message);
                    draft.findings.push(finding.hint("look at what holds them up, and run again"));
                }
                Some(_) => {}
                None => drop(draft.questions.insert(question)),
            }
        }
        cap
    }

    fn as_answered(situation: &Situation<'a>) -> Option<Self> {
        let limit = situation.level.retain.as_ref()?.max_size?;
        let question = question(situation)?;
        let Some(Answer::Sizes(sizes)) = situation.snapshot.answers.get(&question) else { return None };
        let sizes: BTreeMap<&QualifiedName, u64> = named(situation).into_iter().zip(sizes.iter().copied()).collect();
        let left = situation.table.visible().filter_map(|partition| sizes.get(&partition.name)).sum();
        Some(Self { limit, sizes, left })
    }

    /// Takes off a partition that leaves.
    pub(super) fn without(&mut self, partition: &Partition) {
        self.left = self.left.saturating_sub(self.sizes.get(&partition.name).copied().unwrap_or_default());
    }

    /// Whether something has to leave.
    pub(super) fn is_exceeded(&self) -> bool {
        self.limit.0 < self.left
    }

    /// What is over the cap after all that may leave has left.
    pub(super) fn excess(&self, table: &QualifiedName) -> Option<Finding> {
        self.is_exceeded().then(|| {
            let (left, limit) = (Bytes(self.left), self.limit);
            let message = format!("takes {left} after all that may leave has left, and `max_size` is {limit}");
            Finding::about(codes::OVER_SIZE, table, message)
                .hint("the current and future partitions, held ones and the `at_least` newest stay")
        })
    }
}

/// Why something leaves.
impl fmt::Display for SizeCap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "all together beyond {}", self.limit)
    }
}

/// Whether a detached table would be over the cap again, were it attached. True as well while that is not known, and
/// there is a cap: it once left for it.
pub(super) fn has_no_room_for(situation: &Situation<'_>, entry: &DetachedTable) -> bool {
    if situation.level.retain.as_ref().is_none_or(|retain| retain.max_size.is_none()) {
        return false;
    }
    SizeCap::as_answered(situation).is_none_or(|cap| {
        let own = cap.sizes.get(&entry.name).copied().unwrap_or(entry.bytes);
        cap.limit.0 < cap.left.saturating_add(own)
    })
}

fn question(situation: &Situation<'_>) -> Option<Question> {
    situation.level.retain.as_ref()?.max_size?;
    let names: Vec<QualifiedName> = named(situation).into_iter().cloned().collect();
    (!names.is_empty()).then_some(Question::Sizes(names))
}

/// Every partition, and every table that waits out its grace.
fn named<'a>(situation: &Situation<'a>) -> Vec<&'a QualifiedName> {
    let waiting = |entry: &&DetachedTable| {
        entry.parent == situation.table.name && !entry.attached && entry.bound != Bound::Default
    };
    let detached = situation.snapshot.ledger.detached().iter().filter(waiting).map(|entry| &entry.name);
    situation.table.visible().map(|partition| &partition.name).chain(detached).collect()
}
