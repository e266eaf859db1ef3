//! Rows that leave DEFAULT while everybody works on: each statement's own count is right at every moment, and no row is
//! lost or doubled, however the move ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;

use super::harness::{Database, contains, session};

const POLICY: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 3 partitions}\n";
const TABLE: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint NOT NULL, at timestamptz NOT NULL, who int NOT NULL, n int, PRIMARY KEY (id, at))
        PARTITION BY RANGE (at);
    CREATE INDEX ON shop.orders (who); CREATE TABLE shop.rest PARTITION OF shop.orders DEFAULT;";
/// So many rows in the window of each of the next months, from this one on, and nobody changes them.
const STONES: i64 = 2_000;
const MONTHS: i64 = 4;

/// Midnight of the first day of the month so many months ahead.
fn month(ahead: i64) -> String {
    format!("(date_trunc('month', now(), 'UTC') + interval '{ahead} months')")
}

async fn with_stones(policy: &str) -> Database {
    let stones = format!(
        "INSERT INTO shop.orders SELECT m * 1000000 + i, {} + m * interval '1 month' + i * interval '1 s', 0, 0
           FROM generate_series(0, {MONTHS} - 1) m, generate_series(1, {STONES}) i;
         INSERT INTO shop.orders SELECT -i, '2097-01-01', 0, 0 FROM generate_series(1, 500) i; ANALYZE shop.orders;",
        month(0)
    );
    Database::new(policy, &format!("{TABLE}{stones}")).await
}

/// Sessions that work until they are told to stop; each panics at the first wrong count.
struct Crowd {
    over: Arc<AtomicBool>,
    members: Vec<JoinHandle<(&'static str, usize)>>,
}

impl Crowd {
    async fn gather(database: &Database) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut members = Vec::new();
        for (name, sql, expected) in [
            ("reader of all", "SELECT count(*) FROM shop.orders WHERE who = 0".to_owned(), MONTHS * STONES + 500),
            (
                "reader of one month",
                format!("SELECT count(*) FROM shop.orders WHERE who = 0 AND at >= {} AND at < {}", month(1), month(2)),
                STONES,
            ),
            (
                "reader of a month in DEFAULT",
                "SELECT count(*) FROM shop.orders WHERE at = '2097-01-01'".to_owned(),
                500,
            ),
            (
                "reader by key",
                format!("SELECT count(*) FROM shop.orders WHERE id = 2000007 AND at = {} + interval '7 s'", month(2)),
                1,
            ),
            (
                "reader who counts twice",
                format!(
                    "SELECT a.n + b.n FROM (SELECT count(*) AS n FROM shop.orders WHERE who = 0 AND at < {m}) a,
                                       (SELECT count(*) AS n FROM shop.orders WHERE who = 0 AND at >= {m}) b",
                    m = month(2)
                ),
                MONTHS * STONES + 500,
            ),
        ] {
            let (session, over) = (session(&database.url()).await, Arc::clone(&over));
            members.push(tokio::spawn(async move {
                let mut times = 0;
                while !over.load(Ordering::Relaxed) {
                    let row = session
                        .client()
                        .query_typed(&sql, &[])
                        .await
                        .unwrap_or_else(|error| panic!("{name}: {error:?}"));
                    assert_eq!(row[0].get::<_, i64>(0), expected, "{name}, after {times} times");
                    times += 1;
                }
                (name, times)
            }));
        }
        let (client, prepared) = (session(&database.url()).await, Arc::clone(&over));
        members.push(tokio::spawn(async move {
            let client = client.client();
            client.batch_execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
            let sql = format!("SELECT count(*) FROM shop.orders WHERE who = 0 AND at >= {m} + $1 * interval '1 month' AND at < {m} + ($1 + 1) * interval '1 month'", m = month(0));
            let statement = client.prepare_typed(&sql, &[tokio_postgres::types::Type::FLOAT8]).await.unwrap();
            let mut times = 0;
            while !prepared.load(Ordering::Relaxed) {
                let ahead = (times % 4) as f64;
                let rows = client.query(&statement, &[&ahead]).await.unwrap();
                assert_eq!(rows[0].get::<_, i64>(0), STONES, "prepared, month {ahead}, after {times} times");
                times += 1;
            }
            ("reader with a generic plan", times)
        }));
        for who in 1..=3 {
            members.push(tokio::spawn(write(session(&database.url()).await, who, Arc::clone(&over))));
        }
        Self { over, members }
    }

    async fn disperse(self) {
        self.over.store(true, Ordering::Relaxed);
        for member in self.members {
            let (name, times) = member.await.unwrap();
            assert!(3 < times, "{name} came to work {times} times only");
        }
    }
}

/// Inserts, changes, moves to another month and deletes rows of its own, and knows after each statement how many it has.
async fn write(session: partctl::db::connect::Session, who: i64, over: Arc<AtomicBool>) -> (&'static str, usize) {
    let client = session.client();
    let run = async |sql: &str, expected: u64, times: usize| {
        let done = client
            .execute_typed(sql, &[])
            .await
            .unwrap_or_else(|error| panic!("{sql}, after {times} times: {error:?}"));
        assert_eq!(done, expected, "{sql}, after {times} times");
    };
    let (mut own, mut times) = (0, 0);
    while !over.load(Ordering::Relaxed) {
        let id = who * 1_000_000_000 + times as i64;
        let at = |ahead: i64| format!("{} + interval '{} s'", month(ahead), 100_000 + times % 1000);
        let ahead = (times as i64 + who) % MONTHS;
        run(&format!("INSERT INTO shop.orders VALUES ({id}, {}, {who}, 0)", at(ahead)), 1, times).await;
        own += 1;
        run(&format!("UPDATE shop.orders SET n = n + 1 WHERE id = {id} AND at = {}", at(ahead)), 1, times).await;
        let elsewhere = (ahead + 1) % MONTHS;
        run(&format!("UPDATE shop.orders SET at = {} WHERE id = {id}", at(elsewhere)), 1, times).await;
        if times % 3 == 0 {
            run(&format!("DELETE FROM shop.orders WHERE id = {id} AND n = 1"), 1, times).await;
            own -= 1;
        }
        let rows =
            client.query_typed(&format!("SELECT count(*) FROM shop.orders WHERE who = {who}"), &[]).await.unwrap();
        assert_eq!(rows[0].get::<_, i64>(0), own, "writer {who}, after {times} times");
        times += 1;
    }
    ("writer", times)
}

const IN_DEFAULT: &str = "SELECT count(*) FROM shop.rest WHERE at < '2097-01-01'";

#[tokio::test(flavor = "multi_thread")]
async fn while_rows_leave_default_every_statement_counts_right() {
    let database = with_stones(POLICY).await;
    let crowd = Crowd::gather(&database).await;
    let run = database.start(&database.url(), &["apply"]);
    let (code, text) = run.ends().await;
    database.sql("SELECT pg_sleep(0.3)").await;
    crowd.disperse().await;
    assert_eq!(code, Some(0), "{text}");
    contains(&text, &["4 steps done"]);
    assert_eq!(database.value(IN_DEFAULT).await, "0");
    database.partctl(&["plan", "--check"], 0);
}
