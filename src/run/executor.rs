//! Carries a plan out: phase by phase, tables in parallel, steps of a table in order, each step committed by itself.
//!
//! Whatever fails keeps its table from retiring anything; what is to be created is tried all the same. Every event goes
//! to the listener; every step goes to the ledger in the transaction that does it.

mod action;
mod worker;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::task::JoinSet;

use super::ledger::OpenRun;
use super::signals::Stop;
use crate::db::connect::Session;
use crate::plan::{Event, Listener, Outcome, Phase, Plan, TablePlan};
use worker::Worker;

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
