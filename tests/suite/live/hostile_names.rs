//! Any name that Postgres takes survives the way from the catalog through policy, plan and SQL into the catalog.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use partctl::sql::{Identifier, QualifiedName, SqlLiteral};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::harness::{Database, server};

/// What breaks quoting, templates, YAML, terminals or the limit of 63 bytes, each piece of its own kind.
const PIECES: &[&str] = &[
    "\"",
    "'",
    "\\",
    ".",
    " ",
    "$$",
    "$1",
    "%I",
    "%",
    "{table}",
    "{",
    "}",
    ";",
    "--",
    "/*",
    "\n",
    "\t",
    "\r",
    "\u{1}",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{202e}",
    "\u{feff}",
    "\u{200b}",
    "e\u{301}",
    "é",
    "表",
    "🦀",
    "select",
    "NULL",
    "Order",
    "orders",
    "a",
    "0",
    "1e3",
    "_",
    ":x",
    "#",
    "&",
    "*",
    "~",
    "[",
    ",",
    "pg_",
    "=",
    "E'",
    "U&\"",
    "default",
    "a name of some thirty bytes here",
    "表表表表表表表表表表表表",
];

/// Postgres cuts what is longer than 63 bytes, silently.
fn cut(name: &str) -> String {
    let end = (0..=63).rev().find(|end| name.is_char_boundary(*end) && *end <= name.len());
    name[..end.unwrap()].to_owned()
}

fn name() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 1..9).prop_map(|pieces| cut(&pieces.concat()))
}

#[derive(Debug, Clone)]
struct Names {
    schema: String,
    tables: [String; 3],
    columns: [String; 2],
    partition: String,
    group: String,
    value: String,
    remark: String,
    /// Roles and tablespaces are the server's, and other tests have theirs.
    role: String,
}

fn names() -> impl Strategy<Value = Names> {
    let name = name;
    let texts = (name(), name(), name(), name(), name());
    (name(), [name(), name(), name()], [name(), name()], texts).prop_filter_map(
        "two of a kind are alike, one is the system's, or a group is blank",
        |(schema, tables, columns, (partition, group, value, remark, role))| {
            let [first, second, third] = &tables;
            let reserved = |name: &String| name.starts_with("pg_");
            let taken = [first, second, third].contains(&&partition);
            let alike = first == second || second == third || first == third || columns[0] == columns[1] || taken;
            let names = Names { schema, tables, columns, partition, group, value, remark, role };
            (!alike && !reserved(&names.schema) && !names.group.trim().is_empty()).then_some(names)
        },
    )
}

impl Names {
    fn quoted(name: &str) -> String {
        Identifier::new(name).to_string()
    }

    fn table(&self, number: usize) -> String {
        QualifiedName::new(&self.schema, &self.tables[number]).to_string()
    }

    fn column(&self, number: usize) -> String {
        Self::quoted(&self.columns[number])
    }

    /// JSON's strings are YAML's, but for the one character that only JSON takes as it is.
    fn policies(&self) -> String {
        let text = |text: &str| serde_json::to_string(text).unwrap().replace('\u{7f}', "\\x7f");
        let [range, list, hash] = [0, 1, 2].map(|number| text(&self.table(number)));
        let [first, second] = [0, 1].map(|number| text(&self.column(number)));
        let (group, value) = (text(&self.group), text(&self.value));
        format!(
            "version: 1\ntable: {range}\npartition: {{range: {second}, every: 1 month, timezone: UTC}}\n\
             retain: {{for: 2 months, then: detach, unattended: true}}\n---\n\
             version: 1\ntable: {list}\npartition: {{list: {first}, values: {{{group}: [{value}], rest: [a, null]}}, default: true}}\n---\n\
             version: 1\ntable: {hash}\npartition: {{hash: [{second}, {first}], modulus: 2}}\ncreate: {{move_rows: in_batches}}\n",
        )
    }

