//! Where archives are stored: a folder, or a bucket of S3, Google Cloud Storage or Azure. Credentials come as each
//! cloud's own tools take them; nothing of them is ever shown.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

#[cfg(feature = "cloud")]
use super::cloud;
use super::refusal::refused;
use crate::failure::{Failure, FailureKind};

/// An open destination. Clones share their connections.
#[derive(Clone)]
pub struct Destination {
    url: String,
    pub(super) objects: Arc<dyn ObjectStore>,
    /// Uploads in parts that can be given up by whoever knows their id; none for a folder.
    pub(super) parts: Option<Arc<dyn MultipartStore>>,
    folder: Option<PathBuf>,
    prefix: Path,
}

/// An object as a listing has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its name below the destination.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
}

impl Destination {
    /// Opens `file:///folder`, `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`. Nothing is
    /// connected to yet.
    ///
    /// # Errors
    /// When the URL is no such one, the folder cannot be made, or the environment's settings contradict each other.
    pub fn open(url: &str) -> Result<Self> {
        let opening = || Failure::new(FailureKind::Findings, format!("cannot open the archive destination `{url}`"));
        Self::open_store(url).with_context(opening)
    }

    /// The same, for reading: a folder that is not there is not made.
    ///
    /// # Errors
    /// When the folder is not there, and as [`Destination::open`].
    pub fn existing(url: &str) -> Result<Self> {
        if let Some(folder) = url.strip_prefix("file://")
            && !std::path::Path::new(folder).is_dir()
        {
            return Err(Failure::new(FailureKind::Findings, format!("there is no folder `{folder}`")).into());
        }
        Self::open(url)
    }

    fn open_store(url: &str) -> Result<Self> {
        let (scheme, place) = url.split_once("://").context("it is no URL")?;
        if scheme == "file" {
            let folder = PathBuf::from(place);
            anyhow::ensure!(folder.is_absolute(), "a folder is written as in file:///var/archive");
            std::fs::create_dir_all(&folder).with_context(|| format!("making the folder `{place}`"))?;
            let objects = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
            return Ok(Self {
                url: url.to_owned(),
                objects: Arc::new(objects),
                parts: None,
                folder: Some(folder),
                prefix: Path::default(),
            });
        }
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        anyhow::ensure!(!bucket.is_empty(), "it names no bucket");
        let (objects, parts) = cloud::open(scheme, bucket)?;
        Ok(Self { url: url.to_owned(), objects, parts: Some(parts), folder: None, prefix: Path::parse(prefix)? })
    }

    /// The URL as it was given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL of an object of it.
    pub fn url_of(&self, name: &str) -> String {
        format!("{}/{name}", self.url.trim_end_matches('/'))
    }

    /// An error at doing something with what is below a name, such as `reading`.
    pub(super) fn refused(&self, error: impl Into<anyhow::Error>, doing: &str, name: &str) -> anyhow::Error {
        refused(error.into(), format!("{doing} `{}`", self.url_of(name)), &self.url)
    }

    pub(super) fn path(&self, name: &str) -> Path {
        name.split('/').filter(|part| !part.is_empty()).fold(self.prefix.clone(), |path, part| path.join(part))
    }

    /// Every object below a name.
    ///
    /// # Errors
    /// When the store refuses or cannot be reached.
    pub async fn list(&self, below: &str) -> Result<Vec<Stored>> {
        let path = self.path(below);
        let depth = self.prefix.parts().count();
        let found: Vec<_> = self
            .objects
            .list(Some(&path))
            .try_collect()
            .await
            .map_err(|error| self.refused(error, "listing", below))?;
        let name = |path: &Path| path.parts().skip(depth).map(|part| part.as_ref().to_owned()).collect::<Vec<_>>();
        let mut found: Vec<Stored> =
            found.iter().map(|meta| Stored { name: name(&meta.location).join("/"), bytes: meta.size }).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The bytes of a small object.
    ///
    /// # Errors
    /// When there is none, or the store refuses or cannot be reached.
    pub async fn read(&self, name: &str) -> Result<Bytes> {
        let read = async { self.objects.get(&self.path(name)).await?.bytes().await };
        read.await.map_err(|error| self.refused(error, "reading", name))
    }

    /// An object's size and its bytes as they come.
    ///
    /// # Errors
    /// As [`Destination::read`].
    pub(super) async fn stream(&self, name: &str) -> Result<BoxStream<'static, object_store::Result<Bytes>>> {
        let got = self.objects.get(&self.path(name)).await;
        Ok(got.map_err(|error| self.refused(error, "reading", name))?.into_stream())
    }

