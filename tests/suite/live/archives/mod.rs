//! Archives: out of a database, into a store, read back, and in again.

mod azurite;
mod clouds;
mod corruption;
mod deleting;
mod door;
mod put_back;
mod readers;
mod restoring;
mod retiring;
mod round_trip;
mod store;
mod trouble;

use partctl::archive::{Destination, Made, Making, NoDiary, make};
use partctl::db::read_definition::{Definition, read_definition};
use partctl::manifest::Bound;
use partctl::rows::{Compression, Format, Layout};
use partctl::sql::QualifiedName;
use tempfile::TempDir;

use super::harness::{Database, session};

/// Every format with every compression.
pub fn layouts() -> Vec<Layout> {
    let compressions = [Compression::default(), Compression::Gzip, Compression::None];
    let of = |format| compressions.map(|compression| Layout { format, compression });
    Format::ALL.into_iter().flat_map(of).collect()
}

/// A folder to archive to.
pub fn folder() -> (TempDir, Destination) {
    let folder = tempfile::tempdir().unwrap();
    let destination = Destination::open(&format!("file://{}", folder.path().display())).unwrap();
    (folder, destination)
}

/// What the table `s.t` is made of.
pub async fn definition(database: &Database) -> Definition {
    let oid = database.value("SELECT 's.t'::regclass::oid").await.parse().unwrap();
    let bound = Bound { text: "FOR VALUES FROM (1) TO (2)".to_owned(), range: "1 … 2".to_owned() };
    let parent = QualifiedName::new("s", "p");
    read_definition(database.session.client(), oid, &parent, bound).await.unwrap().unwrap()
}

/// Archives the table `s.t` to `here`, over so many sessions.
pub async fn archive(
    database: &Database,
    destination: &Destination,
    layout: Layout,
    split: Option<u64>,
    connections: usize,
) -> anyhow::Result<Made> {
    let definition = definition(database).await;
    let mut sessions = Vec::new();
    for _ in 0..connections {
        sessions.push(session(&database.url()).await);
    }
    let making = Making {
        destination,
        path: "here/a/b",
        definition: &definition,
        layout,
        split,
        client: None,
        policy: "0".to_owned(),
        diary: &NoDiary,
        progress: &|_| {},
    };
    make(&sessions, &making).await
}
