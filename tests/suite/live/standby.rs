//! A physical standby: everything that reads works there, nothing that writes is tried, and of several hosts the
//! primary is found.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use partctl::db::throwaway::{Installation, ServerOptions, ThrowawayServer};
use tempfile::TempDir;

use super::harness::{Address, command, contains, policy_folder, said, session};

const PORT: u16 = 5433;

/// A standby in its primary's own folder, so that it goes with it; stopped when it is dropped, also by a failed test.
pub struct Standby {
    installation: Installation,
    folder: PathBuf,
    data: PathBuf,
}

impl Standby {
    /// Makes it, and returns once it takes connections.
    pub fn of(primary: &ThrowawayServer) -> Self {
        let folder = primary.socket_dir().to_owned();
        let standby = Self { installation: primary.installation().clone(), data: folder.join("standby"), folder };
        let data = standby.data.to_str().unwrap();
        let copy = ["-D", data, "-d", &primary.url("postgres"), "-c", "fast", "-X", "stream", "--write-recovery-conf"];
        standby.run("pg_basebackup", &[&copy[..], &["--no-sync"]].concat());
        let folder = standby.folder.to_str().unwrap();
        let settings = format!("-c listen_addresses= -c unix_socket_directories={folder} -c port={PORT} -c fsync=off");
        standby.run("pg_ctl", &["-D", data, "-w", "-t", "60", "-l", &format!("{data}.log"), "-o", &settings, "start"]);
        standby
    }

    /// Returns once the primary sends it its log.
    pub async fn streams(&self, primary: &ThrowawayServer) {
        let session = session(&primary.url("postgres")).await;
        let sql = "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming')";
        for _ in 0..1_000 {
            let rows = session.client().query_typed(sql, &[]).await.unwrap();
            if rows[0].get(0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let log = std::fs::read_to_string(format!("{}.log", self.data.display())).unwrap_or_default();
        panic!("the standby does not follow its primary (does libpqwalreceiver find its libpq?)\n{log}");
    }

    /// Makes a primary of it, and returns once it is one.
    pub fn promote(&self) {
        self.run("pg_ctl", &["-D", self.data.to_str().unwrap(), "-w", "-t", "60", "promote"]);
    }

    /// Where it listens.
    pub fn address(&self) -> Address {
        Address { folder: self.folder.clone(), port: PORT }
    }

    /// A program of the installation, under the account that the primary runs under.
    fn command(&self, program: &str, arguments: &[&str]) -> ExitStatus {
        let folder = self.folder.metadata().unwrap();
        let mut command = Command::new(self.installation.program(program));
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        if folder.uid() != nix::unistd::Uid::effective().as_raw() {
            command.uid(folder.uid()).gid(folder.gid());
        }
        // What a server inherits must not be a pipe that somebody reads to its end.
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let status = self.command(program, arguments);
        let log = std::fs::read_to_string(format!("{}.log", self.data.display())).unwrap_or_default();
        assert!(status.success(), "{program} {arguments:?}: {status}\n{log}");
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let data = self.data.to_str().unwrap_or_default();
        self.command("pg_ctl", &["-D", data, "-m", "immediate", "-w", "-t", "60", "stop"]);
    }
}

struct Policies(TempDir);

impl Policies {
    fn partctl(&self, url: &str, arguments: &[&str], exit: i32) -> String {
        let output = command(self.0.path(), url, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "partctl {arguments:?}\n{}", said(&output));
        said(&output)
    }
}

async fn primary_tables(primary: &ThrowawayServer) -> i64 {
    let session = session(&primary.url("postgres")).await;
    session.client().query_typed("SELECT count(*) FROM pg_class", &[]).await.unwrap()[0].get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_read_and_never_written_and_the_primary_is_found_in_either_order() {
    let primary = ThrowawayServer::start(ServerOptions::default()).unwrap();
    primary
        .run_script("postgres", "CREATE SCHEMA shop; CREATE TABLE shop.orders (at timestamptz) PARTITION BY RANGE (at)")
        .await
        .unwrap();
    let policies = Policies(policy_folder(
        "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
pruning:\n  - {name: now, sql: select * from shop.orders where at = now(), partitions: 1}\n",
    ));
    policies.partctl(&primary.url("postgres"), &["apply"], 0);
    let standby = Standby::of(&primary);
    let url = standby.address().url("postgres");
    let session_there = session(&url).await;
    assert!(session_there.in_recovery());

    policies.partctl(&url, &["plan", "--check"], 0);
    contains(&policies.partctl(&url, &["check"], 0), &["pruning proven on 5 queries"]);
    contains(&policies.partctl(&url, &["status"], 0), &["shop.orders"]);
    contains(&policies.partctl(&url, &["plan", "--at", "+1 year", "-o", "sql"], 0), &["CREATE TABLE"]);
    for arguments in [&["apply"][..], &["apply", "--allow-destroy", "--yes"], &["init"]] {
        let text = policies.partctl(&url, arguments, 7);
        contains(&text, &["is a standby", &format!(".s.PGSQL.{PORT}"), "target_session_attrs=read-write"]);
    }
    let before = primary_tables(&primary).await;
    contains(&policies.partctl(&url, &["apply", "--standby-ok"], 0), &["is a standby: nothing was done"]);
    assert_eq!(policies.partctl(&url, &["--quiet", "apply", "--standby-ok"], 0), "");
    let line = policies.partctl(&url, &["--log-format", "json", "apply", "--standby-ok"], 0);
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["event"], "notice");
    contains(line["message"].as_str().unwrap(), &["is a standby: nothing was done"]);
    assert_eq!(primary_tables(&primary).await, before);
    contains(&policies.partctl(&primary.url("postgres"), &["apply", "--standby-ok"], 0), &["nothing to do"]);

    let folder = primary.socket_dir().display();
    for (n, ports) in [format!("{},{PORT}", primary.port()), format!("{PORT},{}", primary.port())].iter().enumerate() {
        // Something to do each time, so that an apply that reached the standby would have to fail.
        primary
            .run_script("postgres", &format!("CREATE TABLE shop.more_{n} (k int) PARTITION BY HASH (k)"))
            .await
            .unwrap();
        let more =
            Policies(policy_folder(&format!("version: 1\ntable: shop.more_{n}\npartition: {{hash: k, modulus: 2}}\n")));
        let both = |target: &str| {
            format!("host={folder},{folder} port={ports} user=postgres dbname=postgres target_session_attrs={target}")
        };
        contains(&more.partctl(&both("read-write"), &["apply"], 0), &["2 steps done"]);
        contains(&more.partctl(&both("primary"), &["apply"], 0), &["nothing to do"]);
        for target in ["standby", "read-only", "prefer-standby"] {
            contains(&more.partctl(&both(target), &["apply"], 7), &["is a standby"]);
        }
    }
    let only_standby =
        format!("host={folder} port={PORT} user=postgres dbname=postgres target_session_attrs=read-write");
    let text = policies.partctl(&only_standby, &["apply"], 5);
    contains(&text, &[&format!(".s.PGSQL.{PORT}"), "it is a standby, and a session that can write is wanted"]);
}
