//! What retention goes by besides age and number: distance, size, the owner's own `unless`; and more at once than
//! `per_run` allows, which somebody has to confirm.

use super::harness::{Database, contains};

/// Ten partitions of 1,000 keys, rows in the first eight; about 1 MB each.
const NUMBERS: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint NOT NULL, note text) PARTITION BY RANGE (id);
    DO $$BEGIN FOR n IN 0..9 LOOP EXECUTE format('CREATE TABLE shop.orders_%s PARTITION OF shop.orders FOR VALUES FROM (%s) TO (%s)',
        n * 1000, n * 1000, n * 1000 + 1000); END LOOP; END$$;
    INSERT INTO shop.orders SELECT g, repeat('x', 1000) FROM generate_series(0, 7999) g;";
const APPLY: &[&str] = &["apply", "--allow-destroy"];
const ATTACHED: &str =
    "SELECT string_agg(inhrelid::regclass::text, ' ' ORDER BY inhrelid::regclass::text) FROM pg_inherits
    WHERE inhparent = 'shop.orders'::regclass";
const THERE: &str = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'shop'::regnamespace";

fn policy(retain: &str) -> String {
    format!(
        "version: 1\ntable: shop.orders\npartition: {{range: id, every: 1000}}\ncreate: {{ahead: 2 partitions}}\nretain: {{{retain}}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_kept_to_a_distance_behind_the_partition_in_use() {
    let mut database = Database::new(&policy("distance: 4500, then: drop, grace: 0 days"), NUMBERS).await;
    database.partctl(APPLY, 0);
    assert_eq!(
        database.value("SELECT min(id) FROM shop.orders").await,
        "2000",
        "7000 is in use, and 4,500 behind is 2500"
    );
    database.partctl(&["plan", "--check"], 0);
    // As far as keys go on, so do those that are kept.
    database.sql("INSERT INTO shop.orders VALUES (9000)").await;
    database.partctl(APPLY, 0);
    assert_eq!(database.value("SELECT min(id) FROM shop.orders").await, "4000");
    database.set_policy(&policy("distance: 4500, newest: 5, then: drop, grace: 0 days"));
    database.partctl(&["plan", "--check"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_a_size_the_oldest_leave_and_the_measure_is_what_is_on_disk() {
    // Statistics know nothing, so estimates would say that there is nothing.
    let mut database = Database::new(&policy("max_size: 6 MB, then: drop"), NUMBERS).await;
    let before: i64 = database
        .value(
            "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass",
        )
        .await
        .parse()
        .unwrap();
    assert!(6 << 20 < before, "{before}");
    contains(&database.partctl(&["plan"], 0), &["all together beyond 6.0 MB"]);
    database.partctl(APPLY, 0);
    database.partctl(&["plan", "--check"], 0);
    let after: i64 = database
        .value(
            "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass",
        )
        .await
        .parse()
        .unwrap();
    assert!((5 << 20..=6 << 20).contains(&after), "{after}");
    let detached = database.value("SELECT count(*) FROM partctl.detached_tables WHERE ended_at IS NULL").await;
    assert_ne!(detached, "0");
    // There is no room for them: they go when their grace is over.
    database.sql("UPDATE partctl.detached_tables SET detached_at = detached_at - interval '8 days'").await;
    let said = database.partctl(APPLY, 0);
    assert_eq!(
        database.value("SELECT count(*) FROM partctl.detached_tables WHERE ended_at IS NULL").await,
        "0",
        "{said}"
    );
    // Where there is, they stay.
    database.set_policy(&policy("max_size: 4 MB, then: drop"));
    database.partctl(APPLY, 0);
    let waiting = database.value(THERE).await;
    database.sql("UPDATE partctl.detached_tables SET detached_at = detached_at - interval '8 days'").await;
    database.set_policy(&policy("max_size: 100 MB, then: drop"));
    contains(&database.partctl(APPLY, 0), &["PT131", "the policy would keep it now"]);
    assert_eq!(database.value(THERE).await, waiting);
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_that_cannot_be_measured_let_nothing_leave() {
    let database = Database::new(&policy("max_size: 1 MB, then: drop"), NUMBERS).await;
    let somebody = super::harness::session(&database.url_with("application_name=ddl")).await;
    somebody.client().batch_execute("BEGIN; LOCK TABLE shop.orders_9000 IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let said = database.partctl(&["plan"], 3);
    contains(&said, &["PT125"]);
    assert!(!said.contains("detach"), "{said}");
}

const UNLESS: &str =
    "newest: 3, then: drop, grace: 1 day, unless: \"exists (select from {partition} where note = 'open')\"";

#[tokio::test(flavor = "multi_thread")]
async fn unless_is_asked_when_planning_before_the_detach_and_under_the_lock_of_the_drop() {
    let setup = format!("{NUMBERS} INSERT INTO shop.orders VALUES (1500, 'open')");
    let database = Database::new(&policy(UNLESS), &setup).await;
    let said = database.partctl(&["plan"], 0);
    contains(&said, &["PT143", "orders_1000 is over, and kept: `unless` holds for it"]);
    // Right before the detach: what was written after the plan counts.
    database.partctl(&["init"], 0);
    let (_, plan) = database.plan().await;
    database.sql("INSERT INTO shop.orders VALUES (2500, 'open')").await;
    let detach = plan.steps().find(|(_, step)| step.target().to_string() == "shop.orders_2000").unwrap().1;
    let partctl::plan::Action::Alone(alone) = &detach.actions()[1] else { panic!("it is not concurrent") };
    let error = database.session.client().batch_execute(&alone.guards.join(";")).await.unwrap_err();
    contains(&error.as_db_error().unwrap().to_string(), &["shop.orders_2000 is kept: its policy's `unless` holds"]);
    database.partctl(APPLY, 0);
    assert_eq!(database.value("SELECT count(DISTINCT tableoid) FROM shop.orders WHERE id < 5000").await, "2");
    // And before the drop.
    database.sql("UPDATE partctl.detached_tables SET detached_at = detached_at - interval '2 days'").await;
    let (_, plan) = database.plan().await;
    database.sql("INSERT INTO shop.orders_0 VALUES (7, 'open')").await;
    let drop = plan.steps().find(|(_, step)| step.target().to_string() == "shop.orders_0").unwrap().1;
    let batch = format!("BEGIN; {}; COMMIT", drop.actions()[0].statements().join("; "));
    assert!(database.session.client().batch_execute(&batch).await.is_err(), "it was dropped");
    database.sql("ROLLBACK").await;
    contains(&database.partctl(APPLY, 0), &["PT143", "orders_0 is over, and kept"]);
    assert_eq!(
        database.value(THERE).await,
        "orders_0 orders_1000 orders_2000 orders_5000 orders_6000 orders_7000 orders_8000 orders_9000"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unless_that_fails_or_writes_keeps_everything() {
    let setup = format!(
        "{NUMBERS} CREATE TABLE shop.seen (at timestamptz); CREATE FUNCTION shop.writes() RETURNS boolean LANGUAGE sql
            AS 'INSERT INTO shop.seen VALUES (now()) RETURNING false';"
    );
    for (condition, why) in [
        ("exists (select from {partition} where stat = 'open')", "column"),
        ("(select shop.writes() from {partition} limit 1)", "read-only transaction"),
        ("(select max(note) = 'none' from {partition} where false)", "it is null"),
        ("(select 1 / (count(*) - count(*)) = 0 from {partition})", "division by zero"),
    ] {
        let policy = policy(&format!("newest: 3, then: drop, grace: 0 days, unless: \"{condition}\""));
        let database = Database::new(&policy, &setup).await;
        contains(&database.partctl(APPLY, 0), &["PT144", why]);
        assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "8000", "{condition}");
        assert_eq!(database.value("SELECT count(*) FROM shop.seen").await, "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_at_once_than_per_run_is_listed_and_refused_until_somebody_confirms_the_number() {
    let mut database = Database::new(&policy("newest: 8, then: drop, grace: 0 days, per_run: 2"), NUMBERS).await;
    database.partctl(APPLY, 0);
    database.set_policy(&policy("newest: 3, then: drop, grace: 0 days, per_run: 2"));
    let before = database.value(ATTACHED).await;
    let said = database.partctl(APPLY, 7);
    contains(
        &said,
        &[
            "PT110",
            "5 partitions are over at once",
            "and per_run is 2",
            "orders_0 0 … 1000 1.1 MB",
            "`--confirm-retention 5`",
        ],
    );
    database.partctl(&["apply", "--allow-destroy", "--confirm-retention", "4"], 7);
    assert_eq!(database.value(ATTACHED).await, before);
    contains(&database.partctl(&["plan", "--confirm-retention", "5"], 0), &["5 to detach, 5 to drop"]);
    // Confirmed is not allowed.
    database.partctl(&["apply", "--confirm-retention", "5"], 7);
    assert_eq!(database.value(ATTACHED).await, before);
    database.partctl(&["apply", "--allow-destroy", "--confirm-retention", "5"], 0);
    assert_eq!(database.value("SELECT min(id) FROM shop.orders").await, "5000");
    database.partctl(&["plan", "--check"], 0);
}
