//! Who else gets to know of a run, however it ends: metrics in a file, a URL, a command, a monitoring system.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::harness::{Database, command, contains, policy_folder, said};
use super::proxy::{Proxy, Request, Side};

const POLICY: &str = "version: 1\ntable: shop.days\npartition: {range: day, every: 1 month}
create: {ahead: 3 partitions}\nretain: {for: 6 months, then: drop, grace: 0 days}\ncheck: {min_runway: 14 days, max_partitions: 60}\n";

/// A partition that is over, and nothing for now.
const SETUP: &str = "CREATE SCHEMA shop; CREATE TABLE shop.days (day date NOT NULL) PARTITION BY RANGE (day);
    DO $$DECLARE m date := date_trunc('month', now()); BEGIN
        FOR n IN 0..1 LOOP
            EXECUTE format('CREATE TABLE shop.days_%s PARTITION OF shop.days FOR VALUES FROM (%L) TO (%L)', n,
                m - (12 - n) * interval '1 month', m - (11 - n) * interval '1 month');
            EXECUTE format('INSERT INTO shop.days_%s SELECT m - (12 - %s) * interval ''1 month'' FROM (SELECT %L::date) x (m)', n, n, m);
        END LOOP; END$$";

/// A web server that takes everything, and answers with a status.
struct Ear {
    url: String,
    heard: Arc<Mutex<Vec<(String, String)>>>,
}

impl Ear {
    async fn open(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/secret", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = heard.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let mut stream = BufReader::new(stream);
                let (mut first, mut length) = (String::new(), 0);
                stream.read_line(&mut first).await.unwrap();
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).await.unwrap();
                    if line.trim().is_empty() {
                        break;
                    }
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await.unwrap();
                let asked = first.trim().trim_end_matches(" HTTP/1.1").to_owned();
                hears.lock().unwrap().push((asked, String::from_utf8(body).unwrap()));
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, heard }
    }

    fn heard(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    /// The one report that was posted.
    fn report(&self) -> Value {
        let heard = self.heard();
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert_eq!(heard[0].0, "POST /secret");
        serde_json::from_str(&heard[0].1).unwrap()
    }
}

/// A folder for metrics, and the value of one series of the file in it.
struct Metrics(tempfile::TempDir);

impl Metrics {
    fn path(&self) -> PathBuf {
        self.0.path().join("partctl.prom")
    }

