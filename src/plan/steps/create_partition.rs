//! Makes a partition: a table LIKE the parent, then ATTACH, in one transaction.
//!
//! `CREATE TABLE ... PARTITION OF` takes ACCESS EXCLUSIVE on the parent, so every query queues behind it; this
//! form takes SHARE UPDATE EXCLUSIVE, which readers and writers do not notice (Postgres 14-18). Only a DEFAULT
//! partition is locked harder, because its own bound shrinks.

use std::borrow::Cow;
use std::fmt;

use super::{AttachOrder, CheckAhead, NewBranch, new_branch};
use crate::catalog::{Bound, Grant, ReplicaIdentity};
use crate::plan::surroundings::Modes;
use crate::plan::{Action, LockMode, Surroundings, Transaction, unfinished};
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
    /// Its own partitions; `None`: a leaf.
    pub branch: Option<NewBranch>,
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
    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let mut before: Vec<String> = self.owner.iter().map(|owner| format!("SET LOCAL ROLE {owner}")).collect();
        let mut under = vec![self.attach()];
        let mut built = Vec::new();
        match &self.branch {
            None => before.extend(self.make()),
            Some(branch) if branch.order == AttachOrder::BranchFirst => {
                before.extend(self.make().into_iter().chain(branch.make_unattached()));
                under.extend(branch.attach_below());
            }
            Some(branch) => {
                built = branch.build(self);
                before.push(unfinished::guard(&self.partition, &self.around.parent));
                under.push(unfinished::end(&self.partition));
            }
        }
        let (locks, implied) = self.around.locks(Modes {
            referenced_by: LockMode::ShareRowExclusive,
            references: LockMode::ShareRowExclusive,
            parent: LockMode::ShareUpdateExclusive,
        });
        under.extend(self.set_replica_identity());
        under.extend(self.owner.as_ref().map(|_| "RESET ROLE".to_owned()));
        under.extend(self.spares_default.as_ref().map(CheckAhead::drop));
        let ahead = self.spares_default.iter().flat_map(CheckAhead::actions);
        let attach = Transaction { before, locks, implied, under, ..Transaction::default() };
        built.into_iter().chain(ahead).chain([Action::Transaction(attach)]).collect()
    }

    pub(in crate::plan) fn clean_up(&self) -> Vec<Action> {
        let built = self.branch.as_ref().filter(|branch| branch.order == AttachOrder::BranchLast);
        let built = built.map(|_| new_branch::take_away(&self.partition, &self.around.parent));
        self.spares_default.iter().map(CheckAhead::clean_up).chain(built).collect()
    }

    /// What it holds, for a person, and what is below it.
    pub(in crate::plan) fn range(&self) -> Cow<'_, str> {
        let Some(branch) = &self.branch else { return Cow::Borrowed(&self.range) };
        let levels = branch.levels().into_iter().map(|(count, strategy)| format!("{count} {}", strategy.as_str()));
        let plural = if branch.relations() == 1 { "" } else { "s" };
        Cow::Owned(format!("{} with {} partition{plural}", self.range, levels.collect::<Vec<_>>().join(" and ")))
    }

    /// Makes the relation, detached.
    pub(super) fn make(&self) -> Vec<String> {
        let (partition, parent) = (&self.partition, &self.around.parent);
        // EXCLUDING IDENTITY: up to Postgres 16 the copy would keep a sequence of its own, from 17 on ATTACH fails
        // with 55000.
        let mut create = format!("CREATE TABLE {partition} (LIKE {parent} INCLUDING ALL EXCLUDING IDENTITY)");
        create.extend(self.branch.iter().map(|branch| format!(" PARTITION BY {}", branch.key)));
        create.extend(self.access_method.iter().map(|method| format!(" USING {method}")));
        create.extend(self.tablespace.iter().map(|tablespace| format!(" TABLESPACE {tablespace}")));
        [create].into_iter().chain(self.grants.iter().map(|grant| self.grant(grant))).collect()
    }

    /// Puts it into its place.
    pub(super) fn attach(&self) -> String {
        format!("ALTER TABLE {} ATTACH PARTITION {} {}", self.around.parent, self.partition, self.bound)
    }

    fn grant(&self, grant: &Grant) -> String {
        let grantee = grant.grantee.as_ref().map_or("PUBLIC".to_owned(), ToString::to_string);
        let option = if grant.grantable { " WITH GRANT OPTION" } else { "" };
        format!("GRANT {} ON {} TO {grantee}{option}", grant.privilege, self.partition)
    }

    /// The counterpart of the parent's index has a name of Postgres' choosing, so it is looked up when it exists.
    fn set_replica_identity(&self) -> Option<String> {
        if self.branch.is_some() {
            return self.set_replica_identity_below();
        }
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

    /// The same on every level of a branch: rows are replicated by the identity of their leaf.
    fn set_replica_identity_below(&self) -> Option<String> {
        let tree =
            format!("pg_catalog.pg_partition_tree({}::pg_catalog.regclass) t", SqlLiteral(&self.partition.to_string()));
        let word = |word: &str| {
            format!("SELECT pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY {word}', t.relid) FROM {tree}")
        };
        let statements = match &self.replica_identity {
            ReplicaIdentity::Default => return None,
            ReplicaIdentity::Nothing => word("NOTHING"),
            ReplicaIdentity::Full => word("FULL"),
            ReplicaIdentity::Index(index) => {
                let index = QualifiedName { schema: self.around.parent.schema.clone(), name: index.clone() };
                format!(
                    "SELECT pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', t.relid, c.relname) \
                     FROM {tree} JOIN pg_catalog.pg_index x ON x.indrelid = t.relid \
                     JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid \
                     WHERE EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors(x.indexrelid) a \
                     WHERE a.relid = {}::pg_catalog.regclass)",
                    SqlLiteral(&index.to_string())
                )
            }
        };
        let body = format!("DECLARE alter text; BEGIN FOR alter IN {statements} LOOP EXECUTE alter; END LOOP; END");
        Some(format!("DO {}", DollarQuoted(&body)))
    }
}
