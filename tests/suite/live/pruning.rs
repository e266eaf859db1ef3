//! Queries that prune and queries that do not, as only a planner can tell; and what a check never does: execute what
//! a policy says, wait long for somebody's lock, or fill the lock table that all sessions share.

use partctl::db::throwaway::{ServerOptions, ThrowawayServer};
use partctl::pruning::Judgement;
use partctl::run::prove_pruning;
use serde_json::{Value, json};

use super::harness::{Database, command, contains, policy_folder, said, session};

const MONTHLY: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}\n";
const ORDERS: &str =
    "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at)";

const THIS_MONTH: &str = "SELECT date_trunc('month', now())::date";
const NEXT_MONTH: &str = "SELECT (date_trunc('month', now()) + interval '1 month')::date";

/// A query that no planner can prune: the key hides in a function.
const HIDDEN: &str = "select * from shop.orders where date_trunc('month', at) = '2024-01-01'";

fn with_query(name: &str, sql: &str, rest: &str) -> String {
    format!("{MONTHLY}pruning:\n  - {{name: {name}, sql: \"{sql}\", {rest}}}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_hides_the_key_fails_the_check_and_says_what_it_reads() {
    let mut database = Database::new(MONTHLY, ORDERS).await;
    database.partctl(&["apply"], 0);
    let (from, to) = (database.value(THIS_MONTH).await, database.value(NEXT_MONTH).await);
    let one_month = format!("partitions: 1, with: ['{from}', '{to}']");
    let good = with_query("one month", "select * from shop.orders where at >= $1 and at < $2", &one_month);
    database.set_policy(&good);
    contains(&database.partctl(&["check"], 0), &["pruning proven on 5 queries", "5 partitions"]);

    database.set_policy(&format!("{good}  - {{name: hidden, sql: \"{HIDDEN}\", partitions: 1}}\n"));
    let first =
        database.value("SELECT min(relid::regclass::text) FROM pg_partition_tree('shop.orders') WHERE isleaf").await;
    let short = first.trim_start_matches("shop.");
    let reads = format!("`hidden` reads 5 of 5 partitions ({short}, ");
    let text = database.partctl(&["check"], 3);
    contains(&text, &["PT118", &reads, "and 2 more), at most 1 allowed", "pruning proven on 5 of 6 queries"]);

    let output = database.command(&["check", "-o", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let query = |name: &str| json["pruning"].as_array().unwrap().iter().find(|query| query["query"] == name).unwrap();
    assert_eq!(query("one month")["result"], "passed");
    assert_eq!(query("one month")["verdict"], "plan");
    assert_eq!(query("one month")["custom"]["scanned"], json!([first]));
    assert_eq!(query("one month")["generic"]["verdict"], "startup");
    assert_eq!(query("hidden")["result"], "failed");
    assert_eq!(query("hidden")["partitions"], 5);
    assert_eq!(query("hidden")["custom"]["scanned"].as_array().map(Vec::len), Some(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policys_query_smuggles_in_is_never_executed() {
    let mut database = Database::new(MONTHLY, ORDERS).await;
    database.partctl(&["apply"], 0);
    // Functions that lie about what they do are evaluated while a query is planned.
    database
        .sql(
            "INSERT INTO shop.orders SELECT 1, now(); CREATE SEQUENCE shop.counter;
            CREATE FUNCTION shop.wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM shop.orders; SELECT 1';
            CREATE FUNCTION shop.evil() RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN shop.wipe(); END';
            CREATE FUNCTION shop.slow() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1 FROM pg_sleep(30)'",
        )
        .await;
    for sql in [
        "select 1; drop table shop.orders",
        "select ';' /* ; /* */ ; */; truncate shop.orders",
        "drop table shop.orders",
        "do 'begin delete from shop.orders; end'",
        "explain analyze delete from shop.orders",
    ] {
        database.set_policy(&with_query("q", sql, "partitions: 1"));
        contains(&database.partctl(&["check"], 4), &["policy.yaml:5:", sql]);
    }
    for (sql, exit, why) in [
        ("with gone as (delete from shop.orders returning 1) select 1", 3, "`q` reads 5 of 5"),
        ("delete from shop.orders", 3, "`q` reads 5 of 5"),
        ("select * from shop.orders where id = nextval('shop.counter')", 3, "`q` reads 5 of 5"),
        ("select * from shop.orders where id = shop.evil()", 0, "read-only transaction (25006)"),
        ("select * from shop.orders where id = shop.slow()", 0, "statement timeout (57014)"),
    ] {
        database.set_policy(&with_query("q", sql, "partitions: 1"));
        contains(&database.partctl(&["check"], exit), &[why]);
    }

    // Should the reader of policies ever be fooled about where a statement ends, the protocol still takes one only.
    let mut policies = database.parsed_policies();
    policies[0].pruning[0].sql = "select 1; delete from shop.orders".to_owned();
    let (snapshot, _) = database.plan().await;
    let results = prove_pruning(database.session.client(), &policies, &snapshot).await.unwrap();
    let own = &results.last().unwrap().judgement;
    assert!(matches!(own, Judgement::Failed(why) if why.contains("42601")), "{own:?}");
    assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "1");
    assert_eq!(database.value("SELECT is_called FROM shop.counter").await, "f");
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_that_is_switched_off_is_found_out() {
    let database = Database::new(MONTHLY, ORDERS).await;
    database.partctl(&["apply"], 0);
    database
        .sql("DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET enable_partition_pruning = off', current_database()); END$$")
        .await;
    contains(&database.partctl(&["check"], 3), &["PT118", "reads 5 of 5", "enable_partition_pruning is off"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_that_changes_a_table_proves_that_its_queries_prune() {
    let database = Database::new(&with_query("hidden", HIDDEN, "partitions: 1"), ORDERS).await;
    contains(&database.partctl(&["apply"], 3), &["5 steps done", "`hidden` reads 5 of 5", "PT118"]);
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits").await, "5");
    contains(&database.partctl(&["apply"], 0), &["nothing to do, 0 findings"]);
    let database =
        Database::new(&with_query("open", "select * from shop.orders where at = now()", "locks: 50"), ORDERS).await;
    contains(&database.partctl(&["apply"], 0), &["5 steps done", "pruning proven on 5 queries"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_converged_run_waits_for_nobody_and_asks_the_planner_nothing() {
    let policies = format!(
        "{}---
version: 1\ntable: shop.days\npartition: {{range: day, every: 1 day}}\nretain: {{for: 1 year, then: drop}}\n---
version: 1\ntable: shop.regions\npartition: {{list: region, values: {{na: [us, ca], none: [null]}}, default: other}}\n---
version: 1\ntable: shop.events\npartition: {{hash: id, modulus: 2}}\n",
        with_query("hidden", HIDDEN, "partitions: 1")
    );
    let database = Database::new(
        &policies,
        &format!(
            "{ORDERS}; CREATE TABLE shop.days (day date) PARTITION BY RANGE (day);
            CREATE TABLE shop.days_default PARTITION OF shop.days DEFAULT; INSERT INTO shop.days VALUES ('1999-01-01'); DELETE FROM shop.days;
            CREATE TABLE shop.regions (region text) PARTITION BY LIST (region);
            CREATE TABLE shop.events (id int) PARTITION BY HASH (id)"
        ),
    )
    .await;
    // The planner's question about `hidden` fails this run; the later ones do not ask.
    contains(&database.partctl(&["apply"], 3), &["PT118"]);
    let holder = session(&database.url()).await;
    let everything = database
        .value("SELECT string_agg(relid::regclass::text, ', ') FROM pg_class, pg_partition_tree(oid) WHERE relkind = 'p' AND NOT relispartition")
        .await;
    let lock = format!("BEGIN; LOCK TABLE {everything} IN ACCESS EXCLUSIVE MODE");
    holder.client().batch_execute(&lock).await.unwrap();
    database.partctl(&["plan", "--check"], 0);
    contains(&database.partctl(&["apply"], 0), &["4 tables, nothing to do, 0 findings"]);
    database.partctl(&["status"], 0);
    // A check does ask, and says that it was kept out, without waiting once per query.
    contains(
        &database.partctl(&["check"], 0),
        &["PT119", "lock timeout (55P03)", "look at what holds the table locked"],
    );
    holder.client().batch_execute("COMMIT").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_too_large_for_the_lock_table_is_not_tried_and_nobody_is_harmed() {
    let small = [("max_locks_per_transaction", "10"), ("max_connections", "15"), ("autovacuum", "off")];
    let settings = small.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let server = ThrowawayServer::start(ServerOptions { settings, ..ServerOptions::default() }).unwrap();
    let url = server.url("postgres");
    let client = session(&url).await;
    let script = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, at timestamptz) PARTITION BY RANGE (at)";
    client.client().batch_execute(script).await.unwrap();
    // Each in a transaction of its own, for the sake of the small lock table.
    let days = "DO $$BEGIN FOR d IN 0..1199 LOOP
        EXECUTE format('CREATE TABLE shop.d%s PARTITION OF shop.orders FOR VALUES FROM (%L) TO (%L)', d,
            date_trunc('day', now()) - (d - 5) * interval '1 day', date_trunc('day', now()) - (d - 6) * interval '1 day');
        COMMIT; END LOOP; END$$";
    client.client().batch_execute(days).await.unwrap();
    let policy = MONTHLY.replace("1 month", "1 day");
    let policy = format!("{policy}pruning:\n  - {{name: own, sql: \"select * from shop.orders where at = now()\"}}\n");
    let policies = policy_folder(&policy);
    let run = |arguments: &[&str], exit| {
        let output = command(policies.path(), &url, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{}", said(&output));
        said(&output)
    };
    let text = run(&["check"], 0);
    contains(&text, &["PT119", "own: not tried: planning it could lock 1201 relations", "room for about 150"]);
    contains(&text, &["was not tried with a generic plan", "raise max_locks_per_transaction", "proven on 6 of 7"]);
    run(&["--strict", "check"], 3);
    run(&["plan", "--check"], 0);
    assert!(!server.log_tail().contains("out of shared memory"), "{}", server.log_tail());

    // What would have happened.
    let refused = client.client().batch_execute("EXPLAIN SELECT * FROM shop.orders WHERE id = 1").await.unwrap_err();
    assert_eq!(refused.code().map(|code| code.code()), Some("53200"));
}
