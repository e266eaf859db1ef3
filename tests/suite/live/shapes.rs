//! Lists whose partitions are a query's rows, and trees of several levels while others write to them.

use super::harness::{Database, command, contains, said, session};

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
async fn a_value_that_no_row_of_the_table_could_have_is_refused_and_not_cut() {
    for (kind, values, exit) in
        [("varchar(3)", "('lon'), ('long')", 4), ("varchar(3)", "('lon'), ('lo')", 0), ("char(3)", "('long')", 4)]
    {
        let policy = "version: 1\ntable: shop.orders\npartition:\n  list: kind\n  each: select kind from shop.kinds\n";
        let setup = format!(
            "CREATE SCHEMA shop; CREATE TABLE shop.kinds (kind text); INSERT INTO shop.kinds VALUES {values};
             CREATE TABLE shop.orders (id int, kind {kind}) PARTITION BY LIST (kind)"
        );
        let database = Database::new(policy, &setup).await;
        let said = database.partctl(&["plan"], exit);
        contains(&said, if exit == 0 { &["orders_lo "] } else { &["PT156", "22001", "too long"] });
    }
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

/// Months of regions, each with four hash partitions, and DEFAULT on both of the upper levels.
const TREE: &str = "version: 1
table: shop.orders
partition:
  range: at
  every: 1 month
  timezone: UTC
  subpartition:
    list: tenant
    values: {small: [1, 2], large: [3]}
    default: rest
    subpartition: {hash: id, modulus: 4}
create: {ahead: 2 partitions, default: require}
";

const EMPTY_TREE: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, tenant int, at timestamptz NOT NULL, note text) PARTITION BY RANGE (at);
    CREATE INDEX ON shop.orders (tenant)";

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_a_default_of_any_level_are_counted_there() {
    let database = Database::new(TREE, EMPTY_TREE).await;
    database.partctl(&["apply"], 0);
    database.partctl(&["plan", "--check"], 0);
    // 3 months of 2 regions of 4 and a DEFAULT, and the DEFAULT of the table.
    assert_eq!(database.value("SELECT count(*) FROM pg_partition_tree('shop.orders') WHERE isleaf").await, "28");
    database.sql("INSERT INTO shop.orders SELECT g, 7, now() FROM generate_series(1, 12) g; INSERT INTO shop.orders SELECT g, 1, '2097-01-01' FROM generate_series(1, 5) g; ANALYZE shop.orders").await;
    let text = database.partctl(&["plan"], 0);
    contains(&text, &["shop.orders_default holds 5 rows beyond"]);
    // A value that gets a group takes its rows out of the DEFAULT of its month, and out of no other.
    let mut database = database;
    database.set_policy(&TREE.replace("large: [3]", "large: [3], seven: [7]"));
    contains(&database.partctl(&["plan"], 0), &["* move", " 12   group seven", "2 to create, 1 to move"]);
    database.partctl(&["apply"], 0);
    database.partctl(&["plan", "--check"], 0);
    assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "17");
    assert_eq!(
        database
            .value("SELECT count(*) FROM shop.orders WHERE tenant = 7 AND tableoid::regclass::text NOT LIKE '%seven%'")
            .await,
        "0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_a_tree_is_built_by_the_next_run_while_others_write() {
    let database = Database::new(TREE, EMPTY_TREE).await;
    database.partctl(&["init"], 0);
    let written = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = {
        let (url, written, over) = (database.url(), written.clone(), over.clone());
        tokio::spawn(async move {
            let session = session(&url).await;
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                let insert = "INSERT INTO shop.orders SELECT g, g % 5, now() + (g % 3) * interval '1 month' FROM generate_series(1, 5) g";
                // Before the first partition is there, nothing takes the rows.
                if session.client().batch_execute(insert).await.is_ok() {
                    written.fetch_add(5, std::sync::atomic::Ordering::Relaxed);
                }
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        })
    };
    // Each run comes a few relations farther than the one before, which left something half built, or nothing.
    let mut cut = 0;
    for relations in (3..30).step_by(4) {
        let url = database.url_with(&format!("application_name=run{relations}"));
        let mut run = database.start(&url, &["apply"]);
        let more = format!(
            "SELECT {relations} <= count(*) FROM pg_class WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'p')"
        );
        cut += u32::from(run.comes_to(database.until(&more, || true)).await);
        run.kill().await;
    }
    assert!(0 < cut, "every run came to its end");
    database.partctl(&["apply"], 0);
    database.partctl(&["plan", "--check"], 0);
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.await.unwrap();
    let written = written.load(std::sync::atomic::Ordering::Relaxed);
    assert!(0 < written, "nobody wrote");
    assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, written.to_string());
    // Every relation of the schema is part of the tree.
    let strays = "SELECT string_agg(c.relname, ' ') FROM pg_class c WHERE c.relnamespace = 'shop'::regnamespace AND c.relkind IN ('r', 'p')
          AND c.oid NOT IN (SELECT relid FROM pg_partition_tree('shop.orders'))";
    assert_eq!(database.value(strays).await, "NULL");
    assert_eq!(database.value("SELECT count(*) FROM pg_description d JOIN pg_class c ON c.oid = d.objoid WHERE description LIKE 'partctl: unfinished%'").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_left_below_the_root_comes_back() {
    let policy = "version: 1\ntable: shop.orders\npartition:\n  list: tenant\n  values: {a: [1], b: [2]}\n  subpartition:\n    range: at\n    every: 1 month\n    timezone: UTC\n    create: {ahead: 1 partitions}\n    retain: {for: 1 month, then: drop, grace: 30 days}\n";
    let setup =
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, tenant int, at timestamptz) PARTITION BY LIST (tenant);
        CREATE TABLE shop.a PARTITION OF shop.orders FOR VALUES IN (1) PARTITION BY RANGE (at);
        CREATE TABLE shop.a_old PARTITION OF shop.a FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
        INSERT INTO shop.orders VALUES (1, 1, '2026-01-05Z')";
    let database = Database::new(policy, setup).await;
    database.partctl(&["init"], 0);
    database.partctl(&["apply"], 0);
    database.sql("INSERT INTO shop.orders VALUES (2, 1, now()); ANALYZE shop.orders").await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "1");
    let text = database.partctl(&["status"], 0);
    contains(&text, &["a_old", "dropped"]);
    database.partctl(&["reattach", "shop.a_old"], 0);
    assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_changes_its_group_is_told_with_what_fails_and_with_what_does_it() {
    let policy = "version: 1\ntable: shop.orders\npartition:\n  list: region\n  values: {na: [US, CA, DE], eu: [FR], new: [JP, KR]}\n";
    let setup = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, region text) PARTITION BY LIST (region);
        CREATE TABLE shop.orders_na PARTITION OF shop.orders FOR VALUES IN ('US', 'CA');
        CREATE TABLE shop.orders_eu PARTITION OF shop.orders FOR VALUES IN ('DE', 'FR');
        CREATE TABLE shop.orders_new PARTITION OF shop.orders FOR VALUES IN ('JP');
        INSERT INTO shop.orders SELECT g, (ARRAY['US', 'CA', 'DE', 'FR', 'JP'])[1 + g % 5] FROM generate_series(1, 50) g";
    let database = Database::new(policy, setup).await;
    let (_, plan) = database.plan().await;
    let lines: Vec<String> = plan.findings().flat_map(|finding| finding.evidence().to_vec()).collect();
    let fails: Vec<&String> = lines.iter().filter(|line| line.contains("-- fails")).collect();
    assert_eq!(fails.len(), 1, "{lines:?}");
    // As it stands the partition is attached already; detached it meets the other one.
    let client = database.session.client();
    client.batch_execute("ALTER TABLE shop.orders DETACH PARTITION shop.orders_na").await.unwrap();
    let error = client.batch_execute(fails[0]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "42P17");
    client
        .batch_execute("ALTER TABLE shop.orders ATTACH PARTITION shop.orders_na FOR VALUES IN ('US', 'CA')")
        .await
        .unwrap();
    let rest: Vec<&str> = lines.iter().filter(|line| !line.contains("-- fails")).map(String::as_str).collect();
    database.sql(&rest.join("\n")).await;
    database.partctl(&["plan", "--check"], 0);
    assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "50");
    assert_eq!(database.value("SELECT count(*) FROM shop.orders_na WHERE region = 'DE'").await, "10");
}
