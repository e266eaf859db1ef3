//! Makes a partition for rows that lie in DEFAULT, and moves them, in one transaction.
//!
//! Writers wait from the first row on, readers only while the partition is attached. The order of the locks is what
//! makes every count right: with DEFAULT alone locked, statements that wait for it go on with the partitions of before
//! and miss the rows without an error (Postgres 14-18). READ COMMITTED is always right; with older snapshots nobody could be,
//! so they are looked for, as far as they can be seen (`kept_snapshots`).

use std::fmt;
use std::time::Duration;

use super::CreatePartition;
use super::kept_snapshots::refuse_kept_snapshots;
use crate::catalog::{Bound, TriggerState};
use crate::plan::guard::{Standing, guard};
use crate::plan::surroundings::Modes;
use crate::plan::{Action, Ahead, Lock, LockMode, Transaction};
use crate::sql::{Identifier, QualifiedName};

/// Rows that are deleted here and inserted there per second, on a server that is busy and none of the fastest. Seen
/// with three indexes: 100,000 and more.
const ROWS_PER_SECOND: u64 = 20_000;
/// Bytes of DEFAULT that ATTACH reads per second to see that no row of the partition is left. Seen: 600 MB and more.
const SCANNED_PER_SECOND: u64 = 200 << 20;
/// What goes on besides.
const AT_LEAST: Duration = Duration::from_millis(10);

/// Holds the rows while they are in neither table.
const MOVED: &str = "pg_temp.partctl_moved";

/// A partition to be made, and the rows that it takes over.
#[derive(Debug, Clone, PartialEq)]
pub struct MoveRows {
    /// The partition.
    pub create: CreatePartition,
    /// The partitioned table's oid.
    pub parent_oid: u32,
    /// The DEFAULT partition.
    pub default: QualifiedName,
    /// Its oid.
    pub default_oid: u32,
    /// The bytes of it that are read under the lock.
    pub scanned: u64,
    /// How many rows there are to move.
    pub rows: u64,
    /// Which ones they are.
    pub condition: String,
    /// What is moved of each.
    pub columns: Vec<Identifier>,
    /// Triggers of DEFAULT that would take what leaves for deleted.
    pub silenced_there: Vec<SilencedTrigger>,
    /// Triggers that the partition gets and that would take what arrives for new.
    pub silenced_here: Vec<SilencedTrigger>,
    /// What others are told.
    pub published: Published,
    /// Which triggers fire.
    pub firing: Firing,
    /// How long writers may wait.
    pub limit: Duration,
}

/// A trigger that is kept from firing for what only changes its place. Nobody else sees it disabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilencedTrigger {
    /// Its name.
    pub name: Identifier,
    /// What it is brought back to.
    pub state: TriggerState,
}

/// What subscribers see of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// Nothing: nobody is told when rows are deleted.
    Nothing,
    /// That the rows were deleted, and inserted again. What is inserted before the partition is attached is not
    /// published (Postgres 14-18), so readers wait as well.
    DeletedAndInserted,
}

/// Which triggers fire during a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firing {
    /// All but those that are silenced one by one.
    AsUsual,
    /// Those that would on a replica (`session_replication_role`), so that foreign keys to the rows do nothing: otherwise
    /// they would refuse the move (23503), or delete what references the rows (ON DELETE CASCADE).
    AsOnReplica,
}

/// How long writers wait, for a person: `60 ms`, `1.2 s`, `40 s`, `3 min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub Duration);

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tens = |millis: u128| millis.div_ceil(10) * 10;
        match self.0.as_millis() {
            millis @ 0..1_000 => write!(f, "{} ms", tens(millis)),
            millis @ 1_000..10_000 if millis % 1_000 != 0 => write!(f, "{}.{} s", millis / 1_000, millis % 1_000 / 100),
            millis @ 1_000..120_000 => write!(f, "{} s", millis / 1_000),
            millis => write!(f, "{} min", millis / 60_000),
        }
    }
}

impl MoveRows {
    /// How long writers wait, from the lock to the commit: rather too long than too short.
    pub fn wait(&self) -> Duration {
        let share = |amount: u64, per_second: u64| Duration::from_secs_f64(amount as f64 / per_second as f64);
        AT_LEAST + share(self.rows, ROWS_PER_SECOND) + share(self.scanned, SCANNED_PER_SECOND)
    }

