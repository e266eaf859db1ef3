//! The server, a database of one's own, and partctl as a user runs it.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use assert_cmd::Command;
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
    folder: TempDir,
    yaml: String,
}

impl Database {
    /// Makes the database and runs the set-up in it.
    pub async fn new(yaml: &str, setup: &str) -> Self {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        server().create_database(&name, None).await.unwrap();
        let session = session(&server().url(&name)).await;
        for role in ROLES {
            let create = format!("CREATE ROLE {role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;");
            session.client().batch_execute(&format!("DO $$BEGIN {create} END$$")).await.unwrap();
        }
        session.client().batch_execute(setup).await.unwrap();
        Self { name, session, folder: policy_folder(yaml), yaml: yaml.to_owned() }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        server().url(&self.name)
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
        make_plan(self.session.client(), &self.parsed_policies(), Moment::Now)
            .await
            .unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// Everything that partition DDL could have changed, one line each.
    pub async fn state(&self) -> Vec<String> {
        self.column(include_str!("state.sql")).await
    }
}

/// The partctl command, on these policies and the database at this URL.
pub fn command(policies: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_partctl"));
    command.env_clear().env("HOME", "/nonexistent").env("PARTCTL_DATABASE", url);
    command.arg("--policies").arg(policies).args(arguments).timeout(std::time::Duration::from_secs(60));
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
