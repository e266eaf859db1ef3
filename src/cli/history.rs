//! `partctl history`

use clap::{Args, ValueEnum};

use super::terminal::Terminal;
use super::{Ended, Global, context};
use crate::db::read_history::{Wanted, read_runs, read_steps, tables};
use crate::failure::{Failure, FailureKind};
use crate::plan;
use crate::render::{history_json, history_markdown, history_table, run_json, run_markdown, run_table};
use crate::run::RUN_LOCK;

/// Past runs from the ledger, newest first; with a run's number, its steps, their SQL, and what stopped them
#[derive(Debug, Args)]
pub(super) struct History {
    /// The run to tell in full
    #[arg(value_name = "RUN", value_parser = clap::value_parser!(i64).range(1..))]
    run: Option<i64>,
    /// How many runs to list
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
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

impl History {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let only = context::only(&global.only)?;
        let session = context::session(global, terminal).await?;
        let client = session.client();
        let (history, chosen) = match tables(client).await? {
            None => (plan::History::NoLedger, None),
            Some(tables) => {
                let matches = |table: &String| only.iter().any(|pattern| pattern.matches(table));
                let chosen: Option<Vec<String>> =
                    (!only.is_empty()).then(|| tables.into_iter().filter(matches).collect());
                let limit = self.run.is_none().then_some(self.limit);
                let wanted = Wanted { limit, run: self.run, tables: chosen.as_deref() };
                (read_runs(client, &wanted, RUN_LOCK).await?, chosen)
            }
        };
        if let (Some(run), plan::History::NoLedger) = (self.run, &history) {
            let message = format!("there is no run {run}: nothing was ever applied to this database with a ledger");
            return Err(Failure::new(FailureKind::Usage, message).into());
        }
        let out = &mut terminal.out;
        let (Some(run), plan::History::Runs(runs)) = (self.run, &history) else {
            match self.output {
                Format::Table => history_table(&history, terminal.screen, out)?,
                Format::Json => history_json(&history, out)?,
                Format::Markdown => history_markdown(&history, out)?,
            }
            return Ok(None);
        };
        let Some(run) = runs.first() else {
            let beyond = if only.is_empty() { "" } else { " with a step of such a table" };
            return Err(Failure::new(FailureKind::Usage, format!("there is no run {run}{beyond} in the ledger"))
                .hint("`partctl history` lists the runs")
                .into());
        };
        let steps = read_steps(client, run.id, chosen.as_deref()).await?;
        match self.output {
            Format::Table => run_table(run, &steps, terminal.screen, out)?,
            Format::Json => run_json(run, &steps, out)?,
            Format::Markdown => run_markdown(run, &steps, out)?,
        }
        Ok(None)
    }
}
