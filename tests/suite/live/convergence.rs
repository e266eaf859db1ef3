//! The laws of convergence: plan, apply, and the plan is empty; stopped after any action and run again, the end is
//! the same; no row is lost or doubled; and what is shown is what runs.

use std::process::Command;

use partctl::plan::{Action, Phase, StepKind};

use super::harness::{Database, server};

struct Scenario {
    name: &'static str,
    policy: &'static str,
    setup: &'static [Part],
}

#[derive(Clone, Copy)]
enum Part {
    Sql(&'static str),
    /// A query whose rows are statements: for set-ups that depend on today.
    Each(&'static str),
}
use Part::{Each, Sql};

/// Rows as text, whatever table they lie in, so that a move between tables is no loss.
const ROWS: &str = "SELECT coalesce(string_agg(line, E'\n' ORDER BY line), '') FROM (
    SELECT unnest(xpath('//r/text()', query_to_xml(format('SELECT r::text FROM %I.%I r', n.nspname, c.relname), true, false, '')))::text AS line
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'partctl')) rows";

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "an empty timestamptz table gets its first partitions",
        policy: "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: Europe/Berlin}\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)")],
    },
    Scenario {
        name: "gaps in daily dates are filled and the current day is covered",
        policy: "version: 1\ntable: shop.days\npartition: {range: day, every: 1 day}\ncreate: {ahead: 3 days, behind: 2 days}\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.days (day date, note text) PARTITION BY RANGE (day);"), Each("SELECT format('CREATE TABLE shop.%I PARTITION OF shop.days FOR VALUES FROM (%L) TO (%L)', 'd' || g, d + g, d + g + 1)
              FROM (SELECT (now() AT TIME ZONE 'UTC')::date - 9 AS d) t, generate_series(0, 6, 2) g")],
    },
    Scenario {
        name: "hours of a timestamp with a zone",
        policy: "version: 1\ntable: shop.hours\npartition: {range: at, every: 6 hours, timezone: Asia/Kathmandu}\ncreate: {ahead: 2 days}\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.hours (at timestamp) PARTITION BY RANGE (at)")],
    },
    Scenario {
        name: "numbers follow the highest key in use",
        policy: "version: 1\ntable: shop.numbers\npartition: {range: id, every: 1000}\ncreate: {ahead: 3 partitions}\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.numbers (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
            CREATE TABLE shop.numbers_0 PARTITION OF shop.numbers FOR VALUES FROM (0) TO (1000);
            CREATE TABLE shop.numbers_1000 PARTITION OF shop.numbers FOR VALUES FROM (1000) TO (2000);
            CREATE TABLE shop.numbers_2000 PARTITION OF shop.numbers FOR VALUES FROM (2000) TO (3000);
            INSERT INTO shop.numbers SELECT generate_series(500, 1500, 100)")],
    },
    Scenario {
        name: "list groups with null, a DEFAULT, and values that YAML would like to change",
        policy: "version: 1\ntable: shop.lists\npartition:\n  list: country\n  values:\n    nordic: [NO, SE, off]\n    odd: [null, 08, 1e3]\n  default: other\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.lists (country text) PARTITION BY LIST (country)")],
    },
    Scenario {
        name: "a missing remainder of a hash table on two columns",
        policy: "version: 1\ntable: shop.hashed\npartition: {hash: [a, b], modulus: 4}\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.hashed (a int, b text) PARTITION BY HASH (a, b);
            CREATE TABLE shop.first PARTITION OF shop.hashed FOR VALUES WITH (MODULUS 4, REMAINDER 0);
            CREATE TABLE shop.third PARTITION OF shop.hashed FOR VALUES WITH (MODULUS 4, REMAINDER 2)")],
    },
    Scenario {
        name: "days and tenants: the days are looked after, and a cut inside of one stays",
        policy: "version: 1\ntable: shop.tenants\npartition: {range: [day, tenant], every: 1 day}\ncreate: {ahead: 2 days}\nretain: {newest: 4, then: detach}\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.tenants (day date, tenant int) PARTITION BY RANGE (day, tenant);"), Each("SELECT format('CREATE TABLE shop.%I PARTITION OF shop.tenants FOR VALUES FROM (%L, MINVALUE) TO (%L, MINVALUE)', 't' || g, d - g, d - g + 1)
              FROM (SELECT (now() AT TIME ZONE 'UTC')::date - 2 AS d) t, generate_series(1, 5) g"), Each("SELECT format('CREATE TABLE shop.cut PARTITION OF shop.tenants FOR VALUES FROM (%L, MINVALUE) TO (%L, 7)', d, d + 1)
              FROM (SELECT (now() AT TIME ZONE 'UTC')::date - 2 AS d) t"), Sql("INSERT INTO shop.tenants SELECT (now() AT TIME ZONE 'UTC')::date - g, g FROM generate_series(2, 7) g; ANALYZE shop.tenants")],
    },
    Scenario {
        name: "the key is an expression",
        policy: "version: 1\ntable: shop.capitals\npartition:\n  list: (upper(\"Land\"))\n  values:\n    nordic: [NO, SE]\n    none: [null]\n---\nversion: 1\ntable: shop.days\npartition:\n  range: (date_trunc('day', at))\n  every: 1 week\n---\nversion: 1\ntable: shop.rest\npartition:\n  hash: [(id % 100), \"(lower(note) || ',')\"]\n  modulus: 2\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.capitals (\"Land\" text) PARTITION BY LIST (upper(\"Land\"));
            CREATE TABLE shop.days (at timestamp) PARTITION BY RANGE (date_trunc('day', at));
            CREATE TABLE shop.rest (id int, note text) PARTITION BY HASH ((id % 100), (lower(note) || ','))")],
    },
    Scenario {
        name: "old months are detached concurrently and kept",
        policy: "version: 1\ntable: shop.months\npartition: {range: at, every: 1 month, timezone: UTC}\nretain: {for: 3 months, then: detach, per_run: 20}\n",
        setup: MONTHS,
    },
    Scenario {
        name: "old months beside a DEFAULT are detached plainly and dropped without grace",
        policy: "version: 1\ntable: shop.months\npartition: {range: at, every: 1 month, timezone: UTC}\nretain: {newest: 4, then: drop, grace: 0 days, per_run: 20}\n",
        setup: MONTHS_WITH_DEFAULT,
    },
    Scenario {
        name: "an empty DEFAULT is set aside while two months leave",
        policy: "version: 1\ntable: shop.months\npartition: {range: at, every: 1 month, timezone: UTC}\nretain: {newest: 7, then: drop, grace: 0 days}\nlocks: {set_default_aside: true}\n",
        setup: MONTHS_WITH_EMPTY_DEFAULT,
    },
    Scenario {
        name: "foreign keys on both sides",
        policy: "version: 1\ntable: shop.months\npartition: {range: at, every: 1 month, timezone: UTC}\nretain: {for: 4 months, then: detach, per_run: 20}\n",
        setup: MONTHS_WITH_KEYS,
    },
    Scenario {
        name: "names that need quotes, and names of 63 bytes",
        policy: "version: 1\ntable: '\"Große Läden\".\"Say \"\"Hi\"\", 100%; DROP TABLE x; --12345678901234567890123456\"'\npartition: {range: '\"Wann?\"', every: 1 year, timezone: UTC}\n",
        setup: &[Sql("CREATE SCHEMA \"Große Läden\" AUTHORIZATION \"Odd 'Owner'\"; SET ROLE \"Odd 'Owner'\";
            CREATE TABLE \"Große Läden\".\"Say \"\"Hi\"\", 100%; DROP TABLE x; --12345678901234567890123456\" (\"Wann?\" timestamptz) PARTITION BY RANGE (\"Wann?\"); RESET ROLE")],
    },
    Scenario {
        name: "owner, privileges and replica identity are carried",
        policy: "version: 1\ntable: shop.carried\npartition: {range: at, every: 1 month, timezone: UTC}\n",
        setup: &[Sql("CREATE SCHEMA shop AUTHORIZATION carrier; SET ROLE carrier;
            CREATE TABLE shop.carried (id int NOT NULL, at timestamptz NOT NULL, UNIQUE (id, at)) PARTITION BY RANGE (at);
            ALTER TABLE shop.carried REPLICA IDENTITY USING INDEX carried_id_at_key;
            GRANT SELECT, INSERT ON shop.carried TO \"Reader One\" WITH GRANT OPTION; GRANT SELECT ON shop.carried TO PUBLIC; RESET ROLE")],
    },
    Scenario {
        name: "old partitions are given what their table has, and what the policy adds",
        policy: "version: 1\ntable: shop.lists\npartition:\n  list: country\n  values: {nordic: [NO], rest: [XX], new: [NZ]}\nstorage: {fillfactor: 80}\n",
        setup: &[Sql("CREATE SCHEMA shop AUTHORIZATION carrier; SET ROLE carrier; CREATE TABLE shop.lists (country text NOT NULL, id int, UNIQUE (country, id)) PARTITION BY LIST (country); RESET ROLE;
            CREATE TABLE shop.nordic PARTITION OF shop.lists FOR VALUES IN ('NO') PARTITION BY HASH (id); CREATE TABLE shop.nordic_0 PARTITION OF shop.nordic FOR VALUES WITH (MODULUS 1, REMAINDER 0);
            CREATE TABLE shop.rest PARTITION OF shop.lists FOR VALUES IN ('XX'); INSERT INTO shop.lists VALUES ('NO', 1), ('XX', 2);
            ALTER TABLE shop.rest OWNER TO \"Odd 'Owner'\"; GRANT SELECT ON shop.rest TO carrier; GRANT UPDATE ON shop.lists TO \"Odd 'Owner'\";
            COMMENT ON TABLE shop.lists IS 'all of them'; ALTER TABLE shop.lists ENABLE ROW LEVEL SECURITY; ALTER TABLE ONLY shop.lists ALTER country SET STATISTICS 77;
            ALTER TABLE shop.lists REPLICA IDENTITY FULL; CREATE STATISTICS shop.s ON country, id FROM shop.lists; GRANT SELECT (id) ON shop.lists TO \"Reader One\"")],
    },
    Scenario {
        name: "a new step width gets one bridge partition",
        policy: "version: 1\ntable: shop.weeks\npartition: {range: day, every: 1 month}\ncreate: {ahead: 2 partitions}\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.weeks (day date) PARTITION BY RANGE (day);"), Each("SELECT format('CREATE TABLE shop.%I PARTITION OF shop.weeks FOR VALUES FROM (%L) TO (%L)', 'w' || g, m + g * 7, m + g * 7 + 7)
              FROM (SELECT date_trunc('week', now() AT TIME ZONE 'UTC')::date - 14 AS m) t, generate_series(0, 3) g")],
    },
    Scenario {
        name: "months of four hash partitions each, with keys, an identity column and a role of their own",
        policy: "version: 1\ntable: shop.orders\npartition:\n  range: at\n  every: 1 month\n  timezone: Europe/Berlin\n  subpartition: {hash: customer, modulus: 4}\ncreate: {ahead: 2 partitions}\n",
        setup: BRANCHES,
    },
    Scenario {
        name: "regions of months of hash partitions, whose old months leave",
        policy: "version: 1\ntable: shop.tree\npartition:\n  list: region\n  values: {eu: [DE, FR], na: [US], none: [null]}\n  subpartition:\n    range: at\n    every: 1 month\n    timezone: UTC\n    create: {ahead: 1 partitions}\n    retain: {for: 2 months, then: drop, grace: 0 days}\n    subpartition: {hash: id, modulus: 2, name: '{parent}_h{remainder}'}\n",
        setup: TREE,
    },
    Scenario {
        name: "months of regions with a DEFAULT below, of which whole months leave",
        policy: "version: 1\ntable: shop.months\npartition:\n  range: at\n  every: 1 month\n  timezone: UTC\n  subpartition: {list: region, values: {eu: [DE], na: [US, CA]}, default: other}\ncreate: {default: require}\nretain: {newest: 3, then: detach, per_run: 20}\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.months (id int, at timestamptz NOT NULL, region text) PARTITION BY RANGE (at)"), Each("SELECT format('CREATE TABLE shop.%1$I PARTITION OF shop.months FOR VALUES FROM (%2$L) TO (%3$L) PARTITION BY LIST (region);
              CREATE TABLE shop.%4$I PARTITION OF shop.%1$I FOR VALUES IN (''DE'')', 'm' || g, m - g * interval '1 month', m - (g - 1) * interval '1 month', 'eu' || g)
              FROM (SELECT date_trunc('month', now(), 'UTC') AS m) t, generate_series(0, 5) g"),
            Sql("INSERT INTO shop.months SELECT g, date_trunc('month', now(), 'UTC') - g * interval '1 month', 'DE' FROM generate_series(0, 5) g; ANALYZE shop.months")],
    },
    Scenario {
        name: "months of a partition for each tenant, one of whom is new and one gone",
        policy: "version: 1\ntable: shop.months\npartition:\n  range: at\n  every: 1 month\n  timezone: UTC\n  subpartition:\n    list: tenant\n    each: select id from shop.tenants\n    retain: {then: drop, grace: 0 days}\n    subpartition: {hash: id, modulus: 2}\ncreate: {ahead: 1 partitions}\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.tenants (id int); INSERT INTO shop.tenants VALUES (1), (3);
            CREATE TABLE shop.months (id int, at timestamptz NOT NULL, tenant int) PARTITION BY RANGE (at)"), Each("SELECT format('CREATE TABLE shop.months_now PARTITION OF shop.months FOR VALUES FROM (%L) TO (%L) PARTITION BY LIST (tenant)', m, m + interval '1 month')
              FROM (SELECT date_trunc('month', now(), 'UTC') AS m) t"),
            Sql("CREATE TABLE shop.one PARTITION OF shop.months_now FOR VALUES IN (1); CREATE TABLE shop.two PARTITION OF shop.months_now FOR VALUES IN (2);
            INSERT INTO shop.months SELECT g, now(), 1 + g % 2 FROM generate_series(1, 9) g; ANALYZE shop.months")],
    },
    Scenario {
        name: "names of 63 bytes on three levels",
        policy: "version: 1\ntable: shop.a2345678901234567890123456789012345678901234567890123456789012\npartition:\n  range: at\n  every: 1 year\n  timezone: UTC\n  subpartition:\n    list: region\n    values: {europe: [DE], america: [US]}\n    subpartition: {hash: id, modulus: 3}\ncreate: {ahead: 1 partitions}\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.a2345678901234567890123456789012345678901234567890123456789012 (id int, at timestamptz, region text) PARTITION BY RANGE (at)")],
    },
    Scenario {
        name: "rows that wait in DEFAULT move with their partitions",
        policy: "version: 1\ntable: shop.waiting\npartition: {range: at, every: 1 month, timezone: UTC}\ncreate: {ahead: 2 partitions, behind: 2 partitions}\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.waiting (id bigint GENERATED ALWAYS AS IDENTITY, gone int, at timestamptz, double bigint GENERATED ALWAYS AS (gone * 2) STORED,
                note text, UNIQUE (id, at)) PARTITION BY RANGE (at);
            CREATE TABLE shop.rest PARTITION OF shop.waiting DEFAULT;
            INSERT INTO shop.waiting (gone, at, note) SELECT i, now() + (i % 5 - 2) * interval '31 days', 'note' FROM generate_series(1, 300) i;
            INSERT INTO shop.waiting (gone, at) VALUES (1, '2097-01-01'), (2, NULL), (3, 'infinity')")],
    },
    Scenario {
        name: "a DEFAULT of which too much would move at once is split",
        policy: "version: 1\ntable: shop.large\npartition: {range: at, every: 1 month, timezone: UTC}\ncreate: {ahead: 1 partition, behind: 1 partition, move_rows: in_batches}\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.people (id int PRIMARY KEY); INSERT INTO shop.people VALUES (7);
            CREATE TABLE shop.large (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz, gone int, double bigint GENERATED ALWAYS AS (id * 2) STORED,
                who int REFERENCES shop.people, note text CHECK (note <> ''), UNIQUE (id, at)) PARTITION BY RANGE (at);
            ALTER TABLE shop.large DROP COLUMN gone; ALTER TABLE shop.large ALTER at SET NOT NULL; CREATE INDEX ON shop.large (who) WHERE note IS NOT NULL;
            CREATE TABLE shop.rest PARTITION OF shop.large DEFAULT WITH (fillfactor = 80); COMMENT ON COLUMN shop.rest.note IS 'kept';
            INSERT INTO shop.large (at, who, note) SELECT now() + (i % 3 - 1) * interval '31 days', 7, repeat('x', 1 + i % 9) FROM generate_series(1, 75000) i;
            INSERT INTO shop.large (at, who) VALUES ('2097-01-01', NULL), ('infinity', 7); ANALYZE shop.large")],
    },
    Scenario {
        name: "a larger modulus, of which a part is there and a part is missing",
        policy: "version: 1\ntable: shop.\"Hashed\"\npartition: {hash: id, modulus: 4}\ncreate: {move_rows: in_batches}\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.people (id int PRIMARY KEY); INSERT INTO shop.people VALUES (7);
            CREATE TABLE shop.\"Hashed\" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, gone int, double bigint GENERATED ALWAYS AS (id * 2) STORED,
                who int REFERENCES shop.people, note text CHECK (note <> '')) PARTITION BY HASH (id);
            ALTER TABLE shop.\"Hashed\" DROP COLUMN gone; CREATE INDEX ON shop.\"Hashed\" (who) WHERE note IS NOT NULL;
            CREATE TABLE shop.\"Hashed_p0\" PARTITION OF shop.\"Hashed\" FOR VALUES WITH (MODULUS 2, REMAINDER 0) WITH (fillfactor = 80);
            CREATE TABLE shop.\"Odd One\" PARTITION OF shop.\"Hashed\" FOR VALUES WITH (MODULUS 4, REMAINDER 1);
            CREATE TABLE shop.third PARTITION OF shop.\"Hashed\" FOR VALUES WITH (MODULUS 4, REMAINDER 3);
            INSERT INTO shop.\"Hashed\" (who, note) SELECT 7, repeat('x', 1 + i % 9) FROM generate_series(1, 900) i;
            DELETE FROM shop.third; DROP TABLE shop.third; ANALYZE shop.\"Hashed\"")],
    },
    Scenario {
        name: "values that wait in DEFAULT move with their group",
        policy: "version: 1\ntable: shop.lists\npartition:\n  list: country\n  values:\n    nordic: [NO, SE]\n    odd: [null, \"it's\"]\n  default: other\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.lists (country text, n int) PARTITION BY LIST (country);
            CREATE TABLE shop.lists_other PARTITION OF shop.lists DEFAULT;
            INSERT INTO shop.lists SELECT (ARRAY['NO', 'it''s', NULL, 'DE'])[1 + i % 4], i FROM generate_series(1, 40) i")],
    },
    Scenario {
        name: "what leaves is kept in another schema, partitions of its own and all",
        policy: "version: 1\ntable: shop.months\npartition: {range: at, every: 1 month, timezone: UTC, subpartition: {hash: id, modulus: 2}}\nretain: {for: 3 months, then: move, move_to: '\"Cold, and far\"', per_run: 20}\n",
        setup: &[Sql("CREATE SCHEMA shop; CREATE SCHEMA \"Cold, and far\"; CREATE TABLE shop.months (id int, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)"), Each("SELECT format('CREATE TABLE shop.%1$I PARTITION OF shop.months FOR VALUES FROM (%2$L) TO (%3$L) PARTITION BY HASH (id);
              CREATE TABLE shop.%4$I PARTITION OF shop.%1$I FOR VALUES WITH (MODULUS 2, REMAINDER 0);
              CREATE TABLE shop.%5$I PARTITION OF shop.%1$I FOR VALUES WITH (MODULUS 2, REMAINDER 1)', 'm' || g, m - g * interval '1 month', m - (g - 1) * interval '1 month', 'm' || g || '_0', 'm' || g || '_1')
              FROM (SELECT date_trunc('month', now(), 'UTC') AS m) t, generate_series(0, 6) g"),
            Sql("INSERT INTO shop.months SELECT g, date_trunc('month', now(), 'UTC') - g * interval '1 month' FROM generate_series(0, 6) g; ANALYZE shop.months")],
    },
    Scenario {
        name: "a database whose settings are odd",
        policy: "version: 1\ntable: shop.months\npartition: {range: at, every: 1 month, timezone: UTC}\nretain: {for: 3 months, then: detach, per_run: 20}\n",
        setup: &[Sql("DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''America/St_Johns''', current_database());
            EXECUTE format('ALTER DATABASE %I SET datestyle = ''German, DMY''', current_database());
            EXECUTE format('ALTER DATABASE %I SET intervalstyle = ''sql_standard''', current_database());
            EXECUTE format('ALTER DATABASE %I SET search_path = ''nowhere''', current_database());
            EXECUTE format('ALTER DATABASE %I SET lock_timeout = ''1ms''', current_database()); END$$")],
    },
];

/// A table of another role with foreign keys on both sides, a replica identity, extended statistics, and one branch that
/// lacks two of its partitions.
const BRANCHES: &[Part] = &[
    Sql("CREATE SCHEMA shop AUTHORIZATION carrier; SET ROLE carrier; CREATE TABLE shop.customers (id int PRIMARY KEY); INSERT INTO shop.customers SELECT generate_series(1, 9);
    CREATE TABLE shop.orders (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, customer int NOT NULL REFERENCES shop.customers, note text CHECK (note <> ''), PRIMARY KEY (id, at, customer)) PARTITION BY RANGE (at);
    CREATE INDEX ON shop.orders (customer); CREATE STATISTICS shop.spread ON at, customer FROM shop.orders; COMMENT ON COLUMN shop.orders.note IS 'of a person';
    ALTER TABLE shop.orders REPLICA IDENTITY USING INDEX orders_pkey; GRANT SELECT ON shop.orders TO \"Reader One\" WITH GRANT OPTION"),
    Each("SELECT format('CREATE TABLE shop.first PARTITION OF shop.orders FOR VALUES FROM (%L) TO (%L) PARTITION BY HASH (customer)', m - interval '1 month', m)
      FROM (SELECT date_trunc('month', now(), 'Europe/Berlin') AS m) t"),
    Sql("CREATE TABLE shop.first_0 PARTITION OF shop.first FOR VALUES WITH (MODULUS 4, REMAINDER 0); CREATE TABLE shop.first_2 PARTITION OF shop.first FOR VALUES WITH (MODULUS 4, REMAINDER 2);
    CREATE TABLE shop.lines (id bigint, at timestamptz, customer int, FOREIGN KEY (id, at, customer) REFERENCES shop.orders); RESET ROLE"),
];

/// Two of three regions with past months: one of them with all, as leaves, the other with one that has no partitions.
const TREE: &[Part] = &[
    Sql("CREATE SCHEMA shop; CREATE TABLE shop.tree (id int, at timestamptz NOT NULL, region text) PARTITION BY LIST (region);
    CREATE TABLE shop.eu PARTITION OF shop.tree FOR VALUES IN ('DE', 'FR') PARTITION BY RANGE (at); CREATE TABLE shop.na PARTITION OF shop.tree FOR VALUES IN ('US') PARTITION BY RANGE (at)"),
    Each("SELECT format('CREATE TABLE shop.%I PARTITION OF shop.eu FOR VALUES FROM (%L) TO (%L)', 'eu' || g, m - g * interval '1 month', m - (g - 1) * interval '1 month')
      FROM (SELECT date_trunc('month', now(), 'UTC') AS m) t, generate_series(0, 5) g
      UNION ALL SELECT format('CREATE TABLE shop.na4 PARTITION OF shop.na FOR VALUES FROM (%L) TO (%L) PARTITION BY HASH (id)', m - interval '4 months', m - interval '3 months')
      FROM (SELECT date_trunc('month', now(), 'UTC') AS m) t"),
    Sql("INSERT INTO shop.tree SELECT g, date_trunc('month', now(), 'UTC') - g * interval '1 month', 'DE' FROM generate_series(0, 5) g; ANALYZE shop.tree"),
];

/// Eight past months with a row each, relative to now, the current month missing.
const MONTHS: &[Part] = &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.months (id int, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"), Each("SELECT format('CREATE TABLE shop.%I PARTITION OF shop.months FOR VALUES FROM (%L) TO (%L)', 'm' || g, m - g * interval '1 month', m - (g - 1) * interval '1 month')
      FROM (SELECT date_trunc('month', now(), 'UTC') AS m) t, generate_series(1, 8) g"), Sql("INSERT INTO shop.months SELECT g, now() - g * interval '1 month' - interval '1 day' * extract(day FROM now()) + interval '1 month' - interval '1 hour' FROM generate_series(1, 8) g;
    ANALYZE shop.months")];

const MONTHS_WITH_DEFAULT: &[Part] = &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.months (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at);"), Each("SELECT format('CREATE TABLE shop.%I PARTITION OF shop.months FOR VALUES FROM (%L) TO (%L)', 'm' || g, m - g * interval '1 month', m - (g - 1) * interval '1 month')
      FROM (SELECT date_trunc('month', now(), 'UTC') AS m) t, generate_series(1, 8) g"), Sql("CREATE TABLE shop.months_default PARTITION OF shop.months DEFAULT;
    INSERT INTO shop.months SELECT g, now() - g * interval '1 month' FROM generate_series(1, 7) g; INSERT INTO shop.months VALUES (0, '2097-01-01');
    ANALYZE shop.months")];

/// Eight past months with a row each, and a DEFAULT that is partitioned itself, with an index, a trigger and a comment.
const MONTHS_WITH_EMPTY_DEFAULT: &[Part] = &[
    MONTHS[0],
    MONTHS[1],
    MONTHS[2],
    Sql("CREATE TABLE shop.months_default PARTITION OF shop.months DEFAULT PARTITION BY HASH (id);
    CREATE TABLE shop.default_0 PARTITION OF shop.months_default FOR VALUES WITH (MODULUS 1, REMAINDER 0);
    CREATE INDEX ON shop.months (at); COMMENT ON TABLE shop.months_default IS 'the rest';
    CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE TRIGGER touch BEFORE INSERT ON shop.months FOR EACH ROW EXECUTE FUNCTION shop.touch()"),
];

const MONTHS_WITH_KEYS: &[Part] = &[Sql("CREATE SCHEMA shop; CREATE TABLE shop.customers (id int PRIMARY KEY); INSERT INTO shop.customers VALUES (1);
    CREATE TABLE shop.months (id int, at timestamptz NOT NULL, customer int REFERENCES shop.customers, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"), Each("SELECT format('CREATE TABLE shop.%I PARTITION OF shop.months FOR VALUES FROM (%L) TO (%L)', 'm' || g, m - g * interval '1 month', m - (g - 1) * interval '1 month')
      FROM (SELECT date_trunc('month', now(), 'UTC') AS m) t, generate_series(1, 8) g"), Sql("CREATE TABLE shop.lines (month int, at timestamptz, FOREIGN KEY (month, at) REFERENCES shop.months);
    INSERT INTO shop.months SELECT g, date_trunc('month', now(), 'UTC') - g * interval '1 month', 1 FROM generate_series(1, 8) g;
    INSERT INTO shop.lines SELECT id, at FROM shop.months WHERE id = 1; ANALYZE shop.months")];

async fn database(scenario: &Scenario) -> Database {
    let database = Database::new(scenario.policy, "").await;
    let odd = if scenario.name.contains("settings are odd") { MONTHS } else { &[] };
    for part in scenario.setup.iter().chain(odd) {
        match part {
            Sql(sql) => database.sql(sql).await,
            Each(query) => {
                for statement in database.column(query).await {
                    database.sql(&statement).await;
                }
            }
        }
    }
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn after_apply_the_plan_is_empty_and_the_rows_are_the_rows() {
    for scenario in SCENARIOS {
        let database = database(scenario).await;
        let rows = database.value(ROWS).await;
        let (_, plan) = database.plan().await;
        assert!(!plan.is_empty(), "{}: there is nothing to do", scenario.name);
        database.partctl(&["plan", "--check"], 2);
        let json = database.command(&["plan", "-o", "json"]).output().unwrap().stdout;
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["format"], "partctl-plan", "{}", scenario.name);
        let markdown = database.partctl(&["plan", "-o", "markdown"], 0);
        for (_, step) in plan.steps().take(1) {
            assert!(markdown.contains(step.kind().as_str()), "{}: {markdown}", scenario.name);
        }
        let warned = plan.findings().any(|finding| finding.code.severity == partctl::plan::Severity::Warning);
        database.partctl(&["plan", "--strict"], if warned { 3 } else { 0 });
        database.partctl(&["apply", "--allow-destroy"], 0);
        let (_, plan) = database.plan().await;
        assert!(plan.is_empty(), "{}: still to do: {:?}", scenario.name, plan.tables);
        database.partctl(&["plan", "--check"], 0);
        let state = database.state().await;
        database.partctl(&["apply", "--allow-destroy"], 0);
        assert_eq!(database.state().await, state, "{}: the second apply did something", scenario.name);
        if !scenario.policy.contains("then: drop") {
            assert_eq!(database.value(ROWS).await, rows, "{}", scenario.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_after_any_action_the_next_run_comes_to_the_same_end() {
    for scenario in SCENARIOS {
        let whole = database(scenario).await;
        whole.partctl(&["init"], 0);
        let (_, plan) = whole.plan().await;
        whole.partctl(&["apply", "--allow-destroy"], 0);
        let end = whole.state().await;
        let actions: usize = plan.steps().map(|(_, step)| step.actions().len()).sum();
        // Creations are alike: the first ones and every retirement stand for all.
        let retirements = plan.steps().filter(|(_, step)| step.phase() == Phase::Retire).count() * 3;
        let split: usize =
            plan.steps().filter(|(_, step)| step.kind() == StepKind::Split).map(|(_, step)| step.actions().len()).sum();
        for stop_after in (1..actions).filter(|k| *k <= 3 + split || actions - retirements.min(9) <= *k) {
            let stopped = database(scenario).await;
            stopped.partctl(&["init"], 0);
            let (_, plan) = stopped.plan().await;
            let mut steps: Vec<_> = plan.steps().map(|(_, step)| step).collect();
            steps.sort_by_key(|step| step.phase());
            for action in steps.iter().flat_map(|step| step.actions()).take(stop_after) {
                match &action {
                    Action::Transaction(_) => {
                        stopped.sql(&format!("BEGIN; {}; COMMIT", action.statements().join("; "))).await;
                    }
                    Action::Alone(alone) => stopped.sql(&alone.statement).await,
                    Action::CopyOut(_) | Action::Remove { .. } => unreachable!("no scenario here archives"),
                    Action::Batches(batches) => stopped.sql(&batches.statement).await,
                }
            }
            stopped.partctl(&["apply", "--allow-destroy"], 0);
            assert_eq!(stopped.state().await, end, "{}: stopped after {stop_after}", scenario.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_is_what_runs() {
    let psql = server().installation().psql().expect("psql is part of a server's installation here");
    for scenario in SCENARIOS {
        let applied = database(scenario).await;
        applied.partctl(&["init"], 0);
        applied.partctl(&["apply", "--allow-destroy"], 0);
        let shown = database(scenario).await;
        shown.partctl(&["init"], 0);
        let script = shown.command(&["plan", "-o", "sql"]).output().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &script.stdout).unwrap();
        let output =
            Command::new(&psql).args(["-X", "-q", "-d", &shown.url(), "-f"]).arg(file.path()).output().unwrap();
        assert!(output.status.success(), "{}: {}", scenario.name, String::from_utf8_lossy(&output.stderr));
        assert_eq!(shown.state().await, applied.state().await, "{}", scenario.name);
        shown.partctl(&["plan", "--check"], 0);
    }
}
