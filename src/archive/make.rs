//! Makes an archive: the data files, then the manifest, and then everything is read back from the store and compared
//! with what the table's server sent. Until that has succeeded nobody may take the archive for one.

use anyhow::{Context, Result};

use super::destination::Destination;
use super::export::{Exported, Exporting, Progress, export};
use super::read_back::{read_manifest, verify};
use super::upload::Diary;
use crate::db::connect::Session;
use crate::db::read_definition::Definition;
use crate::manifest::{self, Author, MANIFEST, Manifest};
use crate::rows::Layout;

/// What is archived, and how.
pub struct Making<'a> {
    /// The store.
    pub destination: &'a Destination,
    /// The archive's folder below it; nothing is there.
    pub path: &'a str,
    /// The table as it is.
    pub definition: &'a Definition,
    /// How data files are written.
    pub layout: Layout,
    /// Files end when they have so many bytes.
    pub split: Option<u64>,
    /// Account and machine of the client.
    pub client: Option<String>,
    /// The fingerprint of the policy that asks for it.
    pub policy: String,
    /// Remembers what is begun in the store.
    pub diary: &'a dyn Diary,
    /// Hears how far it is.
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
}

/// An archive that was read back and found to hold the table's rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// What stands beside its data.
    pub manifest: Manifest,
    /// `pg_current_snapshot()` that the rows were read under.
    pub snapshot: String,
    /// Bytes of the rows, as COPY sends them.
    pub raw_bytes: u64,
}

/// Makes an archive over these sessions, one at least, and verifies it.
///
/// # Errors
/// When the table cannot be read, the store cannot be written to, or what is read back is not what was sent. Then
/// objects may be left in the archive's folder.
pub async fn make(sessions: &[Session], making: &Making<'_>) -> Result<Made> {
    let Making { destination, path, definition, layout, split, client, policy, diary, progress } = making;
    let about =
        [("partctl.table", definition.table.name.to_string()), ("partctl.range", definition.table.bound.range.clone())];
    let exporting = Exporting {
        destination,
        path,
        table: &definition.table,
        layout: *layout,
        split: *split,
        about: about.map(|(key, value)| (key.to_owned(), value)).into(),
        diary: *diary,
        progress: *progress,
    };
    let Exported { files, fingerprint, columns, raw_bytes, snapshot } = export(sessions, &exporting).await?;
    let mut table = definition.table.clone();
    table.columns = columns;
    let mut manifest = Manifest {
        author: Author {
            partctl: env!("CARGO_PKG_VERSION").to_owned(),
            at: definition.now,
            role: definition.role.clone(),
            client: client.clone(),
            policy: policy.clone(),
        },
        source: definition.source.clone(),
        table,
        layout: *layout,
        rows: fingerprint.rows,
        fingerprint: fingerprint.to_string(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        files,
        time_zone: definition.time_zone.clone(),
        psql: None,
    };
    manifest.psql = manifest.psql_line();
    let name = format!("{path}/{MANIFEST}");
    destination.put_new(&name, manifest::write(&manifest).into()).await?;
    let stored = read_manifest(destination, path).await?;
    anyhow::ensure!(stored == manifest, "`{}` is not what was written", destination.url_of(&name));
    verify(destination, path, &stored).await.context("reading the archive back")?;
    Ok(Made { manifest, snapshot, raw_bytes })
}
