//! What an archive takes, beside what takes the same rows elsewhere: one detached month of mixed columns. And what it
//! takes to bring them back.
//!
//! `cargo bench --bench archives` makes 5 million rows (`ARCHIVE_ROWS`) and lets every contender take them three times
//! (`ARCHIVE_REPETITIONS`), one after another; words after `--` choose contenders by a part of their name. Contenders
//! whose programs are not found are left out: psql, pg_dump and zstd from the path, DuckDB from the Python that
//! `.ci/setup tests` makes. Only partctl reads back and compares what it has written,
//! there and back, and that is in its time.
//! Quote ratios, not times.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use partctl::db::throwaway::{Durability, ServerOptions, ThrowawayServer};
use tempfile::TempDir;

const DUCKDB: &str = "import duckdb, sys; c = duckdb.connect(); c.execute('INSTALL postgres; LOAD postgres'); \
    c.execute(f\"COPY (SELECT * FROM postgres_scan('{sys.argv[1]}', 'bench', 'taken')) TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd)\")";

struct Bench {
    server: ThrowawayServer,
    runtime: tokio::runtime::Runtime,
    folder: TempDir,
}

/// What takes the rows, and how it is started for a folder to write to; `None` where its program is not there.
struct Contender {
    name: &'static str,
    /// Statements before each run, whose time is not counted.
    before: &'static str,
    command: fn(&Bench, &Path) -> Option<Command>,
}

/// What is restored from by those that bring rows back.
const KEPT: [&str; 2] = ["psql \\copy csv | zstd -3", "partctl parquet, verified"];
/// No table to restore into is there yet, or an empty one.
const NOT_THERE: &str = "DROP TABLE IF EXISTS bench.again; CHECKPOINT";
const EMPTY: &str = "DROP TABLE IF EXISTS bench.again; CREATE TABLE bench.again (LIKE bench.taken); CHECKPOINT";

const CONTENDERS: [Contender; 9] = [
    Contender {
        name: "COPY BINARY to nowhere",
        before: "",
        command: |bench, _| {
            Some(bench.shell("psql -X -q -c '\\copy bench.taken to stdout (format binary)' \"$URL\" >/dev/null"))
        },
    },
    Contender {
        name: "psql \\copy csv | zstd -3",
        before: "",
        command: |bench, to| {
            let to = to.display();
            Some(bench.shell(&format!(
                "psql -X -q -c '\\copy bench.taken to stdout (format csv)' \"$URL\" | zstd -q -3 > '{to}/rows.csv.zst'"
            )))
        },
    },
    Contender {
        name: "pg_dump -Fc",
        before: "",
        command: |bench, to| {
            Some(bench.shell(&format!("pg_dump -Fc -t bench.taken -f '{}/rows.dump' \"$URL\"", to.display())))
        },
    },
    Contender { name: "duckdb to Parquet", before: "", command: Bench::duckdb },
    Contender {
        name: "partctl parquet, verified",
        before: "",
        command: |bench, to| Some(bench.partctl(to, "parquet", 1)),
    },
    Contender {
        name: "partctl parquet, verified, 2 connections",
        before: "",
        command: |bench, to| Some(bench.partctl(to, "parquet", 2)),
    },
    Contender { name: "partctl csv, verified", before: "", command: |bench, to| Some(bench.partctl(to, "csv", 1)) },
    Contender {
        name: "back: zstd | psql \\copy csv",
        before: EMPTY,
        command: |bench, _| {
            let rows = bench.kept().join("rows.csv.zst");
            Some(bench.shell(&format!(
                "zstd -q -d -c '{}' | psql -X -q -c '\\copy bench.again from stdin (format csv)' \"$URL\"",
                rows.display()
            )))
        },
    },
    Contender { name: "back: partctl parquet, compared", before: NOT_THERE, command: |bench, _| Some(bench.restore()) },
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let options = ServerOptions { durability: Durability::On, ..ServerOptions::default() };
    let server = ThrowawayServer::start(options).expect("a PostgreSQL server: see the README");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let bench = Bench { server, runtime, folder: tempfile::tempdir().expect("a folder") };
    let rows = environment("ARCHIVE_ROWS", 5_000_000);
    bench.fill(rows);
    bench.keep();
    println!("{rows} rows of 8 columns                   seconds   MB written   peak MB");
    let chosen: Vec<&Contender> = CONTENDERS
        .iter()
        .filter(|contender| words.is_empty() || words.iter().any(|word| contender.name.contains(word.as_str())))
        .collect();
    let mut runs: Vec<Vec<Run>> = chosen.iter().map(|_| Vec::new()).collect();
    for _ in 0..environment("ARCHIVE_REPETITIONS", 3) {
        for (contender, runs) in chosen.iter().zip(&mut runs) {
            runs.extend(bench.run(contender));
        }
    }
    for (contender, mut runs) in chosen.iter().zip(runs) {
        runs.sort_by_key(|run| run.time);
        match runs.get(runs.len() / 2) {
            None => println!("{:<40} not found", contender.name),
            Some(run) => {
                let peak = runs.iter().map(|run| run.peak).fold(0.0, f64::max);
                println!(
                    "{:<40} {:>7.1} {:>12.1} {:>9.0}",
                    contender.name,
                    run.time.as_secs_f64(),
                    run.megabytes,
                    peak
                );
            }
        }
    }
}

/// What one run took.
struct Run {
    time: Duration,
    megabytes: f64,
    /// Resident megabytes of the program itself; what a shell starts is not counted.
    peak: f64,
}

