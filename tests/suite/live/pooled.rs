//! Behind PgBouncer: in session mode everything works, in the other modes nothing is begun.

use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::harness::{Database, contains, said, server, session};

/// A pooler of its own on a socket in its own folder; stopped when it is dropped, also by a failed test.
struct PgBouncer {
    process: Child,
    folder: TempDir,
}

/// Debian puts it where only root's PATH goes.
fn find() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin", "/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from));
    folders.map(|folder| folder.join("pgbouncer")).find(|file| file.is_file()).unwrap_or_else(|| {
        panic!(
            "live tests need PgBouncer, and none was found on PATH or in /usr/sbin: `.ci/setup` installs it, or \
             `apt-get install pgbouncer`, `dnf install pgbouncer`, `brew install pgbouncer`"
        )
    })
}

impl PgBouncer {
    /// In front of the run's server, with this `pool_mode` and further settings.
    async fn start(pool_mode: &str, settings: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("pgb").tempdir().unwrap();
        let path = folder.path().display();
        let (host, port) = (server().socket_dir().display(), server().port());
        let configuration = format!(
            "[databases]\n* = host={host} port={port}\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\n\
             unix_socket_dir = {path}\nauth_type = trust\nauth_file = {path}/users\npool_mode = {pool_mode}\n{settings}\n"
        );
        std::fs::write(folder.path().join("pgbouncer.ini"), configuration).unwrap();
        std::fs::write(folder.path().join("users"), "\"postgres\" \"\"\n").unwrap();
        let mut command = Command::new(find());
        command.arg("-q").arg(folder.path().join("pgbouncer.ini")).current_dir(folder.path()).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(std::fs::File::create(folder.path().join("log")).unwrap());
        // It refuses to run as root; the server's account may use the server's socket.
        let owner = std::fs::metadata(server().socket_dir()).unwrap();
        let (uid, gid) = (std::os::unix::fs::MetadataExt::uid(&owner), std::os::unix::fs::MetadataExt::gid(&owner));
        if nix::unistd::Uid::effective().is_root() {
            chown(folder.path(), Some(uid), Some(gid)).unwrap();
            command.uid(uid).gid(gid);
        }
        let mut pooler = Self { process: command.spawn().unwrap(), folder };
        for _ in 0..500 {
            // The file is there before it listens.
            if UnixStream::connect(pooler.folder.path().join(".s.PGSQL.6432")).is_ok() {
                return pooler;
            }
            assert!(pooler.process.try_wait().unwrap().is_none(), "pgbouncer ended: {}", pooler.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("pgbouncer never listened: {}", pooler.log())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn url(&self, database: &Database) -> String {
        format!("host={} port=6432 user=postgres dbname={}", self.folder().display(), database.name)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // SIGKILL: it holds nothing that could be lost.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const SETUP: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (at timestamptz NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE shop.old PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
    CREATE TABLE shop.filled PARTITION OF shop.orders FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00');
    INSERT INTO shop.orders VALUES ('2020-01-15'); ANALYZE shop.orders";
const POLICY: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {fill_gaps: false}\nretain: {for: 1 year, then: drop, grace: 0 days, per_run: 1}\nlocks: {retry_for: 1 minute}\n";

#[tokio::test(flavor = "multi_thread")]
async fn through_a_pooler_in_session_mode_everything_works() {
    let database = Database::new(POLICY, SETUP).await;
    let pooler = PgBouncer::start("session", "").await;
    let url = pooler.url(&database);
    assert!(!session(&url).await.is_direct() && database.session.is_direct());
    let run = |arguments: &[&str], exit| database.partctl(&[&["--database", &url], arguments].concat(), exit);
    contains(&run(&["plan", "--check"], 2), &["drop", "create"]);
    run(&["init"], 0);
    contains(&run(&["apply", "--allow-destroy"], 0), &["detach old done", "drop old done", "pruning proven"]);
    contains(&run(&["apply"], 0), &["nothing to do"]);
    run(&["plan", "--check"], 0);
    run(&["check"], 0);
    run(&["status"], 0);
    assert_eq!(database.value("SELECT to_regclass('shop.old') IS NULL").await, "t");
    let text = database.partctl(&["--database", &format!("{url} options='-c jit=off'"), "plan"], 5);
    contains(&text, &["PgBouncer refuses connections with `options`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_pooler_in_session_mode_a_run_ends_within_a_second_of_sigterm() {
    let policy = POLICY.replace("retry_for: 1 minute", "retry_for: 1 minute, timeout: 1 minute");
    let database = Database::new(&policy, SETUP).await;
    database.partctl(&["init"], 0);
    let pooler = PgBouncer::start("session", "").await;
    let reader = session(&database.url()).await;
    reader.client().batch_execute("BEGIN; SELECT FROM shop.orders").await.unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_partctl"));
    command.env_clear().env("PARTCTL_DATABASE", pooler.url(&database)).arg("--policies").arg(database.policies());
    command.args(["apply", "--allow-destroy"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = command.spawn().unwrap();
    let waits =
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'partctl' AND wait_event_type = 'Lock'
        AND datname = current_database())";
    database.until(waits, || run.try_wait().unwrap().is_none()).await;
    let started = Instant::now();
    kill(Pid::from_raw(run.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143), "{}", said(&output));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}\n{}", started.elapsed(), said(&output));
    contains(&said(&output), &["a detach that had begun is finished first"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_pool_modes_are_refused_before_anything_is_changed() {
    let database = Database::new(POLICY, SETUP).await;
    let before = database.state().await;
    for (pool_mode, settings) in [("transaction", ""), ("transaction", "default_pool_size = 1"), ("statement", "")] {
        let pooler = PgBouncer::start(pool_mode, settings).await;
        let url = pooler.url(&database);
        for arguments in [&["apply", "--allow-destroy"][..], &["init"], &["plan"], &["check"], &["status"]] {
            let text = database.partctl(&[&["--database", &url], arguments].concat(), 7);
            contains(&text, &[".s.PGSQL.6432` is a pooler", "pool_mode = session"]);
        }
        // What a session pins would be found by the application that gets its process next.
        for setting in ["search_path", "TimeZone", "statement_timeout"] {
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
            let connection = tokio::spawn(connection);
            let changed = format!("SELECT setting <> reset_val FROM pg_settings WHERE name = '{setting}'");
            let rows = client.query_typed(&changed, &[]).await.unwrap();
            assert!(!rows[0].get::<_, bool>(0), "{setting} was left behind, {pool_mode} {settings}");
            drop(client);
            connection.await.unwrap().unwrap();
        }
    }
    assert_eq!(database.state().await, before);
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(database.value(locks).await, "0", "the run's lock was taken");
    assert_eq!(database.value("SELECT to_regnamespace('partctl') IS NULL").await, "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn transaction_pooling_is_detected_while_others_use_the_pool() {
    let database = Database::new(POLICY, SETUP).await;
    let pooler = PgBouncer::start("transaction", "default_pool_size = 5").await;
    let url = pooler.url(&database);
    let others: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move {
                let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
                tokio::spawn(connection);
                loop {
                    client.batch_execute("SELECT pg_sleep(0.002)").await.unwrap();
                }
            })
        })
        .collect();
    for _ in 0..5 {
        database.partctl(&["--database", &url, "apply"], 7);
    }
    others.iter().for_each(|other| other.abort());
}
