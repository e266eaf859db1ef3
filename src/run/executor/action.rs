//! One action of a step: tried in window after window until its locks are granted or patience ends, and told of
//! meanwhile.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio_postgres::types::Type;

use super::super::attempt::{Commit, Committed, Refusal, attempt};
use super::super::lock_window::{LockWindow, sessions};
use super::super::patience::Patience;
use super::super::step_error::{locks_not_granted, not_found, refused, stopped};
use super::tell;
use super::worker::Worker;
use crate::db::connect::Session;
use crate::plan::steps::DetachPartition;
use crate::plan::{Action, Blocker, Event, Listener, Step, StepError, TablePlan};

/// How often progress is looked for.
const LOOK: Duration = Duration::from_millis(500);

/// How far an action came.
pub(super) enum Done {
    /// To its end.
    Whole(Committed),
    /// A concurrent detach ran out of time, perhaps after its first phase.
    CutShort,
}

/// Where a partition stands.
pub(super) enum Attachment {
    Attached,
    /// Between the two phases of a concurrent detach.
    Pending,
    Detached,
}

/// One action of one step of one table.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) table: &'a TablePlan,
    pub(super) step: &'a Step,
    pub(super) action: &'a Action,
}

impl Worker {
    /// Tries an action in window after window, until it is done or patience ends.
    pub(super) async fn carry_out_action(
        &mut self,
        task: Task<'_>,
        record: Option<String>,
        patience: &mut Patience,
    ) -> Result<Done, StepError> {
        let Task { table, step, action } = task;
        let timeout = table.locks.timeout;
        let commit = if self.run.is_some() { Commit::WithTheRun } else { Commit::AtOnce };
        let mut window = LockWindow::default();
        loop {
            let closed_by = window.closed_by(self.session.client(), action, timeout, patience.waited()).await;
            if !closed_by.is_empty() {
                let nudge = if table.locks.cancel_autovacuum { window.ask_autovacuum(&closed_by) } else { None };
                if let Some(nudge) = nudge {
                    // In vain where it prevents wraparound; then it is waited for as any other.
                    let _ = attempt(&self.session, &nudge, timeout, None, Commit::AtOnce, &mut self.stop).await;
                } else {
                    let pause = patience.until_next_look();
                    self.pause(task, patience, pause, sessions(closed_by), None).await?;
                    self.keep_up(task, timeout, commit).await?;
                }
                continue;
            }
            let lock_timeout = action.lock_timeout(timeout, patience.waited());
            let attempt = attempt(&self.session, action, lock_timeout, record.clone(), commit, &mut self.stop);
            let attempted = match action {
                Action::Batches(_) => told_of(attempt, &self.session, &self.listener, self.deadline, task).await,
                _ => attempt.await,
            };
            match attempted {
                Ok(committed) => return Ok(Done::Whole(committed)),
                Err(Refusal::Stopped(signal)) => return Err(stopped(signal, step)),
                Err(Refusal::NotFound(why)) => return Err(not_found(why, step, action)),
                Err(Refusal::Final(error)) => {
                    // Cancelled between its phases, by whomever, it is trapped; what refused it otherwise stands.
                    if let Step::Detach(detach) = step
                        && matches!(action, Action::Alone(_))
                        && matches!(self.attachment(detach).await, Ok(Attachment::Pending))
                    {
                        return Ok(Done::CutShort);
                    }
                    return Err(refused(&self.session, &error, step, action));
                }
                Err(Refusal::Lock(error)) => {
                    let blockers = window.blockers(self.session.client(), action, &error).await;
                    let pause = patience.until_next_try();
                    self.pause(task, patience, pause, blockers, Some(&error)).await?;
                    if matches!(action, Action::Alone(_)) {
                        return Ok(Done::CutShort);
                    }
                    self.keep_up(task, timeout, commit).await?;
                }
            }
        }
    }

