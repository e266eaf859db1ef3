//! DEFAULT is split while everybody works on: each statement's own count is right at every moment, no row is lost or
//! doubled however the split ends, and nothing of it is left behind.

use std::time::Duration;

use partctl::plan::{Action, Plan, StepKind};

use super::crowd::{Crowd, IN_DEFAULT, MONTHS, unwrapped, with_so_many_stones};
use super::harness::{Database, contains};

/// So many rows of each month that they are not moved at once.
const MANY: i64 = 30_000;
/// The crowd counts all rows again and again, so a moment without a transaction of 50 ms never comes.
const PATIENT: &str = "locks: {timeout: 1 s, retry_for: 1 minute}\n";

/// Lets them be copied.
const IN_BATCHES: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 3 partitions, move_rows: in_batches}\n";

/// What a split needs until it is done, and leaves nothing of.
pub const LEFTOVERS: &str = "SELECT (SELECT count(*) FROM pg_class WHERE relname LIKE 'partctl%') + (SELECT count(*) FROM pg_proc WHERE proname LIKE 'partctl%')
    + (SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'partctl%') + (SELECT count(*) FROM pg_constraint WHERE conname LIKE 'partctl%')";

/// Carries a plan out statement by statement. Returns of each split how many partitions it made, and what the server said
/// when these took their place.
pub async fn exchanges(database: &Database, plan: &Plan) -> Vec<(usize, String)> {
    let mut exchanges = Vec::new();
    database.sql("SET client_min_messages = debug1").await;
    for (_, step) in plan.steps() {
        let mut said = Vec::new();
        for action in step.actions() {
            database.session.take_notices();
            match action {
                Action::Transaction(_) => {
                    database.sql(&format!("BEGIN; {}; COMMIT", action.statements().join("; "))).await;
                }
                _ => database.sql(&action.statements().join("; ")).await,
            }
            said = database.session.take_notices().into_iter().map(|notice| notice.message).collect();
        }
        if step.kind() == StepKind::Split {
            exchanges.push((step.made().len(), said.join("\n")));
        }
    }
    database.sql("RESET client_min_messages").await;
    exchanges
}

#[tokio::test(flavor = "multi_thread")]
async fn while_default_is_split_every_statement_counts_right() {
    let database = with_so_many_stones(&format!("{IN_BATCHES}{PATIENT}"), MANY).await;
    let plan = unwrapped(&database.partctl(&["plan"], 0));
    contains(
        &plan,
        &["* split rest orders_20", "120 k", "copied beside everybody in up to", "then writers wait up to"],
    );
    let crowd = Crowd::gather(&database).await.and_two_who_keep_their_snapshots(&database).await;
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
    let crowd = Crowd::gather(&database).await.and_two_who_keep_their_snapshots(&database).await;
    let (kills, text) = killed_again_and_again(&database).await;
    crowd.disperse().await;
    assert!(2 < kills, "killed {kills} times: {text}");
    assert_eq!(database.value(IN_DEFAULT).await, "0", "{text}");
    assert_eq!(database.value(LEFTOVERS).await, "0");
    database.partctl(&["plan", "--check"], 0);
}

/// Applies and kills that, until it comes to its end by itself: how often, and what it said at last.
pub async fn killed_again_and_again(database: &Database) -> (u64, String) {
    let mut kills = 0;
    loop {
        let mut run = database.start(&database.url(), &["apply"]);
        // Later each time, so that it is killed everywhere, and at last not at all.
        let moment = tokio::time::sleep(Duration::from_millis(100 + 120 * kills));
        if run.comes_to(moment).await {
            run.kill().await;
            kills += 1;
            // Its session ends a moment after it, and until then holds the run lock.
            let held = "SELECT 0 = count(*) FROM pg_locks WHERE locktype = 'advisory'
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
            database.until(held, || true).await;
            continue;
        }
        return (kills, run.ends().await.1);
    }
}

