//! `partctl check`

use clap::{Args, ValueEnum};

use super::terminal::Terminal;
use super::{Ended, Global, context};
use crate::diff::coverage;
use crate::pruning;
use crate::render::{CheckReport, check_human, check_json};
use crate::run::{Moment, make_plan, prove_pruning};
use crate::schedule::Interval;

/// Look for trouble: coverage that is missing or runs out, rows in DEFAULT, queries that do not prune
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Fail when the coverage of a table lasts less than this, such as `7 days`
    #[arg(long, value_name = "TIME")]
    min_runway: Option<Interval>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "human")]
    output: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For machines
    Json,
}

impl Check {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let policies = context::policies(global, terminal)?;
        let session = context::session(global, terminal).await?;
        let (snapshot, plan) = make_plan(&session, &policies, Moment::Now).await?;
        let results = prove_pruning(session.client(), &policies, &snapshot).await?;
        let mut findings = coverage(&plan, self.min_runway);
        findings.extend(pruning::findings(&results));
        let report = CheckReport { plan: &plan, findings: &findings, pruning: &results };
        match self.output {
            Format::Human => check_human(&report, terminal.screen, &mut terminal.out)?,
            Format::Json => check_json(&report, &mut terminal.out)?,
        }
        Ok(global.judge(report.failure(), findings.iter()))
    }
}
