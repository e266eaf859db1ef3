//! The proof that queries still prune: probes made below the purity line, asked here, judged below again.

use anyhow::{Context, Result};
use tokio_postgres::Client;

use crate::catalog::CatalogSnapshot;
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
    Ok(judge(snapshot, &probes, observations))
}
