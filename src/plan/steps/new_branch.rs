//! A new partition that is partitioned itself: built whole while it is detached, then attached once, so that nobody
//! waits for the making of its partitions and no row ever meets half of them.
//!
//! It is built in transactions of their own, because attaching may have to be tried again; so it bears a mark until it
//! is attached, by which the next run finds what this one leaves.

use super::CreatePartition;
use crate::catalog::Strategy;
use crate::plan::{Action, Transaction, unfinished};
use crate::sql::QualifiedName;

/// So many relations are made, or attached, in one transaction at most: each keeps some ten locks until it ends, of the 6,400 that
/// a server with default settings has for all its sessions.
const AT_ONCE: usize = 128;

/// What makes a new partition a partitioned table.
#[derive(Debug, Clone, PartialEq)]
pub struct NewBranch {
    /// The strategy of its partitions.
    pub strategy: Strategy,
    /// What stands after PARTITION BY, such as `HASH (customer_id)`.
    pub key: String,
    /// Its partitions, perhaps with partitions of their own.
    pub partitions: Vec<CreatePartition>,
    /// What is attached first.
    pub order: AttachOrder,
}

/// The order in which a branch and its partitions are attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachOrder {
    /// Its partitions to the branch while that is detached, then the branch.
    BranchLast,
    /// The branch first, all in one transaction: from Postgres 17 on a partition gets the identity columns of its parent
    /// when it is attached, but those below it do not, and later `ALTER COLUMN ... DROP IDENTITY` fails for that (17-18).
    BranchFirst,
}

impl NewBranch {
    /// How many partitions there are on each level, outermost first, such as `4 hash`.
    pub fn levels(&self) -> Vec<(usize, Strategy)> {
        let mut levels = vec![(self.partitions.len(), self.strategy)];
        let mut all: Vec<&CreatePartition> = self.partitions.iter().collect();
        loop {
            let branches: Vec<&NewBranch> = all.iter().filter_map(|partition| partition.branch.as_ref()).collect();
            let Some(strategy) = branches.first().map(|branch| branch.strategy) else { return levels };
            all = branches.into_iter().flat_map(|branch| &branch.partitions).collect();
            levels.push((all.len(), strategy));
        }
    }

    /// All relations below the branch.
    pub fn relations(&self) -> usize {
        self.levels().iter().map(|(count, _)| count).sum()
    }

    /// What is done before the branch itself is attached, in transactions of their own.
    pub(super) fn build(&self, branch: &CreatePartition) -> Vec<Action> {
        let mut first = vec![branch.create_table()];
        first.extend(branch.furnish());
        first.push(unfinished::begin(&branch.partition, &branch.around.parent));
        let mut relations = vec![first];
        self.relations_below(&mut relations);
        let transaction = |relations: &[Vec<String>]| {
            let statements = relations.iter().flatten().cloned();
            Action::Transaction(Transaction::of(branch.set_role().into_iter().chain(statements)))
        };
        relations.chunks(AT_ONCE).map(transaction).collect()
    }

    /// Statements per relation, deeper branches whole before they are attached; or nothing attached at all.
    fn relations_below(&self, relations: &mut Vec<Vec<String>>) {
        for partition in &self.partitions {
            relations.push([vec![partition.create_table()], partition.furnish()].concat());
            if let Some(branch) = &partition.branch {
                branch.relations_below(relations);
            }
            if self.order == AttachOrder::BranchLast {
                relations.push(vec![partition.attach_alone()]);
            }
        }
    }

    /// Makes all that is below.
    pub(super) fn make_below(&self) -> Vec<String> {
        let mut relations = Vec::new();
        self.relations_below(&mut relations);
        relations.concat()
    }

    /// Attaches what could not be attached before the branch, parents first.
    pub(super) fn attach_below(&self) -> Vec<String> {
        if self.order == AttachOrder::BranchLast {
            return Vec::new();
        }
        let below = |partition: &CreatePartition| {
            let deeper = partition.branch.as_ref().map(Self::attach_below).unwrap_or_default();
            [partition.attach_alone()].into_iter().chain(deeper).collect::<Vec<_>>()
        };
        self.partitions.iter().flat_map(below).collect()
    }
}

/// What takes away a branch that could not be attached.
pub(super) fn take_away(branch: &QualifiedName, parent: &QualifiedName) -> Action {
    Action::Transaction(Transaction::of([unfinished::discard(branch, parent)]))
}
