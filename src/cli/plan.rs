//! `partctl plan`

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, ValueEnum};

use super::save_file::save_file;
use super::terminal::Terminal;
use super::{Ended, Global, context, values};
use crate::catalog::CatalogSnapshot;
use crate::diff;
use crate::failure::FailureKind;
use crate::plan::{self, SavedPlan};
use crate::policy::Policy;
use crate::render::{Occasion, PlanReport, plan_json, plan_markdown, plan_sql, plan_table};
use crate::run::{Moment, make_offline_plan, make_plan_by};
use crate::schedule::Interval;

/// Show what would be done, why, and under which locks; changes nothing
#[derive(Debug, Args)]
pub(super) struct Plan {
    /// Keep the plan for review; `partctl apply FILE` carries out exactly this plan, or refuses
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Exit 2 when anything is pending
    #[arg(long)]
    check: bool,
    /// Plan as if it were that time: `2027-06-01`, `2027-06-01T12:00:00Z` or `+6 months`
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<At>,
    /// Plan from a file that `partctl snapshot` wrote, without a database; its clock is that of the snapshot
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Let up to this many partitions of a table leave at once, whatever `per_run` says: the number that PT110 names
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    confirm_retention: usize,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// A script that psql runs unchanged
    Sql,
    /// For machines
    Json,
    /// For pull requests
    Markdown,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum At {
    Moment(DateTime<Utc>),
    After(Interval),
}

pub(super) fn moment(text: &str) -> Result<At, String> {
    if let Some(interval) = text.strip_prefix('+') {
        return values::interval(interval.trim()).map(At::After);
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(At::Moment(date.and_time(chrono::NaiveTime::MIN).and_utc()));
    }
    DateTime::parse_from_rfc3339(text)
        .map(|moment| At::Moment(moment.to_utc()))
        .map_err(|_| "not a time: write `2027-06-01`, `2027-06-01T12:00:00Z` or `+6 months`".to_owned())
}

impl Plan {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let policies = context::policies(global, terminal)?;
        let (at, moment) = match self.at {
            None => (Moment::Now, plan::Moment::Server),
            Some(At::Moment(at)) => (Moment::At(at), plan::Moment::Simulated),
            Some(At::After(interval)) => (Moment::After(interval), plan::Moment::Simulated),
        };
        let confirmed = self.confirm_retention;
        let severities = global.severities();
        let planner = |policies: &[Policy], facts: &CatalogSnapshot| {
            diff::plan_confirmed(confirmed, policies, facts).weighed(&severities)
        };
        let (_, plan) = match &self.catalog {
            Some(path) => make_offline_plan(&planner, &context::dump(path)?, &policies, at)?,
            None => make_plan_by(&planner, &context::session(global, terminal).await?, &policies, at).await?,
        };
        if let Some(path) = &self.save {
            save_file(path, SavedPlan::from_plan(&plan, moment).to_json().as_bytes())?;
            if !global.quiet {
                writeln!(terminal.err, "saved to {}", path.display())?;
            }
        }
        let report = PlanReport { plan: &plan, moment, occasion: Occasion::Plan };
        let out = &mut terminal.out;
        match self.output {
            Format::Table => plan_table(&report, terminal.screen, out)?,
            Format::Sql => plan_sql(&report, out)?,
            Format::Json => plan_json(&report, out)?,
            Format::Markdown => plan_markdown(&report, out)?,
        }
        let pending = (self.check && !plan.is_empty()).then_some(FailureKind::Pending);
        Ok(global.judge(plan.failure(), plan.findings()).or(pending))
    }
}
