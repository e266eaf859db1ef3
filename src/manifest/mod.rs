//! The manifest of an archive: all that restoring takes, beside the data. An archive without one does not exist, so it
//! is written last. Decides what it says and whether it is whole; never reads or writes it.

mod document;
mod listing;
mod place;
#[cfg(test)]
pub mod samples;
mod seal;

pub use document::{ArchivedTable, Author, Bound, DataFile, Manifest, Origin, Source};
pub use listing::{ArchiveState, ListedArchive};
pub use place::{MANIFEST, archive_path, data_file};
pub use seal::{ManifestError, read, write};
