//! The server, a database of one's own, and partctl as a user runs it.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use assert_cmd::Command;
use nix::sys::signal::Signal;
use partctl::catalog::CatalogSnapshot;
use partctl::db::connect::{Session, connect};
use partctl::db::conninfo::{ConnSpec, Environment};
use partctl::db::throwaway::{ServerOptions, ThrowawayServer};
use partctl::failure::Failure;
use partctl::plan::Plan;
use partctl::policy::{Policy, Source, check};
use partctl::run::{Moment, make_plan};
use tempfile::TempDir;

static SERVER: OnceLock<ThrowawayServer> = OnceLock::new();
static DATABASES: AtomicUsize = AtomicUsize::new(0);

/// Roles that tests use. They are the server's, so every database has them.
const ROLES: &[&str] =
    &["carrier", "\"Reader One\"", "\"Odd 'Owner'\"", "stranger LOGIN", "creator LOGIN", "half LOGIN NOINHERIT"];

/// The run's server. No server found is a failure that says how to get one, never a skipped test.
pub fn server() -> &'static ThrowawayServer {
    SERVER.get_or_init(|| {
        let settings = [
            ("max_connections", "200"),
            ("autovacuum", "off"),
            ("wal_level", "logical"),
            ("max_prepared_transactions", "9"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        ThrowawayServer::start(ServerOptions { settings, ..ServerOptions::default() }).unwrap_or_else(|error| {
            let hint = error.downcast_ref::<Failure>().and_then(|failure| failure.hint.clone()).unwrap_or_default();
            panic!("live tests need a PostgreSQL server: {error:#}\n{hint}")
        })
    })
}

/// Where a server, or a door to it, listens.
#[derive(Debug, Clone)]
pub struct Address {
    /// The folder of its socket.
    pub folder: PathBuf,
    /// The port in the socket's name.
    pub port: u16,
}

impl Address {
    /// The server's.
    pub fn of(server: &ThrowawayServer) -> Self {
        Self { folder: server.socket_dir().to_owned(), port: server.port() }
    }

    /// The socket that a server of this port has in a folder.
    pub fn socket_in(&self, folder: &Path) -> PathBuf {
        folder.join(format!(".s.PGSQL.{}", self.port))
    }

    /// The URL of a database there.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.to_str().unwrap().replace('/', "%2F");
        format!("postgresql://postgres@{folder}:{}/{database}", self.port)
    }
}

/// A folder that holds one policy file.
pub fn policy_folder(yaml: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.yaml"), yaml).unwrap();
    folder
}

/// A fresh database, a session in it, and a folder of policies.
pub struct Database {
    /// Its name.
    pub name: String,
    /// A superuser's session.
    pub session: Session,
    /// Its server's.
    pub address: Address,
    folder: TempDir,
    yaml: String,
}

impl Database {
    /// Makes the database and runs the set-up in it.
    pub async fn new(yaml: &str, setup: &str) -> Self {
        Self::on(server(), yaml, setup).await
    }

    /// The same on a server of the test's own.
    pub async fn on(server: &ThrowawayServer, yaml: &str, setup: &str) -> Self {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        server.create_database(&name, None).await.unwrap();
        let address = Address::of(server);
        let session = session(&address.url(&name)).await;
        for role in ROLES {
            let create = format!("CREATE ROLE {role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;");
            session.client().batch_execute(&format!("DO $$BEGIN {create} END$$")).await.unwrap();
        }
        session.client().batch_execute(setup).await.unwrap();
        Self { name, session, address, folder: policy_folder(yaml), yaml: yaml.to_owned() }
    }

    /// Connects again, after its server has been away or to the one that took its place.
    pub async fn reconnect(&mut self, address: Address) {
        self.session = session(&address.url(&self.name)).await;
        self.address = address;
    }

    /// Drops the database: for tests that make hundreds of them.
    pub async fn discard(self) {
        self.session.close().await;
        let elsewhere = session(&self.address.url("postgres")).await;
        elsewhere.client().batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await.unwrap();
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.address.url(&self.name)
    }

    /// Its URL for another role or application name.
    pub fn url_with(&self, parameters: &str) -> String {
        format!("{}?{parameters}", self.url())
    }

    /// Another policy from now on.
    pub fn set_policy(&mut self, yaml: &str) {
        self.yaml = yaml.to_owned();
        std::fs::write(self.folder.path().join("policy.yaml"), yaml).unwrap();
    }

