//! Planning from a file: what `snapshot` writes leads to the very plan that the database leads to.

use super::harness::{Database, command, contains, said};

const POLICIES: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: Europe/Berlin}
create: {ahead: 3 partitions}\nretain: {for: 6 months, then: drop, per_run: 20}\n---
version: 1\ntable: shop.regions\npartition: {list: region, values: {na: [us, ca], eu: [de]}}\n---
version: 1\ntable: shop.numbers\npartition: {range: id, every: 1000}\ncreate: {ahead: 2 partitions}\n";

/// A month that is over, rows in DEFAULT that a group wants, numbers in use, a name that is taken, and a table that no
/// policy manages.
const SETUP: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (at timestamptz NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE shop.orders_old PARTITION OF shop.orders
        FOR VALUES FROM ('2019-12-31 23:00+00') TO ('2020-01-31 23:00+00');
    CREATE TABLE shop.orders_late PARTITION OF shop.orders
        FOR VALUES FROM ('2026-09-30 22:00+00') TO ('2026-10-31 23:00+00');
    INSERT INTO shop.orders VALUES ('2020-01-05'), ('2026-10-05'); CREATE TABLE shop.orders_2026_12 ();
    CREATE TABLE shop.regions (region text) PARTITION BY LIST (region);
    CREATE TABLE shop.regions_rest PARTITION OF shop.regions DEFAULT; INSERT INTO shop.regions VALUES ('de'), ('mars');
    CREATE TABLE shop.numbers (id int) PARTITION BY RANGE (id);
    CREATE TABLE shop.numbers_0 PARTITION OF shop.numbers FOR VALUES FROM (0) TO (1000);
    INSERT INTO shop.numbers VALUES (7); GRANT SELECT ON shop.orders TO stranger;
    CREATE TABLE shop.surprise (secret_column int) PARTITION BY HASH (secret_column)";

/// What `plan` prints online and offline for the same moment.
fn both(database: &Database, file: &str, format: &str) -> (String, String) {
    // A name that is taken is an error among the findings: exit 3, both times.
    let online = database.partctl(&["plan", "--at", "2026-11-22T03:00:00Z", "-o", format], 3);
    (online, offline(database, file, format, 3))
}

fn offline(database: &Database, file: &str, format: &str, exit: i32) -> String {
    let arguments = ["plan", "--at", "2026-11-22T03:00:00Z", "-o", format];
    // Nothing listens there: an offline plan needs no database.
    let nowhere = "postgresql://127.0.0.1:1/nowhere?connect_timeout=1";
    let offline = [&arguments[..], &["--catalog", file]].concat();
    let output = command(&database.policies(), nowhere, &offline).output().unwrap();
    assert_eq!(output.status.code(), Some(exit), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_from_a_snapshot_is_the_plan_from_the_database_to_the_byte() {
    let mut database = Database::new(POLICIES, SETUP).await;
    database.partctl(&["init"], 0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("catalog.json");
    let file = file.to_str().unwrap();
    database.partctl(&["snapshot", "--save", file], 0);
    for format in ["table", "sql", "json", "markdown"] {
        let (online, offline) = both(&database, file, format);
        assert_eq!(online, offline);
    }
    let (plan, _) = both(&database, file, "table");
    contains(&plan, &["detach", "orders_old", "surprise", "DEFAULT", "orders_2026_12"]);

    // A pull request may bring a policy that the snapshot has never seen.
    let more = "---\nversion: 1\ntable: shop.surprise\npartition: {hash: secret_column, modulus: 2}\n";
    database.set_policy(&format!("{POLICIES}{more}"));
    let (online, offline) = both(&database, file, "json");
    contains(&online, &["surprise_p0"]);
    assert_eq!(online, offline);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redacted_snapshot_says_what_the_policies_say_and_no_more() {
    let database = Database::new(POLICIES, SETUP).await;
    database.partctl(&["init"], 0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("catalog.json");
    let file = file.to_str().unwrap();
    database.partctl(&["snapshot", "--redact", "--save", file], 0);
    let text = std::fs::read_to_string(file).unwrap();
    for word in ["mars", "secret_column", "surprise", "stranger", "postgres", "orders_old", &database.name] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    // Names are left out, so that all new ones are free.
    contains(&offline(&database, file, "table", 0), &["shop.orders", "1 to detach", "PT120"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_snapshot_is_refused_by_name() {
    let database = Database::new(POLICIES, SETUP).await;
    let plan = tempfile::NamedTempFile::new().unwrap();
    let path = plan.path().to_str().unwrap();
    database.partctl(&["plan", "--save", path], 3);
    let output = database.command(&["plan", "--catalog", path]).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    contains(&said(&output), &["format is `partctl-plan`, not `partctl-snapshot`", "partctl snapshot --save FILE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulation_tells_weeks_to_come_from_the_database_and_from_a_file() {
    let policy = POLICIES.split("---").next().unwrap();
    let database = Database::new(policy, &SETUP.replace("CREATE TABLE shop.orders_2026_12 ();", "")).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    let file = tempfile::NamedTempFile::new().unwrap();
    database.partctl(&["snapshot", "--save", file.path().to_str().unwrap()], 0);
    let offline = ["--catalog", file.path().to_str().unwrap()];
    for from in [&[][..], &offline] {
        let arguments = [&["simulate", "--until", "+1 year", "--disk", "1 MB", "-o", "json"], from].concat();
        let simulation: serde_json::Value = serde_json::from_str(&database.partctl(&arguments, 0)).unwrap();
        let weeks = simulation["weeks"].as_array().unwrap();
        assert!((52..=54).contains(&weeks.len()), "{}", weeks.len());
        let created = |week: &serde_json::Value| week["tables"][0]["created"].as_array().map_or(0, Vec::len);
        assert_eq!(weeks.iter().map(created).sum::<usize>(), 12);
    }
    let told = database.partctl(&["simulate", "--until", "+1 year"], 0);
    contains(&told, &["WEEK OF", "12 created", "as if `partctl apply` ran all the while"]);
    database.partctl(&["simulate", "--until", "+11 years"], 64);
}
