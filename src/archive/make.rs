//! Makes an archive: the data files, then the manifest, and then everything is read back from the store and compared
//! with what the table's server sent. Until that has succeeded nobody may take the archive for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, timeout};

use super::destination::Destination;
use super::export::{Exported, Exporting, Passing, Progress, export};
use super::read_back::{on_every_thread, read_back, read_manifest};
use super::upload::Diary;
use crate::db::connect::Session;
use crate::db::read_definition::Definition;
use crate::manifest::{self, Author, MANIFEST, Manifest};
use crate::plan::Pass;
use crate::rows::Layout;

/// How often it is told how much was read back.
const TELL_AGAIN: Duration = Duration::from_millis(200);

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
    pub progress: &'a (dyn Fn(Passing) + Send + Sync),
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
    told_back(making, &stored).await.context("reading the archive back")?;
    Ok(Made { manifest, snapshot, raw_bytes })
}

/// Reads everything back and compares it, and tells how far that is.
async fn told_back(making: &Making<'_>, manifest: &Manifest) -> Result<()> {
    let began = Instant::now();
    let read = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
    let counted = Arc::clone(&read);
    let count = move |row: &[u8]| {
        counted.0.fetch_add(1, Ordering::Relaxed);
        counted.1.fetch_add(row.len() as u64, Ordering::Relaxed);
        Ok(())
    };
    let reading = read_back(making.destination, making.path, manifest, on_every_thread(count));
    tokio::pin!(reading);
    loop {
        if let Ok(done) = timeout(TELL_AGAIN, &mut reading).await {
            return done;
        }
        let so_far = Progress { rows: read.0.load(Ordering::Relaxed), bytes: read.1.load(Ordering::Relaxed) };
        (making.progress)(Passing { pass: Pass::Back, took: began.elapsed(), so_far });
    }
}
