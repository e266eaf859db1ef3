//! An archived partition comes back into its old place, with every row, and stays there until it is released.

use tempfile::TempDir;

use super::super::harness::{Database, contains};
use super::door::Weather;
use super::retiring::{ORDERS, TABLES, let_pass, policy};
use super::store::{BUCKET, Cloud, Store};
use nix::sys::signal::Signal;

/// Both months are in a folder, and gone.
async fn gone(setup: &str, more: &str) -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::new(&policy(&format!("file://{}", folder.path().display()), more), setup).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    let_pass(&database, "8 days").await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(database.value(TABLES).await, "");
    (folder, database)
}

const MONTH: &str =
    "SELECT count(*) || ' ' || sum(id) || ' ' || max(note) FROM shop.orders WHERE at < '2001-02-01 00:00+00'";
const BOUND: &str =
    "SELECT pg_get_expr(relpartbound, 0) FROM pg_class WHERE relname = 'orders_2001_01' AND relispartition";
const CHECKS: &str = "SELECT count(*) FROM pg_constraint WHERE conname LIKE 'partctl%'";

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_comes_back_into_its_place_and_is_kept_until_it_is_released() {
    for format in ["parquet", "csv", "binary"] {
        let (folder, database) = gone(ORDERS, &format!(", format: {format}")).await;
        let list = database.partctl(&["archive", "list"], 0);
        contains(&list, &["shop.orders_2001_01", "2001-01-01 … 2001-02-01", "743", "kept", "2 archives"]);
        let text = database.partctl(&["archive", "restore", "orders_2001_01", "--attach"], 0);
        contains(&text, &["shop.orders_2001_01 holds 743 rows, compared with the archive, made like shop.orders"]);
        contains(&text, &["attach orders_2001_01 done"]);
        assert_eq!(database.value(MONTH).await, "743 276396 order 99");
        assert_eq!(
            database.value(BOUND).await,
            "FOR VALUES FROM ('2001-01-01 00:00:00+00') TO ('2001-02-01 00:00:00+00')"
        );
        assert_eq!(database.value(CHECKS).await, "0");
        let plan = database.partctl(&["plan", "--check"], 0);
        contains(&plan, &["PT193", "orders_2001_01 is over, and kept: it came back from its archive"]);
        contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["nothing to do"]);
        database.partctl(&["status"], 0);
        contains(&database.partctl(&["archive", "restore", "orders_2001_01", "--attach"], 3), &["holds part of"]);
        contains(&database.partctl(&["archive", "release", "shop.orders_2001_01"], 0), &["is released"]);
        database.partctl(&["archive", "release", "shop.orders_2001_01"], 7);
        // It goes as it went, and is archived anew: somebody may have changed it.
        contains(
            &database.partctl(&["apply", "--allow-destroy"], 0),
            &["detach orders_2001_01", "archive orders_2001_01"],
        );
        let_pass(&database, "8 days").await;
        database.partctl(&["apply", "--allow-destroy"], 0);
        assert_eq!(database.value(TABLES).await, "");
        contains(&database.partctl(&["archive", "list"], 0), &["3 archives"]);
        contains(&database.partctl(&["archive", "verify"], 0), &["3 verified"]);
        drop(folder);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_comes_back_beside_default_and_between_tables_that_reference() {
    let setup = format!(
        "{ORDERS}; CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT; CREATE TABLE shop.kinds (id int PRIMARY KEY);
         INSERT INTO shop.kinds SELECT generate_series(0, 2000); ALTER TABLE shop.orders ADD FOREIGN KEY (id) REFERENCES shop.kinds;
         CREATE ROLE keeper; GRANT SELECT ON shop.orders TO keeper"
    );
    let setup = setup.replace(
        "CREATE ROLE keeper",
        "DO $$BEGIN CREATE ROLE keeper; EXCEPTION WHEN duplicate_object THEN NULL; END$$",
    );
    let (_folder, database) = gone(&setup, "").await;
    database.sql("DELETE FROM shop.kinds WHERE id = 7").await;
    let restore = ["archive", "restore", "shop.orders_2001_01", "--attach"];
    contains(&database.partctl(&restore, 3), &["cannot be attached: foreign key", "orders_id_fkey"]);
    // It stays, whole and held, however long it takes.
    let_pass(&database, "80 days").await;
    contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["PT193"]);
    assert_eq!(database.value("SELECT count(*) FROM shop.orders_2001_01").await, "743");
    database.sql("INSERT INTO shop.kinds VALUES (7)").await;
    contains(&database.partctl(&restore, 0), &["holds its rows already", "attach orders_2001_01 done"]);
    assert_eq!(database.value(MONTH).await, "743 276396 order 99");
    let keys = "SELECT string_agg(convalidated::text, ',') FROM pg_constraint WHERE conrelid = 'shop.orders_2001_01'::regclass AND contype = 'f'";
    assert_eq!(database.value(keys).await, "true");
    assert_eq!(database.value("SELECT has_table_privilege('keeper', 'shop.orders_2001_01', 'SELECT')").await, "t");
    database.partctl(&["plan", "--check"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_is_not_missed() {
    let (folder, database) = gone(ORDERS, "").await;
    let from = format!("file://{}", folder.path().display());
    let setup = ORDERS.split("CREATE TABLE shop.orders_2001_01").next().unwrap();
    let other = Database::new(
        &policy(&from, "").replace("shop.orders", "store.\"Orders\""),
        &setup
            .replace("shop.", "store.")
            .replace("SCHEMA shop", "SCHEMA store")
            .replace("store.orders", "store.\"Orders\""),
    )
    .await;
    drop(database);
    let list = other.partctl(&["archive", "list", "--from", &from], 0);
    contains(&list, &["shop.orders_2001_01", "2001-01-01 … 2001-02-01", "shop.orders_2001_02", "2 archives"]);
    let json = other.command(&["archive", "list", "--from", &from, "-o", "json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let url = json["archives"][0]["url"].as_str().unwrap();
    contains(
        &other.partctl(&["archive", "verify", "--from", &from, "--sample", "1", "-o", "markdown"], 0),
        &["verified"],
    );
    contains(
        &other.partctl(&["archive", "restore", url, "--as", "store.\"Plain One\""], 0),
        &["made as it was archived"],
    );
    let text = other.partctl(
        &[
            "archive",
            "restore",
            "orders_2001_01",
            "--from",
            &from,
            "--attach=store.\"Orders\"",
            "--as",
            "store.\"Old\"",
        ],
        0,
    );
    contains(&text, &["attach \"Old\" done"]);
    assert_eq!(other.value("SELECT count(*) FROM store.\"Orders\" WHERE at < '2001-02-01 00:00+00'").await, "743");
    assert_eq!(other.value("SELECT count(*) FROM store.\"Plain One\"").await, "743");
    other.partctl(&["archive", "list", "--from", "file:///nowhere/at/all"], 3);
    other.partctl(&["archive", "restore", "orders_2001_01", "--from", &from, "--attach"], 4);
}

/// As [`ORDERS`], with a month that takes a while to come back.
pub fn large() -> String {
    format!(
        "{ORDERS}; INSERT INTO shop.orders SELECT i, '2001-01-05', i, (SELECT string_agg(md5((i * 31 + j)::text), '') FROM generate_series(1, 32) j) FROM generate_series(1, 40000) i"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_leaves_nothing_that_the_next_one_does_not_take_away() {
    for (signal, what) in [
        (Signal::SIGKILL, &["--attach"][..]),
        (Signal::SIGTERM, &["--attach"]),
        (Signal::SIGKILL, &["--as", "shop.again"]),
    ] {
        let store = Store::start().await;
        let database = Database::new(&policy(&format!("s3://{BUCKET}/cold"), ", compression: none"), &large()).await;
        store.partctl(&database, &["apply", "--allow-destroy"], 0);
        let_pass(&database, "8 days").await;
        store.partctl(&database, &["apply", "--allow-destroy"], 0);
        let arguments = [&["archive", "restore", "orders_2001_01"], what].concat();
        store.set(Weather::Slow(64 << 10));
        let mut run = store.run(&database, &arguments);
        let coming = "SELECT EXISTS (SELECT FROM pg_stat_progress_copy WHERE datname = current_database() AND 0 < bytes_processed)";
        assert!(run.comes_to(database.until(coming, || true)).await);
        run.signal(signal);
        let (code, said) = run.ends().await;
        assert_eq!(code, if signal == Signal::SIGTERM { Some(143) } else { None }, "{said}");
        store.set(Weather::Fine);
        let rows = "SELECT count(*) FROM shop.orders WHERE at < '2001-02-01 00:00+00'";
        assert_eq!(database.value(rows).await, "0");
        let quiet = "SELECT NOT EXISTS (SELECT FROM pg_stat_progress_copy WHERE datname = current_database())";
        database.until(quiet, || true).await;
        store.partctl(&database, &["plan", "--check"], 0);
        contains(&store.partctl(&database, &arguments, 0), &["holds 40743 rows"]);
        let table = if what == ["--attach"] { "shop.orders_2001_01" } else { "shop.again" };
        assert_eq!(database.value(&format!("SELECT count(*) FROM {table}")).await, "40743");
    }
}
