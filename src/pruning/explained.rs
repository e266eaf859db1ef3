//! One verdict for each partitioned table that a query touches, whoever manages it.
//!
//! Like `judge`, but nothing is held against an expectation: this only says what the plans do.

use super::probe::Parameter;
use super::reason::{Diagnosis, Inquiry, QueryFacts, diagnose};
use super::result::{Advice, Attempt, Observation, Outcome, PlanForm, Tried, Verdict};
use super::verdict::Leaves;
use crate::catalog::{CatalogSnapshot, Table};
use crate::policy::PruningStage;
use crate::sql::QualifiedName;

/// What is known about one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The query.
    pub sql: String,
    /// Its parameters with the types that they have.
    pub parameters: Vec<Parameter>,
    /// The partitioned tables that it touches, in the order of their names.
    pub tables: Vec<TableVerdict>,
    /// Worth knowing of the query as a whole.
    pub notes: Vec<String>,
}

/// What a query does to one partitioned table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableVerdict {
    /// The table.
    pub table: QualifiedName,
    /// Its leaves, those pending detach left out.
    pub total: usize,
    /// Relations that the query could lock at worst, of all tables, with indexes.
    pub lockable: u64,
    /// Whether the query reads it; rows that are only inserted go to their partitions one by one, and no plan says so.
    pub read: bool,
    /// The custom plan.
    pub custom: Tried,
    /// The generic plan.
    pub generic: Tried,
    /// The custom plan, executed and rolled back; `None`: nobody asked for it.
    pub analyzed: Option<Tried>,
    /// How long the custom plan took to make.
    pub planning: Option<std::time::Duration>,
    /// Why the custom plan is worse than `plan`.
    pub custom_advice: Option<Advice>,
    /// Why the generic plan is.
    pub generic_advice: Option<Advice>,
    /// Worth knowing.
    pub notes: Vec<String>,
}

impl TableVerdict {
    /// The best that was shown of the custom plan: executed, if it was.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.analyzed.as_ref().and_then(Tried::outcome).or(self.custom.outcome())
    }

    /// The verdict that counts; `None`: not tried, or not read.
    pub fn verdict(&self) -> Option<Verdict> {
        self.outcome().filter(|_| self.read).map(|outcome| outcome.verdict)
    }

    /// Whether every partition is read where there is more than one.
    pub fn fails(&self) -> bool {
        1 < self.total && self.verdict() == Some(Verdict::Unpruned)
    }

    /// Whether a plan made for all values reads every partition where there is more than one.
    pub fn generic_fails(&self) -> bool {
        let verdict = self.generic.outcome().map(|outcome| outcome.verdict);
        1 < self.total && self.read && verdict == Some(Verdict::Unpruned)
    }

    /// The advice about one form of plan.
    pub fn advice_mut(&mut self, form: PlanForm) -> &mut Option<Advice> {
        match form {
            PlanForm::Custom => &mut self.custom_advice,
            PlanForm::Generic => &mut self.generic_advice,
        }
    }
}

/// The verdicts on the tables of this snapshot, and the diagnoses whose rewrites are to be tried.
pub fn explained(
    snapshot: &CatalogSnapshot,
    facts: &QueryFacts,
    sql: &str,
    observation: &Observation,
    analyzed: Option<&Attempt>,
) -> Vec<(TableVerdict, Vec<(PlanForm, Diagnosis)>)> {
    let tables = snapshot.tables.iter().filter(|table| table.key.is_some());
    tables.map(|table| one(table, facts, sql, observation, analyzed)).collect()
}

/// Whether an outcome beats another: an earlier stage, or fewer leaves at the same one.
pub fn is_better(new: &Outcome, old: &Outcome) -> bool {
    (new.verdict, new.scanned.len()) < (old.verdict, old.scanned.len()) && new.scanned.len() <= old.scanned.len()
}

fn one(
    table: &Table,
    facts: &QueryFacts,
    sql: &str,
    observation: &Observation,
    analyzed: Option<&Attempt>,
) -> (TableVerdict, Vec<(PlanForm, Diagnosis)>) {
    let leaves = Leaves::of(table);
    let custom = leaves.tried(observation.custom.clone());
    let (mut read, mut planning) = (true, None);
    if let (Attempt::Planned { facts, .. }, Tried::Planned(outcome)) = (&observation.custom, &custom) {
        read = !(facts.targets.contains(&table.name) && outcome.scanned.is_empty() && outcome.removed == 0);
        planning = facts.planning;
    }
    let mut verdict = TableVerdict {
        table: table.name.clone(),
        total: leaves.total(),
        lockable: observation.reachable.unwrap_or(0),
        read,
        generic: leaves.tried(observation.generic.clone()),
        analyzed: analyzed.map(|attempt| leaves.tried(attempt.clone())),
        custom,
        planning,
        custom_advice: None,
        generic_advice: None,
        notes: Vec::new(),
    };
    verdict.notes = notes(table, &verdict);
    let mut diagnoses = Vec::new();
    if verdict.read && 1 < verdict.total {
        let ask = |form, outcome| diagnose(&Inquiry { sql, facts, table: &table.name, form, outcome });
        let custom = verdict.outcome().and_then(|outcome| ask(PlanForm::Custom, outcome));
        let generic = verdict.generic.outcome().and_then(|outcome| ask(PlanForm::Generic, outcome));
        verdict.custom_advice = custom.clone().map(Advice::of);
        verdict.generic_advice = generic.clone().map(Advice::of);
        let same =
            custom.is_some() && custom.as_ref().map(|found| found.reason) == generic.as_ref().map(|found| found.reason);
        diagnoses.extend(custom.map(|diagnosis| (PlanForm::Custom, diagnosis)));
        diagnoses.extend(generic.filter(|_| !same).map(|diagnosis| (PlanForm::Generic, diagnosis)));
    }
    (verdict, diagnoses)
}

fn notes(table: &Table, verdict: &TableVerdict) -> Vec<String> {
    let mut notes = Vec::new();
    if !verdict.read {
        notes.push("rows are only inserted: each goes to its partition, and no plan shows which".to_owned());
    } else if verdict.total <= 1 {
        notes.push("it has one partition at most: there is nothing to leave out".to_owned());
    }
    let scanned = verdict.custom.outcome().map(|outcome| outcome.scanned.as_slice()).unwrap_or_default();
    let earlier = verdict.verdict().is_some_and(|verdict| verdict <= Verdict::Pruned(PruningStage::Startup));
    if let Some(default) = table.default_partition().filter(|default| !default.pending_detach && earlier) {
        let reads = default.leaves().iter().any(|leaf| scanned.contains(&leaf.name));
        if reads && 1 < scanned.len() {
            let name = &default.name.name;
            notes.push(format!(
                "DEFAULT {name} is read as well: a range without an end may reach into it (default_partition)"
            ));
        }
    }
    for partition in table.partitions.iter().filter(|partition| partition.pending_detach) {
        let name = &partition.name.name;
        notes.push(format!("{name} is pending detach: no query sees its rows any more (pending_detach)"));
    }
    notes
}
