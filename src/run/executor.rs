//! Carries a plan out: phase by phase, tables in parallel, steps of a table in order, each step committed by itself.
//!
//! A step that fails for a reason of its own leaves the table's other steps of the phase alone; one that fails for a
//! reason that all share ends them. Either keeps the table from retiring anything; what is to be created is tried all
//! the same. Every event goes to the listener; every step goes to the ledger in the transaction
//! that does it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;
use tokio_postgres::types::Type;

use super::absence::Absence;
use super::archiving::{Archiving, archive};
use super::attempt::{Commit, Committed, Refusal, attempt};
use super::deleting::{Deleting, delete_archive};
use super::ledger::{Entry, OpenRun};
use super::lock_window::{LockWindow, sessions};
use super::patience::Patience;
use super::signals::Stop;
use super::step_error::{
    away_too_long, error_of_absent, error_of_trapped, is_about_its_target, lock_lost, locks_not_granted, lost,
    not_deleted, not_found, refused, stopped,
};
use crate::archive::{Passing, Progress};
use crate::db::connect::{Pulse, Session};
use crate::failure::FailureKind;
use crate::plan::steps::{ArchiveTable, DeleteArchive, DetachPartition};
use crate::plan::{
    Action, Archived, Blocker, Event, FailedStep, Listener, Outcome, Phase, Plan, Step, StepError, TablePlan,
};
use crate::sql::QualifiedName;

/// How long it is tried to take away the traces of a step that failed.
const CLEAN_UP: Duration = Duration::from_secs(5);

/// How often it is told how far an archive is.
const TELL_AGAIN: Duration = Duration::from_millis(250);

/// How a plan is carried out.
pub struct Execution {
    /// One worker per session; at least one.
    pub sessions: Vec<Session>,
    /// The run in the ledger; `None`: the ledger is not there.
    pub run: Option<OpenRun>,
    /// Hears every event.
    pub listener: Arc<Mutex<dyn Listener>>,
    /// Account and machine of the client, for what is told of it elsewhere.
    pub client: Option<String>,
    /// Tells of signals.
    pub stop: Stop,
    /// When the whole run must have ended.
    pub deadline: Option<Instant>,
}

/// Carries the plan out as far as it goes, and gives the sessions back.
pub async fn execute(execution: Execution, plan: &Plan) -> (Outcome, Vec<Session>) {
    let Execution { sessions, run, listener, client, stop, deadline } = execution;
    let lock = sessions.first().map(Session::pulse);
    let mut workers: Vec<Worker> = sessions
        .into_iter()
        .map(|session| Worker {
            session,
            lock: lock.clone(),
            run: run.clone(),
            listener: Arc::clone(&listener),
            client: client.clone(),
            stop: stop.clone(),
            deadline,
        })
        .collect();
    tell(&listener, &Event::Started { steps: plan.steps().count() });
    let mut outcome = Outcome::default();
    for round in plan.rounds() {
        if stop.signal().is_some() {
            break;
        }
        // Rows that arrive need their partitions also while, say, an old reader keeps a detach from being finished.
        let failed_before = |table: &TablePlan| outcome.failed.iter().any(|failed| failed.table == table.table);
        let mut tables: Vec<TablePlan> = Vec::new();
        for (table, steps) in round.tables {
            if !matches!(round.phase, Phase::Retire | Phase::Maintain) || !failed_before(table) {
                tables.push(TablePlan { steps: steps.into_iter().cloned().collect(), ..table.clone() });
            }
        }
        // The longest first, so that no worker ends long after the others.
        tables.sort_by_key(|table| std::cmp::Reverse(table.steps.len()));
        let queue = Arc::new(Mutex::new(VecDeque::from(tables)));
        let mut running = JoinSet::new();
        for mut worker in workers.drain(..) {
            let queue = Arc::clone(&queue);
            running.spawn(async move {
                let mut outcome = Outcome::default();
                // A worker whose session is gone leaves the other tables to the others.
                while worker.is_connected(&outcome)
                    && let Some(table) = next(&queue)
                {
                    worker.carry_out_table(&table, &mut outcome).await;
                }
                (worker, outcome)
            });
        }
        while let Some(ended) = running.join_next().await {
            let (worker, part) = ended.expect("a worker neither panics nor is aborted");
            workers.push(worker);
            outcome.done += part.done;
            outcome.failed.extend(part.failed);
            outcome.proven.extend(part.proven);
        }
    }
    outcome.left_out = plan.steps().count().saturating_sub(outcome.done + outcome.failed.len());
    tell(&listener, &Event::Finished);
    (outcome, workers.into_iter().map(|worker| worker.session).collect())
}

fn next(queue: &Mutex<VecDeque<TablePlan>>) -> Option<TablePlan> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

fn tell(listener: &Mutex<dyn Listener>, event: &Event) {
    listener.lock().unwrap_or_else(PoisonError::into_inner).hear(event);
}

