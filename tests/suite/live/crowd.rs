//! A table of which too much lies in DEFAULT, and a crowd that works with it and checks its own counts: every reader sees
//! every row at every moment, and every writer changes just the rows that it means.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use partctl::db::connect::Session;
use partctl::db::throwaway::ThrowawayServer;
use tokio::task::JoinHandle;

use super::harness::{Database, server};

/// Longer than any statement of the crowd may take, and than its members may take to hear that it is over.
const LONGEST: Duration = Duration::from_secs(30);

/// A session whose statements end by themselves, so that a test of the crowd fails and does not hang.
async fn session(url: &str) -> Session {
    let session = super::harness::session(url).await;
    session.client().batch_execute(&format!("SET statement_timeout = '{} s'", LONGEST.as_secs())).await.unwrap();
    session
}

/// One partition per month, and DEFAULT.
pub const POLICY: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 3 partitions}\n";
/// The table that it is for.
pub const TABLE: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint NOT NULL, at timestamptz NOT NULL, who int NOT NULL, n int, PRIMARY KEY (id, at))
        PARTITION BY RANGE (at);
    CREATE INDEX ON shop.orders (who); CREATE TABLE shop.rest PARTITION OF shop.orders DEFAULT;";
/// So many rows in the window of each of the next months, from this one on, and nobody changes them.
pub const STONES: i64 = 2_000;
/// The months.
pub const MONTHS: i64 = 4;

/// Midnight of the first day of the month so many months ahead.
pub fn month(ahead: i64) -> String {
    format!("(date_trunc('month', now(), 'UTC') + interval '{ahead} months')")
}

/// The table, filled.
pub async fn with_stones(policy: &str) -> Database {
    with_so_many_stones(policy, STONES).await
}

/// The same with so many rows of each month.
pub async fn with_so_many_stones(policy: &str, each: i64) -> Database {
    with_so_many_stones_on(server(), policy, each).await
}

/// The same on a server of the test's own.
pub async fn with_so_many_stones_on(server: &ThrowawayServer, policy: &str, each: i64) -> Database {
    let stones = format!(
        "INSERT INTO shop.orders SELECT m * 1000000 + i, {} + m * interval '1 month' + i * interval '1 s', 0, 0
           FROM generate_series(0, {MONTHS} - 1) m, generate_series(1, {each}) i;
         INSERT INTO shop.orders SELECT -i, '2097-01-01', 0, 0 FROM generate_series(1, 500) i; ANALYZE shop.orders;",
        month(0)
    );
    Database::on(server, policy, &format!("{TABLE}{stones}")).await
}

/// Sessions that work until they are told to stop; each panics at the first wrong count.
pub struct Crowd {
    over: Arc<AtomicBool>,
    members: Vec<JoinHandle<(&'static str, usize)>>,
}

impl Crowd {
    /// Lets them begin.
    pub async fn gather(database: &Database) -> Self {
        let stones: i64 = database
            .value(&format!("SELECT count(*) / {MONTHS} FROM shop.orders WHERE who = 0 AND at < '2097-01-01'"))
            .await
            .parse()
            .unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let mut members = Vec::new();
        for (name, sql, expected) in [
            ("reader of all", "SELECT count(*) FROM shop.orders WHERE who = 0".to_owned(), MONTHS * stones + 500),
            (
                "reader of one month",
                format!("SELECT count(*) FROM shop.orders WHERE who = 0 AND at >= {} AND at < {}", month(1), month(2)),
                stones,
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
                MONTHS * stones + 500,
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
                assert_eq!(rows[0].get::<_, i64>(0), stones, "prepared, month {ahead}, after {times} times");
                times += 1;
            }
            ("reader with a generic plan", times)
        }));
        for who in 1..=3 {
            members.push(tokio::spawn(write(session(&database.url()).await, who, Arc::clone(&over))));
        }
        Self { over, members }
    }

    /// Two more, whose transactions keep the snapshot of their first statement: a reader who counts a month and all the
    /// others, and a writer.
    pub async fn and_two_who_keep_their_snapshots(mut self, database: &Database) -> Self {
        let (reader, over) = (session(&database.url()).await, Arc::clone(&self.over));
        self.members.push(tokio::spawn(async move {
            let (client, mut times) = (reader.client(), 0);
            let count = async |condition: &str| {
                let sql = format!("SELECT count(*) FROM shop.orders WHERE {condition}");
                let rows = client.query_typed(&sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
                rows[0].get::<_, i64>(0)
            };
            while !over.load(Ordering::Relaxed) {
                let isolation = ["REPEATABLE READ", "SERIALIZABLE"][times % 2];
                client.batch_execute(&format!("BEGIN ISOLATION LEVEL {isolation}")).await.unwrap();
                let one = format!("at >= {} AND at < {}", month(1), month(2));
                let (first, all) = (count(&one).await, count("true").await);
                let (others, again) = (count(&format!("NOT ({one})")).await, count(&one).await);
                client.batch_execute("COMMIT").await.unwrap();
                assert_eq!((first, first + others), (again, all), "{isolation}, after {times} times");
                times += 1;
            }
            ("reader with a snapshot", times)
        }));
        let writer = session(&database.url()).await;
        writer.client().batch_execute("SET default_transaction_isolation = 'repeatable read'").await.unwrap();
        self.members.push(tokio::spawn(write(writer, 4, Arc::clone(&self.over))));
        self
    }

    /// Lets them end, and holds that each came to work.
    pub async fn disperse(self) {
        self.over.store(true, Ordering::Relaxed);
        for member in self.members {
            let (name, times) = tokio::time::timeout(LONGEST, member).await.expect("a member goes on").unwrap();
            assert!(3 < times, "{name} came to work {times} times only");
        }
    }
}

/// Inserts, changes, moves to another month and deletes rows of its own, and knows after each statement how many it has.
async fn write(session: Session, who: i64, over: Arc<AtomicBool>) -> (&'static str, usize) {
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

/// Rows that are to leave DEFAULT.
pub const IN_DEFAULT: &str = "SELECT count(*) FROM shop.rest WHERE at < '2097-01-01'";

/// A text that was broken into lines.
pub fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
