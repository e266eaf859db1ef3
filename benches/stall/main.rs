//! How long others wait while partitions are made and retired: partctl beside what people use otherwise.
//!
//! A transaction that has read the table stays open for ten seconds; a writer inserts every 2 ms; one reader selects
//! today's rows every 5 ms, another looks through all partitions. A second after that transaction began, three
//! partitions are to be made and eight retired. The figures are the longest and the 99th percentile of a single
//! statement, and how long after the transaction's end the work was done. "nobody" is the same with no DDL at all:
//! the noise of the machine, which every other figure contains.
//!
//! `cargo bench --bench stall` runs all of it (some 15 minutes); words after `--` choose cases or contenders by a part
//! of their name: `cargo bench --bench stall -- filled partctl`. `STALL_REPETITIONS` (3) and `STALL_SECONDS` (10) are
//! read from the environment; with `STALL_WATCH=1` it says who kept whom waiting, looking every 5 ms. Settings of the
//! server are given in `STALL_SETTINGS`: `commit_delay=50000 commit_siblings=0` makes every flush at a commit take 50 ms,
//! as a slow disk or a standby that is waited for does.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

mod load;

use std::process::Stdio;
use std::time::{Duration, Instant};

use partctl::db::throwaway::{Durability, ServerOptions, ThrowawayServer};
use tempfile::TempDir;
use tokio::time::{sleep, sleep_until};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

use self::load::Load;

/// Before today: eight that are over, three that stay.
const DAYS_BACK: u64 = 11;
const KEPT_BACK: u64 = 3;
const RETIRED: u64 = DAYS_BACK - KEPT_BACK;
const MADE: u64 = 3;
/// How long the transaction has been there when the work begins.
const HEAD_START: Duration = Duration::from_secs(1);
const GIVE_UP: Duration = Duration::from_secs(120);
/// Between two tries of one bare statement with a `lock_timeout`.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, PartialEq)]
enum Case {
    Plain,
    EmptyDefault,
    FilledDefault,
    ForeignKey,
}

#[derive(Clone, Copy, PartialEq)]
enum Contender {
    Nobody,
    Partctl,
    Bare,
    BareRetrying,
    Partman,
}

struct Bench {
    server: ThrowawayServer,
    folder: TempDir,
    partman: bool,
    open_for: Duration,
}

/// What one run saw; latencies in milliseconds.
struct Run {
    sides: Vec<Vec<f64>>,
    done: Option<f64>,
    complete: bool,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let repetitions = environment("STALL_REPETITIONS", 3);
    let settings = std::env::var("STALL_SETTINGS").unwrap_or_default();
    let settings = settings.split_whitespace().filter_map(|setting| setting.split_once('='));
    let options = ServerOptions {
        durability: Durability::On,
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        ..ServerOptions::default()
    };
    let server = ThrowawayServer::start(options).expect("a PostgreSQL server: see the README");
    let folder = tempfile::tempdir().expect("a folder");
    let open_for = Duration::from_secs(environment("STALL_SECONDS", 10));
    let mut bench = Bench { server, folder, partman: false, open_for };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        bench.partman = bench.look_for_partman().await;
        println!("{:<16}{:<22}{HEADINGS}", "", "");
        for case in chosen(&Case::ALL, Case::name, &words) {
            for contender in chosen(&Contender::ALL, Contender::name, &words) {
                if contender != Contender::Partman || bench.partman {
                    bench.measure(case, contender, repetitions).await;
                }
            }
        }
    });
}

const HEADINGS: &str = "writer: longest  p99 | reader: longest  p99 | of all: longest  p99 | done after (s)";

