//! Archives as they are told: one line each, by the ledger or by their own manifests.

use chrono::{DateTime, Utc};

use super::Manifest;

/// An archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedArchive {
    /// Its number in the ledger; `None`: nobody asked the ledger.
    pub id: Option<i64>,
    /// The table that its own was a partition of.
    pub parent: String,
    /// Its table, with its schema where that is known.
    pub partition: String,
    /// What that held, for a person; empty: not known.
    pub range: String,
    /// When it was made, by the server's clock; `None`: not known.
    pub archived_at: Option<DateTime<Utc>>,
    /// Its rows; `None`: not known.
    pub rows: Option<u64>,
    /// Bytes of its data files; `None`: not known.
    pub bytes: Option<u64>,
    /// The whole URL of its folder.
    pub url: String,
    /// What is known of it.
    pub state: ArchiveState,
}

/// What is known of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveState {
    /// It is there, as far as anybody knows who has not read it.
    Kept,
    /// Everything was read back just now, and is what was archived.
    Sound,
    /// It is not what was archived.
    Damaged {
        /// The object, by its whole URL.
        object: String,
        /// What is wrong with it, as a fragment.
        problem: String,
    },
    /// It could not be read.
    Unread(String),
    /// It was deleted.
    Deleted {
        /// When.
        at: DateTime<Utc>,
        /// By which role.
        by: String,
        /// Why, as they said.
        why: String,
        /// Whether all of its objects are gone.
        gone: bool,
    },
}

impl ArchiveState {
    /// A word for machines.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Sound => "verified",
            Self::Damaged { .. } => "damaged",
            Self::Unread(_) => "unread",
            Self::Deleted { gone: true, .. } => "deleted",
            Self::Deleted { gone: false, .. } => "being_deleted",
        }
    }

    /// Whether somebody should look at it.
    pub fn is_bad(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Unread(_))
    }
}

impl ListedArchive {
    /// As its manifest tells.
    pub fn told(manifest: &Manifest, url: String) -> Self {
        Self {
            id: None,
            parent: manifest.table.parent.to_string(),
            partition: manifest.table.name.to_string(),
            range: manifest.table.bound.range.clone(),
            archived_at: Some(manifest.author.at),
            rows: Some(manifest.rows),
            bytes: Some(manifest.bytes),
            url,
            state: ArchiveState::Kept,
        }
    }

    /// One whose manifest tells nothing that could be believed: what its place tells.
    pub fn at(path: &str, url: String, state: ArchiveState) -> Self {
        let mut parts = path.split('/');
        let mut next = || parts.next().unwrap_or_default().to_owned();
        let (parent, partition, at) = (next(), next(), next());
        let archived_at = chrono::NaiveDateTime::parse_from_str(&at, "%Y%m%dT%H%M%S%.6fZ").ok();
        let archived_at = archived_at.map(|at| at.and_utc());
        Self { id: None, parent, partition, range: String::new(), archived_at, rows: None, bytes: None, url, state }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_tells_what_a_broken_manifest_does_not() {
        let path = "shop.orders/orders_1/20261118T110640.000000Z";
        let listed = ListedArchive::at(path, format!("s3://b/{path}"), ArchiveState::Kept);
        assert_eq!((listed.parent.as_str(), listed.partition.as_str()), ("shop.orders", "orders_1"));
        assert_eq!(listed.archived_at, DateTime::from_timestamp(1_795_000_000, 0));
        assert_eq!(ListedArchive::at("x", String::new(), ArchiveState::Kept).archived_at, None);
    }
}
