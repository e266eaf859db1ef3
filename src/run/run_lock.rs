//! One run per database at a time: an advisory lock of the session, gone with it however it ends.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::failure::{Failure, FailureKind};

/// The two halves of the key: "part" and "ctl1" in ASCII. Advisory locks are per database already.
pub const RUN_LOCK: (i32, i32) = (0x7061_7274, 0x6374_6c31);

/// Tries at the lock, and the pause between them: the server needs some milliseconds to end the session of a process
/// that has just ended, and a run right after another one must not fail for that.
const TRIES: usize = 6;
const PAUSE: Duration = Duration::from_millis(50);

/// The lock as `pg_locks` shows it, where it is held; `$1` and `$2` are the two halves of its key.
const HELD: &str = "FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 \
    AND l.classid = $1::int8::oid AND l.objid = $2::int8::oid \
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())";

fn key() -> [(&'static (dyn ToSql + Sync), Type); 2] {
    const HALVES: (i64, i64) = (RUN_LOCK.0 as i64, RUN_LOCK.1 as i64);
    [(&HALVES.0, Type::INT8), (&HALVES.1, Type::INT8)]
}

/// Takes the lock for as long as the session lives.
///
/// # Errors
/// [`FailureKind::Busy`] when another session has it, after a quarter of a second.
pub async fn lock_database(client: &Client) -> Result<()> {
    for attempt in 0..TRIES {
        if 0 < attempt {
            tokio::time::sleep(PAUSE).await;
        }
        if try_lock(client).await? {
            return Ok(());
        }
    }
    let holder = format!("SELECT l.pid, coalesce(a.usename::text, ''), coalesce(a.application_name, '') {HELD}");
    let rows = client.query_typed(&holder, &key()).await.context("asking who holds partctl's lock")?;
    let who = rows.first().map_or(String::new(), |row| {
        let (pid, role, application): (i32, String, String) = (row.get(0), row.get(1), row.get(2));
        format!(": pid {pid}, role {role}, application \"{application}\"")
    });
    Err(Failure::new(FailureKind::Busy, format!("another partctl run holds the lock on this database{who}"))
        .hint("let it end, or look at what it waits for; its lock goes with its session")
        .into())
}

/// Whether, on the server that answers, the lock is held by the session of that process.
///
/// # Errors
/// When the connection is lost.
pub(super) async fn is_locked_by(client: &Client, pid: i32) -> Result<bool> {
    let sql = format!("SELECT EXISTS (SELECT {HELD} AND l.pid = $3)");
    let [class, object] = key();
    let rows = client.query_typed(&sql, &[class, object, (&pid, Type::INT4)]).await;
    Ok(rows.context("asking who holds partctl's lock")?.first().is_some_and(|row| row.get(0)))
}

async fn try_lock(client: &Client) -> Result<bool> {
    let key: [(&(dyn ToSql + Sync), Type); 2] = [(&RUN_LOCK.0, Type::INT4), (&RUN_LOCK.1, Type::INT4)];
    let sql = "SELECT pg_catalog.pg_try_advisory_lock($1, $2)";
    let rows = client.query_typed(sql, &key).await.context("taking partctl's advisory lock")?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}
