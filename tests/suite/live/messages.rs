//! What a stranger reads when something is wrong: each message says what and where, why, and what to do next.

use std::path::Path;

use partctl::db::throwaway::{ServerOptions, ThrowawayServer};

use super::harness::{Database, command, policy_folder, said};
use super::standby::Standby;

/// A table of wrong invocations, and what was said to each.
struct Table {
    text: String,
    /// What differs between runs, and what stands for it.
    names: Vec<(String, &'static str)>,
}

/// One of these leads on.
const NEXT_STEPS: [&str; 6] = ["hint: ", "\n  next ", "tip: ", "for more information", "did you mean", "usage: "];

impl Table {
    fn new(names: Vec<(String, &'static str)>) -> Self {
        Self { text: String::new(), names }
    }

    fn run(&mut self, policies: &Path, url: &str, arguments: &[&str], exit: i32) {
        let output = command(policies, url, arguments).env("COLUMNS", "110").output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(exit), "partctl {arguments:?}\n{said}");
        assert!(
            NEXT_STEPS.iter().any(|step| said.to_lowercase().contains(step)),
            "partctl {arguments:?} leads nowhere:\n{said}"
        );
        assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
        let quoted: Vec<String> = arguments
            .iter()
            .map(|one| if one.contains(' ') { format!("'{one}'") } else { (*one).to_owned() })
            .collect();
        let mut told = format!("$ partctl {}   -> {exit}\n{}\n\n", quoted.join(" "), said.trim_end());
        for (name, stands_for) in &self.names {
            told = told.replace(name, stands_for);
        }
        self.text.push_str(&told);
    }

    fn hold(&self, name: &str) {
        let mut settings = insta::Settings::clone_current();
        // Names of files that are being written, process ids, times, and what the resolver of this machine says.
        for (pattern, stands_for) in [
            (r"\.tmp\w+", "TEMPORARY"),
            (r"pid \d+", "pid N"),
            // Options of GRANT since 16.
            (r" WITH INHERIT TRUE, SET TRUE", ""),
            (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(Z| UTC)", "TIME"),
            (r"\d{4}([-_])\d\d[-_]\d\d", "DAY"),
            (r"\b\d+ (ms|s)\b", "SPAN"),
            (r"address information: .*", "address information: WHY"),
        ] {
            settings.add_filter(pattern, stands_for);
        }
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, self.text));
    }
}

const POLICY: &str =
    "version: 1\ntable: shop.days\npartition: {range: day, every: 1 day}\nlocks: {timeout: 20 ms, retry_for: 40 ms}\n";
const TABLE: &str = "CREATE SCHEMA shop; CREATE TABLE shop.days (day date NOT NULL) PARTITION BY RANGE (day)";

