//! ANALYZE of the table as a whole, which autovacuum never does: when it is asked for, and never twice.

use super::harness::{Database, contains};

const POLICY: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 1 partition, fill_gaps: false}\n";
const ANALYZED: &str = "maintain: {analyze: true}\n";
/// As autovacuum leaves them: the partitions analyzed, the table not.
const SETUP: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (at timestamptz NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE shop.old PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
    CREATE TABLE shop.filled PARTITION OF shop.orders FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00');
    INSERT INTO shop.orders SELECT '2001-01-15' FROM generate_series(1, 2000);
    INSERT INTO shop.orders SELECT '2020-01-15' FROM generate_series(1, 3000); ANALYZE shop.old, shop.filled";
const REMEMBERED: &str = "SELECT reltuples FROM pg_class WHERE oid = 'shop.orders'::regclass";

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_never_analyzed_is_told_and_analyzed_where_the_policy_asks() {
    let mut database = Database::new(POLICY, SETUP).await;
    contains(&database.partctl(&["apply"], 0), &["i PT137 shop.orders: was never analyzed as a whole"]);
    assert_eq!(database.value(REMEMBERED).await, "-1");
    database.set_policy(&format!("{POLICY}{ANALYZED}"));
    let plan = database.partctl(&["plan"], 0);
    contains(
        &plan,
        &["* analyze", "never analyzed as a whole", "1 to analyze", "SHARE UPDATE EXCLUSIVE on shop.orders"],
    );
    assert!(!plan.contains("PT137"), "{plan}");
    contains(&database.partctl(&["apply"], 0), &["analyze orders done", "1 step done"]);
    assert_eq!(database.value(REMEMBERED).await, "5000");
    database.partctl(&["plan", "--check"], 0);
    assert_eq!(database.value("SELECT kind FROM partctl.steps ORDER BY finished_at DESC LIMIT 1").await, "analyze");

    database
        .sql("INSERT INTO shop.orders SELECT '2020-01-15' FROM generate_series(1, 5000); ANALYZE shop.filled")
        .await;
    contains(&database.partctl(&["plan", "--check"], 2), &["say 5000 rows, its partitions 10000"]);
    database.partctl(&["apply"], 0);
    database.partctl(&["plan", "--check"], 0);
    assert_eq!(database.value(REMEMBERED).await, "10000");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_retires_is_analyzed_away_at_its_end_and_only_if_it_was_retired() {
    let policy = format!("{POLICY}{ANALYZED}retain: {{for: 1 year, then: detach}}\n");
    let database = Database::new(&policy, &format!("{SETUP}; ANALYZE shop.orders")).await;
    contains(&database.partctl(&["plan"], 0), &["~ detach", "* analyze", "much of it is retired"]);
    let withheld = database.partctl(&["apply"], 7);
    assert!(!withheld.contains("analyze") && !withheld.contains("still to do"), "{withheld}");
    assert_eq!(database.value(REMEMBERED).await, "5000");
    let done = database.partctl(&["apply", "--allow-destroy"], 0);
    assert!(done.find("detach old done") < done.find("analyze orders done"), "{done}");
    assert_eq!(database.value(REMEMBERED).await, "3000");
    database.partctl(&["plan", "--check"], 0);
}
