//! The lock window: nobody queues behind partctl while somebody is in its way who stays, and whoever it is is named.

use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use partctl::db::connect::Session;

use super::harness::{Database, contains, said, session};

/// One partition that is long over, one that holds a row and stays.
const ORDERS: &str = "CREATE SCHEMA shop; CREATE TABLE shop.customers (id int PRIMARY KEY);
    CREATE TABLE shop.orders (at timestamptz NOT NULL, customer int REFERENCES shop.customers) PARTITION BY RANGE (at);
    CREATE TABLE shop.orders_2001_01 PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
    CREATE TABLE shop.orders_rest PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01 00:00+00') TO ('2020-02-01 00:00+00');
    INSERT INTO shop.orders VALUES ('2001-01-15'), ('2020-01-15'); ANALYZE shop.orders;";
const DEFAULT: &str = "CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT;";
/// Counts tries: what a sequence has given stays given when the transaction is rolled back.
const COUNT_TRIES: &str = "CREATE SEQUENCE public.tries; GRANT ALL ON SEQUENCE public.tries TO PUBLIC;
    CREATE FUNCTION public.count_try() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN PERFORM nextval('public.tries'); END$$;
    CREATE EVENT TRIGGER count_tries ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.count_try();";
const TRIES: &str = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM public.tries";

/// Requests for locks that partctl waits for at this moment, other than ACCESS SHARE, behind which nobody waits who does
/// not wait already.
const QUEUED: &str =
    "SELECT coalesce(string_agg(pg_catalog.format('%s on %s: %s', l.mode, l.relation::regclass, a.query), '; '), 'nothing')
    FROM pg_locks l JOIN pg_stat_activity a USING (pid)
   WHERE a.application_name = 'partctl' AND a.datname = current_database() AND NOT l.granted AND l.mode <> 'AccessShareLock'";
/// Whether partctl has looked who is in its way.
const LOOKING: &str = "SELECT 0 < count(*) FROM pg_stat_activity
    WHERE application_name = 'partctl' AND datname = current_database() AND query LIKE '-- Sessions that hold a lock%'";
const ATTACHED: &str = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass";

fn policy(locks: &str) -> String {
    format!(
        "version: 1\ntable: shop.orders\npartition: {{range: at, every: 1 month, timezone: UTC}}
create: {{ahead: 1 partition, fill_gaps: false}}\nretain: {{for: 1 year, then: drop, grace: 7 days}}\nlocks: {{{locks}}}\n"
    )
}

/// partctl, running beside the test.
fn start(database: &Database, url: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_partctl"));
    command.env_clear().env("PARTCTL_DATABASE", url).arg("--policies").arg(database.policies()).args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child, exit: i32) -> String {
    let output: Output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(exit), "{}", said(&output));
    said(&output)
}

/// A session that has done this in a transaction, and stays in it for longer than a lock timeout already.
async fn holder(database: &Database, sql: &str) -> Session {
    let holder = session(&database.url_with("application_name=reporting")).await;
    holder.client().batch_execute(&format!("BEGIN; {sql}")).await.unwrap();
    database.sql("SELECT pg_sleep(0.15)").await;
    holder
}

async fn release(holder: Session) {
    holder.client().batch_execute("ROLLBACK").await.unwrap();
    holder.close().await;
}

