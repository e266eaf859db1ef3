//! Policies that cannot be invalid: what `check` makes of documents, and all that later stages see of YAML.
//!
//! Whether a policy fits its table is not known here: that takes the catalog.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

use super::name_template::NameTemplate;
use crate::codes::Severities;
use crate::keys::Encoding;
use crate::rows::Layout;
use crate::schedule::{Bytes, Interval};
use crate::sql::{Identifier, KeyPart, QualifiedName};

/// One table's policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The partitioned table.
    pub table: QualifiedName,
    /// The partitions that it should have, and theirs.
    pub level: Level,
    /// Where partitions are archived; there when `then` is to archive.
    pub archive: Option<Archive>,
    /// Partitions under legal hold.
    pub hold: Vec<Hold>,
    /// What partitions take from their table.
    pub inherit: BTreeSet<Inherited>,
    /// Storage parameters of partitions, by name; values in [`StorageParameter::canonical`] spelling.
    ///
    /// [`StorageParameter::canonical`]: super::StorageParameter::canonical
    pub storage: BTreeMap<String, String>,
    /// How patient and how considerate DDL is.
    pub locks: Locks,
    /// What is looked after besides.
    pub maintain: Maintain,
    /// What a check holds the table to.
    pub thresholds: Thresholds,
    /// How much findings about the table matter.
    pub severities: Severities,
    /// Queries that must prune.
    pub pruning: Vec<PruningQuery>,
    /// Where the policy is written.
    pub location: Location,
}

/// One level of a tree of partitions: what the partitions of one partitioned relation should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// The grid of partitions.
    pub partitioning: Partitioning,
    /// How new partitions are made.
    pub placement: Placement,
    /// How far coverage reaches.
    pub create: Create,
    /// What becomes of old partitions; `None` keeps everything for ever.
    pub retain: Option<Retain>,
    /// How each partition is partitioned itself; `None`: not at all.
    pub subpartition: Option<Box<Level>>,
}

impl Policy {
    /// The levels, outermost first; at least one.
    pub fn levels(&self) -> impl Iterator<Item = &Level> {
        std::iter::successors(Some(&self.level), |level| level.subpartition.as_deref())
    }
}

/// Where a document starts: a path as the user gave it and a line from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
}

/// The partitioning strategy and its grid.
#[derive(Debug, Clone, PartialEq)]
pub enum Partitioning {
    /// `partition.range`
    Range(RangePolicy),
    /// `partition.list`
    List(ListPolicy),
    /// `partition.hash`
    Hash(HashPolicy),
}

impl Partitioning {
    /// What the table is partitioned by, at least one part.
    pub fn key(&self) -> &[KeyPart] {
        match self {
            Self::Range(range) => &range.key,
            Self::List(list) => std::slice::from_ref(&list.key),
            Self::Hash(hash) => &hash.key,
        }
    }

    /// Strategy and key, such as `range order_date, tenant_id`.
    pub fn key_in_words(&self) -> String {
        let strategy = match self {
            Self::Range(_) => "range",
            Self::List(_) => "list",
            Self::Hash(_) => "hash",
        };
        let key: Vec<String> = self.key().iter().map(ToString::to_string).collect();
        format!("{strategy} {}", key.join(", "))
    }
}

/// Range partitions.
#[derive(Debug, Clone, PartialEq)]
pub struct RangePolicy {
    /// The key, at least one part: the first one is what the grid is of.
    pub key: Vec<KeyPart>,
    /// How the key carries a time that its type does not show; only with a time grid.
    pub encoding: Option<Encoding>,
    /// Width of one partition.
    pub every: Every,
    /// The zone of the calendar; required for `timestamptz` and ids with a time, refused for `date`: known only with
    /// the table.
    pub timezone: Option<Tz>,
    /// Where the grid starts counting; of the same kind as `every`.
    pub anchor: Option<AxisValue>,
}

/// Width of a range partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// A calendar or clock step.
    Time(Interval),
    /// A step of a number key, at least 1.
    Integer(i128),
}

/// A position as a policy writes it, in wall-clock time of the policy's zone or as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxisValue {
    /// `2024-01-01` or `2024-01-01 06:00`.
    Time(NaiveDateTime),
    /// `5000000`.
    Integer(i128),
}

/// List partitions.
#[derive(Debug, Clone, PartialEq)]
pub struct ListPolicy {
    /// The key, which has one part.
    pub key: KeyPart,
    /// The partitions.
    pub groups: Groups,
    /// The `{value}` of the DEFAULT partition, when the policy asks for one.
    pub default: Option<String>,
}

/// Where the groups of a list policy come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Groups {
    /// `values`: the policy's own, in its order; no value stands twice.
    Named(Vec<ListGroup>),
    /// `each`: a partition for every row of this query, which has one column and ends without a semicolon.
    Each(String),
}

