//! Ratios against the limit, measured in the same run: what partctl takes over what psql takes for the bare work.
//!
//! `cargo bench --bench ratios` runs all of it (some ten minutes, most of it making 10,000 partitions); `-- plan` runs
//! the parts whose name contains a word. Every figure is the median of interleaved runs on a throwaway server with
//! durable settings; quote ratios, not times.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use partctl::db::throwaway::{Durability, ServerOptions, ThrowawayServer};
use tempfile::TempDir;

const TABLES: usize = 50;
const DAYS: usize = 30;
const MANY: usize = 10_000;

struct Bench {
    server: ThrowawayServer,
    runtime: tokio::runtime::Runtime,
    folder: TempDir,
    psql: PathBuf,
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let runs = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    let options = ServerOptions { durability: Durability::On, ..ServerOptions::default() };
    let server = ThrowawayServer::start(options).expect("a PostgreSQL server: see the README");
    let psql = server.installation().psql().expect("psql");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let bench = Bench { server, runtime, folder: tempfile::tempdir().expect("a folder"), psql };
    if runs("start") {
        start();
    }
    if runs("plan-small") {
        bench.plan_small();
    }
    if runs("apply") {
        bench.apply();
    }
    if runs("plan-large") {
        bench.plan_large();
    }
}

/// From process start to `--version`.
fn start() {
    let times = repeat(21, || timed(Command::new(partctl_program()).arg("--version")));
    println!("start         --version                     {:>7.1} ms (limit 10)", milliseconds(median(times)));
}

impl Bench {
    /// A converged plan of 50 tables with 30 daily partitions each.
    fn plan_small(&self) {
        self.database("small", &tables(TABLES));
        let policies = self.policies("small", TABLES, DAYS - 1);
        self.run_partctl("small", &policies, &["apply", "--quiet"]);
        self.compare_plan(&format!("{TABLES} tables, {} partitions", TABLES * DAYS), "small", &policies, 15);
    }

    /// A converged plan of one table with 10,000 partitions.
    fn plan_large(&self) {
        self.database("large", &tables(1));
        self.psql("large", &partition_of(1, MANY));
        let policies = self.policies("large", 1, 3);
        self.compare_plan(&format!("1 table, {MANY} partitions"), "large", &policies, 7);
    }

    fn compare_plan(&self, what: &str, database: &str, policies: &Path, runs: usize) {
        self.run_partctl(database, policies, &["plan", "--check"]);
        let query = include_str!("catalog.sql");
        let (mut ours, mut bare, mut memory) = (Vec::new(), Vec::new(), 0);
        for _ in 0..runs {
            let (time, peak) = timed_with_memory(self.partctl(database, policies, &["plan", "--check"]));
            memory = memory.max(peak);
            ours.push(time);
            bare.push(timed(&mut self.psql_command(database, query)));
        }
        let (ours, bare) = (median(ours), median(bare));
        println!(
            "plan          {what:<29} {:>7.1} ms, bare catalog query by psql {:>7.1} ms: ratio {:.2} (limit 1.5), peak {} MB (limit 100)",
            milliseconds(ours),
            milliseconds(bare),
            ours.as_secs_f64() / bare.as_secs_f64(),
            memory / 1024,
        );
    }

    /// 1,500 daily partitions on 50 tables with a primary key and an index, against the shortest script that makes
    /// them, and against the plan's own statements: what proof, journal and the looks between them take.
    fn apply(&self) {
        let (mut one, mut two, mut bare, mut own) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for run in 0..5 {
            for (jobs, times) in [("1", &mut one), ("2", &mut two)] {
                let (database, policies) = self.to_be_applied(&format!("apply_{jobs}_{run}"));
                times.push(timed(&mut self.partctl(&database, &policies, &["apply", "--quiet", "--jobs", jobs])));
            }
            let (database, policies) = self.to_be_applied(&format!("apply_own_{run}"));
            let plan = self.partctl(&database, &policies, &["plan", "-o", "sql"]).stdout(Stdio::piped()).output();
            let plan = String::from_utf8(plan.expect("partctl runs").stdout).expect("SQL");
            own.push(timed(&mut self.psql_command(&database, &plan)));
            let database = format!("apply_bare_{run}");
            self.database(&database, &tables(TABLES));
            bare.push(timed(&mut self.psql_command(&database, &partition_of(TABLES, DAYS))));
        }
        let [one, two, bare, own] = [one, two, bare, own].map(|times| median(times).as_secs_f64());
        println!(
            "apply         {TABLES} tables, {} partitions    bare script by psql {bare:.2} s, the plan's SQL by psql {own:.2} s",
            TABLES * DAYS,
        );
        println!("              --jobs 1 {one:.2} s: ratios {:.2} (limit 1.8) and {:.2}", one / bare, one / own);
        println!("              --jobs 2 {two:.2} s: ratios {:.2} (limit 1.1) and {:.2}", two / bare, two / own);
    }

