//! Statistics of the partitioned table as a whole, which autovacuum never gathers: planned where the policy asks for
//! it, told where it does not.
//!
//! Judged by `pg_class.reltuples` alone, which ANALYZE changes with its own commit: right after, there is nothing to do.

use super::{Draft, Situation};
use crate::catalog::Partition;
use crate::plan::steps::{AnalyzeParent, AnalyzeReach, AnalyzeReason};
use crate::plan::{Finding, Step, codes};
use crate::sql::since;

/// Fewer rows than this are planned for well enough without statistics, or are not worth a word.
const WORTH_A_WORD: u64 = 1_000;

/// Plans ANALYZE of the table, or tells that it is missing. Comes after the rule about rights: it looks at what will
/// be retired.
pub(super) fn analyze(situation: &Situation<'_>, draft: &mut Draft) {
    let (table, server) = (situation.table, &situation.snapshot.server);
    let leaves = |retired: bool| -> u64 {
        let counts = |partition: &&Partition| !retired || !is_retired(draft, partition.oid);
        table.visible().filter(counts).filter_map(|partition| partition.analyzed_rows).sum()
    };
    let (before, after) = (leaves(false), leaves(true));
    let Some(why) = reason(table.analyzed_rows, before, after, server.version) else { return };
    if !situation.policy.maintain.analyze {
        if WORTH_A_WORD <= before && why != AnalyzeReason::Retirement {
            let what = match why {
                AnalyzeReason::Changed { said, held } => {
                    format!("its statistics as a whole are of {said} rows, and it holds about {held}")
                }
                _ => "was never analyzed as a whole, and autovacuum never does that".to_owned(),
            };
            let finding = Finding::about(codes::STALE_STATISTICS, &table.name, what);
            draft.findings.push(finding.hint(format!("`maintain: {{analyze: true}}`, or ANALYZE {}", table.name)));
        }
        return;
    }
    // A member without the owner's rights has been told so; who looks on plans for others.
    if table.role_is_member && !table.role_is_owner {
        return;
    }
    let reach = match (server.version, why) {
        // Where the partitions' own statistics may be the wrong ones, both are gathered, so that they agree afterwards.
        (since::ANALYZE_ONLY.., AnalyzeReason::Never | AnalyzeReason::Retirement) => AnalyzeReach::Only,
        _ => AnalyzeReach::Tree,
    };
    draft.steps.push(Step::Analyze(AnalyzeParent { table: table.name.clone(), reach, why }));
}

fn is_retired(draft: &Draft, oid: u32) -> bool {
    draft.steps.iter().any(|step| matches!(step, Step::Detach(detach) if detach.oid == oid))
}

fn reason(said: Option<u64>, before: u64, after: u64, version: u32) -> Option<AnalyzeReason> {
    let Some(said) = said else { return (0 < after).then_some(AnalyzeReason::Never) };
    let is_far = |held: u64| differ(said, held);
    // After ANALYZE ONLY, partitions that nobody has analyzed are counted in the table's statistics and not in theirs.
    let comparable = version < since::ANALYZE_ONLY || said < before;
    match (is_far(before), is_far(after)) {
        (_, false) => None,
        (true, true) if comparable => Some(AnalyzeReason::Changed { said, held: after }),
        (true, true) => None,
        (false, true) => Some(AnalyzeReason::Retirement),
    }
}

/// By more than a fifth: both are estimates, and each by itself may be some percent off.
fn differ(a: u64, b: u64) -> bool {
    50 < a.abs_diff(b) && a.max(b) / 5 < a.abs_diff(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_gathered_when_they_are_missing_or_far_off() {
        use AnalyzeReason::*;
        let old = 150_000;
        assert_eq!(reason(None, 10, 10, old), Some(Never));
        assert_eq!(reason(None, 0, 0, old), None, "an empty table has nothing to tell");
        assert_eq!(reason(Some(1_000), 1_150, 1_150, old), None);
        assert_eq!(reason(Some(1_000), 1_300, 1_300, old), Some(Changed { said: 1_000, held: 1_300 }));
        assert_eq!(reason(Some(1_300), 1_000, 1_000, old), Some(Changed { said: 1_300, held: 1_000 }));
        assert_eq!(reason(Some(0), 40, 40, old), None, "a handful more is no reason");
    }

    #[test]
    fn what_this_plan_retires_is_reckoned_with_so_that_the_next_one_is_empty() {
        assert_eq!(reason(Some(1_000), 1_000, 600, 150_000), Some(AnalyzeReason::Retirement));
        assert_eq!(reason(Some(600), 1_000, 600, 150_000), None);
    }

    #[test]
    fn partitions_that_nobody_analyzed_are_no_reason_after_analyze_only() {
        assert_eq!(reason(Some(5_000), 100, 100, 180_001), None);
        assert_eq!(reason(Some(100), 5_000, 5_000, 180_001), Some(AnalyzeReason::Changed { said: 100, held: 5_000 }));
    }
}
