//! `partctl apply`

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::carry_out::{Ready, Run, carry_out, invocation};
use super::confirm::{Answer, confirm};
use super::progress::remark;
use super::terminal::Terminal;
use super::watch::{Shown, Telling, Watch};
use super::{Ended, Global, context, values};
use crate::catalog::CatalogSnapshot;
use crate::db::connect::connect;
use crate::db::conninfo::ConnSpec;
use crate::diff::{self, refuse_onlookers};
use crate::failure::{Failure, FailureKind};
use crate::plan::{self, Plan, SavedPlan, StepKind, TablePlan, Withheld, codes};
use crate::policy::Policy;
use crate::render::{Occasion, PlanReport, plain, plan_table};
use crate::run::{Invocation, Moment, Stop, lock_database, make_plan_by};

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
    /// Let up to this many partitions of a table leave at once, whatever `per_run` says: the number that PT110 names
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    confirm_retention: usize,
    /// Leave retirement to another run
    #[arg(long, conflicts_with = "allow_destroy")]
    only_create: bool,
    /// On a standby do nothing and exit 0, so that every node of a cluster can run the same timer
    #[arg(long)]
    standby_ok: bool,
    /// Stop trying for locks after this time, such as `20 minutes`
    #[arg(long, value_name = "TIME", value_parser = values::elapsed)]
    deadline: Option<Duration>,
    /// Tables worked on at the same time, each over a connection of its own
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    jobs: u8,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "human")]
    output: Format,
    #[command(flatten)]
    telling: Telling,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For machines: what `--notify` sends
    Json,
    /// Metrics in the text format of Prometheus
    Prometheus,
}

const MAKES_PLANS: &str = "`partctl plan --save FILE` makes one";

/// How a run begins.
enum Beginning {
    Ready(Box<Ready>),
    /// The person said no.
    Declined,
    /// This server is a standby, and that is fine.
    Standby(String),
}

