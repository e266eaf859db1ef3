//! What `status`, `check` and `plan` say of a database that has a little of everything, as machines and pages read it.

use serde_json::Value;

use super::harness::{Database, contains, said};

const POLICIES: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: Europe/Berlin}
create: {ahead: 3 partitions, fill_gaps: false}\nretain: {for: 6 months, then: drop, per_run: 20}\nhold: [{partition: orders_held, reason: case 7}]\n---
version: 1\ntable: shop.regions\npartition: {list: region, values: {na: [us, ca], none: [null]}, default: other}\n---
version: 1\ntable: shop.events\npartition: {hash: id, modulus: 2}\n---
version: 1\ntable: shop.numbers\npartition: {range: id, every: 1000}\ncreate: {ahead: 2 partitions}\n";

/// Months in Berlin: two that are over, of which one is held, and one that will be over some day.
const SETUP: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (at timestamptz NOT NULL) PARTITION BY RANGE (at);
    DO $$DECLARE name text; months int; m timestamp := date_trunc('month', now() AT TIME ZONE 'Europe/Berlin'); BEGIN
        FOR name, months IN VALUES ('held', 14), ('over', 13), ('later', 2), ('last', 1) LOOP
            EXECUTE format('CREATE TABLE shop.orders_%s PARTITION OF shop.orders FOR VALUES FROM (%L) TO (%L)', name,
                (m - months * interval '1 month') AT TIME ZONE 'Europe/Berlin',
                (m - (months - 1) * interval '1 month') AT TIME ZONE 'Europe/Berlin');
            EXECUTE format('INSERT INTO shop.orders_%s SELECT %L::timestamptz FROM generate_series(1, 1204)', name,
                (m - months * interval '1 month' + interval '3 days') AT TIME ZONE 'Europe/Berlin');
        END LOOP; END$$;
    CREATE TABLE shop.regions (region text) PARTITION BY LIST (region);
    CREATE TABLE shop.events (id int) PARTITION BY HASH (id);
    CREATE TABLE shop.numbers (id int) PARTITION BY RANGE (id); ANALYZE shop.orders;
    CREATE TABLE shop.surprise (id int) PARTITION BY HASH (id)";

