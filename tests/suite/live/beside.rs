//! Beside others: a second run, a person's DDL between plan and apply, another partition manager. Whatever they do, a
//! run is refused or converges, and never does something else.

use std::process::{Command, Output, Stdio};

use super::harness::{Database, contains, said, session};

const HASHES: &str = "version: 1\ntable: shop.a\npartition: {hash: k, modulus: 4}
---\nversion: 1\ntable: shop.b\npartition: {hash: k, modulus: 4}
---\nversion: 1\ntable: shop.c\npartition: {hash: k, modulus: 4}\n";
const TABLES: &str = "CREATE SCHEMA shop; CREATE TABLE shop.a (k int) PARTITION BY HASH (k);
    CREATE TABLE shop.b (k int) PARTITION BY HASH (k); CREATE TABLE shop.c (k int) PARTITION BY HASH (k)";

const DETACHES: &str = "version: 1\ntable: shop.a\npartition: {range: at, every: 1 month, timezone: UTC}
create: {fill_gaps: false}\nretain: {for: 1 year, then: detach, per_run: 9}
---\nversion: 1\ntable: shop.b\npartition: {range: at, every: 1 month, timezone: UTC}
create: {fill_gaps: false}\nretain: {for: 1 year, then: detach, per_run: 9}\n";
const RETIRING: &str = "CREATE SCHEMA shop; CREATE TABLE shop.a (at timestamptz NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE shop.b (at timestamptz NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE shop.a_old PARTITION OF shop.a FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
    CREATE TABLE shop.b_old PARTITION OF shop.b FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
    CREATE TABLE shop.a_kept PARTITION OF shop.a FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00');
    CREATE TABLE shop.b_kept PARTITION OF shop.b FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00');
    INSERT INTO shop.a VALUES ('2020-01-15'); INSERT INTO shop.b VALUES ('2020-01-15'); ANALYZE shop.a, shop.b";

/// Starts a run that the test goes on beside.
fn start(database: &Database, arguments: &[&str]) -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_partctl"));
    command.env_clear().env("PARTCTL_DATABASE", database.url()).arg("--policies").arg(database.policies());
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("killed: {}", said(output)))
}