/// How far an action came.
enum Done {
    /// To its end.
    Whole(Committed),
    /// A concurrent detach ran out of time, perhaps after its first phase.
    CutShort,
}

/// How a step ended.
enum Ended {
    Done,
    /// It failed for a reason of its own.
    AboutItself,
    /// It failed for a reason that the table's other steps share.
    AboutAll,
}

/// Where a partition stands.
enum Attachment {
    Attached,
    /// Between the two phases of a concurrent detach.
    Pending,
    Detached,
}

/// One action of one step of one table.
#[derive(Clone, Copy)]
struct Task<'a> {
    table: &'a TablePlan,
    step: &'a Step,
    action: &'a Action,
}

/// How often progress is looked for.
const LOOK: Duration = Duration::from_millis(500);

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

struct Worker {
    session: Session,
    /// The session that holds the run lock: without it another run may be at the same tables.
    lock: Option<Pulse>,
    run: Option<OpenRun>,
    listener: Arc<Mutex<dyn Listener>>,
    client: Option<String>,
    stop: Stop,
    deadline: Option<Instant>,
}

impl Worker {
    /// The client learns a moment later than the step that its session has ended.
    fn is_connected(&self, outcome: &Outcome) -> bool {
        let lost = outcome.failed.iter().any(|failed| failed.error.kind == FailureKind::Unreachable);
        !lost && !self.session.client().is_closed()
    }

    async fn carry_out_table(&mut self, table: &TablePlan, outcome: &mut Outcome) {
        let mut given_up: Vec<&QualifiedName> = Vec::new();
        let mut absences = Absence::at_first(table);
        for step in &table.steps {
            if self.stop.signal().is_some() {
                break;
            }
            if given_up.contains(&step.target()) {
                continue;
            }
            let left = match step {
                Step::Detach(_) | Step::Finalize(_) => absences.iter().map(Absence::time_left).min(),
                _ => None,
            };
            let ended = match left {
                Some(Duration::ZERO) => self.fail(table, step, Duration::ZERO, away_too_long(step), outcome).await,
                Some(left) => self.try_step(table, step, left.min(table.locks.retry_for), outcome).await,
                None => self.try_step(table, step, table.locks.retry_for, outcome).await,
            };
            if matches!(step, Step::BringBack(_)) {
                absences.retain(|absence| absence.back.target() != step.target());
            }
            match (step, ended) {
                (Step::SetAside(aside), Ended::Done) => absences.extend(Absence::from_now(table, aside)),
                (_, Ended::Done) => {}
                // Beside DEFAULT the others are refused (55000).
                (Step::SetAside(_), Ended::AboutItself | Ended::AboutAll) | (_, Ended::AboutAll) => break,
                (_, Ended::AboutItself) => given_up.push(step.target()),
            }
        }
        for absence in absences {
            self.bring_back_at_last(table, absence.back, outcome).await;
        }
    }

    /// DEFAULT comes back also when a signal or the deadline has come; without a connection the next run does it.
    async fn bring_back_at_last(&mut self, table: &TablePlan, back: &Step, outcome: &mut Outcome) {
        if !self.is_connected(outcome) {
            let text = format!("{} is away: run again at once, it is brought back first", back.target());
            return tell(&self.listener, &Event::Notice(text));
        }
        let heard = std::mem::replace(&mut self.stop, Stop::never());
        let deadline = self.deadline.take();
        self.try_step(table, back, CLEAN_UP, outcome).await;
        (self.stop, self.deadline) = (heard, deadline);
    }

    async fn try_step(&mut self, table: &TablePlan, step: &Step, patience: Duration, outcome: &mut Outcome) -> Ended {
        let boxed = || Box::new(step.clone());
        tell(&self.listener, &Event::StepStarted { table: table.table.clone(), step: boxed() });
        let started = Instant::now();
        let result = self.carry_out(table, step, patience, started).await;
        for notice in self.session.take_notices() {
            let text = format!("{}: {} ({})", notice.severity, notice.message, notice.sqlstate);
            tell(&self.listener, &Event::Notice(text));
        }
        let took = started.elapsed();
        match result {
            Ok(committed) => {
                outcome.done += 1;
                outcome.proven.extend((committed == Committed::Proven).then(|| step.target().clone()));
                let archived = match committed {
                    Committed::Archived(archived) => Some(archived),
                    Committed::Proven | Committed::Unproven => None,
                };
                let done = Event::StepDone { table: table.table.clone(), step: boxed(), took, archived };
                tell(&self.listener, &done);
                Ended::Done
            }
            Err(error) => self.fail(table, step, took, error, outcome).await,
        }
    }

    async fn fail(
        &self,
        table: &TablePlan,
        step: &Step,
        took: Duration,
        error: StepError,
        outcome: &mut Outcome,
    ) -> Ended {
        let error = if matches!(step, Step::BringBack(_)) { error_of_absent(error) } else { error };
        self.record_failure(table, step, took, &error).await;
        let failed = (table.table.clone(), Box::new(step.clone()), error.clone());
        tell(&self.listener, &Event::StepFailed { table: failed.0, step: failed.1, error: failed.2 });
        let ended = if is_about_its_target(&error) { Ended::AboutItself } else { Ended::AboutAll };
        outcome.failed.push(FailedStep { table: table.table.clone(), step: step.clone(), error });
        ended
    }

