//! What hurts: each trouble gets a clear message, the right exit code, and loses nothing.

use super::harness::{Database, contains, said, server, session};

const MONTHLY: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}\n";
const ORDERS: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (at timestamptz NOT NULL) PARTITION BY RANGE (at)";
/// One partition that is long over, and one for the present.
const OLD: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (at timestamptz NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE shop.orders_2001_01 PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
    CREATE TABLE shop.orders_rest PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01 00:00+00') TO (MAXVALUE);
    INSERT INTO shop.orders VALUES ('2001-01-15'), ('2020-01-01'); ANALYZE shop.orders";
const RETAIN: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
retain: {for: 1 year, then: detach}\nlocks: {timeout: 20 ms, retry_for: 300 ms}\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_does_not_fit_its_table_exits_4_and_says_why() {
    let cases = [
        ("", "PT101", "does not exist"),
        ("CREATE SCHEMA shop; CREATE TABLE shop.orders (at timestamptz)", "PT103", "an ordinary table"),
        ("CREATE SCHEMA shop; CREATE VIEW shop.orders AS SELECT 1", "PT103", "not a partitioned table"),
        ("CREATE SCHEMA shop; CREATE TABLE shop.orders (at timestamptz) PARTITION BY HASH (at)", "PT104", "hash at"),
        (
            "CREATE SCHEMA shop; CREATE TABLE shop.orders (at timestamptz, b timestamptz) PARTITION BY RANGE (b)",
            "PT104",
            "range b",
        ),
        ("CREATE SCHEMA shop; CREATE TABLE shop.orders (at date) PARTITION BY RANGE (at)", "PT105", "has no time zone"),
        (
            "CREATE SCHEMA shop; CREATE TABLE shop.orders (at text) PARTITION BY RANGE (at)",
            "PT105",
            "does not say what time it carries",
        ),
    ];
    for (setup, code, message) in cases {
        let database = Database::new(MONTHLY, setup).await;
        contains(&database.partctl(&["plan"], 4), &[code, message, "shop.orders"]);
        contains(&database.partctl(&["apply"], 4), &[code, message]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_must_stay_in_default_keep_their_partition_from_being_made_and_the_others_are_made() {
    let setup = format!(
        "{ORDERS}; CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT;
        INSERT INTO shop.orders SELECT now() FROM generate_series(1, 7)"
    );
    let database = Database::new(&format!("{MONTHLY}create: {{move_rows: never}}\n"), &setup).await;
    let text = database.partctl(&["apply"], 3);
    contains(&text, &["PT102", "holds 7 rows", "shop.orders_default"]);
    assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "7");
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass").await, "5");
    database.partctl(&["apply"], 3);
    database.sql("DELETE FROM shop.orders").await;
    database.partctl(&["apply"], 0);
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass").await, "6");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_is_told_and_nothing_else_is_lost() {
    let database = Database::new(MONTHLY, ORDERS).await;
    let name = database.value("SELECT to_char(now() AT TIME ZONE 'UTC', '\"orders_\"YYYY_MM')").await;
    database.sql(&format!("CREATE VIEW shop.{name} AS SELECT 1")).await;
    contains(&database.partctl(&["apply"], 3), &["PT108", &name, "has that name already"]);
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass").await, "4");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_rights_is_told_which_right_is_missing() {
    let database = Database::new(MONTHLY, ORDERS).await;
    let as_role = |role: &str| database.url_with(&format!("user={role}"));
    let run = |role: &str| {
        let output = database.command(&["--database", &as_role(role), "apply"]).output().unwrap();
        (output.status.code(), said(&output))
    };
    let (code, text) = run("stranger");
    assert_eq!(code, Some(3), "{text}");
    contains(&text, &["PT113", "role stranger lacks the rights of its owner postgres"]);
    database.sql("ALTER TABLE shop.orders OWNER TO creator").await;
    let (code, text) = run("creator");
    assert_eq!(code, Some(3), "{text}");
    contains(&text, &["PT113", "GRANT USAGE, CREATE ON SCHEMA shop TO creator"]);
    database.sql("GRANT CREATE, USAGE ON SCHEMA shop TO creator").await;
    let (code, text) = run("creator");
    assert_eq!(code, Some(0), "{text}");
    let owners = database.column("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'shop'").await;
    assert_eq!(owners, ["creator"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_lacks_half_of_the_owners_rights_is_told_before_anything_is_tried() {
    let setup = format!("{ORDERS}; ALTER TABLE shop.orders OWNER TO creator; ALTER SCHEMA shop OWNER TO creator");
    let database = Database::new(MONTHLY, &setup).await;
    let since_16 = 16 <= server().installation().major();
    // Until Postgres 15 whether rights are inherited belongs to the member.
    database
        .sql(if since_16 { "GRANT creator TO half WITH INHERIT TRUE, SET FALSE" } else { "GRANT creator TO half" })
        .await;
    let url = database.url_with("user=half");
    let text = database.partctl(&["--database", &url, "plan"], 3);
    contains(&text, &["PT113", "role half lacks the rights of its owner creator"]);
    if since_16 {
        let hint = "GRANT creator TO half WITH INHERIT TRUE, SET TRUE";
        contains(&text, &[hint]);
        database.sql(hint).await;
        database.partctl(&["--database", &url, "apply"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retirement_without_a_ledger_is_refused_and_creation_is_not() {
    let policy = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {fill_gaps: false}\nretain: {for: 1 year, then: detach, per_run: 1}\n";
    let setup = "CREATE SCHEMA shop AUTHORIZATION creator; SET ROLE creator;
        CREATE TABLE shop.orders (at timestamptz NOT NULL) PARTITION BY RANGE (at);
        CREATE TABLE shop.old PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
        CREATE TABLE shop.filled PARTITION OF shop.orders FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00');
        INSERT INTO shop.orders VALUES ('2020-01-15'); RESET ROLE; ANALYZE shop.orders";
    let database = Database::new(policy, setup).await;
    let url = database.url_with("user=creator");
    let output = database.command(&["--database", &url, "apply", "--allow-destroy"]).output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(7), "{text}");
    contains(&text, &["PT115", "partctl init"]);
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass").await, "7");
    database.partctl(&["init"], 0);
    let output = database.command(&["--database", &url, "apply", "--allow-destroy"]).output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", said(&output));
    contains(&said(&output), &["PT115", "GRANT USAGE ON SCHEMA partctl TO creator"]);
    database.sql("GRANT USAGE ON SCHEMA partctl TO creator; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA partctl TO creator").await;
    let output = database.command(&["--database", &url, "apply", "--allow-destroy"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(
        database.value("SELECT table_name FROM partctl.detached_tables WHERE detached_at IS NOT NULL").await,
        "old"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn destruction_that_nobody_allowed_is_withheld() {
    let mut database = Database::new(RETAIN, OLD).await;
    contains(&database.partctl(&["apply", "--yes"], 7), &["withheld", "--allow-destroy", "orders_2001_01"]);
    database.partctl(&["apply", "--only-create"], 0);
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits").await, "2");
    database.set_policy(&RETAIN.replace("then: detach", "then: detach, unattended: true"));
    database.partctl(&["apply"], 0);
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_idle_in_transaction_is_named_and_nothing_is_half_done() {
    for default in ["", "CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT"] {
        let setup = OLD.replace("TO (MAXVALUE)", "TO ('2099-01-01 00:00+00')");
        let database = Database::new(RETAIN, &format!("{setup}; {default}")).await;
        let reader = session(&database.url_with("application_name=reporting")).await;
        reader.client().batch_execute("BEGIN; SELECT * FROM shop.orders").await.unwrap();
        // The reader's transaction must be older than the lock timeout, which is what makes it a holder to wait for.
        database.sql("SELECT pg_sleep(0.1)").await;
        let text = database.partctl(&["apply", "--allow-destroy"], 8);
        contains(
            &text,
            &["reporting", "idle in transaction", "ACCESS SHARE on shop.orders", "SELECT * FROM shop.orders"],
        );
        assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhdetachpending").await, "0");
        assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "2");
        reader.client().batch_execute("COMMIT").await.unwrap();
        database.partctl(&["apply", "--allow-destroy"], 0);
        assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_detach_of_anybody_is_finished_first() {
    let database = Database::new(RETAIN, OLD).await;
    database.partctl(&["init"], 0);
    let reader = session(&database.url()).await;
    reader.client().batch_execute("BEGIN; SELECT * FROM shop.orders").await.unwrap();
    let detach = "SET lock_timeout = '50ms'; ";
    database.sql(detach).await;
    let refused = database
        .session
        .client()
        .batch_execute("ALTER TABLE shop.orders DETACH PARTITION shop.orders_2001_01 CONCURRENTLY")
        .await;
    assert!(refused.is_err());
    reader.client().batch_execute("COMMIT").await.unwrap();
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhdetachpending").await, "1");
    contains(&database.partctl(&["plan"], 0), &["finalize", "orders_2001_01"]);
    database.partctl(&["apply"], 0);
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhdetachpending").await, "0");
    database.partctl(&["plan", "--check"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_end_cannot_be_recorded_still_tells_what_it_did() {
    let database = Database::new(MONTHLY, ORDERS).await;
    database.partctl(&["init"], 0);
    database
        .sql("CREATE FUNCTION partctl.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''the ledger is full''; END';
            CREATE TRIGGER refuse BEFORE UPDATE ON partctl.runs FOR EACH ROW EXECUTE FUNCTION partctl.refuse()")
        .await;
    let text = database.partctl(&["--quiet", "apply"], 1);
    contains(&text, &["5 steps done", "pruning proven", "error: recording the run's end", "the ledger is full"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_exits_6_at_once_and_names_the_first() {
    let database = Database::new(MONTHLY, ORDERS).await;
    let first = session(&database.url_with("application_name=first")).await;
    partctl::run::lock_database(first.client()).await.unwrap();
    contains(&database.partctl(&["apply"], 6), &["another partctl run", "first"]);
    database.partctl(&["plan"], 0);
    first.close().await;
    database.partctl(&["apply"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_runs_once_and_a_stale_one_is_refused() {
    let mut database = Database::new(MONTHLY, ORDERS).await;
    let file = database.policies().join("saved.plan.json");
    let file = file.to_str().unwrap().to_owned();
    database.partctl(&["plan", "--save", &file], 0);
    database.set_policy(&MONTHLY.replace("1 month", "1 week"));
    contains(&database.partctl(&["apply", &file], 7), &["stale", "policy of shop.orders changed"]);
    database.set_policy(MONTHLY);
    database.partctl(&["apply", &file], 0);
    contains(&database.partctl(&["apply", &file], 7), &["stale"]);
    database.partctl(&["plan", "--at", "+6 months", "--save", &file], 0);
    contains(&database.partctl(&["apply", &file], 7), &["simulated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_terminated_mid_run_ends_with_5_and_the_next_run_converges() {
    let policy = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 day, timezone: UTC}\ncreate: {ahead: 200 partitions}\n";
    let database = Database::new(policy, ORDERS).await;
    database.partctl(&["init"], 0);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_partctl"));
    command.env_clear().env("PARTCTL_DATABASE", database.url()).arg("--policies").arg(database.policies()).arg("apply");
    let mut run = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    // Terminated as soon as it has made its first partition, so it is in the middle for certain.
    database.until("SELECT 0 < count(*) FROM pg_inherits", || run.try_wait().unwrap().is_none()).await;
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'partctl' AND pid <> pg_backend_pid() AND datname = current_database()").await;
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", said(&output));
    contains(&said(&output), &["run again"]);
    database.partctl(&["apply"], 0);
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits").await, "201");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_exits_130_or_143_and_the_next_one_converges() {
    for (signal, code) in [(nix::sys::signal::Signal::SIGINT, 130), (nix::sys::signal::Signal::SIGTERM, 143)] {
        let policy = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 day, timezone: UTC}\ncreate: {ahead: 200 partitions}\n";
        let database = Database::new(policy, ORDERS).await;
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_partctl"));
        command
            .env_clear()
            .env("PARTCTL_DATABASE", database.url())
            .arg("--policies")
            .arg(database.policies())
            .arg("apply");
        let mut run =
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
        database.until("SELECT 0 < count(*) FROM pg_inherits", || run.try_wait().unwrap().is_none()).await;
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(run.id().try_into().unwrap()), signal).unwrap();
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        database.partctl(&["apply"], 0);
        assert_eq!(database.value("SELECT count(*) FROM pg_inherits").await, "201");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_command_lines_and_unreachable_servers_have_their_own_codes() {
    let database = Database::new(MONTHLY, ORDERS).await;
    contains(&database.partctl(&["aply"], 64), &["apply"]);
    database.partctl(&["plan", "--at", "yesterday"], 64);
    let text = database.partctl(&["--database", "postgresql:///x?host=/nonexistent", "plan"], 5);
    contains(&text, &["/nonexistent"]);
    let text = database.partctl(&["--only", "nothing.*", "plan"], 4);
    contains(&text, &["matches nothing.*"]);
    assert!(server().url("x").contains("postgres"));
}
