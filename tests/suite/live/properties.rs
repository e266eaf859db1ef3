//! Properties: what a table has, its partitions have, from birth; and what has drifted is matched or told.

use partctl::plan::StepKind;

use super::harness::{Database, contains};

const POLICY: &str = "version: 1\ntable: shop.orders\npartition: {range: day, every: 1 month}\ncreate: {ahead: 1 partition, fill_gaps: false}\n";

/// A table on which everything is set that Postgres does not pass on.
const SET: &str = "CREATE SCHEMA shop AUTHORIZATION carrier; SET ROLE carrier;
    CREATE TABLE shop.orders (id int NOT NULL, gone int, day date NOT NULL, note text, UNIQUE (id, day)) PARTITION BY RANGE (day);
    ALTER TABLE shop.orders DROP COLUMN gone;
    ALTER TABLE shop.orders REPLICA IDENTITY USING INDEX orders_id_day_key;
    ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY everything ON shop.orders USING (true);
    ALTER TABLE shop.orders ALTER note SET STATISTICS 321, ALTER note SET COMPRESSION pglz;
    CREATE STATISTICS shop.orders_pair (ndistinct) ON id, note FROM shop.orders;
    CREATE STATISTICS shop.orders_lower ON (lower(note)) FROM shop.orders;
    COMMENT ON TABLE shop.orders IS 'what people''s orders are'; COMMENT ON COLUMN shop.orders.note IS 'from the customer';
    GRANT SELECT, INSERT ON shop.orders TO \"Reader One\" WITH GRANT OPTION; GRANT SELECT ON shop.orders TO PUBLIC;
    GRANT UPDATE (note) ON shop.orders TO stranger;
    DO $$BEGIN IF 170000 <= current_setting('server_version_num')::int THEN GRANT MAINTAIN ON shop.orders TO stranger; END IF; END$$;
    ALTER DEFAULT PRIVILEGES GRANT SELECT, DELETE ON TABLES TO creator;
    ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT TRUNCATE ON TABLES TO PUBLIC; RESET ROLE;";

/// Everything that is set on the partitions, one line each, without their names.
const PROPERTIES: &str = "SELECT DISTINCT pg_catalog.concat_ws(' | ', pg_get_userbyid(c.relowner),
        (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(c.relacl) a), c.relreplident,
        (SELECT i.indkey::text FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident) IS NOT NULL,
        c.relrowsecurity, c.relforcerowsecurity, c.reloptions, am.amname,
        (SELECT t.reloptions FROM pg_class t WHERE t.oid = c.reltoastrelid), obj_description(c.oid, 'pg_class'),
        (SELECT string_agg(concat_ws(' ', a.attname, nullif(a.attstattarget, -1),
                  (SELECT string_agg(o, ',') FROM unnest(a.attoptions) o WHERE o NOT LIKE 'pg_attver%'), a.attcompression,
                  a.attacl, col_description(c.oid, a.attnum)), ', ' ORDER BY a.attname)
           FROM pg_attribute a WHERE a.attrelid = c.oid AND 0 < a.attnum AND NOT a.attisdropped),
        (SELECT string_agg(concat_ws(' ', s.stxkind, pg_get_statisticsobjdef_columns(s.oid), pg_get_userbyid(s.stxowner)), ', ' ORDER BY s.stxkind, s.stxkeys)
           FROM pg_statistic_ext s WHERE s.stxrelid = c.oid))
   FROM pg_class c LEFT JOIN pg_am am ON am.oid = c.relam
  WHERE c.relispartition AND c.relkind = 'r' ORDER BY 1";

