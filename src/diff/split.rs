//! What becomes of a partition that is split: whether other tables can take its place, what they are to be like, and that
//! a split is taken back which nobody wants any more. Which one is split, and into what, others decide.

use std::collections::BTreeMap;

use super::move_rows::{NAMED, Obstacle, nothing_leaves};
use super::properties::carried;
use super::{Draft, Situation};
use crate::catalog::{Answer, Partition, PartitionFacts, Question, RelationKind, SplitFacts};
use crate::plan::steps::{Begun, CreatePartition, DiscardSplit, Rest, SplitPartition};
use crate::plan::{Carried, Step, codes, first_few, is_copied};
use crate::policy::Inherited;

/// What takes the place of a partition.
pub(super) struct Parts {
    pub partitions: Vec<CreatePartition>,
    /// What holds for the rows of each.
    pub holding: Vec<String>,
    pub rest: Option<Rest>,
    pub rows: Option<u64>,
}

/// Takes back what was begun and does not go on. Comes after the rules that split.
pub(super) fn take_back(situation: &Situation<'_>, draft: &mut Draft) {
    // While the database would not say what hangs on a partition, or is in it, nobody knows what is wanted.
    if draft.findings.iter().any(|finding| finding.code == codes::UNANSWERED) {
        return;
    }
    for old in &situation.table.partitions {
        let goes_on =
            |step: &Step| matches!(step, Step::Split(split) if split.old_oid == old.oid && split.begun == Begun::Yes);
        let Some(split) = old.split.as_ref().filter(|_| !draft.steps.iter().any(goes_on)) else { continue };
        draft.steps.push(Step::DiscardSplit(DiscardSplit {
            around: situation.surroundings(),
            old: old.name.clone(),
            old_oid: old.oid,
            bound: old.bound.clone(),
            into: names(split.partitions.iter().map(|name| &name.name)),
            owner: situation.owner_if_another(),
        }));
    }
}

pub(super) fn names(names: impl Iterator<Item = impl ToString>) -> String {
    first_few(&names.map(|name| name.to_string()).collect::<Vec<_>>(), NAMED)
}

impl<'a> Situation<'a> {
    /// The split, as far as an earlier run has come with it; `None`: the database has not been asked, or the draft says
    /// what is in the way.
    pub(super) fn split(
        &self,
        draft: &mut Draft,
        old: &Partition,
        facts: &SplitFacts,
        parts: Parts,
    ) -> Option<SplitPartition> {
        let Parts { partitions, holding, rest, rows } = parts;
        if let Some(refusal) = self.too_large_to_exchange(old, partitions.len()) {
            draft.findings.push(refusal);
            return None;
        }
        let PartitionFacts { columns, .. } = self.facts_about(draft, old)?;
        let mut split = SplitPartition {
            around: self.surroundings(),
            owner: self.owner_if_another(),
            parent_oid: self.table.oid,
            old: old.name.clone(),
            old_oid: old.oid,
            bound: old.bound.clone(),
            into: names(partitions.iter().map(|create| &create.partition.name)),
            partitions,
            holding,
            rest,
            rows,
            bytes: self.heap_bytes(draft, old)?,
            partitioned_by: facts.partitioned_by.clone(),
            columns: columns.clone(),
            key: facts.key.clone(),
            foreign_keys: facts.foreign_keys.clone(),
            shape: facts.shape.clone(),
            begun: Begun::No,
            limit: self.level.create.writers_wait,
        };
        if old.split.as_ref().is_some_and(|begun| begun.print == split.print()) {
            split.begun = Begun::Yes;
        }
        Some(split)
    }

    /// What other tables must be to take a partition's place, or why none can; `None` while the database has not been asked.
    pub(super) fn what_forbids_a_split(
        &self,
        draft: &mut Draft,
        old: &Partition,
    ) -> Option<Result<&'a SplitFacts, Obstacle>> {
        let facts = self.facts_about(draft, old)?;
        let question = Question::SplitFacts(old.name.clone());
        let split = match self.snapshot.answers.get(&question) {
            Some(Answer::SplitFacts(split)) => split,
            Some(_) => {
                let hint = "look at what holds the table up, and run again";
                return Some(Err(Obstacle::new("the database would not tell what hangs on it", hint)));
            }
            None => {
                draft.questions.insert(question);
                return None;
            }
        };
        Some(match self.in_the_way(old, facts, split) {
            Some(obstacle) => Err(obstacle),
            None => Ok(split),
        })
    }

    /// What makes a table what the old one is, and what the policy says of its storage.
    pub(super) fn carried_over(&self, old: &Partition) -> Carried {
        let carried = carried(self, &old.name.schema);
        let wanted = if self.policy.inherit.contains(&Inherited::Storage) { carried.storage } else { BTreeMap::new() };
        let own = old.properties.as_ref().map_or(&self.root.properties, |own| &own.set);
        Carried {
            inherit: Inherited::ALL.into_iter().collect(),
            properties: own.iter().filter(|property| !is_copied(property)).cloned().collect(),
            storage: old.storage.parameters.clone().into_iter().chain(wanted).collect(),
            ..carried
        }
    }

    /// What would be lost with the old one, or keeps others from taking its place.
    fn in_the_way(&self, old: &Partition, facts: &PartitionFacts, split: &SplitFacts) -> Option<Obstacle> {
        let name = &old.name;
        if let Some(obstacle) = nothing_leaves(old, facts) {
            return Some(obstacle);
        }
        if old.kind != RelationKind::Table {
            return Some(Obstacle::new("it is partitioned itself", "make a plain table of it"));
        }
        if !self.path.is_empty() {
            let why = format!("{} is a partition itself", self.table.name);
            return Some(Obstacle::new(why, format!("detach {} meanwhile", self.table.name)));
        }
        if let Some(owner) = old.owner.as_ref().filter(|owner| **owner != self.table.owner) {
            let (why, owner) = (format!("it belongs to {owner}"), &self.table.owner);
            return Some(Obstacle::new(why, format!("ALTER TABLE {name} OWNER TO {owner}")));
        }
        let lost =
            |names: String| Obstacle::new(format!("{names} would go with it"), format!("drop {names} meanwhile"));
        if let Some(referrer) = facts.referenced_by.first() {
            let why =
                format!("{} references its rows, and Postgres lets no table go that is referenced", referrer.table);
            return Some(Obstacle::new(why, format!("drop that foreign key of {} meanwhile", referrer.table)));
        }
        if let Some(publication) = facts.publications.first() {
            let why = format!("what is copied is not published by {}", publication.name);
            return Some(Obstacle::new(why, format!("take the table out of {} meanwhile", publication.name)));
        }
        if split.subscribed {
            let why = "a subscription writes to it by its identity, and another table would get nothing";
            return Some(Obstacle::new(why, "drop the subscription meanwhile"));
        }
        if split.key.is_empty() {
            let why = "it has no primary key or unique constraint by which changed rows could be found";
            return Some(Obstacle::new(why, "give the table a primary key"));
        }
        if let Some(constraint) = &split.deferrable {
            let why = format!("constraint {constraint} may be deferred, and rows could not be copied again beside it");
            return Some(Obstacle::new(why, format!("make {constraint} NOT DEFERRABLE")));
        }
        if !split.own_triggers.is_empty() {
            return Some(lost(format!("trigger {}", names(split.own_triggers.iter()))));
        }
        if split.row_security {
            let why = "its row security would go with it";
            return Some(Obstacle::new(why, "set policies on the table, not on its partition"));
        }
        (!split.dependents.is_empty()).then(|| lost(names(split.dependents.iter())))
    }
}
