//! One attempt at one action: composed, sent, and its error understood.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::proof::{Proven, commit_proven};
use super::signals::{Stop, StopSignal};
use crate::db::connect::{Asked, Session};
use crate::plan::{Action, Ahead, Archived, Drain, Lock, Proof, Transaction};
use crate::sql::{LOCK_TIMEOUT, SqlLiteral};

/// Ends by itself when the cancel request came before it.
const AWAIT_CANCEL: &str = "SELECT pg_catalog.pg_sleep(0.2)";

/// How long statements may go on under a lock that stops writers. DDL of partitions changes a few catalog rows; what
/// takes longer is a scan that nobody expected, and is rolled back rather than waited for by everybody.
pub(super) const UNDER_LOCK: Duration = Duration::from_secs(1);

/// `lock_timeout` counts per lock, so when all locks of a transaction must be there is written down,
const UNTIL: &str = "SELECT pg_catalog.set_config('partctl.locked_by', (pg_catalog.clock_timestamp() \
    + pg_catalog.current_setting('lock_timeout')::interval)::text, true)";
/// and the time that is left is reckoned before each.
const TIME_LEFT: &str = "SELECT pg_catalog.set_config('lock_timeout', greatest(1, extract(epoch FROM \
    pg_catalog.current_setting('partctl.locked_by')::timestamptz - pg_catalog.clock_timestamp()) * 1000)::int8 || 'ms', true)";

/// How long all statements of a transaction together may go on is written down as well: `statement_timeout` counts each
/// by itself. The limit follows, in milliseconds.
const DONE_BY: &str = "SELECT pg_catalog.set_config('partctl.done_by', (pg_catalog.clock_timestamp() + interval '";
const WITHIN: &str = "SELECT pg_catalog.set_config('statement_timeout', greatest(1, extract(epoch FROM \
    pg_catalog.current_setting('partctl.done_by')::timestamptz - pg_catalog.clock_timestamp()) * 1000)::int8 || 'ms', true)";

/// A cancel request that has had no effect for so long has met a pooler that looks like the server.
const REQUEST_LOST: Duration = Duration::from_millis(250);

/// How an attempt ended, when it did not end well.
#[derive(Debug)]
pub(super) enum Refusal {
    /// A lock was not granted in time, or this session was a deadlock's victim: worth another try.
    Lock(tokio_postgres::Error),
    /// It was rolled back: the new partition would not be found. Why, as a fragment.
    NotFound(String),
    /// Another try would fail as well.
    Final(tokio_postgres::Error),
    /// A signal came; the statement was cancelled, or had ended.
    Stopped(StopSignal),
}

/// When a commit is on the server's disk, and on the disk of a standby that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Commit {
    /// When COMMIT returns. It keeps its locks until then, so whoever waits for them waits for the disk as well.
    AtOnce,
    /// At the latest when the run's end is recorded.
    ///
    /// A crash of the server loses the end of its log and never the middle: a step is lost together with its ledger
    /// entry and with all that came after it, and the next run does it again. A row that somebody committed after a
    /// step has flushed the step as well, and so has DROP TABLE, which waits for the server's own disk in any case,
    /// before the files go. Nothing outside the database may rely on a step before the run's end is recorded.
    WithTheRun,
}

/// What is known of an action that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Committed {
    /// That it is done.
    Unproven,
    /// That its proof held before it was committed.
    Proven,
    /// The rows are in an archive.
    Archived(Archived),
}

/// Sends an action; a transaction that fails is rolled back.
///
/// `record` is the ledger's statement; it goes into the transaction that it is about.
pub(super) async fn attempt(
    session: &Session,
    action: &Action,
    lock_timeout: Duration,
    record: Option<String>,
    commit: Commit,
    stop: &mut Stop,
) -> Result<Committed, Refusal> {
    let milliseconds = lock_timeout.as_millis().max(1);
    let client = session.client();
    let result = match action {
        Action::Transaction(transaction) => {
            let batch = compose(transaction, milliseconds, record, commit);
            let result = until_stopped(session, send(client, &batch, transaction.proof.as_ref()), stop).await;
            if result.is_err() && !client.is_closed() {
                // The error that matters is the first one; this one only says that the connection is gone too.
                let _ = client.batch_execute("ROLLBACK").await;
            }
            result
        }
        Action::Alone(alone) => {
            // Its first phase looks for rows that reference the partition while their writers wait, or has nothing to
            // look for; a limit of somebody else's would end it between its phases.
            let limit = if action.drain() == Some(Drain::BesideOthers) { UNDER_LOCK.as_millis() } else { 0 };
            let before = format!("{};\n{}", settings(milliseconds, limit, commit), alone.guards.join(";\n"));
            alone_between(session, &before, &alone.statement, stop).await
        }
        Action::Batches(batches) => {
            alone_between(session, &settings(milliseconds, 0, commit), &batches.statement, stop).await
        }
        Action::CopyOut(_) => unreachable!("an archive step is carried out by `archiving`"),
        Action::Remove { .. } => unreachable!("an archive is deleted by `deleting`"),
    };
    match result {
        Ok(Proven::Yes) => Ok(Committed::Proven),
        Ok(Proven::Unclear) => Ok(Committed::Unproven),
        Ok(Proven::No(why)) => Err(Refusal::NotFound(why)),
        Err(Stopped::By(signal)) => Err(Refusal::Stopped(signal)),
        Err(Stopped::No(error)) if is_about_locks(&error) => Err(Refusal::Lock(error)),
        Err(Stopped::No(error)) => Err(Refusal::Final(error)),
    }
}

