//! One query explained: looked up, planned, on request executed and rolled back, and its rewrites tried.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio_postgres::Client;

use crate::catalog::CatalogSnapshot;
use crate::db::analyze::{Access, analyze};
use crate::db::connect::Session;
use crate::db::explain::{Settings, explain_one};
use crate::db::look_up::look_up;
use crate::db::read_catalog::read_tables;
use crate::failure::{Failure, FailureKind};
use crate::policy::is_query;
use crate::pruning::reason::{Diagnosis, QueryFacts};
use crate::pruning::{
    Attempt, Expectation, Explained, Instead, LockBudget, Outcome, Parameter, PlanForm, Probe, Refusal, Source,
    TableVerdict, explained, is_better,
};
use crate::sql::QualifiedName;

/// Whether a query is executed, and for how long at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execute {
    /// It is planned only.
    Never,
    /// It is executed and rolled back.
    Within(Duration),
}

/// Explains one query as the role's own sessions would run it.
///
/// # Errors
/// [`FailureKind::Usage`] when the server does not understand the query, or values and parameters do not match;
/// [`FailureKind::LockTimeout`] when somebody keeps readers out of a table; else when the connection is lost.
pub async fn explain_query(
    session: &Session,
    sql: &str,
    mut parameters: Vec<Parameter>,
    execute: Execute,
) -> Result<Explained> {
    let client = session.client();
    let probe = probe(sql, &parameters);
    let facts = look_up(client, &probe, Settings::OfTheRole)
        .await
        .context("looking the query up")?
        .map_err(|refusal| refused(sql, refusal))?;
    if facts.parameters.len() != parameters.len() {
        let (wanted, given) = (facts.parameters.len(), parameters.len());
        let message = format!("the number of parameters in the query is {wanted}, of values given {given}");
        return Err(Failure::new(FailureKind::Usage, message)
            .hint("give `--with VALUE` once for each of $1, $2, ...")
            .into());
    }
    for (parameter, type_name) in parameters.iter_mut().zip(&facts.parameters) {
        parameter.type_name = Some(type_name.clone());
    }
    let mut result = Explained { sql: sql.to_owned(), parameters, tables: Vec::new(), notes: notes(&facts) };
    let names: Vec<&QualifiedName> =
        facts.relations.iter().filter(|relation| relation.key.is_some()).map(|relation| &relation.name).collect();
    if names.is_empty() {
        return Ok(result);
    }
    let snapshot = read_tables(session, &names).await?;
    let budget = LockBudget::of(&snapshot.server);
    let observation = explain_one(client, &probe, budget, Settings::OfTheRole).await.context("asking the planner")?;
    if let Attempt::Refused(refusal) = &observation.custom {
        return Err(refused(sql, refusal.clone()).into());
    }
    let analyzed = match (execute, &observation.custom) {
        (Execute::Within(timeout), Attempt::Planned { facts, .. }) => {
            let access = if facts.writes { Access::ReadWrite } else { Access::ReadOnly };
            let executed = analyze(client, &probe, access, timeout, Settings::OfTheRole).await;
            Some(executed.context("executing the query")?)
        }
        (Execute::Within(_), not_planned) => Some(not_planned.clone()),
        (Execute::Never, _) => None,
    };
    let verdicts = explained(&snapshot, &facts, sql, &observation, analyzed.as_ref());
    let trial = Trial { client, snapshot: &snapshot, facts: &facts, probe: &probe, settings: Settings::OfTheRole };
    result.tables = trial.of(verdicts).await.context("trying a rewrite")?;
    Ok(result)
}

/// A query whose rewrites are to be tried.
pub(super) struct Trial<'a> {
    pub(super) client: &'a Client,
    pub(super) snapshot: &'a CatalogSnapshot,
    pub(super) facts: &'a QueryFacts,
    pub(super) probe: &'a Probe,
    pub(super) settings: Settings,
}

