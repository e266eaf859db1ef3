//! Writes a file whole or not at all.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

/// Writes beside the target and renames over it, so that a reader never sees half a file.
///
/// # Errors
/// When the folder cannot be written to.
pub(super) fn save_file(path: &Path, content: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let save = || -> std::io::Result<()> {
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    save().with_context(|| format!("cannot write {}", path.display()))
}
