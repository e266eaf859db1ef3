//! Archives end: by somebody who says why, or by the policy's `keep`; what is held stays.

use super::super::harness::{Database, contains};
use super::retiring::{ORDERS, TABLES, files, let_pass, policy};

const DELETED: &str = "SELECT string_agg(table_name || ': ' || deleted_why || ' by ' || deleted_by, ', ' ORDER BY id)
    FROM partctl.archives WHERE deleted_at IS NOT NULL AND removed_at IS NOT NULL";

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_deleted_by_whoever_says_why_and_may() {
    let folder = tempfile::tempdir().unwrap();
    let mut database = Database::new(&policy(&format!("file://{}", folder.path().display()), ""), ORDERS).await;
    let unheld = policy(&format!("file://{}", folder.path().display()), "");
    database.partctl(&["apply", "--allow-destroy"], 0);
    let_pass(&database, "8 days").await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    let delete = ["archive", "delete", "orders_2001_01", "--reason", "erasure 77", "--allow-destroy"];
    database.partctl(&["archive", "delete", "orders_2001_01", "--allow-destroy"], 64);
    database.partctl(&["archive", "delete", "orders_2001_01", "--reason", " ", "--allow-destroy"], 64);
    contains(&database.partctl(&delete[..5], 7), &["nobody allowed it", "--allow-destroy"]);
    for hold in ["{partition: orders_2001_01}", "{from: 2001-01-15, to: 2001-01-16, reason: audit}"] {
        database.set_policy(&format!("{unheld}hold: [{hold}]\n"));
        contains(&database.partctl(&delete, 7), &["shop.orders_2001_01 is held, and its archive with it"]);
    }
    assert_eq!(files(&folder).len(), 4);
    database.set_policy(&unheld);
    contains(&database.partctl(&delete, 0), &["archive 1 of shop.orders_2001_01 is deleted: erasure 77"]);
    assert_eq!(files(&folder).len(), 2);
    assert_eq!(database.value(DELETED).await, "orders_2001_01: erasure 77 by postgres");
    let again = database.partctl(&delete, 64);
    contains(&again, &["was deleted", "by postgres: erasure 77"]);
    contains(&database.partctl(&["archive", "restore", "orders_2001_01", "--attach"], 64), &["erasure 77"]);
    contains(&database.partctl(&["archive", "list"], 0), &["1 archive,"]);
    contains(&database.partctl(&["archive", "list", "--deleted"], 0), &["erasure 77", "1 deleted"]);
    database.partctl(&["plan", "--check"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_below_the_first_level_keeps_its_archive() {
    let folder = tempfile::tempdir().unwrap();
    let unheld = format!(
        "version: 1\ntable: shop.orders\npartition:\n  list: region\n  values: {{eu: [eu]}}
  subpartition: {{range: at, every: 1 month, timezone: UTC, retain: {{for: 2 years, then: archive, grace: 0 days}}}}
archive: {{to: 'file://{}'}}\n",
        folder.path().display()
    );
    let setup = "CREATE SCHEMA shop; CREATE TABLE shop.orders (region text, at timestamptz NOT NULL) PARTITION BY LIST (region);
        CREATE TABLE shop.eu PARTITION OF shop.orders FOR VALUES IN ('eu') PARTITION BY RANGE (at);
        CREATE TABLE shop.old PARTITION OF shop.eu FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
        CREATE TABLE shop.rest PARTITION OF shop.eu FOR VALUES FROM ('2001-02-01 00:00+00') TO (MAXVALUE);
        INSERT INTO shop.orders VALUES ('eu', '2001-01-15'), ('eu', '2020-01-01'); ANALYZE shop.orders";
    let mut database = Database::new(&unheld, setup).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(database.value("SELECT to_regclass('shop.old') IS NULL").await, "t");
    let delete = ["archive", "delete", "old", "--reason", "erasure 77", "--allow-destroy"];
    let holds = ["{partition: old}", "{from: 2001-01-15, to: 2001-01-16, reason: audit}"];
    for branch_is in ["there", "gone"] {
        for hold in holds {
            database.set_policy(&format!("{unheld}hold: [{hold}]\n"));
            contains(&database.partctl(&delete, 7), &["shop.old is held, and its archive with it"]);
        }
        // Nothing is known of what it was below any more.
        if branch_is == "there" {
            database.sql("DROP TABLE shop.eu").await;
        }
    }
    database.set_policy(&format!("{unheld}hold: [{{from: 2003-01-15, to: 2003-01-16, reason: audit}}]\n"));
    database.sql("CREATE TABLE shop.eu PARTITION OF shop.orders FOR VALUES IN ('eu') PARTITION BY RANGE (at)").await;
    contains(&database.partctl(&delete, 0), &["archive 1 of shop.old is deleted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_whose_table_waits_to_be_dropped_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::new(&policy(&format!("file://{}", folder.path().display()), ""), ORDERS).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    let_pass(&database, "8 days").await;
    database.partctl(&["archive", "delete", "1", "--reason", "damaged", "--allow-destroy"], 0);
    contains(
        &database.partctl(&["apply", "--allow-destroy"], 0),
        &["archive orders_2001_01 done", "drop orders_2001_02 done"],
    );
    assert_eq!(database.value(TABLES).await, "orders_2001_01");
    let_pass(&database, "8 days").await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(database.value(TABLES).await, "");
    contains(&database.partctl(&["archive", "verify"], 0), &["2 verified"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_end_as_partitions_do() {
    let folder = tempfile::tempdir().unwrap();
    let to = format!("file://{}", folder.path().display());
    let mut database = Database::new(&policy(&to, ", keep: 1 day"), ORDERS).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    // However short it is kept, it is there for as long as its table is.
    let_pass(&database, "3 days").await;
    database.partctl(&["plan", "--check"], 0);
    database.set_policy(&policy(&to, ", keep: 7 years"));
    let_pass(&database, "5 days").await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(files(&folder).len(), 4);
    let held = format!("{}hold: [{{partition: orders_2001_02, reason: audit}}]\n", policy(&to, ", keep: 1 day"));
    database.set_policy(&held);
    contains(&database.partctl(&["simulate"], 0), &["1 archive deleted, as `archive.keep` says."]);
    let plan = database.partctl(&["plan"], 0);
    contains(
        &plan,
        &[
            "- delete archive",
            "orders_2001_01",
            "kept for 1 day",
            "PT194",
            "the archive of orders_2001_02 is over, and held",
        ],
    );
    contains(&database.partctl(&["plan", "-o", "sql"], 0), &["-- delete file://"]);
    contains(&database.partctl(&["apply"], 7), &["withheld"]);
    assert_eq!(files(&folder).len(), 4);
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["delete archive orders_2001_01 done"]);
    assert_eq!(files(&folder).len(), 2);
    contains(&database.value(DELETED).await, &["orders_2001_01: archived 20", "kept for 1 day by postgres"]);
    database.partctl(&["plan", "--check"], 0);
    // A run that was killed after it had told the ledger: the next one goes on.
    database.set_policy(&policy(&to, ""));
    database.sql("UPDATE partctl.archives SET deleted_at = now(), deleted_by = 'dpo', deleted_why = 'erasure 78' WHERE table_name = 'orders_2001_02'").await;
    contains(&database.partctl(&["archive", "list"], 0), &["being deleted since", "erasure 78"]);
    contains(&database.partctl(&["plan"], 0), &["its deletion was interrupted"]);
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(files(&folder).len(), 0);
    contains(&database.value(DELETED).await, &["orders_2001_02: erasure 78 by dpo"]);
    contains(&database.partctl(&["history"], 0), &["done"]);
}