impl Case {
    const ALL: [Self; 4] = [Self::Plain, Self::EmptyDefault, Self::FilledDefault, Self::ForeignKey];

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "no-default",
            Self::EmptyDefault => "empty-default",
            Self::FilledDefault => "filled-default",
            Self::ForeignKey => "foreign-key",
        }
    }

    fn has_default(self) -> bool {
        matches!(self, Self::EmptyDefault | Self::FilledDefault)
    }

    fn table(self) -> String {
        let references = if self == Self::ForeignKey { "REFERENCES bench.places" } else { "" };
        format!(
            "CREATE SCHEMA bench;
             CREATE SEQUENCE bench.ids START 1000000000;
             CREATE TABLE bench.places (id int PRIMARY KEY, seen int);
             INSERT INTO bench.places SELECT generate_series(0, 99), 0;
             CREATE TABLE bench.events (id bigint, at timestamptz, place int {references}, note text, PRIMARY KEY (id, at))
                 PARTITION BY RANGE (at);"
        )
    }

    /// Rows for every partition, and for DEFAULT rows of windows that nobody makes.
    fn rows(self) -> String {
        let mut sql = format!(
            "INSERT INTO bench.events SELECT i, {}::timestamptz + i * interval '75 s', i % 100, 'note'
                 FROM generate_series(0, {}) i;",
            literal(-(DAYS_BACK as i64)),
            (DAYS_BACK + 2) * 1152 - 1,
        );
        if self == Self::FilledDefault {
            sql += "INSERT INTO bench.events SELECT -i, '1990-01-01 00:00+00'::timestamptz + i * interval '1 s', i % 100, 'note'
                        FROM generate_series(1, 1000000) i;";
        }
        sql
    }
}

impl Contender {
    const ALL: [Self; 5] = [Self::Nobody, Self::Partctl, Self::Bare, Self::BareRetrying, Self::Partman];

    fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Partctl => "partctl",
            Self::Bare => "bare-statements",
            Self::BareRetrying => "bare-with-timeout",
            Self::Partman => "pg_partman",
        }
    }
}

impl Bench {
    async fn look_for_partman(&self) -> bool {
        let client = self.connect("postgres", "bench").await;
        let sql = "SELECT default_version FROM pg_available_extensions WHERE name = 'pg_partman'";
        let rows = client.query(sql, &[]).await.expect("the server's extensions");
        let version = rows.first().map(|row| row.get::<_, String>(0));
        let speaks = version.as_deref().is_some_and(|version| version.starts_with("4."));
        match version {
            Some(version) if speaks => println!("pg_partman {version} takes part"),
            Some(version) => println!("pg_partman {version} is left out: this benchmark speaks to 4.x"),
            None => println!("pg_partman is left out: it is not installed on this server"),
        }
        speaks
    }

    async fn measure(&self, case: Case, contender: Contender, repetitions: u64) {
        let template = format!("{} {}", case.name(), contender.name());
        self.prepare(&template, case, contender).await;
        let mut runs = Vec::new();
        for repetition in 0..repetitions {
            let database = format!("{template} {repetition}");
            self.server.create_database(&database, Some(&template)).await.expect("a database");
            runs.push(self.run(&database, case, contender).await);
        }
        let mut line = format!("{:<16}{:<22}", case.name(), contender.name());
        for side in 0..3 {
            let longest: Vec<f64> = runs.iter().map(|run| percentile(&run.sides[side], 1.0)).collect();
            let p99: Vec<f64> = runs.iter().map(|run| percentile(&run.sides[side], 0.99)).collect();
            line += &format!("{:>6.0} ({:>5.0}) {:>6.1} | ", median(&longest), percentile(&longest, 1.0), median(&p99));
        }
        let done: Vec<f64> = runs.iter().filter_map(|run| run.done).collect();
        let complete = runs.iter().filter(|run| run.complete).count();
        if contender != Contender::Nobody {
            let worst = percentile(&done, 1.0);
            line += &format!("{:>6.2} ({worst:>5.2}), all of it {complete} of {repetitions}", median(&done));
        }
        println!("{line}");
    }

