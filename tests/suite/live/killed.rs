//! Killed without a chance to clear up, while somebody writes: the next run converges, and every row that was
//! acknowledged is there exactly once.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::harness::{Database, session};

/// Days that are over with a row each, and the days around now; `id` tells rows apart.
const SETUP: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    DO $$DECLARE today timestamptz := date_trunc('day', now()); BEGIN FOR d IN -30..0 LOOP
        EXECUTE format('CREATE TABLE shop.%I PARTITION OF shop.orders FOR VALUES FROM (%L) TO (%L)', 'day' || -d,
            today + d * interval '1 day', today + (d + 1) * interval '1 day');
    END LOOP; END$$;
    INSERT INTO shop.orders SELECT d, date_trunc('day', now()) - d * interval '1 day' FROM generate_series(0, 30) d;
    ANALYZE shop.orders";

const DETACH: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 day, timezone: UTC}
create: {ahead: 30 partitions}\nretain: {for: 10 days, then: detach, per_run: 50}\n";

/// How many days ago a row's day is.
fn day(id: i32) -> i32 {
    id % 31
}

/// No test may go on for longer.
const LIMIT: Duration = Duration::from_secs(60);

/// A transaction per row, open for some milliseconds, so that detaches have somebody to wait for; until told to stop,
/// or the limit. Returns the rows that the server has acknowledged.
fn write_rows(url: String, stop: Arc<AtomicBool>) -> JoinHandle<BTreeSet<i32>> {
    tokio::spawn(async move {
        let writer = session(&url).await;
        let mut acknowledged = BTreeSet::new();
        let began = Instant::now();
        for id in 100.. {
            if stop.load(Ordering::Relaxed) || LIMIT < began.elapsed() {
                break;
            }
            // Also rows of days that are over, as long as they have a place.
            let sql = format!(
                "BEGIN; INSERT INTO shop.orders VALUES ({id}, date_trunc('day', now()) - interval '{} days'); \
                 SELECT pg_sleep(0.004); COMMIT",
                day(id)
            );
            match writer.client().batch_execute(&sql).await {
                Ok(()) => drop(acknowledged.insert(id)),
                Err(_) => writer.client().batch_execute("ROLLBACK").await.unwrap(),
            }
        }
        acknowledged
    })
}

fn start(database: &Database) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_partctl"));
    command.env_clear().env("PARTCTL_DATABASE", database.url()).arg("--policies").arg(database.policies());
    command.args(["apply", "--allow-destroy"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Kills a run as soon as the query says true.
async fn kill_when(database: &Database, moment: &str) {
    let mut run = start(database);
    let began = Instant::now();
    while database.value(moment).await != "t" {
        assert!(run.try_wait().unwrap().is_none() && began.elapsed() < LIMIT, "`{moment}` never came");
    }
    // SIGKILL; an error says that the run has just ended by itself.
    run.kill().unwrap();
    run.wait().unwrap();
}

/// The killed run's statement ends on the server all the same, and its lock goes with it.
async fn wait_for_orphans(database: &Database) {
    let orphans = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'partctl' AND datname = current_database() AND pid <> {}",
        database.session.backend_pid()
    );
    let began = Instant::now();
    while database.value(&orphans).await != "0" {
        assert!(began.elapsed() < LIMIT, "the killed run's sessions never end");
    }
}

/// Rows in all tables, attached or detached.
const ROWS: &str = "SELECT unnest(xpath('//id/text()', query_to_xml(
    format('SELECT id FROM %I.%I', n.nspname, c.relname), true, false, '')))::text::int
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'shop' AND c.relkind = 'r'";

/// What is killed.
#[derive(Clone, Copy, PartialEq)]
enum Killed {
    /// partctl: the server ends the statement that it was sent.
    Client,
    /// Its backends as well, in the middle of their statements.
    Both,
}

/// Kills a run at that moment, lets the next one converge, and counts the rows whose days are younger than `kept`.
async fn survive(policy: &str, moment: &str, killed: Killed, kept: i32) {
    let database = Database::new(policy, SETUP).await;
    if moment.contains("partctl.") {
        database.partctl(&["init"], 0);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writer = write_rows(database.url_with("application_name=writer"), Arc::clone(&stop));
    kill_when(&database, moment).await;
    if killed == Killed::Both {
        let backends = "FROM pg_stat_activity WHERE application_name = 'partctl' AND datname = current_database()";
        let others = format!("{backends} AND pid <> pg_backend_pid()");
        database.sql(&format!("SELECT pg_terminate_backend(pid) {others}")).await;
    }
    wait_for_orphans(&database).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    database.partctl(&["plan", "--check"], 0);
    stop.store(true, Ordering::Relaxed);
    let mut expected = writer.await.unwrap();
    assert!(!expected.is_empty(), "nobody wrote anything");
    expected.extend(0..=30);
    expected.retain(|id| day(*id) < kept);
    let rows = database.column(ROWS).await;
    let rows: Vec<i32> = rows.iter().map(|id| id.parse().unwrap()).filter(|id| day(*id) < kept).collect();
    let found: BTreeSet<i32> = rows.iter().copied().collect();
    assert_eq!(found.len(), rows.len(), "{moment}: rows are doubled");
    assert_eq!(found, expected, "{moment}");
    let wanted =
        "SELECT count(*) FROM pg_inherits i WHERE inhparent = 'shop.orders'::regclass AND NOT inhdetachpending";
    assert_eq!(database.value(wanted).await, "41", "{moment}: ten days before now, now, and thirty ahead");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_creates_the_next_run_converges_and_no_row_is_lost() {
    for moment in [
        "SELECT count(*) = 1 FROM pg_namespace WHERE nspname = 'partctl'",
        "SELECT 31 < count(*) FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass",
        "SELECT 17 <= count(*) FROM partctl.steps",
    ] {
        survive(DETACH, moment, Killed::Client, i32::MAX).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_detaches_the_next_run_converges_and_no_row_is_lost() {
    let pending = "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending) AND EXISTS (SELECT FROM partctl.detached_tables)";
    survive(DETACH, pending, Killed::Both, i32::MAX).await;
    for moment in [
        "SELECT 1 <= count(*) FROM partctl.detached_tables",
        pending,
        "SELECT EXISTS (SELECT FROM partctl.detached_tables JOIN pg_class c ON c.oid = relation WHERE NOT relispartition AND detached_at IS NULL)",
        "SELECT 9 <= count(*) FROM partctl.detached_tables WHERE detached_at IS NOT NULL",
    ] {
        survive(DETACH, moment, Killed::Client, i32::MAX).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_drops_the_next_run_converges_and_only_what_is_over_is_gone() {
    let policy = DETACH.replace("then: detach", "then: drop, grace: 0 days");
    for moment in [
        "SELECT 1 <= count(*) FROM partctl.detached_tables WHERE dropped_at IS NOT NULL",
        "SELECT 5 <= count(*) FROM partctl.detached_tables WHERE detached_at IS NOT NULL",
    ] {
        survive(&policy, moment, Killed::Client, 10).await;
    }
}
