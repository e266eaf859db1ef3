//! The lock that keeps two runs apart: nothing is changed without it, and it is free soon after its run is gone.

use std::time::Duration;

use super::harness::session;
use super::outages::{WORKER, failover_at};
use super::proxy::{Proxy, Request, Side};
use super::trial::{RUNNING, Trial};
use super::workloads::{DAYS, SEVERAL};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_has_lost_its_lock_begins_nothing_more() {
    let trial = Trial::begin(SEVERAL).await;
    trial.database.partctl(&["init"], 0);
    trial
        .database
        .sql("CREATE FUNCTION partctl.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(2); RETURN new; END';
            CREATE TRIGGER slow BEFORE INSERT ON partctl.steps FOR EACH ROW WHEN (new.error IS NULL) EXECUTE FUNCTION partctl.slow()")
        .await;
    let run = trial.start_at(&trial.database.address);
    let both_work = format!("SELECT count(*) = 2 {RUNNING} AND wait_event = 'PgSleep'");
    trial.database.until(&both_work, || true).await;
    let holder = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    trial.database.sql(holder).await;
    trial.database.sql("DROP FUNCTION partctl.slow CASCADE").await;
    let (code, said) = run.ends().await;
    assert_eq!(code, Some(5), "{said}");
    // What the other connection was at may be done.
    let done = trial.database.value("SELECT count(*) <= 1 FROM partctl.steps WHERE error IS NULL").await;
    assert_eq!(done, "t", "it went on without the lock\n{said}");
    trial.ends_well("the lock's session ended").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_connection_to_another_server_takes_no_part() {
    let broken = "failover before the second connection is set up";
    let (code, said) = failover_at(SEVERAL, (Side::Before, WORKER), broken).await;
    assert!([Some(5), Some(7)].contains(&code), "planned on one server, carried out on another: {code:?}\n{said}");
}

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
