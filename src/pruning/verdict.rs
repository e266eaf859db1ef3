//! What the planner's answers say of each table: which of its leaves are read, which were locked in vain, and the
//! verdict that follows.
//!
//! Only what a plan and its locks show counts; what a query has to reach is `weigh`'s business.

use std::collections::{BTreeMap, BTreeSet};

use super::explain::PlanFacts;
use super::findings::hint;
use super::probe::Probe;
use super::result::{Attempt, Judgement, Observation, Outcome, PruningResult, Tried, Verdict};
use super::weigh::weigh;
use crate::catalog::{CatalogSnapshot, Table};
use crate::policy::PruningStage;
use crate::sql::QualifiedName;

/// Judges every probe by what was observed; both in the same order.
pub fn judge(snapshot: &CatalogSnapshot, probes: &[Probe], observations: Vec<Observation>) -> Vec<PruningResult> {
    let tables: BTreeMap<&QualifiedName, Leaves<'_>> =
        snapshot.tables.iter().map(|table| (&table.name, Leaves::of(table))).collect();
    let pairs = probes.iter().zip(observations);
    pairs.filter_map(|(probe, observation)| Some(tables.get(&probe.table)?.judge(probe, observation))).collect()
}

/// What one plan does to one table.
pub fn tried(table: &Table, attempt: Attempt) -> Tried {
    Leaves::of(table).tried(attempt)
}

/// The leaves of one table, each with the direct partition that it is or lies below.
pub(super) struct Leaves<'a> {
    table: &'a Table,
    partition_of: BTreeMap<&'a QualifiedName, &'a QualifiedName>,
    oids: BTreeSet<u32>,
}

impl<'a> Leaves<'a> {
    pub(super) fn of(table: &'a Table) -> Self {
        let mut partition_of = BTreeMap::new();
        let mut oids = BTreeSet::new();
        for partition in table.visible() {
            for leaf in partition.leaves() {
                partition_of.insert(&leaf.name, &partition.name);
                oids.insert(leaf.oid);
            }
        }
        Self { table, partition_of, oids }
    }

    /// How many there are.
    pub(super) fn total(&self) -> usize {
        self.partition_of.len()
    }

    fn judge(&self, probe: &Probe, observation: Observation) -> PruningResult {
        let hint = hint(probe, &observation);
        let foreign = self.is_about_something_else(&observation);
        let inserts = matches!(&observation.custom, Attempt::Planned { facts, .. } if facts.inserts);
        let broken = match &observation.custom {
            Attempt::Refused(refusal) => refusal.is_the_querys_own_fault(),
            Attempt::Planned { .. } | Attempt::Skipped(_) => false,
        };
        let (custom, generic) = if foreign {
            let why = format!("does not read {}", self.table.name);
            (Tried::Not(why.clone()), Tried::Not(why))
        } else {
            (self.tried(observation.custom), self.tried(observation.generic))
        };
        let mut notes = Vec::new();
        let judgement = match &custom {
            Tried::Not(why) if foreign => Judgement::Failed(why.clone()),
            Tried::Not(why) if broken => Judgement::Failed(format!("cannot be planned: {why}")),
            Tried::Not(why) => Judgement::NotTried(why.clone()),
            Tried::Planned(outcome) => {
                if inserts && outcome.scanned.is_empty() {
                    notes.push("a plan does not show which partition an INSERT writes to".to_owned());
                }
                weigh(self, &probe.expect, outcome, &generic, &mut notes)
            }
        };
        PruningResult {
            table: probe.table.clone(),
            query: probe.name.clone(),
            source: probe.source,
            sql: probe.sql.clone(),
            total: self.total(),
            custom,
            generic,
            hint: hint.filter(|_| judgement != Judgement::Passed && !foreign),
            judgement,
            notes,
            location: probe.location.clone(),
            advice: None,
        }
    }

    /// The direct partitions whose leaves are read.
    pub(super) fn partitions_read(&self, outcome: &Outcome) -> BTreeSet<&QualifiedName> {
        outcome.scanned.iter().filter_map(|leaf| self.partition_of.get(leaf).copied()).collect()
    }

