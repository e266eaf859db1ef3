//! Rows that leave DEFAULT while everybody works on: each statement's own count is right at every moment, and no row is
//! lost or doubled, however the move ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use partctl::plan::{Action, StepKind};
use tokio::task::JoinHandle;

use super::harness::{Database, contains, session};

const POLICY: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 3 partitions}\n";
const TABLE: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint NOT NULL, at timestamptz NOT NULL, who int NOT NULL, n int, PRIMARY KEY (id, at))
        PARTITION BY RANGE (at);
    CREATE INDEX ON shop.orders (who); CREATE TABLE shop.rest PARTITION OF shop.orders DEFAULT;";
/// So many rows in the window of each of the next months, from this one on, and nobody changes them.
const STONES: i64 = 2_000;
const MONTHS: i64 = 4;

/// Midnight of the first day of the month so many months ahead.
fn month(ahead: i64) -> String {
    format!("(date_trunc('month', now(), 'UTC') + interval '{ahead} months')")
}

async fn with_stones(policy: &str) -> Database {
    with_so_many_stones(policy, STONES).await
}

async fn with_so_many_stones(policy: &str, each: i64) -> Database {
    let stones = format!(
        "INSERT INTO shop.orders SELECT m * 1000000 + i, {} + m * interval '1 month' + i * interval '1 s', 0, 0
           FROM generate_series(0, {MONTHS} - 1) m, generate_series(1, {each}) i;
         INSERT INTO shop.orders SELECT -i, '2097-01-01', 0, 0 FROM generate_series(1, 500) i; ANALYZE shop.orders;",
        month(0)
    );
    Database::new(policy, &format!("{TABLE}{stones}")).await
}

/// Sessions that work until they are told to stop; each panics at the first wrong count.
struct Crowd {
    over: Arc<AtomicBool>,
    members: Vec<JoinHandle<(&'static str, usize)>>,
}

impl Crowd {
    async fn gather(database: &Database) -> Self {
        let stones: i64 = database
            .value(&format!("SELECT count(*) / {MONTHS} FROM shop.orders WHERE who = 0 AND at < '2097-01-01'"))
            .await
            .parse()
            .unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let mut members = Vec::new();
        for (name, sql, expected) in [
            ("reader of all", "SELECT count(*) FROM shop.orders WHERE who = 0".to_owned(), MONTHS * stones + 500),
            (
                "reader of one month",
                format!("SELECT count(*) FROM shop.orders WHERE who = 0 AND at >= {} AND at < {}", month(1), month(2)),
                stones,
            ),
            (
                "reader of a month in DEFAULT",
                "SELECT count(*) FROM shop.orders WHERE at = '2097-01-01'".to_owned(),
                500,
            ),
            (
                "reader by key",
                format!("SELECT count(*) FROM shop.orders WHERE id = 2000007 AND at = {} + interval '7 s'", month(2)),
                1,
            ),
            (
                "reader who counts twice",
                format!(
                    "SELECT a.n + b.n FROM (SELECT count(*) AS n FROM shop.orders WHERE who = 0 AND at < {m}) a,
                                       (SELECT count(*) AS n FROM shop.orders WHERE who = 0 AND at >= {m}) b",
                    m = month(2)
                ),
                MONTHS * stones + 500,
            ),
        ] {
            let (session, over) = (session(&database.url()).await, Arc::clone(&over));
            members.push(tokio::spawn(async move {
                let mut times = 0;
                while !over.load(Ordering::Relaxed) {
                    let row = session
                        .client()
                        .query_typed(&sql, &[])
                        .await
                        .unwrap_or_else(|error| panic!("{name}: {error:?}"));
                    assert_eq!(row[0].get::<_, i64>(0), expected, "{name}, after {times} times");
                    times += 1;
                }
                (name, times)
            }));
        }
        let (client, prepared) = (session(&database.url()).await, Arc::clone(&over));
        members.push(tokio::spawn(async move {
            let client = client.client();
            client.batch_execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
            let sql = format!("SELECT count(*) FROM shop.orders WHERE who = 0 AND at >= {m} + $1 * interval '1 month' AND at < {m} + ($1 + 1) * interval '1 month'", m = month(0));
            let statement = client.prepare_typed(&sql, &[tokio_postgres::types::Type::FLOAT8]).await.unwrap();
            let mut times = 0;
            while !prepared.load(Ordering::Relaxed) {
                let ahead = (times % 4) as f64;
                let rows = client.query(&statement, &[&ahead]).await.unwrap();
                assert_eq!(rows[0].get::<_, i64>(0), stones, "prepared, month {ahead}, after {times} times");
                times += 1;
            }
            ("reader with a generic plan", times)
        }));
        for who in 1..=3 {
            members.push(tokio::spawn(write(session(&database.url()).await, who, Arc::clone(&over))));
        }
        Self { over, members }
    }

