//! `then: archive` by the command line: what is over leaves its table, then the database, and nothing is lost.

use std::process::Command;

use tempfile::TempDir;

use super::super::harness::{Database, command, contains, said};

/// Two months of long ago, and one that holds today.
pub const ORDERS: &str = "CREATE SCHEMA shop;
    CREATE TABLE shop.orders (id int, at timestamptz NOT NULL, amount numeric(12,2), note text) PARTITION BY RANGE (at);
    CREATE TABLE shop.orders_2001_01 PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
    CREATE TABLE shop.orders_2001_02 PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01 00:00+00') TO ('2001-03-01 00:00+00');
    CREATE TABLE shop.orders_rest PARTITION OF shop.orders FOR VALUES FROM ('2001-03-01 00:00+00') TO (MAXVALUE);
    INSERT INTO shop.orders SELECT i, '2001-01-01'::timestamptz + i * interval '1 hour', i, 'order ' || i FROM generate_series(1, 1400) i;
    INSERT INTO shop.orders VALUES (1, '2020-01-01'); ANALYZE shop.orders";

pub const TABLES: &str = "SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), '') FROM pg_class
    WHERE relkind = 'r' AND relname LIKE 'orders_2001%'";

/// A policy that archives there.
pub fn policy(to: &str, more: &str) -> String {
    format!(
        "version: 1\ntable: shop.orders\npartition: {{range: at, every: 1 month, timezone: UTC}}\n\
         retain: {{for: 2 years, then: archive, grace: 7 days}}\narchive: {{to: \"{to}\"{more}}}\n"
    )
}

/// Lets time pass for all that waits.
pub async fn let_pass(database: &Database, time: &str) {
    let sql = format!(
        "UPDATE partctl.detached_tables SET detached_at = detached_at - interval '{time}';
         UPDATE partctl.archives SET begun_at = begun_at - interval '{time}', verified_at = verified_at - interval '{time}'"
    );
    database.sql(&sql).await;
}

async fn in_a_folder(more: &str) -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::new(&policy(&format!("file://{}", folder.path().display()), more), ORDERS).await;
    (folder, database)
}