    /// The policies' folder.
    pub fn policies(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Runs SQL.
    pub async fn sql(&self, sql: &str) {
        self.session.client().batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// The first column of every row, as text.
    pub async fn column(&self, sql: &str) -> Vec<String> {
        let messages = self.session.client().simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        messages
            .iter()
            .filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
                _ => None,
            })
            .collect()
    }

    /// The first value of the first row.
    pub async fn value(&self, sql: &str) -> String {
        self.column(sql).await.into_iter().next().unwrap_or_else(|| panic!("{sql}: no row"))
    }

    /// Looks until the query says true, while `goes_on` says that it still may.
    ///
    /// The processor is left to others between two looks: on few cores, a client and a backend that answer each other
    /// without a pause keep everybody else from running, for minutes.
    pub async fn until(&self, sql: &str, mut goes_on: impl FnMut() -> bool) {
        const LOOKS: usize = 50_000;
        for _ in 0..LOOKS {
            // In this order: what came true with the end counts.
            let going_on = goes_on();
            if self.value(sql).await == "t" {
                return;
            }
            assert!(going_on, "it ended, and this had never been true: {sql}");
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        panic!("this never became true: {sql}");
    }

    /// The partctl command, on this database and these policies.
    pub fn command(&self, arguments: &[&str]) -> Command {
        command(self.folder.path(), &self.url(), arguments)
    }

    /// Starts partctl, and lets it run.
    pub fn start(&self, url: &str, arguments: &[&str]) -> Run {
        self.start_with(url, arguments, &[])
    }

    /// The same with more in its environment.
    pub fn start_with(&self, url: &str, arguments: &[&str], environment: &[(&str, String)]) -> Run {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_partctl"));
        command.env_clear().env("HOME", "/nonexistent").env("PARTCTL_DATABASE", url);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.arg("--policies").arg(self.folder.path()).args(arguments).kill_on_drop(true);
        Run(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Runs partctl, and says what it said when the exit code is another.
    pub fn partctl(&self, arguments: &[&str], exit: i32) -> String {
        let output = self.command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "partctl {arguments:?}\n{}", said(&output));
        said(&output)
    }

    /// Its policies.
    pub fn parsed_policies(&self) -> Vec<Policy> {
        let checked = check(&[Source { path: "policy.yaml".to_owned(), text: self.yaml.clone() }]);
        assert_eq!(checked.problems, [], "the test's policy has problems");
        checked.policies
    }

    /// The plan of this moment.
    pub async fn plan(&self) -> (CatalogSnapshot, Plan) {
        make_plan(&self.session, &self.parsed_policies(), Moment::Now).await.unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// Everything that partition DDL could have changed, one line each.
    pub async fn state(&self) -> Vec<String> {
        self.column(include_str!("state.sql")).await
    }
}

/// A partctl that is running; killed when it is dropped.
pub struct Run(tokio::process::Child);

/// No run takes as long.
const LONGEST_RUN: Duration = Duration::from_secs(60);

impl Run {
    /// Whether it came to this, rather than to its end.
    pub async fn comes_to(&mut self, moment: impl Future<Output = ()>) -> bool {
        let either = async {
            tokio::select! {
                () = moment => true,
                _ = self.0.wait() => false,
            }
        };
        tokio::time::timeout(LONGEST_RUN, either).await.expect("it neither came to the moment nor ended")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let id = self.0.id().expect("it runs");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id.try_into().unwrap()), signal).unwrap();
    }

    /// SIGKILL, also when it has ended.
    pub async fn kill(mut self) {
        self.0.kill().await.unwrap();
    }

    /// Its exit code and what it said, when it has ended by itself within this time.
    pub async fn ends_within(self, limit: Duration) -> (Option<i32>, String) {
        let output = tokio::time::timeout(limit, self.0.wait_with_output()).await;
        let output = output.unwrap_or_else(|_| panic!("it went on for more than {limit:?}")).unwrap();
        (output.status.code(), said(&output))
    }

    /// The same within any time that makes sense.
    pub async fn ends(self) -> (Option<i32>, String) {
        self.ends_within(LONGEST_RUN).await
    }
}

/// The partctl command, on these policies and the database at this URL.
pub fn command(policies: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_partctl"));
    command.env_clear().env("HOME", "/nonexistent").env("PARTCTL_DATABASE", url);
    command.arg("--policies").arg(policies).args(arguments).timeout(LONGEST_RUN);
    command
}

/// Holds that a text contains all of these.
pub fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

/// What a command said on both streams.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A session at this URL.
pub async fn session(url: &str) -> Session {
    connect(&ConnSpec::resolve(Some(url), &Environment::from_process()).unwrap()).await.unwrap()
}
