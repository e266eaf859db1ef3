//! Stores that refuse, hang, break off or go away while a table is archived: nothing is dropped, the next run begins
//! again, and nothing is left behind.

use nix::sys::signal::Signal;

use super::super::harness::{Database, contains};
use super::door::Weather;
use super::retiring::{ORDERS, TABLES, let_pass, policy};
use super::store::{BUCKET, Cloud, Store};

/// As [`ORDERS`], with months that take several parts to upload.
fn large() -> String {
    format!(
        "{ORDERS}; INSERT INTO shop.orders SELECT i, '2001-01-05'::timestamptz + i % 2 * interval '1 month', i, (SELECT string_agg(md5((i * 31 + j)::text), '')
             FROM generate_series(1, 32) j) FROM generate_series(1, 40000) i"
    )
}

async fn large_database(more: &str) -> Database {
    Database::new(&policy(&format!("s3://{BUCKET}/cold"), more), &large()).await
}

const OPEN: &str = "SELECT count(*) FROM partctl.archives WHERE verified_at IS NULL AND discarded_at IS NULL";

/// Holds that both months are in the store, and nothing else is.
async fn all_is_well(database: &Database, store: &Store) {
    let objects = store.objects();
    assert_eq!(objects.iter().filter(|object| object.ends_with("manifest.json")).count(), 2, "{objects:?}");
    assert_eq!(objects.iter().filter(|object| object.contains("part-")).count(), 2, "{objects:?}");
    let debris: Vec<String> = store.files().into_iter().filter(|file| file.contains("upload")).collect();
    assert_eq!(debris, Vec::<String>::new());
    assert_eq!(database.value(OPEN).await, "0");
    assert_eq!(database.value(TABLES).await, "orders_2001_01 orders_2001_02");
    let_pass(database, "8 days").await;
    contains(&store.partctl(database, &["apply", "--allow-destroy"], 0), &["2 steps done"]);
    assert_eq!(database.value(TABLES).await, "");
    assert_eq!(store.objects(), objects);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_takes_every_format_in_parts_and_whole() {
    for format in ["parquet", "csv", "binary"] {
        let store = Store::start().await;
        let database = large_database(&format!(", format: {format}, compression: none")).await;
        contains(&store.partctl(&database, &["apply", "--allow-destroy"], 0), &["4 steps done", "verified"]);
        assert_eq!(database.value("SELECT max(jsonb_array_length(uploads)) FROM partctl.archives").await, "1");
        all_is_well(&database, &store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_slow_for_a_while_is_waited_for() {
    let store = Store::start().await;
    let database = large_database(", compression: none").await;
    store.set(Weather::Slow(256 << 10));
    let run = store.run(&database, &["apply", "--allow-destroy"]);
    let (code, said) = run.ends().await;
    assert_eq!(code, Some(0), "{said}");
    store.set(Weather::Fine);
    all_is_well(&database, &store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_keeps_the_tables_and_the_next_run_begins_again() {
    for weather in [Weather::Errors, Weather::Cut(3_000_000), Weather::Cut(0)] {
        let store = Store::start().await;
        let database = large_database(", compression: none").await;
        store.set(weather);
        let text = store.partctl(&database, &["apply", "--allow-destroy"], 3);
        contains(&text, &["archive orders_2001_01 failed", "next "]);
        let objects = store.objects();
        assert_eq!(objects, Vec::<String>::new(), "{weather:?}\n{text}");
        let_pass(&database, "30 days").await;
        // Not the end of any grace lets a table go that is not archived.
        store.partctl(&database, &["apply", "--allow-destroy"], 3);
        assert_eq!(database.value(TABLES).await, "orders_2001_01 orders_2001_02");
        store.set(Weather::Fine);
        store.partctl(&database, &["apply", "--allow-destroy"], 0);
        all_is_well(&database, &store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_or_stopped_leaves_nothing_that_the_next_one_does_not_take_away() {
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        let store = Store::start().await;
        let database = large_database(", compression: none").await;
        store.set(Weather::Slow(128 << 10));
        let mut run = store.run(&database, &["apply", "--allow-destroy"]);
        let begun = "SELECT coalesce(max(jsonb_array_length(uploads)), 0) = 1 FROM partctl.archives";
        let told = async {
            // The ledger is made by the run itself.
            database.until("SELECT to_regclass('partctl.archives') IS NOT NULL", || true).await;
            database.until(begun, || true).await;
        };
        assert!(run.comes_to(told).await);
        assert_eq!(store.objects(), Vec::<String>::new(), "no partial object under its name");
        run.signal(signal);
        let (code, said) = run.ends().await;
        assert_eq!(code, if signal == Signal::SIGTERM { Some(143) } else { None }, "{said}");
        store.set(Weather::Fine);
        store.partctl(&database, &["apply", "--allow-destroy"], 0);
        all_is_well(&database, &store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_in_the_middle_leaves_no_archive() {
    let store = Store::start().await;
    let database = large_database(", compression: none").await;
    store.set(Weather::Slow(128 << 10));
    let mut run = store.run(&database, &["apply", "--allow-destroy"]);
    let reading = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'COPY (SELECT%' AND datname = current_database())";
    assert!(run.comes_to(database.until(reading, || true)).await);
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY (SELECT%' AND datname = current_database()").await;
    let (code, said) = run.ends().await;
    // The server's last word (3) or the end of the connection (5), whichever is heard first.
    assert!(matches!(code, Some(3 | 5)), "{code:?} {said}");
    contains(&said, &["archive orders_2001_01 failed"]);
    store.set(Weather::Fine);
    // The server may have sent its last row by then, and the part come whole.
    let objects = store.objects();
    assert!(objects.iter().all(|object| !object.ends_with("manifest.json")), "{objects:?}");
    store.partctl(&database, &["apply", "--allow-destroy"], 0);
    all_is_well(&database, &store).await;
}