/// Every file below a folder, by its path within it.
pub fn files(folder: &TempDir) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.path().to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_is_archived_and_dropped_after_its_grace() {
    let (folder, database) = in_a_folder("").await;
    let plan = database.partctl(&["plan"], 0);
    contains(&plan, &["~ detach", "= archive", "Parquet", "2 to detach, 2 to archive"]);
    contains(&database.partctl(&["apply"], 7), &["withheld"]);
    assert_eq!(files(&folder), Vec::<String>::new());
    let text = database.partctl(&["apply", "--allow-destroy"], 0);
    contains(&text, &["4 steps done", "archive orders_2001_01 done in", "743 rows,", "verified"]);
    let kept = files(&folder);
    assert_eq!(kept.len(), 4, "{kept:?}");
    assert!(kept.iter().all(|file| file.starts_with("shop.orders/orders_2001_0")), "{kept:?}");
    for _ in 0..2 {
        contains(&database.partctl(&["plan", "--check"], 0), &["Nothing to do"]);
        contains(&database.partctl(&["status"], 0), &["dropped in"]);
        assert_eq!(database.value(TABLES).await, "orders_2001_01 orders_2001_02");
        let_pass(&database, "3 days 11 hours").await;
    }
    let_pass(&database, "1 day").await;
    contains(&database.partctl(&["plan"], 0), &["- drop", "archived ", "grace over"]);
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["2 steps done"]);
    assert_eq!(database.value(TABLES).await, "");
    assert_eq!(files(&folder), kept);
    let rows = "SELECT sum(rows) FROM partctl.archives WHERE verified_at IS NOT NULL AND discarded_at IS NULL";
    assert_eq!(database.value(rows).await, "1400");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_plan_estimates_by_what_the_last_archives_took() {
    let (_folder, database) = in_a_folder("").await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    database.sql("UPDATE partctl.archives SET milliseconds = 30000").await;
    database.sql("CREATE TABLE shop.orders_2000_12 PARTITION OF shop.orders FOR VALUES FROM ('2000-12-01 00:00+00') TO ('2001-01-01 00:00+00');
        INSERT INTO shop.orders SELECT 1, '2000-12-05' FROM generate_series(1, 1400 * 3); ANALYZE shop.orders_2000_12").await;
    contains(&database.partctl(&["plan"], 0), &["about 3 min", "4,200"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_written_to_since_is_archived_again() {
    let (folder, database) = in_a_folder(", format: csv").await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    for write in [
        "INSERT INTO shop.orders_2001_01 VALUES (9999, '2001-01-05')",
        "UPDATE shop.orders_2001_01 SET note = 'changed' WHERE id = 7",
        "DELETE FROM shop.orders_2001_01 WHERE id = 8",
        "TRUNCATE shop.orders_2001_01",
    ] {
        let_pass(&database, "8 days").await;
        database.sql(write).await;
        // The drop itself would not believe a plan either.
        let (_, plan) = database.plan().await;
        assert!(plan.steps().any(|(_, step)| step.kind().as_str() == "archive"), "{write}");
        contains(&database.partctl(&["plan"], 0), &["PT191", "was written to since it was archived"]);
        database.sql("UPDATE partctl.detached_tables SET ended_at = now() WHERE table_name = 'orders_2001_02'").await;
        contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["1 step done"]);
        contains(&database.partctl(&["plan", "--check"], 0), &["Nothing to do"]);
    }
    assert_eq!(files(&folder).len(), 2 * 6, "each archive stays where it is");
    let_pass(&database, "8 days").await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(database.value(TABLES).await, "orders_2001_02");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_comes_after_the_last_look_keeps_the_table() {
    let (_folder, database) = in_a_folder("").await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    let_pass(&database, "8 days").await;
    let (_, plan) = database.plan().await;
    let drops: Vec<_> = plan.steps().map(|(_, step)| step.clone()).collect();
    assert_eq!(drops.len(), 2);
    database.sql("INSERT INTO shop.orders_2001_01 VALUES (9999, '2001-01-05')").await;
    for (drop, dropped) in drops.iter().zip([false, true]) {
        let sql = format!("BEGIN; {}; COMMIT", drop.actions()[0].statements().join("; "));
        let result = database.session.client().batch_execute(&sql).await;
        assert_eq!(result.is_ok(), dropped, "{result:?}");
        if let Err(error) = result {
            assert_eq!(error.code().map(|code| code.code()), Some("55000"), "{error:?}");
            database.sql("ROLLBACK").await;
        }
    }
    assert_eq!(database.value(TABLES).await, "orders_2001_01");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_to_keeps_the_tables_and_the_next_run_goes_on() {
    let (folder, database) = in_a_folder("").await;
    std::fs::write(folder.path().join("shop.orders"), "in the way").unwrap();
    let text = database.partctl(&["apply", "--allow-destroy"], 3);
    contains(&text, &["archive orders_2001_01 failed", "doing      archive shop.orders_2001_01 to file://"]);
    assert_eq!(database.value(TABLES).await, "orders_2001_01 orders_2001_02");
    contains(&database.partctl(&["status"], 0), &["not archived yet"]);
    let_pass(&database, "30 days").await;
    contains(&database.partctl(&["apply", "--allow-destroy"], 3), &["archive orders_2001_02 failed"]);
    std::fs::remove_file(folder.path().join("shop.orders")).unwrap();
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(files(&folder).len(), 4);
    assert_eq!(database.value("SELECT count(*) FROM partctl.archives WHERE verified_at IS NOT NULL").await, "2");
    let open = "SELECT count(*) FROM partctl.archives WHERE verified_at IS NULL AND discarded_at IS NULL";
    assert_eq!(database.value(open).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_read_keeps_no_other_from_being_archived() {
    let (_folder, database) = in_a_folder("").await;
    database.partctl(&["init"], 0);
    database
        .sql("ALTER SCHEMA shop OWNER TO creator; ALTER TABLE shop.orders OWNER TO creator;
            ALTER TABLE shop.orders_2001_01 OWNER TO creator; ALTER TABLE shop.orders_2001_02 OWNER TO creator;
            ALTER TABLE shop.orders_rest OWNER TO creator;
            ALTER TABLE shop.orders_2001_01 ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
            GRANT USAGE ON SCHEMA partctl TO creator; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA partctl TO creator")
        .await;
    let creator = database.url_with("user=creator");
    let output = command(&database.policies(), &creator, &["apply", "--allow-destroy"]).output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    contains(
        &text,
        &["archive orders_2001_02 done", "archive orders_2001_01 failed: reading shop.orders_2001_01: query"],
    );
    assert_eq!(text.matches("query would be affected").count(), 1, "{text}");
}

/// A disk that is full, without one: files of the run's end at so many blocks of 512 bytes, and writing on fails (EFBIG).
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_keeps_the_tables_and_the_next_run_leaves_nothing_of_that() {
    let folder = tempfile::tempdir().unwrap();
    for (format, blocks) in [("parquet", 8), ("csv", 8), ("parquet", 0)] {
        let to = format!("file://{}", folder.path().display());
        let database = Database::new(&policy(&to, &format!(", format: {format}, compression: none")), ORDERS).await;
        let partctl = database.command(&["apply", "--allow-destroy"]);
        let mut small = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        small.args(["-c", &script, "sh"]).arg(partctl.get_program()).args(partctl.get_args());
        small.envs(partctl.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = small.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        contains(&said, &["archive orders_2001_01 failed", "File too large"]);
        assert_eq!(files(&folder), Vec::<String>::new(), "{said}");
        assert_eq!(database.value(TABLES).await, "orders_2001_01 orders_2001_02");
        let_pass(&database, "30 days").await;
        database.partctl(&["apply", "--allow-destroy"], 0);
        assert_eq!(files(&folder).len(), 4);
        assert_eq!(database.value(TABLES).await, "orders_2001_01 orders_2001_02");
        std::fs::remove_dir_all(folder.path().join("shop.orders")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_partitioned_itself_is_archived_as_one_and_looked_at_again() {
    let folder = tempfile::tempdir().unwrap();
    let tree = "CREATE SCHEMA shop;
        CREATE TABLE shop.orders (id int, at timestamptz NOT NULL, note text) PARTITION BY RANGE (at);
        CREATE TABLE shop.orders_2001_01 PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00') PARTITION BY HASH (id);
        CREATE TABLE shop.orders_2001_01_h0 PARTITION OF shop.orders_2001_01 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE shop.orders_2001_01_h1 PARTITION OF shop.orders_2001_01 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        CREATE TABLE shop.orders_rest PARTITION OF shop.orders FOR VALUES FROM ('2001-03-01 00:00+00') TO (MAXVALUE) PARTITION BY HASH (id);
        CREATE TABLE shop.orders_rest_h0 PARTITION OF shop.orders_rest FOR VALUES WITH (MODULUS 1, REMAINDER 0);
        INSERT INTO shop.orders SELECT i, '2001-01-01'::timestamptz + i * interval '1 minute', 'order ' || i FROM generate_series(1, 2000) i;
        INSERT INTO shop.orders VALUES (1, '2020-01-01'); ANALYZE shop.orders";
    let policy = format!(
        "version: 1\ntable: shop.orders\npartition: {{range: at, every: 1 month, timezone: UTC, subpartition: {{hash: id, modulus: 2}}}}\n\
         retain: {{for: 2 years, then: archive, grace: 7 days}}\narchive: {{to: \"file://{}\", connections: 3}}\n",
        folder.path().display()
    );
    let database = Database::new(&policy, tree).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    let manifests = || files(&folder).iter().filter(|file| file.ends_with("manifest.json")).count();
    assert_eq!(manifests(), 1);
    assert_eq!(database.value("SELECT sum(rows) FROM partctl.archives WHERE verified_at IS NOT NULL").await, "2000");
    let_pass(&database, "8 days").await;
    database
        .sql("DELETE FROM shop.orders_2001_01_h1 WHERE id IN (SELECT id FROM shop.orders_2001_01_h1 LIMIT 1)")
        .await;
    contains(&database.partctl(&["plan"], 0), &["PT191"]);
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(manifests(), 2, "archived again");
    let_pass(&database, "8 days").await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(database.value("SELECT count(*) FROM pg_class WHERE relname LIKE 'orders_2001%'").await, "0");
    contains(&database.partctl(&["plan", "--check"], 0), &["Nothing to do"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_unless_keeps_is_archived_and_stays() {
    let (folder, mut database) = in_a_folder("").await;
    let policy = policy(&format!("file://{}", folder.path().display()), "")
        .replace("grace: 7 days", "grace: 7 days, unless: \"exists (select from {partition} where note = 'open')\"");
    database.set_policy(&policy);
    database.partctl(&["apply", "--allow-destroy"], 0);
    let_pass(&database, "8 days").await;
    // The rows are the archive's, and the condition is asked all the same.
    database.set_policy(&policy.replace("note = 'open'", "note = 'order 7'"));
    let text = database.partctl(&["apply", "--allow-destroy"], 0);
    contains(&text, &["orders_2001_01 is over, and kept: `unless` holds for it", "1 step done"]);
    assert_eq!(database.value(TABLES).await, "orders_2001_01");
}
