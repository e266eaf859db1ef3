//! The modulus of a table is raised while everybody works on: each statement's own count is right at every moment, no row
//! is lost or doubled however it ends, and what takes the place of a partition is what that was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use partctl::plan::StepKind;
use tokio::task::JoinHandle;

use super::crowd::unwrapped;
use super::harness::{Database, contains, session};
use super::splits::{LEFTOVERS, begin_split, exchanges, killed_again_and_again};

/// So many rows that nobody changes.
const STONES: i64 = 60_000;

fn policy(modulus: u32) -> String {
    format!(
        "version: 1\ntable: shop.\"User Accounts\"\npartition: {{hash: ['\"Id\"', 'no'], modulus: {modulus}}}
create: {{move_rows: in_batches}}\nlocks: {{timeout: 1 s, retry_for: 1 minute}}\n"
    )
}

/// Moduli and remainders that hold everything together.
const FOURS: &[(u32, u32)] = &[(4, 0), (4, 1), (4, 2), (4, 3)];
const FOURS_AND_EIGHTS: &[(u32, u32)] = &[(4, 0), (8, 1), (8, 5), (4, 2), (4, 3)];

async fn with_partitions(policy: &str, classes: &[(u32, u32)]) -> Database {
    let partition = |(modulus, remainder): &(u32, u32)| {
        format!(
            "CREATE TABLE shop.\"User Accounts_p{remainder}\" PARTITION OF shop.\"User Accounts\" FOR VALUES WITH (modulus {modulus}, remainder {remainder});"
        )
    };
    let partitions: String = classes.iter().map(partition).collect();
    let setup = format!(
        "CREATE SCHEMA shop; CREATE TABLE shop.\"User Accounts\" (\"Id\" text NOT NULL, \"no\" bigint NOT NULL, who int NOT NULL, n int, PRIMARY KEY (\"Id\", \"no\"))
            PARTITION BY HASH (\"Id\", \"no\"); CREATE INDEX ON shop.\"User Accounts\" (who); {partitions}
        INSERT INTO shop.\"User Accounts\" SELECT 'User ' || i, i, 0, 0 FROM generate_series(1, {STONES}) i; ANALYZE shop.\"User Accounts\""
    );
    Database::new(policy, &setup).await
}

/// Sessions that read and write until they are told to stop; each panics at the first wrong count.
struct Crowd {
    over: Arc<AtomicBool>,
    members: Vec<JoinHandle<(&'static str, usize)>>,
}

impl Crowd {
    async fn gather(database: &Database) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut members = Vec::new();
        for (name, sql, expected) in [
            ("reader of all", "SELECT count(*) FROM shop.\"User Accounts\" WHERE who = 0", STONES),
            (
                "reader by key",
                "SELECT count(*) FROM shop.\"User Accounts\" WHERE \"Id\" = 'User 777' AND \"no\" = 777",
                1,
            ),
            (
                "reader by keys",
                "SELECT count(*) FROM generate_series(1, 200) i JOIN shop.\"User Accounts\" u ON u.\"Id\" = 'User ' || i AND u.\"no\" = i",
                200,
            ),
        ] {
            let (session, over) = (session(&database.url()).await, Arc::clone(&over));
            members.push(tokio::spawn(async move {
                let mut times = 0;
                while !over.load(Ordering::Relaxed) {
                    let row = session.client().query_typed(sql, &[]).await.unwrap();
                    assert_eq!(row[0].get::<_, i64>(0), expected, "{name}, after {times} times");
                    times += 1;
                }
                (name, times)
            }));
        }
        for who in 1..=3 {
            let (session, over) = (session(&database.url()).await, Arc::clone(&over));
            members.push(tokio::spawn(async move {
                let (mut own, mut times) = (0, 0);
                while !over.load(Ordering::Relaxed) {
                    let key = |n: i64| format!("\"Id\" = 'Writer {who}' AND \"no\" = {n}");
                    let changed = [
                        format!("INSERT INTO shop.\"User Accounts\" VALUES ('Writer {who}', {times}, {who}, 0)"),
                        format!("UPDATE shop.\"User Accounts\" SET n = n + 1 WHERE {}", key(times)),
                        // To another partition, more often than not.
                        format!("UPDATE shop.\"User Accounts\" SET \"no\" = -1 - \"no\" WHERE {}", key(times)),
                        format!("DELETE FROM shop.\"User Accounts\" WHERE {} AND n = 1", key(-1 - times)),
                    ];
                    let kept = times % 3 != 0;
                    for sql in &changed[..if kept { 3 } else { 4 }] {
                        assert_eq!(session.client().execute_typed(sql, &[]).await.unwrap(), 1, "{sql}");
                    }
                    own += i64::from(kept);
                    let counted = format!("SELECT count(*) FROM shop.\"User Accounts\" WHERE who = {who}");
                    let row = session.client().query_typed(&counted, &[]).await.unwrap();
                    assert_eq!(row[0].get::<_, i64>(0), own, "writer {who}, after {times} times");
                    times += 1;
                }
                ("writer", times as usize)
            }));
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

/// The bounds of the partitions, under the names that the policy gives them.
async fn holds_all(database: &Database, modulus: u32) {
    let names = database
        .column("SELECT c.relname || ' ' || pg_get_expr(relpartbound, 0) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE inhparent = 'shop.\"User Accounts\"'::regclass ORDER BY pg_get_expr(relpartbound, 0)")
        .await;
    let mut expected: Vec<String> = (0..modulus)
        .map(|remainder| {
            format!("User Accounts_p{remainder} FOR VALUES WITH (modulus {modulus}, remainder {remainder})")
        })
        .collect();
    expected.sort_by_key(|name| name.split_once(" FOR").unwrap().1.to_owned());
    assert_eq!(names, expected);
    assert_eq!(database.value(LEFTOVERS).await, "0");
    database.partctl(&["plan", "--check"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_modulus_is_raised_every_statement_counts_right() {
    let database = with_partitions(&policy(8), FOURS).await;
    let plan = unwrapped(&database.partctl(&["plan"], 0));
    contains(&plan, &["* split \"User Accounts_p0\"", "15.", " k copied beside everybody in up to", "4 to split"]);
    let crowd = Crowd::gather(&database).await;
    let (code, text) = database.start(&database.url(), &["apply"]).ends().await;
    crowd.disperse().await;
    assert_eq!(code, Some(0), "{text}");
    holds_all(&database, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn raising_the_modulus_may_be_killed_again_and_again() {
    let database = with_partitions(&policy(16), FOURS_AND_EIGHTS).await;
    database.partctl(&["init"], 0);
    let crowd = Crowd::gather(&database).await;
    let (kills, text) = killed_again_and_again(&database).await;
    crowd.disperse().await;
    assert!(2 < kills, "killed {kills} times: {text}");
    holds_all(&database, 16).await;
}

const ROWS: &str =
    "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(u::text, 0)), 0) FROM shop.\"User Accounts\" u";

#[tokio::test(flavor = "multi_thread")]
async fn a_split_that_stops_after_any_action_goes_on_whatever_happens_meanwhile() {
    let meanwhile = [
        ("goes on copying", "VACUUM FULL shop.\"User Accounts_p0\""),
        (
            "goes on copying",
            "TRUNCATE shop.\"User Accounts_p0\"; INSERT INTO shop.\"User Accounts\" SELECT 'new ' || i, i, 1, 1 FROM generate_series(1, 9000) i",
        ),
        (
            "goes on copying",
            "DELETE FROM shop.\"User Accounts\" WHERE \"no\" % 3 = 0; UPDATE shop.\"User Accounts\" SET \"no\" = -\"no\" WHERE \"no\" % 7 = 0; UPDATE shop.\"User Accounts\" SET n = 5",
        ),
        ("* discard", "ALTER TABLE shop.\"User Accounts\" ADD more text DEFAULT 'x'"),
        ("* discard", "ALTER TABLE shop.\"User Accounts_p0\" RENAME TO \"User Accounts_p00\""),
    ];
    // When the triggers are there, when all is copied, when changes are mirrored for the first time, and right before the
    // exchange: two of these for each.
    for (at, (told, sql)) in meanwhile.iter().enumerate() {
        for actions in [[1, 8], [2, 5], [8, 1]][at % 3] {
            let database = with_partitions(&policy(8), FOURS).await;
            database.partctl(&["init"], 0);
            begin_split(&database, actions).await;
            database.sql(sql).await;
            let before = database.value(ROWS).await;
            contains(&database.partctl(&["plan"], 0), &[told]);
            let text = database.partctl(&["apply"], 0);
            assert_eq!(database.value(ROWS).await, before, "{sql} after {actions}: {text}");
            holds_all(&database, 8).await;
            database.discard().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modulus_that_is_not_wanted_any_more_leaves_the_partitions_that_are_not_split_yet() {
    let mut database = with_partitions(&policy(8), FOURS).await;
    database.partctl(&["init"], 0);
    let state = database.state().await;
    begin_split(&database, 2).await;
    database.set_policy(&policy(4));
    contains(&database.partctl(&["plan"], 0), &["* discard", "User Accounts_p0"]);
    database.partctl(&["apply"], 0);
    assert_eq!(database.state().await, state);
    // Another modulus than the one that was begun.
    database.set_policy(&policy(8));
    begin_split(&database, 2).await;
    database.set_policy(&policy(16));
    contains(&database.partctl(&["plan"], 0), &["* discard", "4 to split"]);
    database.partctl(&["apply"], 0);
    holds_all(&database, 16).await;
}

/// While everybody waits nothing is read: Postgres itself says what it scans and what it has proof of.
#[tokio::test(flavor = "multi_thread")]
async fn no_part_is_scanned_when_it_takes_its_place() {
    let cases = [
        ("k bigint", "k", "k", "i"),
        ("k text", "k", "k", "i::text"),
        ("k varchar(9) COLLATE \"C\"", "k", "k", "i::text"),
        ("k text, b uuid", "b, k", "[b, k]", "i::text, gen_random_uuid()"),
        ("k timestamptz", "k", "k", "now() + i * interval '1 s'"),
        ("k char(6)", "k", "k", "i::text"),
        ("k text[]", "k", "k", "ARRAY[i::text]"),
    ];
    for (columns, by, key, values) in cases {
        let policy = format!(
            "version: 1\ntable: shop.t\npartition: {{hash: {key}, modulus: 4, name: \"{{table}}_{{modulus}}_{{remainder}}\"}}\ncreate: {{move_rows: in_batches}}\n"
        );
        let setup = format!(
            "CREATE SCHEMA shop; CREATE TABLE shop.t ({columns}, PRIMARY KEY ({by})) PARTITION BY HASH ({by});
            CREATE TABLE shop.t_0 PARTITION OF shop.t FOR VALUES WITH (modulus 2, remainder 0);
            CREATE TABLE shop.t_1 PARTITION OF shop.t FOR VALUES WITH (modulus 2, remainder 1);
            INSERT INTO shop.t SELECT {values} FROM generate_series(1, 9000) i"
        );
        let database = Database::new(&policy, &setup).await;
        let (_, plan) = database.plan().await;
        assert_eq!(plan.count(StepKind::Split), 2, "{columns}");
        for (_, said) in exchanges(&database, &plan).await {
            assert!(!said.contains("verifying table"), "{columns}: {said}");
            assert_eq!(said.matches("is implied by existing constraints").count(), 2, "{columns}: {said}");
        }
        assert_eq!(database.value("SELECT count(*) FROM shop.t").await, "9000");
        database.partctl(&["plan", "--check"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_lost_with_a_partition_keeps_it_from_being_split() {
    let accounts = "shop.\"User Accounts\"";
    let one = "shop.\"User Accounts_p1\"";
    let cases = [
        (
            format!("CREATE VIEW shop.v AS SELECT * FROM {one}"),
            "\"User Accounts_p1\" cannot be split: view shop.v would go with it",
            2,
        ),
        (
            format!("CREATE TABLE shop.lines (id text, \"no\" bigint, FOREIGN KEY (id, \"no\") REFERENCES {accounts})"),
            "cannot be split: shop.lines references its rows",
            0,
        ),
        (format!("CREATE PUBLICATION mod_pub FOR TABLE {accounts}"), "what is copied is not published by mod_pub", 0),
        (
            format!("ALTER TABLE {accounts} DROP CONSTRAINT \"User Accounts_pkey\""),
            "it has no primary key or unique constraint",
            0,
        ),
        (format!("ALTER TABLE {one} ENABLE ROW LEVEL SECURITY"), "its row security would go with it", 2),
        (
            format!(
                "CREATE TABLE shop.kinds (n int PRIMARY KEY); INSERT INTO shop.kinds VALUES (0); ALTER TABLE {one} ADD CONSTRAINT mine FOREIGN KEY (n) REFERENCES shop.kinds"
            ),
            "constraint mine on table shop.\"User Accounts_p1\" would go with it",
            2,
        ),
        (format!("CREATE RULE quiet AS ON DELETE TO {one} DO INSTEAD NOTHING"), "rule quiet may turn the move", 2),
        ("CREATE TABLE shop.\"User Accounts_p5\" ()".to_owned(), "cannot make shop.\"User Accounts_p5\"", 2),
    ];
    for (sql, why, others) in cases {
        let mut database = with_partitions(&policy(8), &[(8, 0), (8, 4), (4, 1), (4, 2), (4, 3)]).await;
        database.sql(&sql).await;
        let text = unwrapped(&database.partctl(&["plan"], 3));
        contains(&text, &[why]);
        assert_eq!(text.matches("* split").count(), others, "{text}");
        // Nothing is copied that the policy does not let be copied.
        database.set_policy(&policy(8).replace("in_batches", "at_once"));
        let text = unwrapped(&database.partctl(&["plan", "--check"], 0));
        contains(&text, &["PT159", "3 would be split into 6", "create: {move_rows: in_batches}"]);
    }
}

/// What a partition is, apart from its bound and its rows.
fn own(partition: &str) -> String {
    format!("SELECT replace(concat_ws(' | ', c.reloptions, pg_get_userbyid(c.relowner), obj_description(c.oid), c.relreplident,
        (SELECT string_agg(concat_ws(' ', a.grantee::regrole, a.privilege_type, a.is_grantable), ',' ORDER BY a.grantee::regrole::text, a.privilege_type) FROM aclexplode(c.relacl) a),
        (SELECT string_agg(regexp_replace(pg_get_indexdef(i.indexrelid), 'INDEX .* ON', 'INDEX ON'), ',' ORDER BY regexp_replace(pg_get_indexdef(i.indexrelid), 'INDEX .* ON', 'INDEX ON')) FROM pg_index i WHERE i.indrelid = c.oid),
        (SELECT string_agg(pg_get_constraintdef(k.oid), ',' ORDER BY pg_get_constraintdef(k.oid)) FROM pg_constraint k WHERE k.conrelid = c.oid),
        (SELECT string_agg(s.stxkind::text, ',') FROM pg_statistic_ext s WHERE s.stxrelid = c.oid),
        (SELECT string_agg(concat_ws(' ', attname, attacl, col_description(attrelid, attnum), attidentity, attgenerated), ',' ORDER BY attname) FROM pg_attribute
          WHERE attrelid = c.oid AND 0 < attnum AND NOT attisdropped),
        (SELECT string_agg(concat_ws(' ', tgname, tgenabled), ',' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)), c.relname, 'it')
    FROM pg_class c WHERE c.oid = 'shop.{partition}'::regclass")
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_what_the_partition_was() {
    let policy = "version: 1\ntable: shop.t\npartition: {hash: id, modulus: 4}\ncreate: {move_rows: in_batches}\n";
    let setup = "CREATE SCHEMA shop; CREATE TABLE shop.kinds (kind int PRIMARY KEY); INSERT INTO shop.kinds VALUES (1), (2);
        CREATE TABLE shop.audit (what text); GRANT INSERT ON shop.audit TO PUBLIC;
        CREATE TABLE shop.t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, gone int, kind int REFERENCES shop.kinds, n int, twice int GENERATED ALWAYS AS (n * 2) STORED)
            PARTITION BY HASH (id); ALTER TABLE shop.t DROP gone;
        CREATE TABLE shop.t_p0 (n int, id bigint NOT NULL, twice int GENERATED ALWAYS AS (n * 2) STORED, kind int);
        ALTER TABLE shop.t ATTACH PARTITION shop.t_p0 FOR VALUES WITH (modulus 2, remainder 0);
        CREATE TABLE shop.t_p1 PARTITION OF shop.t FOR VALUES WITH (modulus 2, remainder 1);
        CREATE FUNCTION shop.audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO shop.audit VALUES (tg_op); RETURN NULL; END';
        CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON shop.t FOR EACH ROW EXECUTE FUNCTION shop.audit();
        INSERT INTO shop.t (kind, n) SELECT 1 + i % 2, i FROM generate_series(1, 5000) i; TRUNCATE shop.audit;
        ALTER TABLE shop.t_p0 SET (fillfactor = 70, autovacuum_enabled = off); COMMENT ON TABLE shop.t_p0 IS 'first';
        COMMENT ON COLUMN shop.t_p0.n IS 'a number'; CREATE STATISTICS shop.some ON id, n FROM shop.t_p0;
        CREATE INDEX own ON shop.t_p0 (n) WHERE n IS NOT NULL; ALTER TABLE shop.t_p0 ADD CONSTRAINT few CHECK (n < 1000000);
        GRANT SELECT, DELETE ON shop.t_p0 TO carrier WITH GRANT OPTION; GRANT UPDATE (n) ON shop.t_p0 TO stranger;
        ALTER TABLE shop.t_p0 REPLICA IDENTITY FULL; GRANT SELECT ON shop.t TO stranger;
        ALTER TABLE shop.t OWNER TO creator; ALTER TABLE shop.t_p0 OWNER TO creator; ALTER TABLE shop.t_p1 OWNER TO creator;
        ALTER TABLE shop.kinds OWNER TO creator; GRANT CREATE, USAGE ON SCHEMA shop TO creator";
    let database = Database::new(policy, setup).await;
    let names = "SELECT string_agg(indexrelid::regclass::text, ',' ORDER BY 1) FROM pg_index WHERE indrelid = 'shop.t_p0'::regclass";
    let rows = "SELECT count(*) || ' ' || sum(hashtextextended(t::text, 0)) FROM shop.t t";
    let (before, rows_before, names_before) =
        (database.value(&own("t_p0")).await, database.value(rows).await, database.value(names).await);
    let without_grant = |text: &str| text.replace(",stranger SELECT f", "");
    database.partctl(&["apply"], 0);
    for part in ["t_p0", "t_p2"] {
        assert_eq!(without_grant(&database.value(&own(part)).await), without_grant(&before), "{part}");
    }
    assert_eq!((database.value(rows).await, database.value(names).await), (rows_before, names_before));
    assert_eq!(database.value("SELECT count(*) FROM shop.audit").await, "0");
    database.sql("UPDATE shop.t SET n = 1 WHERE id = 7; INSERT INTO shop.t (kind, n) VALUES (2, 2)").await;
    assert_eq!(database.value("SELECT count(*) FROM shop.audit").await, "2");
    assert_eq!(database.value("SELECT count(*) || ' ' || max(id) FROM shop.t").await, "5001 5001");
    assert_eq!(database.value(LEFTOVERS).await, "0");
    database.partctl(&["plan", "--check"], 0);
}
