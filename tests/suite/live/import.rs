//! First policies from what is there: each of them is valid, and what it would do the first time stands above it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::harness::{Database, command, contains, said};

/// Tables as applications have them, before anybody partitioned them.
const TABLES: &str = "CREATE SCHEMA shop; SET TimeZone = 'Europe/Berlin';
    CREATE TABLE shop.events (id bigint, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE shop.clicks (at timestamp NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE shop.days (day date NOT NULL) PARTITION BY RANGE (day);
    CREATE TABLE shop.numbers (id bigint NOT NULL) PARTITION BY RANGE (id);
    CREATE TABLE shop.tree (day date NOT NULL, id bigint NOT NULL) PARTITION BY RANGE (day);
    CREATE TABLE shop.\"Epochs\" (at bigint NOT NULL) PARTITION BY RANGE (at);";

/// pg_partman, and what it is told of each table.
async fn partman(database: &Database) {
    let available = "SELECT default_version FROM pg_available_extensions WHERE name = 'pg_partman'";
    let version = database.column(available).await.pop().unwrap_or_else(|| {
        panic!(
            "this test needs the extension pg_partman: as root, run .ci/setup tests, or install postgresql-N-partman"
        )
    });
    let (kind, hourly) = if version.starts_with("4.") { ("native", "hourly") } else { ("range", "1 hour") };
    database
        .sql("CREATE SCHEMA partman; CREATE EXTENSION pg_partman SCHEMA partman; SET TimeZone = 'Europe/Berlin'")
        .await;
    for (table, column, every, more) in [
        ("shop.events", "at", "1 month", "p_premake := 6"),
        ("shop.clicks", "at", hourly, "p_premake := 3"),
        ("shop.days", "day", "7 days", "p_premake := 2"),
        ("shop.numbers", "id", "1000", "p_premake := 5"),
        ("shop.Epochs", "at", "1 day", "p_epoch := 'seconds'"),
    ] {
        let sql = format!(
            "SELECT partman.create_parent(p_parent_table := '{table}', p_control := '{column}', p_type := '{kind}',
               p_interval := '{every}', {more})"
        );
        database.sql(&sql).await;
    }
    let check = if version.starts_with("4.") { "p_native_check" } else { "p_declarative_check" };
    let tree = format!(
        "SELECT partman.create_parent(p_parent_table := 'shop.tree', p_control := 'day', p_type := '{kind}', p_interval := '1 month',
           p_premake := 2);
         SELECT partman.create_sub_parent(p_top_parent := 'shop.tree', p_control := 'id', p_type := '{kind}', p_interval := '1000',
           p_premake := 3, {check} := 'yes');
         UPDATE partman.part_config_sub SET sub_retention = '5000' WHERE sub_parent = 'shop.tree';"
    );
    database.sql(&tree).await;
    let told = "UPDATE partman.part_config SET retention = '24 months', retention_keep_table = false
                  WHERE parent_table = 'shop.events';
                UPDATE partman.part_config SET retention = '50000', retention_keep_index = false WHERE parent_table = 'shop.numbers';
                UPDATE partman.part_config SET retention = '90 days', retention_schema = 'cold' WHERE parent_table = 'shop.days';";
    database.sql(told).await;
}

/// The columns of `part_config`: those that both versions have, and each one's own.
const BOTH: &str = "parent_table text PRIMARY KEY, control text NOT NULL, partition_type text NOT NULL,
    partition_interval text NOT NULL, constraint_cols text[], premake int NOT NULL DEFAULT 4,
    optimize_constraint int NOT NULL DEFAULT 30, epoch text NOT NULL DEFAULT 'none', retention text, retention_schema text,
    retention_keep_table bool NOT NULL DEFAULT true, retention_keep_index bool NOT NULL DEFAULT true,
    infinite_time_partitions bool NOT NULL DEFAULT false, datetime_string text,
    automatic_maintenance text NOT NULL DEFAULT 'on', jobmon bool NOT NULL DEFAULT true,
    sub_partition_set_full bool NOT NULL DEFAULT false, undo_in_progress bool NOT NULL DEFAULT false, template_table text,
    inherit_privileges bool DEFAULT false, constraint_valid bool NOT NULL DEFAULT true, subscription_refresh text";
const OF_4: &str = "optimize_trigger int NOT NULL DEFAULT 4, inherit_fk bool NOT NULL DEFAULT true,
    trigger_exception_handling bool DEFAULT false, upsert text NOT NULL DEFAULT '', trigger_return_null bool NOT NULL DEFAULT true,
    publications text[], drop_cascade_fk bool NOT NULL DEFAULT false, ignore_default_data bool NOT NULL DEFAULT false";
const OF_5: &str = "default_table bool DEFAULT true, date_trunc_interval text, maintenance_order int,
    retention_keep_publication bool NOT NULL DEFAULT false, maintenance_last_run timestamptz, time_encoder text,
    time_decoder text, ignore_default_data bool NOT NULL DEFAULT true";

