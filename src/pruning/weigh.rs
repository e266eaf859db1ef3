//! The rules that a planned query is held to.
//!
//! The custom plan decides, because it is what a query with these values gets. A generic plan fails a query only where
//! the grid's own probes or the policy's `require` ask for it; otherwise it is noted.

use std::collections::BTreeSet;

use super::probe::{Emptiness, Expectation};
use super::result::{Judgement, Outcome, Tried, Verdict};
use super::verdict::Leaves;
use crate::plan::first_few;
use crate::policy::PruningStage;
use crate::sql::QualifiedName;

/// Judges one query on one table; adds what is worth knowing to the notes.
pub(super) fn weigh(
    leaves: &Leaves<'_>,
    expect: &Expectation,
    custom: &Outcome,
    generic: &Tried,
    notes: &mut Vec<String>,
) -> Judgement {
    match expect {
        Expectation::Only { partition, nothing } => {
            let name = leaves.short(partition);
            if custom.scanned.is_empty() && *nothing == Emptiness::Wrong {
                return Judgement::Failed(format!("reads no partition, and {name} holds such rows by its bound"));
            }
            let expected =
                |partitions: BTreeSet<&QualifiedName>| partitions.into_iter().all(|found| found == partition);
            grid(leaves, expected, &format!("{name} alone"), custom, generic, notes)
        }
        Expectation::Each(all) => {
            let all: BTreeSet<&QualifiedName> = all.iter().collect();
            let names: Vec<String> = all.iter().map(|name| leaves.short(name)).collect();
            grid(leaves, |found| found == all, &first_few(&names, 3), custom, generic, notes)
        }
        Expectation::One => {
            let expected = |partitions: BTreeSet<&QualifiedName>| partitions.len() <= 1;
            grid(leaves, expected, "one", custom, generic, notes)
        }
        Expectation::Limits { partitions, locks, require } => {
            let limits = Limits { leaves, partitions: *partitions, locks: *locks, require: *require };
            limits.judge(custom, generic, notes)
        }
    }
}

/// Our own probes leave no excuse: the right partition already when planned, and with unknown values still before any
/// row is read.
fn grid(
    leaves: &Leaves<'_>,
    expected: impl Fn(BTreeSet<&QualifiedName>) -> bool,
    wanted: &str,
    custom: &Outcome,
    generic: &Tried,
    notes: &mut Vec<String>,
) -> Judgement {
    if !expected(leaves.partitions_read(custom)) {
        return Judgement::Failed(format!("{}, expected {wanted}", leaves.reads(custom)));
    }
    if custom.verdict == Verdict::Pruned(PruningStage::Startup) {
        return Judgement::Failed(says(custom));
    }
    match generic {
        Tried::Planned(generic) if !expected(leaves.partitions_read(generic)) => {
            Judgement::Failed(format!("with a generic plan {}, expected {wanted}", leaves.reads(generic)))
        }
        Tried::Planned(_) => Judgement::Passed,
        Tried::Not(why) => {
            notes.push(format!("its generic plan was not tried: {why}"));
            Judgement::Passed
        }
    }
}

/// A policy's limits on one table.
struct Limits<'a> {
    leaves: &'a Leaves<'a>,
    partitions: Option<u32>,
    locks: Option<u32>,
    require: Option<PruningStage>,
}

