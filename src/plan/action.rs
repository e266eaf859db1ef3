//! Machine language: what the executor does for a step. The SQL here is the SQL that is shown.
//!
//! Every lock that an action takes on a relation that exists before it is named here, so what a plan promises and
//! what the executor waits for are the same list.

use std::time::Duration;

use super::{Lock, LockMode};
use crate::sql::QualifiedName;

/// One unit of work that either happens whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Statements between BEGIN and COMMIT.
    Transaction(Transaction),
    /// A statement that Postgres refuses inside a transaction block (25001).
    Alone(Alone),
    /// Rows to an archive, and back again to be compared: what no SQL does.
    CopyOut(CopyOut),
    /// An archive out of its store, and what the ledger tells of that.
    Remove {
        /// The URL of the archive's folder.
        url: String,
    },
    /// Work in many transactions.
    Batches(Batches),
}

/// Statements between BEGIN and COMMIT, in three parts, so that locks are held for as short as can be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transaction {
    /// What is done before anything is locked that others use.
    pub before: Vec<String>,
    /// What goes on beside readers, before the locks that stop them too.
    pub ahead: Option<Ahead>,
    /// Taken one by one, in this order, by LOCK TABLE.
    pub locks: Vec<Lock>,
    /// Taken by the statements: their relations must not, or need not, be locked beforehand.
    pub implied: Vec<Lock>,
    /// What is done under the locks.
    pub under: Vec<String>,
    /// Of FINALIZE, the partitioned table: it first waits for snapshots that are older, and nobody queues behind that.
    pub finalizes: Option<QualifiedName>,
    /// What must hold before COMMIT; it changes nothing and is no part of the SQL that is shown.
    pub proof: Option<Proof>,
}

/// A query that must find a new partition. It is planned, and never executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The leaves of the new partition, which may be itself.
    pub leaves: Vec<QualifiedName>,
    /// The query for all that it holds by its bound.
    pub query: String,
}

/// Work on rows that writers wait for and readers do not: it comes before the other locks of its transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// Taken one by one, in this order, by LOCK TABLE.
    pub locks: Vec<Lock>,
    /// The work.
    pub statements: Vec<String>,
    /// How long writers may wait for all of the transaction; then it is rolled back.
    pub limit: Duration,
    /// What is done, beside everybody, each time that the locks have been waited for: without it there would be the more
    /// work the longer that takes.
    pub meanwhile: Option<Batches>,
}

/// A statement on its own: DETACH PARTITION CONCURRENTLY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alone {
    /// Fail unless the world is still what was planned. Run right before, each in a transaction of its own.
    pub guards: Vec<String>,
    /// The statement.
    pub statement: String,
    /// What it locks, in all its phases.
    pub locks: Vec<Lock>,
    /// It waits until every transaction that has used this relation is over. Nobody queues behind it meanwhile.
    pub waits_for_users_of: QualifiedName,
}

/// A table's rows to an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOut {
    /// Fails unless the table is still what was planned.
    pub guard: String,
    /// The table.
    pub table: QualifiedName,
    /// The archive's destination.
    pub to: String,
    /// Nobody writes to the table while it is read.
    pub locks: Vec<Lock>,
}

/// A block that commits as it goes, which Postgres refuses inside a transaction block (2D000). Stopped anywhere and run
/// again, it goes on where it was. It locks nothing that others use for longer than a batch, and nothing exclusively.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batches {
    /// The block.
    pub statement: String,
}

impl Transaction {
    /// Statements that lock nothing others use.
    pub(super) fn of(statements: impl IntoIterator<Item = String>) -> Self {
        Self { under: statements.into_iter().collect(), ..Self::default() }
    }

    /// Every lock it takes.
    fn all_locks(&self) -> impl Iterator<Item = &Lock> {
        self.ahead.iter().flat_map(|ahead| &ahead.locks).chain(&self.locks).chain(&self.implied)
    }
}

impl Action {
    /// What a concurrent detach may wait for transactions that were young when it began; cut short it leaves the
    /// partition pending.
    const DRAIN: Duration = Duration::from_secs(5);
    /// From this age on a transaction may well outlast [`Self::DRAIN`], however busy the table is.
    const DRAINS_SLOWLY: Duration = Duration::from_millis(900);

    /// Its statements, without the BEGIN and COMMIT around them.
    pub fn statements(&self) -> Vec<String> {
        match self {
            Self::Transaction(Transaction { before, ahead, locks, under, .. }) => {
                let ahead = ahead
                    .iter()
                    .flat_map(|ahead| ahead.locks.iter().map(Lock::statement).chain(ahead.statements.iter().cloned()));
                let under = locks.iter().map(Lock::statement).chain(under.iter().cloned());
                before.iter().cloned().chain(ahead).chain(under).collect()
            }
            Self::Alone(alone) => alone.guards.iter().chain([&alone.statement]).cloned().collect(),
            Self::CopyOut(CopyOut { guard, table, to, .. }) => {
                vec![
                    guard.clone(),
                    format!("-- COPY {table} to {}, read back and compared: `partctl apply`", one_line(to)),
                ]
            }
            Self::Remove { url } => vec![format!("-- delete {}: `partctl apply`", one_line(url))],
            Self::Batches(batches) => vec![batches.statement.clone()],
        }
    }