impl Apply {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let shown = match self.output {
            Format::Human => Shown::Nothing,
            Format::Json => Shown::Json,
            Format::Prometheus => Shown::Prometheus,
        };
        let mut watch = self.telling.watch("apply", shown)?;
        let ended = self.apply(global, terminal, &mut watch).await;
        watch.end(ended, global, terminal).await
    }

    async fn apply(&self, global: &Global, terminal: &mut Terminal, watch: &mut Watch) -> Ended {
        let spec = context::target(global, terminal)?;
        watch.connects_to(&spec);
        let policies = context::policies(global, terminal)?;
        let saved = self.saved_plan()?;
        let mut stop = Stop::listen().context("listening for signals")?;
        let ready = tokio::select! {
            ready = self.get_ready(&spec, &policies, saved.as_ref(), global, terminal) => ready?,
            signal = stop.requested() => {
                if terminal.person {
                    // The prompt's line is still open.
                    writeln!(terminal.err)?;
                }
                remark("Stopped. Nothing was changed.", global.log_format, &mut terminal.err);
                return Ok(Some(signal.failure()));
            }
        };
        let ready = match ready {
            Beginning::Ready(ready) => ready,
            Beginning::Declined => {
                remark("Nothing was changed.", global.log_format, &mut terminal.err);
                watch.report.declined = true;
                return Ok(Some(FailureKind::Refused));
            }
            Beginning::Standby(server) => {
                if !global.quiet {
                    remark(&format!("{server} is a standby: nothing was done"), global.log_format, &mut terminal.err);
                }
                watch.report.standby = true;
                return Ok(None);
            }
        };
        let planner = self.planner(global);
        let run = Run {
            spec: &spec,
            policies: &policies,
            planner: &planner,
            jobs: usize::from(self.jobs),
            deadline: self.deadline.map(|deadline| watch.started() + deadline),
            invocation: self.invocation(),
            stop,
        };
        carry_out(run, *ready, global, terminal, watch).await
    }

    /// All that comes before the first change.
    async fn get_ready(
        &self,
        spec: &ConnSpec,
        policies: &[Policy],
        saved: Option<&SavedPlan>,
        global: &Global,
        terminal: &mut Terminal,
    ) -> Result<Beginning> {
        let session = connect(spec).await?;
        if self.standby_ok && session.in_recovery() {
            return Ok(Beginning::Standby(session.server().to_owned()));
        }
        let session = context::writable(session).await?;
        lock_database(session.client()).await?;
        let (snapshot, mut plan) = make_plan_by(&self.planner(global), &session, policies, Moment::Now).await?;
        if let Some(saved) = saved {
            refuse_stale(saved, &plan)?;
        }
        refuse_onlookers(&snapshot, &mut plan);
        let put_off = if self.only_create { plan.withhold(|_| false) } else { Vec::new() };
        let withheld = self.consent(&mut plan, terminal).await?;
        tell_dangers(&plan, terminal)?;
        Ok(match withheld {
            Some(withheld) => Beginning::Ready(Box::new(Ready { session, snapshot, plan, withheld, put_off })),
            None => Beginning::Declined,
        })
    }

    fn planner(&self, global: &Global) -> impl Fn(&[Policy], &CatalogSnapshot) -> Plan + use<> {
        let (confirmed, severities) = (self.confirm_retention, global.severities());
        move |policies, snapshot| diff::plan_confirmed(confirmed, policies, snapshot).weighed(&severities)
    }

    fn invocation(&self) -> Invocation {
        Invocation {
            only_create: self.only_create,
            allow_destroy: self.allow_destroy,
            deadline: self.deadline,
            ..invocation()
        }
    }

    fn saved_plan(&self) -> Result<Option<SavedPlan>> {
        let Some(path) = &self.plan else { return Ok(None) };
        let text = std::fs::read_to_string(path).with_context(|| {
            Failure::new(FailureKind::Refused, format!("cannot read the plan `{}`", path.display())).hint(MAKES_PLANS)
        })?;
        let refused =
            |error| Failure::new(FailureKind::Refused, format!("`{}`: {error}", path.display())).hint(MAKES_PLANS);
        SavedPlan::from_json(&text).map(Some).map_err(|error| refused(error).into())
    }

    /// What is left out of the plan; `None` when the person said no.
    async fn consent(&self, plan: &mut Plan, terminal: &mut Terminal) -> Result<Option<Vec<Withheld>>> {
        if !terminal.person || self.yes || plan.is_empty() {
            return Ok(Some(plan.withhold(|table| self.allow_destroy || table.unattended)));
        }
        let report = PlanReport { plan, moment: plan::Moment::Server, occasion: Occasion::Apply };
        plan_table(&report, terminal.err_screen, &mut terminal.err)?;
        let answer = confirm(&mut terminal.err, "Carry this out?").await?;
        Ok((answer == Answer::Yes).then(Vec::new))
    }
}

/// What the report, which tells what stands afterwards, would tell too late.
fn tell_dangers(plan: &Plan, terminal: &mut Terminal) -> Result<()> {
    let endangers = |table: &&TablePlan| table.steps.iter().any(|step| step.kind() == StepKind::Detach);
    for finding in plan.tables.iter().filter(endangers).flat_map(|table| &table.findings) {
        if finding.code == codes::BLIND {
            let hint = finding.hint.as_deref().unwrap_or_default();
            writeln!(
                terminal.err,
                "warning {}: {}\n  hint: {}",
                finding.code.id,
                plain(&finding.message),
                plain(hint)
            )?;
        }
    }
    Ok(())
}

fn refuse_stale(saved: &SavedPlan, fresh: &Plan) -> Result<()> {
    let differences: Vec<String> = saved.differences(fresh).iter().map(|difference| plain(difference)).collect();
    if differences.is_empty() {
        return Ok(());
    }
    let message = format!("the plan is stale, nothing was done:\n  - {}", differences.join("\n  - "));
    Err(Failure::new(FailureKind::Refused, message)
        .hint("make it again with `partctl plan --save` and review it")
        .into())
}
