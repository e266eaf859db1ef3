//! Which archives are meant: by number, partition or place in the ledger, below a destination, or by a URL of their own.

use anyhow::Result;

use super::super::{Global, context};
use crate::archive::{Destination, Found, find};
use crate::cli::terminal::Terminal;
use crate::db::connect::Session;
use crate::db::read_archives::{LedgerArchive, read_archives};
use crate::failure::{Failure, FailureKind};
use crate::manifest::{ArchiveState, ListedArchive, MANIFEST};
use crate::sql::{Identifier, QualifiedName};

/// An archive that was chosen.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    /// What is told of it.
    pub told: ListedArchive,
    /// The URL of its destination.
    pub destination: String,
    /// Its folder below that.
    pub path: String,
    /// What the ledger knows of it; `None`: nobody asked.
    pub entry: Option<LedgerArchive>,
}

/// Every archive of the ledger, deleted ones too, oldest first; `--only` chooses by the table.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) async fn in_ledger(global: &Global, session: &Session) -> Result<Vec<Chosen>> {
    let only = context::only(&global.only)?;
    let entries = read_archives(session.client()).await?.unwrap_or_default().into_iter();
    let chosen =
        |entry: &LedgerArchive| only.is_empty() || only.iter().any(|pattern| pattern.matches(&entry.told.parent));
    let of = |entry: LedgerArchive| Chosen {
        told: entry.told.clone(),
        destination: entry.destination.clone(),
        path: entry.path.clone(),
        entry: Some(entry),
    };
    Ok(entries.filter(chosen).map(of).collect())
}

/// Every archive below a destination, as their manifests tell.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn below(global: &Global, url: &str) -> Result<Vec<Chosen>> {
    let only = context::only(&global.only)?;
    let destination = Destination::existing(url)?;
    let of = |Found { path, manifest }| {
        let place = destination.url_of(&path);
        let told = match manifest {
            Ok(manifest) => ListedArchive::told(&manifest, place),
            Err(damage) => {
                let state = ArchiveState::Damaged { object: damage.object, problem: damage.problem };
                ListedArchive::at(&path, place, state)
            }
        };
        Chosen { told, destination: url.to_owned(), path, entry: None }
    };
    let found = find(&destination).await?.into_iter().map(of);
    let chosen = |one: &Chosen| only.is_empty() || only.iter().any(|pattern| pattern.matches(&one.told.parent));
    Ok(found.filter(chosen).collect())
}

/// Those that there are: below a destination where one is given, else those of the ledger.
///
/// # Errors
/// When they cannot be read.
pub(super) async fn all(from: Option<&str>, global: &Global, terminal: &mut Terminal) -> Result<Vec<Chosen>> {
    match from {
        Some(url) => below(global, url).await,
        None => in_ledger(global, &context::session(global, terminal).await?).await,
    }
}

/// The one that is meant, among these or by its own URL; of several archives of one partition the newest.
///
/// # Errors
/// [`FailureKind::Usage`] when there is none, or it is not clear which.
pub(super) fn one(meant: &str, among: &[Chosen]) -> Result<Chosen> {
    let refused = |message: String| Failure::new(FailureKind::Usage, message);
    let named = |one: &&Chosen| {
        let table = QualifiedName::parse(&one.told.partition).map(|table| table.name);
        let own_name = table.as_ref().map_or(one.told.partition.as_str(), Identifier::as_str);
        let place = meant.trim_matches('/');
        one.told.id.is_some_and(|id| id.to_string() == meant)
            || one.told.partition == meant
            || own_name == meant
            || table.as_ref().is_ok_and(|table| table.to_string() == meant)
            || one.path == place
            || one.told.url == meant.trim_end_matches('/')
    };
    let kept = |one: &&Chosen| !matches!(one.told.state, ArchiveState::Deleted { .. });
    let found: Vec<&Chosen> = among.iter().filter(kept).filter(named).collect();
    let Some(newest) = found.iter().max_by_key(|one| (one.told.archived_at, one.told.id)) else {
        let deleted = among.iter().filter(named).find_map(|one| match &one.told.state {
            ArchiveState::Deleted { at, by, why, .. } => {
                Some(format!("deleted {} by {by}: {why}", at.format("%Y-%m-%d")))
            }
            _ => None,
        });
        let message = match deleted {
            Some(deleted) => format!("the archive `{meant}` was {deleted}"),
            None => format!("there is no archive `{meant}`"),
        };
        return Err(refused(message).hint("`partctl archive list` tells those that there are").into());
    };
    if let Some(other) = found.iter().find(|one| one.told.partition != newest.told.partition) {
        let message = format!("`{meant}` may be {} or {}", newest.told.partition, other.told.partition);
        return Err(refused(message).hint("name its schema too, or its number").into());
    }
    Ok((*newest).clone())
}

/// An archive by a URL of its own: its folder's, or its manifest's. `None`: it is no URL.
pub(super) fn by_url(meant: &str) -> Option<Chosen> {
    let (scheme, place) = meant.split_once("://")?;
    let place = place.trim_end_matches('/');
    let place = place.strip_suffix(&format!("/{MANIFEST}")).unwrap_or(place);
    let mut cut = place.rmatch_indices('/').map(|(at, _)| at);
    // `table/partition/moment` stands below the destination.
    let at = cut.nth(2)?;
    let (destination, path) = (format!("{scheme}://{}", &place[..at]), place[at + 1..].to_owned());
    let told = ListedArchive::at(&path, format!("{destination}/{path}"), ArchiveState::Kept);
    Some(Chosen { told, destination, path, entry: None })
}

/// The one that is meant, wherever it is told of.
///
/// # Errors
/// As [`one`], and when neither store nor ledger can be read.
pub(super) async fn meant(meant: &str, from: Option<&str>, global: &Global, terminal: &mut Terminal) -> Result<Chosen> {
    match by_url(meant) {
        Some(chosen) => Ok(chosen),
        None => one(meant, &all(from, global, terminal).await?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_destination_and_a_place_below_it() {
        let place = "shop.orders/orders_1/20261118T110640.000000Z";
        for end in ["", "/", "/manifest.json"] {
            let chosen = by_url(&format!("s3://bucket/cold/{place}{end}")).unwrap();
            assert_eq!((chosen.destination.as_str(), chosen.path.as_str()), ("s3://bucket/cold", place));
            let chosen = by_url(&format!("file:///var/archive/{place}{end}")).unwrap();
            assert_eq!((chosen.destination.as_str(), chosen.path.as_str()), ("file:///var/archive", place));
        }
        assert!(by_url("orders_1").is_none());
        assert!(by_url("s3://bucket/one").is_none());
    }
}