    fn setup(&self, role: &str, tablespace: &str) -> String {
        let (schema, partition) = (Self::quoted(&self.schema), Self::quoted(&self.partition));
        let [range, list, hash] = [0, 1, 2].map(|number| self.table(number));
        let [first, second] = [0, 1].map(|number| self.column(number));
        let (value, remark) = (SqlLiteral(&self.value), SqlLiteral(&self.remark));
        let month = "date_trunc('month', now(), 'UTC')";
        format!(
            "CREATE SCHEMA {schema};
             CREATE TABLE {range} ({first} text, {second} timestamptz, PRIMARY KEY ({first}, {second})) PARTITION BY RANGE ({second}) TABLESPACE {tablespace};
             DO $do$BEGIN EXECUTE format('CREATE TABLE %s PARTITION OF %s FOR VALUES FROM (%L) TO (%L)', {old}, {parent},
                 {month} - interval '9 months', {month} - interval '8 months');
                 EXECUTE format('CREATE TABLE %s PARTITION OF %s FOR VALUES FROM (%L) TO (%L)', {kept}, {parent},
                 {month}, {month} + interval '1 month'); END$do$;
             CREATE TABLE {list} ({first} text, {second} int) PARTITION BY LIST ({first});
             CREATE TABLE {hash} ({first} text, {second} int, PRIMARY KEY ({first}, {second})) PARTITION BY HASH ({second}, {first});
             CREATE TABLE {schema}.whole PARTITION OF {hash} FOR VALUES WITH (MODULUS 1, REMAINDER 0);
             INSERT INTO {hash} SELECT {value}, i FROM generate_series(1, 9) i; ALTER TABLE {schema}.whole OWNER TO {role};
             COMMENT ON TABLE {range} IS {remark}; COMMENT ON COLUMN {range}.{first} IS {remark};
             INSERT INTO {range} VALUES ({value}, {month} - interval '9 months'), ({value}, now());
             ALTER TABLE {range} OWNER TO {role}; ALTER TABLE {schema}.{partition} OWNER TO {role}; ALTER TABLE {schema}.kept OWNER TO {role};
             ALTER TABLE {list} OWNER TO {role}; ALTER TABLE {hash} OWNER TO {role};
             GRANT ALL ON SCHEMA {schema} TO {role}; GRANT CREATE ON TABLESPACE {tablespace} TO {role};",
            old = SqlLiteral(&format!("{schema}.{partition}")),
            kept = SqlLiteral(&format!("{schema}.kept")),
            parent = SqlLiteral(&range),
        )
    }
}

/// Two databases for each set of names: one that is applied to, one that runs what `plan -o sql` says.
async fn survive(names: &Names) {
    static CASES: AtomicUsize = AtomicUsize::new(0);
    let case = CASES.fetch_add(1, Ordering::Relaxed);
    let of_the_server = |text: &str| Names::quoted(&cut(&format!("h{case} {text}")));
    let (role, tablespace) = (of_the_server(&names.role), of_the_server(&names.remark));
    let applied = Database::new(&names.policies(), &format!("CREATE ROLE {role} LOGIN")).await;
    applied.make_tablespace(&tablespace).await;
    let setup = names.setup(&role, &Names::quoted(&tablespace));
    applied.sql(&setup).await;
    let shown = Database::new(&names.policies(), &setup).await;

    for database in [&applied, &shown] {
        database.partctl(&["init"], 0);
        database.partctl(&["validate"], 0);
    }
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved plan");
    applied.partctl(&["plan", "--save", saved.to_str().unwrap()], 0);
    applied.partctl(&["apply", saved.to_str().unwrap(), "--allow-destroy"], 0);

    let script = shown.command(&["plan", "-o", "sql"]).output().unwrap();
    let file = folder.path().join("script.sql");
    std::fs::write(&file, &script.stdout).unwrap();
    let psql = server().installation().psql().expect("psql is part of a server's installation here");
    let ran = Command::new(psql).args(["-X", "-q", "-d", &shown.url(), "-f"]).arg(&file).output().unwrap();
    assert!(
        ran.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&ran.stderr),
        String::from_utf8_lossy(&script.stdout)
    );

    assert_eq!(shown.state().await, applied.state().await);
    for database in [&applied, &shown] {
        database.partctl(&["plan", "--check"], 0);
        database.partctl(&["check"], 0);
        database.partctl(&["status"], 0);
        let detached = QualifiedName::new(&names.schema, &names.partition);
        assert_eq!(database.value(&format!("SELECT count(*) FROM {detached}")).await, "1");
        assert_eq!(database.value(&format!("SELECT count(*) FROM {}", names.table(0))).await, "1");
        database.partctl(&["reattach", &detached.to_string()], 0);
        assert_eq!(database.value(&format!("SELECT count(*) FROM {}", names.table(0))).await, "2");
        assert_eq!(database.value(&format!("SELECT count(*) FROM {}", names.table(2))).await, "9");
    }
    applied.discard().await;
    shown.discard().await;
}

#[test]
fn every_name_that_postgres_takes_survives() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 12, failure_persistence: None, max_shrink_iters: 0, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    runner
        .run(&names(), |names| {
            runtime.block_on(survive(&names));
            Ok(())
        })
        .unwrap();
}
