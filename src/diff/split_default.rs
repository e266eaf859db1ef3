//! Rows that would keep writers waiting for too long while they move, or that must not be moved at once at all: DEFAULT
//! is split instead, where the policy allows it and another table can take its place; otherwise the partitions are not
//! made, and the reason told.

use super::move_rows::Obstacle;
use super::split::Parts;
use super::{Draft, Situation};
use crate::catalog::{Bound, Datum, Partition, SplitFacts};
use crate::plan::steps::{CreatePartition, CreateReason, MoveRows, Rest, SplitPartition, Wait};
use crate::plan::{Finding, Step, codes};
use crate::policy::MoveRule;
use crate::schedule::{Bytes, Extent};

/// Splits DEFAULT for what is not moved at once. Comes after the rules that make partitions.
pub(super) fn split_default(situation: &Situation<'_>, draft: &mut Draft) {
    let moves = std::mem::take(&mut draft.to_split);
    if let Some(default) = situation.table.default_partition().filter(|_| !moves.is_empty()) {
        situation.split_or_tell(default, moves, draft);
    }
}

/// What could move at once goes along with a split.
fn goes_along(step: &Step) -> bool {
    matches!(step, Step::Move(step) if step.create.branch.is_none())
}

impl Situation<'_> {
    fn split_or_tell(&self, default: &Partition, moves: Vec<MoveRows>, draft: &mut Draft) {
        // The new DEFAULT is one more.
        let tables = moves.len() + draft.steps.iter().filter(|step| goes_along(step)).count() + 1;
        let split_waits = SplitPartition::writers_wait(tables);
        let rule = self.level.create.move_rows;
        let (code, why, way) = match rule {
            MoveRule::InBatches | MoveRule::AlwaysInBatches => match self.what_forbids_a_split(draft, default) {
                None => return,
                Some(Ok(_)) if moves.iter().any(|step| step.create.branch.is_some()) => (
                    codes::SPLIT_REFUSED,
                    ", and in batches they cannot move into partitions that have partitions of their own".to_owned(),
                    "make that partition by hand".to_owned(),
                ),
                Some(Ok(_)) if self.level.create.writers_wait < split_waits => (
                    codes::MOVE_TAKES_LONG,
                    format!(", and in batches writers would wait up to {} at the end", Wait(split_waits)),
                    format!("`create: {{writers_wait: {}}}` allows that", Wait(split_waits)),
                ),
                Some(Ok(facts)) => return self.split_for(default, facts, moves, draft),
                Some(Err(Obstacle { why, hint })) => {
                    (codes::SPLIT_REFUSED, format!(", and in batches they cannot move: {why}"), hint)
                }
            },
            MoveRule::AtOnce | MoveRule::Never => {
                let Some(bytes) = self.heap_bytes(draft, default) else { return };
                let copying = SplitPartition::copying_takes(bytes);
                let way = format!(
                    "with `create: {{move_rows: in_batches}}` all of DEFAULT, {}, is copied beside everybody in up to {}, and \
                     then writers wait up to {}",
                    Bytes(bytes),
                    Wait(copying),
                    Wait(split_waits)
                );
                (codes::MOVE_TAKES_LONG, String::new(), way)
            }
        };
        draft.findings.extend(moves.into_iter().map(|step| {
            let (at_once, more) = match rule {
                MoveRule::AlwaysInBatches => (String::new(), ""),
                MoveRule::AtOnce | MoveRule::InBatches | MoveRule::Never => (
                    format!(
                        ": to move them at once writers would wait up to {}, and `create.writers_wait` allows {}",
                        Wait(step.wait()),
                        Wait(step.limit)
                    ),
                    "or allow more, ",
                ),
            };
            let (rows, range) = (step.rows, step.create.range);
            let message = format!("DEFAULT {} holds {rows} rows of {range}{at_once}{why}", default.name);
            let by_hand = format!("or move or delete them yourself: they are the rows with {}", step.condition);
            Finding::about(code, &self.table.name, message).hint(format!("{way}; {more}{by_hand}"))
        }));
    }

    fn split_for(&self, default: &Partition, facts: &SplitFacts, moves: Vec<MoveRows>, draft: &mut Draft) {
        let along = draft.steps.extract_if(.., |step| goes_along(step)).filter_map(|step| match step {
            Step::Move(step) => Some(step),
            _ => None,
        });
        let moves: Vec<MoveRows> = moves.into_iter().chain(along).collect();
        let rows: u64 = moves.iter().map(|step| step.rows).sum();
        let mut partitions: Vec<CreatePartition> = moves.into_iter().map(|step| step.create).collect();
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
