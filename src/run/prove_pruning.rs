//! The proof that queries still prune: probes made below the purity line, asked here, judged below again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::catalog::CatalogSnapshot;
use crate::db::connect::Session;
use crate::db::explain::{Settings, explain_all, explain_one};
use crate::db::look_up::look_up;
use crate::policy::{Policy, PruningStage};
use crate::pruning::reason::{Inquiry, diagnose};
use crate::pruning::{
    Advice, Instead, Judgement, LockBudget, Outcome, PlanForm, Probe, PruningResult, Source, Tried, Verdict, is_better,
    judge, probes, reach_probes, tried,
};
use crate::sql::QualifiedName;

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
    let mut results = judge(snapshot, &probes, observations);
    for result in &mut results {
        let own =
            |probe: &&Probe| probe.source == Source::Policy && probe.table == result.table && probe.sql == result.sql;
        if let (Some(inquiry), Some(probe)) = (inquiry(result), probes.iter().find(own)) {
            result.advice = advise(client, snapshot, probe, inquiry, budget).await.context("looking for a reason")?;
        }
    }
    Ok(by_table(results))
}

/// The plan to explain of a policy's query that fails.
fn inquiry(result: &PruningResult) -> Option<(PlanForm, Outcome)> {
    if result.source != Source::Policy || result.passed() {
        return None;
    }
    let late = |outcome: &&Outcome| outcome.verdict != Verdict::Pruned(PruningStage::Plan);
    let of = |form, tried: &Tried| Some((form, tried.outcome().filter(late)?.clone()));
    of(PlanForm::Custom, &result.custom).or_else(|| of(PlanForm::Generic, &result.generic))
}

async fn advise(
    client: &Client,
    snapshot: &CatalogSnapshot,
    probe: &Probe,
    (form, outcome): (PlanForm, Outcome),
    budget: LockBudget,
) -> Result<Option<Advice>> {
    let Ok(facts) = look_up(client, probe, Settings::Pinned).await? else { return Ok(None) };
    let (sql, table) = (probe.sql.as_str(), &probe.table);
    let inquiry = Inquiry { sql, facts: &facts, table, form, outcome: &outcome };
    let Some(diagnosis) = diagnose(&inquiry) else { return Ok(None) };
    let rewrite = diagnosis.rewrite.clone();
    let mut advice = Advice::of(diagnosis);
    if let (Some(rewrite), Some(table)) = (rewrite, snapshot.table(table)) {
        let rewritten = Probe { sql: rewrite.sql.clone(), ..probe.clone() };
        let seen = explain_one(client, &rewritten, budget, Settings::Pinned).await?;
        let new = tried(table, if form == PlanForm::Custom { seen.custom } else { seen.generic });
        advice.instead = new.outcome().filter(|new| is_better(new, &outcome)).map(|outcome| Instead {
            condition: rewrite.condition,
            sql: rewrite.sql,
            outcome: outcome.clone(),
        });
    }
    Ok(Some(advice))
}

/// The new partitions that a query by their own bound does not find, or finds beside others.
///
/// This is asked after their commit about those that were not proven before it: beside a DEFAULT or foreign keys others
/// wait for what a transaction has locked, and inside of it an EXPLAIN takes longer the more partitions there are
/// (15.20: 0.3 ms with 30, 1.2 ms with 1,000, 11 ms with 10,000).
///
/// # Errors
/// When the connection is lost.
async fn unreachable(
    client: &Client,
    policies: &[Policy],
    snapshot: &CatalogSnapshot,
    made: &BTreeSet<QualifiedName>,
) -> Result<Vec<PruningResult>> {
    let probes = reach_probes(policies, snapshot, made);
    let budget = LockBudget::of(&snapshot.server);
    let observations = explain_all(client, &probes, budget).await.context("asking the planner")?;
    let failed = |result: &PruningResult| matches!(result.judgement, Judgement::Failed(_));
    Ok(judge(snapshot, &probes, observations).into_iter().filter(failed).collect())
}

/// How long judging before a run may go on before the next table is left out: what is missing is waited for by rows.
const BEFORE_A_RUN: Duration = Duration::from_secs(5);

/// How the policies' own queries stand, without reasons; those of later tables are left out when it takes long.
///
/// # Errors
/// When the connection is lost.
pub(super) async fn judge_own_queries(
    client: &Client,
    policies: &[Policy],
    snapshot: &CatalogSnapshot,
) -> Result<Vec<PruningResult>> {
    let budget = LockBudget::of(&snapshot.server);
    let started = Instant::now();
    let mut results = Vec::new();
    for policy in policies.iter().filter(|policy| !policy.pruning.is_empty()) {
        if BEFORE_A_RUN <= started.elapsed() {
            break;
        }
        let mut probes = probes(std::slice::from_ref(policy), snapshot);
        probes.retain(|probe| probe.source == Source::Policy);
        let observations = explain_all(client, &probes, budget).await.context("asking the planner")?;
        results.extend(judge(snapshot, &probes, observations));
    }
    Ok(results)
}

/// Tables in the order of their names, as plans have them; queries of one table stay as they were asked.
fn by_table(mut results: Vec<PruningResult>) -> Vec<PruningResult> {
    results.sort_by(|a, b| a.table.cmp(&b.table));
    results
}

/// [`prove_pruning`] over several sessions at once, each asked about its share of the tables, and about the partitions
/// that were made in them.
///
/// # Errors
/// When a connection is lost.
pub(super) async fn prove_pruning_together(
    sessions: Vec<Session>,
    policies: Vec<Policy>,
    snapshot: CatalogSnapshot,
    made: BTreeSet<QualifiedName>,
) -> Result<Vec<PruningResult>> {
    let facts = Arc::new((snapshot, made));
    let share = policies.len().div_ceil(sessions.len().max(1)).max(1);
    let mut asking = JoinSet::new();
    for (session, policies) in sessions.into_iter().zip(policies.chunks(share)) {
        let (policies, facts) = (policies.to_vec(), Arc::clone(&facts));
        asking.spawn(async move {
            let (snapshot, made) = &*facts;
            let mut results = unreachable(session.client(), &policies, snapshot, made).await?;
            results.extend(prove_pruning(session.client(), &policies, snapshot).await?);
            anyhow::Ok(results)
        });
    }
    let results: Result<Vec<Vec<PruningResult>>> = asking.join_all().await.into_iter().collect();
    Ok(by_table(results?.concat()))
}
