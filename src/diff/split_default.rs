//! Rows that would keep writers waiting for too long while they move: DEFAULT is split instead, where the policy allows
//! it and another table can take its place; otherwise the partitions are not made, and the reason told.

use super::move_rows::Obstacle;
use super::split::Parts;
use super::{Draft, Situation};
use crate::catalog::{Bound, Datum, Partition, SplitFacts};
use crate::plan::steps::{CreatePartition, CreateReason, Rest, SplitPartition, Wait};
use crate::plan::{Finding, Step, codes};
use crate::policy::MoveRule;
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

/// Splits DEFAULT for what takes too long. Comes after the rules that make partitions.
pub(super) fn split_default(situation: &Situation<'_>, draft: &mut Draft) {
    let too_long = std::mem::take(&mut draft.too_long);
    if let Some(default) = situation.table.default_partition().filter(|_| !too_long.is_empty()) {
        situation.split_or_tell(default, too_long, draft);
    }
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
                Some(Ok(facts)) => return self.split_for(default, facts, too_long, draft),
                Some(Err(Obstacle { why, hint })) => {
                    (codes::SPLIT_REFUSED, format!(", and in batches they cannot move: {why}"), hint)
                }
            },
            MoveRule::AtOnce | MoveRule::Never => {
                let Some(bytes) = self.heap_bytes(draft, default) else { return };
                let (copying, wait) =
                    (SplitPartition::copying_takes(bytes), SplitPartition::writers_wait(too_long.len() + 1));
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

    fn split_for(&self, default: &Partition, facts: &SplitFacts, too_long: Vec<TooLong>, draft: &mut Draft) {
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
        let Some(key) = &self.table.key else { return };
        let predicate = |bound: &Bound| bound.holding_predicate(&key.columns);
        let (Some(holding), Some(wanted)) = (
            partitions.iter().map(|create| predicate(&create.bound)).collect(),
            self.merged(bounds).iter().map(predicate).collect(),
        ) else {
            return;
        };
        let rest = CreatePartition {
            tablespace: default.storage.tablespace.clone(),
            access_method: default.storage.access_method.clone(),
            carried: self.carried_over(default),
            ..self.new_leaf(default.name.clone(), Bound::Default, CreateReason::Default)
        };
        let parts = Parts { partitions, holding, rest: Some(Rest { create: rest, wanted }), rows: Some(rows) };
        let Some(split) = self.split(draft, default, facts, parts) else { return };
        if split.limit < split.wait() {
            let message = format!(
                "DEFAULT {} holds {rows} rows of {}: even in batches writers would wait up to {} at the end, and \
                 `create.writers_wait` allows {}",
                split.old,
                split.into,
                Wait(split.wait()),
                Wait(split.limit)
            );
            let finding = Finding::about(codes::MOVE_TAKES_LONG, &self.table.name, message);
            return draft.findings.push(finding.hint("allow more"));
        }
        draft.steps.push(Step::Split(Box::new(split)));
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
}
