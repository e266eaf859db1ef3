//! Rows from a detached table to data files, in one streaming pass: COPY's stream is read, encoded and stored at the
//! same time, and whoever is slowest makes the others wait. Nobody can write to the table meanwhile.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::{Bytes, BytesMut};
use futures_util::{TryStreamExt, future};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::destination::Destination;
use super::encode::{EncodeError, Encoding, encode};
use super::outgoing::Piece;
use super::upload::{Diary, LARGEST_OBJECT, Upload};
use crate::db::connect::Session;
use crate::failure::{Failure, FailureKind};
use crate::manifest::{ArchivedTable, DataFile, data_file};
use crate::plan::Pass;
use crate::rows::{Column, Fingerprint, Format, Layout, stored_columns};
use crate::sql::{QualifiedName, SqlLiteral};

/// Bytes of the stream that are handed on at once, and how many of these may wait.
const CHUNK: usize = 256 << 10;
const CHUNKS_WAITING: usize = 8;
const PIECES_WAITING: usize = 8;

/// What is exported, and where to.
pub struct Exporting<'a> {
    /// The store.
    pub destination: &'a Destination,
    /// The archive's folder below it.
    pub path: &'a str,
    /// The table as it is.
    pub table: &'a ArchivedTable,
    /// How data files are written.
    pub layout: Layout,
    /// Files end when they have so many bytes.
    pub split: Option<u64>,
    /// What data files say of themselves.
    pub about: Vec<(String, String)>,
    /// Remembers what is begun in the store.
    pub diary: &'a dyn Diary,
    /// Hears how far it is, some times a second.
    pub progress: &'a (dyn Fn(Passing) + Send + Sync),
}

/// How many rows have come so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Rows.
    pub rows: u64,
    /// Their bytes, as COPY sends them.
    pub bytes: u64,
}

/// How far the making of an archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passing {
    /// On the way out, or back.
    pub pass: Pass,
    /// Since the pass began.
    pub took: Duration,
    /// How far the pass is.
    pub so_far: Progress,
}

/// What was exported.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// The data files.
    pub files: Vec<DataFile>,
    /// The rows, as the server sent them.
    pub fingerprint: Fingerprint,
    /// The columns, some of them cast to text for a value that their form cannot hold.
    pub columns: Vec<Column>,
    /// Bytes of the rows, as COPY sends them.
    pub raw_bytes: u64,
    /// `pg_current_snapshot()` that the rows were read under: whoever is not in it has written later.
    pub snapshot: String,
}

/// Exports the table over these sessions, one at least, each a part of its pages, all under one snapshot. They are in
/// no transaction, and have nothing else to do.
///
/// # Errors
/// When the table cannot be locked or read, or the store cannot be written to. Then data files may be left in the
/// archive's folder.
pub async fn export(sessions: &[Session], exporting: &Exporting<'_>) -> Result<Exported> {
    let mut columns = exporting.table.columns.clone();
    loop {
        let exported = attempt(sessions, exporting, &columns).await;
        for session in sessions {
            // A session whose connection is lost has said so already.
            let _ = session.client().batch_execute("ROLLBACK").await;
        }
        match exported {
            Err(error) => match error.downcast::<EncodeError>() {
                // Found by whoever comes across such a value first; each column is cast at most once.
                Ok(EncodeError::Unfit { column, why }) => {
                    let name = stored_columns(&columns, exporting.layout).nth(column).map(|column| column.name.clone());
                    let unfit = columns.iter_mut().find(|column| Some(&column.name) == name.as_ref());
                    unfit.context("a value does not fit a column that is not there")?.cast_because(why);
                    exporting.destination.remove(exporting.path).await?;
                }
                Ok(error) => return Err(error).context("encoding the rows"),
                Err(error) => return Err(error),
            },
            Ok(exported) => return Ok(exported),
        }
    }
}

