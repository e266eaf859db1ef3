//! How much a finding matters is the policy's and the caller's to say; what was refused stays refused.

use serde_json::Value;

use super::harness::{Database, contains};

const SETUP: &str = "CREATE SCHEMA shop; CREATE TABLE shop.days (day date NOT NULL) PARTITION BY RANGE (day);
    CREATE TABLE shop.days_default PARTITION OF shop.days DEFAULT;
    INSERT INTO shop.days VALUES ('1999-12-31'); ANALYZE shop.days_default;";

fn policy(more: &str) -> String {
    format!("version: 1\ntable: shop.days\npartition: {{range: day, every: 1 day}}\ncreate: {{ahead: 2 days}}\n{more}")
}

/// The severities of this finding in the JSON of a check or a plan.
fn severities(json: &str, code: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(json).unwrap();
    let tables = document["tables"].as_array().into_iter().flatten();
    let own = [&document].into_iter().chain(tables).flat_map(|part| part["findings"].as_array().into_iter().flatten());
    own.filter(|finding| finding["code"] == code)
        .map(|finding| finding["severity"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_output_follows_the_policy_and_the_caller_goes_before_it() {
    let mut database = Database::new(&policy(""), SETUP).await;
    database.partctl(&["apply"], 0);
    database.partctl(&["check"], 0);
    database.set_policy(&policy("severity: {PT116: error}\n"));
    contains(&database.partctl(&["check"], 3), &["! PT116 shop.days: "]);
    contains(&database.partctl(&["plan"], 3), &["! PT116 shop.days: "]);
    contains(&database.partctl(&["apply"], 3), &["! PT116 shop.days: "]);
    assert_eq!(severities(&database.partctl(&["check", "-o", "json"], 3), "PT116"), ["error"]);
    assert_eq!(severities(&database.partctl(&["plan", "-o", "json"], 3), "PT116"), ["error"]);
    contains(&database.partctl(&["check", "-o", "sarif"], 3), &["\"level\": \"error\""]);
    contains(&database.partctl(&["check", "-o", "github"], 3), &["::error file="]);
    contains(&database.partctl(&["check", "-o", "junit"], 3), &["<failure type=\"PT116 default-holds-rows\""]);
    contains(&database.partctl(&["check", "-o", "nagios"], 2), &["PARTCTL CRITICAL", "PT116"]);
    let metric = |severity: &str| format!("table=\"shop.days\",severity=\"{severity}\"}} 1");
    contains(&database.partctl(&["check", "-o", "prometheus"], 3), &[&metric("error")]);
    // The caller goes first.
    let lowered = ["--severity", "PT116=info", "--strict"];
    let said = database.partctl(&[&["check", "-o", "prometheus"][..], &lowered].concat(), 0);
    contains(&said, &[&metric("info")]);
    database.partctl(&[&["plan"][..], &lowered].concat(), 0);
    database.partctl(&[&["apply"][..], &lowered].concat(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_without_a_policy_are_the_callers_to_weigh() {
    let setup = format!("{SETUP} CREATE TABLE shop.wild (a int) PARTITION BY LIST (a);");
    let database = Database::new(&policy(""), &setup).await;
    database.partctl(&["apply"], 0);
    for command in ["check", "plan", "apply"] {
        database.partctl(&[command], 0);
        let said = database.partctl(&[command, "--severity", "PT120=error"], 3);
        contains(&said, &["! PT120 shop.wild: is partitioned and no policy manages it"]);
    }
    let said = database.partctl(&["check", "--severity", "PT12=error"], 64);
    contains(&said, &["there is no finding `PT12`", "did you mean `PT1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_may_be_missing_is_no_failure() {
    let database = Database::new(&policy("severity: {PT101: warning}\n"), "").await;
    for command in ["plan", "apply", "check"] {
        contains(&database.partctl(&[command], 0), &["? PT101 shop.days: does not exist"]);
    }
    database.partctl(&["check", "--strict"], 3);
    database.partctl(&["check", "--severity", "PT101=error"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_stays_refused_however_little_it_is_said_to_matter() {
    let setup = format!(
        "{SETUP} DO $$ BEGIN FOR n IN 1..30 LOOP EXECUTE format(
           'CREATE TABLE shop.days_%s PARTITION OF shop.days FOR VALUES FROM (%L) TO (%L)', n, current_date - n, current_date - n + 1);
           EXECUTE format('INSERT INTO shop.days VALUES (%L)', current_date - n);
         END LOOP; END $$"
    );
    let retain = "retain: {for: 3 days, then: drop, per_run: 2, unattended: true}\n";
    let database = Database::new(&policy(&format!("{retain}severity: {{PT110: info, PT121: info}}\n")), &setup).await;
    let partitions = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.days'::regclass";
    for command in ["plan", "apply"] {
        contains(&database.partctl(&[command], 7), &["i PT110 shop.days: ", "hint: "]);
    }
    // What is made is made, and nothing has left: 30 days, today, two ahead, DEFAULT.
    assert_eq!(database.value(partitions).await, "34");
}
