//! Values of every kind go out, and come back as the same bytes.

use partctl::archive::verify;
use partctl::rows::{Compression, Format, Layout};

use super::super::harness::Database;
use super::{archive, definition, folder, layouts};

/// A column of every form and of types that have none, with values at the edges of each.
pub const EDGES: &str = r#"
    CREATE SCHEMA s;
    CREATE TYPE s.mood AS ENUM ('sad', 'very "happy"');
    CREATE DOMAIN s.price AS numeric(12,2) CHECK (0 <= VALUE);
    CREATE DOMAIN s.prices AS s.price[];
    CREATE TYPE s.pair AS (a int, b text);
    CREATE TABLE s.t (
        id bigint, gone int, small smallint, whole int, real real, double float8, yes bool,
        money numeric(12,2), wide numeric(38,10), free numeric, price s.price, prices s.prices,
        words text, "Odd, ""name""" varchar(20), padded char(5), raw bytea, doc json, docb jsonb, mood s.mood, key uuid,
        day date, hour time, zoned timetz, at timestamp, atz timestamptz, span interval,
        list int[], words_list text[], range tstzrange, net inet, pair s.pair, bits bit varying(9), made bigint GENERATED ALWAYS AS (whole::bigint * 2) STORED);
    ALTER TABLE s.t DROP COLUMN gone;
    INSERT INTO s.t (id) VALUES (1);
    INSERT INTO s.t VALUES (2, -32768, -2147483648, 'NaN', '-Infinity', true, -9999999999.99, -9999999999999999999999999999.9999999999,
        'NaN', 0, '{0.10,NULL,2}', '', '', '', '', '{}', '{}', 'sad', '00000000-0000-0000-0000-000000000000',
        '0001-01-01', '00:00', '23:59:59.999999+05:30', '4713-01-01 00:00 BC', '1969-12-31 23:59:59.999999+00', '-1 year 2 days',
        '{}', '{NULL,"NULL","",a}', 'empty', '::1/128', '(1,)', B'');
    INSERT INTO s.t VALUES (3, 32767, 2147483647, '-0', '2.2250738585072014e-308', false, 0.01, 0.0000000001,
        1e-500, 12.30, NULL, E'a\tb\n"quoted", \\N\r\n', 'NULL', 'ü', '\x00ff5c', '{"a" :  1}', '{"b": [1, 2.50]}', 'very "happy"', 'ffffffff-ffff-ffff-ffff-ffffffffffff',
        '9999-12-31', '23:59:59.999999', '00:00-12', '9999-12-31 23:59:59.999999', '2024-10-27 02:30:00+02', '10 hours',
        '[0:1]={1,2}', '{}', '[2024-01-01 00:00+00,infinity)', '10.0.0.0/8', '(,"x,y")', B'10101');
    INSERT INTO s.t (id, words, docb) SELECT i, repeat('row ' || i, i % 50), jsonb_build_object('i', i) FROM generate_series(4, 3000) i;