async fn attempt(sessions: &[Session], exporting: &Exporting<'_>, columns: &[Column]) -> Result<Exported> {
    let first = sessions.first().context("an export takes a session")?;
    let (snapshot, pages) = open(first, &exporting.table.name, None).await?;
    if let [_, others @ ..] = sessions
        && !others.is_empty()
    {
        let exported = first.client().query_typed("SELECT pg_catalog.pg_export_snapshot()", &[]).await;
        let name: String = exported.context("sharing the snapshot")?.first().context("no snapshot")?.try_get(0)?;
        for session in others {
            open(session, &exporting.table.name, Some(&name)).await?;
        }
    }
    let stored: Vec<Column> = stored_columns(columns, exporting.layout).cloned().collect();
    let shared = Shared {
        exporting,
        columns: &stored,
        parts: sessions.len(),
        began: Instant::now(),
        files: AtomicUsize::new(0),
        rows: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
    };
    let count = sessions.len() as u64;
    let parts = (0..count).zip(sessions).map(|(number, session)| {
        let page = |part: u64| pages * part / count;
        // The last part has no end: nobody can write, but the size was asked before the lock could be sure of that.
        let from = (0 < number).then(|| page(number));
        let to = (number + 1 < count).then(|| page(number + 1));
        shared.part(session, from, to)
    });
    let done = future::try_join_all(parts).await?;
    let (mut files, mut fingerprint) = (Vec::new(), Fingerprint::default());
    for (part, print) in done {
        files.extend(part);
        fingerprint.merge(print);
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let counted = count_rows(first, &exporting.table.name).await?;
    if counted != fingerprint.rows {
        let message = format!("the table has {counted} rows, and COPY sent {}", fingerprint.rows);
        return Err(Failure::new(FailureKind::Findings, message).into());
    }
    let raw_bytes = shared.bytes.load(Ordering::Relaxed);
    Ok(Exported { files, fingerprint, columns: columns.to_vec(), raw_bytes, snapshot })
}

/// Begins a transaction that nobody can write to the table beside. Returns its snapshot, and the table's pages.
async fn open(session: &Session, table: &QualifiedName, shared: Option<&str>) -> Result<(String, u64)> {
    let import = shared.map_or(String::new(), |name| format!("SET TRANSACTION SNAPSHOT {};", SqlLiteral(name)));
    // The snapshot is taken by the first statement that needs one, which LOCK TABLE does not. Rows that row security
    // hides must not be missed: with it off, a table that would hide some refuses (42501).
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ; {import} SET LOCAL row_security = off; \
         LOCK TABLE {table} IN SHARE MODE"
    );
    session.client().batch_execute(&begin).await.with_context(|| format!("locking {table} against writes"))?;
    let facts = format!(
        "SELECT pg_catalog.pg_current_snapshot()::text, \
         pg_catalog.pg_relation_size({0}::pg_catalog.regclass) / pg_catalog.current_setting('block_size')::int8",
        SqlLiteral(&table.to_string())
    );
    let rows = session.client().query_typed(&facts, &[]).await.context("asking for the snapshot")?;
    let row = rows.first().context("the server answered without a row")?;
    Ok((row.try_get(0)?, u64::try_from(row.try_get::<_, i64>(1)?)?))
}

async fn count_rows(session: &Session, table: &QualifiedName) -> Result<u64> {
    let rows = session.client().query_typed(&format!("SELECT count(*) FROM {table}"), &[]).await;
    let rows = rows.with_context(|| format!("counting the rows of {table}"))?;
    Ok(u64::try_from(rows.first().context("a count came without a row")?.try_get::<_, i64>(0)?)?)
}

/// What the parts of an export have in common.
struct Shared<'a> {
    exporting: &'a Exporting<'a>,
    columns: &'a [Column],
    parts: usize,
    began: Instant,
    files: AtomicUsize,
    rows: AtomicU64,
    bytes: AtomicU64,
}

