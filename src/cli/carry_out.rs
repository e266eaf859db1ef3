//! The second half of every command that changes something: the plan is carried out, and what became of it is told.

use std::time::{Duration, Instant};

use super::progress::{Verbosity, listener, remark};
use super::report::report as tell;
use super::terminal::Terminal;
use super::watch::Watch;
use super::{Ended, Global};
use crate::catalog::CatalogSnapshot;
use crate::db::connect::Session;
use crate::db::conninfo::ConnSpec;
use crate::diff::overview;
use crate::plan::{Plan, Withheld};
use crate::policy::Policy;
use crate::render::{ApplyReport, Seen, apply_report};
use crate::run::{Applying, Invocation, Planner, Stop, StopSignal, apply};

/// What a run begins with.
pub(super) struct Ready {
    /// Holds the run lock.
    pub(super) session: Session,
    /// What the plan was made from.
    pub(super) snapshot: CatalogSnapshot,
    /// What is carried out.
    pub(super) plan: Plan,
    /// What nobody allowed.
    pub(super) withheld: Vec<Withheld>,
    /// What this run was told to leave to another.
    pub(super) put_off: Vec<Withheld>,
}

/// How it is carried out.
pub(super) struct Run<'a> {
    /// Where further sessions connect to.
    pub(super) spec: &'a ConnSpec,
    /// What the plan was made from.
    pub(super) policies: &'a [Policy],
    /// What it was made by.
    pub(super) planner: Planner<'a>,
    /// Tables worked on at once.
    pub(super) jobs: usize,
    /// When trying for locks ends.
    pub(super) deadline: Option<Instant>,
    /// What the ledger tells of the run.
    pub(super) invocation: Invocation,
    /// Tells of signals.
    pub(super) stop: Stop,
}

/// Who runs partctl, and where.
pub(super) fn invocation() -> Invocation {
    let account = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    let host = nix::unistd::gethostname().ok();
    Invocation {
        os_user: account.map(|account| account.name),
        client_host: host.and_then(|host| host.into_string().ok()),
        ..Invocation::default()
    }
}

/// A signal that came, once the run has had the time to end by itself: a network may be silent, a table locked.
async fn unanswered(stop: &mut Stop) -> StopSignal {
    const GRACE: Duration = Duration::from_millis(800);
    let signal = stop.requested().await;
    tokio::time::sleep(GRACE).await;
    signal
}

/// Carries the plan out and reports.
pub(super) async fn carry_out(
    run: Run<'_>,
    ready: Ready,
    global: &Global,
    terminal: &mut Terminal,
    watch: &mut Watch,
) -> Ended {
    let Run { spec, policies, planner, jobs, deadline, invocation, stop } = run;
    let Ready { session, snapshot, plan, withheld, put_off } = ready;
    let verbosity = if global.quiet { Verbosity::Quiet } else { Verbosity::Steps };
    let listener = listener(global.log_format, verbosity);
    let applying = Applying { spec, policies, planner, jobs, listener, stop: stop.clone(), deadline, invocation };
    let mut stopping = stop.clone();
    let applied = tokio::select! {
        applied = apply(applying, session, &snapshot, &plan) => applied?,
        signal = unanswered(&mut stopping) => {
            let said = "Stopped, and the server has not answered: what was being done may be done or not; run again.";
            remark(said, global.log_format, &mut terminal.err);
            return Ok(Some(signal.failure()));
        }
    };
    let report = ApplyReport {
        plan: &plan,
        withheld: &withheld,
        put_off: &put_off,
        outcome: &applied.outcome,
        remaining: applied.remaining.as_ref(),
        pruning: &applied.pruning,
        pruned_before: &applied.pruned_before,
        took: watch.started().elapsed(),
    };
    let stopped = stop.signal().map(StopSignal::failure);
    if stopped.is_some() {
        remark("Stopped. What was done is committed; run again for the rest.", global.log_format, &mut terminal.err);
    }
    let failure = global.judge(report.failure(), report.findings().iter()).max(stopped);
    if watch.shows_nothing() && (!global.quiet || failure.is_some() || applied.trouble.is_some()) {
        apply_report(&report, terminal.screen, &mut terminal.out)?;
    }
    watch.report.work = Some(report.work(applied.run));
    let findings = report.findings();
    let (snapshot, plan) = match (applied.after, applied.remaining) {
        (Some(snapshot), Some(remaining)) => (snapshot, remaining),
        _ => (snapshot, plan),
    };
    let overview = overview(policies, &snapshot, &plan);
    watch.report.seen = Some(Seen { overview, plan, findings, pruning: applied.pruning });
    let trouble = applied.trouble.map(|error| tell(&error, global.log_format, &mut terminal.err));
    Ok(failure.max(trouble))
}