/// Keeps a run waiting at `shop.a` while somebody changes another table, and returns what it said.
async fn change_beside(database: &Database, arguments: &[&str], change: &str) -> Output {
    database.partctl(&["init"], 0);
    let person = session(&database.url_with("application_name=person")).await;
    person.client().batch_execute("BEGIN; LOCK TABLE shop.a IN SHARE UPDATE EXCLUSIVE MODE").await.unwrap();
    let mut run = start(database, &[&["apply", "--jobs", "1"], arguments].concat());
    // It has planned, and is about to carry out.
    database.until("SELECT EXISTS (SELECT FROM partctl.runs)", || run.try_wait().unwrap().is_none()).await;
    database.sql(change).await;
    person.client().batch_execute("COMMIT").await.unwrap();
    run.wait_with_output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_somebody_makes_meanwhile_fails_its_own_step_and_no_other() {
    let database = Database::new(HASHES, TABLES).await;
    let change = "CREATE TABLE shop.mine PARTITION OF shop.b FOR VALUES WITH (modulus 4, remainder 1)";
    let output = change_beside(&database, &[], change).await;
    let text = said(&output);
    assert_eq!(code(&output), 3, "{text}");
    contains(&text, &["shop.b create b_p1 failed", "the table changed since it was planned: run again"]);
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.a'::regclass").await, "4");
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.c'::regclass").await, "4");
    database.partctl(&["plan", "--check"], 0);
    assert_eq!(database.value("SELECT to_regclass('shop.b_p1') IS NULL").await, "t", "theirs counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_somebody_changed_meanwhile_is_not_retired() {
    let gone = "ALTER TABLE shop.b DETACH PARTITION shop.b_old";
    let other = "ALTER TABLE shop.b DETACH PARTITION shop.b_old; ALTER TABLE shop.b_old RENAME TO b_mine;
        CREATE TABLE shop.b_old PARTITION OF shop.b FOR VALUES FROM ('2020-03-01 00:00+00') TO ('2020-04-01 00:00+00')";
    for (change, left) in [(gone, "b_kept"), (other, "b_kept,b_old")] {
        let database = Database::new(DETACHES, RETIRING).await;
        let output = change_beside(&database, &["--allow-destroy"], change).await;
        let text = said(&output);
        assert_eq!(code(&output), 3, "{text}");
        contains(&text, &["shop.a detach a_old done", "b_old failed", "the table changed since it was planned"]);
        let attached =
            "SELECT string_agg(c.relname, ',' ORDER BY c.relname) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
            WHERE inhparent = 'shop.b'::regclass AND c.relname !~ '_20'";
        assert_eq!(database.value(attached).await, left);
        assert_eq!(
            database.value("SELECT count(*) FROM partctl.detached_tables WHERE detached_at IS NOT NULL").await,
            "1"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_stale_once_somebody_has_made_a_partition() {
    let database = Database::new(HASHES, TABLES).await;
    let file = database.policies().join("saved.plan.json");
    let file = file.to_str().unwrap();
    database.partctl(&["plan", "--save", file], 0);
    database.sql("CREATE TABLE shop.mine PARTITION OF shop.b FOR VALUES WITH (modulus 4, remainder 1)").await;
    let before = database.state().await;
    contains(&database.partctl(&["apply", file], 7), &["stale, nothing was done", "shop.b"]);
    assert_eq!(database.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_runs_at_once_each_is_refused_or_has_nothing_left_to_do() {
    for saved in [true, false] {
        let database = Database::new(HASHES, TABLES).await;
        database.partctl(&["init"], 0);
        let file = database.policies().join("saved.plan.json");
        let file = file.to_str().unwrap();
        if saved {
            database.partctl(&["plan", "--save", file], 0);
        }
        let arguments = if saved { &["apply", file][..] } else { &["apply"] };
        let runs: Vec<_> = (0..3).map(|_| start(&database, arguments)).collect();
        let outputs: Vec<Output> = runs.into_iter().map(|run| run.wait_with_output().unwrap()).collect();
        let texts: Vec<String> = outputs.iter().map(said).collect();
        let worked = texts.iter().filter(|text| text.contains("12 steps done")).count();
        assert_eq!(worked, 1, "{texts:#?}");
        for (output, text) in outputs.iter().zip(&texts) {
            let fine = match code(output) {
                0 => text.contains("12 steps done") || !saved && text.contains("nothing to do"),
                6 => text.contains("another partctl run holds the lock"),
                7 => saved && text.contains("stale"),
                _ => false,
            };
            assert!(fine, "{texts:#?}");
        }
        assert_eq!(database.value("SELECT count(*) FROM partctl.runs").await, "1");
        database.partctl(&["plan", "--check"], 0);
    }
}

/// pg_partman 4, where it is installed; nowhere else does this test say anything.
#[tokio::test(flavor = "multi_thread")]
async fn beside_pg_partman_both_keep_their_partitions_and_neither_makes_one_twice() {
    let policy = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 12 partitions}\n";
    let setup = "CREATE SCHEMA shop; CREATE TABLE shop.orders (at timestamptz NOT NULL) PARTITION BY RANGE (at)";
    let database = Database::new(policy, setup).await;
    let available =
        "SELECT count(*) FROM pg_available_extension_versions WHERE name = 'pg_partman' AND version LIKE '4.%'";
    if database.value(available).await == "0" {
        return;
    }
    database.sql("CREATE SCHEMA partman; CREATE EXTENSION pg_partman SCHEMA partman; SET TimeZone = 'UTC'").await;
    database.sql("SELECT partman.create_parent('shop.orders', 'at', 'native', 'monthly', p_premake => 4)").await;
    database.sql("UPDATE partman.part_config SET premake = 20").await;
    let run = start(&database, &["apply"]);
    // Either may be refused for what the other has just made.
    let maintenance = database.session.client().batch_execute("CALL partman.run_maintenance_proc()").await;
    let output = run.wait_with_output().unwrap();
    assert!(matches!(code(&output), 0 | 3), "{}", said(&output));
    if maintenance.is_err() {
        assert_eq!(code(&output), 0, "both were refused: {maintenance:?}\n{}", said(&output));
    }
    database.sql("CALL partman.run_maintenance_proc()").await;
    database.partctl(&["apply"], 0);
    database.partctl(&["plan", "--check"], 0);
    let twice = "SELECT count(*) - count(DISTINCT pg_get_expr(c.relpartbound, c.oid)) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
        WHERE inhparent = 'shop.orders'::regclass";
    assert_eq!(database.value(twice).await, "0");
}
