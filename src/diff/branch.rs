//! A new partition that has partitions itself: what the rules would make below it if it were there already. So a branch
//! is made as it would be mended, and the plan after it is empty.

use super::{Ancestor, Draft, Node, Situation, default_partition, hash, list, range};
use crate::catalog::{Bound, Partition};
use crate::desired::{expand, partition_by, partition_key};
use crate::plan::steps::{AttachOrder, NewBranch};
use crate::plan::{Finding, Step, codes};
use crate::sql::{Identifier, QualifiedName, since};

/// Relations that a new leaf comes with besides its indexes: itself, its TOAST table and the index of that.
const RELATIONS_OF_A_LEAF: u64 = 3;

/// What a new partition is.
pub(super) enum NewPartition {
    /// A leaf.
    Leaf,
    /// A branch.
    Branch(NewBranch),
    /// It cannot be made now; the draft says why.
    Obstructed,
}

/// How many partitions a partition has, on all levels.
fn below(partition: &Partition) -> u64 {
    partition.partitions().iter().map(|child| 1 + below(child)).sum()
}

impl Situation<'_> {
    /// What a new partition with this bound is to be. DEFAULT is always a leaf: nobody knows what it will hold.
    pub(super) fn new_partition(
        &self,
        draft: &mut Draft,
        name: &QualifiedName,
        tablespace: Option<Identifier>,
        bound: &Bound,
    ) -> NewPartition {
        let Some(level) = self.level.subpartition.as_deref().filter(|_| *bound != Bound::Default) else {
            return NewPartition::Leaf;
        };
        let key = partition_key(level, self.root).expect("every level was fitted to the table");
        let (strategy, clause) = (key.strategy, partition_by(level));
        let mut table = self.table.new_branch(name.clone(), tablespace, key);
        table.properties.clone_from(&self.root.properties);
        let desired = expand(level, &table, self.snapshot).expect("every level was fitted to the table");
        let path = self.path.iter().cloned().chain([Ancestor { name, bound }]).collect();
        let node = Node { policy: self.policy, level, root: self.root, table: &table, path };
        let mut own = Draft { new_names: std::mem::take(&mut draft.new_names), ..Draft::default() };
        let situation = Situation::new(node, &desired, self.snapshot);
        for cover in [range::cover, list::cover, hash::cover, default_partition::default_partition] {
            cover(&situation, &mut own);
        }
        draft.new_names = own.new_names;
        draft.questions.append(&mut own.questions);
        let obstacles = own.findings.into_iter().filter(|finding| finding.code.failure.is_some());
        let obstacles: Vec<Finding> =
            obstacles.map(|finding| Finding { table: Some(self.table.name.clone()), ..finding }).collect();
        if !obstacles.is_empty() {
            draft.findings.extend(obstacles);
            return NewPartition::Obstructed;
        }
        let created = |step| match step {
            Step::Create(create) => Some(create),
            _ => None,
        };
        let partitions = own.steps.into_iter().filter_map(created).collect();
        let branch = NewBranch { strategy, key: clause, partitions, order: self.attach_order() };
        match self.too_large(name, &branch) {
            Some(refusal) => {
                draft.findings.push(refusal);
                NewPartition::Obstructed
            }
            None => NewPartition::Branch(branch),
        }
    }

    fn attach_order(&self) -> AttachOrder {
        let identity = self.root.columns.iter().any(|column| column.identity);
        match self.snapshot.server.version {
            since::SHARED_IDENTITY.. if identity => AttachOrder::BranchFirst,
            _ => AttachOrder::BranchLast,
        }
    }

    fn too_large(&self, name: &QualifiedName, branch: &NewBranch) -> Option<Finding> {
        let relations = branch.relations() as u64;
        let what = format!("make {} with {relations} partitions: attaching it", name.name);
        let hint = "raise max_locks_per_transaction, or make fewer partitions of each";
        Some(self.exceeds_lock_table(&what, relations)?.hint(hint))
    }

    /// What keeps a partition with partitions of its own from being detached and dropped, if anything does.
    pub(super) fn too_large_to_leave(&self, partition: &Partition) -> Option<Finding> {
        let relations = below(partition) + 1;
        let what = format!("retire {} with {relations} partitions: dropping it", partition.name.name);
        let hint = "raise max_locks_per_transaction, or drop some of its partitions by hand first";
        Some(self.exceeds_lock_table(&what, relations)?.hint(hint))
    }

    /// What keeps a partition from being exchanged for so many others, if anything does.
    pub(super) fn too_large_to_exchange(&self, old: &Partition, parts: usize) -> Option<Finding> {
        let what = format!("split {} into {parts} partitions: the exchange", old.name.name);
        Some(self.exceeds_lock_table(&what, parts as u64 + 1)?.hint("raise max_locks_per_transaction"))
    }

    /// One transaction locks all that is below a branch, or made of a partition, in a table of locks that all sessions
    /// share (53200).
    fn exceeds_lock_table(&self, what: &str, relations: u64) -> Option<Finding> {
        let each = RELATIONS_OF_A_LEAF + u64::from(self.root.indexes);
        let (locks, slots) = (relations * each, self.snapshot.server.lock_slots);
        (slots / 2 < locks).then(|| {
            let message = format!(
                "cannot {what} locks about {locks} relations, and all sessions together have room for about {slots}"
            );
            Finding::about(codes::BRANCH_TOO_LARGE, &self.table.name, message)
        })
    }
}