    /// The database that every repetition begins with. pg_partman makes its own partitions, of the same shape.
    async fn prepare(&self, database: &str, case: Case, contender: Contender) {
        self.server.create_database(database, None).await.expect("a database");
        let client = self.connect(database, "bench").await;
        let mut sql = case.table();
        if contender == Contender::Partman {
            sql += &format!(
                "CREATE SCHEMA partman; CREATE EXTENSION pg_partman SCHEMA partman;
                 SELECT partman.create_parent('bench.events', 'at', 'native', 'daily', p_premake := 1,
                     p_start_partition := {}, p_jobmon := false);
                 UPDATE partman.part_config SET premake = {}, infinite_time_partitions = true,
                     retention = '{KEPT_BACK} days', retention_keep_table = false;",
                literal(-(DAYS_BACK as i64)),
                MADE + 1,
            );
            if !case.has_default() {
                sql += "DROP TABLE bench.events_default;";
            }
        } else {
            for day in -(DAYS_BACK as i64)..=1 {
                sql += &format!("CREATE TABLE {};", partition_of(day));
            }
            if case.has_default() {
                sql += "CREATE TABLE bench.events_default PARTITION OF bench.events DEFAULT;";
            }
        }
        client.batch_execute(&(sql + &case.rows())).await.expect("the bench's tables");
        client.batch_execute("VACUUM (FREEZE, ANALYZE)").await.expect("a vacuum");
        drop(client);
        if contender == Contender::Partctl {
            assert!(self.partctl(database, &["init"]).status().await.expect("partctl").success());
        }
        self.nobody_is_connected(database).await;
    }

    async fn run(&self, database: &str, case: Case, contender: Contender) -> Run {
        // What was just copied shall not be written out in the middle.
        let admin = self.connect("postgres", "bench").await;
        admin.batch_execute("CHECKPOINT").await.expect("a checkpoint");
        let load = Load::start(self, database, case).await;
        let old = self.connect(database, "long transaction").await;
        old.batch_execute("BEGIN; SELECT count(*) FROM bench.events").await.expect("the long transaction");
        let begun = Instant::now();
        sleep(HEAD_START).await;
        let watch = match std::env::var_os("STALL_WATCH") {
            Some(_) => Some(load.watch(self.connect(database, "watch").await)),
            None => None,
        };
        let started = Instant::now();
        let work = async {
            let result = tokio::time::timeout(GIVE_UP, self.contend(contender, database)).await;
            (result, Instant::now())
        };
        let end = async {
            sleep_until((begun + self.open_for).into()).await;
            old.batch_execute("COMMIT").await.expect("the long transaction");
            Instant::now()
        };
        let ((result, done), ended) = tokio::join!(work, end);
        if result.is_err() {
            println!("  {} {}: given up after {} s", case.name(), contender.name(), GIVE_UP.as_secs());
        }
        sleep(Duration::from_millis(300)).await;
        let sides = load.stop(started).await;
        if let Some(watch) = watch {
            watch.await.expect("the watch");
        }
        let complete = self.is_complete(database).await;
        let done = (done - begun).as_secs_f64() - (ended - begun).as_secs_f64();
        Run { sides, done: (contender != Contender::Nobody).then_some(done), complete }
    }

    async fn contend(&self, contender: Contender, database: &str) {
        match contender {
            Contender::Nobody => {}
            Contender::Partctl => {
                let status = self.partctl(database, &["--quiet", "apply", "--allow-destroy"]).status().await;
                let status = status.expect("partctl runs");
                if !status.success() {
                    println!("  partctl ended with {status}");
                }
            }
            Contender::Bare | Contender::BareRetrying => {
                let client = self.connect(database, "contender").await;
                if contender == Contender::BareRetrying {
                    client.batch_execute("SET lock_timeout = '50ms'").await.expect("a setting");
                }
                for statement in bare_statements() {
                    until_granted(&client, &statement).await;
                }
            }
            Contender::Partman => {
                let client = self.connect(database, "contender").await;
                let sql = "SELECT partman.run_maintenance('bench.events', p_jobmon := false)";
                until_granted(&client, sql).await;
            }
        }
    }

