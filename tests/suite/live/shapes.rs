//! Lists whose partitions are a query's rows, and trees of several levels while others write to them.

use super::harness::{Database, command, contains, said};

const EACH: &str =
    "version: 1\ntable: shop.orders\npartition:\n  list: tenant\n  each: select id from shop.tenants -- all\n";

const TENANTS: &str =
    "CREATE SCHEMA shop; CREATE TABLE shop.tenants (id bigint PRIMARY KEY); INSERT INTO shop.tenants VALUES (1), (2);
    CREATE TABLE shop.orders (id int, tenant int, at timestamptz) PARTITION BY LIST (tenant)";

const PARTITIONS: &str =
    "SELECT string_agg(relid::regclass || ' ' || pg_get_expr(relpartbound, relid), ', ' ORDER BY relid::regclass::text)
      FROM pg_partition_tree('shop.orders') t JOIN pg_class c ON c.oid = t.relid WHERE isleaf";

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_appears_gets_its_partition_and_one_that_vanishes_takes_nothing_away() {
    let database = Database::new(EACH, TENANTS).await;
    database.partctl(&["apply"], 0);
    assert_eq!(database.value(PARTITIONS).await, "shop.orders_1 FOR VALUES IN (1), shop.orders_2 FOR VALUES IN (2)");
    database.partctl(&["plan", "--check"], 0);
    database.sql("INSERT INTO shop.orders VALUES (1, 2); INSERT INTO shop.tenants VALUES (3); DELETE FROM shop.tenants WHERE id = 2").await;
    contains(&database.partctl(&["plan", "--check"], 2), &["orders_3", "new row", "PT157", "orders_2"]);
    contains(&database.partctl(&["check"], 3), &["no partition for 3"]);
    database.partctl(&["apply"], 0);
    contains(&database.partctl(&["plan", "--check"], 0), &["PT157"]);
    assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_retain_a_partition_leaves_with_its_row_and_comes_back_with_it() {
    let policy = format!("{EACH}retain: {{then: drop, grace: 30 days}}\n");
    let database = Database::new(&policy, TENANTS).await;
    database.partctl(&["init"], 0);
    database.partctl(&["apply"], 0);
    database.sql("INSERT INTO shop.orders SELECT 1, t FROM generate_series(1, 2) t; ANALYZE shop.orders; DELETE FROM shop.tenants WHERE id = 2").await;
    contains(&database.partctl(&["plan"], 0), &["detach", "orders_2", "its row is gone"]);
    // Nobody said that it may.
    database.partctl(&["apply"], 7);
    database.partctl(&["apply", "--allow-destroy"], 0);
    database.partctl(&["plan", "--check"], 0);
    contains(&database.partctl(&["status"], 0), &["orders_2", "dropped"]);
    assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "1");
    // A partition beside the one that waits would hide its rows.
    database.sql("INSERT INTO shop.tenants VALUES (2)").await;
    contains(&database.partctl(&["plan"], 3), &["PT108", "partctl reattach shop.orders_2"]);
    database.partctl(&["reattach", "shop.orders_2"], 0);
    database.partctl(&["plan", "--check"], 0);
    assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "2");
    // An emptied table of tenants is a mistake until somebody says otherwise.
    database.sql("TRUNCATE shop.tenants").await;
    contains(&database.partctl(&["plan", "--check"], 0), &["PT158"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_names_no_partitions_is_told_and_nothing_else_is_done() {
    for (query, exit, parts) in [
        ("select id from tenants", 4, &["PT156", "42P01", "with schemas"][..]),
        ("select id, id from shop.tenants", 4, &["PT156", "42601"]),
        ("select 'x'", 4, &["PT156", "22P02"]),
        ("select 5000000000", 4, &["PT156", "22003"]),
        ("select g from generate_series(1, 10001) g", 7, &["PT127", "10000"]),
        ("select id from shop.tenants where nextval('shop.s') > 0", 3, &["PT125", "25006"]),
        ("select count(*) from shop.hidden", 3, &["PT125", "42501"]),
    ] {
        let policy = EACH.replace("select id from shop.tenants -- all", &format!("\"{query}\""));
        let setup = format!(
            "{TENANTS}; CREATE SEQUENCE shop.s; CREATE TABLE shop.hidden (id int);
             GRANT USAGE, CREATE ON SCHEMA shop TO stranger; GRANT SELECT, USAGE ON SEQUENCE shop.s TO stranger;
             GRANT SELECT ON shop.tenants TO stranger; ALTER TABLE shop.orders OWNER TO stranger"
        );
        let database = Database::new(&policy, &setup).await;
        let url = database.url().replace("postgres@", "stranger@");
        let policies = database.policies();
        let output = command(&policies, &url, &["plan"]).output().unwrap();
        let text = said(&output);
        assert_eq!(output.status.code(), Some(exit), "{query}: {text}");
        contains(&text, parts);
        assert!(!text.contains("create "), "{query}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_name_partitions_whatever_they_hold() {
    let policy = "version: 1\ntable: shop.orders\npartition:\n  list: kind\n  each: select kind from shop.kinds\n  default: rest\n";
    let setup = "CREATE SCHEMA shop; CREATE TYPE shop.mood AS ENUM ('so so', 'Good', '08');
        CREATE TABLE shop.kinds (kind shop.mood); INSERT INTO shop.kinds VALUES ('so so'), ('Good'), ('08'), (NULL), ('Good');
        CREATE TABLE shop.orders (kind shop.mood) PARTITION BY LIST (kind);
        CREATE TABLE shop.orders_rest PARTITION OF shop.orders DEFAULT; INSERT INTO shop.orders VALUES ('Good'), ('08'), (NULL)";
    let database = Database::new(policy, setup).await;
    database.partctl(&["apply"], 0);
    database.partctl(&["plan", "--check"], 0);
    assert_eq!(database.value("SELECT count(*) FROM pg_partition_tree('shop.orders') WHERE isleaf").await, "5");
    assert_eq!(database.value("SELECT count(*) FROM ONLY shop.orders_rest").await, "0");
    assert_eq!(database.value("SELECT count(*) FROM ONLY shop.\"orders_so so\"").await, "0");
    assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_knows_the_rows_and_redacted_says_none_of_them() {
    let setup = TENANTS.replace("VALUES (1), (2)", "VALUES (4711), (4712)");
    let database = Database::new(EACH, &setup).await;
    let folder = tempfile::tempdir().unwrap();
    for (name, more) in [("whole.json", &[][..]), ("redacted.json", &["--redact"])] {
        let path = folder.path().join(name);
        database.partctl(&[&["snapshot", "--save", path.to_str().unwrap()], more].concat(), 0);
        let text = database.partctl(&["plan", "--catalog", path.to_str().unwrap()], 0);
        contains(&text, &["2 to create", "new row"]);
        assert_eq!(text.contains("orders_4711"), more.is_empty(), "{text}");
        let saved = std::fs::read_to_string(&path).unwrap();
        assert_eq!(saved.contains("4711"), more.is_empty(), "{saved}");
    }
}