impl Trial<'_> {
    /// The verdicts, with those rewrites that the planner has shown to be better.
    pub(super) async fn of(
        &self,
        verdicts: Vec<(TableVerdict, Vec<(PlanForm, Diagnosis)>)>,
    ) -> Result<Vec<TableVerdict>, tokio_postgres::Error> {
        let Self { client, snapshot, facts, probe, settings } = self;
        let budget = LockBudget::of(&snapshot.server);
        let mut tables = Vec::new();
        for (mut verdict, diagnoses) in verdicts {
            for (form, diagnosis) in diagnoses {
                let Some(rewrite) = diagnosis.rewrite else { continue };
                let rewritten = Probe { sql: rewrite.sql.clone(), ..(*probe).clone() };
                let seen = explain_one(client, &rewritten, budget, *settings).await?;
                let again = explained(snapshot, facts, &rewrite.sql, &seen, None);
                let Some((new, _)) = again.into_iter().find(|(new, _)| new.table == verdict.table) else { continue };
                if let Some(outcome) = improvement(form, &verdict, &new) {
                    let instead = Instead { condition: rewrite.condition, sql: rewrite.sql, outcome };
                    if let Some(advice) = verdict.advice_mut(form) {
                        advice.instead = Some(instead);
                    }
                }
            }
            if let (Some(custom), Some(generic)) = (&verdict.custom_advice, &mut verdict.generic_advice)
                && custom.reason == generic.reason
                && custom.why == generic.why
            {
                generic.clone_from(custom);
            }
            tables.push(verdict);
        }
        Ok(tables)
    }
}

/// The outcome of a rewrite that is better than what it replaces, and in no plan worse.
fn improvement(form: PlanForm, old: &TableVerdict, new: &TableVerdict) -> Option<Outcome> {
    let (old, new) = match form {
        PlanForm::Custom => (old.outcome()?, new.custom.outcome()?),
        PlanForm::Generic => (old.generic.outcome()?, new.generic.outcome()?),
    };
    is_better(new, old).then(|| new.clone())
}

pub(super) fn probe(sql: &str, parameters: &[Parameter]) -> Probe {
    Probe {
        table: QualifiedName::new("", ""),
        name: "query".to_owned(),
        source: Source::Policy,
        sql: sql.to_owned(),
        parameters: parameters.to_vec(),
        expect: Expectation::Limits { partitions: None, locks: None, require: None },
        locks: None,
        obstacle: None,
        location: None,
    }
}

fn notes(facts: &QueryFacts) -> Vec<String> {
    let leaves = facts.relations.iter().filter(|relation| relation.key.is_none());
    leaves
        .filter_map(|relation| {
            let root = relation.root.as_ref()?;
            Some(format!(
                "it names {}, a partition of {root}: its bound is not used, and no other is read",
                relation.name
            ))
        })
        .collect()
}

fn refused(sql: &str, refusal: Refusal) -> Failure {
    let state = refusal.sqlstate.clone().unwrap_or_default();
    let hint = match state.as_str() {
        "42P18" => Some("give the parameter a type, as in `$1::date` or with `--type`"),
        "42P02" => Some("number the parameters from $1"),
        "42601" if refusal.message.contains("multiple commands") => Some("give one statement"),
        "42601" if !is_query(sql) => {
            Some("give one SELECT, INSERT, UPDATE, DELETE, MERGE or VALUES, without EXPLAIN before it")
        }
        "42P01" => Some("name tables with their schema, as in `shop.orders`, and connect to their database"),
        "42703" | "42883" => Some("mend the query: Postgres itself does not take it"),
        "42601" => Some("mend the query: Postgres itself does not take it"),
        "42501" => Some("grant this role the rights that the query needs"),
        "55P03" => Some("look at what holds the table locked, and run again"),
        _ => None,
    };
    let kind = match state.as_str() {
        "55P03" => FailureKind::LockTimeout,
        "42501" => FailureKind::Unexpected,
        state if state.starts_with("42") || state.starts_with("22") => FailureKind::Usage,
        _ => FailureKind::Unexpected,
    };
    let failure = Failure::new(kind, format!("the query cannot be planned: {refusal}"));
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