    /// Every lock on a relation that exists before the action, in the order in which they are taken; ACCESS SHARE, which
    /// only conflicts with ACCESS EXCLUSIVE, is left out.
    pub fn locks(&self) -> Vec<&Lock> {
        match self {
            Self::Transaction(transaction) => transaction.all_locks().collect(),
            Self::Alone(alone) => alone.locks.iter().collect(),
            Self::CopyOut(copy) => copy.locks.iter().collect(),
            Self::Batches(_) | Self::Remove { .. } => Vec::new(),
        }
    }

    /// Whether it is looked for who is in its way before it is tried: readers or writers queue behind it while it waits,
    /// or must end before it begins, or an autovacuum may be asked to.
    pub fn needs_a_window(&self) -> bool {
        match self {
            Self::Alone(_) => true,
            // The table is detached, and whoever still writes to it is waited for.
            Self::CopyOut(_) | Self::Remove { .. } | Self::Batches(_) => false,
            Self::Transaction(transaction) => {
                !transaction.implied.is_empty() || transaction.all_locks().any(|lock| lock.mode.stops_writers())
            }
        }
    }

    /// What is done each time that its locks have been waited for.
    pub fn meanwhile(&self) -> Option<&Batches> {
        match self {
            Self::Transaction(transaction) => transaction.ahead.as_ref()?.meanwhile.as_ref(),
            Self::Alone(_) | Self::CopyOut(_) | Self::Remove { .. } | Self::Batches(_) => None,
        }
    }

    /// How long its statements may go on under locks that stop writers, when that is more or less than usual.
    pub fn limit(&self) -> Option<Duration> {
        match self {
            Self::Transaction(transaction) => transaction.ahead.as_ref().map(|ahead| ahead.limit),
            Self::Alone(_) | Self::CopyOut(_) | Self::Remove { .. } | Self::Batches(_) => None,
        }
    }

    /// Whether a session that holds, or waits for, this mode on this relation keeps the action waiting.
    pub fn waits_for(&self, relation: &QualifiedName, mode: LockMode) -> bool {
        let conflicts = |lock: &&Lock| lock.relation == *relation && lock.mode.conflicts_with(mode);
        let drains = matches!(self, Self::Alone(alone) if alone.waits_for_users_of == *relation);
        drains || self.locks().iter().any(conflicts)
    }

    /// The `lock_timeout` of one try where others may be made to queue for `timeout`.
    ///
    /// A concurrent detach and its FINALIZE first wait for transactions that were there before, one lock wait each, and
    /// nobody queues behind that. Where they lock nothing else that others use they may take their time. With foreign
    /// keys they lock the other ends after that, under the same timeout: it grows slowly, because a partition that
    /// stays pending is worse.
    pub fn lock_timeout(&self, timeout: Duration, waited: Duration) -> Duration {
        match self.drain() {
            None => timeout,
            Some(Drain::Unnoticed) => timeout.max(Self::DRAIN),
            Some(Drain::BesideOthers) => timeout.max(Self::DRAINS_SLOWLY.min(waited / 10)),
        }
    }

    /// From which age on a transaction in the way is waited for, rather than tried against: it will not end in time.
    ///
    /// On a table that is never without a transaction of a few hundred milliseconds a concurrent detach would wait for
    /// ever; so the longer it has waited, the less it asks for. A transaction that lasts grows old faster than that.
    pub fn patient_with(&self, timeout: Duration, waited: Duration) -> Duration {
        match self.drain() {
            None => timeout,
            Some(_) => timeout.max(Self::DRAINS_SLOWLY.min(waited / 10)),
        }
    }

    /// Whether it first waits for transactions that were there before, and what it locks after that.
    pub fn drain(&self) -> Option<Drain> {
        let parent = match self {
            Self::Alone(alone) => &alone.waits_for_users_of,
            Self::Transaction(transaction) => transaction.finalizes.as_ref()?,
            Self::CopyOut(_) | Self::Remove { .. } | Self::Batches(_) => return None,
        };
        // A table that references itself is locked exclusively at the end.
        let noticed = |lock: &&&Lock| lock.relation != *parent || lock.mode.stops_writers();
        Some(if self.locks().iter().filter(noticed).count() == 1 { Drain::Unnoticed } else { Drain::BesideOthers })
    }
}

/// A comment ends with its line.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// What a wait for older transactions is followed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drain {
    /// Locks on the partition that leaves, and on nothing else that others use.
    Unnoticed,
    /// Locks on the other ends of foreign keys as well.
    BesideOthers,
}
