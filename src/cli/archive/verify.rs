//! `partctl archive verify`

use anyhow::{Context, Result};
use clap::Args;

use super::super::{Ended, Global};
use super::choose::Chosen;
use super::{Format, choose, tell};
use crate::archive::{Damage, Destination, read_manifest, verify};
use crate::cli::progress::remark;
use crate::cli::terminal::Terminal;
use crate::failure::FailureKind;
use crate::manifest::{ArchiveState, ListedArchive, MANIFEST};
use crate::run::Stop;

/// Read archives back, every byte, and compare them with what was archived
///
/// Ends with exit 3 when one is not what was archived: the object is named. Nothing is changed anywhere.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Archives by number, partition, or URL; all when none is given
    #[arg(value_name = "ARCHIVE")]
    archives: Vec<String>,
    /// So many of them, chosen by chance: a drill
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    sample: Option<u32>,
    /// Ask this destination rather than the ledger
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

impl Verify {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let mut stop = Stop::listen().context("listening for signals")?;
        let mut chosen = self.chosen(global, terminal).await?;
        let mut told = Vec::new();
        let (mut stopped, several) = (None, chosen.len());
        for one in &mut chosen {
            let state = tokio::select! {
                state = look_at(one) => state?,
                signal = stop.requested() => {
                    stopped = Some(signal.failure());
                    break;
                }
            };
            if !global.quiet && 1 < several {
                remark(&format!("{} {}", one.told.url, state.as_str()), global.log_format, &mut terminal.err);
            }
            told.push(ListedArchive { state, ..one.told.clone() });
        }
        tell(&told, self.output, terminal)?;
        Ok(stopped.or(told.iter().any(|archive| archive.state.is_bad()).then_some(FailureKind::Findings)))
    }

    async fn chosen(&self, global: &Global, terminal: &mut Terminal) -> Result<Vec<Chosen>> {
        let from = self.from.as_deref();
        let mut chosen = Vec::new();
        let named: Vec<&String> = self.archives.iter().filter(|name| choose::by_url(name).is_none()).collect();
        if self.archives.is_empty() || !named.is_empty() {
            let mut all = choose::all(from, global, terminal).await?;
            for name in named {
                chosen.push(choose::one(name, &all)?);
            }
            if self.archives.is_empty() {
                all.retain(|one| !matches!(one.told.state, ArchiveState::Deleted { .. }));
                chosen = all;
            }
        }
        chosen.extend(self.archives.iter().filter_map(|name| choose::by_url(name)));
        if let Some(sample) = self.sample {
            fastrand::shuffle(&mut chosen);
            chosen.truncate(sample as usize);
            chosen.sort_by(|a, b| a.told.url.cmp(&b.told.url));
        }
        Ok(chosen)
    }
}

/// Reads one back. What its manifest tells is told from then on.
///
/// # Errors
/// When its destination cannot be opened at all.
async fn look_at(one: &mut Chosen) -> Result<ArchiveState> {
    let destination = Destination::existing(&one.destination)?;
    let looked = async {
        let manifest = read_manifest(&destination, &one.path).await?;
        if let Some(entry) = &one.entry
            && (entry.rows, &entry.fingerprint) != (manifest.rows, &manifest.fingerprint)
        {
            let object = destination.url_of(&format!("{}/{MANIFEST}", one.path));
            let problem =
                "it is whole, and not the one that the ledger knows: another archive's, or made anew".to_owned();
            return Err(anyhow::Error::from(Damage { object, problem }));
        }
        verify(&destination, &one.path, &manifest).await?;
        Ok(manifest)
    };
    Ok(match looked.await {
        Ok(manifest) => {
            let told = ListedArchive::told(&manifest, one.told.url.clone());
            one.told = ListedArchive { id: one.told.id, range: manifest.table.bound.range.clone(), ..told };
            ArchiveState::Sound
        }
        Err(error) => match Damage::of(&error) {
            Some(damage) => ArchiveState::Damaged { object: damage.object.clone(), problem: damage.problem.clone() },
            None => ArchiveState::Unread(format!("{error:#}")),
        },
    })
}
