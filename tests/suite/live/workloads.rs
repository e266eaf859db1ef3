//! What runs are broken at: tables with plenty to do, and somebody who writes into them all the while.
//!
//! A row's `id` tells where it belongs, so that afterwards everybody knows which rows must be there.

/// Tables, a policy that wants them otherwise, and the rows that somebody writes.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    /// For messages.
    pub name: &'static str,
    /// The policy.
    pub policy: &'static str,
    /// What is there before; its rows have ids below [`FIRST_WRITTEN`].
    pub setup: &'static [&'static str],
    /// Inserts the row of this id.
    pub insert: fn(i32) -> String,
    /// Whether the row of this id stays whatever the policy retires.
    pub stays: fn(i32) -> bool,
}

/// The lowest id of a row that is written while runs are broken.
pub const FIRST_WRITTEN: i32 = 1000;

/// Gives a table a partition for each day from eight days ago to today.
const BY_DAY: &str = "CREATE SCHEMA shop; CREATE FUNCTION pg_temp.by_day(tab text) RETURNS void LANGUAGE plpgsql AS $f$
    BEGIN FOR d IN -8..0 LOOP
        EXECUTE format('CREATE TABLE %1$s_%2$s PARTITION OF %1$s FOR VALUES FROM (%3$L) TO (%4$L)', tab, -d,
            date_trunc('day', now()) + d * interval '1 day', date_trunc('day', now()) + (d + 1) * interval '1 day');
    END LOOP; END$f$;";

const DROP: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 day, timezone: UTC}
create: {ahead: 5 partitions}\nretain: {for: 4 days, then: drop, grace: 0 days, per_run: 50}\n";

const ORDERS: &str =
    "CREATE TABLE shop.orders (id int, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    SELECT pg_temp.by_day('shop.orders');
    INSERT INTO shop.orders SELECT d, date_trunc('day', now()) - d * interval '1 day' FROM generate_series(0, 8) d;";

const DEFAULT: &str = "CREATE TABLE shop.orders_rest PARTITION OF shop.orders DEFAULT;";

/// The days up to four days ago are kept: the policy says so of the days' ends.
fn is_kept(days_ago: i32) -> bool {
    days_ago <= 4
}

/// From eight days ago up to five days ahead.
fn any_day(id: i32) -> i32 {
    if id < FIRST_WRITTEN { id } else { id % 14 - 5 }
}

fn day(days_ago: i32) -> String {
    format!("date_trunc('day', now()) - interval '{days_ago} days'")
}

fn insert(table: &str, id: i32, days_ago: i32) -> String {
    format!("INSERT INTO {table} VALUES ({id}, {})", day(days_ago))
}

/// Partitions to create, to detach concurrently and to drop at once.
pub const DAYS: Workload = Workload {
    name: "days",
    policy: DROP,
    setup: &[BY_DAY, ORDERS],
    insert: |id| insert("shop.orders", id, any_day(id)),
    stays: |id| is_kept(any_day(id)),
};

/// The same beside a DEFAULT partition that stays empty.
pub const EMPTY_DEFAULT: Workload = Workload {
    name: "beside an empty DEFAULT",
    policy: DROP,
    setup: &[BY_DAY, ORDERS, DEFAULT],
    insert: |id| insert("shop.orders", id, id % 5),
    stays: |id| FIRST_WRITTEN <= id || is_kept(id),
};

/// The same where DEFAULT is set aside while the others leave.
pub const DEFAULT_SET_ASIDE: Workload = Workload {
    name: "DEFAULT is set aside",
    policy: "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 day, timezone: UTC}
create: {ahead: 5 partitions}\nretain: {for: 4 days, then: drop, grace: 0 days, per_run: 50}
locks: {set_default_aside: true}\n",
    ..EMPTY_DEFAULT
};

/// The same beside a DEFAULT partition with rows outside of what is to be made, and ever more of them: from the past,
/// once that is detached, and from the next year.
pub const FILLED_DEFAULT: Workload = Workload {
    name: "beside a filled DEFAULT",
    policy: DROP,
    setup: &[
        BY_DAY,
        ORDERS,
        DEFAULT,
        "INSERT INTO shop.orders SELECT 100 + d, now() - interval '1 year' FROM generate_series(0, 8) d;
        INSERT INTO shop.orders SELECT 200 + d, now() + interval '1 year' FROM generate_series(0, 8) d;",
    ],
    insert: |id| insert("shop.orders", id, if id % 10 == 9 { -365 } else { id % 10 }),
    stays: |id| if id < FIRST_WRITTEN { 100 <= id || is_kept(id) } else { id % 10 == 9 || is_kept(id % 10) },
};

/// Nothing but a DEFAULT partition, with too many rows of today to be moved at once, and ever more of today, tomorrow and
/// the next year.
pub const SPLIT_DEFAULT: Workload = Workload {
    name: "DEFAULT is split",
    policy: "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 day, timezone: UTC}
create: {ahead: 2 partitions, move_rows: in_batches}\n",
    setup: &[
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE shop.orders_rest PARTITION OF shop.orders DEFAULT;
        INSERT INTO shop.orders SELECT -i, date_trunc('day', now()) FROM generate_series(1, 22000) i;",
    ],
    insert: |id| insert("shop.orders", id, [0, 0, -1, -365][id.unsigned_abs() as usize % 4]),
    stays: |_| true,
};

