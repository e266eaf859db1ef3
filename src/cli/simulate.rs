//! `partctl simulate`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::plan::{At, moment};
use super::terminal::Terminal;
use super::{Ended, Global, context, values};
use crate::diff::{self, FARTHEST, simulate};
use crate::failure::{Failure, FailureKind};
use crate::render::{simulation_json, simulation_markdown, simulation_table};
use crate::run::{Moment, make_offline_plan, make_plan};

/// What the months to come bring, week by week: partitions made and retired, their number and size, when the disk is full
///
/// The planner is asked for every day of the time ahead (every week, beyond 400 days), on a catalog that moves on as if
/// `apply` had run. Tables with a time axis grow as their last three complete partitions did.
#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// How far to look: `2027-06-01`, `2027-06-01T12:00:00Z` or `+6 months`; ten years at most
    #[arg(long, value_name = "TIME", value_parser = moment, default_value = "+1 year")]
    until: At,
    /// Bytes that the tables may take, such as `2 TB`: says when they will
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    disk: Option<u64>,
    /// Begin with a file that `partctl snapshot` wrote, without a database
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
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

impl Simulate {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let policies = context::policies(global, terminal)?;
        let (catalog, plan) = match &self.catalog {
            Some(path) => make_offline_plan(&diff::plan, &context::dump(path)?, &policies, Moment::Now)?,
            None => make_plan(&context::session(global, terminal).await?, &policies, Moment::Now).await?,
        };
        let now = catalog.server.now;
        let until = match self.until {
            At::Moment(until) => Some(until),
            At::After(interval) => interval.after(now),
        };
        let until = until.filter(|until| now <= *until && *until - now <= FARTHEST).ok_or_else(|| {
            Failure::new(FailureKind::Usage, "`--until` does not lie within the next ten years")
                .hint(format!("the catalog is of {}", now.date_naive()))
        })?;
        let simulation = simulate(&policies, &catalog, until, self.disk);
        let out = &mut terminal.out;
        match self.output {
            Format::Table => simulation_table(&simulation, terminal.screen, out)?,
            Format::Json => simulation_json(&simulation, out)?,
            Format::Markdown => simulation_markdown(&simulation, out)?,
        }
        // What is wrong today is told by `plan`; a policy that does not fit its table simulates nothing, though.
        Ok(plan.failure().filter(|failure| *failure == FailureKind::Policy))
    }
}
