//! What one REPEATABLE READ READ ONLY transaction saw: the server, the managed tables, and the ledger.
//!
//! Sizes and row counts are the planner's and the statistics' estimates: exact ones would queue behind other
//! sessions' DDL. Serialises both ways, so a plan can be made without the database.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Answers, ArchiveEntry, Archives, Bound, DefaultGrant, IndexFault, OwnProperties, Property, Storage, UnfinishedSplit,
};
use crate::sql::{Identifier, KeyPart, QualifiedName, SqlLiteral};

/// Everything a plan is made from, besides policies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogSnapshot {
    /// The server and the session that looked.
    pub server: Server,
    /// The tables that policies name, as far as they exist, in the order of their names.
    #[serde(default)]
    pub tables: Vec<Table>,
    /// Partitioned tables that no policy names.
    #[serde(default)]
    pub unmanaged: Vec<QualifiedName>,
    /// Partitions of these tables that partctl began to build and never attached.
    #[serde(default)]
    pub unfinished: Vec<UnfinishedBranch>,
    /// partctl's own memory.
    #[serde(default)]
    pub ledger: Ledger,
    /// What planning asked beyond the catalog, and what the database answered.
    #[serde(default)]
    pub answers: Answers,
}

impl CatalogSnapshot {
    /// The table of that name, if it exists.
    pub fn table(&self, name: &QualifiedName) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == *name)
    }
}

/// A partitioned table that was to become a partition, and is no part of anything yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnfinishedBranch {
    /// Its name.
    pub name: QualifiedName,
    /// Whose partition it was to be.
    pub parent: QualifiedName,
    /// What is below it.
    #[serde(default)]
    pub below: Vec<QualifiedName>,
}

/// The server and the session that looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// `server_version_num`, such as 150020.
    pub version: u32,
    /// The server's clock at the start of the transaction.
    pub now: DateTime<Utc>,
    /// The database's name.
    pub database: String,
    /// `current_user`.
    pub role: Identifier,
    /// Whether the server is in recovery.
    #[serde(default)]
    pub standby: bool,
    /// Slots of the shared lock table: `max_locks_per_transaction * (max_connections + max_prepared_transactions)`.
    #[serde(default = "default_lock_slots")]
    pub lock_slots: u64,
    /// Whether the role sees other roles' sessions: since when their transactions run, and what they do.
    #[serde(default = "yes")]
    pub sees_sessions: bool,
}

/// What Postgres has with its default settings: 64 * 100.
fn default_lock_slots() -> u64 {
    6_400
}

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

/// `pg_partitioned_table.partstrat`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// By ranges.
    Range,
    /// By lists of values.
    List,
    /// By hash.
    Hash,
}

impl Strategy {
    /// `range`, `list` or `hash`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::List => "list",
            Self::Hash => "hash",
        }
    }
}

/// How a table is partitioned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionKey {
    /// The strategy.
    pub strategy: Strategy,
    /// Its columns, in order.
    pub columns: Vec<KeyColumn>,
}

/// One part of a partition key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyColumn {
    /// `None`: an expression.
    pub name: Option<Identifier>,
    /// The expression, as `pg_get_expr` writes it; `None`: a column, or it could not be read for somebody's lock.
    #[serde(default)]
    pub expression: Option<String>,
    /// `format_type`'s text, such as `timestamp with time zone`; of an expression the type that its operators compare,
    /// empty when that is polymorphic.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The collation that its values are compared by, where they are text; `None`: the database's.
    #[serde(default)]
    pub collation: Option<QualifiedName>,
}

impl KeyColumn {
    /// What conditions compare; `None`: an expression that could not be read.
    pub fn part(&self) -> Option<KeyPart> {
        let column = || self.name.clone().map(KeyPart::Column);
        self.expression.clone().map(KeyPart::Expression).or_else(column)
    }

    /// A value of its type.
    pub fn literal(&self, text: &str) -> String {
        if self.type_name.is_empty() {
            SqlLiteral(text).to_string()
        } else {
            format!("{}::{}", SqlLiteral(text), self.type_name)
        }
    }
}

impl fmt::Display for KeyColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part() {
            Some(part) => part.fmt(f),
            None => f.write_str("(an expression)"),
        }
    }
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
    #[serde(default = "yes")]
    pub role_is_owner: bool,
    /// Whether the session's role is a member of the owner in any way. One that is not may look at most.
    #[serde(default = "yes")]
    pub role_is_member: bool,
    /// Schemas that the owner may use and create in, among those that the table's policy may need.
    #[serde(default)]
    pub owner_may_create_in: Vec<Identifier>,
    /// Whether the owner may use the table's own schema.
    #[serde(default = "yes")]
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

