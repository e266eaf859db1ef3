//! Killed without a chance to clear up, while somebody writes: the next run converges, and every row that was
//! acknowledged is there exactly once.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;

use super::harness::{Database, session};

/// Days that are over with a row each, and the days up to now; a row's `id` tells its day.
const SETUP: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    DO $$DECLARE today timestamptz := date_trunc('day', now()); BEGIN FOR d IN -30..0 LOOP
        EXECUTE format('CREATE TABLE shop.%I PARTITION OF shop.orders FOR VALUES FROM (%L) TO (%L)', 'day' || -d,
            today + d * interval '1 day', today + (d + 1) * interval '1 day');
    END LOOP; END$$;
    INSERT INTO shop.orders SELECT d, date_trunc('day', now()) - d * interval '1 day' FROM generate_series(0, 30) d;
    ANALYZE shop.orders";

/// Transactions of less than a minute count as young: detaches wait for them in the middle, not beforehand.
const DETACH: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 day, timezone: UTC}
create: {ahead: 30 partitions}\nretain: {for: 10 days, then: detach, per_run: 50}
locks: {timeout: 1 minute, retry_for: 1 minute}\n";

const DROP: &str = "then: drop, grace: 0 days";

/// Rows that a writer adds, at most.
const ROWS: i32 = 10_000;

/// How many days ago a row's day is.
fn day(id: i32) -> i32 {
    id % 31
}

/// What keeps a run at the moment at which it is killed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum KeptBy {
    /// Nothing: the moment does not pass.
    Itself,
    /// A transaction that has read the table, so that the first detach is pending.
    Reader,
    /// A ledger that is slow to learn of the first detach.
    Ledger,
}

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Killed {
    /// partctl: the server ends the statement that it was sent.
    Client,
    /// Its backends as well, in the middle of their statements.
    Both,
}

/// A transaction per row, open for some milliseconds, so that detaches have somebody to wait for; until told to stop.
/// Returns the rows that the server has acknowledged.
fn write_rows(url: String, stop: Arc<AtomicBool>) -> JoinHandle<BTreeSet<i32>> {
    tokio::spawn(async move {
        let writer = session(&url).await;
        let mut acknowledged = BTreeSet::new();
        for id in (100..100 + ROWS).take_while(|_| !stop.load(Ordering::Relaxed)) {
            let sql = format!(
                "BEGIN; INSERT INTO shop.orders VALUES ({id}, date_trunc('day', now()) - interval '{} days'); \
                 SELECT pg_sleep(0.004); COMMIT",
                day(id)
            );
            match writer.client().batch_execute(&sql).await {
                Ok(()) => drop(acknowledged.insert(id)),
                // Its day has no place any more.
                Err(_) => writer.client().batch_execute("ROLLBACK").await.unwrap(),
            }
        }
        acknowledged
    })
}

/// Kills a run as soon as the query says true, or right after it has ended.
async fn kill_when(database: &Database, moment: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_partctl"));
    command.env_clear().env("PARTCTL_DATABASE", database.url()).arg("--policies").arg(database.policies());
    command.args(["apply", "--allow-destroy"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = command.spawn().unwrap();
    database.until(moment, || run.try_wait().unwrap().is_none()).await;
    // SIGKILL.
    run.kill().unwrap();
    run.wait().unwrap();
}

const OTHERS: &str = "FROM pg_stat_activity WHERE application_name = 'partctl' AND datname = current_database() AND pid <> pg_backend_pid()";

/// Rows in all tables, attached or detached.
const FOUND: &str = "SELECT unnest(xpath('//id/text()', query_to_xml(
    format('SELECT id FROM %I.%I', n.nspname, c.relname), true, false, '')))::text::int
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'shop' AND c.relkind = 'r'";

