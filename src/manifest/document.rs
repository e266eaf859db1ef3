//! What a manifest says.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::rows::{Column, Compression, Fingerprint, Format, Layout};
use crate::sql::QualifiedName;

/// An archive, told to whoever has nothing but it and a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Who made it, with what, and when.
    pub author: Author,
    /// The server it came from.
    pub source: Source,
    /// The table.
    pub table: ArchivedTable,
    /// How its data files are written.
    pub layout: Layout,
    /// How many rows there are.
    pub rows: u64,
    /// The fingerprint of the rows, whatever their order.
    pub fingerprint: String,
    /// Bytes of all data files.
    pub bytes: u64,
    /// The data files, in the order of their numbers.
    pub files: Vec<DataFile>,
    /// The settings that values were spelled under.
    pub time_zone: String,
    /// How psql alone restores it into a table of these columns; `None` where psql cannot read the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psql: Option<String>,
}

/// Who made an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Author {
    /// partctl's version.
    pub partctl: String,
    /// When it was begun, by the server's clock.
    pub at: DateTime<Utc>,
    /// The role that logged in.
    pub role: String,
    /// The account and machine that the client ran on, such as `ada@db1`, as the client says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The fingerprint of the policy that asked for it.
    pub policy: String,
}

/// The server that an archive came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// `server_version`, such as `15.18 (Debian 15.18-0+deb12u1)`.
    pub server: String,
    /// `system_identifier` of the cluster, where the role may see it: it tells servers apart for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_identifier: Option<String>,
    /// The database.
    pub database: String,
    /// Its encoding.
    pub encoding: String,
}

/// The table that was archived, as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchivedTable {
    /// Its name.
    pub name: QualifiedName,
    /// The table it was a partition of.
    pub parent: QualifiedName,
    /// What it held.
    pub bound: Bound,
    /// The parent's `pg_get_partkeydef`, such as `RANGE (order_date)`.
    pub key: String,
    /// Its columns, dropped ones left out.
    pub columns: Vec<Column>,
    /// Its constraints as `pg_get_constraintdef` spells them, with their names.
    pub constraints: Vec<Origin>,
    /// Its indexes as `pg_get_indexdef` spells them, with their names.
    pub indexes: Vec<Origin>,
}

/// Something of the table's that has a name and a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Its name.
    pub name: String,
    /// Its definition as SQL.
    pub definition: String,
}

/// A partition's bound, for machines and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// As `pg_get_expr` spells it: `FOR VALUES FROM (...) TO (...)`.
    pub text: String,
    /// Decoded: `2024-10-01 … 2024-11-01`.
    pub range: String,
}

/// One data file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// Its name within the archive's folder.
    pub name: String,
    /// Rows in it.
    pub rows: u64,
    /// Its bytes, as stored.
    pub bytes: u64,
    /// The SHA-256 of these bytes, in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// What the data files must hold; `None` when the fingerprint is not of a kind that is known.
    pub fn expected(&self) -> Option<Fingerprint> {
        Fingerprint::parse(self.rows, &self.fingerprint)
    }

    /// The line that restores it with psql and nothing else, where the format is one that psql reads.
    pub fn psql_line(&self) -> Option<String> {
        let format = match self.layout.format {
            Format::Csv => "csv, header",
            Format::Binary => "binary",
            Format::Parquet => return None,
        };
        let stored = self.table.columns.iter().filter(|column| !column.generated);
        let columns: Vec<String> = stored.map(|column| column.name.to_string()).collect();
        let files: Vec<&str> = self.files.iter().map(|file| file.name.as_str()).collect();
        let line = |from: String| {
            format!("\\copy {} ({}) from {from} with (format {format})", self.table.name, columns.join(", "))
        };
        let unpack = match self.layout.compression {
            Compression::Zstd(_) => "zstd -dc",
            Compression::Gzip => "gzip -dc",
            Compression::None => "cat",
        };
        // Each file has a header of its own, so several are several lines.
        let lines = files.iter().map(|file| line(format!("program '{unpack} {file}'")));
        Some(lines.collect::<Vec<_>>().join("\n"))
    }
}
