//! Carries a plan out: phase by phase, tables in parallel, steps of a table in order, each step committed by itself.
//!
//! A step that fails ends its own table's part of the phase, and keeps the table from retiring anything; what is to be
//! created is tried all the same. Every event goes to the listener; every step goes to the ledger in the transaction
//! that does it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;
use tokio_postgres::types::Type;

use super::attempt::{Commit, Refusal, attempt};
use super::ledger::{Entry, OpenRun};
use super::patience::Patience;
use super::signals::{Stop, StopSignal};
use crate::db::blockers::{Holder, holders};
use crate::db::connect::Session;
use crate::failure::FailureKind;
use crate::plan::steps::DetachPartition;
use crate::plan::{
    Action, Blocker, Event, FailedStep, Listener, Lock, Outcome, Phase, Plan, Step, StepError, TablePlan,
};
use crate::render::elapsed;

/// How a plan is carried out.
pub struct Execution {
    /// One worker per session; at least one.
    pub sessions: Vec<Session>,
    /// The run in the ledger; `None`: the ledger is not there.
    pub run: Option<OpenRun>,
    /// Hears every event.
    pub listener: Arc<Mutex<dyn Listener>>,
    /// Tells of signals.
    pub stop: Stop,
    /// When the whole run must have ended.
    pub deadline: Option<Instant>,
}

