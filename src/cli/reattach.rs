//! `partctl reattach`

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;

use super::carry_out::{Ready, Run, carry_out, invocation};
use super::confirm::{Answer, confirm};
use super::progress::remark;
use super::terminal::Terminal;
use super::watch::Watch;
use super::{Ended, Global, context};
use crate::catalog::CatalogSnapshot;
use crate::db::connect::Session;
use crate::db::conninfo::ConnSpec;
use crate::db::read_catalog::read_catalog;
use crate::diff;
use crate::diff::refuse_onlookers;
use crate::failure::{Failure, FailureKind};
use crate::plan;
use crate::policy::Policy;
use crate::render::{Occasion, PlanReport, plan_table};
use crate::run::{Moment, Stop, lock_database, make_plan_by};

/// Put a detached table back in its place, as long as it has not been dropped
///
/// Its rows are checked beforehand, beside readers and writers, so that attaching scans nothing under a lock. Hold the
/// partition in its policy as well: otherwise the next run retires it again.
#[derive(Debug, Args)]
pub(super) struct Reattach {
    /// The table, with its schema or without; `partctl status` lists those that wait
    #[arg(value_name = "TABLE")]
    table: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Reattach {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let mut watch = Watch::alone("reattach");
        let policies = context::policies(global, terminal)?;
        let spec = context::target(global, terminal)?;
        let mut stop = Stop::listen().context("listening for signals")?;
        let ready = tokio::select! {
            ready = self.get_ready(&spec, &policies, terminal) => ready?,
            signal = stop.requested() => {
                remark("Stopped. Nothing was changed.", global.log_format, &mut terminal.err);
                return Ok(Some(signal.failure()));
            }
        };
        let Some((oid, ready)) = ready else {
            remark("Nothing was changed.", global.log_format, &mut terminal.err);
            return Ok(Some(FailureKind::Refused));
        };
        let planner = attaching(oid);
        let run = Run {
            spec: &spec,
            policies: &policies,
            planner: &planner,
            jobs: 1,
            deadline: None,
            invocation: invocation(),
            stop,
        };
        carry_out(run, ready, global, terminal, &mut watch).await
    }

    /// All that comes before the first change; `None` when the person said no.
    async fn get_ready(
        &self,
        spec: &ConnSpec,
        policies: &[Policy],
        terminal: &mut Terminal,
    ) -> Result<Option<(u32, Ready)>> {
        let session = context::writable_session(spec).await?;
        lock_database(session.client()).await?;
        let facts = read_catalog(&session, policies).await?;
        let oid = diff::detached_table(&self.table, policies, &facts)?.oid;
        let (snapshot, mut plan) = make_plan_by(&attaching(oid), &session, policies, Moment::Now).await?;
        refuse_onlookers(&snapshot, &mut plan);
        let report = PlanReport { plan: &plan, moment: plan::Moment::Server, occasion: Occasion::Apply };
        if terminal.person && !self.yes && !plan.is_empty() {
            plan_table(&report, terminal.err_screen, &mut terminal.err)?;
            if confirm(&mut terminal.err, "Carry this out?").await? == Answer::No {
                return Ok(None);
            }
        }
        Ok(Some((oid, Ready { session, snapshot, plan, withheld: Vec::new(), put_off: Vec::new() })))
    }
}

/// How long a run that goes on is waited for: attaching is not worth failing for.
const PATIENCE: Duration = Duration::from_secs(600);

/// Attaches a table that was made from an archive, by a run of its own.
pub(super) async fn attach_restored(
    oid: u32,
    session: Session,
    policies: &[Policy],
    mut stop: Stop,
    global: &Global,
    terminal: &mut Terminal,
    watch: &mut Watch,
) -> Ended {
    let spec = context::target(global, terminal)?;
    let began = Instant::now();
    while let Err(error) = lock_database(session.client()).await {
        let busy = error.downcast_ref::<Failure>().is_some_and(|failure| failure.kind == FailureKind::Busy);
        if !busy || PATIENCE <= began.elapsed() {
            return Err(error);
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            signal = stop.requested() => return Ok(Some(signal.failure())),
        }
    }
    let planner = attaching(oid);
    let (snapshot, mut plan) = make_plan_by(&planner, &session, policies, Moment::Now).await?;
    refuse_onlookers(&snapshot, &mut plan);
    let ready = Ready { session, snapshot, plan, withheld: Vec::new(), put_off: Vec::new() };
    let run = Run { spec: &spec, policies, planner: &planner, jobs: 1, deadline: None, invocation: invocation(), stop };
    carry_out(run, ready, global, terminal, watch).await
}

fn attaching(oid: u32) -> impl Fn(&[Policy], &CatalogSnapshot) -> plan::Plan + Sync {
    move |policies, snapshot| diff::reattach(oid, policies, snapshot)
}