    /// Does what keeps the work under the locks short while these are waited for. Where it fails, so will that work, which
    /// then tells why.
    async fn keep_up(&mut self, task: Task<'_>, timeout: Duration, commit: Commit) -> Result<(), StepError> {
        let Some(batches) = task.action.meanwhile() else { return Ok(()) };
        let batches = Action::Batches(batches.clone());
        let attempt = attempt(&self.session, &batches, timeout, None, commit, &mut self.stop);
        match told_of(attempt, &self.session, &self.listener, self.deadline, task).await {
            Err(Refusal::Stopped(signal)) => Err(stopped(signal, task.step)),
            _ => Ok(()),
        }
    }

    /// How far a concurrent detach that was cut short has come: its two phases are two transactions.
    pub(super) async fn attachment(&self, detach: &DetachPartition) -> Result<Attachment, tokio_postgres::Error> {
        let sql = "SELECT inhdetachpending FROM pg_catalog.pg_inherits WHERE inhrelid = $1";
        let rows = self.session.client().query_typed(sql, &[(&detach.oid, Type::OID)]).await?;
        Ok(match rows.first().map(|row| row.get::<_, bool>(0)) {
            Some(true) => Attachment::Pending,
            Some(false) => Attachment::Attached,
            None => Attachment::Detached,
        })
    }

    /// Tells who is in the way and waits a little, or gives up.
    async fn pause(
        &mut self,
        Task { table, step, action }: Task<'_>,
        patience: &Patience,
        pause: Option<Duration>,
        blockers: Vec<Blocker>,
        error: Option<&tokio_postgres::Error>,
    ) -> Result<(), StepError> {
        let Some(pause) = pause else {
            return Err(locks_not_granted(step, action, patience, blockers, error));
        };
        let (table, step_seen) = (table.table.clone(), Box::new(step.clone()));
        tell(&self.listener, &Event::Waiting { table, step: step_seen, waited: patience.waited(), blockers });
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            signal = self.stop.requested() => Err(stopped(signal, step)),
        }
    }
}

/// Waits for an attempt and tells how far it has come, as the server says while it goes on. Cancels it when the run's
/// deadline comes.
async fn told_of<T>(
    attempt: impl Future<Output = T>,
    session: &Session,
    listener: &Mutex<dyn Listener>,
    deadline: Option<Instant>,
    Task { table, step, .. }: Task<'_>,
) -> T {
    tokio::pin!(attempt);
    let started = Instant::now();
    let mut first: Option<(Instant, u64)> = None;
    loop {
        let ended = tokio::select! {
            ended = &mut attempt => Some(ended),
            () = tokio::time::sleep(LOOK) => None,
        };
        let mut come_to = None;
        for notice in session.take_notices() {
            match progress(&notice.message) {
                Some(come) => come_to = Some(come),
                None => tell(listener, &Event::Notice(format!("{}: {}", notice.severity, notice.message))),
            }
        }
        if let Some((done, of)) = come_to {
            let (since, from) = *first.get_or_insert((Instant::now(), done));
            let pace = (from < done).then(|| since.elapsed().as_secs_f64() / (done - from) as f64);
            let left = pace.map(|pace| Duration::from_secs_f64(pace * of.saturating_sub(done) as f64));
            let (table, step) = (table.table.clone(), Box::new(step.clone()));
            tell(listener, &Event::Progress { table, step, done, of, running: started.elapsed(), left });
        }
        if let Some(ended) = ended {
            return ended;
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            // When it is lost it is sent again after the next look.
            let _ = session.canceller().cancel().await;
        }
    }
}

/// `partctl: 500 of 16000 blocks copied`
fn progress(message: &str) -> Option<(u64, u64)> {
    let (done, rest) = message.strip_prefix("partctl: ")?.split_once(" of ")?;
    let of: u64 = rest.strip_suffix(" blocks copied")?.parse().ok()?;
    Some((done.parse().ok()?, of)).filter(|_| 0 < of)
}
