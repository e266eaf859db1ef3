//! A large DEFAULT is never scanned while it is locked: Postgres itself says what it scans and what it has proof of.

use partctl::plan::StepKind;

use super::harness::{Database, contains, session};

struct Key {
    column: &'static str,
    by: &'static str,
    policy: &'static str,
    /// Rows that DEFAULT holds, one value each.
    rows: &'static [&'static str],
}

const MONTHLY: &str = "partition: {range: k, every: 1 month, timezone: UTC}";
const DAILY: &str = "partition: {range: k, every: 1 day}";
const THOUSANDS: &str = "partition: {range: k, every: 1000}";
const LIST: &str = "partition:\n  list: k\n  values:\n    nordic: [NO, SE]\n    one: [\"it's\"]";
const LIST_WITH_NULL: &str = "partition:\n  list: k\n  values:\n    nordic: [NO, SE]\n    none: [null, XX]\n";

const TWO_COLUMNS: &str = "partition: {range: [k, note], every: 1 day}";
const OF_DAYS: &str = "partition:\n  range: (date_trunc('day', k))\n  every: 1 week";
const OF_CAPITALS: &str = "partition:\n  list: (upper(k))\n  values:\n    nordic: [NO, SE]\n    one: [XX]";
const IDS: &str = "partition: {range: k, every: 1 month, timezone: UTC, encoding: uuidv7}";
const TEXTS: &str = "partition: {range: k, every: 1 month, encoding: 'text:%Y%m%d'}";

const KEYS: &[Key] = &[
    Key { column: "timestamptz NOT NULL", by: "RANGE (k)", policy: MONTHLY, rows: &["'2097-01-01'", "'1997-01-01'"] },
    Key { column: "timestamptz", by: "RANGE (k)", policy: MONTHLY, rows: &["'2097-01-01'", "NULL", "'infinity'"] },
    Key { column: "timestamp", by: "RANGE (k)", policy: MONTHLY, rows: &["'2097-01-01'", "NULL"] },
    Key { column: "date NOT NULL", by: "RANGE (k)", policy: DAILY, rows: &["'2097-01-01'"] },
    Key { column: "date", by: "RANGE (k)", policy: DAILY, rows: &["'2097-01-01'", "NULL"] },
    Key { column: "int NOT NULL", by: "RANGE (k)", policy: THOUSANDS, rows: &["900000000"] },
    Key { column: "int", by: "RANGE (k)", policy: THOUSANDS, rows: &["900000000", "NULL", "-1"] },
    Key { column: "bigint", by: "RANGE (k)", policy: THOUSANDS, rows: &["900000000000", "NULL"] },
    Key { column: "numeric", by: "RANGE (k)", policy: THOUSANDS, rows: &["900000000000", "NULL", "'NaN'"] },
    Key { column: "text NOT NULL", by: "LIST (k)", policy: LIST, rows: &["'DE'"] },
    Key { column: "text", by: "LIST (k)", policy: LIST, rows: &["'DE'", "NULL"] },
    Key { column: "varchar(40)", by: "LIST (k)", policy: LIST, rows: &["'DE'", "NULL"] },
    Key { column: "text", by: "LIST (k)", policy: LIST_WITH_NULL, rows: &["'DE'"] },
    Key { column: "date", by: "RANGE (k, note)", policy: TWO_COLUMNS, rows: &["'2097-01-01'", "NULL"] },
    Key { column: "timestamp", by: "RANGE (date_trunc('day', k))", policy: OF_DAYS, rows: &["'2097-01-01'", "NULL"] },
    Key { column: "text", by: "LIST (upper(k))", policy: OF_CAPITALS, rows: &["'de'", "NULL"] },
    Key { column: "uuid", by: "RANGE (k)", policy: IDS, rows: &["'ffffffff-0000-0000-0000-000000000000'", "NULL"] },
    Key { column: "text", by: "RANGE (k)", policy: TEXTS, rows: &["'20970101'", "NULL", "'x'"] },
];

async fn database(key: &Key) -> Database {
    let rows: Vec<String> = key
        .rows
        .iter()
        .map(|value| {
            format!("INSERT INTO shop.orders SELECT {value}, repeat('x', 1000) FROM generate_series(1, 2000);")
        })
        .collect();
    let setup = format!(
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (k {}, note text) PARTITION BY {};
        CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT; {} ANALYZE shop.orders",
        key.column,
        key.by,
        rows.concat()
    );
    Database::new(&format!("version: 1\ntable: shop.orders\n{}\n", key.policy), &setup).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_default_is_never_scanned_while_it_is_locked() {
    for key in KEYS {
        let what = format!("{} by {}: {}", key.column, key.by, key.policy);
        let database = database(key).await;
        let (_, plan) = database.plan().await;
        assert!(1 < plan.count(StepKind::Create), "{what}: {plan:?}");
        let runner = session(&database.url()).await;
        runner.client().batch_execute("SET client_min_messages = debug1").await.unwrap();
        for (_, step) in plan.steps() {
            let actions = step.actions();
            assert_eq!(actions.len(), 3, "{what}: adds, validates, attaches");
            let mut said = Vec::new();
            for action in actions {
                let batch = format!("BEGIN; {}; COMMIT", action.statements().join("; "));
                runner
                    .client()
                    .batch_execute(&batch)
                    .await
                    .unwrap_or_else(|error| panic!("{what}: {batch}: {error:?}"));
                said.push(
                    runner.take_notices().into_iter().map(|notice| notice.message).collect::<Vec<_>>().join("\n"),
                );
            }
            let scans = "verifying table \"orders_default\"";
            assert!(!said[0].contains(scans), "{what}: {}", said[0]);
            // It is scanned here, beside readers and writers, so the server says so when it is.
            contains(&said[1], &[scans]);
            assert!(!said[2].contains(scans), "{what}: {}", said[2]);
            let proof = "updated partition constraint for default partition \"orders_default\" is implied by existing constraints";
            contains(&said[2], &[proof]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_large_default_one_run_converges_and_leaves_nothing_behind() {
    for key in KEYS {
        let database = database(key).await;
        let rows = database.value("SELECT count(*) FROM shop.orders").await;
        database.partctl(&["apply"], 0);
        let checks = "SELECT count(*) FROM pg_constraint WHERE starts_with(conname, 'partctl_')";
        assert_eq!(database.value(checks).await, "0", "{} {}", key.column, key.policy);
        assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, rows);
        database.partctl(&["plan", "--check"], 0);
    }
}
