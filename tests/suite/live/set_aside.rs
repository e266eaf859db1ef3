//! DEFAULT, set aside while several partitions leave: it comes back in the same run whatever happens to that, and in the
//! next one before anything else.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::harness::{Database, contains, session};

const POLICY: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 2 partitions, fill_gaps: false}\nretain: {for: 1 year, then: drop, grace: 7 days}
locks: {set_default_aside: true, retry_for: 1 s}\n";

/// Three partitions that are long over, one that holds a row and stays, and DEFAULT.
const ORDERS: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE shop.orders_2001_01 PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
    CREATE TABLE shop.orders_2001_02 PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01 00:00+00') TO ('2001-03-01 00:00+00');
    CREATE TABLE shop.orders_2001_03 PARTITION OF shop.orders FOR VALUES FROM ('2001-03-01 00:00+00') TO ('2001-04-01 00:00+00');
    CREATE TABLE shop.orders_rest PARTITION OF shop.orders FOR VALUES FROM ('2001-04-01 00:00+00') TO ('2020-02-01 00:00+00');
    CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT;
    INSERT INTO shop.orders SELECT m, make_timestamptz(2001, m, 15, 0, 0, 0) FROM generate_series(1, 3) m;
    INSERT INTO shop.orders VALUES (9, '2020-01-15'); ANALYZE shop.orders;";

const APPLY: &[&str] = &["apply", "--allow-destroy"];
const DEFAULT: &str = "SELECT coalesce(string_agg(inhrelid::regclass::text, ' '), 'none') FROM pg_inherits
    JOIN pg_class ON oid = inhrelid WHERE inhparent = 'shop.orders'::regclass AND pg_get_expr(relpartbound, 0) = 'DEFAULT'";
const AWAY: &str = "SELECT NOT relispartition FROM pg_class WHERE oid = 'shop.orders_default'::regclass";
const LEFT: &str = "SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), '') FROM pg_class
    WHERE relkind = 'r' AND NOT relispartition AND relnamespace = 'shop'::regnamespace";
/// Fits no partition but DEFAULT.
const STRAY: &str = "INSERT INTO shop.orders VALUES (100, '2097-01-01')";

/// Somebody who reads a partition that is to leave, and no other: setting DEFAULT aside does not wait for it.
async fn reader_of_one(database: &Database, partition: &str) -> partctl::db::connect::Session {
    let reader = session(&database.url_with("application_name=reporting")).await;
    reader.client().batch_execute(&format!("BEGIN; SELECT FROM {partition}")).await.unwrap();
    database.sql("SELECT pg_sleep(0.15)").await;
    reader
}