/// One list partition.
#[derive(Debug, Clone, PartialEq)]
pub struct ListGroup {
    /// The `{value}` in its name.
    pub name: String,
    /// Its values as text; `None` is null. Never empty.
    pub values: Vec<Option<String>>,
}

/// Hash partitions.
#[derive(Debug, Clone, PartialEq)]
pub struct HashPolicy {
    /// The key, at least one part.
    pub key: Vec<KeyPart>,
    /// How many partitions, 1 to 10,000.
    pub modulus: u32,
}

/// Names and places of new partitions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Placement {
    /// `None`: the default for the strategy.
    pub name: Option<NameTemplate>,
    /// `None`: the parent's schema.
    pub schema: Option<Identifier>,
    /// `None`: the parent's tablespace.
    pub tablespace: Option<Identifier>,
}

/// How far coverage reaches around now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Create {
    /// Beyond the current partition.
    pub ahead: Reach,
    /// Before the current partition, for a table that begins.
    pub behind: Reach,
    /// Whether holes between the oldest bound and the horizon are filled.
    pub fill_gaps: bool,
    /// What a DEFAULT partition is.
    pub default: DefaultRule,
    /// What becomes of rows in DEFAULT that a partition to be made would hold.
    pub move_rows: MoveRule,
    /// How long writers may wait for such a move, 1 ms to 1 hour.
    pub writers_wait: Duration,
}

impl Default for Create {
    fn default() -> Self {
        Self {
            ahead: Reach::Partitions(4),
            behind: Reach::Partitions(0),
            fill_gaps: true,
            default: DefaultRule::Allow,
            move_rows: MoveRule::AtOnce,
            writers_wait: Duration::from_secs(1),
        }
    }
}

/// `create.move_rows`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveRule {
    /// They are moved in the transaction that makes the partition, or not at all.
    AtOnce,
    /// They are moved in that transaction; where writers would wait for too long, DEFAULT is copied beside them and
    /// exchanged.
    InBatches,
    /// DEFAULT is copied and exchanged, or they stay: the one way that is right for snapshots of every age.
    AlwaysInBatches,
    /// They stay, and so the partition is not made.
    Never,
}

impl MoveRule {
    /// Whether partitions may be copied beside everybody, and exchanged for their parts.
    pub fn copies(self) -> bool {
        matches!(self, Self::InBatches | Self::AlwaysInBatches)
    }
}

/// A distance along the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// A number of partitions.
    Partitions(u32),
    /// A time; only with a time grid.
    Time(Interval),
}

/// `create.default`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultRule {
    /// One that exists is a finding.
    Forbid,
    /// It may exist; reported when it holds rows.
    Allow,
    /// It is made when missing.
    Require,
}

/// When partitions end, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Retain {
    /// By age of the upper bound. With `newest` too, both must say that a partition is old.
    pub keep_for: Option<Interval>,
    /// By count of partitions that have begun.
    pub newest: Option<u32>,
    /// By distance behind the partition in use of a number key, at least 1. With `newest` too, both must agree.
    pub distance: Option<i128>,
    /// Bytes that all partitions together may take: beyond them the oldest go, whatever the keys above say.
    pub max_size: Option<Bytes>,
    /// What keeps a partition though it is over.
    pub unless: Option<Unless>,
    /// Never fewer non-empty ones than this, at least 1.
    pub at_least: u32,
    /// What happens.
    pub then: Then,
    /// Between detach and drop; `None` is no time at all.
    pub grace: Option<Interval>,
    /// More than this many at once is refused; `None`: 10 or 20 %, whichever is larger.
    pub per_run: Option<u32>,
    /// Where detached tables go, with [`Then::Move`].
    pub move_to: Option<MoveTo>,
    /// Whether a run without a terminal may carry it out.
    pub unattended: bool,
}

/// `retain.move_to`: at least one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveTo {
    /// The schema; `None`: its own.
    pub schema: Option<Identifier>,
    /// The tablespace; `None`: its own.
    pub tablespace: Option<Identifier>,
}

impl Retain {
    /// Whether it says how old a partition may become, in time, number or distance.
    pub fn goes_by_age(&self) -> bool {
        self.keep_for.is_some() || self.newest.is_some() || self.distance.is_some()
    }
}

/// A condition that keeps a partition: a boolean expression in SQL with [`Unless::PLACEHOLDER`] in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unless(pub String);

impl Unless {
    /// Stands for the partition.
    pub const PLACEHOLDER: &str = "{partition}";

    /// The condition for one table.
    pub fn of(&self, table: &QualifiedName) -> String {
        self.0.replace(Self::PLACEHOLDER, &table.to_string())
    }
}