    fn partctl(&self, database: &str, arguments: &[&str]) -> tokio::process::Command {
        let policy = self.folder.path().join("events.yaml");
        let yaml = format!(
            "version: 1\ntable: bench.events\npartition: {{range: at, every: 1 day, timezone: UTC}}\n\
             create: {{ahead: {} partitions}}\n\
             retain: {{for: {KEPT_BACK} days, then: drop, grace: 0 days, per_run: {RETIRED}}}\n",
            MADE + 1
        );
        std::fs::write(&policy, yaml).expect("a policy file");
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_partctl"));
        command.arg("--policies").arg(policy).args(arguments);
        command.env("PARTCTL_DATABASE", self.server.url(database)).stdout(Stdio::null()).kill_on_drop(true);
        command
    }

    /// What should be there is there, and nothing else.
    async fn is_complete(&self, database: &str) -> bool {
        let client = self.connect(database, "bench").await;
        let sql = "SELECT count(*) FILTER (WHERE relispartition), count(*) FILTER (WHERE NOT relispartition)
                   FROM pg_class WHERE relnamespace = 'bench'::regnamespace AND relkind = 'r' AND relname LIKE 'events\\_%'
                   AND pg_get_expr(relpartbound, 0) IS DISTINCT FROM 'DEFAULT'";
        let row = client.query_one(sql, &[]).await.expect("the partitions");
        let (partitions, others): (i64, i64) = (row.get(0), row.get(1));
        // Today and the one after it were there before.
        partitions == (KEPT_BACK + 2 + MADE) as i64 && others == 0
    }

    async fn connect(&self, database: &str, application: &str) -> Client {
        let mut config: tokio_postgres::Config = self.server.url(database).parse().expect("a URL");
        let (client, connection) = config.application_name(application).connect(NoTls).await.expect("a session");
        tokio::spawn(connection);
        client
    }

    /// A template must not be in use (55006), and a session ends a moment after its client.
    async fn nobody_is_connected(&self, database: &str) {
        let client = self.connect("postgres", "bench").await;
        let sql = "SELECT FROM pg_stat_activity WHERE datname = $1";
        while !client.query(sql, &[&database]).await.expect("the sessions").is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// What a script in cron does.
fn bare_statements() -> Vec<String> {
    let mut statements = Vec::new();
    statements.extend((2..2 + MADE as i64).map(|day| format!("CREATE TABLE {}", partition_of(day))));
    for day in -(DAYS_BACK as i64)..-(KEPT_BACK as i64) {
        statements.push(format!("ALTER TABLE bench.events DETACH PARTITION {}", name(day)));
        statements.push(format!("DROP TABLE {}", name(day)));
    }
    statements
}

/// Tries again for as long as locks are not granted in time, or a deadlock ends the statement.
async fn until_granted(client: &Client, statement: &str) {
    while let Err(error) = client.batch_execute(statement).await {
        // pg_partman raises what it met under a code of its own.
        let deadlock = format!("{error:?}").contains("deadlock detected");
        assert!(deadlock || error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE), "{statement}: {error:?}");
        sleep(RETRY_PAUSE).await;
    }
}

fn partition_of(day: i64) -> String {
    format!("{} PARTITION OF bench.events FOR VALUES FROM ({}) TO ({})", name(day), literal(day), literal(day + 1))
}

fn name(day: i64) -> String {
    format!("bench.events_{}", date(day).format("%Y_%m_%d"))
}

/// Midnight of so many days after today, as SQL.
fn literal(day: i64) -> String {
    format!("'{} 00:00+00'", date(day))
}

fn date(day: i64) -> chrono::NaiveDate {
    let today = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).date_naive();
    today + chrono::TimeDelta::days(day)
}

/// All of them, or those that a word names. Words that name nothing here may name something elsewhere.
fn chosen<T: Copy>(all: &[T], name: fn(T) -> &'static str, words: &[String]) -> Vec<T> {
    let named: Vec<T> =
        all.iter().copied().filter(|one| words.iter().any(|word| name(*one).contains(word.as_str()))).collect();
    if named.is_empty() { all.to_vec() } else { named }
}

fn environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}: a number")))
}

fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
}