/// Kills a run at that moment, lets the next one converge, and counts the rows.
async fn survive(policy: &str, moment: &str, kept_by: KeptBy, killed: Killed) {
    let database = Database::new(policy, SETUP).await;
    if moment.contains("partctl.") {
        database.partctl(&["init"], 0);
    }
    if kept_by == KeptBy::Ledger {
        database
            .sql("CREATE FUNCTION partctl.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN new; END';
                CREATE TRIGGER slow BEFORE UPDATE ON partctl.detached_tables FOR EACH ROW EXECUTE FUNCTION partctl.slow()")
            .await;
    }
    let reader = session(&database.url_with("application_name=reader")).await;
    if kept_by == KeptBy::Reader {
        reader.client().batch_execute("BEGIN; SELECT FROM shop.orders").await.unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writer = write_rows(database.url_with("application_name=writer"), Arc::clone(&stop));
    kill_when(&database, moment).await;
    if killed == Killed::Both {
        database.sql(&format!("SELECT pg_terminate_backend(pid) {OTHERS}")).await;
    }
    reader.client().batch_execute("ROLLBACK").await.unwrap();
    // The statement that a killed run had sent ends on the server all the same, and the run's lock goes with it.
    database.until(&format!("SELECT count(*) = 0 {OTHERS}"), || true).await;
    database.sql("DROP FUNCTION IF EXISTS partctl.slow CASCADE").await;

    database.partctl(&["apply", "--allow-destroy"], 0);
    database.partctl(&["plan", "--check"], 0);
    stop.store(true, Ordering::Relaxed);
    let acknowledged = writer.await.unwrap();
    assert!(!acknowledged.is_empty(), "nobody wrote anything");
    // What is over may be gone where the policy says so.
    let stays = |id: &i32| !policy.contains(DROP) || day(*id) <= 10;
    let expected: BTreeSet<i32> = acknowledged.into_iter().chain(0..=30).filter(stays).collect();
    let found: Vec<i32> = database.column(FOUND).await.iter().map(|id| id.parse().unwrap()).filter(stays).collect();
    assert_eq!(found.len(), expected.len(), "{moment}, {kept_by:?}, {killed:?}");
    assert_eq!(found.into_iter().collect::<BTreeSet<i32>>(), expected, "{moment}, {kept_by:?}, {killed:?}");
    let attached =
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass AND NOT inhdetachpending";
    assert_eq!(database.value(attached).await, "41", "ten days before now, now, and thirty ahead");
    let tables = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'shop' AND c.relkind = 'r'";
    assert_eq!(database.value(tables).await, if policy.contains(DROP) { "41" } else { "61" });
}

const PENDING: &str =
    "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending) AND EXISTS (SELECT FROM partctl.detached_tables)";
const UNRECORDED: &str = "SELECT EXISTS (SELECT FROM partctl.detached_tables JOIN pg_class c ON c.oid = relation
    WHERE NOT relispartition AND detached_at IS NULL)";

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_creates_the_next_run_converges_and_no_row_is_lost() {
    for moment in [
        "SELECT count(*) = 1 FROM pg_namespace WHERE nspname = 'partctl'",
        "SELECT 31 < count(*) FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass",
        "SELECT 17 <= count(*) FROM partctl.steps",
    ] {
        survive(DETACH, moment, KeptBy::Itself, Killed::Client).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_detaches_the_next_run_converges_and_no_row_is_lost() {
    for (moment, kept_by, killed) in [
        ("SELECT 1 <= count(*) FROM partctl.detached_tables", KeptBy::Itself, Killed::Client),
        (PENDING, KeptBy::Reader, Killed::Client),
        (PENDING, KeptBy::Reader, Killed::Both),
        (UNRECORDED, KeptBy::Ledger, Killed::Both),
        (
            "SELECT 9 <= count(*) FROM partctl.detached_tables WHERE detached_at IS NOT NULL",
            KeptBy::Itself,
            Killed::Client,
        ),
    ] {
        survive(DETACH, moment, kept_by, killed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_drops_the_next_run_converges_and_only_what_is_over_is_gone() {
    let policy = DETACH.replace("then: detach", DROP);
    for (moment, kept_by, killed) in [
        (PENDING, KeptBy::Reader, Killed::Both),
        (UNRECORDED, KeptBy::Ledger, Killed::Both),
        (
            "SELECT 1 <= count(*) FROM partctl.detached_tables WHERE ended_at IS NOT NULL",
            KeptBy::Itself,
            Killed::Client,
        ),
        (
            "SELECT 5 <= count(*) FROM partctl.detached_tables WHERE detached_at IS NOT NULL",
            KeptBy::Itself,
            Killed::Both,
        ),
    ] {
        survive(&policy, moment, kept_by, killed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_waits_its_session_ends_soon_and_the_next_run_may_begin() {
    let database = Database::new(DETACH, SETUP).await;
    database.partctl(&["init"], 0);
    let reader = session(&database.url_with("application_name=reader")).await;
    reader.client().batch_execute("BEGIN; SELECT FROM shop.orders").await.unwrap();
    kill_when(&database, PENDING).await;
    let started = std::time::Instant::now();
    // The reader stays, so only the server's own look at the connection can end the detach that waits for it.
    database.until(&format!("SELECT count(*) = 0 {OTHERS}"), || true).await;
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
    reader.client().batch_execute("ROLLBACK").await.unwrap();
    database.partctl(&["apply", "--allow-destroy"], 0);
}