    async fn carry_out(
        &mut self,
        table: &TablePlan,
        step: &Step,
        patience: Duration,
        started: Instant,
    ) -> Result<Committed, StepError> {
        if self.lock.as_ref().is_some_and(Pulse::has_ended) {
            return Err(lock_lost(step));
        }
        let run = self.run.clone();
        let entry = run.as_ref().map(|run| Entry { run, table: &table.table, fingerprint: &table.fingerprint, step });
        if let Step::Archive(archive) = step {
            return self.archive(table, step, archive, entry).await.map(Committed::Archived);
        }
        if let Step::DeleteArchive(delete) = step {
            return self.delete(step, delete, entry, started).await;
        }
        let mut patience = Patience::new(patience, self.deadline);
        let mut actions = VecDeque::from(step.actions());
        let (mut begun, mut trapped, mut committed) = (false, false, Committed::Unproven);
        while let Some(action) = actions.pop_front() {
            let record = entry.filter(|_| actions.is_empty()).map(|entry| entry.done(started.elapsed().as_millis()));
            let task = Task { table, step, action: &action };
            let began = Instant::now();
            match self.carry_out_action(task, record, &mut patience).await {
                Ok(Done::Whole(done)) => {
                    (begun, committed) = (true, done);
                    if matches!(action, Action::Batches(_)) {
                        patience.outlast(began.elapsed());
                    }
                }
                Ok(Done::CutShort) => match step {
                    Step::Detach(detach) => match self.attachment(detach).await {
                        Ok(Attachment::Attached) => actions.push_front(action),
                        Ok(Attachment::Detached) => {}
                        // Its rows are invisible already, and FINALIZE is the only way on (55000 otherwise).
                        Ok(Attachment::Pending) => {
                            trapped = true;
                            actions = detach.finalize().actions().into();
                        }
                        Err(error) => return Err(lost(&self.session, &error, step)),
                    },
                    _ => actions.push_front(action),
                },
                Err(error) => {
                    for action in step.clean_up().into_iter().filter(|_| begun) {
                        // Best effort: what stays is found and taken away by the next run.
                        let mut patience = Patience::new(CLEAN_UP, self.deadline);
                        let task = Task { action: &action, ..task };
                        let _ = self.carry_out_action(task, None, &mut patience).await;
                    }
                    return Err(if trapped { error_of_trapped(error) } else { error });
                }
            }
        }
        Ok(committed)
    }

    async fn delete(
        &self,
        planned: &Step,
        step: &DeleteArchive,
        entry: Option<Entry<'_>>,
        started: Instant,
    ) -> Result<Committed, StepError> {
        let DeleteArchive { id, destination, path, reason, .. } = step;
        let client = self.session.client();
        let deleted = async {
            delete_archive(client, &Deleting { id: *id, destination, path, reason }).await?;
            match entry {
                Some(entry) => Ok(client.batch_execute(&entry.done(started.elapsed().as_millis())).await?),
                None => Ok(()),
            }
        };
        deleted.await.map(|()| Committed::Unproven).map_err(|error| not_deleted(&error, planned))
    }

    async fn archive(
        &mut self,
        table: &TablePlan,
        planned: &Step,
        step: &ArchiveTable,
        entry: Option<Entry<'_>>,
    ) -> Result<Archived, StepError> {
        let (began, told) = (Instant::now(), Mutex::new(Instant::now()));
        let listener = Arc::clone(&self.listener);
        let progress = |Passing { pass, took, so_far: Progress { rows, bytes } }| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            if TELL_AGAIN <= told.elapsed() {
                *told = Instant::now();
                let (table, step) = (table.table.clone(), Box::new(planned.clone()));
                let running = began.elapsed();
                tell(&listener, &Event::Archiving { table, step, pass, rows, bytes, took, running });
            }
        };
        let archiving = Archiving {
            session: &self.session,
            planned,
            step,
            policy: &table.fingerprint,
            client: self.client.clone(),
            progress: &progress,
            entry,
        };
        archive(archiving, &mut self.stop).await
    }

    /// Tries an action in window after window, until it is done or patience ends.
    async fn carry_out_action(
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
    async fn attachment(&self, detach: &DetachPartition) -> Result<Attachment, tokio_postgres::Error> {
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

    /// A failure to record a failure is told by the failure itself.
    async fn record_failure(&self, table: &TablePlan, step: &Step, took: Duration, error: &StepError) {
        if let Some(run) = &self.run {
            let entry = Entry { run, table: &table.table, fingerprint: &table.fingerprint, step };
            let _ = self.session.client().batch_execute(&entry.failed(took.as_millis(), error)).await;
        }
    }
}
