//! Keys and bounds as Postgres understands them: the same order, the same bounds read back, the same calendar on the
//! nights on which clocks change.

use std::process::Command;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use partctl::catalog::Bound;
use partctl::db::read_catalog::read_catalog;
use partctl::keys::{Axis, CODECS, CodecKind, Encoding, KeyCodec, codec_for};
use partctl::run::{Moment, make_plan};
use partctl::schedule::{Edge, Point, Zone};

use super::harness::{Database, contains, server, session};

const ZONES: [Zone; 4] = [
    Zone::Named(chrono_tz::Tz::UTC),
    Zone::Named(chrono_tz::Europe::Berlin),
    Zone::Named(chrono_tz::Asia::Kathmandu),
    Zone::Named(chrono_tz::America::St_Johns),
];

/// The ends of what the codec takes, what lies around zero, and a spread between; without an order on purpose.
fn points(codec: &dyn KeyCodec) -> Vec<Point> {
    const DAY: i128 = 86_400_000_000;
    let (start, end) = (codec.limits().start().0, codec.limits().end().0);
    let spread = (0..60).map(|n| start + (end - start) / 60 * ((n * 37) % 60) + 1_234_567 * n % 7919);
    let around_zero = [0, 1, -1, 9, 10, 99, 100, -10, -99, 60_000_000, DAY, -DAY, 1_774_749_600_000_000];
    let all = [end, start, end - 1, start + 1].into_iter().chain(around_zero).chain(spread);
    let within = all.filter(|point| (start..=end).contains(point)).map(Point);
    let written = |point| codec.decode(&codec.encode(point, ZONES[0])).and_then(Edge::point).unwrap();
    let mut points: Vec<Point> = within.map(written).collect();
    let mut seen = std::collections::BTreeSet::new();
    points.retain(|point| seen.insert(*point) && start <= point.0);
    points
}

#[tokio::test(flavor = "multi_thread")]
async fn order_in_rust_is_order_in_postgres() {
    let database = Database::new("version: 1\ntable: a.b\npartition: {hash: id, modulus: 1}\n", "").await;
    for (kind, type_name) in CODECS.iter().flat_map(|kind| kind.types.iter().map(move |name| (kind, *name))) {
        let codec = codec(kind, type_name);
        let points = points(&*codec);
        assert!(30 < points.len(), "{codec:?}");
        let mut in_order: Vec<usize> = (0..points.len()).collect();
        in_order.sort_by_key(|at| points[*at]);
        let typed = if type_name == "character" { "character(64)" } else { type_name };
        for zone in ZONES {
            let rows: Vec<String> = points
                .iter()
                .enumerate()
                .map(|(at, point)| format!("({at}, '{}')", codec.encode(*point, zone)))
                .collect();
            let rows = rows.join(", ");
            for collation in if codec.is_text() { COLLATIONS } else { &[""] } {
                let sorted = format!("SELECT i FROM (VALUES {rows}) v(i, t) ORDER BY t::{typed}{collation}, i DESC");
                let sorted: Vec<usize> = database.column(&sorted).await.iter().map(|at| at.parse().unwrap()).collect();
                assert_eq!(sorted, in_order, "{type_name}{collation} {zone:?} {codec:?}");
            }
            let texts = format!("SELECT format('%s', t::{typed}) FROM (VALUES {rows}) v(i, t) ORDER BY i");
            for (text, point) in database.column(&texts).await.iter().zip(&points) {
                assert_eq!(codec.decode(text), Some(Edge::At(*point)), "{type_name} {text}");
            }
        }
        if codec.axis() != Axis::Integer && kind.encoding.is_none() {
            let ends =
                database.column(&format!("SELECT unnest(ARRAY['-infinity', 'infinity']::{type_name}[])::text")).await;
            assert_eq!([codec.decode(&ends[0]), codec.decode(&ends[1])], [Some(Edge::Below), Some(Edge::Above)]);
        }
    }
}

/// What a text key may be sorted by: the database's own, bytes, and what the server has besides.
const COLLATIONS: &[&str] = &["", " COLLATE \"C\"", " COLLATE \"POSIX\"", " COLLATE \"ucs_basic\""];

