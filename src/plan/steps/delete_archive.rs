//! Deletes an archive whose time is over. Nothing in the database changes but the ledger, which is told first: no table
//! is dropped on the strength of an archive that is being deleted.

use crate::plan::Action;
use crate::sql::QualifiedName;

/// An archive to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteArchive {
    /// Its number in the ledger.
    pub id: i64,
    /// The table that it holds, which need not exist any more.
    pub table: QualifiedName,
    /// What that held, for a person.
    pub range: String,
    /// The URL of its destination.
    pub destination: String,
    /// Its folder below that.
    pub path: String,
    /// Its rows.
    pub rows: u64,
    /// Bytes of its data files.
    pub bytes: u64,
    /// Why.
    pub reason: String,
}

impl DeleteArchive {
    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        vec![Action::Remove { url: format!("{}/{}", self.destination.trim_end_matches('/'), self.path) }]
    }
}