fn json(database: &Database, arguments: &[&str], exit: i32) -> Value {
    let output = database.command(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(exit), "partctl {arguments:?}\n{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn named<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|entry| entry[key] == name);
    found.unwrap_or_else(|| panic!("no {name} in {list:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_machines_people_and_pages_the_same() {
    let database = Database::new(POLICIES, SETUP).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    database.sql("INSERT INTO shop.numbers VALUES (1), (999); INSERT INTO shop.regions VALUES ('mars'); ANALYZE shop.regions").await;
    let next_month =
        "SELECT to_char(date_trunc('month', now() AT TIME ZONE 'Europe/Berlin') + interval '4 months', 'YYYY-MM-DD')";
    let last_bound = database.value(next_month).await;

    let status = json(&database, &["status", "-o", "json"], 0);
    assert_eq!(status["format"], "partctl-status");
    assert_eq!(status["database"], database.name.as_str());
    assert_eq!(status["tables"].as_array().map(Vec::len), Some(4));
    let orders = named(&status["tables"], "table", "shop.orders");
    assert_eq!(orders["last_bound"], last_bound.as_str());
    assert_eq!(orders["runway"]["kind"], "until");
    assert!(80 * 86_400 < orders["runway"]["seconds"].as_i64().unwrap());
    assert_eq!(orders["next_to_retire"]["partition"], "shop.orders_later");
    assert_eq!(orders["next_to_retire"]["due"], false);
    let timeline = &orders["timeline"];
    let stretch = |name: &str| named(timeline, "partition", &format!("shop.orders_{name}"));
    assert_eq!((&stretch("held")["fate"], &stretch("held")["rows"]), (&"held".into(), &1204.into()));
    assert_eq!(stretch("last")["place"], "past");
    let places = |place: &str| timeline.as_array().unwrap().iter().filter(|stretch| stretch["place"] == place).count();
    assert_eq!((places("current"), places("ahead")), (1, 3));
    assert_eq!(named(&status["detached"], "table", "shop.orders_over")["fate"], "drops_at");
    let numbers = named(&status["tables"], "table", "shop.numbers");
    assert_eq!((&numbers["runway"]["kind"], &numbers["runway"]["partitions"]), (&"partitions".into(), &2.into()));
    assert_eq!(named(&status["tables"], "table", "shop.regions")["default"]["partition"], "shop.regions_other");

    for format in ["table", "markdown"] {
        let text = database.partctl(&["status", "-o", format], 0);
        contains(
            &text,
            &["shop.orders", "range at", &last_bound, "orders_later", "orders_over", "hash id", "list region"],
        );
    }
    let page = database.partctl(&["status", "-o", "markdown"], 0);
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with('|')).take(6).collect();
    assert!(rows.iter().all(|row| row.matches('|').count() == 12), "{page}");

    assert_eq!((&orders["last_apply"]["run"], &orders["last_apply"]["failed"]), (&1.into(), &false.into()));
    assert_eq!(orders["held"], 1);
    let names = |arguments: &[&str]| -> Vec<String> {
        let status = json(&database, &[&["status", "-o", "json"], arguments].concat(), 0);
        let tables = status["tables"].as_array().unwrap().iter();
        tables.map(|table| table["table"].as_str().unwrap().trim_start_matches("shop.").to_owned()).collect()
    };
    assert_eq!(names(&[]), ["events", "numbers", "orders", "regions"]);
    assert_eq!(names(&["--sort", "size", "--limit", "1"]), ["orders"]);
    assert_eq!(names(&["--sort", "runway"])[..2], ["orders", "numbers"]);
    assert_eq!(names(&["--sort", "default", "--limit", "1"]), ["regions"]);
    assert_eq!(names(&["--runway-below", "10 years"]), ["orders"]);
    assert_eq!(names(&["--runway-below", "1 day"]), [""; 0]);
    assert_eq!(names(&["--trouble"]), [""; 0]);
    contains(&database.partctl(&["status", "--trouble"], 0), &["No table to show."]);
    database.partctl(&["status", "--limit", "0"], 64);

    let plan = json(&database, &["plan", "-o", "json"], 0);
    assert_eq!(plan["format"], "partctl-plan");
    assert_eq!(named(&plan["findings"], "code", "PT120")["table"], "shop.surprise");
    // The seconds that are left go down from one command to the next.
    assert_eq!(named(&plan["tables"], "table", "shop.orders")["runway"]["until"], orders["runway"]["until"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_tells_what_is_missing_and_how_long_coverage_lasts() {
    let database = Database::new(POLICIES, SETUP).await;
    let check = json(&database, &["check", "-o", "json"], 3);
    assert_eq!((&check["format"], &check["version"]), (&"partctl-check".into(), &1.into()));
    let missing: Vec<&Value> =
        check["findings"].as_array().unwrap().iter().filter(|finding| finding["code"] == "PT128").collect();
    assert_eq!(missing.len(), 4, "{check:#}");
    assert!(missing.iter().all(|finding| finding["severity"] == "error"));
    assert_eq!(named(&check["findings"], "code", "PT129")["table"], "shop.numbers");

    database.partctl(&["apply", "--allow-destroy"], 0);
    let check = json(&database, &["check", "-o", "json"], 0);
    assert!(check["pruning"].as_array().unwrap().iter().all(|query| query["result"] == "passed"), "{check:#}");
    for table in ["shop.orders", "shop.regions", "shop.events", "shop.numbers"] {
        named(&check["pruning"], "table", table);
    }
    database.partctl(&["check", "--min-runway", "30 days"], 0);
    let text = database.partctl(&["check", "--min-runway", "10 years"], 3);
    contains(&text, &["PT124", "shop.orders: coverage ends", "sooner than 10 years from now", "create.ahead"]);
    assert_eq!(text.matches("PT124").count(), 1, "only time runs out by the clock");
    database.partctl(&["check", "--min-runway", "soon"], 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_default_warn_and_fail_where_they_keep_a_partition_from_being_made() {
    let policy = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}\n";
    let setup = "CREATE SCHEMA shop; CREATE TABLE shop.orders (at timestamptz) PARTITION BY RANGE (at);
        CREATE TABLE shop.rest PARTITION OF shop.orders DEFAULT";
    let mut database = Database::new(policy, setup).await;
    database.partctl(&["apply"], 0);
    contains(&database.partctl(&["check"], 0), &["0 errors, 0 warnings"]);
    database
        .sql("INSERT INTO shop.orders SELECT '2097-01-01' FROM generate_series(1, 1204); ANALYZE shop.orders")
        .await;
    contains(&database.partctl(&["check"], 0), &["? PT170", "DEFAULT shop.rest holds 1204 rows beyond", "1 warning"]);
    contains(&database.partctl(&["check"], 0), &["(newest 2097-01-01)", "raise `create.ahead`", "at >= '"]);
    database.partctl(&["--strict", "check"], 3);
    contains(&database.partctl(&["status"], 0), &["1,204"]);

    database.sql("INSERT INTO shop.orders SELECT now() + interval '6 months' FROM generate_series(1, 5)").await;
    database.set_policy(&format!("{policy}create: {{ahead: 8 partitions, default: forbid, move_rows: never}}\n"));
    let text = database.partctl(&["check"], 3);
    contains(&text, &["! PT102", "DEFAULT shop.rest holds 5 rows of", "? PT117", "pending: 3 to create"]);
    let check = json(&database, &["check", "-o", "json"], 3);
    contains(named(&check["findings"], "code", "PT102")["hint"].as_str().unwrap(), &["move or delete them", "at >= '"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_output_for_machines_is_as_its_published_schema_says() {
    let database = Database::new(POLICIES, SETUP).await;
    let year = "SELECT * FROM shop.orders WHERE extract(year FROM at) = 2020";
    let outputs: [(&[&str], i32); 12] = [
        (&["validate", "-o", "json"], 0),
        (&["plan", "-o", "json"], 0),
        (&["check", "-o", "json"], 3),
        (&["apply", "-o", "json"], 7),
        (&["apply", "--allow-destroy", "-o", "json"], 0),
        (&["check", "-o", "json"], 0),
        (&["status", "-o", "json"], 0),
        (&["history", "-o", "json"], 0),
        (&["history", "1", "-o", "json"], 0),
        (&["simulate", "-o", "json"], 0),
        (&["archive", "list", "-o", "json"], 0),
        (&["explain", year, "-o", "json"], 3),
    ];
    for (arguments, exit) in outputs {
        let document = json(&database, arguments, exit);
        let name = document["format"].as_str().unwrap().strip_prefix("partctl-").unwrap();
        let schema = json(&database, &["generate", "schema", name], 0);
        if let Err(error) = jsonschema::validate(&schema, &document) {
            panic!("partctl {arguments:?} at {}: {error}", error.instance_path());
        }
    }
}