#[test]
fn wrong_command_lines_and_files_lead_on() {
    let good = policy_folder(POLICY);
    let bad = policy_folder("version: 1\ntable: shop.days\npartition: {range: at, every: 1 mnth}\n");
    let broken = policy_folder("version: 1\ntable: [\n");
    let empty = tempfile::tempdir().unwrap();
    let files = [good.path().join("policy.yaml"), empty.path().join("none/file")];
    let [policy, nowhere] = files.each_ref().map(|file| file.to_str().unwrap());
    let folders = [(&good, "GOOD"), (&bad, "BAD"), (&broken, "BROKEN"), (&empty, "EMPTY")];
    let names = folders.map(|(folder, name)| (folder.path().to_str().unwrap().to_owned(), name));
    let mut table = Table::new(names.to_vec());
    let url = "host=/nonexistent";
    for (folder, arguments, exit) in [
        (&good, &["aply"][..], 64),
        (&good, &["plan", "--polices", "x"], 64),
        (&good, &["plan", "-o", "xml"], 64),
        (&good, &["--log-format", "json", "aply"], 64),
        (&good, &["plan", "--at", "soon"], 64),
        (&good, &["check", "--min-runway", "7"], 64),
        (&good, &["apply", "--deadline", "soon"], 64),
        (&good, &["simulate", "--disk", "5"], 64),
        (&good, &["check", "--severity", "PT10=error"], 64),
        (&good, &["check", "--severity", "PT102"], 64),
        (&good, &["validate", "--explain", "PT9"], 64),
        (&good, &["validate", "--explain", "-o", "sarif"], 64),
        (&good, &["plan", "--only", "["], 64),
        (&good, &["plan", "--only", "other.*"], 4),
        (&empty, &["plan"], 4),
        (&good, &["--policies", nowhere, "plan"], 4),
        (&good, &["fmt", nowhere], 4),
        (&bad, &["plan"], 4),
        (&bad, &["--log-format", "json", "plan"], 4),
        (&broken, &["validate"], 4),
        (&good, &["apply", nowhere], 7),
        (&good, &["apply", policy], 7),
        (&good, &["plan", "--catalog", nowhere], 64),
        (&good, &["plan", "--catalog", policy], 64),
        (&good, &["import"], 64),
        (&good, &["import", "--from-ppm", nowhere], 64),
        (&good, &["import", "--from-ppm", policy], 64),
        (&good, &["generate", "schema", "nothing"], 64),
        (&good, &["generate", "man", "--to", policy], 1),
    ] {
        table.run(folder.path(), url, arguments, exit);
    }
    table.hold("wrong_command_lines_and_files");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_fail_lead_on() {
    let server = ThrowawayServer::start(ServerOptions::default()).unwrap();
    let hba = "SELECT pg_read_file(current_setting('hba_file'))";
    let superuser = super::harness::session(&server.url("postgres")).await;
    let client = superuser.client();
    let before: String = client.query_typed(hba, &[]).await.unwrap()[0].get(0);
    client
        .batch_execute(&format!(
            "CREATE ROLE asked LOGIN PASSWORD 'right'; CREATE ROLE nologin; REVOKE CONNECT ON DATABASE template1 FROM PUBLIC;
             CREATE ROLE guest LOGIN;
             DO $$ BEGIN EXECUTE format('COPY (SELECT string_to_table(%L, chr(10))) TO %L', {}, current_setting('hba_file')); END $$;
             SELECT pg_reload_conf()",
            format_args!("$hba$local all asked scram-sha-256\n{before}$hba$")
        ))
        .await
        .unwrap();
    let standby = Standby::of(&server);
    let folder = policy_folder(POLICY);
    let socket = server.socket_dir().to_str().unwrap().to_owned();
    let encoded = socket.replace('/', "%2F");
    let mut table = Table::new(vec![
        (folder.path().to_str().unwrap().to_owned(), "POLICIES"),
        (socket, "SOCKETS"),
        (encoded.clone(), "SOCKETS"),
    ]);
    let url = |user: &str, database: &str| format!("postgresql://{user}@{encoded}:{}/{database}", server.port());
    let wrong_password = url("asked:wrong", "postgres");
    // The server takes the new rules in its own time.
    for _ in 0..1_000 {
        let output = command(folder.path(), &wrong_password, &["plan"]).output().unwrap();
        if output.status.code() == Some(5) {
            break;
        }
    }
    for (url, exit) in [
        ("host=/nonexistent user=me dbname=it".to_owned(), 5),
        ("postgresql://postgres@127.0.0.1:1/demo".to_owned(), 5),
        ("host=nowhere.invalid user=me dbname=it".to_owned(), 5),
        (url("stranger", "postgres"), 5),
        (url("nologin", "postgres"), 5),
        (url("postgres", "missing"), 5),
        (url("guest", "template1"), 5),
        (url("asked", "postgres"), 5),
        (wrong_password, 5),
        ("postgres@host".to_owned(), 64),
        ("host=/tmp sslmode=maybe".to_owned(), 64),
        ("service=nowhere".to_owned(), 64),
        (" ".to_owned(), 64),
    ] {
        table.run(folder.path(), &standby.address().url("postgres"), &["--database", &url, "plan"], exit);
    }
    table.run(folder.path(), &standby.address().url("postgres"), &["apply"], 7);
    table.hold("connections_that_fail");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_has_otherwise_leads_on() {
    let database = Database::new(POLICY, TABLE).await;
    let folder = database.policies();
    let server = super::harness::server();
    let mut table = Table::new(vec![
        (folder.to_str().unwrap().to_owned(), "POLICIES"),
        (server.socket_dir().to_str().unwrap().to_owned(), "SOCKETS"),
        (server.socket_dir().to_str().unwrap().replace('/', "%2F"), "SOCKETS"),
        (database.name.clone(), "DATABASE"),
    ]);
    let (url, stranger) = (database.url(), database.url_with("user=stranger"));
    table.run(&folder, &stranger, &["apply"], 3);
    table.run(&folder, &url, &["explain", "selec 1"], 64);
    table.run(&folder, &url, &["explain", "select * from nowhere"], 64);
    database.partctl(&["init"], 0);
    table.run(&folder, &url, &["history", "99"], 64);
    table.run(&folder, &url, &["reattach", "shop.nothing"], 7);
    table.run(&folder, &url, &["import", "--from-partman"], 7);
    table.run(&folder, &url, &["plan", "--save", "/nonexistent/plan.json"], 1);
    table.run(&folder, &url, &["report", "--html", "/nonexistent/page.html"], 1);
    table.run(&folder, &url, &["snapshot", "--save", "/nonexistent/file"], 1);
    let missing = policy_folder(&POLICY.replace("shop.days", "shop.gone"));
    table.run(missing.path(), &url, &["plan"], 4);
    let other_key = policy_folder(&POLICY.replace("range: day", "range: at"));
    table.run(other_key.path(), &url, &["plan"], 4);
    database.sql("BEGIN; LOCK TABLE shop.days IN ACCESS EXCLUSIVE MODE").await;
    table.run(&folder, &url, &["apply"], 8);
    database.sql("ROLLBACK").await;
    table.hold("what_the_database_has_otherwise");
}
