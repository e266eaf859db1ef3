//! One object on its way into a store. It stands under its name only when it is complete; what an upload that was cut
//! off has left is known by its id, which is written down before the first byte goes.

use anyhow::Result;
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use object_store::multipart::PartId;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::destination::Destination;

/// Of equal size but for the last, as R2 wants it, and at least 5 MiB, as S3 does.
const PART: usize = 8 << 20;
/// A folder does not care.
const WRITTEN_AT_ONCE: usize = 1 << 20;
/// Parts on their way at once: what memory an upload takes.
const AT_ONCE: usize = 3;
/// S3 takes 10,000 parts. Files are split before they grow larger.
pub(super) const LARGEST_OBJECT: u64 = 9_000 * PART as u64;

/// Remembers what a run has begun in a store, for the next one to take away.
pub trait Diary: Send + Sync {
    /// An upload begins: its object's name below the destination, and its id.
    fn upload_begins<'a>(&'a self, name: &'a str, id: &'a str) -> BoxFuture<'a, Result<()>>;
}

/// Remembers nothing: for stores that keep nothing of an upload that was cut off.
pub struct NoDiary;

impl Diary for NoDiary {
    fn upload_begins<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

/// An object that is being written.
pub(super) struct Upload<'a> {
    destination: &'a Destination,
    diary: &'a dyn Diary,
    name: String,
    buffer: BytesMut,
    way: Way,
    digest: Sha256,
    bytes: u64,
}

enum Way {
    /// Too small so far for parts.
    Whole,
    /// A folder's: written beside, renamed in the end.
    Beside(Box<dyn MultipartUpload>),
    /// A bucket's.
    Parts { id: String, running: JoinSet<Result<(usize, PartId)>>, begun: usize, done: Vec<(usize, PartId)> },
}

/// What was stored.
pub(super) struct Sealed {
    pub bytes: u64,
    pub sha256: String,
}

impl<'a> Upload<'a> {
    pub fn begin(destination: &'a Destination, diary: &'a dyn Diary, name: String) -> Self {
        Self { destination, diary, name, buffer: BytesMut::new(), way: Way::Whole, digest: Sha256::new(), bytes: 0 }
    }

    /// Takes the next bytes; returns when there is room for more.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        let size = if self.destination.parts.is_some() { PART } else { WRITTEN_AT_ONCE };
        while size < self.buffer.len() {
            let part = self.buffer.split_to(size).freeze();
            self.send(part).await.map_err(|error| self.destination.refused(error, "writing", &self.name))?;
        }
        Ok(())
    }

    async fn send(&mut self, part: Bytes) -> Result<()> {
        if matches!(self.way, Way::Whole) {
            self.way = self.begin_parts().await?;
        }
        match &mut self.way {
            Way::Whole => {}
            Way::Beside(upload) => upload.put_part(PutPayload::from_bytes(part)).await?,
            Way::Parts { id, running, begun, done } => {
                if AT_ONCE <= running.len()
                    && let Some(ended) = running.join_next().await
                {
                    done.push(ended??);
                }
                let Some(store) = self.destination.parts.clone() else { anyhow::bail!("the store has no parts") };
                let (path, id, number) = (self.destination.path(&self.name), id.clone(), *begun);
                *begun += 1;
                running.spawn(async move {
                    let part = store.put_part(&path, &id, number, PutPayload::from_bytes(part)).await?;
                    Ok((number, part))
                });
            }
        }
        Ok(())
    }

    async fn begin_parts(&mut self) -> Result<Way> {
        let path = self.destination.path(&self.name);
        let Some(parts) = &self.destination.parts else {
            return Ok(Way::Beside(self.destination.objects.put_multipart(&path).await?));
        };
        let id = parts.create_multipart(&path).await?;
        self.diary.upload_begins(&self.name, &id).await?;
        Ok(Way::Parts { id, running: JoinSet::new(), begun: 0, done: Vec::new() })
    }

    /// Stores the rest; from now on the object stands under its name.
    pub async fn finish(mut self) -> Result<Sealed> {
        let sealed = Sealed { bytes: self.bytes, sha256: hex(&self.digest.clone().finalize()) };
        self.store().await.map_err(|error| self.destination.refused(error, "writing", &self.name))?;
        Ok(sealed)
    }

    async fn store(&mut self) -> Result<()> {
        let rest = self.buffer.split().freeze();
        let path = self.destination.path(&self.name);
        if matches!(self.way, Way::Whole) {
            self.destination.objects.put(&path, PutPayload::from_bytes(rest)).await?;
            return Ok(());
        }
        if !rest.is_empty() {
            self.send(rest).await?;
        }
        match &mut self.way {
            Way::Whole => {}
            Way::Beside(upload) => {
                upload.complete().await?;
            }
            Way::Parts { id, running, done, .. } => {
                while let Some(ended) = running.join_next().await {
                    done.push(ended??);
                }
                done.sort_by_key(|(number, _)| *number);
                let parts = done.drain(..).map(|(_, part)| part).collect();
                let Some(store) = &self.destination.parts else { anyhow::bail!("the store has no parts") };
                store.complete_multipart(&path, id, parts).await?;
            }
        }
        Ok(())
    }

    /// Takes back what was sent; best effort, for what stays is known to the diary.
    pub async fn give_up(self) {
        match self.way {
            Way::Whole => {}
            Way::Beside(mut upload) => {
                let _ = upload.abort().await;
            }
            Way::Parts { id, mut running, .. } => {
                running.shutdown().await;
                let _ = self.destination.abandon(&self.name, &id).await;
            }
        }
    }
}

pub(super) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