/// Carries out the first actions of the table's split, and no more.
pub async fn begin_split(database: &Database, actions: usize) {
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
        (
            "goes on copying",
            "CREATE TABLE shop.past PARTITION OF shop.orders FOR VALUES FROM ('2000-01-01') TO ('2001-01-01');
            UPDATE shop.orders SET at = '2000-06-01' WHERE id % 5 = 0 AND at < '2097-01-01'; UPDATE shop.orders SET at = now() WHERE at = '2000-06-01' AND id % 2 = 0",
        ),
        (
            "goes on copying",
            "GRANT USAGE ON SCHEMA shop TO carrier; GRANT SELECT, INSERT, UPDATE, DELETE ON shop.orders TO carrier; SET ROLE carrier;
            UPDATE shop.orders SET n = 7 WHERE id % 5 = 0; DELETE FROM shop.orders WHERE id % 7 = 0; INSERT INTO shop.orders VALUES (-9, now(), 1, 1); RESET ROLE",
        ),
        ("* discard", "ALTER TABLE shop.orders ADD more text DEFAULT 'x'"),
        ("* discard", "CREATE INDEX ON shop.orders (n)"),
        ("* discard", "ALTER TABLE shop.rest RENAME TO leftovers"),
    ];
    // When the triggers are there, when all is copied, when changes are mirrored for the first time, and right before the
    // exchange: two of these for each.
    for (at, (told, sql)) in meanwhile.iter().enumerate() {
        for actions in [[1, 9], [2, 6], [9, 2]][at % 3] {
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
        for (parts, said) in exchanges(&database, &plan).await {
            assert!(!said.contains("verifying table"), "{type_name}: {said}");
            assert_eq!(said.matches("is implied by existing constraints").count(), parts + 1, "{type_name}: {said}");
        }
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
        ("CREATE SEQUENCE shop.ids OWNED BY shop.rest.id", "sequence shop.ids would go with it"),
        ("ALTER TABLE shop.orders ADD UNIQUE (id, n, at) DEFERRABLE", "may be deferred"),
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

#[tokio::test(flavor = "multi_thread")]
async fn a_default_of_somebody_else_is_split_once_it_belongs_to_the_tables_owner() {
    let database = with_so_many_stones(IN_BATCHES, MANY).await;
    database.sql("ALTER TABLE shop.rest OWNER TO creator").await;
    contains(&unwrapped(&database.partctl(&["plan"], 3)), &["* match rest", "PT173", "it belongs to creator"]);
    contains(&database.partctl(&["apply"], 3), &["still to do: shop.orders split shop.rest: run again"]);
    database.partctl(&["apply"], 0);
    assert_eq!(database.value(IN_DEFAULT).await, "0");
}

/// What DEFAULT is, apart from its rows.
const DEFAULTS_OWN: &str = "SELECT concat_ws(' | ', c.relname, c.reloptions, pg_get_userbyid(c.relowner), obj_description(c.oid),
        (SELECT string_agg(concat_ws(' ', a.grantee::regrole, a.privilege_type, a.is_grantable), ',' ORDER BY a.grantee::regrole::text, a.privilege_type) FROM aclexplode(c.relacl) a),
        (SELECT string_agg(pg_get_indexdef(i.indexrelid), ',' ORDER BY pg_get_indexdef(i.indexrelid)) FROM pg_index i WHERE i.indrelid = c.oid),
        (SELECT string_agg(conname || ' ' || pg_get_constraintdef(k.oid), ',' ORDER BY conname) FROM pg_constraint k WHERE k.conrelid = c.oid),
        (SELECT string_agg(pg_get_statisticsobjdef(s.oid), ',' ORDER BY s.stxname) FROM pg_statistic_ext s WHERE s.stxrelid = c.oid),
        (SELECT string_agg(concat_ws(' ', attname, attacl, col_description(attrelid, attnum)), ',' ORDER BY attnum) FROM pg_attribute
          WHERE attrelid = c.oid AND 0 < attnum),
        (SELECT string_agg(concat_ws(' ', tgname, tgenabled), ',' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal))
    FROM pg_class c WHERE c.oid = 'shop.rest'::regclass";

/// Triggers of the table go on to what is made, and take nothing that is copied for new.
const AUDITED: &str = "CREATE TABLE shop.audit (what text); GRANT INSERT ON shop.audit TO PUBLIC;
    CREATE FUNCTION shop.audit() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO shop.audit VALUES (tg_op); RETURN NULL; END';
    CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.audit();
    ALTER TABLE shop.orders ENABLE ALWAYS TRIGGER audit;";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_default_is_what_the_old_one_was() {
    let database = with_so_many_stones(IN_BATCHES, MANY).await;
    database
        .sql(&format!(
            "{AUDITED} ALTER TABLE shop.rest SET (fillfactor = 70, autovacuum_enabled = off);
            COMMENT ON TABLE shop.rest IS 'what nobody wants'; COMMENT ON COLUMN shop.rest.n IS 'a number';
            CREATE STATISTICS shop.id_and_n ON id, n FROM shop.rest; CREATE INDEX rest_by_n_too ON shop.rest (n) WHERE n IS NOT NULL;
            CREATE INDEX rest_by_n ON shop.rest (n) WHERE n IS NOT NULL; ALTER TABLE shop.rest ADD CONSTRAINT few CHECK (n < 1000000);
            GRANT SELECT ON shop.orders TO carrier; GRANT SELECT, DELETE ON shop.rest TO carrier WITH GRANT OPTION;
            GRANT UPDATE (n) ON shop.rest TO stranger; ALTER TABLE shop.orders OWNER TO creator; ALTER TABLE shop.rest OWNER TO creator;
            GRANT CREATE, USAGE ON SCHEMA shop TO creator"
        ))
        .await;
    let before = database.value(DEFAULTS_OWN).await;
    database.partctl(&["apply"], 0);
    assert_eq!(database.value(DEFAULTS_OWN).await, before);
    assert_eq!(database.value("SELECT count(*) FROM shop.audit").await, "0");
    assert_eq!(database.value(IN_DEFAULT).await, "0");
    database.sql("UPDATE shop.orders SET n = 1 WHERE id = 7; UPDATE shop.orders SET n = 2 WHERE id = -7").await;
    assert_eq!(database.value("SELECT count(*) FROM shop.audit").await, "2");
    assert_eq!(database.value(LEFTOVERS).await, "0");
}

/// Beside transactions of more than `locks.timeout`, one after the other, the moment to exchange never comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_split_that_never_finds_its_moment_gives_up_and_the_next_run_goes_on_with_it() {
    let impatient = format!("{IN_BATCHES}locks: {{retry_for: 2 s}}\n");
    let mut database = with_so_many_stones(&impatient, MANY).await;
    database.partctl(&["init"], 0);
    let reader = super::harness::session(&database.url_with("application_name=reporting")).await;
    reader.client().batch_execute("BEGIN; SELECT count(*) FROM shop.orders").await.unwrap();
    let crowd = Crowd::gather(&database).await;
    let (code, text) = database.start(&database.url(), &["apply"]).ends().await;
    assert_eq!(code, Some(8), "{text}");
    contains(&text, &["reporting"]);
    contains(&database.partctl(&["plan"], 0), &["* split", "goes on copying"]);
    reader.client().batch_execute("ROLLBACK").await.unwrap();
    database.set_policy(&format!("{IN_BATCHES}{PATIENT}"));
    let (code, text) = database.start(&database.url(), &["apply"]).ends().await;
    crowd.disperse().await;
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(database.value(LEFTOVERS).await, "0");
    database.partctl(&["plan", "--check"], 0);
}
