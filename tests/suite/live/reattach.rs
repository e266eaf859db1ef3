//! The undo of a detach: the table is back where it was, with every row, and nothing was scanned under a lock.

use partctl::diff;
use partctl::plan::Step;
use partctl::run::{Moment, make_plan_by};

use super::harness::{Database, contains};

const POLICY: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 0 partitions}\nretain: {for: 3 months, then: drop}\n";

/// Two months that are over, and a table that is referenced and one that references.
const SETUP: &str = "CREATE SCHEMA shop; CREATE TABLE shop.customers (id int PRIMARY KEY); INSERT INTO shop.customers VALUES (1);
    CREATE TABLE shop.orders (id int, customer int REFERENCES shop.customers, at timestamptz, UNIQUE (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE shop.orders_2001_01 PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
    CREATE TABLE shop.orders_2001_02 PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01 00:00+00') TO ('2001-03-01 00:00+00');
    CREATE TABLE shop.orders_rest PARTITION OF shop.orders FOR VALUES FROM ('2001-03-01 00:00+00') TO (MAXVALUE);
    INSERT INTO shop.orders SELECT n, 1, '2001-01-15'::timestamptz + n * interval '1 hour' FROM generate_series(1, 300) n;
    INSERT INTO shop.orders VALUES (0, 1, '2001-02-15'), (0, 1, now());
    CREATE TABLE shop.lines (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.orders (id, at)); ANALYZE";

const CHECKS: &str = "SELECT count(*) FROM pg_constraint WHERE conname LIKE 'partctl%'";

async fn retired(setup: &str) -> Database {
    let database = Database::new(POLICY, setup).await;
    database.partctl(&["apply", "--allow-destroy"], 0);
    assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "1");
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detached_table_is_put_back_in_its_place_with_every_row() {
    for default in ["", "; CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT"] {
        let mut database = retired(&format!("{SETUP}{default}")).await;
        let text = database.partctl(&["reattach", "orders_2001_01"], 0);
        contains(&text, &["attach orders_2001_01 done", "PT133", "hold: [{partition: orders_2001_01}]"]);
        assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "301");
        assert_eq!(database.value(CHECKS).await, "0");
        database.partctl(&["plan", "--check"], 2);
        database.set_policy(&format!("{POLICY}hold: [{{partition: orders_2001_01}}]\n"));
        database.partctl(&["plan", "--check"], 0);
        assert_eq!(
            database.value("SELECT count(*) FROM partctl.detached_tables WHERE ended_at IS NULL").await,
            "1",
            "its grace is over, the other one's is not"
        );
        let refused = database.partctl(&["reattach", "orders_2001_01"], 7);
        contains(&refused, &["no table that partctl detached", "shop.orders_2001_02"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_place_any_more_is_refused_and_nothing_is_changed() {
    let database =
        retired(&format!("{SETUP}; CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT")).await;
    let state = database.state().await;
    database.sql("INSERT INTO shop.orders VALUES (1, 1, '2001-02-20')").await;
    contains(&database.partctl(&["reattach", "shop.orders_2001_02"], 3), &["PT102", "holds 1 rows of"]);
    database.sql("DELETE FROM shop.orders_default").await;
    let other = "ATTACH PARTITION shop.other FOR VALUES FROM ('2001-01-20 00:00+00') TO ('2001-01-21 00:00+00')";
    let like = "CREATE TABLE shop.other (LIKE shop.orders INCLUDING ALL)";
    database.sql(&format!("{like}; ALTER TABLE shop.orders {other}")).await;
    contains(&database.partctl(&["reattach", "orders_2001_01"], 3), &["PT107", "shop.other holds part of"]);
    database.sql("ALTER TABLE shop.orders DETACH PARTITION shop.other; DROP TABLE shop.other").await;
    // Its rows do not all belong there any more: the constraint says so beforehand, and goes again.
    database.sql("ALTER TABLE shop.orders_2001_02 DROP CONSTRAINT IF EXISTS orders_2001_02_at_check").await;
    database.sql("INSERT INTO shop.orders_2001_02 VALUES (7, 1, '2001-03-20')").await;
    contains(&database.partctl(&["reattach", "orders_2001_02"], 3), &["attach orders_2001_02 failed", "23514"]);
    assert_eq!(database.value(CHECKS).await, "0");
    database.sql("DELETE FROM shop.orders_2001_02 WHERE id = 7").await;
    assert_eq!(database.state().await, state);
    contains(&database.partctl(&["reattach", "nothing"], 7), &["no table that partctl detached"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_on_the_way_the_next_run_takes_the_constraints_away() {
    let filler = "INSERT INTO shop.orders SELECT n, 1, now() - interval '10 years' FROM generate_series(1, 40000) n";
    let rest = SETUP.replace("FROM ('2001-03-01 00:00+00') TO (MAXVALUE)", "FROM (now()) TO (MAXVALUE)");
    let setup = format!("{rest}; CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT; {filler}");
    let database = Database::new(POLICY, &setup.replace("(0, 1, now())", "(0, 1, now() + interval '1 day')")).await;
    let at = "SELECT count(*) FROM shop.orders WHERE at < '2001-03-01'";
    database.partctl(&["apply", "--allow-destroy"], 0);
    let (policies, url) = (database.parsed_policies(), database.url());
    let session = super::harness::session(&url).await;
    let name = "shop.orders_2001_01";
    let facts = partctl::db::read_catalog::read_catalog(&session, &policies).await.unwrap();
    let oid = diff::detached_table(name, &policies, &facts).unwrap().oid;
    let planner = |policies: &[_], facts: &_| diff::reattach(oid, policies, facts);
    let (_, plan) = make_plan_by(&planner, &session, &policies, Moment::Now).await.unwrap();
    let actions: Vec<_> = plan.steps().flat_map(|(_, step)| step.actions()).collect();
    assert_eq!(actions.len(), 5, "two constraints, and the attach: {:?}", plan.steps().collect::<Vec<(_, &Step)>>());
    for done in 1..=4 {
        for action in &actions[..done] {
            database.sql(&format!("BEGIN; {}; COMMIT", action.statements().join("; "))).await;
        }
        assert_ne!(database.value(CHECKS).await, "0");
        contains(&database.partctl(&["apply", "--allow-destroy"], 0), &["shop.orders remove orders_"]);
        assert_eq!(database.value(CHECKS).await, "0", "after {done}");
    }
    assert_eq!(database.value(at).await, "0");
    database.partctl(&["reattach", "orders_2001_01"], 0);
    assert_eq!(database.value(at).await, "300");
    assert_eq!(database.value(CHECKS).await, "0");
}