    /// A query that neither names the table nor reads or locks a leaf of it. A function in it may still do so,
    /// out of the planner's sight.
    fn is_about_something_else(&self, observation: &Observation) -> bool {
        let Attempt::Planned { facts, locked } = &observation.custom else { return false };
        let Some(mentioned) = &observation.mentioned else { return false };
        !mentioned.contains(&self.table.oid)
            && self.oids.is_disjoint(locked)
            && !facts.scanned.iter().any(|relation| self.partition_of.contains_key(relation))
    }

    pub(super) fn tried(&self, attempt: Attempt) -> Tried {
        match attempt {
            Attempt::Planned { facts, locked } => Tried::Planned(self.outcome(&facts, &locked)),
            Attempt::Refused(refusal) => Tried::Not(refusal.to_string()),
            Attempt::Skipped(why) => Tried::Not(why),
        }
    }

    /// Postgres locks what it does not prune while planning. So what is locked, and not read by a plan that removes
    /// sub-plans, was removed at start-up; this tells apart which table of a join was.
    fn outcome(&self, facts: &PlanFacts, locked: &BTreeSet<u32>) -> Outcome {
        let scanned: Vec<QualifiedName> =
            facts.scanned.iter().filter(|relation| self.partition_of.contains_key(relation)).cloned().collect();
        let unread = self.oids.intersection(locked).count().saturating_sub(scanned.len());
        let removed = unread.min(usize::try_from(facts.removed).unwrap_or(usize::MAX));
        let mine =
            |set: &BTreeSet<QualifiedName>| set.iter().filter(|leaf| self.partition_of.contains_key(leaf)).count();
        let never_executed = facts.execution.as_ref().map(|execution| mine(&execution.idle));
        let verdict = if 0 < removed {
            Verdict::Pruned(PruningStage::Startup)
        } else if scanned.len() < self.total() {
            Verdict::Pruned(PruningStage::Plan)
        } else if facts.execution.as_ref().is_some_and(|execution| 0 < mine(&execution.spared)) {
            Verdict::Pruned(PruningStage::Execution)
        } else {
            Verdict::Unpruned
        };
        let condition = scanned.iter().find_map(|leaf| facts.conditions.get(leaf)).cloned();
        Outcome { scanned, removed, never_executed, locks: locked.len(), verdict, condition }
    }

    /// `reads 12 of 12 partitions (a, b, c and 9 more)`
    pub(super) fn reads(&self, outcome: &Outcome) -> String {
        const SHOWN: usize = 3;
        let mut names: Vec<String> = outcome.scanned.iter().take(SHOWN).map(|leaf| self.short(leaf)).collect();
        if SHOWN < outcome.scanned.len() {
            let last = names.pop().unwrap_or_default();
            names.push(format!("{last} and {} more", outcome.scanned.len() - SHOWN));
        }
        let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        format!("reads {} of {} partitions{names}", outcome.scanned.len(), self.total())
    }

