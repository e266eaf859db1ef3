//! What is carried out, and around what, to see its locks: every kind of step beside every kind of neighbour.

use partctl::plan::{LockMode, StepKind};

pub struct Case {
    pub name: &'static str,
    pub policy: &'static str,
    pub setup: &'static str,
    /// Who carries it out; `None`: a superuser.
    pub role: Option<&'static str>,
    /// What must be among its steps, so that the case is about what it says.
    pub kinds: &'static [StepKind],
    /// What Postgres 14 takes less than promised where the statement itself takes it.
    pub less_on_14: &'static [Less],
}

/// A lock that later versions take.
pub struct Less {
    /// In the statement.
    pub during: &'static str,
    /// How the relations' names begin.
    pub on: &'static str,
    pub promised: LockMode,
    pub taken: Option<LockMode>,
}

/// Creating triggers on the table that references, later versions keep its writers waiting.
const REFERENCED: &[Less] =
    &[Less { during: " ATTACH ", on: "shop.lines", promised: LockMode::ShareRowExclusive, taken: None }];
/// A foreign key to a partitioned table is not kept by what is detached.
const REFERENCES_PARTITIONED: &[Less] = &[
    Less { during: "CONCURRENTLY", on: "shop.", promised: LockMode::ShareRowExclusive, taken: None },
    Less { during: "FINALIZE", on: "shop.", promised: LockMode::ShareRowExclusive, taken: None },
];

/// The same, seen from a table that references itself: what is detached is searched and not changed.
const REFERENCES_ITSELF: &[Less] =
    &[Less { during: " DETACH ", on: "shop.orders_", promised: LockMode::ShareRowExclusive, taken: None }];

const EMPTY: Case = Case { name: "", policy: RETIRE, setup: "", role: None, kinds: &[], less_on_14: &[] };
use StepKind::{BringBack, Create, Detach, Drop, Match, Move, SetAside, Split};

/// One partition that is long over, one that holds a row and stays, and two to be made.
const RETIRE: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 1 partition, fill_gaps: false}\nretain: {for: 1 year, then: drop, grace: 0 days}\n";
const SET_ASIDE: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 1 partition, fill_gaps: false}\nretain: {for: 1 year, then: drop, grace: 0 days}\nlocks: {set_default_aside: true}\n";
const SPLIT: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 1 partition, fill_gaps: false, move_rows: in_batches}\nretain: {for: 1 year, then: drop, grace: 0 days}\n";
const LIST: &str = "version: 1\ntable: shop.orders\npartition:\n  list: country\n  values:\n    nordic: [NO, SE]\n    odd: [null, XX]\n";
const STORED: &str = "version: 1\ntable: shop.orders\npartition:\n  list: country\n  values: {nordic: [NO]}\n  default: rest\nstorage: {fillfactor: 90}\n";
const RAISED: &str =
    "version: 1\ntable: shop.orders\npartition: {hash: id, modulus: 4}\ncreate: {move_rows: in_batches}\n";
const HASH: &str = "version: 1\ntable: shop.orders\npartition: {hash: id, modulus: 4}\n";

macro_rules! table {
    ($columns:literal) => {
        concat!(
            "CREATE TABLE shop.orders (id int, at timestamptz NOT NULL",
            $columns,
            ") PARTITION BY RANGE (at);
            CREATE TABLE shop.orders_2001_01 PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00');
            CREATE TABLE shop.orders_rest PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01 00:00+00') TO ('2020-02-01 00:00+00');
            INSERT INTO shop.orders (id, at) VALUES (1, '2020-01-15');"
        )
    };
}

