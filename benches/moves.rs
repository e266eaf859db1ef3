//! A million rows of this month leave a DEFAULT of ten million: how fast, and for how long writers and readers wait.
//!
//! A writer inserts a row of this month every 2 ms, a reader looks one up by its key in all partitions every 5 ms. The
//! bare work is what a careful person types: DELETE … RETURNING into a new table under the locks that make it right, then
//! ATTACH. The figures are the seconds until all is done, rows moved per second, and the longest single statement of the
//! writer and of the reader.
//!
//! `cargo bench --bench moves` takes some ten minutes; words after `--` choose contenders by a part of their name.
//! `MOVES_ROWS` (10000000) is DEFAULT's size; a tenth of it moves.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use partctl::db::throwaway::{Durability, ServerOptions, ThrowawayServer};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_postgres::{Client, NoTls};

const TEMPLATE: &str = "filled";
const CONTENDERS: [&str; 4] = ["nobody", "bare-delete-insert", "partctl-at-once", "partctl-in-batches"];
const MONTH: &str = "date_trunc('month', now(), 'UTC')";

struct Bench {
    server: ThrowawayServer,
    folder: TempDir,
    rows: u64,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let rows = std::env::var("MOVES_ROWS").map_or(10_000_000, |text| text.parse().expect("MOVES_ROWS is a number"));
    let settings = [("max_wal_size", "8GB"), ("checkpoint_timeout", "1h")];
    let options = ServerOptions {
        durability: Durability::On,
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        ..ServerOptions::default()
    };
    let server = ThrowawayServer::start(options).expect("a PostgreSQL server: see the README");
    let bench = Bench { server, folder: tempfile::tempdir().expect("a folder"), rows };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        bench.prepare().await;
        for contender in CONTENDERS {
            if words.is_empty() || words.iter().any(|word| contender.contains(word.as_str())) {
                bench.measure(contender).await;
            }
        }
    });
}

