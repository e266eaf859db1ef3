//! `partctl check`

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::explain_code::{Answered, Explaining, Written};
use super::terminal::Terminal;
use super::watch::{Shown, Telling, Watch};
use super::{Ended, Global, context, values};
use crate::diff::{coverage, fit, overview, thresholds};
use crate::failure::{Failure, FailureKind};
use crate::pruning::{self, Workload};
use crate::render::{
    CheckReport, Scope, Seen, check_github, check_human, check_json, check_junit, check_markdown, check_sarif,
};
use crate::run::{Moment, Stop, make_plan, make_rough_plan, prove_pruning, prove_workload};
use crate::schedule::Interval;

/// Look for trouble: coverage that is missing or runs out, rows in DEFAULT, queries that do not prune
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Fail when the coverage of a table lasts less than this, such as `7 days`
    #[arg(long, value_name = "TIME", value_parser = values::interval)]
    min_runway: Option<Interval>,
    /// Judge nothing but pruning: for a database that holds the structure and no rows, such as one restored from
    /// `pg_dump --schema-only`
    #[arg(long, conflicts_with_all = ["min_runway", "prometheus_textfile"])]
    pruning_only: bool,
    /// Also judge the N dearest statements on managed tables that pg_stat_statements has counted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    workload: Option<u16>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "human")]
    output: Format,
    #[command(flatten)]
    explaining: Explaining,
    #[command(flatten)]
    telling: Telling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For machines
    Json,
    /// For build servers: a case for each table and each query
    Junit,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// For pull requests
    Markdown,
    /// Annotations in the log of a GitHub workflow
    Github,
    /// Metrics in the text format of Prometheus
    Prometheus,
    /// A line for Nagios and its kin, and their exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN
    Nagios,
}

impl Check {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let written = match self.output {
            Format::Human => Written::ForPeople,
            Format::Json => Written::AsJson,
            _ => Written::NotAtAll,
        };
        if self.explaining.answer(written, terminal.screen, &mut terminal.out)? == Answered::Explained {
            return Ok(None);
        }
        let shown = match self.output {
            Format::Prometheus => Shown::Prometheus,
            Format::Nagios => Shown::Nagios,
            _ => Shown::Nothing,
        };
        if self.pruning_only && shown != Shown::Nothing {
            let message = "`--pruning-only` sees no rows and no coverage: there is nothing to measure";
            return Err(Failure::new(FailureKind::Usage, message).into());
        }
        let mut watch = self.telling.watch("check", shown)?;
        let mut stop = Stop::listen().context("listening for signals")?;
        let ended = tokio::select! {
            ended = self.check(global, terminal, &mut watch) => ended,
            // Nothing is changed here, so nothing is waited for: the session goes away with the process.
            signal = stop.requested() => Ok(Some(signal.failure())),
        };
        watch.end(ended, global, terminal).await
    }

    async fn check(&self, global: &Global, terminal: &mut Terminal, watch: &mut Watch) -> Ended {
        let spec = context::target(global, terminal)?;
        watch.connects_to(&spec);
        let policies = context::policies(global, terminal)?;
        let session = context::session_at(&spec).await?;
        let (scope, (snapshot, plan)) = if self.pruning_only {
            (Scope::Pruning, make_rough_plan(&session, &policies).await?)
        } else {
            (Scope::Everything, make_plan(&session, &policies, Moment::Now).await?)
        };
        let plan = plan.weighed(&global.severities());
        let results = prove_pruning(session.client(), &policies, &snapshot).await?;
        let workload = match self.workload {
            Some(wanted) => Some(prove_workload(session.client(), &snapshot, wanted.into()).await?),
            None => None,
        };
        let overview = overview(&policies, &snapshot, &plan);
        let mut findings = match scope {
            Scope::Everything => {
                let mut findings = coverage(&plan);
                thresholds(&overview, self.min_runway, &mut findings);
                findings
            }
            Scope::Pruning => fit(&plan),
        };
        findings.extend(pruning::findings(&results));
        findings.extend(workload.iter().flat_map(Workload::findings));
        plan.weigh(&mut findings);
        let report = CheckReport {
            plan: &plan,
            findings: &findings,
            pruning: &results,
            policies: &policies,
            scope,
            workload: workload.as_ref(),
        };
        let out = &mut terminal.out;
        match self.output {
            Format::Human => check_human(&report, terminal.screen, out)?,
            Format::Json => check_json(&report, out)?,
            Format::Junit => check_junit(&report, out)?,
            Format::Sarif => check_sarif(&report, out)?,
            Format::Markdown => check_markdown(&report, out)?,
            Format::Github => check_github(&report, out)?,
            Format::Prometheus | Format::Nagios => {}
        }
        let failure = global.judge(report.failure(), findings.iter());
        watch.report.seen = Some(Seen { overview, plan, findings, pruning: results });
        Ok(failure)
    }
}
