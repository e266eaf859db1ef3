//! Reads an archive from its store and holds it against its manifest: the bytes of every file, and the rows in them.
//! What does not agree is named by its file. Whoever takes rows from here believes none of them before all have come.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::decode::{Incoming, decode_plain};
use super::destination::Destination;
use super::refusal::Refusal;
use super::upload::hex;
use crate::failure::{Failure, FailureKind};
use crate::manifest::{self, DataFile, MANIFEST, Manifest};
use crate::rows::{Column, Fingerprint, Format, Layout, stored_columns};

/// Chunks of a data file that may wait to be decoded.
const CHUNKS_WAITING: usize = 8;
/// More threads than these would wait for the store.
const MOST_THREADS: usize = 4;

/// What is wrong with an archive. Its data must not be trusted, and its table not be dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The object, by its whole URL.
    pub object: String,
    /// What is wrong with it, as a fragment.
    pub problem: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is damaged: {}", self.object, self.problem)
    }
}

impl std::error::Error for Damage {}

impl Damage {
    /// The damage that an error is about; `None`: it is about something else, such as a store that is away.
    pub fn of(error: &anyhow::Error) -> Option<&Self> {
        // Context hides what it is given to from `chain`, and shows it to `downcast_ref`.
        error.downcast_ref()
    }
}

/// Reads the manifest of the archive in a folder below the destination.
///
/// # Errors
/// When there is none, it cannot be read, or it is not whole ([`Damage`]).
pub async fn read_manifest(destination: &Destination, path: &str) -> Result<Manifest> {
    let name = format!("{path}/{MANIFEST}");
    let text = destination.read(&name).await.map_err(|error| missing(error, destination.url_of(&name)))?;
    manifest::read(&text).map_err(|error| {
        let damage = Damage { object: destination.url_of(&name), problem: error.to_string() };
        let failure = Failure::new(FailureKind::Findings, damage.to_string());
        anyhow::Error::from(damage).context(failure.hint("restore the manifest from where it is kept twice, if it is"))
    })
}

/// Reads everything back and compares it with the manifest.
///
/// # Errors
/// [`Damage`] when it is not what was archived; others when the store cannot be read.
pub async fn verify(destination: &Destination, path: &str, manifest: &Manifest) -> Result<()> {
    read_back(destination, path, manifest, on_every_thread(|_: &[u8]| Ok(()))).await
}

/// Takers for [`read_back`] that keep all processors busy.
pub(super) fn on_every_thread<R: Clone>(row: R) -> Vec<R> {
    vec![row; std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS)]
}

/// Reads every row back, hands it to one of those who take rows, and compares all with the manifest in the end. Who takes
/// alone gets them in the order of the files. Rows of CSV come as records without their line's end, others as
/// `COPY BINARY` tuples; they are taken on other threads.
///
/// # Errors
/// As [`verify`], and those of who takes rows.
pub async fn read_back<R>(destination: &Destination, path: &str, manifest: &Manifest, takers: Vec<R>) -> Result<()>
where
    R: FnMut(&[u8]) -> Result<()> + Send + 'static,
{
    let columns: Arc<[Column]> = stored_columns(&manifest.table.columns, manifest.layout).cloned().collect();
    let mut state = Read { takers, print: Fingerprint::default() };
    for file in &manifest.files {
        let name = format!("{path}/{}", file.name);
        let reading = File { destination, name: &name, file, columns: &columns };
        let result = match manifest.layout.format {
            #[cfg(feature = "parquet")]
            Format::Parquet => reading.parquet(&mut state).await,
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => anyhow::bail!("Parquet is not built into this partctl"),
            Format::Csv | Format::Binary => reading.plain(manifest.layout, &mut state).await,
        };
        result.map_err(|error| missing(error, destination.url_of(&name)))?;
    }
    let Read { print, .. } = state;
    if manifest.expected() != Some(print) {
        let rows = print.rows;
        let problem = if rows == manifest.rows {
            "its rows are not the ones that were archived".to_owned()
        } else {
            format!("{rows} rows were read, and {} were archived", manifest.rows)
        };
        return Err(damaged(destination.url_of(&format!("{path}/{MANIFEST}")), problem));
    }
    Ok(())
}

