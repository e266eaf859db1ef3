//! Foreign keys between tables that are both retired: what references goes first, and what is referenced stays as long
//! as it is.

use super::harness::{Database, contains, said};

/// Orders and their lines, a month each that is long over and one that stays; lines reference orders.
fn setup(orders: &str, lines: &str, default: &str) -> String {
    let month = |table: &str| {
        format!(
            "CREATE TABLE shop.{table}_2001_01 PARTITION OF shop.{table} FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
            CREATE TABLE shop.{table}_rest PARTITION OF shop.{table} FOR VALUES FROM ('2001-02-01 00:00+00') TO (MAXVALUE);"
        )
    };
    let default = if default.is_empty() {
        String::new()
    } else {
        format!(
            "CREATE TABLE shop.{orders}_default PARTITION OF shop.{orders} DEFAULT; CREATE TABLE shop.{lines}_default PARTITION OF shop.{lines} DEFAULT;"
        )
    };
    format!(
        "CREATE SCHEMA shop;
        CREATE TABLE shop.{orders} (id int, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE shop.{lines} (id int, at timestamptz NOT NULL, FOREIGN KEY (id, at) REFERENCES shop.{orders}) PARTITION BY RANGE (at);
        {}{}{default}
        INSERT INTO shop.{orders} SELECT g, '2001-01-15' FROM generate_series(1, 7) g; INSERT INTO shop.{orders} VALUES (1, '2020-01-15');
        INSERT INTO shop.{lines} SELECT * FROM shop.{orders} WHERE id < 4; ANALYZE",
        month(orders),
        month(lines)
    )
}

fn policy(table: &str, then: &str) -> String {
    format!(
        "version: 1\ntable: shop.{table}\npartition: {{range: at, every: 1 month, timezone: UTC}}\nretain: {{for: 1 year, {then}}}\n"
    )
}

const DETACHED: &str = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE NOT relispartition AND relname LIKE '%\\_2001\\_01'";

#[tokio::test(flavor = "multi_thread")]
async fn what_references_is_retired_before_what_it_references_in_one_run() {
    for (orders, lines) in [("a_orders", "z_lines"), ("z_orders", "a_lines")] {
        for default in ["", "DEFAULT"] {
            let then = "then: drop, grace: 0 days";
            let policies = format!("{}---\n{}", policy(orders, then), policy(lines, then));
            let database = Database::new(&policies, &setup(orders, lines, default)).await;
            let output = database.command(&["apply", "--allow-destroy"]).output().unwrap();
            let case = format!("{orders} {lines} {default}\n{}", said(&output));
            assert_eq!(output.status.code(), Some(0), "{case}");
            let order = "SELECT string_agg(parent_name, ' ' ORDER BY detached_at) FROM partctl.detached_tables";
            assert_eq!(database.value(order).await, format!("{lines} {orders}"), "{case}");
            assert_eq!(database.value(&format!("SELECT count(*) FROM shop.{orders}")).await, "1", "{case}");
            database.partctl(&["plan", "--check"], 0);
        }
    }
}

/// A detached table keeps its foreign key, so what it references stays for as long as it does.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_table_in_its_grace_references_is_not_tried() {
    for default in ["", "DEFAULT"] {
        let then = "then: drop, grace: 7 days";
        let policies = format!("{}---\n{}", policy("orders", then), policy("lines", then));
        let database = Database::new(&policies, &setup("orders", "lines", default)).await;
        let output = database.command(&["apply", "--allow-destroy"]).output().unwrap();
        assert!(!said(&output).contains("failed"), "{}", said(&output));
        assert_eq!(database.column(DETACHED).await, ["lines_2001_01"]);
        database.sql("UPDATE partctl.detached_tables SET detached_at = detached_at - interval '8 days'").await;
        database.command(&["apply", "--allow-destroy"]).output().unwrap();
        database.partctl(&["apply", "--allow-destroy"], 0);
        assert_eq!(database.column(DETACHED).await, ["orders_2001_01"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_stay_and_reference_are_counted_and_nothing_is_detached() {
    for default in ["", "DEFAULT"] {
        let database = Database::new(&policy("orders", "then: detach"), &setup("orders", "lines", default)).await;
        let text = database.partctl(&["apply", "--allow-destroy"], 3);
        contains(&text, &["PT132", "orders_2001_01 is over, and kept: referenced by 3 rows of shop.lines"]);
        assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "8");
        assert_eq!(database.column(DETACHED).await, ["NULL"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_partition_that_reference_each_other_are_counted_too() {
    for default in ["", "; CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT"] {
        let setup = format!(
            "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, at timestamptz, parent int, parent_at timestamptz,
                PRIMARY KEY (id, at), FOREIGN KEY (parent, parent_at) REFERENCES shop.orders) PARTITION BY RANGE (at);
            CREATE TABLE shop.orders_2001_01 PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
            CREATE TABLE shop.orders_2001_02 PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01 00:00+00') TO ('2001-03-01 00:00+00');
            CREATE TABLE shop.orders_rest PARTITION OF shop.orders FOR VALUES FROM ('2001-03-01 00:00+00') TO (MAXVALUE);
            INSERT INTO shop.orders VALUES (1, '2001-01-15'), (3, '2001-02-15'), (4, '2020-01-01');
            INSERT INTO shop.orders VALUES (2, '2001-01-16', 1, '2001-01-15');
            ANALYZE shop.orders{default}"
        );
        let database = Database::new(&policy("orders", "then: detach"), &setup).await;
        let text = database.partctl(&["apply", "--allow-destroy"], 3);
        contains(
            &text,
            &["orders_2001_01 is over, and kept: referenced by 1 row of shop.orders", "set their references to null"],
        );
        assert!(!text.contains("failed"), "{text}");
        assert_eq!(database.column(DETACHED).await, ["NULL"]);
        let second = "SELECT relispartition FROM pg_class WHERE relname = 'orders_2001_02'";
        assert_eq!(database.value(second).await, "f");
        database.sql("UPDATE shop.orders SET parent = NULL").await;
        database.partctl(&["apply", "--allow-destroy"], 0);
        assert_eq!(database.column(DETACHED).await, ["orders_2001_01"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_looked_into_may_reference() {
    let setup = format!(
        "{}; GRANT ALL ON SCHEMA shop TO creator; ALTER TABLE shop.orders OWNER TO creator;
        ALTER TABLE shop.orders_2001_01 OWNER TO creator; ALTER TABLE shop.orders_rest OWNER TO creator",
        setup("orders", "lines", "")
    );
    let database = Database::new(&policy("orders", "then: detach"), &setup).await;
    database.partctl(&["init"], 0);
    database
        .sql("GRANT USAGE ON SCHEMA partctl TO creator; GRANT ALL ON ALL TABLES IN SCHEMA partctl TO creator")
        .await;
    let url = database.url_with("user=creator");
    let apply = ["--database", &url, "apply", "--allow-destroy"];
    let text = database.partctl(&apply, 3);
    contains(&text, &["PT125", "orders_2001_01 is over, and kept", "shop.lines", "42501"]);
    assert_eq!(database.column(DETACHED).await, ["NULL"]);
    database.sql("GRANT SELECT ON shop.lines TO creator; DELETE FROM shop.lines").await;
    database.partctl(&apply, 0);
    assert_eq!(database.column(DETACHED).await, ["orders_2001_01"]);
}
