//! A new partition that is partitioned itself: built whole while it is detached, then attached once, so that nobody
//! waits for the making of its partitions and no row ever meets half of them.
//!
//! It is built in transactions of their own, because attaching may have to be tried again; so it bears a mark until it
//! is attached, by which the next run finds what this one leaves.

use super::CreatePartition;
use crate::catalog::Strategy;
use crate::plan::{Action, Transaction, unfinished};
use crate::sql::QualifiedName;

/// So many relations are made in one transaction at most: each keeps some ten locks until it ends, of the 6,400 that
/// a server with default settings has for all its sessions.
const AT_ONCE: usize = 64;

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

    /// What is done before the branch itself is attached, each with the statements that are part of it.
    pub(super) fn build(&self, branch: &CreatePartition) -> Vec<Action> {
        let mut relations = Vec::new();
        let mut first = branch.make();
        first.push(unfinished::begin(&branch.partition, &branch.around.parent));
        relations.push(first);
        self.make_below(&mut relations);
        let transaction = |relations: &[Vec<String>]| {
            let role = branch.owner.iter().map(|owner| format!("SET LOCAL ROLE {owner}"));
            Action::Transaction(Transaction::of(role.chain(relations.iter().flatten().cloned())))
        };
        relations.chunks(AT_ONCE).map(transaction).collect()
    }

    /// Statements per relation, deepest branches whole before they are attached.
    fn make_below(&self, relations: &mut Vec<Vec<String>>) {
        for partition in &self.partitions {
            let mut own = partition.make();
            match &partition.branch {
                None => own.push(partition.attach()),
                Some(branch) => {
                    relations.push(own);
                    branch.make_below(relations);
                    own = vec![partition.attach()];
                }
            }
            relations.push(own);
        }
    }

    /// All of it without attaching anything.
    pub(super) fn make_unattached(&self) -> Vec<String> {
        let below = |partition: &CreatePartition| {
            let deeper = partition.branch.as_ref().map(Self::make_unattached).unwrap_or_default();
            partition.make().into_iter().chain(deeper).collect::<Vec<_>>()
        };
        self.partitions.iter().flat_map(below).collect()
    }

    /// Attaches all that is below, parents first.
    pub(super) fn attach_below(&self) -> Vec<String> {
        let below = |partition: &CreatePartition| {
            let deeper = partition.branch.as_ref().map(Self::attach_below).unwrap_or_default();
            [partition.attach()].into_iter().chain(deeper).collect::<Vec<_>>()
        };
        self.partitions.iter().flat_map(below).collect()
    }
}

/// What takes away a branch that could not be attached.
pub(super) fn take_away(branch: &QualifiedName, parent: &QualifiedName) -> Action {
    Action::Transaction(Transaction::of([unfinished::discard(branch, parent)]))
}