impl Shared<'_> {
    /// Exports the pages from one to before another.
    async fn part(
        &self,
        session: &Session,
        from: Option<u64>,
        to: Option<u64>,
    ) -> Result<(Vec<DataFile>, Fingerprint)> {
        let exporting = self.exporting;
        let encoding = Encoding {
            layout: exporting.layout,
            columns: self.columns.to_vec(),
            split: exporting.split.unwrap_or(LARGEST_OBJECT).min(LARGEST_OBJECT),
            at_once: self.parts,
            about: exporting.about.clone(),
        };
        let (chunks, incoming) = mpsc::channel(CHUNKS_WAITING);
        let (outgoing, pieces) = mpsc::channel(PIECES_WAITING);
        let encoder = tokio::task::spawn_blocking(move || encode(&encoding, incoming, outgoing));
        let statement = self.statement(from, to);
        let (copied, encoded, stored) =
            tokio::join!(self.copy(session, &statement, chunks), encoder, self.store(pieces));
        // Whoever failed first made the others end for no reason of their own.
        let files = stored?;
        copied?;
        Ok((files, encoded.context("the encoder panicked")??))
    }

    fn statement(&self, from: Option<u64>, to: Option<u64>) -> String {
        let table = &self.exporting.table.name;
        let columns: Vec<String> =
            self.columns.iter().map(|column| column.selected(self.exporting.layout.format)).collect();
        let bound = |sign, page: Option<u64>| page.map(|page| format!("ctid {sign} '({page},0)'::pg_catalog.tid"));
        let pages: Vec<String> = bound(">=", from).into_iter().chain(bound("<", to)).collect();
        let pages = if pages.is_empty() { String::new() } else { format!(" WHERE {}", pages.join(" AND ")) };
        let format = match self.exporting.layout.format {
            Format::Parquet | Format::Binary => "binary",
            Format::Csv => "csv, HEADER true",
        };
        format!("COPY (SELECT {} FROM {table}{pages}) TO STDOUT (FORMAT {format})", columns.join(", "))
    }

    async fn copy(&self, session: &Session, statement: &str, chunks: mpsc::Sender<Bytes>) -> Result<()> {
        let reading = || format!("reading {}", self.exporting.table.name);
        let stream = session.client().copy_out(statement).await.with_context(reading)?;
        tokio::pin!(stream);
        let (mut chunk, mut rows) = (BytesMut::with_capacity(CHUNK), 0);
        loop {
            let message = stream.try_next().await.with_context(reading)?;
            if let Some(message) = &message {
                // One message is one row, but for the head and the tail.
                rows += 1;
                chunk.extend_from_slice(message);
            }
            if CHUNK <= chunk.len() || message.is_none() {
                self.tell(std::mem::take(&mut rows), chunk.len() as u64);
                if chunks.send(chunk.split().freeze()).await.is_err() {
                    // The encoder has a reason to end. What is still to come would be read to its end otherwise.
                    let _ = session.canceller().cancel().await;
                    return Ok(());
                }
                chunk.reserve(CHUNK);
            }
            if message.is_none() {
                return Ok(());
            }
        }
    }

    fn tell(&self, rows: u64, bytes: u64) {
        let rows = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let so_far = Progress { rows, bytes };
        (self.exporting.progress)(Passing { pass: Pass::Out, took: self.began.elapsed(), so_far });
    }

    async fn store(&self, mut pieces: mpsc::Receiver<Piece>) -> Result<Vec<DataFile>> {
        let mut files = Vec::new();
        let mut open: Option<(String, Upload<'_>)> = None;
        while let Some(piece) = pieces.recv().await {
            let done = match (piece, open.take()) {
                (Piece::Begin, _) => {
                    let number = self.files.fetch_add(1, Ordering::Relaxed) + 1;
                    let name = data_file(&self.exporting.layout, number);
                    let Exporting { destination, diary, path, .. } = self.exporting;
                    let upload = Upload::begin(destination, *diary, format!("{path}/{name}"));
                    open = Some((name, upload));
                    Ok(())
                }
                (Piece::Data(bytes), Some((name, mut upload))) => {
                    let written = upload.write(&bytes).await;
                    open = Some((name, upload));
                    written
                }
                (Piece::End { rows }, Some((name, upload))) => upload.finish().await.map(|sealed| {
                    files.push(DataFile { name, rows, bytes: sealed.bytes, sha256: sealed.sha256 });
                }),
                (Piece::Data(_) | Piece::End { .. }, None) => unreachable!("a file is begun before it is written"),
            };
            if let Err(error) = done {
                if let Some((_, upload)) = open {
                    upload.give_up().await;
                }
                return Err(error);
            }
        }
        if let Some((_, upload)) = open {
            upload.give_up().await;
        }
        Ok(files)
    }
}