fn yes() -> bool {
    true
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
    #[serde(default = "yes")]
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

/// What partctl remembers in the database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ledger {
    /// Not installed yet.
    Missing {
        /// Whether this role may install it: create a schema in the database.
        installable: bool,
    },
    /// There, but this role may not read it.
    Denied,
    /// Installed.
    Installed {
        /// Tables that partctl detached, or began to, and that still exist.
        detached: Vec<DetachedTable>,
        /// What it knows of archives.
        #[serde(default)]
        archives: Archives,
        /// Archives whose deletion has begun, and has not come to its end.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        being_deleted: Vec<ArchiveEntry>,
        /// Tables that came back from archives and are kept until they are released, by oid.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        restored: Vec<RestoredTable>,
        /// Entries that cannot be read: somebody edited them.
        #[serde(default)]
        unreadable: Vec<UnreadableEntry>,
        /// Whether it keeps the journal of this version.
        #[serde(default)]
        journal: Journal,
        /// Whether this role may write what a run writes.
        #[serde(default = "yes")]
        writable: bool,
    },
}

impl Default for Ledger {
    fn default() -> Self {
        Self::Installed {
            detached: Vec::new(),
            archives: Archives::default(),
            being_deleted: Vec::new(),
            restored: Vec::new(),
            unreadable: Vec::new(),
            journal: Journal::Current,
            writable: true,
        }
    }
}

/// Whether runs and steps are remembered as this version does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Journal {
    /// As this version does it.
    #[default]
    Current,
    /// As an earlier one did; it goes on to be written so until somebody who may brings it up to date.
    Outdated {
        /// Whether this role may: it owns the ledger's tables.
        upgradable: bool,
    },
}

/// A table that came back from an archive, attached or not, and was not released yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoredTable {
    /// `pg_class.oid` of the table.
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// The URL of the archive.
    pub from: String,
}

/// An entry of a detached table that says nothing that could be planned with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnreadableEntry {
    /// `pg_class.oid` of the table.
    pub oid: u32,
    /// Its name when it was detached.
    pub recorded: QualifiedName,
    /// The table it was a partition of.
    pub parent: QualifiedName,
    /// What cannot be read, as a fragment.
    pub problem: String,
}

impl Ledger {
    /// The detached tables it remembers.
    pub fn detached(&self) -> &[DetachedTable] {
        match self {
            Self::Installed { detached, .. } => detached,
            Self::Missing { .. } | Self::Denied => &[],
        }
    }

    /// The archives it remembers.
    pub fn archives(&self) -> &Archives {
        match self {
            Self::Installed { archives, .. } => archives,
            Self::Missing { .. } | Self::Denied => &Archives::Missing,
        }
    }

    /// The archives whose deletion has begun, and has not come to its end.
    pub fn being_deleted(&self) -> &[ArchiveEntry] {
        match self {
            Self::Installed { being_deleted, .. } => being_deleted,
            Self::Missing { .. } | Self::Denied => &[],
        }
    }

    /// The tables that came back from archives and are kept until they are released.
    pub fn restored(&self) -> &[RestoredTable] {
        match self {
            Self::Installed { restored, .. } => restored,
            Self::Missing { .. } | Self::Denied => &[],
        }
    }

    /// Whether the table with this oid came back from an archive and is kept until it is released.
    pub fn is_restored(&self, oid: u32) -> bool {
        self.restored().iter().any(|table| table.oid == oid)
    }

    /// Its entries that cannot be read.
    pub fn unreadable(&self) -> &[UnreadableEntry] {
        match self {
            Self::Installed { unreadable, .. } => unreadable,
            Self::Missing { .. } | Self::Denied => &[],
        }
    }
}

/// A ledger entry, compared with what the catalog says of its table now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetachedTable {
    /// `pg_class.oid` of the table.
    pub oid: u32,
    /// What it is.
    #[serde(default)]
    pub kind: RelationKind,
    /// Its name now.
    pub name: QualifiedName,
    /// Its name when it was detached: an oid can be given to another table once its own is dropped.
    pub recorded: QualifiedName,
    /// The table it was a partition of.
    pub parent: QualifiedName,
    /// The bound it had.
    pub bound: Bound,
    /// When the detach was done; `None`: begun, and its end was not recorded.
    pub detached_at: Option<DateTime<Utc>>,
    /// Whether it is attached to any parent now.
    #[serde(default)]
    pub attached: bool,
    /// Its owner, where the session's role has not the owner's rights.
    #[serde(default)]
    pub owner_out_of_reach: Option<Identifier>,
    /// The tablespace that it is in; `None`: of a snapshot that does not say.
    #[serde(default)]
    pub tablespace: Option<Identifier>,
    /// Estimated bytes.
    #[serde(default)]
    pub bytes: u64,
    /// Estimated rows; `None`: nobody has counted.
    #[serde(default)]
    pub rows: Option<u64>,
    /// Its own foreign keys: dropping it locks their other ends.
    #[serde(default)]
    pub foreign_keys: Vec<FarEnd>,
    /// CHECK constraints of partctl's own, which a run that was killed left behind.
    #[serde(default)]
    pub leftover_checks: Vec<Identifier>,
}
