//! A partitioned table and its partitions, as the catalog has them.
//!
//! Sizes and row counts are the planner's and the statistics' estimates: exact ones would queue behind other
//! sessions' DDL.

use serde::{Deserialize, Serialize};

use super::{Bound, DefaultGrant, IndexFault, OwnProperties, PartitionKey, Property, Storage, UnfinishedSplit};
use crate::sql::{Identifier, QualifiedName};

/// What `pg_class.relkind` says, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// An ordinary table.
    #[default]
    Table,
    /// A partitioned table.
    Partitioned,
    /// A foreign table.
    Foreign,
    /// Views, sequences and the rest.
    Other,
}

/// A table that a policy names, or a partition below it that has partitions itself: whatever is true of the one is said of
/// the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// `pg_class.oid`
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// What it is; only [`RelationKind::Partitioned`] can be managed.
    #[serde(default = "partitioned")]
    pub kind: RelationKind,
    /// Its owner.
    pub owner: Identifier,
    /// Whether the session's role has the owner's rights and may take its place by SET ROLE.
    #[serde(default = "super::yes")]
    pub role_is_owner: bool,
    /// Whether the session's role is a member of the owner in any way. One that is not may look at most.
    #[serde(default = "super::yes")]
    pub role_is_member: bool,
    /// Schemas that the owner may use and create in, among those that the table's policy may need.
    #[serde(default)]
    pub owner_may_create_in: Vec<Identifier>,
    /// Whether the owner may use the table's own schema.
    #[serde(default = "super::yes")]
    pub owner_uses_schema: bool,
    /// Tablespaces in which the owner may not create.
    #[serde(default)]
    pub denied_tablespaces: Vec<Identifier>,
    /// Tables with foreign keys to this one that the session's role may not read; a detach reads them.
    #[serde(default)]
    pub denied_referrers: Vec<QualifiedName>,
    /// `None` when it is not partitioned.
    pub key: Option<PartitionKey>,
    /// Its columns; only of a table that a policy names: those below have the same.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// Its unique indexes, those of constraints too; only of a table that a policy names.
    #[serde(default)]
    pub unique_keys: Vec<UniqueKey>,
    /// How many indexes it has, for reckoning locks.
    #[serde(default)]
    pub indexes: u32,
    /// Whether a valid B-tree of all its rows leads with the first column of its partition key: its end is the highest key.
    #[serde(default)]
    pub key_has_index: bool,
    /// `reltablespace`, when it is not the database's default.
    #[serde(default)]
    pub tablespace: Option<Identifier>,
    /// `relam`, which a partitioned table has from Postgres 17 on, when it was set.
    #[serde(default)]
    pub access_method: Option<Identifier>,
    /// What is set on a table that a policy names and Postgres does not pass on to partitions, the owner's own privileges
    /// left out, the others in the order in which they were granted. Nothing is said here of partitions.
    #[serde(default)]
    pub properties: Vec<Property>,
    /// What ALTER DEFAULT PRIVILEGES gives others on tables that its owner makes where the table's policy may need them.
    #[serde(default)]
    pub default_grants: Vec<DefaultGrant>,
    /// Foreign keys from it and to it.
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKey>,
    /// Its constraints that nobody has validated; they are its partitions' as well.
    #[serde(default)]
    pub unvalidated: Vec<Identifier>,
    /// `reltuples`, which ANALYZE of the table itself sets; `None`: never analyzed.
    #[serde(default)]
    pub analyzed_rows: Option<u64>,
    /// Its direct partitions, in no order.
    #[serde(default)]
    pub partitions: Vec<Partition>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: Identifier,
    /// `format_type`'s text.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What it is sorted by, when that is not the database's own collation.
    #[serde(default)]
    pub collation: Option<QualifiedName>,
    /// Whether it is an identity column.
    #[serde(default)]
    pub identity: bool,
}

/// A unique index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UniqueKey {
    /// The index's name, which is that of its constraint.
    pub name: Identifier,
    /// Its columns, those that are only included left out; expressions are left out as well.
    pub columns: Vec<Identifier>,
}

fn partitioned() -> RelationKind {
    RelationKind::Partitioned
}

