//! Partitions of a query's rows (`each`) whose row is gone: kept, unless `retain` says that they leave, and then behind
//! the same rails as all retirement.
//!
//! A query without any row retires nothing: that is rather a mistake than the end of all.

use std::collections::BTreeSet;

use super::at_least::protected;
use super::retire::{Over, Rail, is_referenced, kept, may_leave, steps, too_many_at_once};
use super::{Draft, Situation, list};
use crate::catalog::{Bound, Partition};
use crate::desired::Desired;
use crate::plan::{Finding, codes, first_few};
use crate::policy::{Groups, Partitioning};

impl Situation<'_> {
    /// Whether the partitions are those of a query's rows.
    pub(super) fn follows_rows(&self) -> bool {
        matches!(&self.level.partitioning, Partitioning::List(list) if matches!(list.groups, Groups::Each(_)))
    }

    /// Whether a partition with this bound is over: the query has rows, and none of them a value of it.
    pub(super) fn row_is_gone(&self, bound: &Bound) -> bool {
        matches!(self.desired, Desired::List(list) if !list.groups.is_empty()) && self.has_no_row(bound)
    }

    /// False also where nobody knows.
    fn has_no_row(&self, bound: &Bound) -> bool {
        let Desired::List(list) = self.desired else { return false };
        let is_known = self.follows_rows() && list.questions.is_empty();
        let wanted = || list.groups.iter().flat_map(|group| &group.values);
        is_known && list::values(list, bound).is_some_and(|held| wanted().all(|value| !held.contains(value)))
    }
}

/// Tells of partitions whose row is gone, or detaches them.
pub(super) fn retire(situation: &Situation<'_>, draft: &mut Draft) {
    let Desired::List(list) = situation.desired else { return };
    let gone: Vec<&Partition> =
        situation.table.visible().filter(|partition| situation.has_no_row(&partition.bound)).collect();
    if gone.is_empty() {
        return;
    }
    let table = &situation.table.name;
    let names: Vec<String> = gone.iter().map(|partition| partition.name.name.to_string()).collect();
    let Some(retain) = &situation.level.retain else {
        let message = format!("no row of `each` any more for {}", first_few(&names, 3));
        let finding = Finding::about(codes::ROW_GONE, table, message);
        draft.findings.push(finding.hint("left as it is: `retain` beside `each` would let it go"));
        return;
    };
    if list.groups.is_empty() {
        let message = format!("`each` has no rows at all: {} partitions stay", gone.len());
        let finding = Finding::about(codes::NO_ROWS, table, message);
        draft.findings.push(finding.hint("look at the query, or detach by hand what really shall go"));
        return;
    }
    let mut over: Vec<Over<'_>> = Vec::new();
    for partition in gone.iter().copied() {
        let held = situation.hold_by_name(&partition.name).or_else(|| situation.hold_below(partition)).map(Rail::Held);
        // What holds several values was not made for a row.
        let is_single = matches!(&partition.bound, Bound::List(values) if values.len() == 1);
        match held.or((!is_single).then_some(Rail::OffGrid)) {
            Some(rail) => draft.findings.extend(kept(rail, partition, table)),
            None => over.push(Over { partition, why: "its row is gone".to_owned() }),
        }
    }
    if over.is_empty() {
        return;
    }
    let leaving: BTreeSet<u32> = over.iter().map(|over| over.partition.oid).collect();
    let bounded = || situation.table.partitions.iter().filter(|partition| partition.bound != Bound::Default);
    let (going, staying): (Vec<&Partition>, Vec<&Partition>) =
        bounded().partition(|partition| leaving.contains(&partition.oid));
    let Some(protected) = protected(situation, retain, &[staying, going].concat(), draft) else { return };
    over.retain(|over| may_leave(situation, retain, &protected, over.partition, draft));
    let leaving = over.iter().map(|over| (&over.partition.name, &over.partition.bound, over.partition.bytes));
    if too_many_at_once(situation, retain, leaving, "partitions are over at once", draft) {
        return;
    }
    over.retain(|over| !is_referenced(situation, over.partition, draft));
    steps(situation, retain, &over, draft);
}