/// `retain.then`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Detach, and keep the table for ever.
    Detach,
    /// Detach, archive, read the archive back, wait out the grace, drop.
    Archive,
    /// Detach, wait out the grace, drop.
    Drop,
    /// Detach, and keep the table for ever in another place.
    Move,
}

/// `archive`.
#[derive(Debug, Clone, PartialEq)]
pub struct Archive {
    /// The destination's URL, without a slash at its end.
    pub to: String,
    /// How data files are written.
    pub layout: Layout,
    /// A data file ends when it has so many bytes; `None`: when its store takes no larger one.
    pub split: Option<u64>,
    /// How long archives are kept, from when they were verified; `None`: until somebody deletes them.
    pub keep: Option<Interval>,
    /// Sessions that read parts of a partition at the same time, 1 to 16.
    pub connections: u32,
}

/// A legal hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    /// What is held.
    pub what: Held,
    /// Why, for people.
    pub reason: Option<String>,
    /// Held until the start of this day (UTC); `None`: until the entry is removed.
    pub until: Option<NaiveDate>,
}

/// What a hold covers.
#[derive(Debug, Clone, PartialEq)]
pub enum Held {
    /// A partition by its name, in whatever schema.
    Partition(Identifier),
    /// Every partition that overlaps `[from, to)`.
    Between {
        /// Inclusive.
        from: AxisValue,
        /// Exclusive.
        to: AxisValue,
    },
}

/// What partitions take from their table, by the words of `inherit`, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Inherited {
    /// The owner.
    Owner,
    /// Privileges on the table and its columns.
    Privileges,
    /// The replica identity.
    ReplicaIdentity,
    /// Whether row level security is on.
    RowSecurity,
    /// Tablespace, access method, compression, and of the policy the storage parameters.
    Storage,
    /// Statistics targets, column options, extended statistics.
    Statistics,
    /// Comments on the table and its columns.
    Comments,
}

impl Inherited {
    /// All of it.
    pub const ALL: [Self; 7] = [
        Self::Owner,
        Self::Privileges,
        Self::ReplicaIdentity,
        Self::RowSecurity,
        Self::Storage,
        Self::Statistics,
        Self::Comments,
    ];

    /// The word of the policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Privileges => "privileges",
            Self::ReplicaIdentity => "replica_identity",
            Self::RowSecurity => "row_security",
            Self::Storage => "storage",
            Self::Statistics => "statistics",
            Self::Comments => "comments",
        }
    }
}

/// How DDL waits for locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locks {
    /// Longest time one attempt may make others queue behind it; 1 ms to 1 minute.
    pub timeout: Duration,
    /// Total patience per step.
    pub retry_for: Duration,
    /// Whether an autovacuum in the way is made to give way, rather than waited for.
    pub cancel_autovacuum: bool,
    /// Whether an empty DEFAULT partition is detached for as long as several partitions are, so that they leave
    /// CONCURRENTLY: rows that fit no other partition are refused meanwhile (23514).
    pub set_default_aside: bool,
}

impl Default for Locks {
    fn default() -> Self {
        Self {
            timeout: Duration::from_millis(50),
            retry_for: Duration::from_secs(600),
            cancel_autovacuum: false,
            set_default_aside: false,
        }
    }
}

/// `maintain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Maintain {
    /// Whether the table as a whole is analyzed when its statistics are missing or far off.
    pub analyze: bool,
}

/// `check`: what is a finding of a check, and of no interest to a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Thresholds {
    /// Coverage beyond now lasts at least so long: a time with a time grid, partitions with a number grid.
    pub min_runway: Option<Reach>,
    /// Most partitions, those pending detach left out; at least 1.
    pub max_partitions: Option<u32>,
    /// Most rows in DEFAULT.
    pub default_rows: Option<u32>,
}

/// A query that must prune.
#[derive(Debug, Clone, PartialEq)]
pub struct PruningQuery {
    /// For people; `pruning[0]` and so on when the policy gives none.
    pub name: String,
    /// The statement, with `$1` ... for parameters.
    pub sql: String,
    /// Sample values of the parameters, as text.
    pub with: Vec<String>,
    /// Leaves that may be scanned at most, at least 1.
    pub partitions: Option<u32>,
    /// Relation locks that may be taken at most.
    pub locks: Option<u32>,
    /// The worst verdict that passes.
    pub require: Option<PruningStage>,
    /// Where the query is written: in the policy, or in a file that it names.
    pub location: Location,
}

/// When partitions are left out, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PruningStage {
    /// While planning: the others are not even locked.
    Plan,
    /// When execution starts: the others are locked, not read.
    Startup,
    /// During execution, row by row.
    Execution,
}
