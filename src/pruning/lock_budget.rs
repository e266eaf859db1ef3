//! How many relation locks an EXPLAIN may take, reckoned before it is tried.
//!
//! Planning locks every leaf that it does not prune, and each of its indexes; one shared table holds the locks of all
//! sessions. When it is full, this EXPLAIN fails with 53200 and so do the statements of others, whatever they do
//! (Postgres 14-18). A generic plan knows no values, so planning it locks every leaf. A custom plan of a probe on the
//! key's own type is pruned while it is planned and locks next to nothing, provided that pruning is on and works.
//! So: what may lock everything must fit the budget; a probe that surely prunes must fit with what it keeps; and a
//! policy's own query, which nobody has proven yet, counts as locking everything that it could reach.

use super::PlanForm;
use crate::catalog::{Partition, RelationKind, Server, Table};
use crate::sql::since;

/// How many locks one EXPLAIN may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockBudget {
    slots: u64,
}

/// How many relations an EXPLAIN would lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockEstimate {
    /// When it is pruned while planned; `None`: nobody knows whether it is.
    pub pruned: Option<u64>,
    /// When nothing is pruned.
    pub unpruned: u64,
}

/// The setting `enable_partition_pruning` of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pruning {
    /// The default.
    On,
    /// For this role or database; then no query prunes.
    Off,
}

impl LockBudget {
    /// The budget of a server.
    pub fn of(server: &Server) -> Self {
        Self { slots: server.lock_slots }
    }

    /// Locks that one EXPLAIN may take: half of the documented slots.
    ///
    /// Servers hold about twice as many as documented (12,800 to 14,900 for 6,400 on Postgres 14-18), so this is a
    /// quarter of the real table, for the milliseconds that one EXPLAIN lasts, and the other half of the promised
    /// slots stays free even where that slack does not exist.
    pub fn limit(self) -> u64 {
        self.slots / 2
    }

    /// Why an EXPLAIN is not tried, with the numbers; `None`: it may be.
    pub fn refuse(self, form: PlanForm, estimate: LockEstimate, pruning: Pruning) -> Option<String> {
        let locks = match (form, pruning, estimate.pruned) {
            (PlanForm::Custom, Pruning::On, Some(pruned)) => pruned,
            _ => estimate.unpruned,
        };
        (self.limit() < locks).then(|| {
            format!(
                "planning it could lock {locks} relations, and all sessions together have room for about {}",
                self.slots
            )
        })
    }
}

impl LockEstimate {
    /// For a query on a table that keeps the given partitions, the costliest of which counts.
    pub fn keeping<'a>(kept: impl IntoIterator<Item = &'a Partition>, table: &Table, version: u32) -> Self {
        let indexes = table.visible().map(|partition| partition.indexes).max().unwrap_or(0);
        let parent = 1 + parent_indexes(indexes, version);
        let most = kept.into_iter().map(|partition| relation_locks(partition, version)).max().unwrap_or(0);
        let all: u64 = table.visible().map(|partition| relation_locks(partition, version)).sum();
        Self { pruned: Some(parent + most), unpruned: parent + all }
    }
}

/// Relations that a query locks which reads all of a partition: its leaves, partitioned tables above them, indexes.
pub fn relation_locks(partition: &Partition, version: u32) -> u64 {
    locks_below(partition, version, 0)
}

/// A partitioned table counts as having as many indexes as its leaves, and the other way round.
fn locks_below(partition: &Partition, version: u32, at_least: u32) -> u64 {
    let indexes = partition.indexes.max(at_least);
    if partition.kind != RelationKind::Partitioned {
        return 1 + u64::from(indexes);
    }
    let children = partition.partitions().iter().filter(|child| !child.pending_detach);
    let below: u64 = children.map(|child| locks_below(child, version, indexes)).sum();
    1 + parent_indexes(indexes, version) + below
}

fn parent_indexes(indexes: u32, version: u32) -> u64 {
    if since::PARENT_INDEX_LOCKS <= version { u64::from(indexes) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Bound;
    use crate::sql::QualifiedName;

    fn leaf(indexes: u32) -> Partition {
        Partition {
            analyzed_rows: None,
            oid: 1,
            name: QualifiedName::new("shop", "p"),
            kind: RelationKind::Table,
            owner: None,
            properties: None,
            storage: Default::default(),
            index_faults: Vec::new(),
            bound: Bound::Default,
            pending_detach: false,
            rows: None,
            bytes: 0,
            leftover_checks: Vec::new(),
            split: None,
            indexes,
            table: None,
        }
    }

    #[test]
    fn leaves_count_with_their_indexes_and_parents_with_theirs_from_16_on() {
        assert_eq!(relation_locks(&leaf(2), 150_020), 3);
        let mut tree = leaf(2);
        tree.kind = RelationKind::Partitioned;
        let mut table = super::super::fixture::snapshot().tables.remove(0);
        table.partitions = vec![leaf(0), leaf(3), Partition { pending_detach: true, ..leaf(9) }];
        tree.table = Some(Box::new(table));
        assert_eq!(relation_locks(&tree, 150_020), 1 + 3 + 4);
        assert_eq!(relation_locks(&tree, 160_000), 1 + 2 + 3 + 4);
    }

    #[test]
    fn a_probe_that_prunes_fits_where_its_generic_plan_does_not() {
        let budget = LockBudget { slots: 6_400 };
        let estimate = LockEstimate { pruned: Some(4), unpruned: 6_001 };
        assert_eq!(budget.refuse(PlanForm::Custom, estimate, Pruning::On), None);
        for (form, pruning, pruned) in [
            (PlanForm::Generic, Pruning::On, Some(4)),
            (PlanForm::Custom, Pruning::Off, Some(4)),
            (PlanForm::Custom, Pruning::On, None),
        ] {
            let why = budget.refuse(form, LockEstimate { pruned, ..estimate }, pruning);
            assert!(why.is_some_and(|why| why.contains("6001") && why.contains("6400")), "{form:?} {pruning:?}");
        }
    }

    #[test]
    fn half_of_the_documented_slots_still_fits() {
        let budget = LockBudget { slots: 6_400 };
        let estimate = |unpruned| LockEstimate { pruned: None, unpruned };
        assert_eq!(budget.refuse(PlanForm::Generic, estimate(3_200), Pruning::On), None);
        assert!(budget.refuse(PlanForm::Generic, estimate(3_201), Pruning::On).is_some());
    }
}
