//! Rows come back: every value, in every format, into tables of today, and with nothing but the archive and a server.

use partctl::archive::Destination;
use partctl::rows::{Compression, Format, Layout};

use super::super::harness::{Database, contains};
use super::round_trip::EDGES;
use super::{archive, folder, layouts};

/// Everything that a table holds, as one text.
async fn content(database: &Database, table: &str) -> String {
    database.value(&format!("SELECT count(*) || ' ' || md5(string_agg(t::text, '|' ORDER BY id)) FROM {table} t")).await
}

/// The URL of the only archive there.
fn url(destination: &Destination) -> String {
    format!("{}/here/a/b", destination.url())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_comes_back_in_every_format_into_a_database_that_has_nothing() {
    let database = Database::new("", EDGES).await;
    database
        .sql("INSERT INTO s.t (id, day, at, atz, money) VALUES (0, 'infinity', '-infinity', 'infinity', 'NaN')")
        .await;
    let expected = content(&database, "s.t").await;
    let other = Database::new("", "CREATE SCHEMA x").await;
    for layout in layouts() {
        let (_folder, destination) = folder();
        archive(&database, &destination, layout, None, 1).await.unwrap_or_else(|error| panic!("{layout:?}: {error:?}"));
        let (from, table) = (url(&destination), "s.\"Back again\"");
        let said = database.partctl(&["archive", "restore", &from, "--as", table], 0);
        contains(&said, &["s.\"Back again\" holds 3001 rows, compared with the archive, made as it was archived"]);
        assert_eq!(content(&database, table).await, expected, "{layout:?}");
        // Enums, domains and composite types of the old database are unknown there.
        let said = other.partctl(&["archive", "restore", &from, "--as", "x.t"], 0);
        contains(&said, &["column mood was s.mood, which is unknown here: it is made text"]);
        if layout.format == Format::Binary {
            // What these types have sent is only bytes to any other.
            contains(&said, &["column prices was s.prices, which is unknown here: it is made bytea"]);
            let words = "SELECT md5(string_agg(words || docb::text, '|' ORDER BY id)) FROM ";
            assert_eq!(other.value(&format!("{words} x.t")).await, database.value(&format!("{words} s.t")).await);
        } else {
            assert_eq!(content(&other, "x.t").await, expected, "{layout:?}");
        }
        for (database, table) in [(&database, table), (&other, "x.t")] {
            database.sql(&format!("DROP TABLE {table}")).await;
        }
    }
}

/// A table that was archived, and a parent that has moved on since.
const MOVED_ON: &str = r#"CREATE SCHEMA s;
    CREATE TABLE s.p (id bigint NOT NULL, "Name" varchar(40), added int DEFAULT 7, later text, n bigint CHECK (0 <= n),
        doc jsonb, twice bigint GENERATED ALWAYS AS (id * 2) STORED) PARTITION BY RANGE (id);
    CREATE INDEX ON s.p (n);
    CREATE TABLE s.t (n int, "Name" text, gone date, doc json, id bigint PRIMARY KEY);
    INSERT INTO s.t SELECT i % 5, 'it''s ' || i, '2024-01-01', json_build_object('i', i), i FROM generate_series(1, 1000) i"#;

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_into_the_columns_of_today() {
    for format in Format::ALL {
        let database = Database::new("", MOVED_ON).await;
        let (_folder, destination) = folder();
        let layout = Layout { format, compression: Compression::default() };
        archive(&database, &destination, layout, None, 1).await.unwrap();
        let said = database.partctl(&["archive", "restore", &url(&destination), "--as", "s.back"], 0);
        contains(
            &said,
            &[
                "column n was integer and is bigint\n",
                "column gone is in the archive, and no longer in the table: left out",
                "column doc was json and is jsonb: the server converts its values, and they are not compared",
                "column added is not in the archive: it gets its default 7",
                "column later is not in the archive: it is null",
                "holds 1000 rows, compared with the archive, made like s.p",
            ],
        );
        let same = "SELECT count(*) FROM s.back b JOIN s.t ON t.id = b.id AND t.n = b.n AND t.\"Name\" = b.\"Name\"
            AND b.added = 7 AND b.later IS NULL AND b.doc->>'i' = b.id::text AND b.twice = 2 * b.id";
        assert_eq!(database.value(same).await, "1000", "{format:?}");
        assert_eq!(database.value("SELECT count(*) FROM pg_index WHERE indrelid = 's.back'::regclass").await, "1");
        let said = database.partctl(&["archive", "restore", &url(&destination), "--as", "s.old", "--as-it-was"], 0);
        contains(&said, &["s.old holds 1000 rows, compared with the archive, made as it was archived"]);
        let differs = "SELECT count(*) FROM (SELECT t::text FROM s.t EXCEPT SELECT o::text FROM s.old o) d";
        assert_eq!(database.value(differs).await, "0");
        let key =
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 's.old'::regclass AND contype = 'p'";
        assert_eq!(database.value(key).await, "PRIMARY KEY (id)");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_fit_are_refused_and_nothing_is_made() {
    let database = Database::new("", MOVED_ON).await;
    let (_folder, destination) = folder();
    let layout = Layout { format: Format::Parquet, compression: Compression::default() };
    archive(&database, &destination, layout, None, 1).await.unwrap();
    let from = url(&destination);
    let tables = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 's'::regnamespace";
    let before = database.value(tables).await;
    let restore = ["archive", "restore", &from, "--as", "s.back"];
    database.sql("ALTER TABLE s.p ADD CONSTRAINT small CHECK (n < 4)").await;
    contains(
        &database.partctl(&restore, 3),
        &["s.back was not restored, nothing was made", "violates check constraint \"small\""],
    );
    database.sql("ALTER TABLE s.p DROP CONSTRAINT small; ALTER TABLE s.p ADD must int NOT NULL").await;
    contains(
        &database.partctl(&restore, 3),
        &["column must is NOT NULL, is not in the archive, and has no default", "--as-it-was"],
    );
    contains(&database.partctl(&["archive", "restore", &from, "--as", "nowhere.t"], 3), &["CREATE SCHEMA nowhere"]);
    contains(
        &database.partctl(&["archive", "restore", &from, "--as", "s.t"], 7),
        &["`s.t` is there already, and is left alone"],
    );
    contains(&database.partctl(&["archive", "restore", &from], 64), &["--as"]);
    contains(&database.partctl(&["archive", "restore", "t", "--as", "s.x"], 64), &["there is no archive `t`"]);
    assert_eq!(database.value(tables).await, before);
}