impl Bench {
    /// A table whose only old partition holds all rows, detached by a first run that cannot archive it.
    fn fill(&self, rows: u64) {
        let sql = format!(
            "CREATE SCHEMA bench;
             CREATE TABLE bench.orders (id bigint, at timestamptz NOT NULL, customer int, amount numeric(12,2), note text, doc jsonb,
                 key uuid, paid bool) PARTITION BY RANGE (at);
             CREATE TABLE bench.taken (LIKE bench.orders);
             CREATE TABLE bench.orders_rest PARTITION OF bench.orders FOR VALUES FROM ('2001-02-01 00:00+00') TO (MAXVALUE);
             INSERT INTO bench.orders VALUES (0, now());
             INSERT INTO bench.taken SELECT i, '2001-01-01 00:00+00'::timestamptz + i * (interval '30 days' / {rows}), (i * 7919::bigint) % 100000,
                 (random() * 10000)::numeric(12,2), 'order ' || i || ' ' || md5((i % 1000)::text),
                 jsonb_build_object('source', 'web', 'items', i % 9, 'coupon', md5((i % 77)::text)), gen_random_uuid(), i % 3 = 0
                 FROM generate_series(1, {rows}) i;
             ALTER TABLE bench.orders ATTACH PARTITION bench.taken FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
             VACUUM ANALYZE bench.taken"
        );
        self.sql("CREATE DATABASE archives", "postgres");
        for statement in sql.split(';') {
            self.sql(statement, "archives");
        }
        // Its archive fails, and the table is detached from then on.
        let in_the_way = self.folder.path().join("in-the-way");
        std::fs::write(&in_the_way, "").expect("a file");
        let status = self.partctl(&in_the_way, "csv", 1).status().expect("partctl runs");
        assert_eq!(status.code(), Some(3), "nothing is archived below a file");
    }

    fn sql(&self, sql: &str, database: &str) {
        self.runtime.block_on(async {
            let (client, connection) =
                tokio_postgres::connect(&self.server.url(database), tokio_postgres::NoTls).await.expect("a connection");
            tokio::spawn(connection);
            client.batch_execute(sql).await.expect(sql);
        });
    }

    fn run(&self, contender: &Contender) -> Option<Run> {
        let to = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        contender.before.split_terminator(';').for_each(|statement| self.sql(statement, "archives"));
        let mut command = (contender.command)(self, to.path())?;
        let started = Instant::now();
        let mut child = command.stdout(Stdio::null()).spawn().ok()?;
        let status_file = format!("/proc/{}/status", child.id());
        let mut peak = 0.0;
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break status;
            }
            // Linux; elsewhere nothing is known of memory.
            let text = std::fs::read_to_string(&status_file).unwrap_or_default();
            let high = text
                .lines()
                .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
            peak = f64::max(peak, high.unwrap_or_default() / 1000.0);
            std::thread::sleep(Duration::from_millis(2));
        };
        let time = started.elapsed();
        assert!(status.success() || !contender.name.contains("partctl"), "{} failed", contender.name);
        self.forget_archives();
        status.success().then(|| Run { time, megabytes: size(to.path()) as f64 / 1e6, peak })
    }

    /// The rows are archived anew by the next run.
    fn forget_archives(&self) {
        self.sql(
            "UPDATE partctl.archives SET deleted_at = now(), removed_at = now() WHERE verified_at IS NOT NULL",
            "archives",
        );
    }

    /// What is restored from.
    fn kept(&self) -> PathBuf {
        self.folder.path().join("kept")
    }

    fn keep(&self) {
        let kept = self.kept();
        std::fs::create_dir(&kept).expect("a folder");
        for contender in CONTENDERS.iter().filter(|contender| KEPT.contains(&contender.name)) {
            let mut command = (contender.command)(self, &kept).expect("psql and zstd");
            assert!(command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success()));
        }
        self.forget_archives();
    }

    fn restore(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_partctl"));
        let kept = format!("file://{}", self.kept().display());
        command.args(["archive", "restore", "taken", "--as", "bench.again", "--from", &kept]);
        command.env("PARTCTL_DATABASE", self.server.url("archives"));
        command
    }

    fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("bash");
        command.args(["-o", "pipefail", "-c", script]).env("URL", self.server.url("archives"));
        command
    }

    fn duckdb(&self, to: &Path) -> Option<Command> {
        let python = concat!(env!("CARGO_MANIFEST_DIR"), "/target/readers/bin/python3");
        let mut command = Command::new(python);
        command.args(["-c", DUCKDB, &self.server.url("archives")]).arg(to.join("rows.parquet"));
        Path::new(python).exists().then_some(command)
    }

    fn partctl(&self, to: &Path, format: &str, connections: u32) -> Command {
        let policies = self.folder.path().join(format!("policies-{format}-{connections}"));
        std::fs::create_dir_all(&policies).expect("a folder");
        let policy = format!(
            "version: 1\ntable: bench.orders\npartition: {{range: at, every: 1 month, timezone: UTC}}\n\
             retain: {{for: 2 years, then: archive, grace: 7 days}}\narchive: {{to: \"file://{}\", format: {format}, connections: {connections}}}\n",
            to.display()
        );
        std::fs::write(policies.join("orders.yaml"), policy).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_partctl"));
        command.arg("--policies").arg(policies).args(["apply", "--allow-destroy"]);
        command.env("PARTCTL_DATABASE", self.server.url("archives"));
        command
    }
}

fn environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return path.metadata().map_or(0, |file| file.len()) };
    entries.flatten().map(|entry| size(&entry.path())).sum()
}