    async fn disperse(self) {
        self.over.store(true, Ordering::Relaxed);
        for member in self.members {
            let (name, times) = member.await.unwrap();
            assert!(3 < times, "{name} came to work {times} times only");
        }
    }
}

/// Inserts, changes, moves to another month and deletes rows of its own, and knows after each statement how many it has.
async fn write(session: partctl::db::connect::Session, who: i64, over: Arc<AtomicBool>) -> (&'static str, usize) {
    let client = session.client();
    let run = async |sql: &str, expected: u64, times: usize| {
        let done = client
            .execute_typed(sql, &[])
            .await
            .unwrap_or_else(|error| panic!("{sql}, after {times} times: {error:?}"));
        assert_eq!(done, expected, "{sql}, after {times} times");
    };
    let (mut own, mut times) = (0, 0);
    while !over.load(Ordering::Relaxed) {
        let id = who * 1_000_000_000 + times as i64;
        let at = |ahead: i64| format!("{} + interval '{} s'", month(ahead), 100_000 + times % 1000);
        let ahead = (times as i64 + who) % MONTHS;
        run(&format!("INSERT INTO shop.orders VALUES ({id}, {}, {who}, 0)", at(ahead)), 1, times).await;
        own += 1;
        run(&format!("UPDATE shop.orders SET n = n + 1 WHERE id = {id} AND at = {}", at(ahead)), 1, times).await;
        let elsewhere = (ahead + 1) % MONTHS;
        run(&format!("UPDATE shop.orders SET at = {} WHERE id = {id}", at(elsewhere)), 1, times).await;
        if times % 3 == 0 {
            run(&format!("DELETE FROM shop.orders WHERE id = {id} AND n = 1"), 1, times).await;
            own -= 1;
        }
        let rows =
            client.query_typed(&format!("SELECT count(*) FROM shop.orders WHERE who = {who}"), &[]).await.unwrap();
        assert_eq!(rows[0].get::<_, i64>(0), own, "writer {who}, after {times} times");
        times += 1;
    }
    ("writer", times)
}

const IN_DEFAULT: &str = "SELECT count(*) FROM shop.rest WHERE at < '2097-01-01'";

#[tokio::test(flavor = "multi_thread")]
async fn while_rows_leave_default_every_statement_counts_right() {
    let database = with_stones(POLICY).await;
    let crowd = Crowd::gather(&database).await;
    let run = database.start(&database.url(), &["apply"]);
    let (code, text) = run.ends().await;
    database.sql("SELECT pg_sleep(0.3)").await;
    crowd.disperse().await;
    assert_eq!(code, Some(0), "{text}");
    contains(&text, &["4 steps done"]);
    assert_eq!(database.value(IN_DEFAULT).await, "0");
    database.partctl(&["plan", "--check"], 0);
}

/// A text that was broken into lines.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Slow where the partition is attached, when the rows have moved already and nothing is committed yet.
const SLOW: &str =
    "CREATE FUNCTION public.slow() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(20); END$$;
    CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION public.slow();";

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_is_killed_in_the_middle_moved_nothing_and_the_next_run_moves_all() {
    let database = with_stones(
        &format!("{POLICY}  writers_wait: 1 minute\n")
            .replace("create: {ahead: 3 partitions}\n", "create:\n  ahead: 3 partitions\n"),
    )
    .await;
    database.partctl(&["init"], 0);
    database.sql(SLOW).await;
    let mut run = database.start(&database.url(), &["apply"]);
    let attaching =
        "SELECT 0 < count(*) FROM pg_stat_activity WHERE application_name = 'partctl' AND wait_event = 'PgSleep'
        AND datname = current_database()";
    assert!(run.comes_to(database.until(attaching, || true)).await);
    let asleep = database
        .value("SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()")
        .await;
    run.kill().await;
    let gone = format!("SELECT 0 = count(*) FROM pg_stat_activity WHERE pid = {asleep}");
    database.until(&gone, || true).await;
    assert_eq!(database.value(IN_DEFAULT).await, (MONTHS * STONES).to_string());
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass").await, "1");
    database.sql("DROP EVENT TRIGGER slow").await;
    let crowd = Crowd::gather(&database).await;
    let (code, text) = database.start(&database.url(), &["apply"]).ends().await;
    crowd.disperse().await;
    assert_eq!((code, database.value(IN_DEFAULT).await.as_str()), (Some(0), "0"), "{text}");
    database.partctl(&["plan", "--check"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_takes_longer_than_writers_may_wait_is_rolled_back() {
    let policy = POLICY.replace("3 partitions", "3 partitions, writers_wait: 500 ms");
    let database = with_stones(&policy).await;
    database.partctl(&["init"], 0);
    let state = database.state().await;
    database.sql(SLOW).await;
    let text = database.partctl(&["apply"], 3);
    contains(&text, &["not done within 500 ms under its locks (57014)", "allow more by `create.writers_wait`"]);
    assert_eq!(database.state().await, state);
    database.sql("DROP EVENT TRIGGER slow").await;
    database.partctl(&["apply"], 0);
    let mut database = with_stones(&POLICY.replace("3 partitions", "3 partitions, writers_wait: 50 ms")).await;
    let text = database.partctl(&["apply"], 3);
    contains(
        &unwrapped(&text),
        &["PT172", "holds 2000 rows of", "writers would wait up to 1", "`create.writers_wait` allows 50 ms"],
    );
    database.set_policy(POLICY);
    let text = database.partctl(&["plan"], 0);
    contains(&text, &["* move", "2,000", "current, writers wait up to 1", "their rows leave DEFAULT rest"]);
}

/// A transaction that has taken its snapshot would look where the rows are now, and see them where they were.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_keeps_its_snapshot_is_waited_for() {
    let policy = format!("{POLICY}locks: {{retry_for: 2 s}}\n");
    let database = with_stones(&policy).await;
    let reporting = session(&database.url_with("application_name=reporting")).await;
    let client = reporting.client();
    client
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class; SELECT pg_sleep(0.2)")
        .await
        .unwrap();
    let text = database.partctl(&["apply"], 8);
    contains(&text, &[&format!("pid {}", reporting.backend_pid()), "reporting", "a snapshot"]);
    let count = format!("SELECT count(*) FROM shop.orders WHERE at >= {} AND at < {} AND who = 0", month(1), month(2));
    assert_eq!(client.query_one(&count, &[]).await.unwrap().get::<_, i64>(0), STONES);
    client.batch_execute("COMMIT").await.unwrap();
    database.partctl(&["apply"], 0);
}

/// Policies and rows for what hangs on DEFAULT: 40 rows of this month, and their lines.
const HUNG: &str = "INSERT INTO shop.orders SELECT i, now(), 0, i FROM generate_series(1, 40) i;";
const LINES: &str = "CREATE TABLE shop.lines (line int PRIMARY KEY, id bigint, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.orders ON DELETE CASCADE);";
const FILL_LINES: &str = "INSERT INTO shop.lines SELECT id, id, at FROM shop.orders;";
const AUDIT: &str =
    "CREATE TABLE shop.audit (what text); CREATE FUNCTION shop.audit() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO shop.audit VALUES (tg_op || ' ' || tg_table_name); RETURN coalesce(new, old); END$$;";

struct Hung {
    what: &'static str,
    before: &'static str,
    after: &'static str,
    role: Option<&'static str>,
    /// Parts of the plan that says so, or what is refused.
    told: &'static [&'static str],
    moves: bool,
    /// The same after as before.
    kept: &'static str,
}

const ANYTHING: Hung =
    Hung { what: "", before: "", after: "", role: None, told: &["* move"], moves: true, kept: "SELECT 1" };

const HUNG_ON: &[Hung] = &[
    Hung {
        what: "rows that others reference, and a role that may keep foreign keys from firing",
        before: LINES,
        after: FILL_LINES,
        kept: "SELECT count(*) || ' of ' || (SELECT count(*) FROM shop.lines l JOIN shop.orders o USING (id, at)) FROM shop.lines",
        ..ANYTHING
    },
    Hung {
        what: "rows that others reference, and the owner",
        before: LINES,
        after: FILL_LINES,
        role: Some("creator"),
        told: &["PT171", "shop.lines references them", "ON DELETE CASCADE its own rows as well", "session_replication_role"],
        moves: false,
        kept: "SELECT count(*) FROM shop.lines",
    },
    Hung {
        what: "a foreign key to DEFAULT itself",
        before: "",
        after: "CREATE TABLE shop.lines (id bigint, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.rest);",
        told: &["PT171", "a foreign key of shop.lines wants them in this very table"],
        moves: false,
        ..ANYTHING
    },
    Hung {
        what: "a table that references itself",
        before: "ALTER TABLE shop.orders ADD other bigint, ADD other_at timestamptz, ADD FOREIGN KEY (other, other_at) REFERENCES shop.orders;",
        after: "UPDATE shop.orders SET other = 1, other_at = at;",
        kept: "SELECT count(*) FROM shop.orders a JOIN shop.orders b ON a.other = b.id AND a.other_at = b.at",
        ..ANYTHING
    },
    Hung {
        what: "rows that reference others",
        before: "CREATE TABLE shop.people (id int PRIMARY KEY); INSERT INTO shop.people VALUES (0); ALTER TABLE shop.orders ADD FOREIGN KEY (who) REFERENCES shop.people;",
        after: "",
        role: Some("creator"),
        ..ANYTHING
    },
    Hung {
        what: "triggers of DEFAULT's own that log and that veto",
        before: AUDIT,
        after: "CREATE TRIGGER log AFTER DELETE ON shop.rest FOR EACH ROW EXECUTE FUNCTION shop.audit();
            CREATE TRIGGER log_all BEFORE DELETE ON shop.rest FOR EACH STATEMENT EXECUTE FUNCTION shop.audit();
            CREATE FUNCTION shop.veto() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
            CREATE TRIGGER veto BEFORE DELETE ON shop.rest FOR EACH ROW EXECUTE FUNCTION shop.veto();
            ALTER TABLE shop.rest ENABLE ALWAYS TRIGGER veto; ALTER TABLE shop.rest DISABLE TRIGGER log_all;",
        role: Some("creator"),
        kept: "SELECT string_agg(concat_ws(' ', tgname, tgenabled, (SELECT count(*) FROM shop.audit)), ',' ORDER BY tgname) FROM pg_trigger
            WHERE tgrelid = 'shop.rest'::regclass AND NOT tgisinternal",
        ..ANYTHING
    },
    Hung {
        what: "a rule",
        before: "",
        after: "CREATE RULE never AS ON DELETE TO shop.rest DO INSTEAD NOTHING;",
        told: &["PT171", "rule never may turn the move into something else"],
        moves: false,
        ..ANYTHING
    },
    Hung {
        what: "a publication that publishes deletions alone",
        before: "CREATE PUBLICATION half FOR TABLE shop.orders WITH (publish = 'delete');",
        after: "",
        told: &["PT171", "publication half publishes DELETE and not INSERT"],
        moves: false,
        ..ANYTHING
    },
    Hung {
        what: "publications that want opposite things",
        before: "CREATE PUBLICATION whole FOR TABLE shop.orders; CREATE PUBLICATION half FOR TABLE shop.orders WITH (publish = 'insert');",
        after: "",
        told: &["PT171", "publication whole needs them deleted and inserted again", "would double them"],
        moves: false,
        ..ANYTHING
    },
    Hung {
        what: "row security that hides rows from their owner",
        before: "",
        after: "ALTER TABLE shop.rest ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
            CREATE POLICY few ON shop.rest USING (n < 10);",
        role: Some("creator"),
        told: &["PT125", "row-level security policy"],
        moves: false,
        ..ANYTHING
    },
    Hung {
        what: "other columns in another order",
        before: "ALTER TABLE shop.orders DETACH PARTITION shop.rest; DROP TABLE shop.rest; ALTER TABLE shop.orders DROP COLUMN n, ADD n int;
            CREATE TABLE shop.rest (n int, gone int, who int NOT NULL, at timestamptz NOT NULL, id bigint NOT NULL); ALTER TABLE shop.rest DROP gone;
            ALTER TABLE shop.orders ATTACH PARTITION shop.rest DEFAULT;",
        after: "",
        kept: "SELECT string_agg(concat_ws(' ', id, at, who, n), ',' ORDER BY id) FROM shop.orders",
        ..ANYTHING
    },
    Hung {
        what: "a DEFAULT that is partitioned itself",
        before: "ALTER TABLE shop.orders DETACH PARTITION shop.rest; DROP TABLE shop.rest;
            CREATE TABLE shop.rest PARTITION OF shop.orders DEFAULT PARTITION BY HASH (id);
            CREATE TABLE shop.rest_0 PARTITION OF shop.rest FOR VALUES WITH (modulus 2, remainder 0);
            CREATE TABLE shop.rest_1 PARTITION OF shop.rest FOR VALUES WITH (modulus 2, remainder 1);",
        after: "",
        ..ANYTHING
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_on_default_is_kept_or_the_move_is_refused_with_the_reason() {
    for Hung { what, before, after, role, told, moves, kept } in HUNG_ON {
        let database = Database::new(POLICY, &format!("{TABLE}{before}{HUNG}{after}")).await;
        database.partctl(&["init"], 0);
        let url = match role {
            Some(role) => {
                let owner = format!(
                    "GRANT ALL ON SCHEMA shop TO {role}; GRANT USAGE ON SCHEMA partctl TO {role};
                    GRANT ALL ON ALL TABLES IN SCHEMA partctl TO {role}; DO $$DECLARE t regclass; BEGIN
                    FOR t IN SELECT c.oid FROM pg_class c WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'p')
                    LOOP EXECUTE format('ALTER TABLE %s OWNER TO {role}', t); END LOOP; END$$"
                );
                database.sql(&owner).await;
                database.url_with(&format!("user={role}"))
            }
            None => database.url(),
        };
        let run = |arguments: &[&str]| {
            let output = super::harness::command(&database.policies(), &url, arguments).output().unwrap();
            (output.status.code(), super::harness::said(&output))
        };
        let before = (database.value(kept).await, database.value("SELECT count(*) FROM shop.orders").await);
        let (_, text) = run(&["plan"]);
        contains(&unwrapped(&text), told);
        let (code, text) = run(&["apply"]);
        assert_eq!(code, Some(if *moves { 0 } else { 3 }), "{what}: {text}");
        let after = (database.value(kept).await, database.value("SELECT count(*) FROM shop.orders").await);
        assert_eq!(after, before, "{what}");
        assert_eq!(database.value("SELECT count(*) FROM shop.rest").await, if *moves { "0" } else { "40" }, "{what}");
        if *moves {
            assert_eq!(run(&["plan", "--check"]).0, Some(0), "{what}");
        }
    }
}

/// What is written to a table before it is a partition is not published, and subscribers would lose the rows.
#[tokio::test(flavor = "multi_thread")]
async fn subscribers_see_the_rows_deleted_and_inserted_and_triggers_see_nothing() {
    let setup = format!(
        "{TABLE}{AUDIT}CREATE TRIGGER audit AFTER INSERT OR DELETE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.audit();
        ALTER TABLE shop.rest ENABLE ALWAYS TRIGGER audit; {HUNG}TRUNCATE shop.audit;
        CREATE PUBLICATION warehouse FOR TABLE shop.orders WITH (publish_via_partition_root = true);"
    );
    let database = Database::new(POLICY, &setup).await;
    let slot = format!("slot_{}", database.name);
    database.sql(&format!("SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')")).await;
    contains(&database.partctl(&["plan"], 0), &["they are published as deleted and inserted, so readers wait as well"]);
    database.partctl(&["apply"], 0);
    let changes = |letter: &str| {
        format!(
            "(SELECT count(*) FROM pg_logical_slot_peek_binary_changes('{slot}', NULL, NULL, 'proto_version', '1',
                'publication_names', 'warehouse') WHERE get_byte(data, 0) = ascii('{letter}'))"
        )
    };
    // This server flushes commits when it has time.
    let both = format!("SELECT {} = 40 AND {} = 40", changes("D"), changes("I"));
    database.until(&both, || true).await;
    database.sql(&format!("SELECT pg_drop_replication_slot('{slot}')")).await;
    assert_eq!(database.value("SELECT count(*) FROM shop.audit").await, "0");
    let states = "SELECT string_agg(tgenabled::text, '' ORDER BY tgrelid::regclass::text) FROM pg_trigger
        WHERE tgname = 'audit' AND tgrelid IN ('shop.rest'::regclass, 'shop.orders'::regclass)";
    assert_eq!(database.value(states).await, "OA");
    assert_eq!(database.value("SELECT count(*) FROM shop.rest").await, "0");
    database.partctl(&["plan", "--check"], 0);
}

/// So many rows of each month that they are not moved at once.
const MANY: i64 = 30_000;
/// The crowd counts all rows again and again, so a moment without a transaction of 50 ms never comes.
const PATIENT: &str = "locks: {timeout: 1 s, retry_for: 1 minute}\n";

/// Lets them be copied.
const IN_BATCHES: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 3 partitions, move_rows: in_batches}\n";

