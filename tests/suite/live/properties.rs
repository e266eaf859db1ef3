//! Properties: what a table has, its partitions have, from birth; and what has drifted is matched or told.

use super::harness::{Database, contains};

const POLICY: &str =
    "version: 1\ntable: shop.orders\npartition: {range: day, every: 1 month}\ncreate: {ahead: 1 partition}\n";

/// A table on which everything is set that Postgres does not pass on.
const SET: &str = "CREATE SCHEMA shop AUTHORIZATION carrier; SET ROLE carrier;
    CREATE TABLE shop.orders (id int NOT NULL, gone int, day date NOT NULL, note text, UNIQUE (id, day)) PARTITION BY RANGE (day);
    ALTER TABLE shop.orders DROP COLUMN gone;
    ALTER TABLE shop.orders REPLICA IDENTITY USING INDEX orders_id_day_key;
    ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY everything ON shop.orders USING (true);
    ALTER TABLE shop.orders ALTER note SET STATISTICS 321, ALTER note SET (n_distinct = 7), ALTER note SET COMPRESSION pglz;
    CREATE STATISTICS shop.orders_pair (ndistinct) ON id, note FROM shop.orders;
    CREATE STATISTICS shop.orders_lower ON (lower(note)) FROM shop.orders;
    COMMENT ON TABLE shop.orders IS 'what people''s orders are'; COMMENT ON COLUMN shop.orders.note IS 'from the customer';
    GRANT SELECT, INSERT ON shop.orders TO \"Reader One\" WITH GRANT OPTION; GRANT SELECT ON shop.orders TO PUBLIC;
    GRANT UPDATE (note) ON shop.orders TO stranger;
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
            " | i | t | t | t | {autovacuum_enabled=false,fillfactor=90} | heap | {autovacuum_enabled=false} | what people's orders are",
            "note 321 n_distinct=7 p {stranger=w/carrier} from the customer",
            "{d} id, note carrier",
            "{e} lower(note) carrier",
        ],
    );
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
    for other in ["stranger", "Reader", "321", "n_distinct", "customer", "people", "{d}", "{e}"] {
        assert!(!born.contains(other), "{other} is carried: {born}");
    }
}
