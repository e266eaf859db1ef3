//! Queries in files, judged on a database that holds the structure and no rows; and queries that a run would break.

use std::process::Command;

use serde_json::Value;

use super::harness::{Database, contains, said, server};

const MONTHLY: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}\n";
const ORDERS: &str =
    "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at)";

const NEXT_MONTH: &str = "SELECT (date_trunc('month', now()) + interval '1 month')::date";

/// `pg_dump --schema-only` of one database, restored into another.
fn copy_structure(from: &str, to: &str) {
    let installation = server().installation();
    let dump =
        Command::new(installation.program("pg_dump")).args(["--schema-only", "--dbname", from]).output().unwrap();
    assert!(dump.status.success(), "{}", said(&dump));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &dump.stdout).unwrap();
    let psql = installation.psql().expect("psql stands beside the server's programs");
    let mut restore = Command::new(psql);
    restore.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", to, "--file"]).arg(file.path());
    let restored = restore.output().unwrap();
    assert!(restored.status.success(), "{}", said(&restored));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_file_is_judged_on_the_structure_alone_and_the_query_that_does_not_prune_is_named() {
    let production = Database::new(MONTHLY, ORDERS).await;
    production.partctl(&["apply"], 0);
    production.sql("INSERT INTO shop.orders SELECT 1, now(); ANALYZE").await;
    let month = production.value(NEXT_MONTH).await;

    let policy = format!("{MONTHLY}pruning:\n  - {{file: 'queries/*.sql', locks: 50}}\n");
    let ci = Database::new(&policy, "").await;
    copy_structure(&production.url(), &ci.url());
    let queries = ci.policies().join("queries");
    std::fs::create_dir(&queries).unwrap();
    let good = format!(
        "-- Orders since next month.\n-- partctl: name=recent, partitions=4, require=plan, with=('{month}')\n\
         select * from shop.orders where at >= $1;\n\n"
    );
    let file = queries.join("orders.sql");
    std::fs::write(&file, &good).unwrap();
    let text = ci.partctl(&["check", "--pruning-only", "--strict"], 0);
    contains(&text, &["pruning proven on 5 queries", "0 errors, 0 warnings"]);
    assert!(!text.contains("runway") && !text.contains("PT12"), "{text}");

    let bad = "-- partctl: name=hidden, partitions=1, locks=3\n\
               select * from shop.orders\n where date_trunc('month', at) = '2024-01-01'; -- by month\n";
    std::fs::write(&file, format!("{good}{bad}")).unwrap();
    let text = ci.partctl(&["check", "--pruning-only"], 3);
    contains(
        &text,
        &["PT118", "`hidden` reads 5 of 5 partitions", "at most 1 allowed", "locks 6 relations, at most 3"],
    );
    contains(&text, &["queries/orders.sql:6", "date_trunc"]);

    let output = ci.command(&["check", "--pruning-only", "-o", "sarif"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let log: Value = serde_json::from_slice(&output.stdout).unwrap();
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert!(place["artifactLocation"]["uri"].as_str().unwrap().ends_with("/queries/orders.sql"), "{place}");
    assert_eq!(place["region"]["startLine"], 6);
    contains(&ci.partctl(&["check", "--pruning-only", "-o", "github"], 3), &["queries/orders.sql,line=6,title=PT118"]);
    contains(
        &ci.partctl(&["check", "--pruning-only", "-o", "junit"], 3),
        &["failures=\"1\"", "orders.sql\" line=\"6\""],
    );
    contains(&ci.partctl(&["check", "--pruning-only", "-o", "markdown"], 3), &["### Errors", "queries/orders.sql:6`"]);

    // What is wrong in the file is a problem of the policy.
    std::fs::write(&file, "-- partctl: partition=1\nselect 1;\ndrop table shop.orders;\n").unwrap();
    for command in ["check", "validate", "apply"] {
        contains(
            &ci.partctl(&[command], 4),
            &["queries/orders.sql:1:13", "did you mean", "queries/orders.sql:3:1", "PT019"],
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_does_not_fit_is_no_proof() {
    let database = Database::new(&MONTHLY.replace("range: at", "range: id"), ORDERS).await;
    contains(&database.partctl(&["check", "--pruning-only"], 4), &["PT104"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_takes_pruning_away_fails_and_says_how_to_take_it_back() {
    let mut database = Database::new(MONTHLY, ORDERS).await;
    database.partctl(&["apply"], 0);
    let month = database.value(NEXT_MONTH).await;
    let query = format!(
        "pruning:\n  - {{name: open end, sql: select * from shop.orders where at >= $1, with: ['{month}'], partitions: 4}}\n"
    );
    database.set_policy(&format!("{MONTHLY}create: {{ahead: 6 partitions}}\n{query}"));
    let before = database.column("SELECT relid::regclass::text FROM pg_partition_tree('shop.orders')").await;
    let text = database.partctl(&["apply"], 3);
    let after = database.column("SELECT relid::regclass::text FROM pg_partition_tree('shop.orders')").await;
    let made: Vec<&String> = after.iter().filter(|name| !before.contains(name)).collect();
    assert_eq!(made.len(), 2, "{after:?}");
    contains(
        &text,
        &["PT138", "`open end` pruned before this run and now reads 6 of 7 partitions", "this run did: create"],
    );
    for name in made {
        contains(&text, &[&format!("DROP TABLE {name}")]);
    }
    assert!(!text.contains("PT118"), "{text}");
    // A query that never pruned is told as before.
    let hidden =
        "  - {name: hidden, sql: select * from shop.orders where at + '1 day' = '2024-01-01', partitions: 1}\n";
    database.set_policy(&format!("{MONTHLY}create: {{ahead: 7 partitions}}\npruning:\n{hidden}"));
    let text = database.partctl(&["apply"], 3);
    contains(&text, &["PT118"]);
    assert!(!text.contains("PT138"), "{text}");
}
