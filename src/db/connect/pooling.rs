//! Finds out whether a session is one: behind a pooler that lends out a server process per transaction or statement,
//! settings, session locks and cancellation all go astray. It asks and never changes anything but what was pinned.

use super::{Session, connect};
use crate::failure::{Failure, FailureKind};
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

/// Under load a pooler may by chance lend the same process again and again.
const ROUNDS: usize = 3;

/// How long the second session may take to begin. Where a pooler has no process left for it, or the role no
/// connection, the first session keeps its own while it is idle, which is what was to be shown.
const BEGINNING: Duration = Duration::from_secs(2);

/// How long the first session may take to answer while the second is in a transaction: a pool of one lends it
/// nothing meanwhile.
const ANSWER: Duration = Duration::from_millis(500);

/// Refuses a session whose server process changes from transaction to transaction, or is shared with another.
///
/// A second session is opened for as long as this takes. That two sessions have never met in one process is no proof
/// where other clients use the pooler: whoever reads the catalog looks again. Settings that were pinned in a shared
/// process are reset.
///
/// # Errors
/// [`FailureKind::Refused`] when the connection is pooled by transactions or statements; otherwise when it is lost.
pub async fn refuse_pooling(session: &Session) -> anyhow::Result<()> {
    let Ok(Ok(other)) = timeout(BEGINNING, connect(session.again())).await else { return Ok(()) };
    let rounds = if session.is_direct() { 1 } else { ROUNDS };
    if !is_pooled(session.client(), other.client(), rounds).await? {
        return Ok(());
    }
    // What cannot be reset belongs to a process that somebody else is using.
    let _ = other.client().batch_execute("RESET ALL; COMMIT").await;
    let _ = session.client().batch_execute("RESET ALL").await;
    Err(refused_pooling(session).into())
}

/// What is said about such a session.
pub fn refused_pooling(session: &Session) -> Failure {
    let server = session.server();
    let message = format!(
        "`{server}` is a pooler that lends a server process per transaction or statement: settings, locks and \
         cancellation need a session"
    );
    Failure::new(FailureKind::Refused, message)
        .hint("connect to the server's own port, or set `pool_mode = session` in the pooler for this role or database")
}

/// A server process: its id, and the start of its server, because two servers may have the same id in use.
type Process = Option<(String, String)>;

async fn is_pooled(idle: &Client, other: &Client, rounds: usize) -> Result<bool, Error> {
    let first = process(idle, "").await?;
    for round in 0..rounds {
        if 0 < round {
            other.batch_execute("COMMIT").await?;
        }
        let theirs = match timeout(BEGINNING, process(other, "BEGIN; ")).await {
            Ok(Ok(theirs)) => theirs,
            // PgBouncer's refusal of transactions where it pools statements; no server says this to BEGIN.
            Ok(Err(error)) if error.code() == Some(&SqlState::PROTOCOL_VIOLATION) => return Ok(true),
            Ok(Err(_)) | Err(_) => return Ok(false),
        };
        let asked = process(idle, "");
        tokio::pin!(asked);
        let ours = match timeout(ANSWER, &mut asked).await {
            Ok(ours) => ours?,
            Err(_) => {
                other.batch_execute("COMMIT").await?;
                asked.await?
            }
        };
        if ours != first || ours == theirs {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The process that answers.
async fn process(client: &Client, before: &str) -> Result<Process, Error> {
    let sql = format!("{before}SELECT pg_catalog.pg_backend_pid(), pg_catalog.pg_postmaster_start_time()");
    let answer = client.simple_query(&sql).await?;
    let of_row = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0)?.to_owned(), row.get(1)?.to_owned())),
        _ => None,
    };
    Ok(answer.iter().find_map(of_row))
}