/// Runs partctl to its end and holds that it never waited in a queue, where others would have had to wait behind it.
async fn end_without_queueing(database: &Database, mut child: Child, exit: i32) -> String {
    let mut looks = 0;
    while child.try_wait().unwrap().is_none() {
        let queued = database.value(QUEUED).await;
        assert_eq!(queued, "nothing");
        looks += 1;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    assert!(20 < looks, "it was looked at {looks} times only");
    end(child, exit)
}

struct InTheWay {
    setup: &'static str,
    held: &'static str,
    holds: &'static str,
    /// Carried out beforehand, and its grace is over.
    detached: bool,
    steps: &'static str,
}

const IN_THE_WAY: &[InTheWay] = &[
    InTheWay {
        setup: "",
        held: "SELECT * FROM shop.orders",
        holds: "ACCESS SHARE on shop.orders",
        detached: false,
        steps: "DETACH PARTITION shop.orders_2001_01 CONCURRENTLY",
    },
    InTheWay { setup: DEFAULT, held: "SELECT * FROM shop.orders_rest", holds: "", detached: false, steps: "" },
    InTheWay {
        setup: DEFAULT,
        held: "SELECT * FROM shop.orders_default",
        holds: "ACCESS SHARE on shop.orders_default",
        detached: false,
        steps: "ATTACH PARTITION",
    },
    InTheWay {
        setup: DEFAULT,
        held: "LOCK TABLE ONLY shop.orders IN ACCESS SHARE MODE",
        holds: "ACCESS SHARE on shop.orders",
        detached: false,
        steps: "DETACH PARTITION shop.orders_2001_01",
    },
    InTheWay {
        setup: "",
        held: "INSERT INTO shop.customers VALUES (7)",
        holds: "ROW EXCLUSIVE on shop.customers",
        detached: false,
        steps: "ATTACH PARTITION",
    },
    InTheWay {
        setup: "",
        held: "SELECT * FROM shop.customers",
        holds: "ACCESS SHARE on shop.customers",
        detached: true,
        steps: "DROP CONSTRAINT",
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn while_somebody_old_is_in_the_way_nothing_is_even_asked_for() {
    for InTheWay { setup, held, holds, detached, steps } in IN_THE_WAY {
        let mut database = Database::new(&policy("timeout: 50 ms, retry_for: 2 s"), &format!("{ORDERS}{setup}")).await;
        if *detached {
            database.partctl(&["apply", "--allow-destroy"], 0);
            database.sql("UPDATE partctl.detached_tables SET detached_at = detached_at - interval '8 days'").await;
        }
        let reader = holder(&database, held).await;
        if holds.is_empty() {
            // Nothing that partctl needs is held.
            database.partctl(&["apply", "--allow-destroy"], 0);
            release(reader).await;
            continue;
        }
        let pid = reader.backend_pid();
        let child = start(&database, &database.url(), &["apply", "--allow-destroy"]);
        let text = end_without_queueing(&database, child, 8).await;
        let blocked =
            format!("blocked by pid {pid}, role postgres, application \"reporting\", idle in transaction since 20");
        contains(&text, &[&blocked, &format!("holds {holds}"), &format!("last query: BEGIN; {held}"), steps]);
        database.set_policy(&policy("timeout: 50 ms, retry_for: 10 minutes"));
        let mut child = start(&database, &database.url(), &["apply", "--allow-destroy"]);
        database.until(LOOKING, || child.try_wait().unwrap().is_none()).await;
        assert_eq!(database.value(QUEUED).await, "nothing");
        release(reader).await;
        end(child, 0);
        database.partctl(&["plan", "--check"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_see_ages_tries_once_per_holder() {
    let setup = format!(
        "{ORDERS}{DEFAULT}{COUNT_TRIES} GRANT ALL ON SCHEMA shop TO creator; ALTER TABLE shop.customers OWNER TO creator;
        ALTER TABLE shop.orders OWNER TO creator; ALTER TABLE shop.orders_2001_01 OWNER TO creator;
        ALTER TABLE shop.orders_rest OWNER TO creator; ALTER TABLE shop.orders_default OWNER TO creator"
    );
    let database = Database::new(&policy("timeout: 50 ms, retry_for: 3 s"), &setup).await;
    database.partctl(&["init"], 0);
    database
        .sql(
            "GRANT USAGE ON SCHEMA partctl TO creator; GRANT ALL ON ALL TABLES IN SCHEMA partctl TO creator;
            SELECT setval('public.tries', 1, false)",
        )
        .await;
    let reader = holder(&database, "SELECT * FROM shop.orders_default").await;
    let child = start(&database, &database.url_with("user=creator"), &["apply", "--only-create"]);
    let text = end(child, 8);
    contains(
        &text,
        &[&format!("pid {}", reader.backend_pid()), "role postgres", "ACCESS SHARE on shop.orders_default"],
    );
    assert_eq!(database.value(TRIES).await, "1", "{text}");
    release(reader).await;
    end(start(&database, &database.url_with("user=creator"), &["apply", "--only-create"]), 0);
}

/// Sessions that do this over and over until the test ends, and say how often they did.
async fn traffic(
    database: &Database,
    count: usize,
    sql: &'static str,
) -> (Arc<AtomicBool>, Vec<tokio::task::JoinHandle<usize>>) {
    let over = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for _ in 0..count {
        let session = session(&database.url_with("application_name=traffic")).await;
        let over = Arc::clone(&over);
        tasks.push(tokio::spawn(async move {
            let mut times = 0;
            while !over.load(Ordering::Relaxed) {
                session.client().batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
                times += 1;
            }
            times
        }));
    }
    (over, tasks)
}

async fn stop((over, tasks): (Arc<AtomicBool>, Vec<tokio::task::JoinHandle<usize>>)) {
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        assert!(0 < task.await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_never_without_young_transactions_is_changed_all_the_same() {
    // The parent is in use at every moment; beside DEFAULT a detach needs it for itself.
    for (setup, sql) in [
        (DEFAULT, "BEGIN; SELECT count(*) FROM shop.orders; SELECT pg_sleep(0.02); COMMIT"),
        (
            "ALTER TABLE shop.orders DROP CONSTRAINT orders_customer_fkey",
            "BEGIN; SELECT count(*) FROM shop.orders; SELECT pg_sleep(0.3); COMMIT",
        ),
    ] {
        let database =
            Database::new(&policy("timeout: 50 ms, retry_for: 5 minutes"), &format!("{ORDERS}{setup}")).await;
        let traffic = traffic(&database, 3, sql).await;
        end(start(&database, &database.url(), &["apply", "--allow-destroy"]), 0);
        stop(traffic).await;
        assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhdetachpending").await, "0");
        database.partctl(&["plan", "--check"], 0);
    }
}

/// FINALIZE waits for every older snapshot of the database, and until then the partition's rows are invisible.
#[tokio::test(flavor = "multi_thread")]
async fn a_pending_detach_is_finished_also_where_statements_overlap_without_end() {
    let database = Database::new(&policy("timeout: 50 ms, retry_for: 20 s"), ORDERS).await;
    database.partctl(&["apply", "--only-create"], 0);
    let reader = session(&database.url()).await;
    reader.client().batch_execute("BEGIN; SELECT * FROM shop.orders").await.unwrap();
    database.sql("SET lock_timeout = '20ms'").await;
    let detach = "ALTER TABLE shop.orders DETACH PARTITION shop.orders_2001_01 CONCURRENTLY";
    assert!(database.session.client().batch_execute(detach).await.is_err());
    release(reader).await;
    // Half a second each, one beginning every tenth of a second, and transaction ids that go on meanwhile.
    let statements = traffic(&database, 6, "SELECT pg_sleep(0.4 + random() * 0.2)").await;
    let ids = traffic(&database, 1, "SELECT pg_current_xact_id(), pg_sleep(0.01)").await;
    end(start(&database, &database.url(), &["apply"]), 0);
    stop(statements).await;
    stop(ids).await;
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhdetachpending").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_waits_in_the_queue_is_in_the_way_as_well() {
    let database = Database::new(&policy("timeout: 50 ms, retry_for: 2 s"), &format!("{ORDERS}{DEFAULT}")).await;
    let reader = holder(&database, "LOCK TABLE ONLY shop.orders IN ACCESS SHARE MODE").await;
    let waiting = session(&database.url_with("application_name=migration")).await;
    let (client, pid) = (waiting.client(), waiting.backend_pid());
    let queued = client.batch_execute("BEGIN; LOCK TABLE ONLY shop.orders IN ACCESS EXCLUSIVE MODE");
    let (queued, ()) = tokio::join!(queued, async {
        let is_queued = format!("SELECT count(*) = 1 FROM pg_locks WHERE pid = {pid} AND NOT granted");
        database.until(&is_queued, || true).await;
        database.sql("SELECT pg_sleep(0.15)").await;
        // Only creates: the reader does not conflict with them, and whoever waits behind it does.
        let child = start(&database, &database.url(), &["apply", "--only-create"]);
        let text = end_without_queueing(&database, child, 8).await;
        contains(
            &text,
            &[&format!("pid {pid}"), "migration", "a place in the queue for ACCESS EXCLUSIVE on shop.orders"],
        );
        assert!(!text.contains("reporting"), "{text}");
        release(reader).await;
    });
    queued.unwrap();
    client.batch_execute("ROLLBACK").await.unwrap();
    database.partctl(&["apply", "--only-create"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_transaction_is_named_by_its_identifier() {
    let database = Database::new(&policy("timeout: 50 ms, retry_for: 1 s"), &format!("{ORDERS}{DEFAULT}")).await;
    let client = database.session.client();
    client.batch_execute("BEGIN; SELECT * FROM shop.orders_default").await.unwrap();
    client.batch_execute("PREPARE TRANSACTION 'order 66'").await.unwrap();
    database.sql("SELECT pg_sleep(0.15)").await;
    let child = start(&database, &database.url(), &["apply", "--only-create"]);
    let text = end_without_queueing(&database, child, 8).await;
    contains(
        &text,
        &["role postgres", "prepared transaction since 20", "ACCESS SHARE on shop.orders_default", "order 66"],
    );
    database.sql("ROLLBACK PREPARED 'order 66'").await;
    database.partctl(&["apply", "--only-create"], 0);
}

/// Two relations are held by others, who let go one after the other when partctl has waited for each a second: of the
/// ten that it may wait for all its locks, eight are left for what the statement itself has to lock.
#[tokio::test(flavor = "multi_thread")]
async fn the_timeout_is_a_budget_for_all_locks_of_a_transaction() {
    // What is left when the first statement after LOCK TABLE begins, and how long its transaction has lasted by then.
    let watch = "CREATE TABLE public.noted (left_over interval, lasted interval);
        CREATE FUNCTION public.note() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
            INSERT INTO public.noted VALUES (current_setting('lock_timeout')::interval, clock_timestamp() - now()); END$$;
        CREATE EVENT TRIGGER note ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION public.note();
        DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''1min''', current_database()); END$$;";
    let setup = format!("{ORDERS}{DEFAULT}{watch}");
    let database = Database::new(&policy("timeout: 10 s, retry_for: 5 minutes"), &setup).await;
    database.partctl(&["init"], 0);
    database.sql("TRUNCATE public.noted").await;
    let let_go = [young(&database, "shop.customers").await, young(&database, "shop.orders_default").await];
    end(start(&database, &database.url(), &["apply", "--only-create"]), 0);
    for holder in let_go {
        holder.await.unwrap();
    }
    let noted = database.column("SELECT noted::text FROM public.noted").await;
    let counts = "SELECT concat_ws(' ', count(*), count(*) FILTER (WHERE left_over + lasted < interval '11.5 s'),
        count(*) FILTER (WHERE interval '2 s' <= lasted)) FROM public.noted";
    assert_eq!(database.value(counts).await, "2 2 1", "{noted:?}");
}

/// Two sessions that relieve each other in writing to a relation, so that it is always held and never for long, until
/// partctl has waited for it a second.
async fn young(database: &Database, relation: &'static str) -> tokio::task::JoinHandle<()> {
    let lock = format!("BEGIN; LOCK TABLE ONLY {relation} IN ROW EXCLUSIVE MODE NOWAIT");
    let waits = format!(
        "SELECT coalesce(max(clock_timestamp() - l.waitstart), '0') FROM pg_locks l JOIN pg_stat_activity a USING (pid)
          WHERE a.application_name = 'partctl' AND NOT l.granted AND l.relation = '{relation}'::regclass
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    );
    let mut holding = session(&database.url()).await;
    let mut relieving = session(&database.url()).await;
    let observer = session(&database.url()).await;
    holding.client().batch_execute(&lock).await.unwrap();
    tokio::spawn(async move {
        let is_waited_for = async |what: &str| {
            let row = observer.client().query_one(&format!("SELECT ({waits}) > interval '{what}'"), &[]).await;
            row.unwrap().get::<_, bool>(0)
        };
        while !is_waited_for("0").await {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            // Refused when partctl is in the queue already.
            let relieved = relieving.client().batch_execute(&lock).await.is_ok();
            let over = if relieved { &holding } else { &relieving };
            over.client().batch_execute("ROLLBACK").await.unwrap();
            if relieved {
                std::mem::swap(&mut holding, &mut relieving);
            }
        }
        while !is_waited_for("1 s").await {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        holding.client().batch_execute("ROLLBACK").await.unwrap();
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_long_under_a_lock_is_given_up_and_rolled_back() {
    let slow =
        "CREATE FUNCTION public.slow() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(20); END$$;
        CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION public.slow();";
    let database = Database::new(&policy("timeout: 50 ms, retry_for: 10 s"), &format!("{ORDERS}{DEFAULT}")).await;
    database.partctl(&["apply", "--only-create"], 0);
    database.sql(slow).await;
    let before = database.state().await;
    let text = database.partctl(&["apply", "--allow-destroy"], 3);
    contains(&text, &["not done within 1", "under its locks (57014)", "DETACH PARTITION shop.orders_2001_01"]);
    assert_eq!(database.state().await, before);
    assert_eq!(database.value("SELECT count(*) FROM partctl.detached_tables").await, "0");
    database.sql("DROP EVENT TRIGGER slow").await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(database.value(ATTACHED).await, "4");
}

/// The search for rows that reference the partition keeps writers of their table waiting; here it meets a partition of
/// that table that somebody has locked.
#[tokio::test(flavor = "multi_thread")]
async fn a_concurrent_detach_that_searches_for_long_is_given_up_as_well() {
    let setup = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, at timestamptz, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE shop.orders_2001_01 PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
        CREATE TABLE shop.orders_rest PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01 00:00+00') TO (MAXVALUE);
        INSERT INTO shop.orders VALUES (1, '2001-01-15'), (2, '2020-01-15'); ANALYZE shop.orders;
        CREATE TABLE shop.lines (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.orders) PARTITION BY HASH (id);
        CREATE TABLE shop.lines_0 PARTITION OF shop.lines FOR VALUES WITH (MODULUS 1, REMAINDER 0)";
    let database = Database::new(&policy("timeout: 3 s, retry_for: 2 minutes"), setup).await;
    let reader = holder(&database, "LOCK TABLE ONLY shop.lines IN ACCESS SHARE MODE; SELECT pg_sleep(3.2)").await;
    let mut child = start(&database, &database.url(), &["apply", "--allow-destroy"]);
    database.until(LOOKING, || child.try_wait().unwrap().is_none()).await;
    let locked = session(&database.url()).await;
    locked.client().batch_execute("BEGIN; LOCK TABLE shop.lines_0 IN ACCESS EXCLUSIVE MODE").await.unwrap();
    release(reader).await;
    let text = end(child, 3);
    contains(&text, &["not done within 1", "under its locks (57014)", "an index on the referencing columns"]);
    release(locked).await;
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhdetachpending").await, "0");
    database.partctl(&["apply", "--allow-destroy"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_concurrent_detach_that_somebody_cancels_between_its_phases_is_finished_by_the_same_run() {
    let database = Database::new(&policy("timeout: 3 s, retry_for: 2 minutes"), ORDERS).await;
    database.partctl(&["apply", "--only-create"], 0);
    let reader = session(&database.url()).await;
    reader.client().batch_execute("BEGIN; LOCK TABLE ONLY shop.orders IN ACCESS SHARE MODE").await.unwrap();
    let mut child = start(&database, &database.url(), &["apply", "--allow-destroy"]);
    let trapped = "SELECT 0 < count(*) FROM pg_inherits WHERE inhdetachpending";
    database.until(trapped, || child.try_wait().unwrap().is_none()).await;
    let cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'partctl'
        AND datname = current_database() AND query LIKE '%CONCURRENTLY'";
    assert_eq!(database.value(cancel).await, "t");
    release(reader).await;
    end(child, 0);
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhdetachpending").await, "0");
    database.partctl(&["plan", "--check"], 0);
}