    /// Without the schema where it is the table's own.
    pub(super) fn short(&self, name: &QualifiedName) -> String {
        if name.schema == self.table.name.schema { name.name.to_string() } else { name.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{
        self, ALL_LOCKED, DAY_1, alone, appended, at_startup, grid, observed, policy_result, skipped, unpruned,
    };
    use super::super::probe::probes;
    use super::super::result::Refusal;
    use super::*;

    fn refused(sqlstate: &str) -> Attempt {
        Attempt::Refused(Refusal { sqlstate: Some(sqlstate.to_owned()), message: "no".to_owned() })
    }

    fn failed(result: &PruningResult) -> &str {
        match &result.judgement {
            Judgement::Failed(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_verdict_follows_from_what_is_read_and_what_was_locked_in_vain() {
        let result = grid(alone(), at_startup());
        assert_eq!(result.judgement, Judgement::Passed);
        let (custom, generic) = (result.custom.outcome().unwrap(), result.generic.outcome().unwrap());
        assert_eq!((custom.verdict.as_str(), custom.removed, custom.locks, result.total), ("plan", 0, 2, 3));
        assert_eq!((generic.verdict.as_str(), generic.removed, generic.locks), ("startup", 2, 4));
        let everything = grid(unpruned(), unpruned());
        assert_eq!(everything.verdict().map(Verdict::as_str), Some("none"));
    }

    #[test]
    fn what_another_table_of_the_query_removes_is_not_this_tables_verdict() {
        let join = appended(&[DAY_1], 4, &[10, 11, 20, 21, 22, 23, 24]);
        assert_eq!(grid(join, at_startup()).verdict().map(Verdict::as_str), Some("plan"));
    }

    #[test]
    fn a_leaf_that_a_constraint_rules_out_after_it_was_locked_is_pruned_when_planned() {
        let result = grid(appended(&[DAY_1], 0, ALL_LOCKED), at_startup());
        assert_eq!(result.verdict().map(Verdict::as_str), Some("plan"));
    }

    #[test]
    fn a_partition_with_partitions_of_its_own_is_read_by_any_leaf_below_it() {
        let mut snapshot = fixture::snapshot();
        let mut table = snapshot.tables[0].clone();
        let days_1 = &mut snapshot.tables[0].partitions[1];
        days_1.kind = crate::catalog::RelationKind::Partitioned;
        table.partitions = ["days_1_a", "days_1_b"]
            .iter()
            .zip(101..)
            .map(|(name, oid)| {
                let bound = "FOR VALUES WITH (modulus 2, remainder 0)".parse().unwrap();
                let name = QualifiedName::new("shop", *name);
                crate::catalog::Partition { oid, name, bound, kind: Default::default(), table: None, ..days_1.clone() }
            })
            .collect();
        days_1.table = Some(Box::new(table));
        let leaves = [DAY_1.replace("days_1", "days_1_a"), DAY_1.replace("days_1", "days_1_b")];
        let probes = probes(&[fixture::days(Vec::new())], &snapshot);
        let attempt = appended(&[&leaves[0], &leaves[1]], 0, &[10, 11, 101, 102]);
        let result = judge(&snapshot, &probes[1..2], vec![observed(attempt.clone(), attempt)]).remove(0);
        assert_eq!((&result.judgement, result.total), (&Judgement::Passed, 4));
    }

    #[test]
    fn a_query_about_something_else_fails() {
        let snapshot = fixture::snapshot();
        let probes = probes(&[fixture::days(vec![fixture::query("select 1")])], &snapshot);
        let elsewhere = appended(&[], 0, &[20, 23]);
        let seen = Observation { mentioned: Some([20].into()), ..observed(elsewhere.clone(), elsewhere.clone()) };
        let result = judge(&snapshot, &probes[6..], vec![seen]).remove(0);
        assert_eq!(failed(&result), "does not read shop.days");
        assert_eq!(result.verdict(), None);
        let contradiction = policy_result(fixture::query("select 1"), elsewhere.clone(), elsewhere);
        assert!(contradiction.passed(), "it names the table, and no row can match");
    }

    #[test]
    fn the_querys_own_mistakes_fail_it_and_circumstances_leave_it_untried() {
        let judged = |attempt: Attempt| policy_result(fixture::query("select 1"), attempt.clone(), attempt).judgement;
        for state in ["42601", "42703", "42P01", "22007"] {
            assert_eq!(judged(refused(state)), Judgement::Failed(format!("cannot be planned: no ({state})")));
        }
        for state in ["42501", "55P03", "57014", "53200"] {
            assert_eq!(judged(refused(state)), Judgement::NotTried(format!("no ({state})")));
        }
        assert_eq!(judged(skipped()), Judgement::NotTried("too many locks".to_owned()));
    }

    #[test]
    fn long_lists_of_partitions_are_cut() {
        let mut snapshot = fixture::snapshot();
        let more = |number: u32| {
            let first = &snapshot.tables[0].partitions[0];
            let name = QualifiedName::new("elsewhere", format!("days_{number}"));
            crate::catalog::Partition { oid: 100 + number, name, ..first.clone() }
        };
        let more: Vec<_> = (4..9).map(more).collect();
        snapshot.tables[0].partitions.extend(more);
        let leaves = Leaves::of(&snapshot.tables[0]);
        let scanned = snapshot.tables[0].partitions.iter().map(|partition| partition.name.clone()).collect();
        let facts = PlanFacts { scanned, ..PlanFacts::default() };
        let outcome = leaves.outcome(&facts, &BTreeSet::new());
        assert_eq!(
            leaves.reads(&outcome),
            "reads 8 of 8 partitions (elsewhere.days_4, elsewhere.days_5, elsewhere.days_6 and 5 more)"
        );
    }
}