impl Bench {
    async fn prepare(&self) {
        self.server.create_database(TEMPLATE, None).await.expect("a database");
        let client = self.connect(TEMPLATE, "bench").await;
        let (moved, rows) = (self.rows / 10, self.rows);
        let sql = format!(
            "CREATE SCHEMA bench; CREATE SEQUENCE bench.ids START 1000000000;
             CREATE TABLE bench.events (id bigint, at timestamptz, place int, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
             CREATE INDEX ON bench.events (place);
             CREATE TABLE bench.events_default PARTITION OF bench.events DEFAULT;
             INSERT INTO bench.events SELECT i, CASE i % 10 WHEN 0 THEN {MONTH} + i * interval '1 day' / {rows}
                     ELSE '2001-01-01 00:00+00'::timestamptz + i * interval '1 s' END, i % 1000, 'a note of some length, as notes are'
                 FROM generate_series(1, {rows}) i"
        );
        client.batch_execute(&sql).await.expect("the bench's tables");
        client.batch_execute("VACUUM (FREEZE, ANALYZE)").await.expect("a vacuum");
        let size = client.query_one("SELECT pg_table_size('bench.events_default') >> 20", &[]).await.expect("its size");
        println!("DEFAULT: {rows} rows, {} MB without indexes, {moved} of them to move", size.get::<_, i64>(0));
        drop(client);
        let client = self.connect("postgres", "bench").await;
        let sql = "SELECT FROM pg_stat_activity WHERE datname = $1";
        while !client.query(sql, &[&TEMPLATE]).await.expect("the sessions").is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn measure(&self, contender: &str) {
        self.server.create_database(contender, Some(TEMPLATE)).await.expect("a database");
        let admin = self.connect("postgres", "bench").await;
        admin.batch_execute("CHECKPOINT").await.expect("a checkpoint");
        let load = self.load(contender).await;
        sleep(Duration::from_secs(2)).await;
        let started = Instant::now();
        match contender {
            "nobody" => sleep(Duration::from_secs(10)).await,
            "bare-delete-insert" => self.bare(contender).await,
            "partctl-at-once" => self.partctl(contender, "at_once, writers_wait: 1 hour").await,
            _ => self.partctl(contender, "in_batches").await,
        }
        let took = started.elapsed();
        sleep(Duration::from_millis(300)).await;
        let longest = load.stop(started).await;
        let client = self.connect(contender, "bench").await;
        let left = format!("SELECT count(*) FROM bench.events_default WHERE {MONTH} <= at");
        let left: i64 = client.query_one(&left, &[]).await.expect("what is left").get(0);
        println!(
            "{contender:<20} {:>7.1} s  {:>9.0} rows/s  longest wait: writer {:>7.0} ms, reader {:>7.0} ms  left in DEFAULT: {left}",
            took.as_secs_f64(),
            self.rows as f64 / 10.0 / took.as_secs_f64(),
            longest[0],
            longest[1],
        );
        drop(client);
        admin.batch_execute(&format!("DROP DATABASE \"{contender}\" WITH (FORCE)")).await.expect("the database goes");
    }

    /// What is right by hand: with DEFAULT alone locked, statements that wait would miss rows.
    async fn bare(&self, database: &str) {
        let client = self.connect(database, "contender").await;
        let sql = format!(
            "DO $$ DECLARE first timestamptz := {MONTH}; BEGIN
                 CREATE TABLE bench.month (LIKE bench.events INCLUDING ALL);
                 LOCK TABLE ONLY bench.events IN SHARE ROW EXCLUSIVE MODE; LOCK TABLE bench.events_default IN SHARE ROW EXCLUSIVE MODE;
                 WITH moved AS (DELETE FROM bench.events_default WHERE at >= first AND at < first + interval '1 month' RETURNING *)
                     INSERT INTO bench.month SELECT * FROM moved;
                 LOCK TABLE ONLY bench.events IN ACCESS EXCLUSIVE MODE;
                 EXECUTE format('ALTER TABLE bench.events ATTACH PARTITION bench.month FOR VALUES FROM (%L) TO (%L)', first, first + interval '1 month');
             END $$"
        );
        client.batch_execute(&sql).await.expect("the bare work");
    }

    async fn partctl(&self, database: &str, how: &str) {
        let policy = self.folder.path().join("events.yaml");
        let yaml = format!(
            "version: 1\ntable: bench.events\npartition: {{range: at, every: 1 month, timezone: UTC}}\n\
             create: {{ahead: 1 partition, move_rows: {how}}}\n"
        );
        std::fs::write(&policy, yaml).expect("a policy file");
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_partctl"));
        command
            .arg("--policies")
            .arg(policy)
            .args(["--quiet", "apply"])
            .env("PARTCTL_DATABASE", self.server.url(database));
        let status = command.stdout(Stdio::null()).kill_on_drop(true).status().await.expect("partctl runs");
        assert!(status.success(), "partctl ended with {status}");
    }

    async fn load(&self, database: &str) -> Load {
        let wanted = Arc::new(AtomicBool::new(true));
        let write =
            format!("INSERT INTO bench.events VALUES (nextval('bench.ids'), {MONTH} + interval '1 s', 7, 'new')");
        let read = "SELECT count(*) FROM bench.events WHERE id = 12340".to_owned();
        let mut sides = Vec::new();
        for (name, pause, sql) in [("writer", 2, write), ("reader", 5, read)] {
            let client = self.connect(database, name).await;
            sides.push(tokio::spawn(again_and_again(client, Arc::clone(&wanted), Duration::from_millis(pause), sql)));
        }
        Load { wanted, sides }
    }

    async fn connect(&self, database: &str, application: &str) -> Client {
        let mut config: tokio_postgres::Config = self.server.url(database).parse().expect("a URL");
        let (client, connection) = config.application_name(application).connect(NoTls).await.expect("a session");
        tokio::spawn(connection);
        client
    }
}

/// The writer and the reader, as long as they are wanted.
struct Load {
    wanted: Arc<AtomicBool>,
    sides: Vec<JoinHandle<Vec<(Instant, f64)>>>,
}

impl Load {
    /// The longest statement of each that ended after this moment, in milliseconds.
    async fn stop(self, from: Instant) -> Vec<f64> {
        self.wanted.store(false, Ordering::Relaxed);
        let mut longest = Vec::new();
        for side in self.sides {
            let all = side.await.expect("a side's statements");
            longest.push(all.into_iter().filter(|(ended, _)| from < *ended).map(|(_, took)| took).fold(0.0, f64::max));
        }
        longest
    }
}

async fn again_and_again(client: Client, wanted: Arc<AtomicBool>, pause: Duration, sql: String) -> Vec<(Instant, f64)> {
    let mut latencies = Vec::new();
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while wanted.load(Ordering::Relaxed) {
        ticks.tick().await;
        let began = Instant::now();
        client.query_typed(&sql, &[]).await.expect("a statement of the load");
        latencies.push((Instant::now(), began.elapsed().as_secs_f64() * 1000.0));
    }
    latencies
}
