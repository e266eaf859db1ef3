//! Rows that would keep writers waiting for too long while they move: DEFAULT is split instead, where the policy allows
//! it and another table can take its place; otherwise the partitions are not made, and the reason told.

use std::collections::BTreeMap;

use super::move_rows::{NAMED, Obstacle};
use super::properties::carried;
use super::{Draft, Situation};
use crate::catalog::{Answer, Bound, Datum, DefaultFacts, Partition, Question, RelationKind, SplitFacts};
use crate::plan::steps::{Begun, CheckAhead, CreatePartition, CreateReason, DiscardSplit, SplitDefault, Wait};
use crate::plan::{Carried, Finding, Step, codes, first_few, is_copied};
use crate::policy::{Inherited, MoveRule};
use crate::schedule::{Bytes, Extent};

/// A partition to be made whose rows take too long to be moved at once.
#[derive(Debug)]
pub(super) struct TooLong {
    pub create: CreatePartition,
    pub rows: u64,
    /// Which rows they are.
    pub condition: String,
    /// How long writers would wait.
    pub wait: Wait,
}

/// Splits DEFAULT for what takes too long, and takes back a split that is not wanted any more. Comes after the rules that
/// make partitions.
pub(super) fn split_default(situation: &Situation<'_>, draft: &mut Draft) {
    let Some(default) = situation.table.default_partition() else { return };
    let too_long = std::mem::take(&mut draft.too_long);
    if !too_long.is_empty() {
        situation.split_or_tell(default, too_long, draft);
    }
    let goes_on = draft.steps.iter().any(|step| matches!(step, Step::Split(split) if split.begun == Begun::Yes));
    // While the database would not say what is in DEFAULT, nobody knows what is wanted.
    let unanswered = draft.findings.iter().any(|finding| finding.code == codes::UNANSWERED);
    if let Some(split) = default.split.as_ref().filter(|_| !goes_on && !unanswered) {
        draft.steps.push(Step::DiscardSplit(DiscardSplit {
            around: situation.surroundings(),
            default: default.name.clone(),
            default_oid: default.oid,
            into: names(split.partitions.iter().map(|name| &name.name)),
            owner: (situation.table.owner != situation.snapshot.server.role).then(|| situation.table.owner.clone()),
        }));
    }
}

fn names(names: impl Iterator<Item = impl ToString>) -> String {
    first_few(&names.map(|name| name.to_string()).collect::<Vec<_>>(), NAMED)
}

