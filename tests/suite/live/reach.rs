//! A new partition is found by its own bounds before the transaction commits that attaches it, where nobody waits for
//! what that transaction has locked; what would not be found is rolled back, and nothing else is.

use super::harness::{Database, contains};
use super::proxy::{Proxy, Request, Side};

const POLICY: &str = "version: 1\ntable: shop.orders\npartition: {range: id, every: 1000}
create: {ahead: 3 partitions}\n";
const ORDERS: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE shop.orders_0 PARTITION OF shop.orders FOR VALUES FROM (0) TO (1000); INSERT INTO shop.orders VALUES (5);";

const PARTITIONS: &str =
    "SELECT coalesce(string_agg(inhrelid::regclass::text, ' ' ORDER BY inhrelid::regclass::text), '')
    FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass";
const ALL: &str = "shop.orders_0 shop.orders_1000 shop.orders_2000 shop.orders_3000";

/// Right before the commit, once the proof is there.
const PROVEN: (Side, Request) = (Side::Before, Request::With("ROLLBACK TO SAVEPOINT partctl_proof"));

async fn comes_to_a_proof(database: &Database) -> bool {
    let proxy = Proxy::open(&database.address, Some(PROVEN));
    let mut run = database.start(&proxy.address().url(&database.name), &["apply", "--jobs", "1"]);
    let held = run.comes_to(proxy.held()).await;
    assert!(!held || database.value(PARTITIONS).await == "shop.orders_0", "it was committed before it was proven");
    proxy.resume();
    let (code, said) = run.ends().await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass AND inhrelid::regclass::text LIKE '%000'").await, "3");
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_asked_before_the_commit_unless_others_wait_for_what_is_locked() {
    let database = Database::new(POLICY, ORDERS).await;
    assert!(comes_to_a_proof(&database).await, "nothing was proven before its commit");
    let beside = [
        "CREATE TABLE shop.rest PARTITION OF shop.orders DEFAULT",
        "ALTER TABLE shop.orders ADD other bigint REFERENCES shop.orders",
    ];
    for neighbour in beside {
        let database = Database::new(POLICY, &format!("{ORDERS} {neighbour};")).await;
        assert!(!comes_to_a_proof(&database).await, "planned while others wait: {neighbour}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_would_not_be_found_is_rolled_back_and_the_others_are_made() {
    let other =
        "---\nversion: 1\ntable: shop.other\npartition: {range: id, every: 1000}\ncreate: {ahead: 1 partition}\n";
    let setup = format!(
        "{ORDERS} ALTER TABLE shop.orders ADD CHECK (id < 2000 OR 3000 <= id);
        CREATE TABLE shop.other (id int) PARTITION BY RANGE (id);"
    );
    let database = Database::new(&format!("{POLICY}{other}"), &setup).await;
    let said = database.partctl(&["apply"], 3);
    contains(
        &said,
        &[
            "create orders_2000 failed",
            "rolled back: a query for what it holds by its bound would read nothing",
            "ATTACH PARTITION shop.orders_2000",
            "CHECK constraint",
        ],
    );
    assert_eq!(database.value(PARTITIONS).await, "shop.orders_0 shop.orders_1000 shop.orders_3000");
    assert_eq!(database.value("SELECT to_regclass('shop.orders_2000') IS NULL").await, "t");
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.other'::regclass").await, "2");
    let failed = "SELECT target || ' ' || error FROM partctl.steps WHERE error IS NOT NULL";
    contains(&database.value(failed).await, &["shop.orders_2000 rolled back"]);
    database.sql("ALTER TABLE shop.orders DROP CONSTRAINT orders_id_check").await;
    database.partctl(&["apply"], 0);
    assert_eq!(database.value(PARTITIONS).await, ALL);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_or_prunes_badly_is_made_all_the_same() {
    // Off for the database: a finding, and no reason to do without partitions.
    let database = Database::new(POLICY, ORDERS).await;
    database.sql(&format!("ALTER DATABASE {} SET enable_partition_pruning = off", database.name)).await;
    contains(&database.partctl(&["apply"], 3), &["PT118", "enable_partition_pruning"]);
    assert_eq!(database.value(PARTITIONS).await, ALL);

    // Policies of row security are none of the partitions' business; what they add may hide all rows.
    let policy = POLICY.replace("range: id, every: 1000", "range: day, every: 1 month");
    let setup = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, day date) PARTITION BY RANGE (day);
        GRANT ALL ON SCHEMA shop TO creator; ALTER TABLE shop.orders OWNER TO creator;
        CREATE POLICY even ON shop.orders USING (id % 2 = 0);
        ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; ALTER TABLE shop.orders FORCE ROW LEVEL SECURITY";
    let database = Database::new(&policy, setup).await;
    database.partctl(&["--database", &database.url_with("user=creator"), "apply"], 0);
    assert_eq!(database.column(PARTITIONS).await[0].split(' ').count(), 4);
}
