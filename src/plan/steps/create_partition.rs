//! Makes a partition: a table LIKE the parent, then ATTACH, in one transaction.
//!
//! `CREATE TABLE ... PARTITION OF` takes ACCESS EXCLUSIVE on the parent, so every query queues behind it; this
//! form takes SHARE UPDATE EXCLUSIVE, which readers and writers do not notice (Postgres 14-18). Only a DEFAULT
//! partition is locked harder, because its own bound shrinks.

use std::fmt;

use super::CheckAhead;
use crate::catalog::{Bound, Grant, ReplicaIdentity};
use crate::plan::surroundings::Modes;
use crate::plan::{Action, LockMode, Surroundings, Transaction};
use crate::sql::{DollarQuoted, Identifier, QualifiedName, SqlLiteral};

/// A partition to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct CreatePartition {
    /// The partitioned table, and what is locked besides.
    pub around: Surroundings,
    /// The new partition.
    pub partition: QualifiedName,
    /// What it will hold.
    pub bound: Bound,
    /// The bound for a person.
    pub range: String,
    /// Why it is needed.
    pub reason: CreateReason,
    /// The parent's owner, when the session's role is another: new tables belong to whoever makes them.
    pub owner: Option<Identifier>,
    /// Carried from the parent: Postgres does not inherit it, and logical replication fails without it (55000).
    pub replica_identity: ReplicaIdentity,
    /// Carried from the parent: Postgres does not inherit them.
    pub grants: Vec<Grant>,
    /// Where it is stored; `None`: the database's default.
    pub tablespace: Option<Identifier>,
    /// The parent's table access method, when it has one (Postgres 17 on).
    pub access_method: Option<Identifier>,
    /// Spares the scan of a DEFAULT partition that is not small, which Postgres makes under its lock.
    pub spares_default: Option<CheckAhead>,
}

/// Why a partition is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateReason {
    /// Rows of now need it.
    Current,
    /// So many windows beyond the current one.
    Ahead(usize),
    /// Between partitions that exist.
    Gap,
    /// Before the current one, for a table that begins.
    Behind,
    /// From the last bound of an older grid to the first of the new one.
    Bridge,
    /// A group of values that no partition holds.
    Group(String),
    /// A remainder that no partition holds.
    Remainder,
    /// The DEFAULT partition that the policy asks for.
    Default,
}

impl CreateReason {
    /// Whether rows may be refused for the lack of it already.
    pub fn is_urgent(&self) -> bool {
        match self {
            Self::Current | Self::Gap | Self::Group(_) | Self::Remainder => true,
            Self::Ahead(_) | Self::Behind | Self::Bridge | Self::Default => false,
        }
    }
}

impl fmt::Display for CreateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("current"),
            Self::Ahead(windows) => write!(f, "{windows} ahead"),
            Self::Gap => f.write_str("gap"),
            Self::Behind => f.write_str("behind"),
            Self::Bridge => f.write_str("bridge to the new grid"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::Remainder => f.write_str("missing remainder"),
            Self::Default => f.write_str("required by the policy"),
        }
    }
}

impl CreatePartition {
    /// How hard its surroundings are locked when it is attached.
    pub(super) const MODES: Modes = Modes {
        referenced_by: LockMode::ShareRowExclusive,
        references: LockMode::ShareRowExclusive,
        parent: LockMode::ShareUpdateExclusive,
    };

    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let (locks, implied) = self.around.locks(Self::MODES);
        let mut under = self.attach();
        under.extend(self.reset_role());
        under.extend(self.spares_default.as_ref().map(CheckAhead::drop));
        let ahead = self.spares_default.iter().flat_map(CheckAhead::actions);
        let attach = Transaction { before: self.make(), locks, implied, under, ..Transaction::default() };
        ahead.chain([Action::Transaction(attach)]).collect()
    }

    /// Makes the table, which nobody else knows of yet, as the parent's owner.
    pub(super) fn make(&self) -> Vec<String> {
        let Self { partition, .. } = self;
        let mut statements: Vec<String> = self.owner.iter().map(|owner| format!("SET LOCAL ROLE {owner}")).collect();
        // EXCLUDING IDENTITY: up to Postgres 16 the copy would keep a sequence of its own, from 17 on ATTACH fails
        // with 55000.
        let mut create =
            format!("CREATE TABLE {partition} (LIKE {} INCLUDING ALL EXCLUDING IDENTITY)", self.around.parent);
        create.extend(self.access_method.iter().map(|method| format!(" USING {method}")));
        create.extend(self.tablespace.iter().map(|tablespace| format!(" TABLESPACE {tablespace}")));
        statements.push(create);
        statements.extend(self.grants.iter().map(|grant| self.grant(grant)));
        statements
    }

    /// Makes it a partition.
    pub(super) fn attach(&self) -> Vec<String> {
        let Self { partition, bound, .. } = self;
        let mut statements = vec![format!("ALTER TABLE {} ATTACH PARTITION {partition} {bound}", self.around.parent)];
        statements.extend(self.set_replica_identity());
        statements
    }

    /// Ends what [`Self::make`] began.
    pub(super) fn reset_role(&self) -> Option<String> {
        self.owner.as_ref().map(|_| "RESET ROLE".to_owned())
    }

    pub(in crate::plan) fn clean_up(&self) -> Vec<Action> {
        self.spares_default.iter().map(CheckAhead::clean_up).collect()
    }

    fn grant(&self, grant: &Grant) -> String {
        let grantee = grant.grantee.as_ref().map_or("PUBLIC".to_owned(), ToString::to_string);
        let option = if grant.grantable { " WITH GRANT OPTION" } else { "" };
        format!("GRANT {} ON {} TO {grantee}{option}", grant.privilege, self.partition)
    }

    /// The counterpart of the parent's index has a name of Postgres' choosing, so it is looked up when it exists.
    fn set_replica_identity(&self) -> Option<String> {
        let partition = &self.partition;
        match &self.replica_identity {
            ReplicaIdentity::Default => None,
            ReplicaIdentity::Nothing => Some(format!("ALTER TABLE {partition} REPLICA IDENTITY NOTHING")),
            ReplicaIdentity::Full => Some(format!("ALTER TABLE {partition} REPLICA IDENTITY FULL")),
            ReplicaIdentity::Index(index) => {
                let index =
                    QualifiedName { schema: self.around.parent.schema.clone(), name: index.clone() }.to_string();
                let table = SqlLiteral(&partition.to_string()).to_string();
                let body = format!(
                    "BEGIN EXECUTE (SELECT pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', \
                     {table}::pg_catalog.regclass, c.relname) FROM pg_catalog.pg_inherits i \
                     JOIN pg_catalog.pg_index x ON x.indexrelid = i.inhrelid AND x.indrelid = {table}::pg_catalog.regclass \
                     JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid \
                     WHERE i.inhparent = {}::pg_catalog.regclass); END",
                    SqlLiteral(&index)
                );
                Some(format!("DO {}", DollarQuoted(&body)))
            }
        }
    }
}