"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_value_comes_back_in_every_format() {
    let database = Database::new("", EDGES).await;
    let server_rows = database.value("SELECT count(*) FROM s.t").await;
    for layout in layouts() {
        let (folder, destination) = folder();
        let made = archive(&database, &destination, layout, None, 1)
            .await
            .unwrap_or_else(|error| panic!("{layout:?}: {error:?}"));
        assert_eq!(made.manifest.rows.to_string(), server_rows);
        assert_eq!(made.manifest.files.len(), 1);
        let names: Vec<String> =
            destination.list("here/a/b").await.unwrap().into_iter().map(|stored| stored.name).collect();
        assert_eq!(names, ["here/a/b/manifest.json", &format!("here/a/b/part-00001.{}", layout.extension())]);
        verify(&destination, "here/a/b", &made.manifest).await.unwrap();
        drop(folder);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_its_form_cannot_hold_makes_its_column_text() {
    let database = Database::new("", EDGES).await;
    let layout = Layout { format: Format::Parquet, compression: Compression::default() };
    let (_folder, destination) = folder();
    let because = |made: partctl::archive::Made| {
        let columns = made.manifest.table.columns.into_iter();
        columns.filter_map(|column| Some((column.name.to_string(), column.because?))).collect::<Vec<_>>()
    };
    let made = archive(&database, &destination, layout, None, 1).await.unwrap();
    assert_eq!(because(made), []);
    database.sql("INSERT INTO s.t (id, day, hour, at, atz, money, wide) VALUES (1, 'infinity', '24:00', '-infinity', 'infinity', 'NaN', 'NaN')").await;
    destination.remove("here").await.unwrap();
    let made = archive(&database, &destination, layout, None, 1).await.unwrap();
    let infinite = |name: &str| (name.to_owned(), "it holds infinity".to_owned());
    let special = |name: &str| (name.to_owned(), "it holds NaN or infinity".to_owned());
    let hour = ("hour".to_owned(), "it holds 24:00, which no other program knows".to_owned());
    assert_eq!(
        because(made),
        [special("money"), special("wide"), infinite("day"), hour, infinite("at"), infinite("atz")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_split_and_pages_shared_out_and_no_row_is_lost_or_doubled() {
    let setup = "CREATE SCHEMA s; CREATE TABLE s.t (id int, words text);
        INSERT INTO s.t SELECT i, md5(i::text) || md5((i + 1)::text) FROM generate_series(1, 60000) i; DELETE FROM s.t WHERE id % 7 = 0";
    let database = Database::new("", setup).await;
    let mut prints = std::collections::BTreeSet::new();
    for (format, connections, split, files) in [
        (Format::Parquet, 1, None, 1..=1),
        (Format::Parquet, 3, None, 3..=3),
        (Format::Binary, 1, Some(1_000_000), 3..=9),
        (Format::Csv, 1, Some(1_000_000), 3..=9),
        (Format::Csv, 2, Some(1_000_000), 3..=9),
    ] {
        let (_folder, destination) = folder();
        let layout = Layout { format, compression: Compression::None };
        let made = archive(&database, &destination, layout, split, connections).await.unwrap();
        assert!(files.contains(&made.manifest.files.len()), "{format:?} {:?}", made.manifest.files);
        assert_eq!(made.manifest.rows.to_string(), database.value("SELECT count(*) FROM s.t").await);
        prints.insert((format.as_str() == "csv", made.manifest.fingerprint));
    }
    assert_eq!(prints.len(), 2, "the same rows have the same fingerprint, however they are cut: {prints:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_table_is_an_archive_too() {
    let database = Database::new("", "CREATE SCHEMA s; CREATE TABLE s.t (id int)").await;
    for layout in layouts() {
        let (_folder, destination) = folder();
        let made = archive(&database, &destination, layout, None, 2)
            .await
            .unwrap_or_else(|error| panic!("{layout:?}: {error:?}"));
        assert_eq!(made.manifest.rows, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_tells_what_the_table_was() {
    let setup = r#"CREATE SCHEMA s; CREATE TABLE s.p (id int) PARTITION BY RANGE (id);
        CREATE TABLE s.t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, "Name" text COLLATE "C" NOT NULL DEFAULT 'x''y', n numeric(6,2) CHECK (0 < n));
        CREATE INDEX by_name ON s.t ("Name")"#;
    let database = Database::new("", setup).await;
    let definition = definition(&database).await;
    let table = &definition.table;
    assert_eq!(table.key, "RANGE (id)");
    assert_eq!(table.columns[0].identity.as_deref(), Some("by default"));
    let name = &table.columns[1];
    assert_eq!(
        (name.collation.as_deref(), name.default.as_deref(), name.not_null),
        (Some("pg_catalog.\"C\""), Some("'x''y'::text"), true)
    );
    assert_eq!(table.columns[2].stored_as.to_string(), "decimal(6,2)");
    let constraints: Vec<&str> = table.constraints.iter().map(|origin| origin.definition.as_str()).collect();
    assert_eq!(constraints, ["CHECK (((0)::numeric < n))", "PRIMARY KEY (id)"]);
    assert_eq!(table.indexes[0].definition, "CREATE INDEX by_name ON s.t USING btree (\"Name\")");
    assert_eq!(definition.time_zone, "UTC");
    assert!(definition.source.system_identifier.is_some());
}
