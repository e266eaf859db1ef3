//! `partctl report`

use std::path::PathBuf;

use clap::Args;

use super::save_file::save_file;
use super::terminal::Terminal;
use super::{Ended, Global, context};
use crate::diff::{coverage, overview, thresholds};
use crate::pruning;
use crate::render::{CheckReport, PageReport, Scope, report_html};
use crate::run::{Moment, make_plan, prove_pruning};

/// The whole picture as one page: tables along time, sizes, findings, pruning, the pending plan
#[derive(Debug, Args)]
pub(super) struct Report {
    /// The page to write, whole or not at all; it needs no other file and no network
    #[arg(long, value_name = "FILE")]
    html: PathBuf,
}

impl Report {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let policies = context::policies(global, terminal)?;
        let session = context::session(global, terminal).await?;
        let (catalog, plan) = make_plan(&session, &policies, Moment::Now).await?;
        let plan = plan.weighed(&global.severities());
        let results = prove_pruning(session.client(), &policies, &catalog).await?;
        let overview = overview(&policies, &catalog, &plan);
        let mut findings = coverage(&plan);
        thresholds(&overview, None, &mut findings);
        findings.extend(pruning::findings(&results));
        plan.weigh(&mut findings);
        let report = PageReport {
            overview: &overview,
            check: CheckReport {
                plan: &plan,
                findings: &findings,
                pruning: &results,
                policies: &policies,
                scope: Scope::Everything,
                workload: None,
            },
            catalog: &catalog,
        };
        let mut page = Vec::new();
        report_html(&report, &mut page)?;
        save_file(&self.html, &page)?;
        if !global.quiet {
            writeln!(terminal.err, "saved to {}", self.html.display())?;
        }
        Ok(None)
    }
}