async fn comes_back_and_all_have_left(database: &Database) {
    assert_eq!(database.value(DEFAULT).await, "shop.orders_default");
    assert_eq!(database.value(LEFT).await, "orders_2001_01 orders_2001_02 orders_2001_03");
    database.partctl(&["plan", "--check"], 0);
    let open = "SELECT count(*) FROM partctl.detached_tables WHERE table_name = 'orders_default' AND ended_at IS NULL";
    assert_eq!(database.value(open).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn default_is_set_aside_once_and_the_others_leave_concurrently() {
    let database = Database::new(POLICY, ORDERS).await;
    let plan = database.partctl(&["plan"], 0);
    contains(
        &plan,
        &["~ set aside", "+ bring back", "within 10 s, rows that fit no other partition are refused (23514)"],
    );
    assert!(!plan.contains("not CONCURRENTLY"), "{plan}");
    let said = database.partctl(APPLY, 0);
    comes_back_and_all_have_left(&database).await;
    database.sql(STRAY).await;
    let history = database.partctl(&["history", "1"], 0);
    contains(&history, &["set aside", "bring back", "detach"]);
    let concurrent = "SELECT count(*) FROM partctl.steps WHERE kind = 'detach' AND sql LIKE '%CONCURRENTLY%'";
    assert_eq!(database.value(concurrent).await, "3", "{said}");
    assert!(!database.partctl(&["status"], 0).contains("set aside"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_written_between_plan_and_lock_keeps_default_and_everything_else_in_place() {
    let database = Database::new(POLICY, ORDERS).await;
    database.partctl(&["init"], 0);
    let (_, plan) = database.plan().await;
    database.sql(STRAY).await;
    let aside = plan.steps().find(|(_, step)| step.kind().as_str() == "set aside").unwrap().1;
    let batch = aside.actions()[0].statements().join("; ");
    let error = database.session.client().batch_execute(&format!("BEGIN; {batch}; COMMIT")).await.unwrap_err();
    contains(&error.as_db_error().unwrap().to_string(), &["shop.orders_default holds rows, so it is not set aside"]);
    database.sql("ROLLBACK").await;
    // The next plan knows, and detaches plainly.
    let plan = database.partctl(&["plan"], 0);
    contains(&plan, &["PT141", "DEFAULT shop.orders_default is not set aside: it holds rows", "not CONCURRENTLY"]);
    database.partctl(APPLY, 0);
    assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_patience_ends_in_between_default_comes_back_in_the_same_run() {
    let database = Database::new(POLICY, ORDERS).await;
    let reader = reader_of_one(&database, "shop.orders_2001_02").await;
    let said = database.partctl(APPLY, 8);
    contains(&said, &["orders_2001_02", "reporting"]);
    assert_eq!(database.value(DEFAULT).await, "shop.orders_default", "{said}");
    assert_eq!(database.value(LEFT).await, "orders_2001_01", "what had left before stays so: {said}");
    database.sql(&format!("{STRAY}; DELETE FROM shop.orders WHERE id = 100")).await;
    reader.client().batch_execute("ROLLBACK").await.unwrap();
    database.partctl(APPLY, 0);
    comes_back_and_all_have_left(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn default_is_away_for_ten_seconds_at_most_however_patient_the_policy_is() {
    let database = Database::new(&POLICY.replace("1 s", "5 minutes"), ORDERS).await;
    let reader = reader_of_one(&database, "shop.orders_2001_01").await;
    let said = database.partctl(APPLY, 8);
    contains(&said, &["locks not granted within 10"]);
    assert_eq!(database.value(DEFAULT).await, "shop.orders_default", "{said}");
    reader.client().batch_execute("ROLLBACK").await.unwrap();
    database.partctl(APPLY, 0);
    comes_back_and_all_have_left(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_in_between_brings_default_back_before_the_run_ends() {
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
        let database = Database::new(&POLICY.replace("1 s", "5 minutes"), ORDERS).await;
        let reader = reader_of_one(&database, "shop.orders_2001_02").await;
        let run = database.start(&database.url(), APPLY);
        database.until("SELECT to_regclass('partctl.steps') IS NOT NULL", || true).await;
        database.until(AWAY, || true).await;
        run.signal(signal);
        let (ended, said) = run.ends_within(Duration::from_secs(5)).await;
        assert_eq!(ended, Some(code), "{said}");
        assert_eq!(database.value(DEFAULT).await, "shop.orders_default", "{said}");
        reader.client().batch_execute("ROLLBACK").await.unwrap();
        database.partctl(APPLY, 0);
        comes_back_and_all_have_left(&database).await;
    }
}

/// A run that is killed while DEFAULT is away.
async fn killed_in_between(setup: &str) -> Database {
    let database = Database::new(&POLICY.replace("1 s", "5 minutes"), &format!("{ORDERS}{setup}")).await;
    let reader = reader_of_one(&database, "shop.orders_2001_02").await;
    let run = database.start(&database.url(), APPLY);
    // The reader keeps the second of the three.
    database
        .until("SELECT NOT relispartition FROM pg_class WHERE oid = 'shop.orders_2001_01'::regclass", || true)
        .await;
    assert_eq!(database.value(AWAY).await, "t");
    run.kill().await;
    reader.client().batch_execute("ROLLBACK").await.unwrap();
    let running =
        "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'partctl' AND datname = current_database()
        AND pid <> pg_backend_pid()";
    database.until(running, || true).await;
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_in_between_the_next_run_brings_default_back_before_anything_else() {
    let mut database = killed_in_between("").await;
    assert!(database.session.client().batch_execute(STRAY).await.is_err(), "DEFAULT is there");
    contains(
        &database.partctl(&["status"], 0),
        &["shop.orders_default", "set aside: the next apply attaches it again"],
    );
    // Grace never ends for it, whatever the policy says.
    database.sql("UPDATE partctl.detached_tables SET detached_at = detached_at - interval '1 year'").await;
    let wanted = &POLICY.replace("ahead: 2", "default: require, ahead: 4");
    database.set_policy(wanted);
    let plan = database.partctl(&["plan"], 0);
    let first = plan.lines().find(|line| line.starts_with("  ") && !line.trim().starts_with('!')).unwrap();
    contains(first, &["+ bring back", "orders_default", "a run that was stopped had set it aside"]);
    database.partctl(&["apply", "--only-create"], 0);
    assert_eq!(database.value(DEFAULT).await, "shop.orders_default");
    // Whether the kill came before the detach was written down is chance.
    let ordered = "SELECT string_agg(DISTINCT kind, ' ') FROM partctl.steps
        WHERE run_id = (SELECT max(id) FROM partctl.runs) AND kind <> 'record'";
    assert_eq!(database.value(ordered).await, "bring back create");
    database.partctl(APPLY, 0);
    assert_eq!(database.value(DEFAULT).await, "shop.orders_default");
    database.partctl(&["plan", "--check"], 0);
    assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_written_to_a_default_that_is_away_come_back_with_it_where_they_fit() {
    let database = killed_in_between("").await;
    database.sql("INSERT INTO shop.orders_default VALUES (7, '2097-01-01')").await;
    database.partctl(APPLY, 0);
    assert_eq!(database.value(DEFAULT).await, "shop.orders_default");
    assert_eq!(database.value("SELECT count(*) FROM shop.orders WHERE id = 7").await, "1");

    let database = killed_in_between("").await;
    database.sql("INSERT INTO shop.orders_default VALUES (7, '2020-01-20')").await;
    contains(&database.partctl(APPLY, 3), &["PT142", "holds rows of orders_rest now", "they are the rows with at >="]);
    assert_eq!(database.value("SELECT count(*) FROM shop.orders_default").await, "1", "nothing is lost");
    database
        .sql("WITH m AS (DELETE FROM shop.orders_default RETURNING *) INSERT INTO shop.orders SELECT * FROM m")
        .await;
    database.partctl(APPLY, 0);
    assert_eq!(database.value(DEFAULT).await, "shop.orders_default");

    let database = killed_in_between("").await;
    database.sql("CREATE TABLE shop.another PARTITION OF shop.orders DEFAULT").await;
    contains(&database.partctl(APPLY, 3), &["PT142", "shop.another is DEFAULT now", "drop shop.orders_default"]);
    assert_eq!(database.value(DEFAULT).await, "shop.another");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_left_aside_is_brought_back_by_the_undo_of_a_detach_as_well() {
    let database = killed_in_between("").await;
    database.partctl(&["reattach", "--yes", "orders_2001_01"], 0);
    assert_eq!(database.value(DEFAULT).await, "shop.orders_default");
    assert_eq!(database.value("SELECT count(*) FROM shop.orders WHERE id = 1").await, "1");
    let database = killed_in_between("").await;
    database.partctl(&["reattach", "--yes", "orders_default"], 0);
    assert_eq!(database.value(DEFAULT).await, "shop.orders_default");
}