    fn to_be_applied(&self, database: &str) -> (String, PathBuf) {
        self.database(database, &tables(TABLES));
        let policies = self.policies(database, TABLES, DAYS - 1);
        self.run_partctl(database, &policies, &["init"]);
        (database.to_owned(), policies)
    }

    fn database(&self, name: &str, setup: &str) {
        self.runtime.block_on(self.server.create_database(name, None)).expect("a database");
        self.psql(name, setup);
    }

    fn psql(&self, database: &str, sql: &str) {
        let status = self.psql_command(database, sql).status().expect("psql runs");
        assert!(status.success(), "psql failed");
    }

    fn psql_command(&self, database: &str, sql: &str) -> Command {
        let file = self.folder.path().join("script.sql");
        std::fs::write(&file, sql).expect("a script");
        let mut command = Command::new(&self.psql);
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &self.server.url(database), "-o", "/dev/null", "-f"]);
        command.arg(file);
        command
    }

    fn policies(&self, name: &str, tables: usize, ahead: usize) -> PathBuf {
        let mut yaml = String::new();
        for table in 0..tables {
            writeln!(
                yaml,
                "---\nversion: 1\ntable: bench.t{table}\npartition: {{range: at, every: 1 day, timezone: UTC}}\ncreate: {{ahead: {ahead} partitions}}"
            )
            .expect("a string grows");
        }
        let path = self.folder.path().join(format!("{name}.yaml"));
        std::fs::write(&path, yaml).expect("a policy file");
        path
    }

    fn partctl(&self, database: &str, policies: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(partctl_program());
        command.arg("--policies").arg(policies).args(arguments);
        command.env("PARTCTL_DATABASE", self.server.url(database)).stdout(Stdio::null());
        command
    }

    fn run_partctl(&self, database: &str, policies: &Path, arguments: &[&str]) {
        let status = self.partctl(database, policies, arguments).status().expect("partctl runs");
        assert!(status.success(), "partctl {arguments:?} failed");
    }
}

fn partctl_program() -> &'static str {
    env!("CARGO_BIN_EXE_partctl")
}

fn tables(count: usize) -> String {
    let mut sql = "CREATE SCHEMA bench;\n".to_owned();
    for table in 0..count {
        writeln!(
            sql,
            "CREATE TABLE bench.t{table} (id bigint, at timestamptz, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);\n\
             CREATE INDEX ON bench.t{table} (note);"
        )
        .expect("a string grows");
    }
    sql
}

/// The bare script: daily partitions, the last ones three days ahead.
fn partition_of(tables: usize, days: usize) -> String {
    let mut sql = String::new();
    let today = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).date_naive();
    let first = today + chrono::Days::new(4) - chrono::Days::new(days as u64);
    for table in 0..tables {
        for day in first.iter_days().take(days) {
            writeln!(
                sql,
                "CREATE TABLE bench.t{table}_{} PARTITION OF bench.t{table} FOR VALUES FROM ('{day} 00:00+00') TO ('{} 00:00+00');",
                day.format("%Y_%m_%d"),
                day.succ_opt().expect("tomorrow")
            )
            .expect("a string grows");
        }
    }
    sql
}

fn repeat(runs: usize, mut run: impl FnMut() -> Duration) -> Vec<Duration> {
    (0..runs).map(|_| run()).collect()
}

fn timed(command: &mut Command) -> Duration {
    let started = Instant::now();
    let status = command.stdout(Stdio::null()).status().expect("the command runs");
    let time = started.elapsed();
    assert!(status.success(), "{command:?} failed");
    time
}

/// The time, and the peak of resident memory in kB (Linux: read from /proc until the process ends; 0 elsewhere).
fn timed_with_memory(mut command: Command) -> (Duration, u64) {
    let started = Instant::now();
    let mut child = command.spawn().expect("the command runs");
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        let text = std::fs::read_to_string(&status_file).unwrap_or_default();
        let high =
            text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok());
        peak = peak.max(high.unwrap_or(0));
        std::thread::sleep(Duration::from_micros(500));
    };
    let time = started.elapsed();
    assert!(status.success(), "{command:?} failed");
    (time, peak)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
