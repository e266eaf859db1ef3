//! `check --workload`: statements that the server has counted, explained and never executed.

use partctl::db::throwaway::{ServerOptions, ThrowawayServer};
use serde_json::Value;

use super::harness::{Database, command, contains, policy_folder, said, session};

const MONTHLY: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_counts_nothing_is_told_how_to() {
    let setup =
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at)";
    let database = Database::new(MONTHLY, setup).await;
    database.partctl(&["apply"], 0);
    let text = database.partctl(&["check", "--workload", "5"], 0);
    contains(&text, &["PT140", "pg_stat_statements is not installed", "shared_preload_libraries"]);
    contains(&text, &["CREATE EXTENSION pg_stat_statements"]);
    database.partctl(&["--strict", "check", "--workload", "5"], 3);
    let available = "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_stat_statements'";
    if database.value(available).await == "0" {
        contains(&text, &["postgresql-contrib"]);
        return;
    }
    // Installed and not loaded, it refuses (55000).
    database.sql("CREATE EXTENSION pg_stat_statements SCHEMA public").await;
    contains(&database.partctl(&["check", "--workload", "5"], 0), &["PT140", "shared_preload_libraries", "55000"]);
    counted_statements_are_explained().await;
}

/// Only where the server has the library: with it preloaded, others would not even start.
async fn counted_statements_are_explained() {
    let settings = [("shared_preload_libraries", "pg_stat_statements"), ("autovacuum", "off")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let server = ThrowawayServer::start(ServerOptions { settings, ..ServerOptions::default() }).unwrap();
    let url = server.url("postgres");
    let owner = session(&url).await;
    let setup = "CREATE SCHEMA shop; CREATE SCHEMA stats; CREATE EXTENSION pg_stat_statements SCHEMA stats;
        CREATE TABLE shop.orders (id bigint, at timestamptz NOT NULL, state text) PARTITION BY RANGE (at);
        CREATE VIEW shop.recent AS SELECT * FROM shop.orders WHERE at >= '2020-01-01';
        CREATE TABLE public.orders (id int);
        CREATE ROLE app LOGIN; GRANT USAGE ON SCHEMA shop TO app; GRANT ALL ON shop.orders, shop.recent TO app;
        ALTER ROLE app SET search_path = shop; CREATE ROLE watcher LOGIN; GRANT USAGE ON SCHEMA stats, shop TO watcher;
        GRANT SELECT ON shop.orders TO watcher";
    owner.client().batch_execute(setup).await.unwrap();
    let folder = policy_folder(MONTHLY);
    let check = |url: &str, arguments: &[&str], exit: i32| {
        let output = command(folder.path(), url, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{}", said(&output));
        output
    };
    check(&url, &["apply"], 0);
    let fill = "INSERT INTO shop.orders SELECT n, date_trunc('month', now()) + n * interval '1 hour', 'open' || n % 3
        FROM generate_series(1, 2000) n; ANALYZE; SELECT stats.pg_stat_statements_reset()";
    owner.client().batch_execute(fill).await.unwrap();

    // The role's own search_path makes `orders` the partitioned one. partctl's sessions pin theirs.
    let mut app = tokio_postgres::Config::new();
    let socket = server.socket_dir().to_str().unwrap();
    app.host(socket).port(server.port()).user("app").dbname("postgres");
    let (app, connection) = app.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let hidden = "select count(*), pg_sleep(0.05) from orders where date_trunc('month', at) = '2026-01-01'";
    for sql in [
        hidden,
        hidden,
        "select * from orders where at >= now() and at < timestamptz '2026-02-01' + interval '1 day'",
        "select * from orders o where o.at >= '2026-01-01' and o.at < '2026-01-02' and state in ('open1', 'x')",
        "select count(*) from recent where id = any ('{1,2}'::bigint[])",
        "delete from orders where id = -1",
        "select extract('month' from at) from orders where id = 7",
        "/* app */ select id from orders where at = any (array['2026-01-01'::timestamptz])",
        "analyze orders",
    ] {
        app.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    owner.client().batch_execute("select * from orders where id = 99").await.unwrap_err();
    owner.client().batch_execute("select * from public.orders where id = 99").await.unwrap();

    let output = check(&url, &["check", "--workload", "20", "-o", "json"], 0);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let statements = json["workload"]["statements"].as_array().unwrap();
    let of = |part: &str| {
        let found: Vec<&Value> =
            statements.iter().filter(|statement| statement["sql"].as_str().unwrap().contains(part)).collect();
        assert_eq!(found.len(), 1, "{part}: {}", said(&output));
        found[0]
    };
    assert_eq!(statements[0]["sql"], of("pg_sleep")["sql"], "the dearest first");
    let hidden = &of("pg_sleep");
    assert_eq!((&hidden["calls"], &hidden["role"]), (&Value::from(2), &Value::from("app")));
    assert_eq!(hidden["tables"][0]["table"], "shop.orders");
    assert_eq!((&hidden["tables"][0]["prunes"], &hidden["tables"][0]["partitions"]), (&false.into(), &5.into()));
    assert_eq!(hidden["tables"][0]["reason"], "function_on_key");
    assert_eq!(of("o.at")["tables"][0]["prunes"], true);
    assert_eq!(of("o.at")["tables"][0]["verdict"], "plan");
    assert_eq!(of("recent")["tables"][0]["prunes"], false);
    assert_eq!(of("delete from")["tables"][0]["prunes"], false);
    assert_eq!(of("at >= now()")["tables"][0]["prunes"], true, "{}", of("at >= now()"));
    assert_eq!(of("array[")["tables"][0]["prunes"], true);
    assert!(of("extract(")["not_tried"].as_str().unwrap().contains("42601"), "{}", of("extract("));
    assert!(!statements.iter().any(|statement| statement["sql"].as_str().unwrap().contains("public.orders")));
    assert_eq!(json["workload"]["hidden"], 0);

    let text = said(&check(&url, &["check", "--workload", "20"], 0));
    contains(&text, &["workload · 6 statements looked at · 3 without pruning · 1 could not be prepared", "PT139"]);
    contains(&text, &["2 calls", "ms each, role app", "locks a call", "function_on_key"]);
    check(&url, &["--strict", "check", "--workload", "1"], 3);
    let count = owner.client().query_one("SELECT count(*) FROM shop.orders", &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 2000);

    // Behind a lock it neither waits for each statement nor for ever.
    let holder = session(&url).await;
    holder.client().batch_execute("BEGIN; LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let text = said(&check(&url, &["check", "--pruning-only", "--workload", "20"], 0));
    contains(&text, &["PT140", "3 statements ran into a timeout", "look at what holds the tables locked"]);
    holder.client().batch_execute("ROLLBACK").await.unwrap();

    // Another role sees that there is something, and what it lacks.
    let watcher = format!("{url}?user=watcher");
    let text = said(&check(&watcher, &["check", "--workload", "5"], 0));
    contains(&text, &["PT140", "is hidden from this role", "pg_read_all_stats"]);
}
