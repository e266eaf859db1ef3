//! From a data file back to rows, spelled as they were when their fingerprint was made. Runs on a thread of its own.

use std::io::{self, Read};

use anyhow::{Context, Result};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::packing::unpacker;
use crate::rows::{Format, Layout, Records, Tuples};

/// A data file's bytes as they come from the store.
pub(super) struct Incoming {
    receiver: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl Incoming {
    pub fn new(receiver: mpsc::Receiver<Bytes>) -> Self {
        Self { receiver, current: Bytes::new() }
    }
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            let Some(next) = self.receiver.blocking_recv() else { return Ok(0) };
            self.current = next;
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}

const CHUNK: usize = 256 << 10;

/// Hands out every row of a data file that is stored as COPY sent it.
pub(super) fn decode_plain(
    layout: Layout,
    mut incoming: Incoming,
    mut row: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut reader = unpacker(&mut incoming, layout.compression).context("unpacking")?;
    let mut chunk = || -> Result<Option<Bytes>> {
        let mut chunk = Vec::with_capacity(CHUNK);
        reader.by_ref().take(CHUNK as u64).read_to_end(&mut chunk).context("unpacking")?;
        Ok((!chunk.is_empty()).then(|| chunk.into()))
    };
    if layout.format == Format::Csv {
        let (mut records, mut head) = (Records::default(), true);
        while let Some(chunk) = chunk()? {
            records.push(chunk);
            while let Some(record) = records.next_record() {
                if !std::mem::take(&mut head) {
                    row(&record[..record.len() - 1])?;
                }
            }
        }
        anyhow::ensure!(records.is_finished() && !head, "the last record is cut off");
        return Ok(());
    }
    let mut tuples = Tuples::default();
    while let Some(chunk) = chunk()? {
        tuples.push(chunk);
        while let Some(tuple) = tuples.next_tuple()? {
            row(&tuple)?;
        }
    }
    Ok(tuples.finish()?)
}