/// Imports into a folder; the policies by their files' names, without `.yaml`.
fn import(database: &Database, folder: &Path, arguments: &[&str]) -> BTreeMap<String, String> {
    let to = folder.to_str().unwrap();
    database.partctl(&[&["import", "--to", to], arguments].concat(), 0);
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files
        .map(|file| (file.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(file).unwrap()))
        .collect()
}

/// The law: the policies are valid, and what their plan does and finds stands in them, line by line.
fn is_explained(database: &Database, folder: &Path, policies: &BTreeMap<String, String>) {
    let run = |arguments: &[&str]| command(folder, &database.url(), arguments).output().unwrap();
    let validated = run(&["validate"]);
    assert!(validated.status.success(), "{}", said(&validated));
    let plan: Value = serde_json::from_slice(&run(&["plan", "-o", "json"]).stdout).unwrap();
    let tables = plan["tables"].as_array().unwrap();
    assert_eq!(tables.len(), policies.len());
    for part in tables {
        let table = part["table"].as_str().unwrap().replace('"', "").to_lowercase();
        let text = &policies[&table];
        let steps = part["steps"].as_array().unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("# - ")).count(), steps.len(), "{text}\n{part:#}");
        for step in steps {
            let target = step["target"].as_str().unwrap().split('.').next_back().unwrap();
            contains(text, &[&format!("# - {} {target}", step["kind"].as_str().unwrap())]);
        }
        for finding in part["findings"].as_array().unwrap() {
            contains(text, &[&format!("# {}: ", finding["code"].as_str().unwrap())]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_partmans_tables_become_policies_with_nothing_to_do() {
    let database = Database::new("", TABLES).await;
    partman(&database).await;
    let folder = tempfile::tempdir().unwrap();
    let policies = import(&database, folder.path(), &["--from-partman"]);
    for text in policies.values() {
        println!("{text}");
    }
    is_explained(&database, folder.path(), &policies);
    contains(
        &policies["shop.events"],
        &["range: at", "every: 1 month", "timezone: Europe/Berlin", "ahead: 6 partitions"],
    );
    contains(&policies["shop.events"], &["for: 2 years", "then: drop", "grace of 7 days"]);
    contains(
        &policies["shop.numbers"],
        &["every: 1000", "distance: 50000", "then: detach", "retention_keep_index = false"],
    );
    contains(&policies["shop.epochs"], &["encoding: epoch_s", "every: 1 day"]);
    let below = "  subpartition:\n    range: id\n    every: 1000\n    name: '{table}_p{start}'\n    create:\n      ahead: 3 partitions\n    \
                 retain:\n      distance: 5000\n";
    contains(&policies["shop.tree"], &["every: 1 month", below]);
    contains(&policies["shop.days"], &["every: 1 week", "then: move", "move_to: cold"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_of_both_major_versions_are_read_without_the_extension() {
    for (columns, kind, told) in [(OF_4, "native", "drop_cascade_fk"), (OF_5, "range", "retention_keep_publication")] {
        let setup = format!(
            "{TABLES} CREATE SCHEMA \"Part Man\"; CREATE TABLE \"Part Man\".part_config ({BOTH}, {columns});
             CREATE TABLE shop.events_p20260101 PARTITION OF shop.events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
             CREATE TABLE shop.events_default PARTITION OF shop.events DEFAULT;
             INSERT INTO \"Part Man\".part_config (parent_table, control, partition_type, partition_interval, premake, retention)
               VALUES ('shop.events', 'at', '{kind}', '1 mon', 2, '1 year'), ('shop.gone', 'at', '{kind}', '1 day', 2, NULL);
             UPDATE \"Part Man\".part_config SET {told} = {told} = false;
             ALTER TABLE \"Part Man\".part_config ADD COLUMN next_years_setting text DEFAULT 'blue'"
        );
        let database = Database::new("", &setup).await;
        let folder = tempfile::tempdir().unwrap();
        let policies = import(&database, folder.path(), &["--from-partman"]);
        is_explained(&database, folder.path(), &policies);
        let text = &policies["shop.events"];
        contains(text, &["every: 1 month", "name: '{table}_p{start:%Y%m%d}'", "ahead: 2 partitions", "for: 1 year"]);
        contains(
            text,
            &["next_years_setting = \"blue\": this version of partctl does not know", "# - create events_p20"],
        );
        let said = database.partctl(&["import", "--from-partman", "--only", "shop.gone"], 0);
        contains(&said, &["# No policy for shop.gone.", "does not exist in this database"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_pg_partman_or_the_right_to_read_it_the_next_step_is_told() {
    let database = Database::new("", TABLES).await;
    let said = database.partctl(&["import", "--from-partman"], 7);
    contains(&said, &["no table `part_config` of pg_partman in this database", "connect to the database"]);
    database.sql(&format!("CREATE SCHEMA pm; CREATE TABLE pm.part_config ({BOTH}, {OF_5})")).await;
    let arguments = ["--database", &database.url_with("user=stranger"), "import", "--from-partman"];
    let said = database.partctl(&arguments, 7);
    contains(&said, &["cannot read pg_partman's settings from pm.part_config", "SELECT on pm.part_config", "42501"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_every_shape_become_policies_that_find_nothing_to_do() {
    let setup = "CREATE SCHEMA shop; SET TimeZone = 'UTC';
        CREATE TABLE shop.orders (id int, tenant int, at timestamptz NOT NULL) PARTITION BY RANGE (at, tenant);
        CREATE TABLE shop.by_day (at timestamp NOT NULL) PARTITION BY RANGE (date_trunc('day', at));
        CREATE TABLE shop.lists (region text) PARTITION BY LIST (lower(region));
        CREATE TABLE shop.lists_eu PARTITION OF shop.lists FOR VALUES IN ('de', 'no', 'null', NULL);
        CREATE TABLE shop.lists_rest PARTITION OF shop.lists DEFAULT;
        CREATE TABLE shop.hashed (a int, b text) PARTITION BY HASH (a, b);
        CREATE TABLE shop.plain (a int);
        CREATE TABLE shop.empty (a date) PARTITION BY RANGE (a);
        DO $$ BEGIN
          FOR n IN 0..3 LOOP
            EXECUTE format('CREATE TABLE shop.hashed_p%s PARTITION OF shop.hashed FOR VALUES WITH (MODULUS 4, REMAINDER %s)', n, n);
          END LOOP;
          FOR n IN -2..4 LOOP
            EXECUTE format('CREATE TABLE shop.orders_%s PARTITION OF shop.orders FOR VALUES FROM (%L, MINVALUE) TO (%L, MINVALUE)',
              to_char(date_trunc('month', now()) + n * interval '1 month', 'YYYYMM'),
              date_trunc('month', now()) + n * interval '1 month', date_trunc('month', now()) + (n + 1) * interval '1 month');
            EXECUTE format('CREATE TABLE shop.by_day_%s PARTITION OF shop.by_day FOR VALUES FROM (%L) TO (%L)',
              to_char(current_date + n, 'YYYY_MM_DD'), current_date + n, current_date + n + 1);
          END LOOP;
          EXECUTE format('CREATE TABLE shop.by_day_wide PARTITION OF shop.by_day FOR VALUES FROM (%L) TO (%L)', current_date - 5, current_date - 2);
        END $$";
    let database = Database::new("", setup).await;
    // What is off its grid is told, and is nothing to do.
    let said = database.partctl(&["import", "--from-database"], 0);
    contains(&said, &["PT106: by_day_wide", "4 policies, 4 with nothing to do; 1 table without one, and why"]);
    let folder = tempfile::tempdir().unwrap();
    let policies = import(&database, folder.path(), &["--from-database"]);
    is_explained(&database, folder.path(), &policies);
    let names: Vec<&str> = policies.keys().map(String::as_str).collect();
    assert_eq!(names, ["shop.by_day", "shop.hashed", "shop.lists", "shop.orders"]);
    contains(&policies["shop.orders"], &["range: [at, tenant]", "every: 1 month", "name: '{table}_{start:%Y%m}'"]);
    contains(&policies["shop.by_day"], &["range: \"(date_trunc('day'::text, at))\"", "every: 1 day"]);
    contains(&policies["shop.lists"], &["list: '(lower(region))'", "'null'", "default: rest"]);
    contains(&policies["shop.hashed"], &["hash: [a, b]", "modulus: 4"]);
    contains(&database.partctl(&["--policies", folder.path().to_str().unwrap(), "plan", "--check"], 0), &["converged"]);
    let said = database.partctl(&["import", "--from-database", "--only", "shop.empty"], 0);
    contains(&said, &["# No policy for shop.empty.", "no partition that shows how wide"]);
    // Files that are there stay.
    let said = database.partctl(&["import", "--from-database", "--to", folder.path().to_str().unwrap()], 7);
    contains(&said, &["there already", "shop.orders.yaml", "`--force` writes over them"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_of_ppm_becomes_policies() {
    let setup = format!(
        "{TABLES} SET TimeZone = 'UTC'; DO $$ BEGIN FOR n IN -3..2 LOOP
           EXECUTE format('CREATE TABLE shop.days_%s PARTITION OF shop.days FOR VALUES FROM (%L) TO (%L)',
             to_char(current_date + n, 'YYYY_MM_DD'), current_date + n, current_date + n + 1);
         END LOOP; END $$"
    );
    let database = Database::new("", &setup).await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("ppm.yaml");
    let text = "lock-timeout: 100\npartitions:\n  days:\n    schema: shop\n    table: days\n    partitionKey: day\n    interval: daily\n    \
                retention: 2\n    preProvisioned: 3\n    cleanupPolicy: detach\n";
    std::fs::write(&config, text).unwrap();
    let to = folder.path().join("policies");
    let policies = import(&database, &to, &["--from-ppm", config.to_str().unwrap()]);
    is_explained(&database, &to, &policies);
    let text = &policies["shop.days"];
    contains(text, &["every: 1 day", "ahead: 3 partitions", "newest: 3", "then: detach", "timeout: 100 ms"]);
    contains(text, &["# - create days_", "# - detach days_"]);
}
