//! `partctl status`

use clap::{Args, ValueEnum};

use super::terminal::Terminal;
use super::{Ended, Global, context, values};
use crate::db::read_history::last_steps;
use crate::diff::{Order, Selection, overview};
use crate::render::{status_json, status_markdown, status_table};
use crate::run::{Moment, make_plan};
use crate::schedule::Interval;

/// One line per table, and a timeline of its partitions
#[derive(Debug, Args)]
pub(super) struct Status {
    /// What stands first
    #[arg(long, value_name = "ORDER", default_value = "table")]
    sort: Sort,
    /// Only tables whose coverage lasts less than this, such as `30 days`
    #[arg(long, value_name = "TIME", value_parser = values::interval)]
    runway_below: Option<Interval>,
    /// Only tables that something is wrong with: errors, no partition for now, rows in DEFAULT that nobody asked for, a
    /// detach that was interrupted, a last step that failed
    #[arg(long)]
    trouble: bool,
    /// At most so many tables
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Sort {
    /// By name
    Table,
    /// The largest first
    Size,
    /// The most rows first
    Rows,
    /// The most partitions first
    Partitions,
    /// The shortest runway first
    Runway,
    /// The most rows in DEFAULT first
    Default,
    /// What was worked on last first
    LastApply,
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
        let mut overview = overview(&policies, &snapshot, &plan);
        overview.note_last_applies(last_steps(session.client()).await?);
        let overview = overview.select(&self.selection());
        let out = &mut terminal.out;
        match self.output {
            Format::Table => status_table(&overview, terminal.screen, out)?,
            Format::Json => status_json(&overview, out)?,
            Format::Markdown => status_markdown(&overview, out)?,
        }
        Ok(None)
    }

    fn selection(&self) -> Selection {
        Selection {
            order: match self.sort {
                Sort::Table => Order::Name,
                Sort::Size => Order::Size,
                Sort::Rows => Order::Rows,
                Sort::Partitions => Order::Partitions,
                Sort::Runway => Order::Runway,
                Sort::Default => Order::DefaultRows,
                Sort::LastApply => Order::LastApply,
            },
            runway_below: self.runway_below,
            trouble_only: self.trouble,
            limit: self.limit.map(|limit| limit as usize),
        }
    }
}
