//! Autovacuum in the way: waited for and named; asked to give way only where the policy says so, and never at the cost
//! of readers and writers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use partctl::db::connect::Session;
use partctl::db::throwaway::{ServerOptions, ThrowawayServer};

use super::harness::{command, contains, policy_folder, said, session};

/// A partition that is over and full of dead rows, which takes minutes to vacuum; beside DEFAULT, so that its detach
/// needs ACCESS EXCLUSIVE.
const ORDERS: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE shop.orders_2001_01 PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00')
      WITH (autovacuum_enabled = off, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1,
            autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0, autovacuum_freeze_max_age = 100000);
    CREATE TABLE shop.orders_rest PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01 00:00+00') TO (MAXVALUE);
    CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT;
    INSERT INTO shop.orders SELECT id, '2001-01-15' FROM generate_series(1, 100000) id; INSERT INTO shop.orders VALUES (0, '2020-01-01');
    UPDATE shop.orders SET id = id + 1; ANALYZE shop.orders";
/// The worker that is at it, and holds its lock.
const WORKER: &str = "SELECT coalesce(string_agg(pid::text, ' '), '') FROM pg_stat_activity JOIN pg_locks l USING (pid)
    WHERE query LIKE 'autovacuum:%shop.orders_2001_01%' AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted
      AND l.relation = 'shop.orders_2001_01'::regclass";

fn policy(locks: &str) -> String {
    format!(
        "version: 1\ntable: shop.orders\npartition: {{range: at, every: 1 month, timezone: UTC}}
retain: {{for: 1 year, then: detach}}\nlocks: {{timeout: 50 ms, {locks}}}\n"
    )
}

fn server() -> ThrowawayServer {
    let settings = [("autovacuum_naptime", "1s"), ("autovacuum_max_workers", "1"), ("max_connections", "30")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    ThrowawayServer::start(ServerOptions { settings, ..ServerOptions::default() }).unwrap()
}

async fn value(session: &Session, sql: &str) -> String {
    session.client().query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

/// Waits until autovacuum is at work on the partition.
async fn worker(session: &Session) -> String {
    for _ in 0..6000 {
        let worker = value(session, WORKER).await;
        if !worker.is_empty() {
            return worker;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("autovacuum never came");
}

fn apply(url: &str, yaml: &str, exit: i32) -> String {
    let folder = policy_folder(yaml);
    let output = command(folder.path(), url, &["apply", "--allow-destroy"]).output().unwrap();
    assert_eq!(output.status.code(), Some(exit), "{}", said(&output));
    said(&output)
}

#[tokio::test(flavor = "multi_thread")]
async fn autovacuum_is_waited_for_and_named_and_gives_way_where_the_policy_says_so() {
    let server = server();
    let url = server.url("postgres");
    let observer = session(&url).await;
    observer.client().batch_execute(ORDERS).await.unwrap();
    observer.client().batch_execute("ALTER TABLE shop.orders_2001_01 SET (autovacuum_enabled = on)").await.unwrap();
    let vacuum = worker(&observer).await;
    let text = apply(&url, &policy("retry_for: 2 s"), 8);
    contains(&text, &[&format!("pid {vacuum}"), "autovacuum since", "SHARE UPDATE EXCLUSIVE on shop.orders_2001_01"]);
    contains(&text, &["last query: autovacuum: VACUUM", "shop.orders_2001_01"]);
    assert_eq!(value(&observer, WORKER).await, vacuum, "it was cancelled");

    // Whoever waits for longer than a try may take fails, and the test with it.
    let over = Arc::new(AtomicBool::new(false));
    let mut traffic = Vec::new();
    for sql in [
        "SELECT count(*) FROM shop.orders_2001_01 WHERE id = 7",
        "UPDATE shop.orders SET id = id WHERE at = '2020-01-01'",
    ] {
        let session = session(&url).await;
        session.client().batch_execute("SET lock_timeout = '600ms'; SET deadlock_timeout = '1min'").await.unwrap();
        let over = Arc::clone(&over);
        traffic.push(tokio::spawn(async move {
            let mut times = 0;
            while !over.load(Ordering::Relaxed) {
                session.client().batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
                times += 1;
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            times
        }));
    }
    apply(&url, &policy("retry_for: 50 s, cancel_autovacuum: true"), 0);
    over.store(true, Ordering::Relaxed);
    for task in traffic {
        assert!(0 < task.await.unwrap());
    }
    assert_eq!(value(&observer, "SELECT count(*)::text FROM pg_inherits").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_autovacuum_against_wraparound_is_named_as_what_nothing_cancels() {
    let server = server();
    let url = server.url("postgres");
    let observer = session(&url).await;
    observer.client().batch_execute(ORDERS).await.unwrap();
    // Every block with a handler for exceptions that writes takes a transaction id of its own.
    let ids = "CREATE TABLE burnt (); DO $$BEGIN FOR n IN 1..101000 LOOP
        BEGIN INSERT INTO burnt DEFAULT VALUES; EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END$$; DROP TABLE burnt";
    observer.client().batch_execute("SET search_path = public").await.unwrap();
    for statement in ids.split_inclusive("$$;") {
        observer.client().batch_execute(statement).await.unwrap();
    }
    let vacuum = worker(&observer).await;
    for cancel in ["", ", cancel_autovacuum: true"] {
        let text = apply(&url, &policy(&format!("retry_for: 3 s{cancel}")), 8);
        contains(&text, &[&format!("pid {vacuum}"), "autovacuum to prevent wraparound, which nothing cancels"]);
        contains(&text, &["(to prevent wraparound)"]);
        assert_eq!(value(&observer, WORKER).await, vacuum, "it was cancelled");
    }
    assert_eq!(value(&observer, "SELECT count(*)::text FROM pg_inherits").await, "3");
}
