//! What judged queries mean for the run. Decides which of them are worth a finding of their own, and the hint.

use std::collections::BTreeMap;

use super::lock_budget::Pruning;
use super::probe::{Probe, Source};
use super::result::{Advice, Attempt, Judgement, Observation, PruningResult, Tried};
use crate::plan::{Finding, FindingCode, codes};
use crate::sql::QualifiedName;

/// One finding for each query of a policy that fails; what fails of a table's grid is told once, and so is each reason
/// why queries of a table were not tried.
pub fn findings(results: &[PruningResult]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut told: BTreeMap<(&QualifiedName, &'static str, Option<&str>), (usize, usize)> = BTreeMap::new();
    for result in results {
        let Some((code, clause, reason)) = ending(result) else { continue };
        let mut finding = Finding::about(code, &result.table, format!("`{}` {clause}", result.query))
            .written_at(result.location.clone());
        finding.hint = result.hint.clone().or_else(|| result.advice.as_ref().map(Advice::in_words));
        if result.source == Source::Policy && reason.is_none() {
            findings.push(finding);
            continue;
        }
        let (_, count) = told.entry((&result.table, code.id, reason)).or_insert_with(|| {
            findings.push(finding);
            (findings.len() - 1, 0)
        });
        *count += 1;
    }
    for (at, count) in told.into_values().filter(|(_, count)| 1 < *count) {
        let others = if count == 2 { "another query".to_owned() } else { format!("{} other queries", count - 1) };
        findings[at].message.push_str(&format!("; likewise {others}"));
    }
    findings
}

/// Code, clause, and what groups probes: those that fail do so each in its own words and for one reason.
fn ending(result: &PruningResult) -> Option<(&'static FindingCode, String, Option<&str>)> {
    match (&result.judgement, &result.generic) {
        (Judgement::Failed(why), _) => Some((codes::PRUNING, why.clone(), None)),
        (Judgement::NotTried(why), _) => Some((codes::PRUNING_NOT_TRIED, format!("was not tried: {why}"), Some(why))),
        (Judgement::Passed, Tried::Not(why)) if result.source == Source::Grid => {
            Some((codes::PRUNING_NOT_TRIED, format!("was not tried with a generic plan: {why}"), Some(why)))
        }
        (Judgement::Passed, _) => None,
    }
}

pub(super) fn hint(probe: &Probe, observation: &Observation) -> Option<String> {
    let hint = match &observation.custom {
        Attempt::Refused(refusal) => match refusal.sqlstate.as_deref()? {
            "42P01" | "42883" if probe.source == Source::Policy => {
                "write `schema.name`: partctl's sessions have an empty search_path"
            }
            "42P18" => "give the parameter a type, such as `$1::date`",
            "42501" if probe.source == Source::Grid => return Some(format!("grant SELECT on {}", probe.table)),
            "42501" => "grant this role the rights that the query needs",
            "42601" if refusal.message.contains("wrong number of parameters") => {
                "give `with` a value for each parameter"
            }
            "42601" if refusal.message.contains("multiple commands") => "a pruning query is one statement",
            "53200" => "raise max_locks_per_transaction",
            "55P03" => "look at what holds the table locked, and run again",
            _ => return None,
        },
        Attempt::Skipped(_) if probe.obstacle.is_some() => "add a query of your own to the policy's `pruning`",
        Attempt::Skipped(_) => "raise max_locks_per_transaction, or have fewer partitions",
        Attempt::Planned { .. } if observation.pruning == Pruning::Off => {
            "enable_partition_pruning is off for this role or database: turn it on"
        }
        Attempt::Planned { .. } => return None,
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, DAY_1, DAY_2, DAY_3, appended, observed};
    use super::super::probe::probes;
    use super::super::result::{Attempt, Observation, Refusal};
    use super::super::verdict::judge;
    use super::*;

    fn found(observation: Observation) -> Vec<String> {
        let snapshot = fixture::snapshot();
        let probes = probes(&[fixture::days(vec![fixture::query("select 1")])], &snapshot);
        let results = judge(&snapshot, &probes, vec![observation; probes.len()]);
        let line = |finding: Finding| {
            format!("{} {} ({})", finding.code.id, finding.message, finding.hint.unwrap_or_default())
        };
        findings(&results).into_iter().map(line).collect()
    }

    #[test]
    fn a_table_that_does_not_prune_is_told_once_and_the_policys_query_by_itself() {
        let unpruned = appended(&[DAY_1, DAY_2, DAY_3], 0, &[10, 11, 12, 13]);
        let off = Observation { pruning: Pruning::Off, ..observed(unpruned.clone(), unpruned) };
        assert_eq!(
            found(off),
            [
                "PT118 `oldest partition days_1, by equality` reads 3 of 3 partitions (days_1, days_2, days_3), \
                 expected days_1 alone; likewise 5 other queries \
                 (enable_partition_pruning is off for this role or database: turn it on)",
                "PT118 `mine` reads 3 of 3 partitions (days_1, days_2, days_3) \
                 (enable_partition_pruning is off for this role or database: turn it on)",
            ]
        );
    }

    #[test]
    fn each_reason_for_not_trying_is_told_once() {
        let refusal = Refusal { sqlstate: Some("55P03".to_owned()), message: "timeout".to_owned() };
        let locked = Attempt::Refused(refusal);
        assert_eq!(
            found(observed(locked.clone(), locked)),
            ["PT119 `oldest partition days_1, by equality` was not tried: timeout (55P03); likewise 6 other queries \
              (look at what holds the table locked, and run again)"]
        );
    }

    #[test]
    fn a_grid_without_its_generic_plan_is_told() {
        let snapshot = fixture::snapshot();
        let probes = probes(&[fixture::days(Vec::new())], &snapshot);
        let custom = appended(&[DAY_1], 0, &[10, 11]);
        let seen = observed(custom, Attempt::Skipped("too many locks".to_owned()));
        let results = judge(&snapshot, &probes[..2], vec![seen.clone(), seen]);
        let found = findings(&results);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].code, codes::PRUNING_NOT_TRIED);
        assert_eq!(
            found[0].message,
            "`oldest partition days_1, by equality` was not tried with a generic plan: too many locks; \
             likewise another query"
        );
    }
}
