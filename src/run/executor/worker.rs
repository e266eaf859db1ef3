//! One session at work: the steps of a table in order, and of a step its actions.
//!
//! A step that fails for a reason of its own leaves the table's other steps of the phase alone; one that fails for a
//! reason that all share ends them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::absence::Absence;
use super::super::archiving::{Archiving, archive};
use super::super::attempt::Committed;
use super::super::deleting::{Deleting, delete_archive};
use super::super::ledger::{Entry, OpenRun};
use super::super::patience::Patience;
use super::super::signals::Stop;
use super::super::step_error::{
    away_too_long, error_of_absent, error_of_trapped, is_about_its_target, lock_lost, lost, not_deleted,
};
use super::action::{Attachment, Done, Task};
use super::tell;
use crate::archive::{Passing, Progress};
use crate::db::connect::{Pulse, Session};
use crate::failure::FailureKind;
use crate::plan::steps::{ArchiveTable, DeleteArchive};
use crate::plan::{Action, Archived, Event, FailedStep, Listener, Outcome, Step, StepError, TablePlan};
use crate::sql::QualifiedName;

/// How long it is tried to take away the traces of a step that failed.
const CLEAN_UP: Duration = Duration::from_secs(5);

/// How often it is told how far an archive is.
const TELL_AGAIN: Duration = Duration::from_millis(250);

/// How a step ended.
enum Ended {
    Done,
    /// It failed for a reason of its own.
    AboutItself,
    /// It failed for a reason that the table's other steps share.
    AboutAll,
}

pub(super) struct Worker {
    pub(super) session: Session,
    /// The session that holds the run lock: without it another run may be at the same tables.
    pub(super) lock: Option<Pulse>,
    pub(super) run: Option<OpenRun>,
    pub(super) listener: Arc<Mutex<dyn Listener>>,
    pub(super) client: Option<String>,
    pub(super) stop: Stop,
    pub(super) deadline: Option<Instant>,
}

impl Worker {
    /// The client learns a moment later than the step that its session has ended.
    pub(super) fn is_connected(&self, outcome: &Outcome) -> bool {
        let lost = outcome.failed.iter().any(|failed| failed.error.kind == FailureKind::Unreachable);
        !lost && !self.session.client().is_closed()
    }

    pub(super) async fn carry_out_table(&mut self, table: &TablePlan, outcome: &mut Outcome) {
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

    /// A failure to record a failure is told by the failure itself.
    async fn record_failure(&self, table: &TablePlan, step: &Step, took: Duration, error: &StepError) {
        if let Some(run) = &self.run {
            let entry = Entry { run, table: &table.table, fingerprint: &table.fingerprint, step };
            let _ = self.session.client().batch_execute(&entry.failed(took.as_millis(), error)).await;
        }
    }
}
