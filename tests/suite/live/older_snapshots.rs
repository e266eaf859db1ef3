//! Transactions that keep the snapshot of their first statement. Partitions are not versioned and rows are: one that is
//! older than the commit that puts rows into their new place finds the new partition, and not what it holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use partctl::db::connect::Session;
use partctl::db::throwaway::{ServerOptions, ThrowawayServer};
use tokio::task::JoinHandle;

use super::crowd::{IN_DEFAULT, STONES, month, with_so_many_stones, with_so_many_stones_on};
use super::harness::{Database, Run, contains, session};

/// So many rows of each month that writers would wait for 2.5 s if they were moved at once.
const MANY: i64 = 50_000;
/// So many of them go to the month after the next one.
const FEW: i64 = 1_000;
const ISOLATION: [&str; 3] = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"];

/// Every ALTER TABLE of a session that has locked the table exclusively takes until the test gives up a lock of its own.
const HOLD: &str = "CREATE FUNCTION public.hold() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
        WHILE EXISTS (SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'shop.orders'::regclass AND mode = 'AccessExclusiveLock')
          AND EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 4242 AND pid <> pg_backend_pid()
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
        LOOP PERFORM pg_sleep(0.01); END LOOP; END$$;
    CREATE EVENT TRIGGER hold ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION public.hold();
    SELECT pg_advisory_lock(4242);";
const LET_GO: &str = "SELECT pg_advisory_unlock(4242)";