    fn text(&self) -> String {
        let files: Vec<_> = std::fs::read_dir(self.0.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(files, ["partctl.prom"], "nothing half written is left");
        std::fs::read_to_string(self.path()).unwrap()
    }

    fn value(&self, metric: &str) -> f64 {
        let text = self.text();
        let line = text.lines().find(|line| line.starts_with(&format!("{metric}{{")));
        line.unwrap_or_else(|| panic!("no {metric} in\n{text}")).rsplit_once(' ').unwrap().1.parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_written_however_a_check_ends() {
    let database = Database::new(POLICY, SETUP).await;
    let metrics = Metrics(tempfile::tempdir().unwrap());
    let path = metrics.path();
    let check = ["check", "--prometheus-textfile", path.to_str().unwrap()];
    database.partctl(&check, 3);
    assert_eq!(metrics.value("partctl_last_run_exit_code"), 3.0);
    assert_eq!(metrics.value("partctl_last_success_timestamp_seconds"), 0.0);
    assert!(0.0 < metrics.value("partctl_missing_partitions"));
    assert!(metrics.value("partctl_runway_seconds") <= 0.0);
    contains(&metrics.text(), &[&format!("command=\"check\",database=\"{}\"", database.name), "table=\"shop.days\""]);

    database.partctl(&["apply", "--allow-destroy"], 0);
    database.partctl(&check, 0);
    let success = metrics.value("partctl_last_success_timestamp_seconds");
    let now: f64 = database.value("SELECT extract(epoch FROM now())").await.parse().unwrap();
    assert!((now - success).abs() < 60.0, "{now} {success}");
    assert_eq!(metrics.value("partctl_last_run_exit_code"), 0.0);
    assert_eq!((metrics.value("partctl_missing_partitions"), metrics.value("partctl_pending_steps")), (0.0, 0.0));
    assert_eq!(metrics.value("partctl_min_runway_seconds"), 14.0 * 86_400.0);
    assert_eq!(metrics.value("partctl_max_partitions"), 60.0);
    let bound = "SELECT extract(epoch FROM date_trunc('month', now() AT TIME ZONE 'UTC') + interval '4 months')";
    let bound: f64 = database.value(bound).await.parse().unwrap();
    assert_eq!(metrics.value("partctl_newest_bound_timestamp_seconds"), bound);
    assert_eq!(metrics.value("partctl_coverage_end_timestamp_seconds"), bound);
    assert_eq!(metrics.value("partctl_pruning_failures"), 0.0);

    let nowhere = metrics.0.path().join("no/folder.prom");
    let text = database.partctl(&["check", "--prometheus-textfile", nowhere.to_str().unwrap()], 1);
    contains(&text, &["cannot write", "no/folder.prom"]);

    // The same target, and nobody there.
    let gone = database.url().replace(&format!(":{}/", database.address.port), ":1/");
    let run = |url: &str| command(&database.policies(), url, &check).output().unwrap();
    assert_eq!(run(&gone).status.code(), Some(5));
    assert_eq!(metrics.value("partctl_last_run_exit_code"), 5.0);
    assert!(!metrics.text().contains("partctl_partitions"), "what nobody saw is not shown");
    database.partctl(&check, 0);
    let again = metrics.value("partctl_last_success_timestamp_seconds");
    database.sql("CREATE TABLE shop.x_holder AS SELECT 1; DROP TABLE shop.days CASCADE").await;
    database.partctl(&check, 4);
    assert_eq!(metrics.value("partctl_last_success_timestamp_seconds"), again, "kept over a run that failed");
    assert_eq!(metrics.value("partctl_last_run_exit_code"), 4.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_is_stopped_tells_so() {
    let database = Database::new(POLICY, SETUP).await;
    let metrics = Metrics(tempfile::tempdir().unwrap());
    let path = metrics.path();
    let proxy = Proxy::open(&database.address, Some((Side::Before, Request::Number(3))));
    let check = ["check", "--prometheus-textfile", path.to_str().unwrap()];
    let mut run = database.start(&proxy.address().url(&database.name), &check);
    assert!(run.comes_to(proxy.held()).await);
    run.signal(Signal::SIGTERM);
    let (code, said) = run.ends().await;
    assert_eq!(code, Some(143), "{said}");
    assert_eq!(metrics.value("partctl_last_run_exit_code"), 143.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_policies_are_told_in_metrics_too() {
    let metrics = Metrics(tempfile::tempdir().unwrap());
    let folder = policy_folder("version: 2\n");
    let path = metrics.path();
    for name in ["check", "apply"] {
        let arguments = [name, "--prometheus-textfile", path.to_str().unwrap()];
        let output = command(folder.path(), "postgresql://db.invalid/shop", &arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{}", said(&output));
        contains(&metrics.text(), &[&format!("command=\"{name}\",database=\"shop\",server=\"db.invalid:5432\"")]);
        assert_eq!(metrics.value("partctl_last_run_exit_code"), 4.0);
    }
}

#[test]
fn metrics_may_go_where_nothing_can_be_read() {
    let folder = policy_folder(POLICY);
    let arguments = ["check", "--prometheus-textfile", "/dev/stdout"];
    let output = command(folder.path(), "postgresql://localhost:1/shop", &arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", said(&output));
    contains(&said(&output), &["partctl_last_run_exit_code{command=\"check\",database=\"shop\""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitoring_system_gets_one_line_and_its_own_exit_codes() {
    let database = Database::new(POLICY, SETUP).await;
    let text = database.partctl(&["check", "-o", "nagios"], 2);
    assert!(text.starts_with("PARTCTL CRITICAL - "), "{text}");
    contains(
        text.lines().next().unwrap(),
        &["PT", "shop.days", " | 'shop.days runway'=", "'shop.days partitions'=2;;60"],
    );
    database.partctl(&["apply", "--allow-destroy"], 0);
    let text = database.partctl(&["check", "-o", "nagios"], 0);
    assert!(text.starts_with("PARTCTL OK - 1 table, shortest runway "), "{text}");
    assert_eq!(text.lines().count(), 1);
    contains(&text, &["s;;1209600:"]);
    database.sql("CREATE TABLE shop.days_rest PARTITION OF shop.days DEFAULT; INSERT INTO shop.days VALUES ('2097-01-01'); ANALYZE shop.days").await;
    let text = database.partctl(&["check", "-o", "nagios"], 1);
    contains(&text, &["PARTCTL WARNING - warning PT170 shop.days: DEFAULT", "'shop.days default'=1"]);
    contains(&database.partctl(&["--strict", "check", "-o", "nagios"], 2), &["PARTCTL CRITICAL - warning PT170"]);
    let output =
        command(&database.policies(), "postgresql://127.0.0.1:1/x", &["check", "-o", "nagios"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    contains(&String::from_utf8_lossy(&output.stdout), &["PARTCTL CRITICAL - ", "refused"]);
    let output =
        command(&database.policies().join("none"), &database.url(), &["check", "-o", "nagios"]).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.starts_with(b"PARTCTL UNKNOWN - ")), (Some(3), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_removes_or_fails_is_told_and_one_that_succeeds_has_a_heartbeat() {
    let database = Database::new(POLICY, SETUP).await;
    let (ear, pulse) = (Ear::open("200 OK").await, Ear::open("200 OK").await);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let by_command = format!("cat > {}; echo told", file.display());
    let told = ["--notify", &ear.url, "--notify", &by_command, "--heartbeat", &pulse.url];
    let apply = |more: &[&'static str]| [&["apply"], more, &told[..]].concat();

    // Retirement is withheld: that is a failure, and the report says what.
    database.partctl(&apply(&[]), 7);
    let report = ear.report();
    assert_eq!((&report["format"], &report["version"]), (&"partctl-report".into(), &1.into()));
    assert_eq!((&report["exit"], &report["outcome"]), (&7.into(), &"refused".into()));
    assert_eq!((&report["command"], &report["database"]), (&"apply".into(), &database.name.as_str().into()));
    assert_eq!(report["withheld"].as_array().unwrap().len(), 2, "detach and drop");
    assert_eq!(report["destroyed"].as_array().unwrap().len(), 0);
    assert_eq!(report["run"], 1);
    assert!(4 <= report["done"].as_array().unwrap().len(), "{report:#}");
    let by_command: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(by_command, report);
    assert_eq!(pulse.heard(), []);

    let output = database.command(&apply(&["--allow-destroy"])).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("told"), "standard output is the result's");
    let report = ear.report();
    assert_eq!(report["exit"], 0);
    assert_eq!(report["destroyed"][0]["target"], "shop.days_0", "{report:#}");
    contains(report["text"].as_str().unwrap(), &["partctl apply of ", "detach shop.days_0"]);
    assert_eq!(pulse.heard(), [("GET /secret".to_owned(), String::new())]);

    // Nothing to do is worth no message.
    database.partctl(&apply(&["--allow-destroy"]), 0);
    assert_eq!((ear.heard(), pulse.heard().len()), (vec![], 1));

    // Also by the environment, for timers; and when there is no database.
    let mut unreachable = command(&database.policies(), "postgresql://127.0.0.1:1/shop", &["apply"]);
    let output = unreachable.env("PARTCTL_NOTIFY", &ear.url).env("PARTCTL_HEARTBEAT", &pulse.url).output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    let report = ear.report();
    assert_eq!(
        (&report["exit"], &report["database"], &report["server"]),
        (&5.into(), &"shop".into(), &"127.0.0.1:1".into())
    );
    contains(report["error"].to_string().as_str(), &["refused"]);
    assert_eq!(pulse.heard(), []);
    database.partctl(&["check", "--min-runway", "10 years", "--notify", &ear.url], 3);
    contains(&ear.report()["findings"].to_string(), &["\"code\":\"PT124\"", "by `--min-runway`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_told_changes_nothing_and_no_secret_is_shown() {
    let database = Database::new(POLICY, SETUP).await;
    let deaf = Ear::open("500 Internal Server Error").await;
    let told = ["--notify", &deaf.url, "--notify", "cat >/dev/null; exit 3; # secret", "--heartbeat", &deaf.url];
    let text = database.partctl(&[&["apply", "--allow-destroy"], &told[..]].concat(), 0);
    contains(
        &text,
        &[
            "warning: `--notify`: 127.0.0.1 answered 500 Internal Server Error",
            "warning: `--notify`: the command ended with exit status: 3",
            "warning: `--heartbeat`: 127.0.0.1 answered 500",
        ],
    );
    assert!(!text.contains("secret"), "{text}");
    for wrong in ["ftp://secret", "http://[secret"] {
        let text = database.partctl(&["apply", "--notify", wrong], 64);
        assert!(text.contains("`--notify`") && !text.contains("secret"), "{text}");
    }
    let mut help = database.command(&["help", "apply"]);
    let output = help.env("PARTCTL_NOTIFY", "https://hooks.example/secret").output().unwrap();
    assert!(!said(&output).contains("secret"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_tells_machines_what_it_came_to() {
    let database = Database::new(POLICY, SETUP).await;
    let output = database.command(&["apply", "--allow-destroy", "-o", "json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["format"], &report["exit"]), (&"partctl-report".into(), &0.into()));
    let output = database.command(&["apply", "-o", "prometheus"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    contains(
        &text,
        &[
            "# TYPE partctl_runway_seconds gauge",
            "partctl_last_run_exit_code{command=\"apply\"",
            "partctl_held_partitions",
        ],
    );
    let mut promtool = assert_cmd::Command::new("promtool");
    let judged = promtool.args(["check", "metrics"]).write_stdin(text).output();
    match judged {
        Ok(judged) => assert!(judged.status.success(), "{}", said(&judged)),
        Err(error) => assert!(std::env::var_os("CI").is_none(), "{error}: `.ci/setup tests` installs promtool"),
    }
}
