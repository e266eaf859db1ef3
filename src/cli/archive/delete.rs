//! `partctl archive delete`

use anyhow::{Context, Result};
use clap::Args;

use super::super::{Ended, Global, context};
use super::choose::{self, Chosen};
use crate::cli::confirm::{Answer, confirm};
use crate::cli::progress::remark;
use crate::cli::terminal::Terminal;
use crate::db::connect::Session;
use crate::db::read_catalog::read_catalog;
use crate::diff;
use crate::failure::{Failure, FailureKind};
use crate::manifest::ArchiveState;
use crate::render::plain;
use crate::run::{Deleting, delete_archive};

/// Delete an archive for good, and record who did it and why
///
/// What the policies hold is not deleted. The manifest goes first, so that no part of an archive is ever taken for one.
#[derive(Debug, Args)]
pub(super) struct Delete {
    /// The archive: its number, or its partition (then the newest one of it)
    #[arg(value_name = "ARCHIVE")]
    archive: String,
    /// Why, for whoever asks later
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// Do not ask; without a terminal nothing is deleted otherwise
    #[arg(long)]
    allow_destroy: bool,
}

fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("say why".to_owned()) } else { Ok(text.to_owned()) }
}

impl Delete {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let session = context::writable_session(&context::target(global, terminal)?).await?;
        let mut among = choose::in_ledger(global, &session).await?;
        // A deletion that was interrupted is gone on with.
        for one in &mut among {
            if matches!(one.told.state, ArchiveState::Deleted { gone: false, .. }) {
                one.told.state = ArchiveState::Kept;
            }
        }
        let chosen = choose::one(&self.archive, &among)?;
        refuse_held(&chosen, &session, global, terminal).await?;
        if !self.is_allowed(&chosen, terminal).await? {
            remark("Nothing was changed.", global.log_format, &mut terminal.err);
            return Ok(Some(FailureKind::Refused));
        }
        let id = chosen.told.id.context("an archive of the ledger has a number")?;
        let Chosen { destination, path, .. } = &chosen;
        delete_archive(session.client(), &Deleting { id, destination, path, reason: &self.reason }).await?;
        writeln!(
            terminal.out,
            "archive {id} of {} is deleted: {}",
            plain(&chosen.told.partition),
            plain(&self.reason)
        )?;
        Ok(None)
    }

    async fn is_allowed(&self, chosen: &Chosen, terminal: &mut Terminal) -> Result<bool> {
        if self.allow_destroy {
            return Ok(true);
        }
        if !terminal.person {
            return Err(Failure::new(FailureKind::Refused, "an archive is deleted for good, and nobody allowed it")
                .hint("give `--allow-destroy`")
                .into());
        }
        let rows = chosen.told.rows.unwrap_or_default();
        let question =
            format!("Delete {}, {rows} rows of {}, for good?", plain(&chosen.told.url), plain(&chosen.told.partition));
        Ok(confirm(&mut terminal.err, &question).await? == Answer::Yes)
    }
}

/// A hold of the policies keeps archives too.
async fn refuse_held(chosen: &Chosen, session: &Session, global: &Global, terminal: &mut Terminal) -> Result<()> {
    let policies = context::any_policies(global, terminal)?;
    let Some(entry) = &chosen.entry else { return Ok(()) };
    if policies.is_empty() {
        return Ok(());
    }
    let snapshot = read_catalog(session, &policies).await?;
    match diff::archive_is_held(&policies, &snapshot, &entry.parent, &entry.table, entry.bound.as_ref()) {
        true => Err(Failure::new(FailureKind::Refused, format!("{} is held, and its archive with it", entry.table))
            .hint("remove the entry from `hold` in its policy when the case is closed")
            .into()),
        false => Ok(()),
    }
}