impl Table {
    /// The DEFAULT partition, if there is one.
    pub fn default_partition(&self) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.bound == Bound::Default)
    }

    /// How many leaves queries can reach; those pending detach are invisible already.
    pub fn leaf_count(&self) -> usize {
        self.visible().map(Partition::leaf_count).sum()
    }

    /// Whether it has this name, or a partition below it that is partitioned itself has.
    pub fn has_node(&self, name: &QualifiedName) -> bool {
        let below = self.partitions.iter().filter_map(|partition| partition.table.as_deref());
        self.name == *name || below.into_iter().any(|table| table.has_node(name))
    }

    /// Its partitions, and those below them.
    pub fn all_partitions<'a>(&'a self) -> Vec<&'a Partition> {
        let below =
            |partition: &'a Partition| partition.table.as_deref().map(Table::all_partitions).unwrap_or_default();
        self.partitions.iter().flat_map(|partition| [partition].into_iter().chain(below(partition))).collect()
    }

    /// The same facts of a new partition that is partitioned itself, and has no partitions yet.
    pub fn new_branch(&self, name: QualifiedName, tablespace: Option<Identifier>, key: PartitionKey) -> Self {
        Self {
            oid: 0,
            name,
            kind: RelationKind::Partitioned,
            owner: self.owner.clone(),
            role_is_owner: self.role_is_owner,
            role_is_member: self.role_is_member,
            owner_may_create_in: Vec::new(),
            owner_uses_schema: self.owner_uses_schema,
            denied_tablespaces: Vec::new(),
            denied_referrers: Vec::new(),
            key: Some(key),
            columns: Vec::new(),
            unique_keys: Vec::new(),
            indexes: self.indexes,
            key_has_index: self.key_has_index,
            tablespace,
            access_method: self.access_method.clone(),
            properties: Vec::new(),
            default_grants: self.default_grants.clone(),
            foreign_keys: Vec::new(),
            unvalidated: Vec::new(),
            analyzed_rows: None,
            partitions: Vec::new(),
        }
    }

    /// The partitions that are not pending detach.
    pub fn visible(&self) -> impl Iterator<Item = &Partition> {
        self.partitions.iter().filter(|partition| !partition.pending_detach)
    }

    /// Estimated bytes of all partitions, with indexes and TOAST.
    pub fn bytes(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.bytes).sum()
    }
}

/// A foreign key that touches the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForeignKey {
    /// From the table to this one: attaching and detaching lock it.
    Outgoing(FarEnd),
    /// From this one to the table: detaching locks and scans it.
    Incoming(FarEnd),
}

/// A foreign key as seen from one end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FarEnd {
    /// The constraint's name, on the table that references.
    pub constraint: Identifier,
    /// The table at the other end; it may be this one.
    pub table: QualifiedName,
    /// Columns that are compared: this end's, the other end's.
    #[serde(default)]
    pub columns: Vec<(Identifier, Identifier)>,
    /// Whether the owner of this end may lock the other one by LOCK TABLE.
    #[serde(default = "super::yes")]
    pub lockable: bool,
}

/// A partition, with what lies below it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// `pg_class.oid`
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// What it is.
    #[serde(default)]
    pub kind: RelationKind,
    /// Its owner; `None` in hand-written snapshots means the parent's.
    #[serde(default)]
    pub owner: Option<Identifier>,
    /// What is set on it; `None`: the same as on the table that a policy names, at the top of its tree.
    #[serde(default)]
    pub properties: Option<OwnProperties>,
    /// Where and how it is stored; nothing is said of those that are partitioned themselves.
    #[serde(default)]
    pub storage: Storage,
    /// What it holds.
    pub bound: Bound,
    /// Whether a concurrent detach began and never ended: queries do not see it any more.
    #[serde(default)]
    pub pending_detach: bool,
    /// Estimated rows, all leaves together; `None`: nobody has counted yet.
    #[serde(default)]
    pub rows: Option<u64>,
    /// `reltuples` of all leaves that were ever vacuumed or analyzed, together; `None`: none was.
    #[serde(default)]
    pub analyzed_rows: Option<u64>,
    /// Estimated bytes, with indexes and TOAST, all leaves together.
    #[serde(default)]
    pub bytes: u64,
    /// Indexes of one leaf, for reckoning locks.
    #[serde(default)]
    pub indexes: u32,
    /// What is wrong with its indexes.
    #[serde(default)]
    pub index_faults: Vec<IndexFault>,
    /// CHECK constraints of partctl's own, which a run that was killed left behind.
    #[serde(default)]
    pub leftover_checks: Vec<Identifier>,
    /// What an earlier run left of splitting it.
    #[serde(default)]
    pub split: Option<UnfinishedSplit>,
    /// What it is as a table that has partitions of its own; `None`: a leaf.
    #[serde(default)]
    pub table: Option<Box<Table>>,
}

impl Partition {
    /// A leaf as it is right after its creation, before anybody has counted anything.
    pub fn new(oid: u32, name: QualifiedName, bound: Bound) -> Self {
        Self {
            oid,
            name,
            kind: RelationKind::Table,
            owner: None,
            properties: None,
            storage: Storage::default(),
            index_faults: Vec::new(),
            bound,
            pending_detach: false,
            rows: None,
            analyzed_rows: None,
            bytes: 0,
            indexes: 0,
            leftover_checks: Vec::new(),
            split: None,
            table: None,
        }
    }

    /// Its own partitions; none of a leaf.
    pub fn partitions(&self) -> &[Self] {
        self.table.as_ref().map_or(&[], |table| &table.partitions)
    }

    /// Leaves at and below it.
    pub fn leaf_count(&self) -> usize {
        self.table.as_ref().map_or(1, |table| table.partitions.iter().map(Self::leaf_count).sum())
    }

    /// The leaves at and below it, those pending detach left out.
    pub fn leaves(&self) -> Vec<&Self> {
        self.table.as_ref().map_or_else(|| vec![self], |table| table.visible().flat_map(Self::leaves).collect())
    }

    /// Whether an estimate shows rows. False may mean that nobody has looked yet.
    pub fn is_known_to_hold_rows(&self) -> bool {
        self.rows.is_some_and(|rows| 0 < rows)
    }
}
