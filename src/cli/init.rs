//! `partctl init`

use clap::Args;

use super::terminal::Terminal;
use super::{Ended, Global, context};
use crate::run::install;

/// Install the ledger, or bring it up to date: schema `partctl`, which remembers runs and detached tables
#[derive(Debug, Args)]
pub(super) struct Init {}

impl Init {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let spec = context::target(global, terminal)?;
        let mut session = context::writable_session(&spec).await?;
        let message = match install(session.client_mut()).await? {
            0 => "the ledger is up to date: nothing to do".to_owned(),
            count => format!("the ledger is installed in schema partctl, migrations applied: {count}"),
        };
        writeln!(terminal.out, "{message}")?;
        Ok(None)
    }
}
