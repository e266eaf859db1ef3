//! Partitions whose own partitioning is not what the policy says: they count as coverage, and are left alone.

use super::{Draft, Situation};
use crate::catalog::{Bound, Partition};
use crate::plan::{Finding, codes, first_few};

/// Says which partitions are partitioned themselves and should not be, or the other way round. A DEFAULT partition may
/// be either.
pub(super) fn report_shapes(situation: &Situation<'_>, draft: &mut Draft) {
    let bounded = situation.table.visible().filter(|partition| partition.bound != Bound::Default);
    let wanted = situation.level.subpartition.is_some();
    let other: Vec<&Partition> = bounded.filter(|partition| partition.table.is_some() != wanted).collect();
    if other.is_empty() {
        return;
    }
    let names: Vec<String> = other.iter().map(|partition| partition.name.name.to_string()).collect();
    let names = first_few(&names, 3);
    let finding = if wanted {
        let message = match other.len() {
            1 => format!("{names} has no partitions of its own"),
            count => format!("{count} partitions have no partitions of their own: {names}"),
        };
        Finding::about(codes::PLAIN_PARTITION, &situation.table.name, message)
            .hint("left as they are; those that are made from now on are partitioned as the policy says")
    } else {
        let message = match other.len() {
            1 => format!("{names} has partitions of its own, of which the policy says nothing"),
            count => {
                format!("{count} partitions have partitions of their own, of which the policy says nothing: {names}")
            }
        };
        Finding::about(codes::UNKNOWN_LEVEL, &situation.table.name, message)
            .hint("what they lack is not seen: say how they are partitioned with `subpartition`")
    };
    draft.findings.push(finding);
}