/// Carries the plan out as far as it goes, and gives the sessions back.
pub async fn execute(execution: Execution, plan: &Plan) -> (Outcome, Vec<Session>) {
    let Execution { sessions, run, listener, stop, deadline } = execution;
    let mut workers: Vec<Worker> = sessions
        .into_iter()
        .map(|session| Worker {
            session,
            run: run.clone(),
            listener: Arc::clone(&listener),
            stop: stop.clone(),
            deadline,
        })
        .collect();
    tell(&listener, &Event::Started { steps: plan.steps().count() });
    let mut outcome = Outcome::default();
    for phase in [Phase::Finish, Phase::Create, Phase::Retire] {
        if stop.signal().is_some() {
            break;
        }
        // Rows that arrive need their partitions also while, say, an old reader keeps a detach from being finished.
        let failed_before = |table: &TablePlan| {
            phase == Phase::Retire && outcome.failed.iter().any(|failed| failed.table == table.table)
        };
        let part = |table: &TablePlan| TablePlan {
            steps: table.steps.iter().filter(|step| step.phase() == phase).cloned().collect(),
            ..table.clone()
        };
        let mut tables: Vec<TablePlan> = plan.tables.iter().filter(|table| !failed_before(table)).map(part).collect();
        tables.retain(|table| !table.steps.is_empty());
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

struct Worker {
    session: Session,
    run: Option<OpenRun>,
    listener: Arc<Mutex<dyn Listener>>,
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
        for step in &table.steps {
            if self.stop.signal().is_some() {
                return;
            }
            let boxed = || Box::new(step.clone());
            tell(&self.listener, &Event::StepStarted { table: table.table.clone(), step: boxed() });
            let started = Instant::now();
            let result = self.carry_out(table, step, started).await;
            for notice in self.session.take_notices() {
                let text = format!("{}: {} ({})", notice.severity, notice.message, notice.sqlstate);
                tell(&self.listener, &Event::Notice(text));
            }
            let took = started.elapsed();
            match result {
                Ok(()) => {
                    outcome.done += 1;
                    tell(&self.listener, &Event::StepDone { table: table.table.clone(), step: boxed(), took });
                }
                Err(error) => {
                    self.record_failure(table, step, took, &error).await;
                    let event = Event::StepFailed { table: table.table.clone(), step: boxed(), error: error.clone() };
                    tell(&self.listener, &event);
                    outcome.failed.push(FailedStep { table: table.table.clone(), step: step.clone(), error });
                    return;
                }
            }
        }
    }

    async fn carry_out(&mut self, table: &TablePlan, step: &Step, started: Instant) -> Result<(), StepError> {
        let mut patience = Patience::new(table.locks.retry_for, self.deadline);
        let run = self.run.clone();
        let entry = run.as_ref().map(|run| Entry { run, table: &table.table, fingerprint: &table.fingerprint, step });
        let mut actions = VecDeque::from(step.actions());
        while let Some(action) = actions.pop_front() {
            let lock_timeout = match (&action, step) {
                (Action::Alone(_), Step::Detach(detach)) => {
                    self.wait_for_old_transactions(table, step, &action, &mut patience).await?;
                    detach.concurrent_lock_timeout(table.locks.timeout)
                }
                _ => table.locks.timeout,
            };
            let record = entry.filter(|_| actions.is_empty()).map(|entry| entry.done(started.elapsed().as_millis()));
            let commit = match step {
                Step::Create(_) if record.is_some() => Commit::WithTheRun,
                _ => Commit::AtOnce,
            };
            match attempt(&self.session, &action, lock_timeout, record, commit, &mut self.stop).await {
                Ok(()) => {}
                Err(Refusal::Stopped(signal)) => return Err(stopped(signal, step)),
                Err(Refusal::Final(error)) => return Err(self.refused(&error, step, &action)),
                Err(Refusal::Lock(error)) => {
                    let blockers = self.blockers(&step.locks()).await;
                    self.pause(table, step, &action, &mut patience, blockers, Some(&error)).await?;
                    match step {
                        Step::Detach(detach) if matches!(action, Action::Alone(_)) => {
                            actions = self
                                .resume_detach(detach, actions, action)
                                .await
                                .map_err(|error| self.lost(&error, step))?;
                        }
                        _ => actions.push_front(action),
                    }
                }
            }
        }
        Ok(())
    }

    /// A concurrent detach that timed out may have passed its first phase: then the partition is invisible already,
    /// and FINALIZE is the only way on (55000 otherwise).
    async fn resume_detach(
        &self,
        detach: &DetachPartition,
        rest: VecDeque<Action>,
        action: Action,
    ) -> Result<VecDeque<Action>, tokio_postgres::Error> {
        let sql = "SELECT inhdetachpending FROM pg_catalog.pg_inherits WHERE inhrelid = $1";
        let rows = self.session.client().query_typed(sql, &[(&detach.oid, Type::OID)]).await?;
        Ok(match rows.first().map(|row| row.get::<_, bool>(0)) {
            Some(true) => detach.finalize().actions().into(),
            Some(false) => std::iter::once(action).chain(rest).collect(),
            None => rest,
        })
    }

    /// CONCURRENTLY waits for every transaction that has touched the table. One that is old already would trap the
    /// detach between its two phases, with the partition's rows invisible; so that is waited for beforehand.
    async fn wait_for_old_transactions(
        &mut self,
        table: &TablePlan,
        step: &Step,
        action: &Action,
        patience: &mut Patience,
    ) -> Result<(), StepError> {
        loop {
            let holders = holders(self.session.client(), &step.locks()).await.unwrap_or_default();
            let old = |holder: &Holder| table.locks.timeout.as_secs_f64() < holder.age;
            let blockers = sessions(holders.into_iter().filter(old));
            if blockers.is_empty() {
                return Ok(());
            }
            self.pause(table, step, action, patience, blockers, None).await?;
        }
    }

    /// Tells who is in the way and waits a little, or gives up.
    async fn pause(
        &mut self,
        table: &TablePlan,
        step: &Step,
        action: &Action,
        patience: &mut Patience,
        blockers: Vec<Blocker>,
        error: Option<&tokio_postgres::Error>,
    ) -> Result<(), StepError> {
        let Some(pause) = patience.pause() else {
            let waited = elapsed(patience.waited());
            return Err(StepError {
                kind: FailureKind::LockTimeout,
                message: if patience.is_cut_short() {
                    format!("locks not granted when the run's deadline came, after {waited}")
                } else {
                    format!("locks not granted within {waited}")
                },
                sqlstate: error.and_then(tokio_postgres::Error::code).map(|code| code.code().to_owned()),
                doing: doing(step, action),
                blockers,
                next: "end those transactions, or let the next run try again".to_owned(),
            });
        };
        let (table, step_seen) = (table.table.clone(), Box::new(step.clone()));
        tell(&self.listener, &Event::Waiting { table, step: step_seen, waited: patience.waited(), blockers });
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            signal = self.stop.requested() => Err(stopped(signal, step)),
        }
    }

    /// Who holds what a step needs. Not knowing is no reason to fail.
    async fn blockers(&self, locks: &[Lock]) -> Vec<Blocker> {
        let holders = holders(self.session.client(), locks).await.unwrap_or_default();
        let in_the_way = |holder: &Holder| {
            locks.iter().any(|lock| lock.relation == holder.relation && lock.mode.conflicts_with(holder.mode))
        };
        sessions(holders.into_iter().filter(in_the_way))
    }

    fn refused(&self, error: &tokio_postgres::Error, step: &Step, action: &Action) -> StepError {
        let Some(refusal) = error.as_db_error() else { return self.lost(error, step) };
        let sqlstate = refusal.code().code();
        let (kind, next) = match sqlstate {
            "42501" => (FailureKind::Findings, "grant the right that is missing, then run again"),
            "25006" => (FailureKind::Refused, "connect to the primary"),
            "23514" => (FailureKind::Findings, "rows arrived in DEFAULT meanwhile: plan again to see how many"),
            "23503" => (FailureKind::Findings, "rows elsewhere still reference this partition: retire those first"),
            "42P17" | "42P07" | "42809" | "42P01" | "55000" => {
                (FailureKind::Findings, "the table changed since it was planned: run again")
            }
            "53200" => (FailureKind::Findings, "the lock table is full: raise max_locks_per_transaction"),
            _ if sqlstate.starts_with("57P") => {
                (FailureKind::Unreachable, "the server is going away: run again when it is back")
            }
            _ => (FailureKind::Findings, "nothing of this step was done; mend the cause and run again"),
        };
        let detail = refusal.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        StepError {
            kind,
            message: format!("{}{detail}", refusal.message()),
            sqlstate: Some(sqlstate.to_owned()),
            doing: doing(step, action),
            blockers: Vec::new(),
            next: next.to_owned(),
        }
    }

    fn lost(&self, error: &tokio_postgres::Error, step: &Step) -> StepError {
        let why = self.session.ended_by().unwrap_or_else(|| error.to_string());
        StepError {
            kind: FailureKind::Unreachable,
            message: format!("the connection was lost: {why}"),
            sqlstate: None,
            doing: briefly(step),
            blockers: Vec::new(),
            next: "run again when the server is back: what was not committed did not happen".to_owned(),
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

fn stopped(signal: StopSignal, step: &Step) -> StepError {
    let next = match step {
        Step::Detach(_) => "run again: a detach that had begun is finished first",
        _ => "run again: this step was not done, or rolled back",
    };
    StepError {
        kind: signal.failure(),
        message: "interrupted".to_owned(),
        sqlstate: None,
        doing: briefly(step),
        blockers: Vec::new(),
        next: next.to_owned(),
    }
}

/// The DDL of an action, without the guards and records around it; of one that only guards and records, the step.
fn doing(step: &Step, action: &Action) -> String {
    let ddl =
        |statement: &&String| ["ALTER ", "CREATE ", "DROP ", "LOCK "].iter().any(|verb| statement.starts_with(verb));
    let statements: Vec<&str> = action.statements().iter().filter(ddl).map(String::as_str).collect();
    if statements.is_empty() { briefly(step) } else { statements.join("; ") }
}

fn briefly(step: &Step) -> String {
    format!("{} {}", step.kind().as_str(), step.target())
}

/// Each session once, however many of the locks it holds.
fn sessions(holders: impl Iterator<Item = Holder>) -> Vec<Blocker> {
    let mut sessions: Vec<Blocker> = Vec::new();
    for Holder { session, .. } in holders {
        if sessions.iter().all(|known| known.pid != session.pid) {
            sessions.push(session);
        }
    }
    sessions
}
