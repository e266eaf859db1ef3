//! The rights that `generate grants` prints are enough, and each of them is missed before the first change.

use super::harness::{Database, contains, said};

/// One partition that is over, one in use, and, where DEFAULT is wanted, one for what fits nowhere else, in which
/// something has been: it has to be looked into.
const POLICY: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 1 partition, fill_gaps: false}\nretain: {for: 1 year, then: drop, grace: 1 day}\n";
const WITH_DEFAULT: &str =
    "---\nversion: 1\ntable: shop.notes\npartition: {range: id, every: 1000}\ncreate: {ahead: 1 partition}\n";
const SETUP: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (at timestamptz NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE shop.old PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
    CREATE TABLE shop.filled PARTITION OF shop.orders FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00');
    INSERT INTO shop.orders VALUES ('2001-01-15'), ('2020-01-15'); ANALYZE shop.orders;
    CREATE TABLE shop.notes (id int) PARTITION BY RANGE (id);
    CREATE TABLE shop.notes_rest PARTITION OF shop.notes DEFAULT; INSERT INTO shop.notes VALUES (5000); DELETE FROM shop.notes";

/// A database with a ledger, its tables' owner, and a fresh role that may log in and nothing else.
async fn database(policy: &str) -> (Database, String, String) {
    let database = Database::new(policy, SETUP).await;
    let (owner, role) = (format!("owner_{}", database.name), format!("fresh_{}", database.name));
    database.sql(&format!("CREATE ROLE {owner} NOLOGIN; CREATE ROLE {role} LOGIN NOSUPERUSER")).await;
    let tables = database
        .column(
            "SELECT oid::regclass FROM pg_class WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'p')",
        )
        .await;
    for table in tables {
        database.sql(&format!("ALTER TABLE {table} OWNER TO {owner}")).await;
    }
    database.partctl(&["init"], 0);
    (database, owner, role)
}

/// The statements that are printed for the role, one per line.
fn printed(database: &Database, arguments: &[&str]) -> Vec<String> {
    let output = database.command(&[&["generate", "grants"], arguments].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let script = String::from_utf8(output.stdout).unwrap();
    script.lines().filter(|line| !line.is_empty() && !line.starts_with("--")).map(str::to_owned).collect()
}

struct AsRole<'a> {
    database: &'a Database,
    url: String,
}

impl<'a> AsRole<'a> {
    fn new(database: &'a Database, role: &str) -> Self {
        Self { database, url: database.url_with(&format!("user={role}")) }
    }

    fn run(&self, arguments: &[&str], exit: i32) -> String {
        self.database.partctl(&[&["--database", self.url.as_str()], arguments].concat(), exit)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_grants_are_enough_to_plan_apply_and_check() {
    let (database, _, role) = database(&format!("{POLICY}{WITH_DEFAULT}")).await;
    for statement in printed(&database, &["--for", "apply", "--role", &role]) {
        database.sql(&statement).await;
    }
    let fresh = AsRole::new(&database, &role);
    contains(&fresh.run(&["--strict", "plan"], 0), &["4 to create", "1 to detach"]);
    fresh.run(&["apply", "--allow-destroy"], 0);
    fresh.run(&["check"], 0);
    database.sql("UPDATE partctl.detached_tables SET detached_at = now() - interval '2 days'").await;
    contains(&fresh.run(&["apply", "--allow-destroy"], 0), &["drop old done"]);
    fresh.run(&["--strict", "plan", "--check"], 0);
    contains(&fresh.run(&["history"], 0), &["done"]);
    assert_eq!(database.value("SELECT to_regclass('shop.old') IS NULL").await, "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_printed_grant_is_missed_before_the_first_change() {
    let missed = [
        ("PT113", "GRANT {owner} TO {role}", 3),
        ("PT113", "GRANT USAGE, CREATE ON SCHEMA shop TO {owner}", 3),
        ("PT115", "GRANT USAGE ON SCHEMA partctl TO {role}", 7),
        (
            "PT115",
            "GRANT SELECT, INSERT, UPDATE ON partctl.runs, partctl.detached_tables, partctl.archives TO {role}",
            7,
        ),
        ("PT115", "GRANT SELECT, INSERT ON partctl.steps TO {role}", 7),
        ("PT136", "GRANT pg_read_all_stats TO {role}", 0),
    ];
    for (left_out, (code, grant, exit)) in missed.into_iter().enumerate() {
        let (database, owner, role) = database(POLICY).await;
        let grant = grant.replace("{owner}", &owner).replace("{role}", &role);
        let statements = printed(&database, &["--for", "apply", "--role", &role, "--owner", &owner]);
        assert_eq!(statements.len(), missed.len());
        assert!(statements[left_out].starts_with(&grant), "{statements:?}");
        for (at, statement) in statements.iter().enumerate() {
            if at != left_out {
                database.sql(statement).await;
            }
        }
        let fresh = AsRole::new(&database, &role);
        let before = database.state().await;
        // To plan, a role need not be the owner's member.
        contains(&fresh.run(&["plan"], if code == "PT113" && left_out == 0 { 0 } else { exit }), &[]);
        assert_eq!(database.state().await, before);
        // Broken at the screen's edge, a grant is still the same one.
        let said = fresh.run(&["apply", "--allow-destroy"], exit).split_whitespace().collect::<Vec<_>>().join(" ");
        contains(&said, &[code, &grant]);
        match code {
            "PT113" => assert_eq!(database.state().await, before),
            // Creations need no ledger, and a detach that may be trapped is warned of.
            "PT115" => {
                assert_eq!(database.value("SELECT relispartition FROM pg_class WHERE relname = 'old'").await, "t")
            }
            _ => {}
        }
        database.sql(&statements[left_out]).await;
        fresh.run(&["apply", "--allow-destroy"], 0);
        assert_eq!(database.value("SELECT relispartition FROM pg_class WHERE relname = 'old'").await, "f");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_only_plans_sees_the_whole_plan_and_can_change_nothing() {
    let policy = format!("{POLICY}{WITH_DEFAULT}");
    let (database, owner, role) = database(&policy).await;
    let statements = printed(&database, &["--for", "plan", "--role", &role]);
    let reader = AsRole::new(&database, &role);
    for statement in &statements {
        database.sql(statement).await;
    }
    let plan = reader.run(&["--strict", "plan"], 0);
    contains(&plan, &["4 to create", "1 to detach", "i PT135 shop.orders", &format!("role {role} looks on")]);
    reader.run(&["plan", "--check"], 2);
    let before = database.state().await;
    let refused = reader.run(&["apply", "--allow-destroy"], 3);
    contains(&refused, &["PT113", &format!("GRANT {owner} TO {role}")]);
    assert_eq!(database.state().await, before);
    assert_eq!(database.value("SELECT count(*) FROM partctl.runs").await, "0");
    database.sql(&format!("GRANT USAGE, CREATE ON SCHEMA shop TO {owner}")).await;
    // What partctl makes can be read by whoever may read the table.
    database.partctl(&["apply", "--allow-destroy"], 0);
    contains(&reader.run(&["--strict", "check"], 0), &["0 errors, 0 warnings"]);
    contains(&reader.run(&["history"], 0), &["done"]);
    contains(&reader.run(&["status"], 0), &["shop.old"]);
    database.sql("CREATE TABLE shop.other (id int)").await;
    assert_eq!(database.value(&format!("SELECT has_table_privilege('{role}', 'shop.other', 'SELECT')")).await, "f");
}
