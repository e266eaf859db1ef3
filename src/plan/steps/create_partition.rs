//! Makes a partition: a table LIKE the parent, then ATTACH, in one transaction.
//!
//! `CREATE TABLE ... PARTITION OF` takes ACCESS EXCLUSIVE on the parent, so every query queues behind it; this
//! form takes SHARE UPDATE EXCLUSIVE, which readers and writers do not notice (Postgres 14-18). Only a DEFAULT
//! partition is locked harder, because its own bound shrinks.

use std::borrow::Cow;
use std::fmt;

use super::{AttachOrder, CheckAhead, NewBranch, new_branch};
use crate::catalog::{Bound, RelationKind};
use crate::plan::properties::Receiver;
use crate::plan::surroundings::Modes;
use crate::plan::{Action, Carried, LockMode, Proof, Surroundings, Transaction, unfinished};
use crate::sql::{Identifier, QualifiedName};

/// A partition to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct CreatePartition {
    /// The partitioned table, and what is locked besides.
    pub around: Surroundings,
    /// The table that the policy names: the parent, or above it.
    pub root: QualifiedName,
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
    /// What it is given.
    pub carried: Carried,
    /// Where it is stored; `None`: the database's default.
    pub tablespace: Option<Identifier>,
    /// The parent's table access method, when it has one (Postgres 17 on).
    pub access_method: Option<Identifier>,
    /// The condition of a query that must find it, and nothing else; `None`: no condition is sure to prune.
    pub found_by: Option<String>,
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
    /// A row of the policy's query whose value no partition holds.
    Row,
    /// A remainder that no partition holds.
    Remainder,
    /// The DEFAULT partition that the policy asks for.
    Default,
    /// Part of one that is split.
    Part,
}

impl CreateReason {
    /// Whether rows may be refused for the lack of it already.
    pub fn is_urgent(&self) -> bool {
        match self {
            Self::Current | Self::Gap | Self::Group(_) | Self::Row | Self::Remainder => true,
            Self::Ahead(_) | Self::Behind | Self::Bridge | Self::Default | Self::Part => false,
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
            Self::Row => f.write_str("new row"),
            Self::Remainder => f.write_str("missing remainder"),
            Self::Default => f.write_str("required by the policy"),
            Self::Part => f.write_str("part of one that is split"),
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
        let ahead = self.spares_default.iter().flat_map(CheckAhead::actions);
        let (mut before, mut under, mut built) = (Vec::new(), self.attach(), Vec::new());
        match &self.branch {
            Some(branch) if branch.order == AttachOrder::BranchLast => {
                built = branch.build(self);
                before.extend(self.set_role());
                before.push(unfinished::guard(&self.partition, &self.around.parent));
                under.push(unfinished::end(&self.partition, self.carried.comment()));
            }
            Some(_) | None => before = [self.make(), self.furnish()].concat(),
        }
        under.extend(self.reset_role());
        under.extend(self.spares_default.as_ref().map(CheckAhead::drop));
        let proof = self.proof();
        let attach = Transaction { before, locks, implied, under, proof, ..Transaction::default() };
        built.into_iter().chain(ahead).chain([Action::Transaction(attach)]).collect()
    }

    /// Makes the table, which nobody else knows of yet, as the parent's owner, with all that is below it.
    pub(super) fn make(&self) -> Vec<String> {
        let below = self.branch.iter().flat_map(NewBranch::make_below);
        self.set_role().into_iter().chain([self.create_table()]).chain(below).collect()
    }

    pub(super) fn create_table(&self) -> String {
        self.create_like(&self.around.parent)
    }

    /// The statement that makes the table with the columns, indexes and constraints of another.
    pub(super) fn create_like(&self, model: &QualifiedName) -> String {
        let mut create = format!("CREATE TABLE {} (LIKE {model} {})", self.partition, self.carried.like_options());
        create.extend(self.branch.iter().map(|branch| format!(" PARTITION BY {}", branch.key)));
        create.extend(self.access_method.iter().map(|method| format!(" USING {method}")));
        create.push_str(&self.carried.with_clause(self.receiver().kind));
        create.extend(self.tablespace.iter().map(|tablespace| format!(" TABLESPACE {tablespace}")));
        create
    }

    /// Makes the table and leaves it on its own: its rows come before it is attached.
    pub fn apart(&self) -> Vec<String> {
        [self.make(), self.furnish(), self.reset_role().into_iter().collect()].concat()
    }

    /// Gives it what it does not get by being LIKE its parent.
    pub(super) fn furnish(&self) -> Vec<String> {
        self.carried.before_attach(self.receiver())
    }

    /// Makes it a partition.
    pub(super) fn attach(&self) -> Vec<String> {
        let below = self.branch.iter().flat_map(NewBranch::attach_below);
        [self.attach_alone()].into_iter().chain(below).chain(self.after_attach()).collect()
    }

    pub(super) fn attach_alone(&self) -> String {
        format!("ALTER TABLE {} ATTACH PARTITION {} {}", self.around.parent, self.partition, self.bound)
    }

    /// What it is given once its indexes have their place, and what is below it.
    fn after_attach(&self) -> Vec<String> {
        let below = self.branch.iter().flat_map(|branch| &branch.partitions);
        let own = self.carried.after_attach(self.receiver());
        own.into_iter().chain(below.flat_map(Self::after_attach)).collect()
    }

    fn receiver(&self) -> Receiver<'_> {
        let kind = if self.branch.is_some() { RelationKind::Partitioned } else { RelationKind::Table };
        Receiver { name: &self.partition, kind, of: &self.root }
    }

    pub(super) fn set_role(&self) -> Option<String> {
        self.owner.as_ref().map(|owner| format!("SET LOCAL ROLE {owner}"))
    }

    /// Ends what [`Self::set_role`] began.
    pub(super) fn reset_role(&self) -> Option<String> {
        self.owner.as_ref().map(|_| "RESET ROLE".to_owned())
    }

    /// Inside of the transaction planning takes the longer the more partitions there are (15.20: 0.3 ms with 30, 11 ms
    /// with 10,000), so it is asked there only while nobody waits for what is locked. Elsewhere it is asked afterwards.
    fn proof(&self) -> Option<Proof> {
        let nobody_waits = self.around.default.is_none() && !self.around.has_foreign_keys();
        let condition = self.found_by.as_ref().filter(|_| nobody_waits)?;
        let query = format!("SELECT * FROM {} WHERE {condition}", self.around.parent);
        Some(Proof { leaves: self.leaves().into_iter().cloned().collect(), query })
    }

    fn leaves(&self) -> Vec<&QualifiedName> {
        match &self.branch {
            None => vec![&self.partition],
            Some(branch) => branch.partitions.iter().flat_map(Self::leaves).collect(),
        }
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
}
