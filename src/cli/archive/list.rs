//! `partctl archive list`

use clap::Args;

use super::super::{Ended, Global};
use super::{Format, choose, tell};
use crate::cli::terminal::Terminal;
use crate::failure::FailureKind;
use crate::manifest::ArchiveState;

/// What is archived, by the ledger, or by the archives themselves when the database is gone
#[derive(Debug, Args)]
pub(super) struct List {
    /// Ask this destination rather than the ledger, such as `s3://acme-archive/orders`
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// Tell of deleted archives too: when, by whom, why
    #[arg(long, conflicts_with = "from")]
    deleted: bool,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

impl List {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let chosen = choose::all(self.from.as_deref(), global, terminal).await?;
        let mut told: Vec<_> = chosen.into_iter().map(|chosen| chosen.told).collect();
        told.retain(|archive| self.deleted || !matches!(archive.state, ArchiveState::Deleted { gone: true, .. }));
        tell(&told, self.output, terminal)?;
        Ok(told.iter().any(|archive| archive.state.is_bad()).then_some(FailureKind::Findings))
    }
}