impl Situation<'_> {
    fn split_or_tell(&self, default: &Partition, too_long: Vec<TooLong>, draft: &mut Draft) {
        let (code, why, way) = match self.level.create.move_rows {
            MoveRule::InBatches => match self.what_forbids_a_split(draft, default) {
                None => return,
                Some(Ok(_)) if too_long.iter().any(|window| window.create.branch.is_some()) => (
                    codes::SPLIT_REFUSED,
                    ", and in batches they cannot move into partitions that have partitions of their own".to_owned(),
                    "make that partition by hand".to_owned(),
                ),
                Some(Ok(facts)) => return self.split(default, facts, too_long, draft),
                Some(Err(Obstacle { why, hint })) => {
                    (codes::SPLIT_REFUSED, format!(", and in batches they cannot move: {why}"), hint)
                }
            },
            MoveRule::AtOnce | MoveRule::Never => {
                let Some(bytes) = self.heap_bytes(draft, default) else { return };
                let (copying, wait) = (SplitDefault::copying_takes(bytes), SplitDefault::writers_wait(too_long.len()));
                let way = format!(
                    "with `create: {{move_rows: in_batches}}` all of DEFAULT, {}, is copied beside everybody in up to {}, and \
                     then writers wait up to {}",
                    Bytes(bytes),
                    Wait(copying),
                    Wait(wait)
                );
                (codes::MOVE_TAKES_LONG, String::new(), way)
            }
        };
        let limit = Wait(self.level.create.writers_wait);
        draft.findings.extend(too_long.into_iter().map(|TooLong { create, rows, condition, wait }| {
            let message = format!(
                "DEFAULT {} holds {rows} rows of {}: to move them at once writers would wait up to {wait}, and \
                 `create.writers_wait` allows {limit}{why}",
                default.name, create.range
            );
            Finding::about(code, &self.table.name, message).hint(format!(
                "{way}; or allow more, or move or delete them yourself: they are the rows with {condition}"
            ))
        }));
    }

    /// What another table must be to take DEFAULT's place, or why none can; `None` while the database has not been asked.
    fn what_forbids_a_split(&self, draft: &mut Draft, default: &Partition) -> Option<Result<&SplitFacts, Obstacle>> {
        let facts = self.facts_about(draft, default)?;
        let question = Question::SplitFacts(default.name.clone());
        let split = match self.snapshot.answers.get(&question) {
            Some(Answer::SplitFacts(split)) => split,
            Some(_) => {
                let hint = "look at what holds the table up, and run again";
                return Some(Err(Obstacle::new("the database would not tell what hangs on DEFAULT", hint)));
            }
            None => {
                draft.questions.insert(question);
                return None;
            }
        };
        Some(match self.in_the_way(default, facts, split) {
            Some(obstacle) => Err(obstacle),
            None => Ok(split),
        })
    }

    fn split(&self, default: &Partition, facts: &SplitFacts, too_long: Vec<TooLong>, draft: &mut Draft) {
        let Some(DefaultFacts { columns, .. }) = self.facts_about(draft, default) else { return };
        let Some(bytes) = self.heap_bytes(draft, default) else { return };
        let mut rows: u64 = too_long.iter().map(|window| window.rows).sum();
        let mut partitions: Vec<CreatePartition> = too_long.into_iter().map(|window| window.create).collect();
        // What could move at once goes along.
        for step in draft.steps.extract_if(.., |step| matches!(step, Step::Move(step) if step.create.branch.is_none()))
        {
            let Step::Move(step) = step else { continue };
            rows += step.rows;
            partitions.push(step.create);
        }
        partitions.sort_by(|a, b| a.bound.cmp(&b.bound));
        let made = draft.steps.iter().flat_map(Step::made).chain(&partitions).map(|create| create.bound.clone());
        let bounds: Vec<Bound> = made.chain(self.table.partitions.iter().map(|other| other.bound.clone())).collect();
        let name = SplitDefault::rest_name(&default.name, default.oid);
        let Some(key) = &self.table.key else { return };
        let predicate = |bound: &Bound| bound.holding_predicate(&key.columns);
        let holding =
            partitions.iter().map(|create| Some(CheckAhead::holding(&create.partition, predicate(&create.bound)?)));
        let (Some(holding), Some(wanted)) =
            (holding.collect(), self.merged(bounds).iter().map(predicate).collect::<Option<Vec<String>>>())
        else {
            return;
        };
        let rest = CreatePartition {
            partition: name.clone(),
            bound: Bound::Default,
            range: self.desired.describe_bound(&Bound::Default),
            reason: CreateReason::Default,
            carried: self.carried_over(default),
            tablespace: default.storage.tablespace.clone(),
            access_method: default.storage.access_method.clone(),
            found_by: None,
            branch: None,
            ..partitions[0].clone()
        };
        let mut split = SplitDefault {
            parent_oid: self.table.oid,
            default: default.name.clone(),
            default_oid: default.oid,
            into: names(partitions.iter().map(|create| &create.partition.name)),
            partitions,
            holding,
            rest,
            excluding: CheckAhead::excluding_all(&name, &wanted),
            rows,
            bytes,
            partitioned_by: facts.partitioned_by.clone(),
            columns: columns.clone(),
            key: facts.key.clone(),
            foreign_keys: facts.foreign_keys.clone(),
            shape: facts.shape.clone(),
            begun: Begun::No,
            limit: self.level.create.writers_wait,
        };
        if default.split.as_ref().is_some_and(|begun| begun.print == split.print()) {
            split.begun = Begun::Yes;
        }
        if split.limit < split.wait() {
            let message = format!(
                "DEFAULT {} holds {rows} rows of {}: even in batches writers would wait up to {} at the end, and \
                 `create.writers_wait` allows {}",
                split.default,
                split.into,
                Wait(split.wait()),
                Wait(split.limit)
            );
            let finding = Finding::about(codes::MOVE_TAKES_LONG, &self.table.name, message);
            return draft.findings.push(finding.hint("allow more"));
        }
        draft.steps.push(Step::Split(Box::new(split)));
    }

    /// What makes a new DEFAULT what the old one is, and what the policy says of its storage.
    fn carried_over(&self, default: &Partition) -> Carried {
        let carried = carried(self, &default.name.schema);
        let wanted = if self.policy.inherit.contains(&Inherited::Storage) { carried.storage } else { BTreeMap::new() };
        let own = default.properties.as_ref().map_or(&self.root.properties, |own| &own.set);
        Carried {
            inherit: Inherited::ALL.into_iter().collect(),
            properties: own.iter().filter(|property| !is_copied(property)).cloned().collect(),
            storage: default.storage.parameters.clone().into_iter().chain(wanted).collect(),
            ..carried
        }
    }

    /// The same bounds, neighbours made one where that can be told: each is a condition that every copied row is held
    /// against.
    fn merged(&self, bounds: Vec<Bound>) -> Vec<Bound> {
        let bounds = bounds.into_iter().filter(|bound| *bound != Bound::Default);
        let Some(range) = self.desired.as_range() else {
            let values: Vec<Datum> =
                bounds.flat_map(|bound| if let Bound::List(values) = bound { values } else { Vec::new() }).collect();
            return vec![Bound::List(values)];
        };
        let mut placed: Vec<(Extent, Bound)> =
            bounds.filter_map(|bound| Some((range.extent(&bound)?, bound))).collect();
        placed.sort_by_key(|(extent, _)| *extent);
        let mut merged: Vec<(Extent, Bound)> = Vec::new();
        for (extent, bound) in placed {
            match (merged.last_mut(), bound) {
                (Some((before, Bound::Range { to, .. })), Bound::Range { to: end, .. }) if before.to == extent.from => {
                    before.to = extent.to;
                    *to = end;
                }
                (_, bound) => merged.push((extent, bound)),
            }
        }
        merged.into_iter().map(|(_, bound)| bound).collect()
    }

    /// What would be lost with the old DEFAULT, or keeps a new one from taking its place.
    fn in_the_way(&self, default: &Partition, facts: &DefaultFacts, split: &SplitFacts) -> Option<Obstacle> {
        let name = &default.name;
        if default.kind != RelationKind::Table {
            return Some(Obstacle::new("it is partitioned itself", "make a plain table of it"));
        }
        if !self.path.is_empty() {
            let why = format!("{} is a partition itself", self.table.name);
            return Some(Obstacle::new(why, format!("detach {} meanwhile", self.table.name)));
        }
        if let Some(owner) = default.owner.as_ref().filter(|owner| **owner != self.table.owner) {
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
            return Some(Obstacle::new(why, "set policies on the table, not on DEFAULT"));
        }
        (!split.dependents.is_empty()).then(|| lost(names(split.dependents.iter())))
    }
}