impl Limits<'_> {
    fn judge(&self, custom: &Outcome, generic: &Tried, notes: &mut Vec<String>) -> Judgement {
        let execution = self.require == Some(PruningStage::Execution);
        let hopeful = execution && self.misses(Verdict::Pruned(PruningStage::Startup), custom);
        let mut failures = Vec::new();
        // Pruning during execution shows only when a query is executed, which is never done here.
        if !hopeful {
            failures.extend(self.wrong_with(custom));
        }
        if let Some(most) = self.too_many_locks(custom) {
            failures.push(format!("locks {} relations, at most {most} allowed", custom.locks));
        }
        let mut unjudged = None;
        match (generic, self.require) {
            (Tried::Planned(generic), require) => {
                // Start-up is the best that a plan can do which knows no values.
                let best = require.filter(|_| !execution).map(|_| Verdict::Pruned(PruningStage::Startup));
                if best.is_some_and(|best| self.misses(best, generic)) && failures.is_empty() {
                    failures.push(format!("with a generic plan it {}", self.leaves.reads(generic)));
                } else if self.too_many(generic) && !self.too_many(custom) {
                    notes.push(format!("with a generic plan it {}", self.leaves.reads(generic)));
                }
                if self.too_many_locks(generic).is_some() && self.too_many_locks(custom).is_none() {
                    notes.push(format!("with a generic plan it locks {} relations", generic.locks));
                }
            }
            (Tried::Not(why), Some(_)) => unjudged = Some(format!("its generic plan is not known: {why}")),
            (Tried::Not(why), None) => notes.push(format!("its generic plan was not tried: {why}")),
        }
        if !failures.is_empty() {
            Judgement::Failed(failures.join("; "))
        } else if hopeful {
            Judgement::NotTried(
                "it prunes during execution if at all, which only EXPLAIN ANALYZE would show".to_owned(),
            )
        } else {
            unjudged.map_or(Judgement::Passed, Judgement::NotTried)
        }
    }

    fn wrong_with(&self, custom: &Outcome) -> Option<String> {
        if self.too_many(custom) {
            let allowed = self.partitions.map(|most| format!(", at most {most} allowed")).unwrap_or_default();
            return Some(format!("{}{allowed}", self.leaves.reads(custom)));
        }
        let required = Verdict::Pruned(self.require?);
        self.misses(required, custom).then(|| format!("{}, `require` is {}", says(custom), required.as_str()))
    }

    fn too_many(&self, outcome: &Outcome) -> bool {
        match self.partitions {
            Some(most) => (most as usize) < outcome.scanned.len(),
            None => 1 < self.leaves.total() && outcome.scanned.len() == self.leaves.total(),
        }
    }

    fn too_many_locks(&self, outcome: &Outcome) -> Option<u32> {
        self.locks.filter(|most| (*most as usize) < outcome.locks)
    }

    /// One partition leaves nothing to prune.
    fn misses(&self, required: Verdict, outcome: &Outcome) -> bool {
        1 < self.leaves.total() && required < outcome.verdict
    }
}