/// A table that references another, and one that is referenced.
pub const FOREIGN_KEYS: Workload = Workload {
    name: "foreign keys",
    policy: "version: 1\ntable: shop.events\npartition: {range: at, every: 1 day, timezone: UTC}
create: {ahead: 3 partitions}\nretain: {for: 5 days, then: drop, grace: 0 days, per_run: 50}
---\nversion: 1\ntable: shop.orders\npartition: {range: at, every: 1 day, timezone: UTC}
create: {ahead: 3 partitions}\nretain: {for: 5 days, then: detach, per_run: 50}\n",
    setup: &[
        BY_DAY,
        "CREATE SCHEMA ref; CREATE TABLE ref.customers (id int PRIMARY KEY);
        INSERT INTO ref.customers SELECT generate_series(1, 9);
        CREATE TABLE shop.events (id int, at timestamptz NOT NULL, customer int NOT NULL DEFAULT 1 REFERENCES ref.customers)
            PARTITION BY RANGE (at);
        CREATE TABLE shop.orders (id int, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        SELECT pg_temp.by_day('shop.events'), pg_temp.by_day('shop.orders');
        INSERT INTO shop.events SELECT 2 * d, date_trunc('day', now()) - d * interval '1 day' FROM generate_series(0, 8) d;
        INSERT INTO shop.orders SELECT 2 * d + 1, date_trunc('day', now()) - d * interval '1 day' FROM generate_series(0, 8) d;
        CREATE TABLE ref.notes (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.orders);
        INSERT INTO ref.notes VALUES (1, date_trunc('day', now()));",
    ],
    insert: |id| {
        // Up to three days ahead; what is detached later must not be referenced.
        let days_ago = id / 2 % 12 - 3;
        match id % 2 {
            0 => format!("INSERT INTO shop.events VALUES ({id}, {}, {})", day(days_ago), id % 9 + 1),
            _ if days_ago <= 4 => {
                let note = format!("INSERT INTO ref.notes VALUES ({id}, {})", day(days_ago));
                format!("{}; {note}", insert("shop.orders", id, days_ago))
            }
            _ => insert("shop.orders", id, days_ago),
        }
    },
    stays: |id| {
        let days_ago = if id < FIRST_WRITTEN { id / 2 } else { id / 2 % 12 - 3 };
        id % 2 == 1 || days_ago <= 5
    },
};

/// Groups of values, remainders and days that are missing, in three tables; worked on over two connections.
pub const SEVERAL: Workload = Workload {
    name: "several tables",
    policy: "version: 1\ntable: shop.regions
partition: {list: region, values: {na: [US, CA, MX], eu: [DE, FR], asia: [JP], none: [null]}}
---\nversion: 1\ntable: shop.users\npartition: {hash: id, modulus: 6}
---\nversion: 1\ntable: shop.orders\npartition: {range: at, every: 1 day, timezone: UTC}
create: {ahead: 3 partitions}\nretain: {for: 6 days, then: detach, per_run: 50}\n",
    setup: &[
        BY_DAY,
        ORDERS,
        "CREATE TABLE shop.regions (id int, region text) PARTITION BY LIST (region);
        CREATE TABLE shop.america PARTITION OF shop.regions FOR VALUES IN ('US', 'CA', 'MX');
        CREATE TABLE shop.users (id int PRIMARY KEY) PARTITION BY HASH (id);
        CREATE TABLE shop.some_users PARTITION OF shop.users FOR VALUES WITH (MODULUS 6, REMAINDER 3);",
    ],
    insert: |id| match id % 3 {
        0 => {
            let region = ["'US'", "'FR'", "'JP'", "NULL"][usize::try_from(id / 3).unwrap() % 4];
            format!("INSERT INTO shop.regions VALUES ({id}, {region})")
        }
        1 => format!("INSERT INTO shop.users VALUES ({id})"),
        _ => insert("shop.orders", id, id / 3 % 12 - 3),
    },
    stays: |_| true,
};

/// New partitions and their indexes in a tablespace that is there already, and is full.
pub const FULL_DISK: Workload = Workload {
    name: "a full disk",
    policy: "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 day, timezone: UTC, tablespace: small}
create: {ahead: 20 partitions}\nretain: {for: 4 days, then: drop, grace: 0 days, per_run: 50}\n",
    setup: &[
        BY_DAY,
        "CREATE TABLE shop.orders (id int, at timestamptz NOT NULL, PRIMARY KEY (id, at) USING INDEX TABLESPACE small)
            PARTITION BY RANGE (at) TABLESPACE small;
        SELECT pg_temp.by_day('shop.orders');
        INSERT INTO shop.orders SELECT d, date_trunc('day', now()) - d * interval '1 day' FROM generate_series(0, 8) d;",
    ],
    ..DAYS
};

/// All that need nothing of their server.
pub const ALL: &[Workload] =
    &[DAYS, EMPTY_DEFAULT, DEFAULT_SET_ASIDE, FILLED_DEFAULT, SPLIT_DEFAULT, FOREIGN_KEYS, SEVERAL];