/// What has been read, and those who take rows and have nothing to do. Some are missing after an error.
struct Read<R> {
    takers: Vec<R>,
    print: Fingerprint,
}

impl<R> Read<R> {
    /// Takes back who has taken all rows of a part of a file.
    fn took(&mut self, (taker, print): (R, Fingerprint)) {
        self.takers.push(taker);
        self.print.merge(print);
    }
}

/// An object that is not there is damage like any other.
fn missing(error: anyhow::Error, object: String) -> anyhow::Error {
    let refusal = error.chain().find_map(|cause| cause.downcast_ref::<Refusal>());
    match refusal {
        Some(refusal) if refusal.is_missing_object() => damaged(object, "it is not there".to_owned()),
        _ => error,
    }
}

fn damaged(object: String, problem: String) -> anyhow::Error {
    let damage = Damage { object, problem };
    let failure = Failure::new(FailureKind::Findings, damage.to_string());
    anyhow::Error::from(damage).context(failure)
}

/// An error of whoever takes the rows, which is no damage.
#[derive(Debug)]
struct Refused(anyhow::Error);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for Refused {}

/// A data file that is read.
struct File<'a> {
    destination: &'a Destination,
    name: &'a str,
    file: &'a DataFile,
    columns: &'a Arc<[Column]>,
}

/// Decodes on a thread for blocking work; who takes the rows is given back with their fingerprint.
fn taking<R>(
    mut taker: R,
    decode: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>,
) -> Result<(R, Fingerprint)>
where
    R: FnMut(&[u8]) -> Result<()>,
{
    let mut print = Fingerprint::default();
    decode(&mut |row| {
        print.add(row);
        taker(row).map_err(|error| Refused(error).into())
    })?;
    Ok((taker, print))
}

