//! Keys of several columns and keys that are expressions.

use super::harness::{Database, contains, session};

const TENANTS: &str =
    "version: 1\ntable: shop.t\npartition: {range: [day, tenant], every: 1 month}\ncreate: {ahead: 2 partitions}\n";

const MONTHS: &str =
    "CREATE SCHEMA shop; CREATE TABLE shop.t (day date, tenant int, note text) PARTITION BY RANGE (day, tenant)";

/// What lies in no partition, or in two.
async fn covers_every_day_and_tenant(database: &Database, from: &str) {
    let rows = format!(
        "INSERT INTO shop.t SELECT day, tenant FROM generate_series('{from}'::date, (now() AT TIME ZONE 'UTC')::date, '1 day') day,
         unnest(ARRAY[-2147483648, -1, 0, 6, 7, 8, 2147483647]) tenant"
    );
    database.sql(&rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cuts_inside_of_a_day_count_as_coverage_and_are_continued_where_they_end() {
    for bounds in [
        &["('2026-08-01', MINVALUE) TO ('2026-09-01', 7)"][..],
        &["('2026-08-01', MINVALUE) TO ('2026-09-01', MAXVALUE)"],
        &["('2026-08-01', 7) TO ('2026-09-01', 7)", "('2026-09-01', 7) TO ('2026-09-01', 9)"],
        &["('2026-08-01', MINVALUE) TO ('2026-08-15', 7)", "('2026-08-15', 7) TO ('2026-09-01', MINVALUE)"],
        &["('2026-08-01', MINVALUE) TO ('2026-08-10', MINVALUE)", "('2026-09-01', 7) TO ('2026-10-01', MINVALUE)"],
        &["(MINVALUE, MINVALUE) TO ('2026-08-15', MAXVALUE)"],
    ] {
        let database = Database::new(TENANTS, MONTHS).await;
        for (n, bound) in bounds.iter().enumerate() {
            database.sql(&format!("CREATE TABLE shop.old{n} PARTITION OF shop.t FOR VALUES FROM {bound}")).await;
        }
        database.partctl(&["apply"], 0);
        database.partctl(&["plan", "--check"], 0);
        covers_every_day_and_tenant(&database, "2026-08-02").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_tenant_stay_in_default_and_keep_nothing_from_being_made() {
    let setup = format!(
        "{MONTHS}; CREATE TABLE shop.t_rest PARTITION OF shop.t DEFAULT;
         INSERT INTO shop.t SELECT now() AT TIME ZONE 'UTC', NULL FROM generate_series(1, 5)"
    );
    let database = Database::new(TENANTS, &setup).await;
    database.partctl(&["apply"], 0);
    database.partctl(&["plan", "--check"], 0);
    assert_eq!(database.value("SELECT count(*) FROM ONLY shop.t_rest").await, "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_expression_is_told_as_the_catalog_writes_it() {
    for (by, columns, partition, parts) in [
        (
            "RANGE (date_trunc('day', at))",
            "at timestamp",
            "  range: (date_trunc('month', at))\n  every: 1 day",
            &["PT104", "`range: (date_trunc('day'::text, at))`"][..],
        ),
        ("LIST (lower(k))", "k text", "  list: k\n  values: {a: [x]}", &["PT104", "says list k", "`list: (lower(k))`"]),
        (
            "HASH (a, lower(b))",
            "a int, b text",
            "  hash: [b, a]\n  modulus: 2",
            &["PT104", "`hash: ['a', '(lower(b))']`"],
        ),
        ("RANGE (\"Day\")", "\"Day\" date", "  range: day\n  every: 1 day", &["PT104", "`range: '\"Day\"'`"]),
    ] {
        let policy = format!("version: 1\ntable: shop.t\npartition:\n{partition}\n");
        let setup = format!("CREATE SCHEMA shop; CREATE TABLE shop.t ({columns}) PARTITION BY {by}");
        let mut database = Database::new(&policy, &setup).await;
        let text = database.partctl(&["plan"], 4);
        contains(&text, parts);
        // What it says to write is taken.
        let hint = text.split('`').nth(3).unwrap();
        let (_, rest) = partition.split_once('\n').unwrap();
        database.set_policy(&format!("version: 1\ntable: shop.t\npartition:\n  {hint}\n{rest}\n"));
        let text = database.command(&["plan"]).output().unwrap();
        assert!(!String::from_utf8_lossy(&text.stdout).contains("PT104"), "{hint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_an_expression_as_key_that_is_locked_holds_up_nobody_else() {
    let policies = "version: 1\ntable: shop.t\npartition:\n  list: (lower(k))\n  values: {a: [x]}\n---
version: 1\ntable: shop.u\npartition:\n  list: (upper(k))\n  values: {a: [X]}\n";
    let setup = "CREATE SCHEMA shop; CREATE TABLE shop.t (k text) PARTITION BY LIST (lower(k));
        CREATE TABLE shop.u (k text) PARTITION BY LIST (upper(k))";
    let database = Database::new(policies, setup).await;
    let holder = session(&database.url()).await;
    holder.client().batch_execute("BEGIN; LOCK TABLE shop.t IN ACCESS EXCLUSIVE MODE").await.unwrap();
    contains(&database.partctl(&["apply"], 3), &["PT125", "cannot tell the expression of its key", "1 step done"]);
    holder.client().batch_execute("ROLLBACK").await.unwrap();
    contains(&database.partctl(&["apply"], 0), &["1 step done"]);
    database.partctl(&["plan", "--check"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_is_the_same_one_where_a_database_quotes_all_identifiers() {
    let policy = "version: 1\ntable: shop.t\npartition:\n  list: (lower(k))\n  values: {a: [x]}\n";
    let setup = "CREATE SCHEMA shop; CREATE TABLE shop.t (k text) PARTITION BY LIST (lower(k))";
    let database = Database::new(policy, setup).await;
    database.sql(&format!("ALTER DATABASE {} SET quote_all_identifiers = on", database.name)).await;
    database.partctl(&["apply"], 0);
    database.partctl(&["plan", "--check"], 0);
}