pub const CASES: &[Case] = &[
    Case { name: "no DEFAULT, no foreign keys", setup: table!(""), kinds: &[Create, Detach, Drop], ..EMPTY },
    Case {
        name: "a small DEFAULT",
        setup: concat!(table!(""), "CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT;"),
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "an empty DEFAULT is set aside",
        policy: SET_ASIDE,
        setup: concat!(
            table!(""),
            "CREATE TABLE shop.orders_2000_12 PARTITION OF shop.orders FOR VALUES FROM ('2000-12-01 00:00+00') TO ('2001-01-01 00:00+00');
            CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT PARTITION BY HASH (at);
            CREATE TABLE shop.default_0 PARTITION OF shop.orders_default FOR VALUES WITH (MODULUS 1, REMAINDER 0);"
        ),
        kinds: &[Create, SetAside, Detach, BringBack, Drop],
        ..EMPTY
    },
    Case {
        name: "a large DEFAULT",
        setup: concat!(
            table!(", note text"),
            "CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT;
            INSERT INTO shop.orders SELECT 1, '2097-01-01', repeat('x', 1000) FROM generate_series(1, 3000);"
        ),
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "a small DEFAULT that is partitioned itself",
        setup: concat!(
            table!(""),
            "CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT PARTITION BY HASH (at);
            CREATE TABLE shop.default_0 PARTITION OF shop.orders_default FOR VALUES WITH (MODULUS 1, REMAINDER 0);"
        ),
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "a large DEFAULT that is partitioned itself",
        setup: concat!(
            table!(", note text"),
            "CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT PARTITION BY HASH (at);
            CREATE TABLE shop.default_0 PARTITION OF shop.orders_default FOR VALUES WITH (MODULUS 1, REMAINDER 0);
            INSERT INTO shop.orders SELECT 1, '2097-01-01', repeat('x', 1000) FROM generate_series(1, 3000);"
        ),
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "rows to be moved out of DEFAULT",
        setup: concat!(
            "CREATE TABLE shop.customers (id int PRIMARY KEY); INSERT INTO shop.customers VALUES (1);",
            table!(", customer int REFERENCES shop.customers"),
            "CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT; INSERT INTO shop.orders VALUES (1, now(), 1);"
        ),
        kinds: &[Move, Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "a DEFAULT to be split",
        policy: SPLIT,
        setup: concat!(
            "CREATE TABLE shop.customers (id int PRIMARY KEY); INSERT INTO shop.customers VALUES (1);",
            table!(", customer int REFERENCES shop.customers, UNIQUE (id, at)"),
            "ALTER TABLE shop.orders ALTER id SET NOT NULL; CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT;
            INSERT INTO shop.orders SELECT i, now(), 1 FROM generate_series(1, 30000) i;"
        ),
        kinds: &[Split, Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "partitions of a smaller modulus to be split",
        policy: RAISED,
        setup: "CREATE TABLE shop.customers (id int PRIMARY KEY); INSERT INTO shop.customers VALUES (1);
            CREATE TABLE shop.orders (id int PRIMARY KEY, customer int REFERENCES shop.customers) PARTITION BY HASH (id);
            CREATE TABLE shop.orders_p0 PARTITION OF shop.orders FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE shop.other PARTITION OF shop.orders FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            INSERT INTO shop.orders SELECT i, 1 FROM generate_series(1, 100) i;",
        kinds: &[Split],
        ..EMPTY
    },
    Case {
        name: "rows to be moved out of a DEFAULT that is partitioned itself, and published",
        setup: concat!(
            table!(""),
            "CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT PARTITION BY HASH (at);
            CREATE TABLE shop.default_0 PARTITION OF shop.orders_default FOR VALUES WITH (MODULUS 1, REMAINDER 0);
            ALTER TABLE shop.orders REPLICA IDENTITY FULL; ALTER TABLE shop.orders_default REPLICA IDENTITY FULL; ALTER TABLE shop.default_0 REPLICA IDENTITY FULL;
            CREATE PUBLICATION published FOR TABLE shop.orders; INSERT INTO shop.orders VALUES (1, now());"
        ),
        kinds: &[Move, Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "two outgoing foreign keys",
        setup: concat!(
            "CREATE TABLE shop.customers (id int PRIMARY KEY); CREATE TABLE shop.sellers (id int PRIMARY KEY);",
            table!(", customer int REFERENCES shop.customers, seller int REFERENCES shop.sellers")
        ),
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "two outgoing foreign keys beside a DEFAULT",
        setup: concat!(
            "CREATE TABLE shop.customers (id int PRIMARY KEY); CREATE TABLE shop.sellers (id int PRIMARY KEY);",
            table!(", customer int REFERENCES shop.customers, seller int REFERENCES shop.sellers"),
            "CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT;"
        ),
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "two foreign keys to the same table",
        setup: concat!(
            "CREATE TABLE shop.customers (id int PRIMARY KEY);",
            table!(", customer int REFERENCES shop.customers, payer int REFERENCES shop.customers")
        ),
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "an outgoing foreign key to a partitioned table",
        setup: concat!(
            "CREATE TABLE shop.customers (id int PRIMARY KEY) PARTITION BY HASH (id);
            CREATE TABLE shop.customers_0 PARTITION OF shop.customers FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE shop.customers_1 PARTITION OF shop.customers FOR VALUES WITH (MODULUS 2, REMAINDER 1);",
            table!(", customer int REFERENCES shop.customers")
        ),
        kinds: &[Create, Detach, Drop],
        less_on_14: REFERENCES_PARTITIONED, ..EMPTY
    },
    Case {
        name: "an outgoing foreign key to a partitioned table beside a DEFAULT",
        setup: concat!(
            "CREATE TABLE shop.customers (id int PRIMARY KEY) PARTITION BY HASH (id);
            CREATE TABLE shop.customers_0 PARTITION OF shop.customers FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE shop.customers_1 PARTITION OF shop.customers FOR VALUES WITH (MODULUS 2, REMAINDER 1);",
            table!(", customer int REFERENCES shop.customers"),
            "CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT;"
        ),
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "an incoming foreign key",
        setup: concat!(
            table!(", PRIMARY KEY (id, at)"),
            "CREATE TABLE shop.lines (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.orders);"
        ),
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "an incoming foreign key beside a DEFAULT",
        setup: concat!(
            table!(", PRIMARY KEY (id, at)"),
            "CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT;
            CREATE TABLE shop.lines (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.orders);"
        ),
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "an incoming foreign key from a partitioned table",
        setup: concat!(
            table!(", PRIMARY KEY (id, at)"),
            "CREATE TABLE shop.lines (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.orders) PARTITION BY HASH (id);
            CREATE TABLE shop.lines_0 PARTITION OF shop.lines FOR VALUES WITH (MODULUS 1, REMAINDER 0);"
        ),
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "an incoming foreign key from a partitioned table beside a DEFAULT",
        setup: concat!(
            table!(", PRIMARY KEY (id, at)"),
            "CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT;
            CREATE TABLE shop.lines (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.orders) PARTITION BY HASH (id);
            CREATE TABLE shop.lines_0 PARTITION OF shop.lines FOR VALUES WITH (MODULUS 1, REMAINDER 0);"
        ),
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "a table that references itself",
        setup: table!(", PRIMARY KEY (id, at), before int, before_at timestamptz, FOREIGN KEY (before, before_at) REFERENCES shop.orders"),
        kinds: &[Create, Detach, Drop],
        less_on_14: REFERENCES_PARTITIONED, ..EMPTY
    },
    Case {
        name: "a table that references itself beside a DEFAULT",
        setup: concat!(
            table!(", PRIMARY KEY (id, at), before int, before_at timestamptz, FOREIGN KEY (before, before_at) REFERENCES shop.orders"),
            "CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT;"
        ),
        kinds: &[Create, Detach, Drop],
        less_on_14: REFERENCES_ITSELF, ..EMPTY
    },
    Case {
        name: "far ends that the role may not lock",
        setup: concat!(
            "CREATE TABLE shop.customers (id int PRIMARY KEY);",
            table!(", customer int, PRIMARY KEY (id, at)"),
            "CREATE TABLE shop.lines (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.orders);
            GRANT REFERENCES, SELECT ON shop.customers TO creator; GRANT SELECT ON shop.lines TO creator;
            ALTER TABLE shop.orders ADD FOREIGN KEY (customer) REFERENCES shop.customers;
            ALTER TABLE shop.orders OWNER TO creator; ALTER TABLE shop.orders_2001_01 OWNER TO creator; ALTER TABLE shop.orders_rest OWNER TO creator;"
        ),
        role: Some("creator"),
        kinds: &[Create, Detach, Drop],
        less_on_14: REFERENCED,
        ..EMPTY
    },
    Case {
        name: "far ends that the role may not lock beside a DEFAULT",
        setup: concat!(
            "CREATE TABLE shop.customers (id int PRIMARY KEY);",
            table!(", customer int, PRIMARY KEY (id, at)"),
            "CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT;
            CREATE TABLE shop.lines (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.orders);
            GRANT REFERENCES, SELECT ON shop.customers TO creator; GRANT SELECT ON shop.lines TO creator;
            ALTER TABLE shop.orders ADD FOREIGN KEY (customer) REFERENCES shop.customers;
            ALTER TABLE shop.orders OWNER TO creator; ALTER TABLE shop.orders_2001_01 OWNER TO creator;
            ALTER TABLE shop.orders_rest OWNER TO creator; ALTER TABLE shop.orders_default OWNER TO creator;"
        ),
        role: Some("creator"),
        kinds: &[Create, Detach, Drop],
        less_on_14: REFERENCED,
        ..EMPTY
    },
    Case {
        name: "a partition that is partitioned itself",
        setup: concat!(
            "CREATE TABLE shop.customers (id int PRIMARY KEY);",
            "CREATE TABLE shop.orders (id int, at timestamptz NOT NULL, customer int REFERENCES shop.customers) PARTITION BY RANGE (at);
            CREATE TABLE shop.orders_2001_01 PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00') PARTITION BY HASH (id);
            CREATE TABLE shop.old_0 PARTITION OF shop.orders_2001_01 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE shop.old_1 PARTITION OF shop.orders_2001_01 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            CREATE TABLE shop.orders_rest PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01 00:00+00') TO ('2020-02-01 00:00+00');
            INSERT INTO shop.orders (id, at) VALUES (1, '2020-01-15');"
        ),
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "a partition that is partitioned itself beside a DEFAULT",
        setup: "CREATE TABLE shop.orders (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at);
            CREATE TABLE shop.orders_2001_01 PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00') PARTITION BY HASH (id);
            CREATE TABLE shop.old_0 PARTITION OF shop.orders_2001_01 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE shop.old_1 PARTITION OF shop.orders_2001_01 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            CREATE TABLE shop.orders_rest PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01 00:00+00') TO ('2020-02-01 00:00+00');
            CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT;
            INSERT INTO shop.orders (id, at) VALUES (1, '2020-01-15');",
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "a foreign table as a partition",
        setup: "CREATE TABLE shop.orders (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at);
            CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER far FOREIGN DATA WRAPPER nothing;
            CREATE TABLE shop.orders_rest PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01 00:00+00') TO ('2020-02-01 00:00+00');
            INSERT INTO shop.orders VALUES (1, '2020-01-15'); ANALYZE shop.orders;
            CREATE FOREIGN TABLE shop.orders_2001_01 PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00') SERVER far;",
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "a foreign table as a partition beside a DEFAULT",
        setup: "CREATE TABLE shop.orders (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at);
            CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER far FOREIGN DATA WRAPPER nothing;
            CREATE TABLE shop.orders_rest PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01 00:00+00') TO ('2020-02-01 00:00+00');
            CREATE TABLE shop.orders_default PARTITION OF shop.orders DEFAULT;
            INSERT INTO shop.orders VALUES (1, '2020-01-15'); ANALYZE shop.orders;
            CREATE FOREIGN TABLE shop.orders_2001_01 PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2001-02-01 00:00+00') SERVER far;",
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "a foreign table as DEFAULT",
        setup: concat!(
            table!(""),
            "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER far FOREIGN DATA WRAPPER nothing;
            CREATE FOREIGN TABLE shop.orders_default PARTITION OF shop.orders DEFAULT SERVER far;"
        ),
        // Nobody can tell what it holds, so nothing is made beside it.
        kinds: &[Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "the table is a partition itself",
        setup: concat!(
            "CREATE TABLE shop.all_orders (id int, at timestamptz NOT NULL) PARTITION BY LIST (id);",
            table!(""),
            "ALTER TABLE shop.all_orders ATTACH PARTITION shop.orders FOR VALUES IN (1);"
        ),
        kinds: &[Create, Detach, Drop],
        ..EMPTY
    },
    Case {
        name: "all that can be set, on a table and on one that is partitioned",
        policy: STORED,
        setup: "CREATE TABLE shop.orders (country text, id int NOT NULL, UNIQUE (country, id)) PARTITION BY LIST (country);
            CREATE TABLE shop.lines (country text, id int, FOREIGN KEY (country, id) REFERENCES shop.orders (country, id));
            CREATE TABLE shop.nordic PARTITION OF shop.orders FOR VALUES IN ('NO') PARTITION BY HASH (id);
            CREATE TABLE shop.nordic_0 PARTITION OF shop.nordic FOR VALUES WITH (MODULUS 1, REMAINDER 0);
            CREATE TABLE shop.rest PARTITION OF shop.orders DEFAULT; ALTER TABLE shop.orders OWNER TO creator; ALTER TABLE shop.lines OWNER TO creator;
            ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; ALTER TABLE ONLY shop.orders ALTER id SET STATISTICS 77; COMMENT ON TABLE shop.orders IS 'all';
            ALTER TABLE shop.orders REPLICA IDENTITY FULL; CREATE STATISTICS shop.s ON country, id FROM shop.orders; GRANT SELECT ON shop.orders TO stranger;
            GRANT CREATE, USAGE ON SCHEMA shop TO creator;",
        kinds: &[Match],
        ..EMPTY
    },
    Case {
        name: "what others hardly notice",
        policy: STORED,
        setup: "CREATE TABLE shop.orders (country text, id int) PARTITION BY LIST (country);
            CREATE TABLE shop.nordic PARTITION OF shop.orders FOR VALUES IN ('NO'); CREATE TABLE shop.rest PARTITION OF shop.orders DEFAULT;
            ALTER TABLE ONLY shop.orders ALTER id SET STATISTICS 77; CREATE STATISTICS shop.s ON country, id FROM shop.orders;
            COMMENT ON COLUMN shop.orders.id IS 'a number'; GRANT SELECT (id) ON shop.orders TO stranger;",
        kinds: &[Match],
        ..EMPTY
    },
    Case {
        name: "privileges alone",
        policy: "version: 1\ntable: shop.orders\npartition:\n  list: country\n  values: {nordic: [NO]}\n",
        setup: "CREATE TABLE shop.orders (country text, id int) PARTITION BY LIST (country);
            CREATE TABLE shop.nordic PARTITION OF shop.orders FOR VALUES IN ('NO');
            GRANT SELECT ON shop.orders TO stranger; GRANT UPDATE (id) ON shop.orders TO PUBLIC;",
        kinds: &[Match],
        ..EMPTY
    },
    Case {
        name: "a foreign table that lacks something",
        policy: STORED,
        setup: "CREATE TABLE shop.orders (country text, id int) PARTITION BY LIST (country);
            CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER far FOREIGN DATA WRAPPER nothing;
            CREATE FOREIGN TABLE shop.nordic PARTITION OF shop.orders FOR VALUES IN ('NO') SERVER far; CREATE TABLE shop.rest PARTITION OF shop.orders DEFAULT;
            ALTER TABLE ONLY shop.orders ALTER id SET STATISTICS 77; COMMENT ON TABLE shop.orders IS 'all'; ALTER TABLE shop.orders REPLICA IDENTITY FULL;
            ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE STATISTICS shop.s ON country, id FROM shop.orders; GRANT SELECT ON shop.orders TO stranger;",
        kinds: &[Match],
        ..EMPTY
    },
    Case {
        name: "a list with and without null, beside a DEFAULT",
        policy: LIST,
        setup: "CREATE TABLE shop.orders (country text) PARTITION BY LIST (country);
            CREATE TABLE shop.other PARTITION OF shop.orders DEFAULT;",
        kinds: &[Create],
        ..EMPTY
    },
    Case {
        name: "a list",
        policy: LIST,
        setup: "CREATE TABLE shop.orders (country text) PARTITION BY LIST (country);",
        kinds: &[Create],
        ..EMPTY
    },
    Case {
        name: "a hash table",
        policy: HASH,
        setup: "CREATE TABLE shop.orders (id int) PARTITION BY HASH (id);",
        kinds: &[Create],
        ..EMPTY
    },
];

/// Detaches that were interrupted.
pub const PENDING: &[Case] = &[
    Case { name: "pending", setup: table!(""), ..EMPTY },
    Case {
        name: "pending, with foreign keys",
        setup: concat!(
            "CREATE TABLE shop.customers (id int PRIMARY KEY);",
            table!(", customer int REFERENCES shop.customers, PRIMARY KEY (id, at)"),
            "CREATE TABLE shop.lines (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.orders);"
        ),
        ..EMPTY
    },
    Case {
        name: "pending, with foreign keys to and from partitioned tables",
        setup: concat!(
            "CREATE TABLE shop.customers (id int PRIMARY KEY) PARTITION BY HASH (id);
            CREATE TABLE shop.customers_0 PARTITION OF shop.customers FOR VALUES WITH (MODULUS 1, REMAINDER 0);",
            table!(", customer int REFERENCES shop.customers, PRIMARY KEY (id, at)"),
            "CREATE TABLE shop.lines (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES shop.orders) PARTITION BY HASH (id);
            CREATE TABLE shop.lines_0 PARTITION OF shop.lines FOR VALUES WITH (MODULUS 1, REMAINDER 0);"
        ),
        less_on_14: REFERENCES_PARTITIONED, ..EMPTY
    },
    Case {
        name: "pending, a table that references itself",
        setup: table!(", PRIMARY KEY (id, at), before int, before_at timestamptz, FOREIGN KEY (before, before_at) REFERENCES shop.orders"),
        less_on_14: REFERENCES_PARTITIONED, ..EMPTY
    },
];
