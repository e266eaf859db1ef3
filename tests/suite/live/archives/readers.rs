//! Any reader reads an archive: DuckDB and pyarrow find the types and the values in Parquet, and psql restores CSV and
//! COPY BINARY by the line in the manifest.

use std::path::Path;
use std::process::Command;

use partctl::rows::{Compression, Format, Layout};

use super::super::harness::{Database, server};
use super::{archive, folder};
use crate::python::python;

const WIDE: &str = r#"
    CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('sad', 'happy');
    CREATE TABLE s.t (id bigint, small smallint, whole int, real real, double float8, yes bool, money numeric(12,2),
        wide numeric(38,10), free numeric, words text, padded char(5), raw bytea, doc json, docb jsonb, mood s.mood, key uuid,
        day date, hour time, at timestamp, atz timestamptz, span interval, list int[], texts text[], range int4range, net inet,
        made bigint GENERATED ALWAYS AS (whole::bigint * 2) STORED);
    INSERT INTO s.t (id) VALUES (1);
    INSERT INTO s.t VALUES (2, -32768, -2147483648, -1.5, 1e300, true, -9999999999.99,
        -9999999999999999999999999999.9999999999, 123.4500, '', '', '', '{}', '{}', 'sad', '00000000-0000-0000-0000-000000000001',
        '0001-01-01', '00:00', '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999+00', '1 day', '{}', '{}', 'empty', '::1');
    INSERT INTO s.t VALUES (3, 32767, 2147483647, 0, 0.1, false, 0.01, 0.0000000001, 1e20, E'ü "x",\n\ty', 'NULL', '\x00ff5c',
        '{"a" :  1}', '{"b": [1, 2.50]}', 'happy', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '9999-12-31', '23:59:59.999999',
        '2024-02-29 12:00', '2024-10-27 02:30:00+02', '10 hours', '{1,NULL}', '{NULL,"NULL","",a}', '[1,3)', '10.0.0.0/8');
"#;

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_and_pyarrow_find_the_types_and_the_values() {
    let python = python("duckdb, pyarrow.parquet");
    let database = Database::new("", WIDE).await;
    for compression in [Compression::default(), Compression::Gzip, Compression::None] {
        let (folder, destination) = folder();
        let layout = Layout { format: Format::Parquet, compression };
        archive(&database, &destination, layout, None, 1).await.unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/live/archives/readers.py");
        let file = folder.path().join("here/a/b").join("part-00001.parquet");
        let read = Command::new(&python).arg(script).arg(file).output().unwrap();
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        insta::assert_snapshot!("what_duckdb_and_pyarrow_read", String::from_utf8(read.stdout).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_restores_by_the_line_in_the_manifest() {
    let database = Database::new("", WIDE).await;
    database.sql("CREATE TABLE s.kept AS TABLE s.t").await;
    let rows = database.value("SELECT string_agg(k::text, E'\n' ORDER BY id) FROM s.kept k").await;
    assert_ne!(rows, "");
    for format in [Format::Csv, Format::Binary] {
        for compression in [Compression::default(), Compression::Gzip, Compression::None] {
            let (folder, destination) = folder();
            database.sql("TRUNCATE s.t; INSERT INTO s.t SELECT id, small, whole, real, double, yes, money, wide, free, words, padded, raw,
                doc, docb, mood, key, day, hour, at, atz, span, list, texts, range, net FROM s.kept").await;
            let made = archive(&database, &destination, Layout { format, compression }, None, 1).await.unwrap();
            database.sql("TRUNCATE s.t").await;
            let manifest = std::fs::read_to_string(folder.path().join("here/a/b/manifest.json")).unwrap();
            let line = made.manifest.psql.expect("psql reads this format");
            assert!(manifest.contains(&serde_json::to_string(&line).unwrap()), "{manifest}");
            psql(&database, &folder.path().join("here/a/b"), &line);
            let restored = database.value("SELECT string_agg(t::text, E'\n' ORDER BY id) FROM s.t t").await;
            assert_eq!(restored, rows, "{format:?} {compression:?}");
        }
    }
}

fn psql(database: &Database, folder: &Path, line: &str) {
    let psql = server().installation().psql().expect("psql is part of a server's installation here");
    let mut command = Command::new(psql);
    command.current_dir(folder).args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &database.url(), "-c", line]);
    let ran = command.output().unwrap();
    assert!(ran.status.success() && ran.stderr.is_empty(), "{line}\n{}", String::from_utf8_lossy(&ran.stderr));
}
