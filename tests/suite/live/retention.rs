//! The end of a partition: its grace, the rails that keep it, and everything that must not be dropped in its place.

use std::collections::BTreeSet;

use partctl::plan::{Step, StepKind};

use super::harness::{Database, contains};

/// Six months long over, each with a row, and one partition for ever after.
const ORDERS: &str =
    "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at);
    DO $$BEGIN FOR month IN 1..6 LOOP
        EXECUTE format('CREATE TABLE shop.orders_2001_0%s PARTITION OF shop.orders FOR VALUES FROM (%L) TO (%L)',
            month, format('2001-0%s-01 00:00+00', month), format('2001-0%s-01 00:00+00', month + 1));
        EXECUTE format('INSERT INTO shop.orders VALUES (%s, %L)', month, format('2001-0%s-15 00:00+00', month));
    END LOOP; END$$;
    CREATE TABLE shop.orders_rest PARTITION OF shop.orders FOR VALUES FROM ('2001-07-01 00:00+00') TO (MAXVALUE);
    INSERT INTO shop.orders VALUES (7, '2020-01-01'); ANALYZE shop.orders";

const DROP: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
retain: {for: 1 year, then: drop, grace: 7 days, per_run: 20}\n";

/// Tables that still exist, attached or not, by the end of their names.
const TABLES: &str = "SELECT coalesce(string_agg(replace(relname, 'orders_2001_', ''), ' ' ORDER BY relname), '')
    FROM pg_class WHERE relkind = 'r' AND relname LIKE 'orders_2001_%'";
/// Those that are attached.
const ATTACHED: &str = "SELECT coalesce(string_agg(replace(relname, 'orders_2001_', ''), ' ' ORDER BY relname), '')
    FROM pg_class WHERE relispartition AND relkind = 'r' AND relname LIKE 'orders_2001_%'";

/// Moves the grace clock of every detached table.
async fn let_pass(database: &Database, time: &str) {
    let sql = format!("UPDATE partctl.detached_tables SET detached_at = detached_at - interval '{time}'");
    database.sql(&sql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_dropped_before_its_grace_is_over_and_all_of_it_then() {
    let database = Database::new(DROP, ORDERS).await;
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["6 steps done"]);
    assert_eq!(database.value(ATTACHED).await, "");
    for _ in 0..2 {
        contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["nothing to do"]);
        assert_eq!(database.value(TABLES).await, "01 02 03 04 05 06");
        let_pass(&database, "3 days 11 hours").await;
    }
    contains(&database.partctl(&["status"], 0), &["orders_2001_01"]);
    contains(&database.partctl(&["plan", "--at", "+1 day"], 0), &["6 to drop"]);
    database.sql("UPDATE partctl.detached_tables SET detached_at = detached_at - interval '1 day' WHERE table_name < 'orders_2001_03'").await;
    contains(&database.partctl(&["apply"], 7), &["withheld", "orders_2001_01", "orders_2001_02"]);
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["2 steps done"]);
    assert_eq!(database.value(TABLES).await, "03 04 05 06");
    assert_eq!(database.value("SELECT count(*) FROM partctl.detached_tables WHERE ended_at IS NULL").await, "4");
    assert_eq!(database.value("SELECT sum(id) FROM shop.orders_2001_03").await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_no_longer_what_was_detached_is_never_dropped() {
    let database = Database::new(DROP, ORDERS).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    let_pass(&database, "8 days").await;
    let (_, planned) = database.plan().await;
    assert_eq!(planned.count(StepKind::Drop), 6);
    database
        .sql("ALTER TABLE shop.orders_2001_01 RENAME TO orders_2001_01_kept;
            CREATE SCHEMA archive; ALTER TABLE shop.orders_2001_02 SET SCHEMA archive;
            DROP TABLE shop.orders_2001_03; CREATE TABLE shop.orders_2001_03 AS SELECT 33 AS id;
            CREATE TABLE shop.other (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at);
            ALTER TABLE shop.other ATTACH PARTITION shop.orders_2001_04 DEFAULT;
            CREATE TABLE shop.innocent (); UPDATE partctl.detached_tables SET relation = 'shop.innocent'::regclass WHERE table_name = 'orders_2001_05'")
        .await;
    let text = database.partctl(&["apply", "--allow-destroy"], 0);
    contains(&text, &["2 steps done", "PT122", "partctl will not drop it", "shop.orders record orders_2001_04 done"]);
    contains(&text, &["is now shop.orders_2001_01_kept", "is now archive.orders_2001_02", "is now shop.innocent"]);
    assert_eq!(database.value(TABLES).await, "01_kept 02 03 04 05");
    assert_eq!(database.value("SELECT to_regclass('shop.innocent') IS NOT NULL").await, "t");
    contains(&database.partctl(&["status"], 0), &["orders_2001_01_kept"]);

    // The same between a plan and its run: the guard looks again under the lock.
    let changed = |step: &&Step| !["05", "06"].iter().any(|month| step.target().name.as_str().ends_with(month));
    for step in planned.steps().map(|(_, step)| step).filter(changed) {
        let statements = step.actions()[0].statements();
        let client = database.session.client();
        let refused = client.batch_execute(&format!("BEGIN; {}; COMMIT", statements.join("; "))).await.unwrap_err();
        client.batch_execute("ROLLBACK").await.unwrap();
        let code = refused.code().map(|code| code.code()).unwrap();
        assert!(["55000", "42P01"].contains(&code), "{step:?}: {refused:?}");
    }
    assert_eq!(database.value(TABLES).await, "01_kept 02 03 04 05");
    assert_eq!(database.value("SELECT id FROM shop.orders_2001_03").await, "33");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_attached_again_begins_a_new_grace() {
    let database = Database::new(DROP, ORDERS).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    let_pass(&database, "8 days").await;
    database
        .sql("ALTER TABLE shop.orders ATTACH PARTITION shop.orders_2001_06 FOR VALUES FROM ('2001-06-01 00:00+00') TO ('2001-07-01 00:00+00')")
        .await;
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["7 steps done"]);
    assert_eq!(database.value(TABLES).await, "06");
    assert_eq!(database.value(ATTACHED).await, "");
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["nothing to do"]);
    let_pass(&database, "8 days").await;
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["1 step done"]);
    assert_eq!(database.value(TABLES).await, "");
}