    /// An object's bytes.
    ///
    /// # Errors
    /// As [`Destination::read`].
    #[cfg(feature = "parquet")]
    pub(super) async fn size(&self, name: &str) -> Result<u64> {
        let head = self.objects.head(&self.path(name)).await;
        Ok(head.map_err(|error| self.refused(error, "reading", name))?.size)
    }

    /// Part of an object.
    ///
    /// # Errors
    /// As [`Destination::read`].
    #[cfg(feature = "parquet")]
    pub(super) async fn range(&self, name: &str, range: std::ops::Range<u64>) -> Result<Bytes> {
        let got = self.objects.get_range(&self.path(name), range).await;
        got.map_err(|error| self.refused(error, "reading", name))
    }

    /// Writes a small object that must not be there yet.
    ///
    /// # Errors
    /// When another object has the name, or the store refuses or cannot be reached.
    pub async fn put_new(&self, name: &str, bytes: Bytes) -> Result<()> {
        let path = self.path(name);
        let put = |mode| self.objects.put_opts(&path, PutPayload::from_bytes(bytes.clone()), PutOptions::from(mode));
        let put_it = async {
            match put(PutMode::Create).await {
                Ok(_) => Ok(()),
                // The answer to a first try may have been lost, and the second one have met the first one's object.
                Err(object_store::Error::AlreadyExists { .. }) if self.read(name).await? == bytes => Ok(()),
                // A store without put-if-absent: looked for first, which is nearly as good.
                Err(object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }) => {
                    match self.objects.head(&path).await {
                        Err(object_store::Error::NotFound { .. }) => {
                            put(PutMode::Overwrite).await?;
                            Ok(())
                        }
                        Ok(_) => anyhow::bail!("an object of this name is there already"),
                        Err(error) => Err(error.into()),
                    }
                }
                Err(error) => Err(error.into()),
            }
        };
        put_it.await.map_err(|error: anyhow::Error| self.refused(error, "writing", name))
    }

    /// Takes away everything below a name: also what an interrupted write to a folder left under names of its own.
    ///
    /// # Errors
    /// When the store refuses or cannot be reached. What is not there is no error.
    pub async fn remove(&self, below: &str) -> Result<()> {
        // The manifest first: without it, the archive does not exist.
        let mut found = self.list(below).await?;
        found.sort_by_key(|stored| !stored.name.ends_with(crate::manifest::MANIFEST));
        for stored in found {
            match self.objects.delete(&self.path(&stored.name)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.refused(error, "removing", below)),
            }
        }
        if let Some(folder) = &self.folder {
            let folder = folder.join(below);
            match std::fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(self.refused(error, "removing", below));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Gives up an upload that another run began. One that is over or unknown is no error.
    ///
    /// # Errors
    /// When the store refuses or cannot be reached.
    pub async fn abandon(&self, name: &str, upload: &str) -> Result<()> {
        let Some(parts) = &self.parts else { return Ok(()) };
        match parts.abort_multipart(&self.path(name), &upload.to_owned()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.refused(error, "giving up the upload of", name)),
        }
    }
}

#[cfg(not(feature = "cloud"))]
mod cloud {
    use std::sync::Arc;

    use object_store::ObjectStore;
    use object_store::multipart::MultipartStore;

    type Store = (Arc<dyn ObjectStore>, Arc<dyn MultipartStore>);

    pub(super) fn open(scheme: &str, _bucket: &str) -> anyhow::Result<Store> {
        anyhow::bail!("`{scheme}://` is not built into this partctl, which only knows file://")
    }
}
