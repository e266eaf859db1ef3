//! List partitions: one per group of values. A group that meets existing partitions only in part is never guessed
//! about: Postgres would refuse it (42P17), and moving values is the owner's decision.

use std::collections::BTreeSet;

use super::{Draft, Situation};
use crate::catalog::{Bound, Datum, Partition};
use crate::desired::{Desired, DesiredList, Label};
use crate::keys::canonical;
use crate::plan::steps::CreateReason;
use crate::plan::{Finding, codes, first_few};

/// Makes the partitions of groups whose values no partition holds.
pub(super) fn cover(situation: &Situation<'_>, draft: &mut Draft) {
    let Desired::List(list) = situation.desired else { return };
    if !list.questions.is_empty() {
        draft.questions.extend(list.questions.iter().cloned());
        return;
    }
    let existing: Vec<(&Partition, BTreeSet<Datum>)> =
        situation.table.partitions.iter().filter_map(|partition| Some((partition, values(list, partition)?))).collect();
    let mut known = BTreeSet::new();
    for group in &list.groups {
        let wanted: BTreeSet<Datum> = group.values.iter().cloned().collect();
        let meeting: Vec<&(&Partition, BTreeSet<Datum>)> =
            existing.iter().filter(|(_, values)| !values.is_disjoint(&wanted)).collect();
        known.extend(meeting.iter().map(|(partition, _)| partition.oid));
        match meeting.as_slice() {
            [] => {
                let bound = Bound::List(group.values.clone());
                situation.create(draft, Label::List(&group.name), bound, CreateReason::Group(group.name.clone()));
            }
            [(_, values)] if *values == wanted => {}
            _ => draft.findings.push(overlap(situation, &group.name, &wanted, &meeting)),
        }
    }
    let unknown = existing.iter().filter(|(partition, _)| !known.contains(&partition.oid));
    let unknown: Vec<String> = unknown.map(|(partition, _)| partition.name.name.to_string()).collect();
    if !unknown.is_empty() {
        draft.findings.push(
            Finding::about(
                codes::UNKNOWN_PARTITION,
                &situation.table.name,
                format!("the policy has no group for {}", first_few(&unknown, 3)),
            )
            .hint("left as it is; add a group with its values to manage it"),
        );
    }
}

fn values(list: &DesiredList, partition: &Partition) -> Option<BTreeSet<Datum>> {
    let Bound::List(values) = &partition.bound else { return None };
    let spelled = |datum: &Datum| match datum {
        Datum::Value(text) => Datum::Value(canonical(&list.column.type_name, text)),
        other => other.clone(),
    };
    Some(values.iter().map(spelled).collect())
}

fn overlap(
    situation: &Situation<'_>,
    group: &str,
    wanted: &BTreeSet<Datum>,
    meeting: &[&(&Partition, BTreeSet<Datum>)],
) -> Finding {
    let show =
        |values: Vec<&Datum>| situation.desired.describe_bound(&Bound::List(values.into_iter().cloned().collect()));
    let clashes = meeting.iter().map(|(partition, values)| {
        let common = show(values.intersection(wanted).collect());
        let foreign: Vec<&Datum> = values.difference(wanted).collect();
        let beside = if foreign.is_empty() { String::new() } else { format!(" beside {}", show(foreign)) };
        format!("{} holds {common}{beside}", partition.name.name)
    });
    let held: BTreeSet<&Datum> = meeting.iter().flat_map(|(_, values)| values).collect();
    let missing: Vec<&Datum> = wanted.iter().filter(|value| !held.contains(value)).collect();
    let missing = if missing.is_empty() { String::new() } else { format!("; nothing holds {}", show(missing)) };
    let message = format!("group {group} does not match: {}{missing}", clashes.collect::<Vec<_>>().join(", "));
    // Below the root the groups are those that the policy had when the branch was made.
    if !situation.path.is_empty() && missing.is_empty() {
        return Finding::about(codes::OTHER_SHAPE, &situation.table.name, message)
            .hint("it counts as coverage and is left as it is");
    }
    Finding::about(codes::OVERLAP, &situation.table.name, message)
        .hint("make the group say what the partitions hold, or move the values by hand: detach, recreate, attach")
}