/// Sends a transaction that lacks its COMMIT, and commits it.
async fn send(client: &Client, batch: &str, proof: Option<&Proof>) -> Result<Proven, tokio_postgres::Error> {
    match proof {
        Some(proof) => commit_proven(client, batch, proof).await,
        None => client.batch_execute(&format!("{batch};\nCOMMIT")).await.map(|()| Proven::Unclear),
    }
}

/// Settings of the session for a statement that is no transaction.
fn settings(lock_timeout: u128, limit: u128, commit: Commit) -> String {
    let mut settings = format!("SET lock_timeout = '{lock_timeout}ms';\nSET statement_timeout = '{limit}ms'");
    if commit == Commit::WithTheRun {
        settings.push_str(";\nSET synchronous_commit = off");
    }
    settings
}

/// Sends a statement under settings of the session, and takes these back.
async fn alone_between(session: &Session, before: &str, statement: &str, stop: &mut Stop) -> Result<Proven, Stopped> {
    let client = session.client();
    let result = match client.batch_execute(before).await {
        Ok(()) => until_stopped(session, send_alone(client, statement), stop).await,
        Err(error) => Err(Stopped::No(error)),
    };
    // The ledger's statements are patient, and the run's end must flush. Without a connection it is not recorded.
    let lock_timeout = SqlLiteral(LOCK_TIMEOUT);
    let after = format!("SET lock_timeout = {lock_timeout}; SET statement_timeout = 0; RESET synchronous_commit");
    let _ = client.batch_execute(&after).await;
    result
}

async fn send_alone(client: &Client, statement: &str) -> Result<Proven, tokio_postgres::Error> {
    client.batch_execute(statement).await.map(|()| Proven::Unclear)
}

/// One message, which lacks the COMMIT. BEGIN comes first: what stands before it would run in a transaction of its own.
fn compose(transaction: &Transaction, milliseconds: u128, record: Option<String>, commit: Commit) -> String {
    let Transaction { before, ahead, locks, implied, under, finalizes, proof: _ } = transaction;
    // Below deadlock_timeout (1 s by default), so that no autovacuum is cancelled, and no deadlock need be looked for.
    let timeout = match finalizes {
        Some(_) => format!("SET LOCAL lock_timeout = '{milliseconds}ms'"),
        None => format!(
            "SELECT pg_catalog.set_config('lock_timeout', least({milliseconds}, 900 * extract(epoch FROM \
             pg_catalog.current_setting('deadlock_timeout')::interval))::int8 || 'ms', true)"
        ),
    };
    let mut batch = vec!["BEGIN".to_owned(), timeout.clone()];
    if commit == Commit::WithTheRun {
        batch.push("SET LOCAL synchronous_commit = off".to_owned());
    }
    batch.extend(before.iter().cloned());
    if let Some(Ahead { locks, statements, limit, meanwhile: _ }) = ahead {
        batch.extend(one_by_one(locks));
        batch.push(format!("{DONE_BY}{}ms')::text, true)", limit.as_millis()));
        batch.extend(statements.iter().flat_map(|statement| [WITHIN.to_owned(), statement.clone()]));
        // Waiting for the next locks has a limit of its own.
        batch.extend(["SET LOCAL statement_timeout = 0".to_owned(), timeout]);
    }
    let all = || locks.iter().chain(implied);
    if 1 < all().count() && finalizes.is_none() {
        batch.extend(one_by_one(locks));
    } else {
        batch.extend(locks.iter().map(Lock::statement));
    }
    let stops_writers = || all().any(|lock| lock.mode.stops_writers());
    if ahead.is_some() {
        batch.extend(under.iter().flat_map(|statement| [WITHIN.to_owned(), statement.clone()]));
    } else {
        if finalizes.is_none() && stops_writers() {
            batch.push(format!("SET LOCAL statement_timeout = '{}ms'", UNDER_LOCK.as_millis()));
        }
        batch.extend(under.iter().cloned());
    }
    batch.extend(record);
    batch.join(";\n")
}

/// Locks within one timeout for all, and what is left of it for the locks that statements take.
fn one_by_one(locks: &[Lock]) -> Vec<String> {
    let each = locks.iter().flat_map(|lock| [TIME_LEFT.to_owned(), lock.statement()]);
    std::iter::once(UNTIL.to_owned()).chain(each).chain([TIME_LEFT.to_owned()]).collect()
}

fn is_about_locks(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::T_R_DEADLOCK_DETECTED)
}

enum Stopped {
    By(StopSignal),
    No(tokio_postgres::Error),
}

/// Waits for a statement; when a signal comes first, cancels it and waits for the server to say so. A statement that
/// ended all the same counts as done: the truth is what the server says.
async fn until_stopped(
    session: &Session,
    statement: impl Future<Output = Result<Proven, tokio_postgres::Error>>,
    stop: &mut Stop,
) -> Result<Proven, Stopped> {
    tokio::pin!(statement);
    tokio::select! {
        result = &mut statement => result.map_err(Stopped::No),
        signal = stop.requested() => {
            // What cannot be cancelled is left to its own lock timeout, or to the end of a connection that is dead.
            let canceller = session.canceller();
            let asked = tokio::time::timeout(REQUEST_LOST, canceller.cancel()).await;
            let ended = tokio::select! {
                ended = &mut statement => ended,
                () = tokio::time::sleep(REQUEST_LOST) => tokio::select! {
                    ended = &mut statement => ended,
                    _ = canceller.cancel_from_another_session() => statement.await,
                },
            };
            let may_still_come = matches!(asked, Ok(Ok(Asked::Request)) | Err(_));
            if may_still_come && ended.is_ok() {
                // The request goes its own way to the server and is still coming. It shall find this statement, not
                // the next one, which records in the ledger how the run ended; an idle session ignores it.
                let _ = session.client().batch_execute(AWAIT_CANCEL).await;
            }
            ended.map_err(|_| Stopped::By(signal))
        }
    }
}
