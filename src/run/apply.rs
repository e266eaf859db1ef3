//! A whole run: the ledger, the steps, the plan made again, and the proof that queries still prune.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;

use super::executor::{Execution, execute};
use super::ledger::{self, Invocation, OpenRun};
use super::make_plan::{Moment, Planner, make_plan_by};
use super::prove_pruning::{judge_own_queries, prove_pruning_together};
use super::run_lock::is_locked_by;
use super::signals::{Stop, StopSignal};
use crate::catalog::{CatalogSnapshot, Journal, Ledger};
use crate::db::connect::{Session, connect};
use crate::db::conninfo::ConnSpec;
use crate::diff::refuse_onlookers;
use crate::failure::{Failure, FailureKind};
use crate::plan::{Event, Listener, Outcome, Plan};
use crate::policy::Policy;
use crate::pruning::PruningResult;

/// How a run is made.
pub struct Applying<'a> {
    /// Where further sessions connect to.
    pub spec: &'a ConnSpec,
    /// What the plan was made from.
    pub policies: &'a [Policy],
    /// What it was made by; made again after the run, it must be empty.
    pub planner: Planner<'a>,
    /// Tables worked on at once, at least 1.
    pub jobs: usize,
    /// Hears every event.
    pub listener: Arc<Mutex<dyn Listener>>,
    /// Tells of signals.
    pub stop: Stop,
    /// When trying for locks ends.
    pub deadline: Option<Instant>,
    /// What the ledger tells of the run.
    pub invocation: Invocation,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Applied {
    /// The steps.
    pub outcome: Outcome,
    /// Its number in the ledger; `None`: nobody recorded it.
    pub run: Option<i64>,
    /// The plan made again for the same moment; `None` when nothing was to be done, or the run was cut short.
    pub remaining: Option<Plan>,
    /// What it was made from.
    pub after: Option<CatalogSnapshot>,
    /// Queries on the tables that were changed.
    pub pruning: Vec<PruningResult>,
    /// The policies' own queries on these tables, as they stood before.
    pub pruned_before: Vec<PruningResult>,
    /// Why the run's end is not recorded, or what was done was not looked at again.
    pub trouble: Option<anyhow::Error>,
}

/// Carries the plan out over `session`, which holds the run lock, and over as many more as `jobs` asks for.
///
/// # Errors
/// When the ledger cannot be installed or written; then no step was begun.
pub async fn apply(
    applying: Applying<'_>,
    mut session: Session,
    snapshot: &CatalogSnapshot,
    plan: &Plan,
) -> Result<Applied> {
    if plan.is_empty() {
        return Ok(Applied::default());
    }
    let touched = |policy: &&Policy| plan.tables.iter().any(|t| t.table == policy.table && !t.steps.is_empty());
    let touched: Vec<Policy> = applying.policies.iter().filter(touched).cloned().collect();
    let pruned_before = judge_own_queries(session.client(), &touched, snapshot).await?;
    let run = begin(&mut session, snapshot, plan, &applying).await?;
    let busy_tables = plan.tables.iter().filter(|table| !table.steps.is_empty()).count();
    let wanted = applying.jobs.min(busy_tables);
    let mut sessions = vec![session];
    while sessions.len() < wanted {
        match connect_to_the_same(applying.spec, &sessions[0]).await {
            Ok(session) => sessions.push(session),
            Err(error) => {
                let text = format!("going on with {} of {wanted} connections: {error:#}", sessions.len());
                tell(&applying.listener, text);
                break;
            }
        }
    }
    let Applying { policies, planner, listener, mut stop, deadline, invocation, .. } = applying;
    let execution =
        Execution { sessions, run: run.clone(), listener, client: invocation.client(), stop: stop.clone(), deadline };
    let (outcome, sessions) = execute(execution, plan).await;
    let sessions: Vec<Session> = sessions.into_iter().filter(|session| !session.client().is_closed()).collect();
    let Some(session) = sessions.first() else {
        let unseen = Failure::new(FailureKind::Unreachable, "the connection was lost; what was done was not looked at")
            .hint("run again when the server is back: what was not committed did not happen");
        let run = run.map(|run| run.id());
        return Ok(Applied { outcome, run, pruned_before, trouble: Some(unseen.into()), ..Applied::default() });
    };
    let mut trouble = None;
    if let Some(run) = &run {
        let failure = outcome.failure().max(stop.signal().map(StopSignal::failure));
        trouble = ledger::end_run(session.client(), run, failure, &outcome).await.err();
    }
    let look_again = async {
        let (after, mut remaining) = make_plan_by(planner, &sessions[0], policies, Moment::At(plan.at)).await?;
        refuse_onlookers(&after, &mut remaining);
        let made = plan.steps().flat_map(|(_, step)| step.made()).map(|create| &create.partition);
        let made = made.filter(|name| !outcome.proven.contains(name)).cloned().collect();
        let pruning = prove_pruning_together(sessions, touched, after.clone(), made).await?;
        anyhow::Ok((Some(remaining), Some(after), pruning))
    };
    let seen = tokio::select! {
        // A signal that has come already must win.
        biased;
        _ = stop.requested() => Ok(Default::default()),
        seen = look_again => seen,
    };
    let (remaining, after, pruning) = seen.unwrap_or_else(|error| {
        trouble.get_or_insert(error);
        Default::default()
    });
    let run = run.map(|run| run.id());
    Ok(Applied { outcome, run, remaining, after, pruning, pruned_before, trouble })
}

/// Another session on the server of the first one, which holds the run lock: after a failover the same address may
/// lead elsewhere.
async fn connect_to_the_same(spec: &ConnSpec, first: &Session) -> Result<Session> {
    let session = connect(spec).await?;
    anyhow::ensure!(is_locked_by(session.client(), first.backend_pid()).await?, "it leads to another server");
    Ok(session)
}

fn tell(listener: &Mutex<dyn Listener>, text: String) {
    listener.lock().unwrap_or_else(PoisonError::into_inner).hear(&Event::Notice(text));
}

/// Opens the run in the ledger. Without one, creations go on unrecorded; retirements were left out of the plan.
async fn begin(
    session: &mut Session,
    snapshot: &CatalogSnapshot,
    plan: &Plan,
    applying: &Applying<'_>,
) -> Result<Option<OpenRun>> {
    let journal = match snapshot.ledger {
        Ledger::Installed { writable: false, .. } => return Ok(None),
        Ledger::Installed {
            journal: journal @ (Journal::Current | Journal::Outdated { upgradable: false }), ..
        } => journal,
        Ledger::Installed { journal: Journal::Outdated { upgradable: true }, .. } => {
            ledger::install(session.client_mut()).await?;
            tell(&applying.listener, "brought the ledger in schema partctl up to date".to_owned());
            Journal::Current
        }
        Ledger::Missing { installable: true } => {
            ledger::install(session.client_mut()).await?;
            tell(&applying.listener, "installed the ledger in schema partctl".to_owned());
            Journal::Current
        }
        Ledger::Missing { installable: false } | Ledger::Denied => return Ok(None),
    };
    ledger::begin_run(session.client(), journal, &applying.invocation, plan).await.map(Some)
}
