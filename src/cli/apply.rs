//! `partctl apply`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;

use super::confirm::{Answer, confirm};
use super::progress::{Verbosity, listener};
use super::terminal::Terminal;
use super::{Ended, Global, context};
use crate::failure::{Failure, FailureKind};
use crate::plan::{self, Plan, SavedPlan, Withheld};
use crate::render::{ApplyReport, Occasion, PlanReport, apply_report, plan_table};
use crate::run::{Applying, Moment, Stop, apply, lock_database, make_plan};
use crate::schedule::parse_elapsed;

/// Carry the plan out: create what is missing, retire what is over, prove that queries still prune
///
/// Detaching and dropping need the answer at the prompt, `--allow-destroy`, or `unattended: true` in the policy's
/// `retain`; otherwise they are withheld, and the run ends with exit 7 after everything else is done.
#[derive(Debug, Args)]
pub(super) struct Apply {
    /// A plan that `plan --save` wrote; refused when the database or the policies have moved since
    #[arg(value_name = "PLAN")]
    plan: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Let this run detach and drop what the policies say is over
    #[arg(long)]
    allow_destroy: bool,
    /// Leave retirement to another run
    #[arg(long, conflicts_with = "allow_destroy")]
    only_create: bool,
    /// Stop trying for locks after this time, such as `20 minutes`
    #[arg(long, value_name = "TIME", value_parser = |text: &str| parse_elapsed(text).map_err(|error| error.to_string()))]
    deadline: Option<Duration>,
    /// Tables worked on at the same time, each over a connection of its own
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    jobs: u8,
}

impl Apply {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let started = Instant::now();
        let policies = context::policies(global, terminal)?;
        let saved = self.saved_plan()?;
        let spec = context::target(global, terminal)?;
        let mut stop = Stop::listen().context("listening for signals")?;
        let session = context::writable_session(&spec).await?;
        lock_database(session.client()).await?;
        let (snapshot, mut plan) = make_plan(session.client(), &policies, Moment::Now).await?;
        if let Some(saved) = &saved {
            refuse_stale(saved, &plan)?;
        }
        let put_off = if self.only_create { plan.withhold(|_| false) } else { Vec::new() };
        let withheld = match self.consent(&mut plan, &mut stop, terminal).await? {
            Consent::Given(withheld) => withheld,
            Consent::Refused(kind) => {
                writeln!(terminal.err, "Nothing was changed.")?;
                return Ok(Some(kind));
            }
        };
        let verbosity = if global.quiet { Verbosity::Quiet } else { Verbosity::Steps };
        let applying = Applying {
            spec: &spec,
            policies: &policies,
            jobs: usize::from(self.jobs),
            listener: listener(global.log_format, verbosity),
            stop,
            deadline: self.deadline.map(|deadline| started + deadline),
        };
        let applied = apply(applying, session, &snapshot, &plan).await?;
        let report = ApplyReport {
            plan: &plan,
            withheld: &withheld,
            put_off: &put_off,
            outcome: &applied.outcome,
            remaining: applied.remaining.as_ref(),
            pruning: &applied.pruning,
            took: started.elapsed(),
        };
        let failure = global.judge(report.failure(), report.findings().iter());
        if !global.quiet || failure.is_some() {
            apply_report(&report, terminal.screen, &mut terminal.out)?;
        }
        Ok(failure)
    }

    fn saved_plan(&self) -> Result<Option<SavedPlan>> {
        let Some(path) = &self.plan else { return Ok(None) };
        let text = std::fs::read_to_string(path)
            .with_context(|| Failure::new(FailureKind::Refused, format!("cannot read the plan {}", path.display())))?;
        let refused = |error| Failure::new(FailureKind::Refused, format!("{}: {error}", path.display()));
        SavedPlan::from_json(&text).map(Some).map_err(|error| refused(error).into())
    }

    async fn consent(&self, plan: &mut Plan, stop: &mut Stop, terminal: &mut Terminal) -> Result<Consent> {
        if !terminal.person || self.yes || plan.is_empty() {
            return Ok(Consent::Given(plan.withhold(|table| self.allow_destroy || table.unattended)));
        }
        let report = PlanReport { plan, withheld: &[], moment: plan::Moment::Server, occasion: Occasion::Apply };
        plan_table(&report, terminal.err_screen, &mut terminal.err)?;
        Ok(match confirm(&mut terminal.err, "Carry this out?", stop).await? {
            Answer::Yes => Consent::Given(Vec::new()),
            Answer::No => Consent::Refused(FailureKind::Refused),
            Answer::Stopped(signal) => Consent::Refused(signal.failure()),
        })
    }
}

/// Whether the plan may be carried out.
enum Consent {
    /// Without these steps, which nobody allowed.
    Given(Vec<Withheld>),
    /// Not at all.
    Refused(FailureKind),
}

fn refuse_stale(saved: &SavedPlan, fresh: &Plan) -> Result<()> {
    let differences = saved.differences(fresh);
    if differences.is_empty() {
        return Ok(());
    }
    let message = format!("the plan is stale, nothing was done:\n  - {}", differences.join("\n  - "));
    Err(Failure::new(FailureKind::Refused, message)
        .hint("make it again with `partctl plan --save` and review it")
        .into())
}
