//! Rows that leave DEFAULT while everybody works on: each statement's own count is right at every moment, and no row is
//! lost or doubled, however the move ends.

use super::crowd::{Crowd, IN_DEFAULT, MONTHS, POLICY, STONES, TABLE, month, unwrapped, with_stones};
use super::harness::{Database, contains, session};

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
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class").await.unwrap();
    // It is evident once it has been idle for a while.
    database
        .sql(&format!(
            "DO $$BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {} AND state = 'idle in transaction'
               AND state_change < clock_timestamp() - interval '100 ms')
             LOOP PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP; END$$",
            reporting.backend_pid()
        ))
        .await;
    let text = database.partctl(&["apply"], 8);
    let named = format!("pid {} of postgres would not see rows that move", reporting.backend_pid());
    contains(&unwrapped(&text), &[&named, "\"reporting\"", "holds a snapshot", "move_rows: always_in_batches"]);
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
