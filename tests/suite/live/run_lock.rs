//! The lock that keeps two runs apart: nothing is changed without it, and it is free soon after its run is gone.

use std::time::Duration;

use super::harness::session;
use super::proxy::{Proxy, Request, Side};
use super::trial::{RUNNING, Trial};
use super::workloads::DAYS;

/// The server learns of a client's death by itself only when it has something to tell it, unless it is told to look
/// (`client_connection_check_interval`, PostgreSQL 14); a statement that waits ends with its own lock timeout.
#[tokio::test(flavor = "multi_thread")]
async fn the_lock_of_a_killed_run_is_free_soon_also_while_its_statement_waits() {
    let trial = Trial::begin(DAYS).await;
    let proxy = Proxy::open(&trial.database.address, Some((Side::Before, Request::With("CONCURRENTLY"))));
    let mut run = trial.start_at(&proxy.address());
    assert!(run.comes_to(proxy.held()).await, "nothing was detached concurrently");
    let reader = session(&trial.database.url_with("application_name=reader")).await;
    reader.client().batch_execute("BEGIN; SELECT FROM shop.orders").await.unwrap();
    proxy.resume();
    trial.database.until("SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)", || true).await;
    run.kill().await;
    drop(proxy);
    let gone = format!("SELECT count(*) = 0 {RUNNING}");
    let is_gone = tokio::time::timeout(Duration::from_secs(10), trial.database.until(&gone, || true)).await.is_ok();
    reader.client().batch_execute("ROLLBACK").await.unwrap();
    trial.ends_well("killed while its statement waits").await;
    assert!(is_gone, "after 10 s the lock of a run that was killed is still held");
}
