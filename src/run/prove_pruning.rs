//! The proof that queries still prune: probes made below the purity line, asked here, judged below again.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::catalog::CatalogSnapshot;
use crate::db::connect::Session;
use crate::db::explain::explain_all;
use crate::policy::Policy;
use crate::pruning::{LockBudget, PruningResult, judge, probes};

/// Asks the planner about every probe of these policies' tables; executes nothing.
///
/// # Errors
/// When the connection is lost.
pub async fn prove_pruning(
    client: &Client,
    policies: &[Policy],
    snapshot: &CatalogSnapshot,
) -> Result<Vec<PruningResult>> {
    let probes = probes(policies, snapshot);
    let budget = LockBudget::of(&snapshot.server);
    let observations = explain_all(client, &probes, budget).await.context("asking the planner")?;
    Ok(by_table(judge(snapshot, &probes, observations)))
}

/// Tables in the order of their names, as plans have them; queries of one table stay as they were asked.
fn by_table(mut results: Vec<PruningResult>) -> Vec<PruningResult> {
    results.sort_by(|a, b| a.table.cmp(&b.table));
    results
}

/// The same over several sessions at once, each asked about its share of the tables.
///
/// # Errors
/// When a connection is lost.
pub(super) async fn prove_pruning_together(
    sessions: Vec<Session>,
    policies: Vec<Policy>,
    snapshot: CatalogSnapshot,
) -> Result<Vec<PruningResult>> {
    let snapshot = Arc::new(snapshot);
    let share = policies.len().div_ceil(sessions.len().max(1)).max(1);
    let mut asking = JoinSet::new();
    for (session, policies) in sessions.into_iter().zip(policies.chunks(share)) {
        let (policies, snapshot) = (policies.to_vec(), Arc::clone(&snapshot));
        asking.spawn(async move { prove_pruning(session.client(), &policies, &snapshot).await });
    }
    let results: Result<Vec<Vec<PruningResult>>> = asking.join_all().await.into_iter().collect();
    Ok(by_table(results?.concat()))
}