/// Whether so many sessions have, or wait for, a lock in this mode on this table.
fn locked(how_many: usize, mode: &str, table: &str, granted: bool) -> String {
    format!(
        "SELECT {how_many} = count(*) FROM pg_locks WHERE relation = 'shop.{table}'::regclass AND mode = '{mode}' AND granted = {granted}
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
}

fn policy(move_rows: &str, retry_for: &str) -> String {
    format!(
        "version: 1\ntable: shop.orders\npartition: {{range: at, every: 1 month, timezone: UTC}}
create: {{ahead: 3 partitions, move_rows: {move_rows}, writers_wait: 1 minute}}
locks: {{timeout: 20 s, retry_for: {retry_for}}}\n"
    )
}

/// What lies in this month and the next two.
fn count(ahead: usize) -> String {
    format!("SELECT count(*) FROM shop.orders WHERE at >= {} AND at < {}", month(ahead as i64), month(ahead as i64 + 1))
}

async fn counts(session: &Session) -> Vec<i64> {
    let mut found = Vec::new();
    for sql in [count(0), count(1), count(2), "SELECT count(*) FROM shop.orders".to_owned()] {
        let rows = session.client().query_typed(&sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        found.push(rows[0].get(0));
    }
    found
}

/// Begins a transaction and counts in it; the first statement may have to wait.
fn counting(session: Session, isolation: &'static str) -> JoinHandle<Vec<i64>> {
    tokio::spawn(async move {
        session.client().batch_execute(&format!("BEGIN ISOLATION LEVEL {isolation}")).await.unwrap();
        let found = counts(&session).await;
        session.client().batch_execute("COMMIT").await.unwrap();
        found
    })
}

/// Rows go from the next month to the one after.
async fn change(database: &Database) -> Session {
    let writer = session(&database.url()).await;
    let change = format!(
        "BEGIN; UPDATE shop.orders SET at = at + interval '1 month' WHERE id BETWEEN 1000001 AND 1000000 + {FEW}"
    );
    writer.client().batch_execute(&change).await.unwrap();
    writer
}

const BEFORE: [i64; 4] = [MANY, MANY, MANY, 4 * MANY + 500];
const AFTER: [i64; 4] = [MANY, MANY - FEW, MANY + FEW, 4 * MANY + 500];

/// A run whose last changes were made by somebody for whom it had to wait.
async fn after_last_changes(database: &Database) -> Run {
    database.partctl(&["init"], 0);
    let mut run = database.start(&database.url(), &["apply"]);
    database.until("SELECT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'partctl_capture')", || true).await;
    let writer = change(database).await;
    assert!(
        run.comes_to(database.until(&locked(1, "ShareRowExclusiveLock", "rest", false), || true)).await,
        "{}",
        run.ends().await.1
    );
    writer.client().batch_execute("COMMIT").await.unwrap();
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_while_the_parts_take_defaults_place_sees_every_row_in_every_isolation() {
    for isolation in ISOLATION {
        let database = with_so_many_stones(&policy("always_in_batches", "1 minute"), MANY).await;
        database.sql(HOLD).await;
        let mut run = after_last_changes(&database).await;
        assert!(
            run.comes_to(database.until(&locked(1, "AccessExclusiveLock", "orders", true), || true)).await,
            "{}",
            run.ends().await.1
        );
        let reader = counting(session(&database.url()).await, isolation);
        database.until(&locked(1, "AccessShareLock", "orders", false), || true).await;
        database.sql(LET_GO).await;
        let (code, text) = run.ends().await;
        assert_eq!(code, Some(0), "{isolation}: {text}");
        contains(&text, &["split rest done"]);
        assert_eq!(reader.await.unwrap(), AFTER, "{isolation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_snapshot_from_before_the_last_change_is_waited_for_and_nobody_else_waits() {
    for isolation in ["REPEATABLE READ", "SERIALIZABLE"] {
        let database = with_so_many_stones(&policy("always_in_batches", "1 minute"), MANY).await;
        database.partctl(&["init"], 0);
        let mut run = database.start(&database.url(), &["apply"]);
        database.until("SELECT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'partctl_capture')", || true).await;
        let last = change(&database).await;
        let waits = locked(1, "ShareRowExclusiveLock", "rest", false);
        assert!(run.comes_to(database.until(&waits, || true)).await, "{}", run.ends().await.1);
        let (reader, writer) =
            (session(&database.url_with("application_name=reporting")).await, session(&database.url()).await);
        for session in [&reader, &writer] {
            let begin = format!("BEGIN ISOLATION LEVEL {isolation}; SELECT count(*) FROM pg_class");
            session.client().batch_execute(&begin).await.unwrap();
        }
        last.client().batch_execute("COMMIT").await.unwrap();
        let progress = format!("shop.partctl_progress_{}", database.value("SELECT 'shop.rest'::regclass::oid").await);
        let looks = format!("SELECT 2 = cardinality(older) FROM {progress}");
        assert!(run.comes_to(database.until(&looks, || true)).await, "{}", run.ends().await.1);
        // Both go on as before, and so does everybody else: nobody holds anything that keeps them.
        assert_eq!(counts(&reader).await, BEFORE, "{isolation}");
        let keys = [
            "INSERT INTO shop.orders SELECT -1000 - i, at, 1, i FROM shop.orders, generate_series(1, 3) i WHERE id = 1004000",
            "UPDATE shop.orders SET at = at + interval '1 month', n = 7 WHERE id BETWEEN 1004001 AND 1004010",
            "DELETE FROM shop.orders WHERE id BETWEEN 1005001 AND 1005005",
        ];
        for (statement, rows) in keys.iter().zip([3, 10, 5]) {
            assert_eq!(writer.client().execute_typed(statement, &[]).await.unwrap(), rows, "{isolation}: {statement}");
            let mirrored = statement.replace("1004", "1014").replace("1005", "1015").replace("-1000", "-2000");
            assert_eq!(database.session.client().execute_typed(&mirrored, &[]).await.unwrap(), rows, "{mirrored}");
        }
        // In the way of its own next statement, by a key that was left before and is not in the copy yet.
        writer.client().batch_execute("COMMIT").await.unwrap();
        database
            .sql(
                "UPDATE shop.orders SET n = 8 WHERE id IN (1004001, -1001); DELETE FROM shop.orders WHERE id = 1004002",
            )
            .await;
        let now = database.value(ROWS).await;
        assert_eq!(counts(&reader).await, BEFORE, "{isolation}");
        reader.client().batch_execute("COMMIT").await.unwrap();
        let (code, text) = run.ends().await;
        assert_eq!(code, Some(0), "{isolation}: {text}");
        contains(&text, &["split rest done"]);
        assert_eq!(database.value(ROWS).await, now, "{isolation}");
        database.partctl(&["plan", "--check"], 0);
    }
}

const ROWS: &str = "SELECT count(*) || ' ' || sum(hashtextextended(o::text, 0)) FROM shop.orders o";

/// A run that moves at once, has moved, and has not yet committed.
async fn moving(database: &Database) -> Run {
    database.partctl(&["init"], 0);
    database.sql(HOLD).await;
    let mut run = database.start(&database.url(), &["apply"]);
    let moved = locked(1, "AccessExclusiveLock", "orders", true);
    assert!(run.comes_to(database.until(&moved, || true)).await, "{}", run.ends().await.1);
    run
}

/// What keeps a move from its commit, and is seen by it then.
#[tokio::test(flavor = "multi_thread")]
async fn a_move_is_not_committed_under_the_eyes_of_an_older_snapshot() {
    // Of its own: a transaction in whichever database that goes on makes everybody's snapshots look as old as it is.
    let server = ThrowawayServer::start(ServerOptions::default()).unwrap();
    let policy = policy("at_once", "1 minute");
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class";
    for told in ["idle", "at its second statement", "by default of the role", "by default of the database"] {
        let database = with_so_many_stones_on(&server, &policy, STONES).await;
        let url = match told {
            "by default of the role" => {
                let role = format!("reporting_{}", database.name);
                let grant = format!(
                    "CREATE ROLE {role} LOGIN; ALTER ROLE {role} SET default_transaction_isolation = 'repeatable read';
                    GRANT USAGE ON SCHEMA shop TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA shop TO {role};"
                );
                database.sql(&grant).await;
                database.url_with(&format!("user={role}"))
            }
            "by default of the database" => {
                let alter =
                    format!("ALTER DATABASE {} SET default_transaction_isolation = 'serializable'", database.name);
                database.sql(&alter).await;
                database.url()
            }
            _ => database.url(),
        };
        let reader = session(&url).await;
        let (run, reading) = match told {
            "idle" => {
                let run = moving(&database).await;
                reader.client().batch_execute(begin).await.unwrap();
                (run, tokio::spawn(async move { reader }))
            }
            "at its second statement" => {
                database.sql("SELECT pg_advisory_lock(17)").await;
                let pid = reader.backend_pid();
                let reading = tokio::spawn(async move {
                    let client = reader.client();
                    client.batch_execute(&format!("{begin}; SELECT pg_advisory_lock(17)")).await.unwrap();
                    client.batch_execute(&count(0)).await.unwrap();
                    reader
                });
                let waits = format!("SELECT EXISTS (SELECT FROM pg_locks WHERE pid = {pid} AND NOT granted)");
                database.until(&waits, || true).await;
                let run = moving(&database).await;
                database.sql("SELECT pg_advisory_unlock(17)").await;
                database.until(&locked(1, "AccessShareLock", "orders", false), || true).await;
                (run, reading)
            }
            _ => {
                // What its session is pinned to is the command's own affair.
                reader.client().batch_execute("RESET default_transaction_isolation; BEGIN").await.unwrap();
                let run = moving(&database).await;
                let reading = tokio::spawn(async move {
                    reader.client().batch_execute(&count(0)).await.unwrap();
                    reader
                });
                database.until(&locked(1, "AccessShareLock", "orders", false), || true).await;
                (run, reading)
            }
        };
        if told == "idle" {
            let idle = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE state = 'idle in transaction' AND state_change < now() - interval '100 ms'
                AND datname = current_database())";
            database.until(idle, || true).await;
        }
        database.sql(LET_GO).await;
        database.until(&locked(0, "AccessExclusiveLock", "orders", true), || true).await;
        let reader = reading.await.unwrap();
        assert_eq!(counts(&reader).await, [STONES, STONES, STONES, 4 * STONES + 500], "{told}");
        reader.client().batch_execute("COMMIT").await.unwrap();
        let (code, text) = run.ends().await;
        assert_eq!(code, Some(0), "{told}: {text}");
        contains(&text, &["4 steps done"]);
        assert_eq!(database.value(IN_DEFAULT).await, "0", "{told}");
    }
}

/// As most programs work: begin, a few statements, commit, and again without a pause.
#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_read_anew_with_each_statement_never_keep_a_move_from_its_commit() {
    let database = with_so_many_stones(&policy("at_once", "20 s").replace("20 s, retry", "1 s, retry"), STONES).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut members = Vec::new();
    for member in 0..7_i64 {
        let (session, over) = (session(&database.url()).await, Arc::clone(&over));
        members.push(tokio::spawn(async move {
            let mut times = 0;
            while !over.load(Ordering::Relaxed) {
                session.client().batch_execute("BEGIN").await.unwrap();
                if member < 4 {
                    let rows = session.client().query_typed(&count(member as usize % 3), &[]).await.unwrap();
                    assert_eq!(rows[0].get::<_, i64>(0), STONES, "reader {member}, after {times} times");
                } else {
                    let id = member * 1_000_000_000 + times;
                    for sql in [
                        format!(
                            "INSERT INTO shop.orders VALUES ({id}, {} + interval '20 days', {member}, 0)",
                            month(3)
                        ),
                        format!("UPDATE shop.orders SET n = 1 WHERE id = {id}"),
                    ] {
                        assert_eq!(session.client().execute_typed(&sql, &[]).await.unwrap(), 1, "{sql}");
                    }
                }
                let rows =
                    session.client().query_typed("SELECT count(*) FROM shop.orders WHERE who = 0", &[]).await.unwrap();
                assert_eq!(rows[0].get::<_, i64>(0), 4 * STONES + 500, "member {member}, after {times} times");
                session.client().batch_execute("COMMIT").await.unwrap();
                times += 1;
            }
        }));
    }
    let (code, text) = database.start(&database.url(), &["apply"]).ends().await;
    over.store(true, Ordering::Relaxed);
    for member in members {
        member.await.unwrap();
    }
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(database.value(IN_DEFAULT).await, "0", "{text}");
}
