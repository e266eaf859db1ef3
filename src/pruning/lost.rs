//! Queries that pruned before a run and do not after it: which steps stand between, and how to take them back.

use super::result::{Judgement, PruningResult, Verdict};
use crate::plan::{Finding, Step, StepKind, codes, first_few};
use crate::sql::QualifiedName;

/// Steps and undos that are named before the rest is counted.
const SHOWN: usize = 5;

/// Whether the second judgement of a query is worse than the first one, given that the first proved something.
pub fn is_lost(before: &[PruningResult], after: &PruningResult) -> bool {
    let same =
        |known: &&PruningResult| (&known.table, &known.query, &known.sql) == (&after.table, &after.query, &after.sql);
    let Some(before) = before.iter().find(same) else { return false };
    let pruned = |result: &PruningResult| result.verdict().map(|verdict| verdict != Verdict::Unpruned);
    let failed = matches!(after.judgement, Judgement::Failed(_));
    1 < before.total && before.passed() && pruned(before) == Some(true) && (failed || pruned(after) == Some(false))
}

/// A finding for each query that a run has made worse. `done` is what the run did to its tables, in that order.
pub fn lost(before: &[PruningResult], after: &[PruningResult], done: &[(&QualifiedName, &Step)]) -> Vec<Finding> {
    let lost = after.iter().filter(|result| is_lost(before, result));
    lost.map(|result| {
        let own: Vec<&Step> = done
            .iter()
            .filter(|(table, step)| result.table == **table && changes(step))
            .map(|(_, step)| *step)
            .collect();
        let steps: Vec<String> =
            own.iter().map(|step| format!("{} {}", step.kind().as_str(), step.target().name)).collect();
        let undo: Vec<String> = own.iter().rev().map(|step| step.undo()).collect();
        let now = match &result.judgement {
            Judgement::Failed(why) => why.clone(),
            _ => "reads every partition".to_owned(),
        };
        let message = format!(
            "`{}` pruned before this run and now {now}; this run did: {}",
            result.query,
            first_few(&steps, SHOWN)
        );
        let hint = format!("mend the query or its limits, or take the steps back: {}", first_few(&undo, SHOWN));
        Finding::about(codes::PRUNING_LOST, &result.table, message).hint(hint).written_at(result.location.clone())
    })
    .collect()
}

/// Whether queries see other partitions after it.
fn changes(step: &Step) -> bool {
    matches!(step.kind(), StepKind::Create | StepKind::Move | StepKind::Attach | StepKind::Detach | StepKind::Drop)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{alone, policy_result, query, unpruned};
    use super::*;
    use crate::policy::PruningQuery;

    #[test]
    fn only_a_query_that_pruned_before_can_lose_it() {
        let limited = || PruningQuery { partitions: Some(1), ..query("select 1") };
        let good = || policy_result(limited(), alone(), alone());
        let bad = || policy_result(limited(), unpruned(), unpruned());
        assert!(is_lost(&[good()], &bad()));
        assert!(!is_lost(&[bad()], &bad()), "it did not prune before either");
        assert!(!is_lost(&[good()], &good()));
        assert!(!is_lost(&[], &bad()), "nobody looked before");
        let one = PruningResult { total: 1, ..good() };
        assert!(!is_lost(&[one], &bad()), "there was nothing to leave out");
        let allowed = PruningQuery { partitions: Some(3), ..query("select 1") };
        let all = policy_result(allowed.clone(), unpruned(), unpruned());
        assert!(is_lost(&[policy_result(allowed, alone(), alone())], &all), "limits allow it, and it pruned");
    }
}
