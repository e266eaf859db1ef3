//! A manifest made by hand, for tests.

use super::{ArchivedTable, Author, Bound, DataFile, Manifest, Source};
use crate::rows::{Column, Compression, Form, Format, Layout};
use crate::sql::{Identifier, QualifiedName};

/// A plain column of integers.
pub fn column(name: &str) -> Column {
    Column {
        name: Identifier::new(name),
        type_name: "integer".to_owned(),
        stored_as: Form::Int4,
        because: None,
        not_null: true,
        collation: None,
        default: None,
        generated: false,
        identity: None,
    }
}

/// An archive of two rows in two files of CSV.
pub fn manifest() -> Manifest {
    let file =
        |number| DataFile { name: format!("part-0000{number}.csv.zst"), rows: 1, bytes: 20, sha256: "00".repeat(32) };
    let mut manifest = Manifest {
        author: Author {
            partctl: "0.1.0".to_owned(),
            at: chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap(),
            role: "keeper".to_owned(),
            client: None,
            policy: "0f".repeat(16),
        },
        source: Source {
            server: "15.18".to_owned(),
            system_identifier: Some("7".to_owned()),
            database: "shop".to_owned(),
            encoding: "UTF8".to_owned(),
        },
        table: ArchivedTable {
            name: QualifiedName::new("shop", "orders_2024_10"),
            parent: QualifiedName::new("shop", "orders"),
            bound: Bound { text: "FOR VALUES FROM (1) TO (2)".to_owned(), range: "1 … 2".to_owned() },
            key: "RANGE (id)".to_owned(),
            columns: vec![column("id"), Column { generated: true, ..column("Twice") }, column("Odd")],
            constraints: Vec::new(),
            indexes: Vec::new(),
        },
        layout: Layout { format: Format::Csv, compression: Compression::default() },
        rows: 2,
        fingerprint: "xxh3-128-sum:00000000000000000000000000000001".to_owned(),
        bytes: 40,
        files: vec![file(1), file(2)],
        time_zone: "UTC".to_owned(),
        psql: None,
    };
    manifest.psql = manifest.psql_line();
    manifest
}
