//! Keys that carry a time, each from an empty table to partitions that are retired: rows written as applications write
//! them lie in the partition of their day, and everything is shown as days.

use super::harness::{Database, contains};

/// Functions that make keys as applications do, from a moment.
const KEYS: &str = "CREATE SCHEMA shop;
    CREATE FUNCTION shop.ms(at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT floor(extract(epoch FROM at) * 1000)::bigint';
    CREATE FUNCTION shop.uuidv7(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS
      'SELECT (lpad(to_hex(shop.ms(at)), 12, ''0'') || ''7'' || substr(md5(random()::text), 1, 3) || ''8'' || substr(md5(random()::text), 1, 15))::uuid';
    CREATE FUNCTION shop.ulid(at timestamptz) RETURNS text LANGUAGE sql VOLATILE AS
      $$SELECT string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', ((shop.ms(at) >> (5 * g)) & 31)::int + 1, 1), '' ORDER BY g DESC)
          || 'TSV4RRFFQ69G5FAV' FROM generate_series(0, 9) g$$;
    CREATE FUNCTION shop.ulid_as_uuid(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS
      'SELECT (lpad(to_hex(shop.ms(at)), 12, ''0'') || substr(md5(random()::text), 1, 20))::uuid';";

struct Case {
    encoding: &'static str,
    type_name: &'static str,
    /// From `at`.
    key: &'static str,
    /// Whose midnights the partitions begin at.
    zone: &'static str,
}

const CASES: &[Case] = &[
    Case { encoding: "uuidv7", type_name: "uuid", key: "shop.uuidv7(at)", zone: "Europe/Berlin" },
    Case { encoding: "ulid", type_name: "text", key: "shop.ulid(at)", zone: "Asia/Kathmandu" },
    Case { encoding: "ulid", type_name: "char(26)", key: "shop.ulid(at)", zone: "Europe/Berlin" },
    Case { encoding: "ulid", type_name: "uuid", key: "shop.ulid_as_uuid(at)", zone: "America/New_York" },
    Case { encoding: "epoch_s", type_name: "bigint", key: "shop.ms(at) / 1000", zone: "Europe/Berlin" },
    Case { encoding: "epoch_s", type_name: "int", key: "(shop.ms(at) / 1000)::int", zone: "UTC" },
    Case { encoding: "epoch_ms", type_name: "bigint", key: "shop.ms(at)", zone: "Europe/Berlin" },
    Case { encoding: "epoch_us", type_name: "bigint", key: "shop.ms(at) * 1000", zone: "Australia/Lord_Howe" },
    Case { encoding: "epoch_ns", type_name: "bigint", key: "shop.ms(at) * 1000000", zone: "Europe/Berlin" },
    Case {
        encoding: "{snowflake: {epoch: 1288834974657, shift: 22}}",
        type_name: "bigint",
        key: "((shop.ms(at) - 1288834974657) << 22) | 4711",
        zone: "Europe/Berlin",
    },
    Case { encoding: "text:%Y%m%d", type_name: "text", key: "to_char(at AT TIME ZONE 'UTC', 'YYYYMMDD')", zone: "UTC" },
    Case {
        encoding: "'text:%Y-%m-%dT%H:%M:%S'",
        type_name: "varchar(19) COLLATE \"C\"",
        key: "to_char(at AT TIME ZONE 'Asia/Tokyo', 'YYYY-MM-DD\"T\"HH24:MI:SS')",
        zone: "Asia/Tokyo",
    },
];

impl Case {
    fn policy(&self, rest: &str) -> String {
        let Self { encoding, zone, .. } = self;
        format!(
            "version: 1\ntable: shop.t\npartition: {{range: k, every: 1 day, timezone: {zone}, encoding: {encoding}}}\n{rest}"
        )
    }

    fn setup(&self) -> String {
        format!("{KEYS} CREATE TABLE shop.t (k {} NOT NULL, at timestamptz) PARTITION BY RANGE (k)", self.type_name)
    }
}

/// One row an hour, at half past, of the days from the fifth before today to the third after.
fn fill(case: &Case) -> String {
    let Case { key, zone, .. } = case;
    format!(
        "INSERT INTO shop.t SELECT {key}, at FROM (SELECT date_trunc('day', now(), '{zone}') AS today) d,
         LATERAL generate_series((today AT TIME ZONE '{zone}' - interval '5 days') AT TIME ZONE '{zone}',
           (today AT TIME ZONE '{zone}' + interval '4 days') AT TIME ZONE '{zone}' - interval '1 minute', interval '30 minutes') at"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_encoding_lives_from_the_first_partition_to_retirement() {
    for case in CASES {
        let mut database =
            Database::new(&case.policy("create: {ahead: 3 days, behind: 5 days}\n"), &case.setup()).await;
        contains(&database.partctl(&["apply"], 0), &["9 steps done"]);
        database.partctl(&["plan", "--check"], 0);
        database.sql(&fill(case)).await;
        let days = format!(
            "SELECT count(*) FROM (SELECT tableoid FROM shop.t GROUP BY 1 HAVING count(DISTINCT date_trunc('day', at, '{}')) > 1) t",
            case.zone
        );
        assert_eq!(database.value(&days).await, "0", "{} {}", case.encoding, case.type_name);
        assert_eq!(database.value("SELECT count(DISTINCT tableoid) FROM shop.t").await, "9", "{}", case.encoding);
        let oldest = database.value(&format!("SELECT (now() AT TIME ZONE '{}')::date - 5", case.zone)).await;
        contains(&database.partctl(&["status"], 0), &[&oldest]);
        database
            .set_policy(&case.policy("create: {ahead: 3 days}\nretain: {for: 2 days, then: detach, per_run: 20}\n"));
        let plan = database.partctl(&["plan"], 0);
        contains(&plan, &["detach", &oldest]);
        database.partctl(&["apply", "--allow-destroy"], 0);
        database.partctl(&["plan", "--check"], 0);
        let left = format!(
            "SELECT min(at) >= (date_trunc('day', now() AT TIME ZONE '{0}') - interval '2 days') AT TIME ZONE '{0}' FROM shop.t",
            case.zone
        );
        assert_eq!(database.value(&left).await, "t", "{} {}", case.encoding, case.type_name);
        assert_eq!(database.value("SELECT count(DISTINCT tableoid) FROM shop.t").await, "6", "{}", case.encoding);
    }
}

/// Extensions write the bounds of version 7 UUIDs with their version, and somebody may have cut by an id: a new
/// partition begins exactly where the last one ended.
#[tokio::test(flavor = "multi_thread")]
async fn new_partitions_touch_old_ones_however_their_bounds_are_written() {
    for (encoding, type_name, bounds) in [
        (
            "uuidv7",
            "uuid",
            [
                "019b76da-a800-7000-8000-000000000000",
                "019c167f-cc00-7000-8000-000000000000",
                "019c1ba6-2800-7abc-8def-0123456789ab",
            ],
        ),
        ("ulid", "text", ["01KDVDNA00", "01KGB7ZK00", "01KGDTCA00TSV4RRFFQ69G5FAV"]),
        (
            "{snowflake: {epoch: 1288834974657, shift: 22}}",
            "bigint",
            ["2006515713738646273", "2017749737272246273", "2018112125137850983"],
        ),
    ] {
        let policy = format!(
            "version: 1\ntable: shop.t\npartition: {{range: k, every: 1 month, timezone: UTC, encoding: {encoding}}}\n"
        );
        let setup = format!("CREATE SCHEMA shop; CREATE TABLE shop.t (k {type_name}) PARTITION BY RANGE (k)");
        let database = Database::new(&policy, &setup).await;
        let [first, second, third] = bounds;
        for (name, from, to) in [("a", first, second), ("b", second, third)] {
            let bound = format!("FOR VALUES FROM ('{from}') TO ('{to}')");
            database.sql(&format!("CREATE TABLE shop.{name} PARTITION OF shop.t {bound}")).await;
        }
        database.partctl(&["apply"], 0);
        database.partctl(&["plan", "--check"], 0);
        // Nothing is left between them, and nothing twice: Postgres would have refused that.
        let bound = |end: &str| format!("pg_get_expr(relpartbound, 0) {end}");
        let joined = format!(
            "SELECT count(*) FROM pg_class WHERE {} AND relname <> 'b'",
            bound(&format!("LIKE '%FROM (''{third}'')%'"))
        );
        assert_eq!(database.value(&joined).await, "1", "{encoding}");
        let ends = "SELECT count(*) FROM (SELECT regexp_matches(pg_get_expr(relpartbound, 0), '\\((.*)\\) TO \\((.*)\\)') AS m
            FROM pg_class WHERE relispartition) a WHERE NOT EXISTS (SELECT FROM (SELECT regexp_matches(pg_get_expr(relpartbound, 0),
            '\\((.*)\\) TO \\((.*)\\)') AS m FROM pg_class WHERE relispartition) b WHERE b.m[1] = a.m[2])";
        assert_eq!(database.value(ends).await, "1", "{encoding}: only the last one has nothing behind it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collation_that_does_not_sort_by_time_is_found_out() {
    let policy = "version: 1\ntable: shop.t\npartition: {range: k, every: 1 day, timezone: UTC, encoding: ulid}\n";
    let database = Database::new(policy, KEYS).await;
    // Postgres 16 and newer list `unicode`, of provider `i`, on every server; initdb adds the others where there is ICU.
    let icu = database.value("SELECT EXISTS (SELECT FROM pg_collation WHERE collname = 'en-x-icu')").await;
    if icu == "f" {
        // A server without ICU has none that sorts otherwise: the answer is always yes.
        database.sql("CREATE TABLE shop.t (k text COLLATE \"ucs_basic\") PARTITION BY RANGE (k)").await;
        database.partctl(&["apply"], 0);
        return;
    }
    database.sql("CREATE COLLATION shop.\"Numbers first\" (provider = icu, locale = 'und-u-kn-true')").await;
    database.sql("CREATE TABLE shop.t (k text COLLATE shop.\"Numbers first\") PARTITION BY RANGE (k)").await;
    contains(&database.partctl(&["apply"], 4), &["PT161", "shop.\"Numbers first\""]);
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits").await, "0");
    database.sql("DROP TABLE shop.t; CREATE TABLE shop.t (k text COLLATE \"en-x-icu\") PARTITION BY RANGE (k)").await;
    database.partctl(&["apply"], 0);
    database.partctl(&["plan", "--check"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_cannot_hold_is_told_before_anything_is_made() {
    for (type_name, partition, parts) in [
        (
            "uuid",
            "every: 1 day, timezone: UTC",
            &["PT105", "does not say what time it carries", "encoding: uuidv7"][..],
        ),
        ("inet", "every: 1 day", &["PT105", "has no grid"]),
        ("uuid", "every: 1 day, timezone: UTC, encoding: epoch_s", &["PT105", "`epoch_s` is for bigint, integer"]),
        ("text", "every: 1 day, encoding: 'text:%Y-%m'", &["PT105", "cannot hold", "a bound of the grid"]),
        ("date", "every: 6 hours", &["PT105", "cannot hold", ":00, a bound of the grid"]),
        ("date", "every: 1 day, anchor: 2024-01-01 06:00", &["PT105", "cannot hold"]),
    ] {
        let policy = format!("version: 1\ntable: shop.t\npartition: {{range: k, {partition}}}\n");
        let setup = format!("CREATE SCHEMA shop; CREATE TABLE shop.t (k {type_name}) PARTITION BY RANGE (k)");
        let database = Database::new(&policy, &setup).await;
        contains(&database.partctl(&["plan"], 4), parts);
    }
}