impl File<'_> {
    fn damaged(&self, problem: String) -> anyhow::Error {
        damaged(self.destination.url_of(self.name), problem)
    }

    /// What decoding came to, once every byte has been read.
    fn judge(&self, decoded: Result<()>, rows: u64, bytes: u64, sha256: &str) -> Result<()> {
        let DataFile { bytes: expected, .. } = *self.file;
        match decoded {
            _ if bytes != expected => {
                return Err(self.damaged(format!("it has {bytes} bytes, and {expected} were stored")));
            }
            _ if sha256 != self.file.sha256 => {
                return Err(self.damaged(format!("its SHA-256 is {sha256}, and {} was stored", self.file.sha256)));
            }
            // Whoever takes rows may refuse one because it is damaged; of a file that is whole, for a reason of their own.
            Err(error) if error.is::<Refused>() => {
                return Err(error.downcast::<Refused>().map_or_else(|error| error, |refused| refused.0));
            }
            Err(error) => return Err(self.damaged(format!("{error:#}"))),
            Ok(()) => {}
        }
        if rows != self.file.rows {
            return Err(self.damaged(format!("it holds {rows} rows, and {} were stored", self.file.rows)));
        }
        Ok(())
    }

    async fn plain<R>(&self, layout: Layout, state: &mut Read<R>) -> Result<()>
    where
        R: FnMut(&[u8]) -> Result<()> + Send + 'static,
    {
        let taker = state.takers.pop().context("nobody takes the rows")?;
        let before = state.print.rows;
        let (chunks, incoming) = mpsc::channel(CHUNKS_WAITING);
        let decoder = spawn_blocking(move || taking(taker, |row| decode_plain(layout, Incoming::new(incoming), row)));
        let mut stream = self.destination.stream(self.name).await?;
        let (mut digest, mut bytes, mut wanted) = (Sha256::new(), 0, true);
        while let Some(chunk) = stream.try_next().await.with_context(|| format!("reading `{}`", self.name))? {
            digest.update(&chunk);
            bytes += chunk.len() as u64;
            // A decoder that has given up still leaves the bytes to be looked at.
            wanted = wanted && chunks.send(chunk).await.is_ok();
        }
        drop(chunks);
        let decoded = decoder.await.context("the decoder panicked")?.map(|taken| state.took(taken));
        self.judge(decoded, state.print.rows - before, bytes, &hex(&digest.finalize()))
    }

    #[cfg(feature = "parquet")]
    async fn parquet<R>(&self, state: &mut Read<R>) -> Result<()>
    where
        R: FnMut(&[u8]) -> Result<()> + Send + 'static,
    {
        let before = state.print.rows;
        let size = self.destination.size(self.name).await?;
        let mut digest = Sha256::new();
        let mut at = 0;
        let decoded = match self.row_groups(size, &mut digest, &mut at, state).await {
            Err(Reading::Store(error)) => return Err(error),
            Err(Reading::Decoding(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        // What follows the row groups, and what was not decoded any more.
        while at < size {
            let end = size.min(at + (8 << 20));
            digest.update(self.destination.range(self.name, at..end).await?);
            at = end;
        }
        self.judge(decoded, state.print.rows - before, size, &hex(&digest.finalize()))
    }

    /// Row group by row group, in the order of the file, each byte read once; as many are decoded at once as there are
    /// who take rows.
    #[cfg(feature = "parquet")]
    async fn row_groups<R>(
        &self,
        size: u64,
        digest: &mut Sha256,
        at: &mut u64,
        state: &mut Read<R>,
    ) -> Result<(), Reading>
    where
        R: FnMut(&[u8]) -> Result<()> + Send + 'static,
    {
        use super::parquet::{Footer, decode_row_group};
        use tokio::task::JoinSet;
        let tail = self.range(size.saturating_sub(Footer::TAIL)..size).await?;
        let whole = Footer::range(size, &tail).map_err(Reading::Decoding)?;
        let footer = Arc::new(Footer::read(&self.range(whole).await?).map_err(Reading::Decoding)?);
        footer.check(self.columns).map_err(Reading::Decoding)?;
        let mut decoding: JoinSet<Result<(R, Fingerprint)>> = JoinSet::new();
        for (number, end) in footer.row_group_ends().into_iter().enumerate() {
            if end < *at || size < end {
                return Err(Reading::Decoding(anyhow::anyhow!("its row groups are not in order")));
            }
            let bytes = self.range(*at..end).await?;
            digest.update(&bytes);
            let group = (std::mem::replace(at, end), bytes);
            if state.takers.is_empty() {
                state.took(next(&mut decoding).await?.context("nobody takes the rows").map_err(Reading::Decoding)?);
            }
            let taker = state.takers.pop().context("nobody takes the rows").map_err(Reading::Decoding)?;
            let (footer, columns) = (Arc::clone(&footer), Arc::clone(self.columns));
            decoding
                .spawn_blocking(move || taking(taker, |row| decode_row_group(&footer, number, group, &columns, row)));
        }
        while let Some(taken) = next(&mut decoding).await? {
            state.took(taken);
        }
        Ok(())
    }

    #[cfg(feature = "parquet")]
    async fn range(&self, range: std::ops::Range<u64>) -> Result<Bytes, Reading> {
        self.destination.range(self.name, range).await.map_err(Reading::Store)
    }
}

/// Waits for a row group to be decoded; `None`: all are.
#[cfg(feature = "parquet")]
async fn next<T: 'static>(decoding: &mut tokio::task::JoinSet<Result<T>>) -> Result<Option<T>, Reading> {
    let done = decoding.join_next().await.transpose().context("the decoder panicked").and_then(Option::transpose);
    done.map_err(Reading::Decoding)
}

/// Why a Parquet file was not read to its end.
#[cfg(feature = "parquet")]
enum Reading {
    /// The store's fault.
    Store(anyhow::Error),
    /// The file's.
    Decoding(anyhow::Error),
}