    /// Whether the policy lets writers wait for so long.
    pub fn fits(&self) -> bool {
        self.wait() <= self.limit
    }

    pub(in crate::plan) fn reason(&self) -> String {
        format!("{}, writers wait up to {}", self.create.reason, Wait(self.wait()))
    }

    pub(in crate::plan) fn undo(&self) -> String {
        let (parent, partition) = (&self.create.around.parent, &self.create.partition);
        let columns = self.columns();
        format!(
            "ALTER TABLE {parent} DETACH PARTITION {partition}; INSERT INTO {parent} ({columns}) OVERRIDING SYSTEM VALUE \
             SELECT {columns} FROM {partition}; DROP TABLE {partition}"
        )
    }

    fn columns(&self) -> String {
        self.columns.iter().map(Identifier::to_string).collect::<Vec<_>>().join(", ")
    }

    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let Self { create, default, .. } = self;
        let around = &create.around;
        // Row security would hide rows from the move; with it off, the server refuses instead (42501).
        let mut before = vec![refuse_kept_snapshots(), "SET LOCAL row_security = off".to_owned()];
        // Before the owner's role is taken: it need not have that right.
        if self.firing == Firing::AsOnReplica {
            before.push("SET LOCAL session_replication_role = replica".to_owned());
        }
        before.extend(create.make());
        let standing = Standing::Attached { parent_oid: self.parent_oid, bound: &Bound::Default };
        let guard = guard(self.default_oid, default, &standing);
        // The first DO of a session loads PL/pgSQL, which takes milliseconds: better before the locks than under them.
        before.push(guard.clone());
        let columns = self.columns();
        let into = match self.published {
            Published::Nothing => create.partition.to_string(),
            Published::DeletedAndInserted => {
                let like = format!("SELECT {columns} FROM {default} WITH NO DATA");
                before.push(format!("CREATE TEMPORARY TABLE {MOVED} ON COMMIT DROP AS {like}"));
                MOVED.to_owned()
            }
        };
        let delete = format!("DELETE FROM {default} WHERE {} RETURNING {columns}", self.condition);
        let mut statements = vec![guard];
        statements.extend(silence(default, &self.silenced_there));
        statements.push(format!("WITH moved AS ({delete}) INSERT INTO {into} ({columns}) SELECT {columns} FROM moved"));
        statements.extend(bring_back(default, &self.silenced_there));

        let (_, mut implied) = around.locks(CreatePartition::MODES);
        implied.retain(|lock| lock.relation != around.parent);
        let modes = Modes { parent: LockMode::ShareRowExclusive, ..CreatePartition::MODES };
        let ahead =
            Ahead { locks: around.locks_for_rows(modes, default), statements, limit: self.limit, meanwhile: None };
        let locks = vec![
            Lock::new(&around.parent, LockMode::AccessExclusive),
            Lock::with_partitions(default, LockMode::AccessExclusive),
        ];
        let mut under = create.attach();
        if self.published == Published::DeletedAndInserted {
            let partition = &create.partition;
            under.extend(silence(partition, &self.silenced_here));
            under.push(format!(
                "INSERT INTO {partition} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {MOVED}"
            ));
            under.extend(bring_back(partition, &self.silenced_here));
        }
        // Last, for row security would keep rows out.
        under.extend(create.furnish());
        under.extend(create.reset_role());
        under.push(refuse_kept_snapshots());
        vec![Action::Transaction(Transaction {
            before,
            ahead: Some(ahead),
            locks,
            implied,
            under,
            ..Transaction::default()
        })]
    }
}

fn silence<'a>(table: &'a QualifiedName, triggers: &'a [SilencedTrigger]) -> impl Iterator<Item = String> + 'a {
    triggers.iter().map(move |trigger| alter(table, trigger, TriggerState::Disabled))
}

fn bring_back<'a>(table: &'a QualifiedName, triggers: &'a [SilencedTrigger]) -> impl Iterator<Item = String> + 'a {
    triggers.iter().map(move |trigger| alter(table, trigger, trigger.state))
}

fn alter(table: &QualifiedName, trigger: &SilencedTrigger, state: TriggerState) -> String {
    format!("ALTER TABLE {table} {} {}", state.clause(), trigger.name)
}
