//! From COPY's stream to data files: rows are cut out, added to the fingerprint, and written in the archive's format.
//! Runs on a thread of its own, in memory that does not grow with the table.

use std::fmt;
use std::io::{self, Write};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::outgoing::{Outgoing, Piece};
use super::packing::Packer;
use crate::rows::{Column, Fingerprint, Format, Layout, MalformedCopy, Records, TRAILER, Tuples, header};

/// What is encoded, and how.
#[derive(Debug, Clone)]
pub(super) struct Encoding {
    pub layout: Layout,
    /// Those that are in the stream.
    pub columns: Vec<Column>,
    /// A file ends when it has so many bytes.
    pub split: u64,
    /// How many encode beside each other, and share the memory.
    pub at_once: usize,
    /// What the files say of themselves, where their format has room for it.
    pub about: Vec<(String, String)>,
}

/// Why rows could not be encoded.
#[derive(Debug)]
pub(super) enum EncodeError {
    /// A value that the column's form cannot hold: the column must be cast to text.
    Unfit { column: usize, why: &'static str },
    /// The stream is no COPY stream.
    Malformed(MalformedCopy),
    /// A compressor failed, or nobody takes the files any more.
    Io(io::Error),
    /// Parquet's own.
    #[cfg(feature = "parquet")]
    Parquet(::parquet::errors::ParquetError),
    /// The format is not built in.
    #[cfg(not(feature = "parquet"))]
    NotBuiltIn,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfit { why, .. } => write!(f, "a value does not fit its column: {why}"),
            Self::Malformed(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            #[cfg(feature = "parquet")]
            Self::Parquet(error) => error.fmt(f),
            #[cfg(not(feature = "parquet"))]
            Self::NotBuiltIn => f.write_str("Parquet is not built into this partctl"),
        }
    }
}

impl std::error::Error for EncodeError {}

impl From<io::Error> for EncodeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<MalformedCopy> for EncodeError {
    fn from(error: MalformedCopy) -> Self {
        Self::Malformed(error)
    }
}

#[cfg(feature = "parquet")]
impl From<::parquet::errors::ParquetError> for EncodeError {
    fn from(error: ::parquet::errors::ParquetError) -> Self {
        Self::Parquet(error)
    }
}

/// Encodes until the stream ends.
pub(super) fn encode(
    encoding: &Encoding,
    incoming: mpsc::Receiver<Bytes>,
    outgoing: mpsc::Sender<Piece>,
) -> Result<Fingerprint, EncodeError> {
    match encoding.layout.format {
        #[cfg(feature = "parquet")]
        Format::Parquet => super::parquet::encode(encoding, incoming, outgoing),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => Err(EncodeError::NotBuiltIn),
        Format::Csv => encode_csv(encoding, incoming, outgoing),
        Format::Binary => encode_binary(encoding, incoming, outgoing),
    }
}

/// A data file of rows that are stored as they come.
struct PlainFile {
    packer: Packer<Outgoing>,
    rows: u64,
}

impl PlainFile {
    fn begin(encoding: &Encoding, outgoing: &mpsc::Sender<Piece>, head: &[u8]) -> io::Result<Self> {
        let mut packer = Packer::new(Outgoing::begin(outgoing.clone())?, encoding.layout.compression)?;
        packer.write_all(head)?;
        Ok(Self { packer, rows: 0 })
    }

    fn write(&mut self, row: &[u8]) -> io::Result<()> {
        self.rows += 1;
        self.packer.write_all(row)
    }

    fn end(mut self, tail: &[u8]) -> io::Result<()> {
        self.packer.write_all(tail)?;
        self.packer.finish()?.end(self.rows)
    }

    fn is_full(&self, encoding: &Encoding) -> bool {
        encoding.split <= self.packer.below().written()
    }
}

fn encode_csv(
    encoding: &Encoding,
    mut incoming: mpsc::Receiver<Bytes>,
    outgoing: mpsc::Sender<Piece>,
) -> Result<Fingerprint, EncodeError> {
    let (mut records, mut print) = (Records::default(), Fingerprint::default());
    // The server sends the column names once; every file gets them.
    let mut head: Option<Bytes> = None;
    let mut file: Option<PlainFile> = None;
    while let Some(piece) = incoming.blocking_recv() {
        records.push(piece);
        while let Some(record) = records.next_record() {
            let Some(head) = &head else {
                file = Some(PlainFile::begin(encoding, &outgoing, &record)?);
                head = Some(record);
                continue;
            };
            print.add(&record[..record.len() - 1]);
            if let Some(full) = file.take_if(|file| file.is_full(encoding)) {
                full.end(b"")?;
            }
            let file = match &mut file {
                Some(file) => file,
                none => none.insert(PlainFile::begin(encoding, &outgoing, head)?),
            };
            file.write(&record)?;
        }
    }
    if !records.is_finished() {
        return Err(MalformedCopy("the last record is cut off").into());
    }
    match file {
        Some(file) => file.end(b"")?,
        None => return Err(MalformedCopy("there is no header").into()),
    }
    Ok(print)
}

fn encode_binary(
    encoding: &Encoding,
    mut incoming: mpsc::Receiver<Bytes>,
    outgoing: mpsc::Sender<Piece>,
) -> Result<Fingerprint, EncodeError> {
    let (mut tuples, mut print) = (Tuples::default(), Fingerprint::default());
    let mut file = PlainFile::begin(encoding, &outgoing, &header())?;
    while let Some(piece) = incoming.blocking_recv() {
        tuples.push(piece);
        while let Some(tuple) = tuples.next_tuple()? {
            print.add(&tuple);
            if file.is_full(encoding) {
                file.end(&TRAILER)?;
                file = PlainFile::begin(encoding, &outgoing, &header())?;
            }
            file.write(&tuple)?;
        }
    }
    tuples.finish()?;
    file.end(&TRAILER)?;
    Ok(print)
}
