//! When an action may be tried: not while somebody is in its way who will not be gone within the time for which others
//! may be made to queue. Looking costs nobody anything; trying in vain makes the whole site wait.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio_postgres::{Client, Error};

use super::step_error::refused_by_partctl;
use crate::db::blockers::{Holder, HolderKind, holders, snapshots};
use crate::plan::{Action, Blocker, Lock, LockMode, Transaction};

/// One step's view of who is in its way.
#[derive(Debug, Default)]
pub(super) struct LockWindow {
    /// When a transaction was first seen: without `pg_read_all_stats` the server does not tell how old others are.
    first_seen: HashMap<String, Instant>,
    /// Autovacuum workers that were asked to give way.
    asked: Vec<String>,
}

impl LockWindow {
    /// Who must be gone before the action is tried. Not knowing is no reason to fail: then its lock timeout decides.
    pub(super) async fn closed_by(
        &mut self,
        client: &Client,
        action: &Action,
        timeout: Duration,
        waited: Duration,
    ) -> Vec<Holder> {
        if !action.needs_a_window() {
            return Vec::new();
        }
        let mut closed_by = self.in_the_way(client, action).await;
        let old = action.patient_with(timeout, waited).as_secs_f64();
        // A lock timeout below deadlock_timeout never cancels an autovacuum, and one above it cancels the work of hours.
        closed_by.retain(|holder| holder.kind == HolderKind::Autovacuum || holder.age.is_some_and(|age| old < age));
        closed_by
    }

    /// Everybody who holds, or waits in the queue for, what the action needs; the oldest transaction first.
    async fn in_the_way(&mut self, client: &Client, action: &Action) -> Vec<Holder> {
        let mut found = holders(client, &action.locks()).await.unwrap_or_default();
        found.retain(|holder| action.waits_for(&holder.relation, holder.mode));
        let now = Instant::now();
        for holder in &mut found {
            let first_seen = *self.first_seen.entry(holder.transaction.clone()).or_insert(now);
            holder.age.get_or_insert((now - first_seen).as_secs_f64());
        }
        found
    }

    /// Who kept an action from its locks: each session once, as far as visible a moment later.
    pub(super) async fn blockers(&mut self, client: &Client, action: &Action, error: &Error) -> Vec<Blocker> {
        let found = match refused_by_partctl(error) {
            Some(_) => Vec::new(),
            None => sessions(self.in_the_way(client, action).await),
        };
        if found.is_empty() {
            // FINALIZE waits for snapshots anywhere in the database, which no lock on a relation shows.
            return sessions(snapshots(client).await.unwrap_or_default());
        }
        found
    }

    /// The action that makes an autovacuum give way, once for each; `None` when there is none.
    ///
    /// It waits for the one lock that stops autovacuum and nobody else, longer than `deadlock_timeout`: then Postgres
    /// itself cancels the autovacuum, unless it prevents wraparound.
    pub(super) fn ask_autovacuum(&mut self, closed_by: &[Holder]) -> Option<Action> {
        let is_new = |holder: &&Holder| {
            holder.kind == HolderKind::Autovacuum && holder.granted && !self.asked.contains(&holder.transaction)
        };
        let holder = closed_by.iter().find(is_new)?;
        self.asked.push(holder.transaction.clone());
        let patience = "SELECT pg_catalog.set_config('lock_timeout', (2000 * extract(epoch FROM \
                        pg_catalog.current_setting('deadlock_timeout')::interval))::int8 || 'ms', true)";
        Some(Action::Transaction(Transaction {
            before: vec![patience.to_owned(), Lock::new(&holder.relation, LockMode::ShareUpdateExclusive).statement()],
            ..Transaction::default()
        }))
    }
}

/// Each session once, however many of the locks it holds.
pub(super) fn sessions(holders: Vec<Holder>) -> Vec<Blocker> {
    let mut sessions: Vec<(String, Blocker)> = Vec::new();
    for Holder { session, transaction, .. } in holders {
        if sessions.iter().all(|(known, _)| *known != transaction) {
            sessions.push((transaction, session));
        }
    }
    sessions.into_iter().map(|(_, session)| session).collect()
}