#[tokio::test(flavor = "multi_thread")]
async fn new_partitions_are_right_from_birth() {
    let policy =
        format!("{POLICY}storage: {{fillfactor: 90, autovacuum_enabled: off, toast.autovacuum_enabled: false}}\n");
    let database = Database::new(&policy, SET).await;
    database.partctl(&["apply"], 0);
    let born = database.column(PROPERTIES).await;
    let [born] = born.as_slice() else { panic!("they are not alike: {born:#?}") };
    contains(
        born,
        &[
            "carrier | \"Reader One\"=a*r*/carrier,=r/carrier,carrier=arwdDx",
            " | i | t | t | f | {autovacuum_enabled=false,fillfactor=90} | heap | {autovacuum_enabled=false} | what people's orders are",
            "note 321 p {stranger=w/carrier} from the customer",
            "{d} id, note carrier",
            "{e} lower(note) carrier",
        ],
    );
    if 170_000 <= database.value("SHOW server_version_num").await.parse::<u32>().unwrap() {
        contains(born, &["stranger=m/carrier"]);
    }
    let other_order = "SELECT count(*) FROM pg_class c, pg_class t
        WHERE t.oid = 'shop.orders'::regclass AND c.relispartition AND c.relkind = 'r' AND c.relacl <> t.relacl";
    assert_eq!(database.value(other_order).await, "0", "then the catalog would be slow to tell that they are alike");
    assert!(!born.contains("creator"), "default privileges are not the table's: {born}");
    assert!(!born.contains("D/carrier"), "default privileges are not the table's: {born}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_does_not_inherit_is_not_carried() {
    let database = Database::new(&format!("{POLICY}inherit: [owner]\n"), SET).await;
    database.partctl(&["apply"], 0);
    let born = database.column(PROPERTIES).await;
    let [born] = born.as_slice() else { panic!("they are not alike: {born:#?}") };
    contains(born, &["creator=rd/carrier", "=D/carrier", " | d | f | f | f | heap", "note p"]);
    for other in ["stranger", "Reader", "321", "customer", "people", "{d}", "{e}"] {
        assert!(!born.contains(other), "{other} is carried: {born}");
    }
}

/// Partitions that somebody made without a thought, at two levels, and before everything was set.
const OLD: &str = "CREATE SCHEMA shop AUTHORIZATION carrier; SET ROLE carrier;
    CREATE TABLE shop.orders (id int NOT NULL, gone int, day date NOT NULL, note text, UNIQUE (id, day)) PARTITION BY RANGE (day);
    RESET ROLE;
    CREATE TABLE shop.old PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01') TO ('2001-02-01');
    CREATE TABLE shop.branch PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01') TO ('2001-03-01') PARTITION BY HASH (id);
    CREATE TABLE shop.leaf_0 PARTITION OF shop.branch FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE shop.leaf_1 (LIKE shop.branch INCLUDING ALL); ALTER TABLE shop.leaf_1 OWNER TO carrier;
    ALTER TABLE shop.branch ATTACH PARTITION shop.leaf_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    CREATE TABLE shop.stranges PARTITION OF shop.orders FOR VALUES FROM ('2001-03-01') TO ('2001-04-01');
    ALTER TABLE shop.stranges OWNER TO stranger; ALTER TABLE shop.stranges REPLICA IDENTITY FULL;
    INSERT INTO shop.orders (id, day) VALUES (1, '2001-02-03');
    ALTER TABLE shop.orders DROP COLUMN gone; SET ROLE carrier;
    ALTER TABLE ONLY shop.orders ALTER note SET STATISTICS 321; ALTER TABLE ONLY shop.orders ALTER note SET COMPRESSION pglz;
    ALTER TABLE shop.orders REPLICA IDENTITY USING INDEX orders_id_day_key;
    ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY everything ON shop.orders USING (true);
    CREATE STATISTICS shop.orders_pair (ndistinct) ON id, note FROM shop.orders;
    CREATE STATISTICS shop.orders_pair_too (ndistinct, mcv) ON id, note FROM shop.orders;
    COMMENT ON TABLE shop.orders IS 'what people''s orders are'; COMMENT ON COLUMN shop.orders.note IS 'from the customer';
    GRANT SELECT, INSERT ON shop.orders TO \"Reader One\" WITH GRANT OPTION; GRANT SELECT ON shop.orders TO PUBLIC, stranger;
    GRANT UPDATE (note) ON shop.orders TO stranger; RESET ROLE;";

#[tokio::test(flavor = "multi_thread")]
async fn old_partitions_are_given_what_they_lack_at_every_level() {
    let policy = format!(
        "{POLICY}storage: {{fillfactor: 90, autovacuum_vacuum_scale_factor: 0.010, toast.vacuum_truncate: off}}\n"
    );
    let database = Database::new(&policy, OLD).await;
    let (_, plan) = database.plan().await;
    let matched: Vec<(String, String)> = plan
        .steps()
        .filter(|(_, step)| step.kind() == StepKind::Match)
        .map(|(_, step)| (step.target().name.to_string(), step.reason().into_owned()))
        .collect();
    let all = "privileges, replica identity, row security, storage, statistics, comments";
    let expected =
        [("old", "owner, "), ("branch", "owner, "), ("stranges", "owner, "), ("leaf_0", "owner, "), ("leaf_1", "")];
    assert_eq!(matched.len(), expected.len(), "{matched:?}");
    for (name, owner) in expected {
        assert!(matched.contains(&(name.to_owned(), format!("{owner}{all}"))), "{name}: {matched:?}");
    }
    database.partctl(&["apply"], 0);
    let matched = database.column(PROPERTIES).await;
    assert_eq!(matched.len(), 1, "they are not alike: {matched:#?}");
    contains(&matched[0], &["carrier | ", " | i | t | t | f | ", "note 321 p {stranger=w/carrier} from the customer"]);
    let branch = database.column(&PROPERTIES.replace("c.relkind = 'r'", "c.relkind = 'p'")).await;
    contains(&branch[0], &["carrier | ", " | i | t | t | f | ", "note 321 p {stranger=w/carrier} from the customer"]);
    assert_eq!(database.value("SELECT count(*) FROM shop.orders").await, "1");
    database.partctl(&["plan", "--check"], 0);
    database.partctl(&["check"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_inherited_is_neither_matched_nor_told() {
    let database = Database::new(&format!("{POLICY}inherit: [comments]\nstorage: {{fillfactor: 90}}\n"), OLD).await;
    database.sql("GRANT DELETE ON shop.old TO stranger").await;
    let (_, plan) = database.plan().await;
    for (_, step) in plan.steps().filter(|(_, step)| step.kind() == StepKind::Match) {
        assert_eq!(step.reason(), "comments");
    }
    // That the branch has partitions and the policy no level for them is no property.
    assert_eq!(plan.findings().map(|finding| finding.code.id).collect::<Vec<_>>(), ["PT152"]);
    database.partctl(&["apply"], 0);
    database.partctl(&["plan", "--check"], 0);
    assert_eq!(database.value("SELECT DISTINCT obj_description(c.oid, 'pg_class') FROM pg_class c WHERE c.relispartition AND c.relkind = 'r'").await, "what people's orders are");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_something_away_or_a_while_is_told_once_for_all_partitions() {
    let setup = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int NOT NULL, day date NOT NULL, note text) PARTITION BY RANGE (day);
        COMMENT ON TABLE shop.orders IS 'orders'; CREATE STATISTICS shop.s ON (lower(note)) FROM shop.orders;
        DO $$BEGIN FOR y IN 2001..2009 LOOP
          EXECUTE format('CREATE TABLE shop.y%1$s PARTITION OF shop.orders FOR VALUES FROM (''%1$s-01-01'') TO (''%1$s-02-01'');
            GRANT DELETE, SELECT ON shop.y%1$s TO stranger; ALTER TABLE shop.y%1$s REPLICA IDENTITY FULL; COMMENT ON TABLE shop.y%1$s IS ''its own''', y);
        END LOOP; END$$;
        ALTER TABLE shop.orders ADD CONSTRAINT positive CHECK (0 < id) NOT VALID;
        CREATE INDEX noted ON ONLY shop.orders (note) WHERE id IS NOT NULL; ALTER TABLE ONLY shop.orders ADD CONSTRAINT once PRIMARY KEY (id, day);
        CREATE INDEX y2001_mine ON shop.y2001 (note); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'shop.y2001_mine'::regclass;
        GRANT SELECT (id) ON shop.orders TO stranger";
    let database = Database::new(POLICY, setup).await;
    database.partctl(&["apply"], 0);
    let said = database.partctl(&["plan", "--check"], 0);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    contains(
        &said,
        &[
            "PT181 shop.orders: stranger has DELETE, SELECT on shop.y2001, shop.y2002, shop.y2003 and 6 more, and not on the table",
            "hint: REVOKE DELETE, SELECT ON shop.y2001 FROM stranger, and so for the others",
            "PT180 shop.orders: replica identity of their own, other than the table's: shop.y2001",
            "PT180 shop.orders: comments of their own, other than the table's: shop.y2001",
            "PT180 shop.orders: statistics on expressions that the table has and these have not: shop.y2001",
            "PT183 shop.orders: index shop.noted has no counterpart on shop.y2001, shop.y2002, shop.y2003 and 6 more",
            "CREATE INDEX CONCURRENTLY y2001_noted ON shop.y2001 USING btree (note) WHERE (id IS NOT NULL); ALTER INDEX shop.noted ATTACH PARTITION shop.y2001_noted",
            "CREATE UNIQUE INDEX CONCURRENTLY y2001_once ON shop.y2001 USING btree (id, day); ALTER TABLE shop.y2001 ADD CONSTRAINT y2001_once PRIMARY KEY USING INDEX y2001_once; ALTER INDEX shop.once ATTACH PARTITION shop.y2001_once",
            "PT184 shop.orders: index shop.y2001_mine is not valid",
            "PT185 shop.orders: constraint positive holds for new rows",
        ],
    );
    // Every hint does what it says.
    for year in 2001..2010 {
        database.sql(&format!("REVOKE DELETE, SELECT ON shop.y{year} FROM stranger; ALTER TABLE shop.y{year} REPLICA IDENTITY DEFAULT; COMMENT ON TABLE shop.y{year} IS NULL; CREATE STATISTICS shop.y{year}_s ON (lower(note)) FROM shop.y{year}")).await;
        for statement in [
            format!(
                "CREATE INDEX CONCURRENTLY y{year}_noted ON shop.y{year} USING btree (note) WHERE (id IS NOT NULL)"
            ),
            format!("ALTER INDEX shop.noted ATTACH PARTITION shop.y{year}_noted"),
            format!("CREATE UNIQUE INDEX CONCURRENTLY y{year}_once ON shop.y{year} USING btree (id, day)"),
            format!("ALTER TABLE shop.y{year} ADD CONSTRAINT y{year}_once PRIMARY KEY USING INDEX y{year}_once"),
            format!("ALTER INDEX shop.once ATTACH PARTITION shop.y{year}_once"),
        ] {
            database.sql(&statement).await;
        }
    }
    database.sql("REINDEX INDEX CONCURRENTLY shop.y2001_mine").await;
    database.sql("ALTER TABLE shop.orders VALIDATE CONSTRAINT positive").await;
    database.partctl(&["apply"], 0);
    let (_, plan) = database.plan().await;
    assert!(plan.is_empty(), "{plan:?}");
    assert_eq!(plan.findings().map(|finding| &finding.message).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_of_others_are_named_and_left() {
    let setup = "CREATE SCHEMA shop AUTHORIZATION creator; SET ROLE creator;
        CREATE TABLE shop.orders (id int, day date NOT NULL) PARTITION BY RANGE (day);
        CREATE TABLE shop.mine PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01') TO ('2001-02-01');
        CREATE TABLE shop.yours PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01') TO ('2001-03-01'); RESET ROLE;
        CREATE SCHEMA elsewhere AUTHORIZATION creator; SET ROLE creator;
        CREATE TABLE elsewhere.closed PARTITION OF shop.orders FOR VALUES FROM ('2001-03-01') TO ('2001-04-01'); 
        GRANT SELECT ON shop.orders TO PUBLIC; CREATE STATISTICS shop.s (mcv) ON id, day FROM shop.orders; RESET ROLE;
        ALTER TABLE shop.yours OWNER TO carrier; ALTER SCHEMA elsewhere OWNER TO carrier";
    let database = Database::new(POLICY, setup).await;
    database.partctl(&["init"], 0);
    database.sql("GRANT USAGE ON SCHEMA partctl TO creator; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA partctl TO creator").await;
    let creator = database.url_with("user=creator");
    let run = |arguments: &[&str]| {
        let output = super::harness::command(&database.policies(), &creator, arguments).output().unwrap();
        (output.status.code(), super::harness::said(&output))
    };
    let (code, said) = run(&["apply"]);
    assert_eq!(code, Some(3), "{said}");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    contains(
        &said,
        &[
            "role creator lacks the rights of carrier, who owns shop.yours: not matched",
            "ALTER TABLE shop.yours OWNER TO creator",
            "its owner creator may not create in schema elsewhere",
            "GRANT USAGE, CREATE ON SCHEMA elsewhere TO creator",
        ],
    );
    let public = "SELECT count(*) FROM pg_class c WHERE c.relispartition AND c.relacl::text LIKE '%=r/%'";
    let partitions = database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.orders'::regclass").await;
    assert_eq!(database.value(public).await, (partitions.parse::<u32>().unwrap() - 2).to_string());
    database.sql("ALTER TABLE shop.yours OWNER TO creator; GRANT USAGE, CREATE ON SCHEMA elsewhere TO creator").await;
    assert_eq!(run(&["apply"]).0, Some(0));
    assert_eq!(run(&["plan", "--check"]).0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_stored_elsewhere_are_told_and_not_rewritten() {
    let policy = format!("{POLICY}storage: {{autovacuum_vacuum_max_threshold: 5}}\n");
    let policy = policy.replace("every: 1 month", "every: 1 month, tablespace: quick");
    let tablespaces = "SET allow_in_place_tablespaces = on";
    let database = Database::new(&policy, tablespaces).await;
    for name in ["quick", "slow"] {
        database.sql(&format!("CREATE TABLESPACE {name} LOCATION ''")).await;
    }
    let newer = 170_000 <= database.value("SHOW server_version_num").await.parse::<u32>().unwrap();
    let using = if newer { "CREATE ACCESS METHOD another TYPE TABLE HANDLER heap_tableam_handler" } else { "SELECT" };
    let set = if newer { "ALTER TABLE shop.orders SET ACCESS METHOD another" } else { "SELECT" };
    database
        .sql(&format!(
            "CREATE SCHEMA shop; {using}; CREATE TABLE shop.orders (id int, day date NOT NULL) PARTITION BY RANGE (day) TABLESPACE slow;
             CREATE TABLE shop.a PARTITION OF shop.orders FOR VALUES FROM ('2001-01-01') TO ('2001-02-01') TABLESPACE pg_default;
             CREATE TABLE shop.b PARTITION OF shop.orders FOR VALUES FROM ('2001-02-01') TO ('2001-03-01');
             CREATE TABLE shop.c PARTITION OF shop.orders FOR VALUES FROM ('2001-03-01') TO ('2001-04-01') TABLESPACE quick; {set}"
        ))
        .await;
    database.partctl(&["apply"], 0);
    let said = database.partctl(&["plan", "--check"], 0);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    contains(&said, &["PT182 shop.orders: in the database's own tablespace and not in quick: shop.a"]);
    assert_eq!(
        said.contains("PT186 shop.orders: PostgreSQL"),
        database.value("SHOW server_version_num").await.as_str() < "180000"
    );
    let (_, plan) = database.plan().await;
    let hint = plan.findings().find(|finding| finding.message.contains("not in quick")).unwrap().hint.clone().unwrap();
    contains(&hint, &["ALTER TABLE shop.a SET TABLESPACE quick: it is rewritten"]);
    let method = "PT182 shop.orders: stored by heap and not by another: shop.a, shop.b, shop.c";
    assert_eq!(said.contains(method), newer, "{said}");
    if newer {
        let born = "SELECT count(*) FROM pg_class c JOIN pg_am m ON m.oid = c.relam WHERE c.relispartition AND c.relkind = 'r' AND m.amname = 'another'";
        assert_eq!(database.value(born).await, "2");
    }
    database.sql("DROP SCHEMA shop CASCADE").await;
    database.sql("DROP TABLESPACE quick").await;
    database.sql("DROP TABLESPACE slow").await;
}
