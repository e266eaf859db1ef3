//! Takes a detached table's rows into an archive, reads them back and compares. Nothing is changed in the database but
//! the ledger, and only that entry lets a later step drop the table.

use std::time::Duration;

use crate::catalog::Bound;
use crate::plan::guard::{Standing, guard};
use crate::plan::{Action, CopyOut, Lock, LockMode};
use crate::policy::Archive;
use crate::sql::QualifiedName;

/// A detached table to be archived.
#[derive(Debug, Clone, PartialEq)]
pub struct ArchiveTable {
    /// What it was a partition of.
    pub parent: QualifiedName,
    /// The table.
    pub table: QualifiedName,
    /// Its oid.
    pub oid: u32,
    /// What it held.
    pub bound: Bound,
    /// The bound for a person.
    pub range: String,
    /// Where to, and how.
    pub archive: Archive,
    /// Estimated bytes, with indexes and TOAST.
    pub bytes: u64,
    /// Estimated rows.
    pub rows: Option<u64>,
    /// How long it takes, by what earlier ones took.
    pub estimate: Option<Duration>,
}

impl ArchiveTable {
    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        vec![Action::CopyOut(CopyOut {
            guard: guard(self.oid, &self.table, &Standing::Detached),
            locks: vec![Lock::with_partitions(&self.table, LockMode::Share)],
            table: self.table.clone(),
            to: self.archive.to.clone(),
        })]
    }

    pub(in crate::plan) fn reason(&self) -> String {
        let format = match self.archive.layout.format {
            crate::rows::Format::Parquet => "Parquet",
            crate::rows::Format::Csv => "CSV",
            crate::rows::Format::Binary => "COPY BINARY",
        };
        let about = self.estimate.map(|estimate| format!(" · about {}", in_words(estimate))).unwrap_or_default();
        format!("{}, {format}{about}", self.archive.to)
    }
}

/// Rounded up: nobody is sorry for what ends early.
fn in_words(estimate: Duration) -> String {
    match estimate.as_secs() {
        seconds @ 0..60 => format!("{} s", seconds.max(1)),
        seconds @ 60..7200 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    }
}
