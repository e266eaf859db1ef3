//! A managed tree, one partitioned relation at a time: the root, and every partition that the policy wants partitioned
//! and that is. Rules look at one node and see nothing of the others.

use crate::catalog::{Bound, CatalogSnapshot, Partition, Table};
use crate::policy::{Level, Policy};
use crate::sql::QualifiedName;

/// A partitioned relation, and the level of the policy that its partitions are held against.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    /// The whole policy.
    pub policy: &'a Policy,
    /// The level.
    pub level: &'a Level,
    /// The table that the policy names.
    pub root: &'a Table,
    /// The relation: the root, or a partition below it.
    pub table: &'a Table,
    /// The partitions from the root down to this one; empty at the root.
    pub path: Vec<Ancestor<'a>>,
}

/// A partition on the way from the root to a node; the last one is the node itself.
#[derive(Debug, Clone, Copy)]
pub struct Ancestor<'a> {
    /// Its name.
    pub name: &'a QualifiedName,
    /// What it holds, in terms of the level that it is a partition of.
    pub bound: &'a Bound,
}

impl<'a> Node<'a> {
    /// The table that the policy names; `None`: it does not exist.
    pub fn root(policy: &'a Policy, snapshot: &'a CatalogSnapshot) -> Option<Self> {
        let table = snapshot.table(&policy.table)?;
        Some(Self { policy, level: &policy.level, root: table, table, path: Vec::new() })
    }

    /// The partitions right below that the policy wants partitioned and that are.
    pub fn below(&self) -> Vec<Self> {
        let Some(level) = self.level.subpartition.as_deref() else { return Vec::new() };
        let table = |partition: &'a Partition| Some((partition, partition.table.as_deref()?));
        let below = self.table.visible().filter_map(table);
        let node = |(partition, table): (&'a Partition, _)| {
            let ancestor = Ancestor { name: &partition.name, bound: &partition.bound };
            let path = self.path.iter().copied().chain([ancestor]).collect();
            Self { policy: self.policy, level, root: self.root, table, path }
        };
        below.map(node).collect()
    }

    /// This node and all that are below it, parents first.
    pub fn with_all_below(self) -> Vec<Self> {
        let below: Vec<Self> = self.below().into_iter().flat_map(Self::with_all_below).collect();
        [self].into_iter().chain(below).collect()
    }
}