/// What a split needs until it is done, and leaves nothing of.
const LEFTOVERS: &str = "SELECT (SELECT count(*) FROM pg_class WHERE relname LIKE 'partctl%') + (SELECT count(*) FROM pg_proc WHERE proname LIKE 'partctl%')
    + (SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'partctl%') + (SELECT count(*) FROM pg_constraint WHERE conname LIKE 'partctl%')";

#[tokio::test(flavor = "multi_thread")]
async fn while_default_is_split_every_statement_counts_right() {
    let database = with_so_many_stones(&format!("{IN_BATCHES}{PATIENT}"), MANY).await;
    let plan = unwrapped(&database.partctl(&["plan"], 0));
    contains(
        &plan,
        &["* split rest orders_20", "120 k", "copied beside everybody in up to", "then writers wait up to"],
    );
    let crowd = Crowd::gather(&database).await;
    let (code, text) = database.start(&database.url(), &["apply"]).ends().await;
    database.sql("SELECT pg_sleep(0.3)").await;
    crowd.disperse().await;
    assert_eq!(code, Some(0), "{text}");
    contains(&text, &["shop.orders split rest done"]);
    assert_eq!(database.value(IN_DEFAULT).await, "0");
    assert_eq!(database.value(LEFTOVERS).await, "0");
    database.partctl(&["plan", "--check"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let database = with_so_many_stones(&format!("{IN_BATCHES}{PATIENT}"), MANY).await;
    database.partctl(&["init"], 0);
    let crowd = Crowd::gather(&database).await;
    let mut kills = 0;
    let text = loop {
        let mut run = database.start(&database.url(), &["apply"]);
        // Later each time, so that it is killed everywhere, and at last not at all.
        let moment = tokio::time::sleep(std::time::Duration::from_millis(100 + 120 * kills));
        if run.comes_to(moment).await {
            run.kill().await;
            kills += 1;
            // Its session ends a moment after it, and until then holds the run lock.
            let held = "SELECT 0 = count(*) FROM pg_locks WHERE locktype = 'advisory'
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
            database.until(held, || true).await;
            continue;
        }
        break run.ends().await.1;
    };
    crowd.disperse().await;
    assert!(2 < kills, "killed {kills} times: {text}");
    assert_eq!(database.value(IN_DEFAULT).await, "0", "{text}");
    assert_eq!(database.value(LEFTOVERS).await, "0");
    database.partctl(&["plan", "--check"], 0);
}

/// Carries out the first actions of the table's split, and no more.
async fn begin_split(database: &Database, actions: usize) {
    let (_, plan) = database.plan().await;
    let split = plan.steps().find(|(_, step)| step.kind() == StepKind::Split).expect("a split").1.clone();
    for action in split.actions().iter().take(actions) {
        match action {
            Action::Transaction(_) => database.sql(&format!("BEGIN; {}; COMMIT", action.statements().join("; "))).await,
            _ => database.sql(&action.statements().join("; ")).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_default_while_it_is_copied_is_in_the_copy() {
    let meanwhile: &[(&str, &str)] = &[
        ("goes on copying", "VACUUM FULL shop.rest"),
        (
            "goes on copying",
            "TRUNCATE shop.rest; INSERT INTO shop.orders SELECT m * 1000000 + i, date_trunc('month', now(), 'UTC') + m * interval '1 month', 1, i
               FROM generate_series(0, 3) m, generate_series(1, 30000) i",
        ),
        ("goes on copying", "TRUNCATE shop.orders"),
        (
            "goes on copying",
            "DELETE FROM shop.orders WHERE id % 3 = 0; UPDATE shop.orders SET id = -id WHERE id % 7 = 0; UPDATE shop.orders SET n = 5",
        ),
        (
            "goes on copying",
            "UPDATE shop.orders SET id = id + 1 WHERE id % 10 = 0 AND id + 1 NOT IN (SELECT id FROM shop.orders)",
        ),
        (
            "goes on copying",
            "SET session_replication_role = replica; DELETE FROM shop.orders WHERE id % 3 = 0; RESET session_replication_role",
        ),
        ("* discard", "ALTER TABLE shop.orders ADD more text DEFAULT 'x'"),
        ("* discard", "CREATE INDEX ON shop.orders (n)"),
        ("* discard", "ALTER TABLE shop.rest RENAME TO leftovers"),
    ];
    for (told, sql) in meanwhile {
        let moments: &[usize] = if *told == "* discard" { &[4] } else { &[1, 2, 5] };
        for &actions in moments {
            let database = with_so_many_stones(IN_BATCHES, MANY).await;
            database.partctl(&["init"], 0);
            begin_split(&database, actions).await;
            database.sql(sql).await;
            let rows = "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(o::text, 0)), 0) FROM shop.orders o";
            let before = database.value(rows).await;
            let plan = database.partctl(&["plan"], 0);
            // An empty DEFAULT needs no split any more.
            let empty = database.value("SELECT count(*) FROM shop.orders").await == "0";
            contains(&plan, &[if empty { "* discard" } else { told }]);
            let text = database.partctl(&["apply"], 0);
            assert_eq!(database.value(rows).await, before, "{sql} after {actions}: {text}");
            assert_eq!(database.value(LEFTOVERS).await, "0", "{sql} after {actions}");
            database.partctl(&["plan", "--check"], 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_that_is_not_wanted_any_more_is_taken_back() {
    let mut database = with_so_many_stones(IN_BATCHES, MANY).await;
    database.partctl(&["init"], 0);
    let state = database.state().await;
    begin_split(&database, 3).await;
    database.set_policy(&IN_BATCHES.replace("in_batches", "never"));
    contains(&database.partctl(&["plan"], 3), &["* discard", "PT102"]);
    database.partctl(&["apply"], 3);
    assert_eq!(database.value(LEFTOVERS).await, "0");
    assert_eq!(database.state().await, state);
}

/// While everybody waits nothing is read: Postgres itself says what it scans and what it has proof of.
#[tokio::test(flavor = "multi_thread")]
async fn no_table_is_scanned_when_it_takes_defaults_place() {
    let cases = [
        ("timestamptz", "range: k, every: 1 month, timezone: Europe/Berlin", "RANGE", "now()", "'2097-01-01'"),
        ("date", "range: k, every: 1 month", "RANGE", "now()::date", "'1997-01-01'"),
        ("bigint", "range: k, every: 1000000", "RANGE", "7", "900000000000"),
        (
            "text",
            "list: k, values: {nordic: [NO, SE], one: [\"it's\"]}",
            "LIST",
            "(ARRAY['NO', 'it''s'])[1 + i % 2]",
            "'DE'",
        ),
    ];
    for (type_name, partition, by, moved, stays) in cases {
        let policy =
            format!("version: 1\ntable: shop.t\npartition: {{{partition}}}\ncreate: {{move_rows: in_batches}}\n");
        let setup = format!(
            "CREATE SCHEMA shop; CREATE TABLE shop.t (id int, k {type_name}, PRIMARY KEY (id, k)) PARTITION BY {by} (k);
            CREATE TABLE shop.t_default PARTITION OF shop.t DEFAULT; INSERT INTO shop.t SELECT i, {moved} FROM generate_series(1, 50000) i;
            INSERT INTO shop.t SELECT i, {stays} FROM generate_series(1, 5000) i"
        );
        let database = Database::new(&policy, &setup).await;
        let (_, plan) = database.plan().await;
        assert_eq!(plan.count(StepKind::Split), 1, "{type_name}");
        database.sql("SET client_min_messages = debug1").await;
        for (_, step) in plan.steps() {
            let actions = step.actions();
            for (at, action) in actions.iter().enumerate() {
                database.session.take_notices();
                match action {
                    Action::Transaction(_) => {
                        database.sql(&format!("BEGIN; {}; COMMIT", action.statements().join("; "))).await
                    }
                    _ => database.sql(&action.statements().join("; ")).await,
                }
                let said: Vec<String> =
                    database.session.take_notices().into_iter().map(|notice| notice.message).collect();
                if step.kind() == StepKind::Split && at + 1 == actions.len() {
                    let said = said.join("\n");
                    assert!(!said.contains("verifying table"), "{type_name}: {said}");
                    assert_eq!(
                        said.matches("is implied by existing constraints").count(),
                        step.made().len() + 1,
                        "{type_name}: {said}"
                    );
                }
            }
        }
        database.sql("RESET client_min_messages").await;
        database.partctl(&["plan", "--check"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_lost_with_default_keeps_it_from_being_split() {
    let cases = [
        ("CREATE VIEW shop.v AS SELECT * FROM shop.rest", "view shop.v would go with it"),
        (
            "CREATE FUNCTION shop.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
            CREATE TRIGGER own AFTER INSERT ON shop.rest FOR EACH ROW EXECUTE FUNCTION shop.f()",
            "trigger own would go with it",
        ),
        ("ALTER TABLE shop.rest ENABLE ROW LEVEL SECURITY", "its row security would go with it"),
        ("CREATE PUBLICATION split_pub FOR TABLE shop.orders", "what is copied is not published by split_pub"),
        (
            "CREATE TABLE shop.lines (id bigint, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.orders)",
            "shop.lines references its rows",
        ),
        ("ALTER TABLE shop.orders DROP CONSTRAINT orders_pkey", "it has no primary key or unique constraint"),
    ];
    for (sql, why) in cases {
        let database = with_so_many_stones(IN_BATCHES, MANY).await;
        database.sql(sql).await;
        let text = unwrapped(&database.partctl(&["apply"], 3));
        contains(
            &text,
            &["PT173", "to move them at once writers would wait up to", "and in batches they cannot move", why],
        );
        assert_eq!(database.value(IN_DEFAULT).await, (MONTHS * MANY).to_string());
    }
}
