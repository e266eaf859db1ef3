//! Executes a query to see what its plan really touched, and takes everything back.
//!
//! Only on request: `EXPLAIN ANALYZE` runs the query. Its changes end in `ROLLBACK`; what stands outside of
//! transactions, such as sequences, does not.

use std::time::Duration;

use tokio_postgres::{Client, Error};

use super::explain::{FORGET, LOCKED, Settings, explain_sql, planned, prepare};
use crate::pruning::{Attempt, Probe};

/// What the transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read.
    ReadOnly,
    /// Change and lock rows, too.
    ReadWrite,
}

/// Executes a query with a custom plan, for at most so long, and rolls back.
///
/// Whoever calls this has planned the query before and knows that it fits the lock table.
///
/// # Errors
/// Only when the connection is gone.
pub async fn analyze(
    client: &Client,
    probe: &Probe,
    access: Access,
    timeout: Duration,
    settings: Settings,
) -> Result<Attempt, Error> {
    let mode = match access {
        Access::ReadOnly => "READ ONLY",
        Access::ReadWrite => "READ WRITE",
    };
    let begin = settings.begin().replacen("READ ONLY", mode, 1);
    if let Some(refusal) = prepare(client, &begin, probe).await? {
        return Ok(Attempt::Refused(refusal));
    }
    let explain = explain_sql("SUMMARY ON, ANALYZE, TIMING OFF, BUFFERS OFF", probe);
    let timeout = timeout.as_millis();
    let sql = format!(
        "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL statement_timeout = {timeout}; {explain}{LOCKED}"
    );
    let attempt = planned(client, &sql).await?;
    client.batch_execute(FORGET).await?;
    Ok(attempt)
}