fn says(outcome: &Outcome) -> String {
    match outcome.verdict {
        Verdict::Pruned(PruningStage::Plan) => "prunes when planned".to_owned(),
        Verdict::Pruned(PruningStage::Startup) => {
            format!("prunes only when execution starts, after {} locks", outcome.locks)
        }
        Verdict::Pruned(PruningStage::Execution) => "prunes only during execution".to_owned(),
        Verdict::Unpruned => "does not prune".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{
        self, DAY_2, alone, appended, at_startup, grid, observed, policy_result, skipped, unpruned,
    };
    use super::super::probe::probes;
    use super::super::result::PruningResult;
    use super::super::verdict::judge;
    use super::*;
    use crate::policy::PruningQuery;

    fn failed(result: &PruningResult) -> &str {
        match &result.judgement {
            Judgement::Failed(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_grid_probe_fails_when_it_reads_more_nothing_or_too_late() {
        assert_eq!(
            failed(&grid(unpruned(), unpruned())),
            "reads 3 of 3 partitions (days_1, days_2, days_3), expected days_1 alone"
        );
        assert_eq!(
            failed(&grid(appended(&[DAY_2], 0, &[10, 12]), at_startup())),
            "reads 1 of 3 partitions (days_2), expected days_1 alone"
        );
        assert_eq!(
            failed(&grid(appended(&[], 0, &[10]), at_startup())),
            "reads no partition, and days_1 holds such rows by its bound"
        );
        assert_eq!(failed(&grid(at_startup(), at_startup())), "prunes only when execution starts, after 4 locks");
        assert_eq!(
            failed(&grid(alone(), unpruned())),
            "with a generic plan reads 3 of 3 partitions (days_1, days_2, days_3), expected days_1 alone"
        );
    }

    #[test]
    fn a_hash_probe_may_read_any_one_partition_or_none() {
        let snapshot = fixture::snapshot();
        let probes = probes(&[fixture::events()], &snapshot);
        let leaf = |name: &str| format!(r#"{{"Node Type": "Seq Scan", "Relation Name": "{name}", "Schema": "shop"}}"#);
        let (first, second) = (leaf("events_p0"), leaf("events_p1"));
        let judged = |nodes: &[&str]| {
            let attempt = appended(nodes, 0, &[30, 31]);
            judge(&snapshot, &probes, vec![observed(attempt.clone(), attempt)]).remove(0).judgement
        };
        assert_eq!(judged(&[]), Judgement::Passed);
        assert_eq!(judged(&[&second]), Judgement::Passed);
        assert!(matches!(judged(&[&first, &second]), Judgement::Failed(_)));
    }

    #[test]
    fn a_policys_query_without_limits_must_leave_something_out() {
        let query = || fixture::query("select 1");
        assert!(policy_result(query(), alone(), alone()).passed());
        assert_eq!(
            failed(&policy_result(query(), unpruned(), unpruned())),
            "reads 3 of 3 partitions (days_1, days_2, days_3)"
        );
    }

    #[test]
    fn limits_hold_for_the_custom_plan_and_are_noted_of_the_generic_one() {
        let query = |partitions, locks| PruningQuery { partitions, locks, ..fixture::query("select 1") };
        let all_allowed = policy_result(query(Some(3), None), unpruned(), unpruned());
        assert!(all_allowed.passed() && all_allowed.notes.is_empty());
        let result = policy_result(query(Some(1), Some(2)), alone(), unpruned());
        assert!(result.passed());
        assert_eq!(
            result.notes,
            [
                "with a generic plan it reads 3 of 3 partitions (days_1, days_2, days_3)",
                "with a generic plan it locks 4 relations",
            ]
        );
        assert_eq!(
            failed(&policy_result(query(Some(1), Some(2)), unpruned(), unpruned())),
            "reads 3 of 3 partitions (days_1, days_2, days_3), at most 1 allowed; locks 4 relations, at most 2 allowed"
        );
    }

    #[test]
    fn require_holds_for_both_plans_as_far_as_each_can_prune() {
        use PruningStage::{Execution, Plan, Startup};
        let result = |stage, custom, generic| {
            let query = PruningQuery { require: Some(stage), partitions: Some(3), ..fixture::query("select 1") };
            policy_result(query, custom, generic)
        };
        assert!(result(Plan, alone(), at_startup()).passed());
        assert!(result(Startup, at_startup(), at_startup()).passed());
        assert_eq!(
            failed(&result(Plan, at_startup(), at_startup())),
            "prunes only when execution starts, after 4 locks, `require` is plan"
        );
        assert_eq!(failed(&result(Startup, unpruned(), unpruned())), "does not prune, `require` is startup");
        assert_eq!(
            failed(&result(Startup, alone(), unpruned())),
            "with a generic plan it reads 3 of 3 partitions (days_1, days_2, days_3)"
        );
        assert!(result(Execution, alone(), unpruned()).passed());
        assert!(matches!(result(Execution, unpruned(), unpruned()).judgement, Judgement::NotTried(_)));
        assert!(matches!(result(Startup, alone(), skipped()).judgement, Judgement::NotTried(_)));
    }

    #[test]
    fn one_partition_leaves_nothing_to_prune() {
        let mut snapshot = fixture::snapshot();
        snapshot.tables[0].partitions.retain(|partition| partition.oid == 11);
        let query = PruningQuery { require: Some(PruningStage::Plan), ..fixture::query("select 1") };
        let probes = probes(&[fixture::days(vec![query])], &snapshot);
        let observations = vec![observed(alone(), alone()); probes.len()];
        assert!(judge(&snapshot, &probes, observations).iter().all(PruningResult::passed));
    }
}
