//! Rows from an archive into a table, in one streaming pass and in memory that does not grow with it; and out of it
//! again, to be compared. Whoever calls has begun a transaction, and ends it as these say.

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::{SinkExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio_postgres::CopyInSink;

use super::destination::Destination;
use super::export::Progress;
use super::read_back::{Damage, read_back};
use crate::db::connect::Session;
use crate::manifest::Manifest;
use crate::restore::{Mapping, Projection, Way};
use crate::rows::{Fingerprint, Records, Tuples};
use crate::sql::QualifiedName;

/// Bytes that are sent at once, and how many of these may wait.
const CHUNK: usize = 256 << 10;
const CHUNKS_WAITING: usize = 8;

/// What is loaded, and where to.
pub struct Loading<'a> {
    /// The store.
    pub destination: &'a Destination,
    /// The archive's folder below it.
    pub path: &'a str,
    /// Its manifest.
    pub manifest: &'a Manifest,
    /// Which columns go where.
    pub mapping: &'a Mapping,
    /// The table: empty, and truncated in the transaction that is open.
    pub table: &'a QualifiedName,
    /// Hears how far it is.
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
}

/// What the pump is given.
enum Piece {
    Data(Bytes),
    /// All rows have come, and were the ones that were archived.
    Done,
}

/// Copies every row of the archive into the table. Returns what its compared columns must be.
///
/// # Errors
/// [`Damage`] when the archive is not what was archived; others when the store cannot be read, or the
/// server refuses a row.
pub async fn load(session: &Session, loading: &Loading<'_>) -> Result<Fingerprint> {
    let Loading { destination, path, manifest, mapping, table, progress } = loading;
    let filling = || format!("filling {table}");
    let sink = session.client().copy_in(&mapping.copy_in(table)).await.with_context(filling)?;
    let (pieces, waiting) = mpsc::channel(CHUNKS_WAITING);
    let pump = tokio::spawn(pump(sink, waiting));
    let (told, mut tellings) = mpsc::channel::<Progress>(CHUNKS_WAITING);
    let (result, prints) = std::sync::mpsc::channel();
    let mut filler = Filler::new(Projection::of(mapping), pieces.clone(), told, result);
    let read = async {
        let read = read_back(destination, path, manifest, vec![move |row: &[u8]| filler.row(row)]).await;
        read.and_then(|()| prints.recv().context("the reader ended without its last rows"))
    };
    tokio::pin!(read);
    let read = loop {
        tokio::select! {
            read = &mut read => break read,
            Some(at) = tellings.recv() => progress(at),
        }
    };
    let loaded = match read {
        Ok(Ended { rest, print }) => {
            // A pump that has ended has a reason, which is the one that matters.
            let _ = pieces.send(Piece::Data(rest)).await;
            let _ = pieces.send(Piece::Done).await;
            Ok(print)
        }
        Err(error) => Err(error),
    };
    drop(pieces);
    let pumped = pump.await.context("the sender panicked")?;
    // The server refused a row, and that ended the reading; or the reading ended, and the server was told to forget.
    match (pumped, loaded) {
        (_, Err(error)) if Damage::of(&error).is_some() => Err(error),
        (Err(error), _) => Err(error).with_context(filling),
        (Ok(()), loaded) => loaded,
    }
}

/// What the last row leaves behind.
struct Ended {
    rest: Bytes,
    print: Fingerprint,
}

/// Takes rows on the thread that decodes them. Dropped after the last one, it hands over what it still has.
struct Filler {
    projection: Projection,
    pieces: mpsc::Sender<Piece>,
    told: mpsc::Sender<Progress>,
    result: std::sync::mpsc::Sender<Ended>,
    stream: Vec<u8>,
    sent: Progress,
}

impl Filler {
    fn new(
        projection: Projection,
        pieces: mpsc::Sender<Piece>,
        told: mpsc::Sender<Progress>,
        result: std::sync::mpsc::Sender<Ended>,
    ) -> Self {
        let stream = projection.head();
        Self { projection, pieces, told, result, stream, sent: Progress::default() }
    }

    fn row(&mut self, row: &[u8]) -> Result<()> {
        self.projection.put(row, &mut self.stream)?;
        if self.stream.len() < CHUNK {
            return Ok(());
        }
        self.sent.bytes += self.stream.len() as u64;
        self.sent.rows = self.projection.fingerprint().rows;
        // Who is too busy to hear hears the next one.
        let _ = self.told.try_send(self.sent);
        let full = std::mem::replace(&mut self.stream, Vec::with_capacity(CHUNK + CHUNK / 4));
        self.pieces
            .blocking_send(Piece::Data(full.into()))
            .map_err(|_| anyhow::anyhow!("the server takes no more rows"))
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        let mut rest = std::mem::take(&mut self.stream);
        rest.extend_from_slice(self.projection.tail());
        // Nobody waits for it when the reading failed.
        let _ = self.result.send(Ended { rest: rest.into(), print: self.projection.fingerprint() });
    }
}

/// Sends pieces until all are there. A stream that ends without [`Piece::Done`] is given up: the server forgets it.
async fn pump(sink: CopyInSink<Bytes>, mut pieces: mpsc::Receiver<Piece>) -> Result<()> {
    tokio::pin!(sink);
    while let Some(piece) = pieces.recv().await {
        match piece {
            Piece::Data(bytes) => sink.send(bytes).await?,
            Piece::Done => {
                sink.finish().await?;
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The rows of the table, by the columns that are compared, as the archive spells them.
///
/// # Errors
/// When the table cannot be read.
pub async fn read_out(session: &Session, mapping: &Mapping, table: &QualifiedName) -> Result<Fingerprint> {
    let reading = || format!("reading {table} back");
    let stream = session.client().copy_out(&mapping.copy_out(table)).await.with_context(reading)?;
    tokio::pin!(stream);
    let mut print = Fingerprint::default();
    if mapping.way == Way::Csv {
        let mut records = Records::default();
        while let Some(piece) = stream.try_next().await.with_context(reading)? {
            records.push(piece);
            while let Some(record) = records.next_record() {
                print.add(&record[..record.len() - 1]);
            }
        }
        return Ok(print);
    }
    let mut tuples = Tuples::default();
    while let Some(piece) = stream.try_next().await.with_context(reading)? {
        tuples.push(piece);
        while let Some(tuple) = tuples.next_tuple()? {
            print.add(&tuple);
        }
    }
    tuples.finish()?;
    Ok(print)
}
