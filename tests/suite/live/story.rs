//! What the ledger tells of runs: the journal, ledgers of an earlier version, and entries that somebody edited.

use partctl::catalog::Journal;
use partctl::run::Invocation;
use serde_json::Value;

use super::harness::{Database, contains, said, session};

const POLICY: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 1 partition, fill_gaps: false}\nretain: {for: 1 year, then: drop, grace: 1 day, at_least: 1}
locks: {timeout: 20 ms, retry_for: 300 ms}\n";
/// One partition that is long over, owned as a role's that may not create schemas.
const SETUP: &str = "CREATE SCHEMA shop AUTHORIZATION creator; SET ROLE creator;
    CREATE TABLE shop.orders (at timestamptz NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE shop.old PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
    CREATE TABLE shop.filled PARTITION OF shop.orders FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00');
    INSERT INTO shop.orders VALUES ('2001-01-15'), ('2020-01-15'); RESET ROLE; ANALYZE shop.orders";
/// Back to what the first migration made.
const FIRST_EDITION: &str =
    "ALTER TABLE partctl.runs DROP os_user, DROP client_host, DROP backend_pid, DROP only_create,
    DROP allow_destroy, DROP deadline, DROP steps_done, DROP steps_failed, DROP steps_left_out;
    ALTER TABLE partctl.steps DROP position, DROP sql, DROP sqlstate, DROP blockers;
    ALTER TABLE partctl.detached_tables DROP restored_from, DROP released_at;
    DROP TABLE partctl.archives; DELETE FROM partctl.migrations WHERE 2 <= version";
const MAY_USE: &str = "GRANT USAGE ON SCHEMA partctl TO creator;
    GRANT SELECT, INSERT, UPDATE ON partctl.runs, partctl.steps, partctl.detached_tables TO creator";

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_tells_who_ran_what_and_who_was_in_the_way() {
    let database = Database::new(POLICY, SETUP).await;
    let reader = session(&database.url_with("application_name=reporting")).await;
    reader.client().batch_execute("BEGIN; SELECT 'it''s', * FROM shop.orders").await.unwrap();
    database.sql("SELECT pg_sleep(0.1)").await;
    database.partctl(&["apply", "--allow-destroy", "--deadline", "1 minute"], 8);
    let run = "SELECT concat_ws(' ', outcome, os_user = current_user OR os_user <> '', client_host <> '', only_create,
        allow_destroy, extract(epoch FROM deadline)::int, steps_done, steps_failed, steps_left_out, backend_pid > 0) FROM partctl.runs";
    assert_eq!(database.column(run).await, ["lock timeout t t f t 60 2 1 0 t"]);
    let steps = database
        .column(
            "SELECT concat_ws(' ', position, kind, sqlstate, milliseconds >= 0) FROM partctl.steps ORDER BY position",
        )
        .await;
    assert_eq!(steps, ["1 create t", "2 create t", "3 detach t"]);
    let made = database.value("SELECT sql FROM partctl.steps WHERE position = 1").await;
    contains(&made, &["CREATE TABLE shop.orders_", ";\nALTER TABLE shop.orders ATTACH PARTITION shop.orders_"]);
    let blocker =
        "SELECT concat_ws('; ', b ->> 'application', b ->> 'state', b ->> 'holds', b ->> 'query', (b ->> 'pid')::int > 0)
        FROM partctl.steps, jsonb_array_elements(blockers) b";
    assert_eq!(
        database.column(blocker).await,
        ["reporting; idle in transaction; ACCESS SHARE on shop.orders; BEGIN; SELECT 'it''s', * FROM shop.orders; t"]
    );
    reader.client().batch_execute("COMMIT").await.unwrap();
    database.partctl(&["apply", "--allow-destroy"], 0);
    let last = "SELECT concat_ws(' ', outcome, steps_done, steps_failed, steps_left_out, deadline IS NULL)
        FROM partctl.runs ORDER BY id DESC LIMIT 1";
    assert_eq!(database.value(last).await, "done 1 0 0 t");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_an_earlier_version_goes_on_and_is_brought_up_to_date_by_whoever_may() {
    let database = Database::new(POLICY, SETUP).await;
    database.partctl(&["init"], 0);
    database.sql(FIRST_EDITION).await;
    database.sql(MAY_USE).await;
    let url = database.url_with("user=creator");
    database.partctl(&["--database", &url, "plan"], 0);
    database.partctl(&["--database", &url, "apply", "--allow-destroy"], 0);
    assert_eq!(
        database.value("SELECT string_agg(kind, ' ' ORDER BY kind) FROM partctl.steps").await,
        "create create detach"
    );
    assert_eq!(database.value("SELECT outcome FROM partctl.runs").await, "done");
    database.sql("DROP TABLE shop.old; ALTER TABLE shop.orders DETACH PARTITION shop.filled").await;
    database
        .sql(
            "DO $$DECLARE p text; BEGIN SELECT max(relname) INTO p FROM pg_class WHERE relname LIKE 'orders\\_2%';
        EXECUTE 'DROP TABLE shop.' || p; END$$",
        )
        .await;
    contains(&database.partctl(&["apply"], 0), &["brought the ledger in schema partctl up to date"]);
    assert_eq!(
        database
            .value("SELECT concat_ws(' ', steps_done, steps_failed) FROM partctl.runs ORDER BY id DESC LIMIT 1")
            .await,
        "1 0"
    );
    assert_eq!(database.value("SELECT count(*) FROM partctl.steps WHERE sql IS NOT NULL").await, "1");
    contains(&database.partctl(&["init"], 0), &["up to date"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_somebody_edited_is_a_warning_and_its_table_is_left_alone() {
    let database = Database::new(POLICY, SETUP).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    for (edit, problem) in [
        (
            "bound = 'whatever; DROP TABLE x', detached_at = now() - interval '1 year'",
            "its bound is `whatever; DROP TABLE x`",
        ),
        ("bound = 'DEFAULT', detached_at = 'infinity'", "`detached_at` is beyond the calendar"),
    ] {
        database.sql(&format!("UPDATE partctl.detached_tables SET {edit}")).await;
        for command in [&["plan"][..], &["status"], &["check"], &["apply", "--allow-destroy"]] {
            let output = database.command(command).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{command:?}: {}", said(&output));
        }
        contains(
            &database.partctl(&["plan"], 0),
            &["? PT134 shop.orders", "shop.old", problem, "SET ended_at = now()"],
        );
    }
    database.partctl(&["--strict", "plan"], 3);
    database.sql("UPDATE partctl.detached_tables SET ended_at = now()").await;
    database.partctl(&["--strict", "plan"], 0);
    assert_eq!(database.value("SELECT count(*) FROM shop.old").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_from_a_dump_what_was_detached_is_told_and_waits_on_once_somebody_says_so() {
    let database = Database::new(POLICY, SETUP).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    // What a dump makes anew has another oid, and the ledger's rows are as they were.
    database
        .sql("CREATE TABLE shop.again (LIKE shop.old); INSERT INTO shop.again TABLE shop.old; DROP TABLE shop.old; ALTER TABLE shop.again RENAME TO old")
        .await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    let told = database.partctl(&["plan"], 0).split_whitespace().collect::<Vec<_>>().join(" ");
    contains(&told, &["? PT134 shop.orders", "as after a restore", "shop.old", "SET ended_at = now()"]);
    let oid = database.value("SELECT 'shop.old'::regclass::oid").await;
    contains(&told, &[&format!("UPDATE partctl.detached_tables SET relation = {oid} WHERE relation = ")]);
    database.sql(&format!("UPDATE partctl.detached_tables SET relation = {oid}")).await;
    database.partctl(&["--strict", "plan", "--check"], 0);
    contains(&database.partctl(&["status"], 0), &["shop.old"]);
    database.partctl(&["reattach", "shop.old", "--yes"], 0);
    assert_eq!(database.value("SELECT relispartition FROM pg_class WHERE oid = 'shop.old'::regclass").await, "t");
    // A name that a partition has taken since tells nothing.
    database.sql("UPDATE partctl.detached_tables SET ended_at = NULL, relation = 1").await;
    assert!(!database.partctl(&["plan"], 0).contains("PT134"));
}

fn json(database: &Database, arguments: &[&str]) -> Value {
    let output = database.command(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "partctl {arguments:?}\n{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn history_tells_of_past_runs_and_of_one_run_in_full() {
    let database = Database::new(POLICY, SETUP).await;
    contains(&database.partctl(&["history"], 0), &["no ledger", "`partctl init`"]);
    assert_eq!(json(&database, &["history", "-o", "json"])["ledger"], "missing");
    database.partctl(&["init"], 0);
    contains(&database.partctl(&["history"], 0), &["remembers no such run yet"]);
    let reader = session(&database.url_with("application_name=reporting")).await;
    reader.client().batch_execute("BEGIN; SELECT * FROM shop.orders").await.unwrap();
    database.sql("SELECT pg_sleep(0.1)").await;
    database.partctl(&["apply", "--allow-destroy"], 8);
    reader.client().batch_execute("COMMIT").await.unwrap();
    database.partctl(&["apply", "--allow-destroy"], 0);

    let runs = json(&database, &["history", "-o", "json"]);
    assert_eq!((&runs["format"], &runs["version"]), (&"partctl-history".into(), &1.into()));
    let told: Vec<(&Value, &Value)> =
        runs["runs"].as_array().unwrap().iter().map(|run| (&run["outcome"], &run["done"])).collect();
    assert_eq!(told, [(&"done".into(), &1.into()), (&"lock timeout".into(), &2.into())]);
    assert_eq!(json(&database, &["history", "-o", "json", "--limit", "1"])["runs"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        json(&database, &["--only", "crm.*", "history", "-o", "json"])["runs"].as_array().map(Vec::len),
        Some(0)
    );
    assert_eq!(
        json(&database, &["--only", "shop.*", "history", "-o", "json"])["runs"].as_array().map(Vec::len),
        Some(2)
    );

    let run = json(&database, &["history", "1", "-o", "json"]);
    assert_eq!(run["format"], "partctl-run");
    assert_eq!(run["run"]["options"][0], "--allow-destroy");
    let detach = &run["steps"][2];
    assert_eq!(detach["blockers"][0]["application"], "reporting");
    contains(detach["sql"].as_str().unwrap(), &["DETACH PARTITION shop.old CONCURRENTLY;"]);
    for format in ["table", "markdown"] {
        contains(
            &database.partctl(&["history", "1", "-o", format], 0),
            &["lock timeout", "reporting", "idle in transaction", "DETACH PARTITION shop.old CONCURRENTLY;", "told"],
        );
        contains(&database.partctl(&["history", "-o", format], 0), &["lock timeout", "done", "postgres"]);
    }
    contains(&database.partctl(&["history", "17"], 64), &["no run 17", "`partctl history` lists the runs"]);

    let stranger = database.url_with("user=stranger");
    let hint = "GRANT USAGE ON SCHEMA partctl TO stranger; GRANT SELECT ON partctl.runs, partctl.steps TO stranger";
    contains(&database.partctl(&["--database", &stranger, "history"], 3), &["may not read the ledger", hint]);
    database.sql(hint).await;
    contains(&database.partctl(&["--database", &stranger, "history"], 0), &["lock timeout"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_never_ended_is_running_only_while_its_session_holds_the_lock() {
    let database = Database::new(POLICY, SETUP).await;
    database.partctl(&["init"], 0);
    let mut other = session(&database.url()).await;
    partctl::run::lock_database(other.client()).await.unwrap();
    let (_, plan) = database.plan().await;
    partctl::run::install(other.client_mut()).await.unwrap();
    let open = partctl::run::begin_run(other.client(), Journal::Current, &Invocation::default(), &plan).await;
    let state = || json(&database, &["history", "-o", "json"])["runs"][0]["state"].clone();
    assert!(open.is_ok());
    assert_eq!(state(), "running");
    contains(&database.partctl(&["history", "1"], 0), &["not yet: running for", "pid"]);
    other.close().await;
    // The server ends a session a moment after its client.
    database
        .until(
            "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            || true,
        )
        .await;
    assert_eq!(state(), "never_ended");
    contains(&database.partctl(&["history"], 0), &["never ended", "was killed or lost its connection"]);
    contains(&database.partctl(&["history", "1"], 0), &["killed, or still running"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_reads_a_ledger_of_an_earlier_version() {
    let database = Database::new(POLICY, SETUP).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    database.sql(FIRST_EDITION).await;
    let run = json(&database, &["history", "-o", "json"])["runs"][0].clone();
    assert_eq!((&run["outcome"], &run["done"], &run["failed"]), (&"done".into(), &3.into(), &0.into()));
    assert_eq!(run["options"], Value::Null);
    contains(&database.partctl(&["history", "1"], 0), &["3 done, 0 failed", "~ detach shop.old done in"]);
}
