//! From the thread that encodes rows to the task that stores them: pieces of data files, in order.

use std::io::{self, Write};

use bytes::Bytes;
use tokio::sync::mpsc;

/// What the encoder has for the uploader.
#[derive(Debug)]
pub(super) enum Piece {
    /// A data file begins.
    Begin,
    /// More of it.
    Data(Bytes),
    /// It ends, with so many rows.
    End { rows: u64 },
}

/// Bytes per piece.
const PIECE: usize = 256 << 10;

/// One data file's bytes on their way.
pub(super) struct Outgoing {
    sender: mpsc::Sender<Piece>,
    buffer: Vec<u8>,
    written: u64,
}

impl Outgoing {
    /// Begins a data file.
    pub fn begin(sender: mpsc::Sender<Piece>) -> io::Result<Self> {
        send(&sender, Piece::Begin)?;
        Ok(Self { sender, buffer: Vec::with_capacity(PIECE), written: 0 })
    }

    /// Bytes so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Ends it.
    pub fn end(mut self, rows: u64) -> io::Result<()> {
        self.flush()?;
        send(&self.sender, Piece::End { rows })
    }
}

/// The uploader has ended for a reason of its own, which is the one that matters.
fn send(sender: &mpsc::Sender<Piece>, piece: Piece) -> io::Result<()> {
    sender.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
}

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        self.written += bytes.len() as u64;
        if PIECE <= self.buffer.len() {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        send(&self.sender, Piece::Data(piece.into()))
    }
}
