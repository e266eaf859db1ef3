//! `partctl status`

use clap::{Args, ValueEnum};

use super::terminal::Terminal;
use super::{Ended, Global, context};
use crate::diff::overview;
use crate::render::{status_json, status_markdown, status_table};
use crate::run::{Moment, make_plan};

/// One line per table, and a timeline of its partitions
#[derive(Debug, Args)]
pub(super) struct Status {
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For machines
    Json,
    /// For pull requests
    Markdown,
}

impl Status {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let policies = context::policies(global, terminal)?;
        let session = context::session(global, terminal).await?;
        let (snapshot, plan) = make_plan(&session, &policies, Moment::Now).await?;
        let overview = overview(&policies, &snapshot, &plan);
        let out = &mut terminal.out;
        match self.output {
            Format::Table => status_table(&overview, terminal.screen, out)?,
            Format::Json => status_json(&overview, out)?,
            Format::Markdown => status_markdown(&overview, out)?,
        }
        Ok(None)
    }
}
