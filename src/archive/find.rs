//! The archives that a store holds, as their manifests tell: what there is when the database is gone.

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::destination::Destination;
use super::read_back::{Damage, read_manifest};
use crate::manifest::{MANIFEST, Manifest};

/// Manifests read at the same time.
const AT_ONCE: usize = 8;

/// An archive that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its folder below the destination.
    pub path: String,
    /// What its manifest says, if that is whole.
    pub manifest: Result<Manifest, Damage>,
}

/// Every archive below the destination, by the order of paths. What has no manifest is none.
///
/// # Errors
/// When the store refuses or cannot be reached.
pub async fn find(destination: &Destination) -> Result<Vec<Found>> {
    let stored = destination.list("").await?.into_iter();
    let end = format!("/{MANIFEST}");
    let paths: Vec<String> = stored.filter_map(|stored| Some(stored.name.strip_suffix(&end)?.to_owned())).collect();
    let read = |path: String| async move {
        let manifest = match read_manifest(destination, &path).await {
            Ok(manifest) => Ok(manifest),
            Err(error) => Err(Damage::of(&error).cloned().ok_or(error)?),
        };
        anyhow::Ok(Found { path, manifest })
    };
    stream::iter(paths).map(read).buffered(AT_ONCE).try_collect().await
}