fn codec(kind: &CodecKind, type_name: &str) -> Arc<dyn KeyCodec> {
    let encoding = kind.encoding.map(|_| kind.example.parse::<Encoding>().unwrap());
    codec_for(type_name, encoding.as_ref()).unwrap()
}

/// Types whose values lie around the ends of their ranges and in whatever makes reading them hard: how the table is
/// partitioned, its columns, and its partitions' bounds.
const KEYS: &[(&str, &str, &[&str])] = &[
    ("RANGE (k)", "k smallint", &["FROM (MINVALUE) TO (-32768)", "FROM (-32768) TO (0)", "FROM (0) TO (32767)"]),
    ("RANGE (k)", "k int", &["FROM (-2147483648) TO (-1)", "FROM (-1) TO (MAXVALUE)"]),
    ("RANGE (k)", "k bigint", &["FROM (-9223372036854775808) TO (9223372036854775807)"]),
    (
        "RANGE (k)",
        "k numeric",
        &["FROM (-1.50) TO (1e3)", "FROM (1000) TO ('Infinity')", "FROM ('Infinity') TO ('NaN')"],
    ),
    ("RANGE (k)", "k numeric(12,2)", &["FROM (0.5) TO (1)", "FROM (1) TO (9999999999.99)"]),
    (
        "RANGE (k)",
        "k timestamptz",
        &[
            "FROM ('-infinity') TO ('0044-03-15 12:00:00+00 BC')",
            "FROM ('0044-03-15 12:00:00+00 BC') TO ('1850-01-01 00:00 Europe/Berlin')",
            "FROM ('1850-01-01 00:00 Europe/Berlin') TO ('2024-03-31 03:30 Asia/Kathmandu')",
            "FROM ('2024-03-31 03:30 Asia/Kathmandu') TO ('2024-10-27 02:30:00.000001 Europe/Berlin')",
            "FROM ('2024-10-27 02:30:00.000001 Europe/Berlin') TO ('294276-12-31 23:59:59.999999 UTC')",
            "FROM ('294276-12-31 23:59:59.999999 UTC') TO ('infinity')",
            "FROM ('infinity') TO (MAXVALUE)",
        ],
    ),
    ("RANGE (k)", "k timestamptz(0)", &["FROM ('2024-01-01 00:00:00.4+00') TO ('2024-01-01 00:00:00.6+00')"]),
    (
        "RANGE (k)",
        "k timestamp",
        &["FROM ('-infinity') TO ('2024-02-29 23:59:59.5')", "FROM ('2024-03-01') TO ('infinity')"],
    ),
    ("RANGE (k)", "k date", &["FROM ('4713-01-01 BC') TO ('0001-01-01')", "FROM ('0001-01-01') TO ('5874897-12-31')"]),
    ("RANGE (k)", "k time", &["FROM ('00:00') TO ('24:00')"]),
    ("RANGE (k)", "k timetz", &["FROM ('00:00+14') TO ('23:59:59.999999-12:30')"]),
    (
        "RANGE (k)",
        "k interval",
        &["FROM ('-1 year 2 mons -3 days 04:05:06.789') TO ('1 mon')", "FROM ('1 mon') TO ('178000000 years')"],
    ),
    (
        "RANGE (k)",
        "k text COLLATE \"C\"",
        &[
            "FROM ('') TO ('MAXVALUE')",
            "FROM ('MAXVALUE') TO ('NULL')",
            "FROM ('NULL') TO ('a, (b')",
            "FROM ('a, (b') TO ('it''s')",
            "FROM ('it''s') TO (E'line\\nfeed\\ttab')",
            "FROM (E'line\\nfeed\\ttab') TO (E'x\\\\y')",
            "FROM (E'x\\\\y') TO ('ünï ) TO (')",
            "FROM ('ünï ) TO (') TO (MAXVALUE)",
        ],
    ),
    ("RANGE (k)", "k varchar(5) COLLATE \"C\"", &["FROM ('a') TO ('b   ')"]),
    ("RANGE (k)", "k char(4)", &["FROM ('a') TO ('b ''')"]),
    ("RANGE (k)", "k name", &["FROM ('\"quoted\"') TO ('a')"]),
    (
        "RANGE (k)",
        "k uuid",
        &["FROM ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11') TO ('ffffffff-ffff-ffff-ffff-ffffffffffff')"],
    ),
    ("RANGE (k)", "k bool", &["FROM (false) TO (true)", "FROM (true) TO (MAXVALUE)"]),
    ("RANGE (k)", "k shop.mood", &["FROM ('so, so') TO ('it''s fine')"]),
    ("RANGE (k)", "k bytea", &["FROM ('') TO ('\\x00')", "FROM ('\\x00') TO ('\\xdeadbeef27')"]),
    ("RANGE (k)", "k inet", &["FROM ('10.0.0.1/8') TO ('192.168.0.0/16')", "FROM ('::1') TO ('fe80::/10')"]),
    ("RANGE (k)", "k cidr", &["FROM ('10.0.0.0/8') TO ('2001:db8::/32')"]),
    ("RANGE (k)", "k macaddr", &["FROM ('00:00:5e:00:53:01') TO (MAXVALUE)"]),
    (
        "RANGE (k)",
        "k float8",
        &[
            "FROM ('-Infinity') TO (-1e300)",
            "FROM (-1e-300) TO (0.1)",
            "FROM (0.1) TO ('Infinity')",
            "FROM ('Infinity') TO ('NaN')",
        ],
    ),
    ("RANGE (k)", "k real", &["FROM (-1.5e-30) TO (0.1)", "FROM (0.1) TO (16777217)"]),
    ("RANGE (k)", "k money", &["FROM ('-12,345.67') TO ('$1.50')"]),
    ("RANGE (k)", "k oid", &["FROM (0) TO (4294967295)"]),
    ("RANGE (k)", "k pg_lsn", &["FROM ('0/0') TO ('16/B374D848')"]),
    ("RANGE (k)", "k bit(3)", &["FROM ('000') TO ('101')"]),
    ("RANGE (k)", "k jsonb", &["FROM ('null') TO ('{\"a\": [1, \"x, (y\"], \"b\": \"it''s\"}')"]),
    ("RANGE (k)", "k int4range", &["FROM ('empty') TO ('[1,5)')"]),
    ("RANGE (k)", "k text[]", &["FROM ('{}') TO ('{\"a, (b\",NULL,\"it''s\"}')"]),
    ("RANGE (k)", "k shop.pair", &["FROM ('(1,\"a, b\")') TO ('(2,\"it''s \"\"x\"\"\")')"]),
    ("RANGE (k)", "k shop.even", &["FROM (-2) TO (4)"]),
    (
        "RANGE (k, l, m)",
        "k int, l text, m date",
        &[
            "FROM (MINVALUE, MINVALUE, MINVALUE) TO (1, 'a', MINVALUE)",
            "FROM (1, 'a', MINVALUE) TO (1, 'b, c', '2024-01-01')",
            "FROM (1, 'b, c', '2024-01-01') TO (1, MAXVALUE, MAXVALUE)",
            "FROM (1, MAXVALUE, MAXVALUE) TO (MAXVALUE, MAXVALUE, MAXVALUE)",
        ],
    ),
    ("RANGE ((lower(k)))", "k text", &["FROM ('a') TO ('b''')"]),
    (
        "RANGE ((date_trunc('day', k)), l)",
        "k timestamp, l int",
        &["FROM ('2024-01-01', MINVALUE) TO ('2024-01-02', 7)"],
    ),
    ("LIST ((k % 10))", "k int", &["IN (1, -3, NULL)", "IN (0)"]),
    (
        "LIST (k)",
        "k text",
        &["IN ('', 'NULL', 'a, (b', 'it''s', E'new\\nline', 'MAXVALUE')", "IN (NULL)", "IN ('other', 'DEFAULT')"],
    ),
    ("LIST (k)", "k bool", &["IN (true, NULL)", "IN (false)"]),
    ("LIST (k)", "k shop.mood", &["IN ('so, so', 'it''s fine')"]),
    ("LIST (k)", "k timestamptz", &["IN ('2024-01-01 00:00 America/New_York', 'infinity')"]),
    ("LIST (k)", "k interval", &["IN ('1 day', '-00:00:01')"]),
    ("LIST (k)", "k bigint", &["IN (-1, 2, NULL, 9223372036854775807)"]),
    ("HASH (k, (l || 'x'))", "k int, l text", &["WITH (MODULUS 3, REMAINDER 0)", "WITH (MODULUS 6, REMAINDER 5)"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn bounds_of_every_key_type_are_read_and_written_back() {
    let policies: Vec<String> = (0..KEYS.len())
        .map(|n| format!("version: 1\ntable: shop.t{n}\npartition: {{hash: k, modulus: 1}}\n"))
        .collect();
    let database = Database::new(&policies.join("---\n"), "").await;
    database
        .sql(
            "CREATE SCHEMA shop; CREATE TYPE shop.mood AS ENUM ('so, so', 'it''s fine');
            CREATE TYPE shop.pair AS (a int, b text); CREATE DOMAIN shop.even AS int CHECK (value % 2 = 0)",
        )
        .await;
    for (n, (by, columns, bounds)) in KEYS.iter().enumerate() {
        for copy in ["t", "u"] {
            database.sql(&format!("CREATE TABLE shop.{copy}{n} ({columns}) PARTITION BY {by}")).await;
        }
        for (m, bound) in bounds.iter().enumerate() {
            database.sql(&format!("CREATE TABLE shop.t{n}_{m} PARTITION OF shop.t{n} FOR VALUES {bound}")).await;
        }
        if !by.starts_with("HASH") {
            database.sql(&format!("CREATE TABLE shop.t{n}_default PARTITION OF shop.t{n} DEFAULT")).await;
        }
    }
    let snapshot = read_catalog(&database.session, &database.parsed_policies()).await.unwrap();
    assert_eq!(snapshot.tables.len(), KEYS.len());
    for table in &snapshot.tables {
        assert!(!table.partitions.is_empty());
        for partition in &table.partitions {
            let (parent, copy) = (table.name.name.as_str(), partition.name.name.as_str());
            let (sibling, copy) = (parent.replace('t', "u"), copy.replacen('t', "u", 1));
            database.sql(&format!("CREATE TABLE shop.{copy} PARTITION OF shop.{sibling} {}", partition.bound)).await;
            let text = |name: &str| {
                format!("SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = 'shop.{name}'::regclass")
            };
            let original = database.value(&text(partition.name.name.as_str())).await;
            assert_eq!(database.value(&text(&copy)).await, original);
            // The text may quote a value or not; what it means is the same.
            assert_eq!(original.parse::<Bound>().unwrap(), partition.bound);
            assert_eq!(partition.bound.to_string().parse::<Bound>().unwrap(), partition.bound);
        }
    }
    // A plan for such tables is a misfit that is told, never a crash.
    contains(&database.partctl(&["plan"], 4), &["PT104", "shop.t0"]);
    contains(&database.partctl(&["check"], 4), &["PT104"]);
    database.partctl(&["status", "-o", "json"], 0);
}

/// The night's plan, carried out as it would be then: the server's clock cannot be moved.
async fn carry_out(database: &Database, at: &str) -> usize {
    let at: DateTime<Utc> = at.parse().unwrap();
    let (_, plan) = make_plan(&database.session, &database.parsed_policies(), Moment::At(at)).await.unwrap();
    assert_eq!(plan.failure(), None, "{:?}", plan.findings().collect::<Vec<_>>());
    for (_, step) in plan.steps() {
        for action in step.actions() {
            database.sql(&format!("BEGIN; {}; COMMIT", action.statements().join("; "))).await;
        }
    }
    let (_, again) = make_plan(&database.session, &database.parsed_policies(), Moment::At(at)).await.unwrap();
    assert!(again.is_empty(), "{:?}", again.tables);
    plan.steps().count()
}

/// Lower and upper bounds, in order, of type `{}`.
const BOUNDS: &str =
    "SELECT (m[1])::{} AS lower, (m[2])::{} AS upper FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid,
    regexp_match(pg_get_expr(c.relpartbound, 0), 'FROM \\(''(.*)''\\) TO \\(''(.*)''\\)') m
    WHERE inhparent = 'shop.nights'::regclass";

#[tokio::test(flavor = "multi_thread")]
async fn nights_on_which_clocks_change_have_no_gap_no_overlap_and_take_every_row() {
    const NIGHTS: &[(&str, &str)] = &[
        ("Europe/Berlin", "2026-03-28T12:00:00Z"),
        ("Europe/Berlin", "2026-10-24T12:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T03:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T03:00:00Z"),
        ("America/Santiago", "2026-09-05T12:00:00Z"),
    ];
    for ((zone, at), every) in
        NIGHTS.iter().flat_map(|night| ["1 hour", "30 minutes", "1 day"].map(|every| (night, every)))
    {
        let policy = format!(
            "version: 1\ntable: shop.nights\npartition: {{range: at, every: {every}, timezone: {zone}}}\ncreate: {{ahead: 2 days, behind: 1 day}}\n"
        );
        let setup = "CREATE SCHEMA shop; CREATE TABLE shop.nights (at timestamptz) PARTITION BY RANGE (at)";
        let database = Database::new(&policy, setup).await;
        let made = carry_out(&database, at).await;
        let bounds = BOUNDS.replace("{}", "timestamptz");
        let wrong = database
            .column(&format!("SELECT lower || ' … ' || upper FROM (SELECT *, lead(lower) OVER (ORDER BY lower) AS next FROM ({bounds}) b) n
                WHERE upper <> next OR upper <= lower"))
            .await;
        assert_eq!(wrong, [""; 0], "{zone} {at} {every}");
        let widths = format!("SELECT count(DISTINCT upper - lower) FROM ({bounds}) b");
        match every {
            "1 day" => {
                assert_ne!(database.value(&widths).await, "1", "{zone} {at}: no day is longer or shorter");
                let midnights =
                    format!("SELECT count(*) FROM ({bounds}) b WHERE date_trunc('day', lower, '{zone}') <> lower");
                assert_eq!(database.value(&midnights).await, "0", "{zone} {at}");
            }
            _ => assert_eq!(database.value(&widths).await, "1", "{zone} {at} {every}"),
        }
        let rows = format!(
            "FROM (SELECT min(lower) AS a, max(upper) AS z FROM ({bounds}) b) e, generate_series(a, z - interval '1 second', '10 minutes') g"
        );
        database.sql(&format!("INSERT INTO shop.nights SELECT g {rows}")).await;
        let expected = database.value(&format!("SELECT count(*) {rows}")).await;
        assert_eq!(database.value("SELECT count(*) FROM shop.nights").await, expected);
        assert_eq!(database.value("SELECT count(DISTINCT tableoid) FROM shop.nights").await, made.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wall_clocks_without_a_zone_take_every_time_that_a_clock_can_show() {
    for at in ["2026-03-28T22:30:00Z", "2026-10-24T22:30:00Z"] {
        let policy = "version: 1\ntable: shop.nights\npartition: {range: at, every: 1 hour, timezone: Europe/Berlin}\ncreate: {ahead: 24 hours}\n";
        let setup = "CREATE SCHEMA shop; CREATE TABLE shop.nights (at timestamp) PARTITION BY RANGE (at)";
        let database = Database::new(policy, setup).await;
        carry_out(&database, at).await;
        let rows = format!(
            "INSERT INTO shop.nights SELECT g FROM (SELECT min(lower) AS a, max(upper) AS z FROM ({}) b) e,
            generate_series(a, z - interval '1 second', '10 minutes') g",
            BOUNDS.replace("{}", "timestamp")
        );
        database.sql(&rows).await;
        let now = format!(
            "SELECT count(*) FROM shop.nights WHERE at = date_trunc('hour', timestamptz '{at}' AT TIME ZONE 'Europe/Berlin')"
        );
        assert_eq!(database.value(&now).await, "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulated_script_is_only_to_be_read() {
    let psql = server().installation().psql().expect("psql is part of a server's installation here");
    let policy = "version: 1\ntable: shop.nights\npartition: {range: at, every: 1 hour, timezone: UTC}\n";
    let setup = "CREATE SCHEMA shop; CREATE TABLE shop.nights (at timestamptz) PARTITION BY RANGE (at)";
    let database = Database::new(policy, setup).await;
    let script = database.command(&["plan", "--at", "2026-10-24T22:00:00Z", "-o", "sql"]).output().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &script.stdout).unwrap();
    let output = Command::new(psql).args(["-X", "-q", "-d", &database.url(), "-f"]).arg(file.path()).output().unwrap();
    assert!(!output.status.success());
    contains(&String::from_utf8_lossy(&output.stderr), &["only to be read"]);
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits").await, "0");
}

/// Values are compared by Postgres, so rows that wait in DEFAULT are found for what the new partition holds.
#[tokio::test(flavor = "multi_thread")]
async fn rows_in_default_are_found_and_moved_whatever_the_keys_type() {
    // On a number axis the partition that is not made is the first one, and none is made before it.
    for (type_name, every, value, made) in [
        ("timestamptz", "1 month, timezone: America/New_York", "now()", 1),
        ("timestamp", "1 day, timezone: Asia/Tokyo", "now() AT TIME ZONE 'Asia/Tokyo'", 1),
        ("date", "1 week", "(now() AT TIME ZONE 'UTC')::date", 1),
        ("numeric(20,4)", "1000", "1.5", 0),
        ("smallint", "1000", "7", 0),
    ] {
        let policy = |rule: &str| {
            format!(
                "version: 1\ntable: shop.t\npartition: {{range: k, every: {every}}}\ncreate: {{ahead: 1 partitions, move_rows: {rule}}}\n"
            )
        };
        let setup = format!(
            "CREATE SCHEMA shop; CREATE TABLE shop.t (k {type_name}) PARTITION BY RANGE (k);
            CREATE TABLE shop.t_default PARTITION OF shop.t DEFAULT; INSERT INTO shop.t SELECT {value} FROM generate_series(1, 3)"
        );
        let mut database = Database::new(&policy("never"), &setup).await;
        for _ in 0..2 {
            let text = database.partctl(&["apply"], 3);
            contains(&text, &["PT102", "holds 3 rows"]);
            assert!(!text.contains("still to do"), "{text}");
            let beside =
                database.value("SELECT count(*) FROM pg_inherits WHERE inhrelid <> 'shop.t_default'::regclass");
            assert_eq!(beside.await, made.to_string(), "{type_name}");
        }
        database.set_policy(&policy("at_once"));
        database.partctl(&["apply"], 0);
        assert_eq!(database.value("SELECT count(*) FROM pg_inherits").await, "3");
        let rows = "SELECT (SELECT count(*) FROM shop.t) || ' ' || (SELECT count(*) FROM shop.t_default)";
        assert_eq!(database.value(rows).await, "3 0", "{type_name}");
        database.partctl(&["plan", "--check"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_table_that_begins_with_partitions_behind_converges_in_one_run() {
    let policy = "version: 1\ntable: shop.t\npartition: {range: k, every: 1000}\ncreate: {ahead: 1 partitions, behind: 2 partitions}\n";
    let database =
        Database::new(policy, "CREATE SCHEMA shop; CREATE TABLE shop.t (k int) PARTITION BY RANGE (k)").await;
    contains(&database.partctl(&["apply"], 0), &["t_m2000", "t_m1000", "t_0", "t_1000", "4 steps done"]);
    database.partctl(&["plan", "--check"], 0);
    database.sql("INSERT INTO shop.t VALUES (1), (1001)").await;
    contains(&database.partctl(&["apply"], 0), &["t_2000", "1 step done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_end_where_their_type_ends() {
    for (type_name, from, to, last) in [
        ("smallint", 31_000_i64, 32_000_i64, i64::from(i16::MAX) - 1),
        ("int", 2_147_480_000, 2_147_483_000, i64::from(i32::MAX) - 1),
        ("bigint", 9_223_372_036_854_770_000, 9_223_372_036_854_775_000, i64::MAX - 1),
    ] {
        let policy = "version: 1\ntable: shop.t\npartition: {range: k, every: 1000}\ncreate: {ahead: 8 partitions}\n";
        let setup = format!(
            "CREATE SCHEMA shop; CREATE TABLE shop.t (k {type_name}) PARTITION BY RANGE (k);
            CREATE TABLE shop.t_0 PARTITION OF shop.t FOR VALUES FROM ({from}) TO ({to}); INSERT INTO shop.t VALUES ({from})"
        );
        let database = Database::new(policy, &setup).await;
        contains(&database.partctl(&["apply"], 0), &["1 step done"]);
        database.partctl(&["plan", "--check"], 0);
        database.sql(&format!("INSERT INTO shop.t VALUES ({last})")).await;
        contains(&database.partctl(&["apply"], 0), &["nothing to do"]);
        contains(&database.partctl(&["check"], 0), &["0 errors"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_table_that_nobody_may_read_now_is_told_and_stops_no_other() {
    let policies = "version: 1\ntable: shop.t\npartition: {range: k, every: 1000}\n---
version: 1\ntable: shop.u\npartition: {hash: k, modulus: 2}\n";
    let setup = "CREATE SCHEMA shop; CREATE TABLE shop.t (k int) PARTITION BY RANGE (k);
        CREATE TABLE shop.t_0 PARTITION OF shop.t FOR VALUES FROM (0) TO (1000); CREATE TABLE shop.u (k int) PARTITION BY HASH (k)";
    let database = Database::new(policies, setup).await;
    let holder = session(&database.url()).await;
    holder.client().batch_execute("BEGIN; LOCK TABLE shop.t IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let text = database.partctl(&["apply"], 3);
    contains(&text, &["PT125", "cannot tell which keys are in use", "lock timeout (55P03)", "2 steps done"]);
    holder.client().batch_execute("ROLLBACK").await.unwrap();
    contains(&database.partctl(&["apply"], 0), &["4 steps done"]);
}

/// How policies may spell values: the type, groups as YAML, and how many partitions they are.
const SPELLINGS: &[(&str, &str)] = &[
    ("numeric", "a: [1e3, 2.50], b: [007, -0, .5]"),
    ("numeric(10,2)", "a: [1.555, 2], b: [3.10]"),
    ("uuid", "a: ['{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}', a0eebc999c0b4ef8bb6d6bb9bd380a12]"),
    ("bool", "a: [yes, null], b: [fa]"),
    ("bytea", "a: [abc, '\\xDEADBEEF'], b: ['\\001']"),
    ("interval", "a: [1 day 24 hours, 90 minutes], b: ['1 mon']"),
    ("timestamptz", "a: ['2024-01-01 00:00 America/New_York'], b: ['2024-06-01T12:00:00Z', infinity]"),
    ("date", "a: ['January 8, 1999', 20240131]"),
    ("bigint", "a: [' 8', 9], b: [-0]"),
    ("inet", "a: [10.0.0.1/32, '::0:1'], b: [192.168.0.0/16]"),
    ("char(4)", "a: [ab, 'c '], b: [defg]"),
    ("varchar(9)", "a: [NO, off], b: [1e3]"),
    ("shop.mood", "a: [so_so], b: [\"it's fine\", 'a, (b']"),
    ("shop.even", "a: [' 2', 4]"),
    ("float8", "a: [1e3, 0.10], b: [-Infinity]"),
    ("jsonb", "a: ['{\"b\":1,  \"a\":2}']"),
    ("text[]", "a: ['{ x, \"y\" }']"),
];

#[tokio::test(flavor = "multi_thread")]
async fn list_values_converge_however_they_are_spelled() {
    let setup = "CREATE SCHEMA shop; CREATE TYPE shop.mood AS ENUM ('so_so', 'it''s fine', 'a, (b');
        CREATE DOMAIN shop.even AS int CHECK (value % 2 = 0)";
    let document = |(n, (_, groups)): (usize, &(&str, &str))| {
        format!("version: 1\ntable: shop.t{n}\npartition: {{list: k, values: {{{groups}}}}}\n")
    };
    let policies: Vec<String> = SPELLINGS.iter().enumerate().map(document).collect();
    let database = Database::new(&policies.join("---\n"), setup).await;
    for (n, (type_name, _)) in SPELLINGS.iter().enumerate() {
        database.sql(&format!("CREATE TABLE shop.t{n} (k {type_name}) PARTITION BY LIST (k)")).await;
        if n % 2 == 0 {
            // Beside a DEFAULT with rows the new partitions are put to the server as conditions, too.
            database.sql(&format!("CREATE TABLE shop.t{n}_rest PARTITION OF shop.t{n} DEFAULT")).await;
        }
    }
    let made: usize = SPELLINGS.iter().map(|(_, groups)| groups.matches(": [").count()).sum();
    contains(&database.partctl(&["apply"], 0), &[&format!("{made} steps done")]);
    database.partctl(&["plan", "--check"], 0);
    contains(&database.partctl(&["apply"], 0), &["nothing to do"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_the_type_does_not_have_are_told_by_name() {
    for (type_name, groups, parts) in [
        ("shop.mood", "a: [good], b: [bad, worse]", &["PT162", "`bad` (invalid input value for enum", "`worse`"][..]),
        ("int", "a: [1], b: [1e3]", &["PT162", "cannot be `1e3`"]),
        ("shop.even", "a: [2], b: [' 3']", &["PT162", "`3`"]),
        ("numeric", "a: [1e3], b: [1000.0]", &["PT162", "one value of key k twice: `1e3` of a and `1000.0` of b"]),
    ] {
        let policy = format!("version: 1\ntable: shop.t\npartition: {{list: k, values: {{{groups}}}}}\n");
        let setup = format!(
            "CREATE SCHEMA shop; CREATE TYPE shop.mood AS ENUM ('good'); CREATE DOMAIN shop.even AS int CHECK (value % 2 = 0);
            CREATE TABLE shop.t (k {type_name}) PARTITION BY LIST (k)"
        );
        let database = Database::new(&policy, &setup).await;
        let text = database.partctl(&["apply"], 4);
        contains(&text.replace(" 3", "3"), parts);
        assert_eq!(database.value("SELECT count(*) FROM pg_inherits").await, "0");
    }
}

/// Deleted and not yet vacuumed: an index passes its dead end in no time, and rows would be looked for in all of them.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_follow_the_highest_key_and_an_index_tells_it() {
    for (type_name, absurd) in [("bigint", None), ("integer", None), ("numeric", Some("'NaN'"))] {
        let policy = "version: 1\ntable: shop.n\npartition: {range: k, every: 1000}\ncreate: {ahead: 2 partitions}\n\
                      retain: {distance: 1500, then: detach}\n";
        let setup = format!(
            "CREATE SCHEMA shop; CREATE TABLE shop.n (k {type_name}) PARTITION BY RANGE (k);
             CREATE TABLE shop.first PARTITION OF shop.n FOR VALUES FROM (0) TO (1000);
             CREATE TABLE shop.wide PARTITION OF shop.n FOR VALUES FROM (1000) TO (6000);
             CREATE TABLE shop.next PARTITION OF shop.n FOR VALUES FROM (6000) TO (7000);
             INSERT INTO shop.n SELECT g FROM generate_series(0, 2499) g;"
        );
        let database = Database::new(policy, &setup).await;
        if let Some(absurd) = absurd {
            database.sql("CREATE TABLE shop.last PARTITION OF shop.n FOR VALUES FROM (9000) TO (MAXVALUE)").await;
            database.sql(&format!("INSERT INTO shop.n VALUES ({absurd})")).await;
        }
        contains(&database.partctl(&["plan"], 0), &["PT160", "no index leads with k"]);

        // 2499 is in the middle of the wide partition: 6000 to 7000 is far ahead, and 0 to 1000 is 1499 behind.
        database.sql("CREATE INDEX ON shop.n (k)").await;
        let text = database.partctl(&["plan", "--check"], 0);
        assert!(!text.contains("PT160"), "{text}");
        database.sql("INSERT INTO shop.n VALUES (2500)").await;
        contains(&database.partctl(&["plan", "--check"], 2), &["detach", "first"]);
        database.sql("INSERT INTO shop.n VALUES (5000.0)").await;
        database.sql("DELETE FROM shop.n WHERE k = 5000").await;
        assert_eq!(database.plan().await.1.steps().count(), 1);
        database.partctl(&["apply", "--allow-destroy"], 0);
        assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.n'::regclass AND inhrelid = 'shop.first'::regclass").await, "0");
        database.partctl(&["plan", "--check"], 0);
    }
}