/// The ledger knows a table by its oid, and tells what it was called the last time that it was detached.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_renamed_and_attached_elsewhere_is_detached_and_dropped_from_there() {
    let policies = format!("{DROP}---\n{}", DROP.replace("shop.orders", "shop.others"));
    let setup = format!(
        "{ORDERS}; CREATE TABLE shop.others (LIKE shop.orders) PARTITION BY RANGE (at);
        CREATE TABLE shop.others_rest PARTITION OF shop.others FOR VALUES FROM ('2001-07-01 00:00+00') TO (MAXVALUE);
        INSERT INTO shop.others VALUES (7, '2020-01-01'); ANALYZE shop.others"
    );
    let database = Database::new(&policies, &setup).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    let_pass(&database, "8 days").await;
    let bounds = "FOR VALUES FROM ('2001-06-01 00:00+00') TO ('2001-07-01 00:00+00')";
    database
        .sql(&format!("ALTER TABLE shop.orders_2001_06 RENAME TO orders_2001_june; ALTER TABLE shop.others ATTACH PARTITION shop.orders_2001_june {bounds}"))
        .await;
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["detach orders_2001_june", "7 steps done"]);
    assert_eq!(database.value(TABLES).await, "june");
    let text = database.partctl(&["apply", "--allow-destroy"], 0);
    assert!(!text.contains("PT122"), "{text}");
    let_pass(&database, "8 days").await;
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["1 step done"]);
    assert_eq!(database.value(TABLES).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_moved_to_a_policy_that_keeps_is_not_dropped_by_the_old_one() {
    let keep = DROP.replace("shop.orders", "shop.others").replace("then: drop, grace: 7 days", "then: detach");
    let setup = format!(
        "{ORDERS}; CREATE TABLE shop.others (LIKE shop.orders) PARTITION BY RANGE (at);
        CREATE TABLE shop.others_rest PARTITION OF shop.others FOR VALUES FROM ('2001-07-01 00:00+00') TO (MAXVALUE);
        INSERT INTO shop.others VALUES (7, '2020-01-01'); ANALYZE shop.others"
    );
    let database = Database::new(&format!("{DROP}---\n{keep}"), &setup).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    let bounds = "FOR VALUES FROM ('2001-06-01 00:00+00') TO ('2001-07-01 00:00+00')";
    database.sql(&format!("ALTER TABLE shop.others ATTACH PARTITION shop.orders_2001_06 {bounds}")).await;
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["detach orders_2001_06", "2 steps done"]);
    let_pass(&database, "8 days").await;
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["5 steps done"]);
    assert_eq!(database.value(TABLES).await, "06");
    contains(&database.partctl(&["plan", "--check"], 0), &["Nothing to do"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_policy_would_keep_by_now_is_not_dropped() {
    let mut database = Database::new(DROP, ORDERS).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    let_pass(&database, "8 days").await;
    // Somebody has thought better of it: the last two months are wanted again.
    let since = "SELECT (extract(year FROM now()) - 2001) * 12 + extract(month FROM now()) - 5";
    let months = database.value(since).await;
    database.set_policy(&DROP.replace("1 year", &format!("{months} months")));
    let text = database.partctl(&["apply", "--allow-destroy"], 0);
    contains(&text, &["4 steps done", "PT131", "orders_2001_05 was detached, and the policy would keep it now"]);
    assert_eq!(database.value(TABLES).await, "05 06");
    contains(&database.partctl(&["plan", "--check"], 0), &["orders_2001_06 was detached", "attach it again"]);
    let status = database.partctl(&["status"], 0);
    assert!(status.contains("orders_2001_06") && !status.contains("due"), "{status}");
    database.set_policy(DROP);
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["2 steps done"]);

    let newest = |count: &str| DROP.replace("for: 1 year", &format!("newest: {count}"));
    let mut database = Database::new(&newest("3"), ORDERS).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(database.value(ATTACHED).await, "05 06");
    let_pass(&database, "8 days").await;
    database.set_policy(&newest("4"));
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(database.value(TABLES).await, "01 02 03 04 05 06", "there are three, and four are wanted");
    database.set_policy(&newest("3"));
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["4 steps done"]);
    assert_eq!(database.value(TABLES).await, "05 06");
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_keep_partitions_and_detached_tables_by_name_and_by_range() {
    let mut database = Database::new(DROP, ORDERS).await;
    let hold = |entries: &str| format!("{DROP}hold:\n{entries}");
    let by_name = "  - {partition: orders_2001_01, reason: case 7}\n";
    let by_range = "  - {from: 2001-02-28, to: 2001-03-02}\n";
    let ended = "  - {partition: orders_2001_04, until: 2002-01-01}\n";
    database.set_policy(&hold(&format!("{by_name}{by_range}{ended}")));
    let text = database.partctl(&["apply", "--allow-destroy"], 0);
    contains(
        &text,
        &[
            "3 steps done",
            "PT111",
            "orders_2001_01 is over, and held (case 7)",
            "orders_2001_02 is over",
            "orders_2001_03 is over",
        ],
    );
    assert_eq!(database.value(ATTACHED).await, "01 02 03");

    let_pass(&database, "8 days").await;
    database.set_policy(&hold(&format!(
        "{by_name}{by_range}  - {{partition: orders_2001_04}}\n  - {{from: 2001-05-31, to: 2001-06-01}}\n"
    )));
    let text = database.partctl(&["apply", "--allow-destroy"], 0);
    contains(
        &text,
        &["1 step done", "orders_2001_04 was detached, and is held", "orders_2001_05 was detached, and is held"],
    );
    assert_eq!(database.value(TABLES).await, "01 02 03 04 05");

    database.set_policy(DROP);
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["5 steps done"]);
    assert_eq!(database.value(TABLES).await, "01 02 03");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_attached_again_has_lost_its_grace() {
    let database = Database::new(DROP, ORDERS).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    let hold = format!("{DROP}hold: [{{partition: orders_2001_04}}]\n");
    let mut database = database;
    database.set_policy(&hold);
    let bound = "FOR VALUES FROM ('2001-04-01 00:00+00') TO ('2001-05-01 00:00+00')";
    database.sql(&format!("ALTER TABLE shop.orders ATTACH PARTITION shop.orders_2001_04 {bound}")).await;
    contains(&database.partctl(&["apply"], 0), &["record orders_2001_04 done"]);
    database.sql("ALTER TABLE shop.orders DETACH PARTITION shop.orders_2001_04").await;
    database.set_policy(DROP);
    let_pass(&database, "8 days").await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(database.value(TABLES).await, "04", "whoever detached it by hand wants to keep it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_partitions_with_rows_stay_also_where_nobody_has_counted() {
    let at_least = DROP.replace("per_run: 20", "per_run: 20, at_least: 2");
    let setup = format!("{ORDERS}; DELETE FROM shop.orders WHERE id IN (5, 7); VACUUM ANALYZE shop.orders");
    let (setup, vacuum) = setup.rsplit_once("; ").unwrap();
    let database = Database::new(&at_least, setup).await;
    database.sql(vacuum).await;
    let text = database.partctl(&["apply", "--allow-destroy"], 0);
    contains(&text, &["4 steps done", "PT112", "orders_2001_04 is over, and kept: at_least is 2", "orders_2001_06"]);
    assert_eq!(database.value(ATTACHED).await, "04 06");

    let unknown = ORDERS.replace("; ANALYZE shop.orders", "");
    let database = Database::new(&at_least, &unknown).await;
    database.sql("SELECT pg_stat_reset()").await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(database.value(ATTACHED).await, "06", "the rest of time is the other one");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_per_run_is_refused_and_creations_are_still_made() {
    let policy = format!("{}create: {{fill_gaps: false}}\n", DROP.replace("per_run: 20", "per_run: 4"));
    let setup = format!("{ORDERS}; DROP TABLE shop.orders_rest");
    let mut database = Database::new(&policy, &setup).await;
    let text = database.partctl(&["apply", "--allow-destroy"], 7);
    contains(
        &text,
        &["5 steps done", "PT110", "5 partitions are over at once", "per_run is 4", "--confirm-retention 5"],
    );
    assert_eq!(database.value(ATTACHED).await, "01 02 03 04 05 06");
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits").await, "11");
    database.set_policy(&policy.replace("per_run: 4", "per_run: 5"));
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["5 steps done"]);
    assert_eq!(database.value(ATTACHED).await, "06");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_at_maxvalue_or_is_the_default_is_never_retired() {
    let setup = format!(
        "{ORDERS}; DELETE FROM shop.orders WHERE id = 7; ANALYZE shop.orders;
        CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT; INSERT INTO shop.orders VALUES (0, '1990-01-01')"
    );
    let database = Database::new(DROP, &setup).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(database.value(ATTACHED).await, "06");
    let rest = "SELECT count(*) FROM pg_inherits WHERE inhrelid IN ('shop.orders_rest'::regclass, 'shop.orders_default'::regclass)";
    assert_eq!(database.value(rest).await, "2");
    // The month that `at_least` kept gets the rest of time as well.
    database
        .sql("DROP TABLE shop.orders_rest; ALTER TABLE shop.orders DETACH PARTITION shop.orders_2001_06;
            ALTER TABLE shop.orders ATTACH PARTITION shop.orders_2001_06 FOR VALUES FROM ('2001-06-01 00:00+00') TO (MAXVALUE);
            CREATE TABLE shop.orders_2001_05b PARTITION OF shop.orders FOR VALUES FROM ('2001-05-01 00:00+00') TO ('2001-06-01 00:00+00');
            INSERT INTO shop.orders VALUES (5, '2001-05-05'); TRUNCATE shop.orders_2001_06; ANALYZE shop.orders")
        .await;
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["orders_2001_05b is over, and kept"]);
    assert_eq!(database.value(ATTACHED).await, "05b 06");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_with_other_bounds_than_planned_is_not_detached() {
    let database = Database::new(DROP, ORDERS).await;
    database.partctl(&["init"], 0);
    let (_, planned) = database.plan().await;
    let file = database.policies().join("saved.plan.json").to_str().unwrap().to_owned();
    let reattach = |from: &str, to: &str| {
        format!("ALTER TABLE shop.orders DETACH PARTITION shop.orders_2001_01; DELETE FROM shop.orders_2001_01;
            ALTER TABLE shop.orders ATTACH PARTITION shop.orders_2001_01 FOR VALUES FROM ('{from} 00:00+00') TO ('{to} 00:00+00')")
    };
    for (from, to, message) in [
        ("2000-12-01", "2001-01-01", "step `detach shop.orders_2001_01` would run other statements"),
        ("2000-12-15", "2001-02-01", "step `detach shop.orders_2001_01` is no longer needed"),
    ] {
        database.partctl(&["plan", "--save", &file], 0);
        database.sql(&reattach(from, to)).await;
        contains(&database.partctl(&["apply", &file, "--allow-destroy"], 7), &["stale", message]);
        assert_eq!(database.value(ATTACHED).await, "01 02 03 04 05 06");
        std::fs::remove_file(&file).unwrap();
    }
    // And when it changes after the last look, the guard in the same transaction sees it.
    let detach = planned.steps().map(|(_, step)| step).find(|step| step.target().name.as_str() == "orders_2001_01");
    let Some(Step::Detach(detach)) = detach else { panic!("{planned:?}") };
    let statements = Step::Detach(detach.clone()).actions()[0].statements();
    let refused = database.session.client().batch_execute(&statements.join("; ")).await.unwrap_err();
    assert_eq!(refused.code().map(|code| code.code()), Some("55000"), "{refused:?}");
    assert_eq!(database.value("SELECT count(*) FROM partctl.detached_tables").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_still_referenced_stop_one_table_and_no_other() {
    let policies = format!("{DROP}---\n{}", DROP.replace("shop.orders", "shop.audit"));
    let setup = "CREATE SCHEMA shop; CREATE TABLE shop.audit (at timestamptz NOT NULL) PARTITION BY RANGE (at);
        CREATE TABLE shop.orders (id int, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        DO $$DECLARE t text; BEGIN FOREACH t IN ARRAY ARRAY['audit', 'orders'] LOOP
            EXECUTE format('CREATE TABLE shop.%1$s_2001_01 PARTITION OF shop.%1$s FOR VALUES FROM (''2001-01-01 00:00+00'') TO (''2001-02-01 00:00+00'')', t);
            EXECUTE format('CREATE TABLE shop.%1$s_2001_02 PARTITION OF shop.%1$s FOR VALUES FROM (''2001-02-01 00:00+00'') TO (''2001-03-01 00:00+00'')', t);
            EXECUTE format('CREATE TABLE shop.%1$s_rest PARTITION OF shop.%1$s FOR VALUES FROM (''2001-03-01 00:00+00'') TO (MAXVALUE)', t);
        END LOOP; END$$;
        INSERT INTO shop.orders VALUES (1, '2001-01-15'), (2, '2020-01-01'); INSERT INTO shop.audit VALUES ('2020-01-01');
        CREATE TABLE shop.lines (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.orders);
        INSERT INTO shop.lines SELECT * FROM shop.orders; ANALYZE shop.orders; ANALYZE shop.audit";
    for default in ["", "; CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT"] {
        let database = Database::new(&policies, &format!("{setup}{default}")).await;
        let attached = "SELECT string_agg(inhrelid::regclass::text, ' ' ORDER BY inhrelid::regclass::text)
            FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE c.relkind = 'r' AND c.relname LIKE '%2001%'";
        let text = database.partctl(&["apply", "--allow-destroy"], 3);
        contains(&text, &["PT132", "orders_2001_01 is over, and kept: referenced by 1 row of shop.lines"]);
        assert_eq!(database.value(attached).await, "shop.orders_2001_01");
        assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhdetachpending").await, "0");
        assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "2");
        let status: serde_json::Value = serde_json::from_str(&database.partctl(&["status", "-o", "json"], 0)).unwrap();
        let detached: BTreeSet<&str> =
            status["detached"].as_array().unwrap().iter().filter_map(|entry| entry["table"].as_str()).collect();
        let expected = ["shop.audit_2001_01", "shop.audit_2001_02", "shop.orders_2001_02"];
        assert_eq!(detached, BTreeSet::from(expected));
        database.partctl(&["apply", "--allow-destroy"], 3);
        database.sql("DELETE FROM shop.lines WHERE id = 1").await;
        contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["1 step done"]);
        assert_eq!(database.column(attached).await, ["NULL"]);
        database.partctl(&["plan", "--check"], 0);
        let_pass(&database, "8 days").await;
        contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["4 steps done"]);
        assert_eq!(
            database.value("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE '%2001%'").await,
            "0"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_dropped_keeps_no_other_from_being_dropped() {
    for grace in ["0 days", "7 days"] {
        let database = Database::new(&DROP.replace("7 days", grace), ORDERS).await;
        database.sql("CREATE VIEW shop.first AS SELECT * FROM shop.orders_2001_01").await;
        if grace == "7 days" {
            database.partctl(&["apply", "--allow-destroy"], 0);
            let_pass(&database, "8 days").await;
        }
        let text = database.partctl(&["apply", "--allow-destroy"], 3);
        contains(
            &text,
            &["view shop.first depends on table shop.orders_2001_01", "2BP01", "point it at another table"],
        );
        assert_eq!((database.value(TABLES).await, database.value(ATTACHED).await), ("01".to_owned(), String::new()));
        database.sql("DROP VIEW shop.first").await;
        contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["1 step done"]);
        assert_eq!(database.value(TABLES).await, "");
    }
}
