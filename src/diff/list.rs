//! List partitions: one per group of values. A group that meets existing partitions only in part is never guessed
//! about: Postgres would refuse it (42P17), and moving values is the owner's decision.

use std::collections::BTreeSet;

use super::{Draft, Situation, regroup};
use crate::catalog::{Bound, Datum, DetachedTable, Partition};
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
    fn with_values<'a>(list: &DesiredList, partition: &'a Partition) -> Option<(&'a Partition, BTreeSet<Datum>)> {
        Some((partition, values(list, &partition.bound)?))
    }
    let existing: Vec<(&Partition, BTreeSet<Datum>)> =
        situation.table.partitions.iter().filter_map(|partition| with_values(list, partition)).collect();
    if situation.follows_rows() {
        return cover_rows(situation, list, &existing, draft);
    }
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
            _ => draft.findings.push(overlap(situation, list, &group.name, &wanted, &meeting)),
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

/// Makes the partitions of rows whose value no partition holds, whatever else that may hold.
fn cover_rows(
    situation: &Situation<'_>,
    list: &DesiredList,
    existing: &[(&Partition, BTreeSet<Datum>)],
    draft: &mut Draft,
) {
    let held: BTreeSet<&Datum> = existing.iter().flat_map(|(_, values)| values).collect();
    for group in list.groups.iter().filter(|group| group.values.iter().all(|value| !held.contains(value))) {
        let bound = Bound::List(group.values.clone());
        match was_detached(situation, list, &bound) {
            Some(entry) => {
                let message =
                    format!("cannot make a partition for {}: {} was one, and is detached", group.name, entry.name);
                let hint = format!("`partctl reattach {}` brings it back with its rows; or drop it", entry.name);
                draft.findings.push(Finding::about(codes::NAME_TAKEN, &situation.table.name, message).hint(hint));
            }
            None => situation.create(draft, Label::List(&group.name), bound, CreateReason::Row),
        }
    }
    let several = existing.iter().filter(|(_, values)| 1 < values.len());
    let several: Vec<String> = several.map(|(partition, _)| partition.name.name.to_string()).collect();
    if !several.is_empty() {
        let message = format!("more than one value in {}", first_few(&several, 3));
        let finding = Finding::about(codes::OFF_GRID, &situation.table.name, message);
        draft
            .findings
            .push(finding.hint("`each` has a partition for each value; it counts as coverage and is left as it is"));
    }
}

/// The table that once was the partition of these values, and is still there.
fn was_detached<'a>(situation: &Situation<'a>, list: &DesiredList, bound: &Bound) -> Option<&'a DetachedTable> {
    let own = values(list, bound);
    let mut detached = situation.snapshot.ledger.detached().iter();
    detached.find(|entry| entry.parent == situation.table.name && !entry.attached && values(list, &entry.bound) == own)
}

/// The values of a bound, in one spelling; `None`: it is DEFAULT.
pub(super) fn values(list: &DesiredList, bound: &Bound) -> Option<BTreeSet<Datum>> {
    let Bound::List(values) = bound else { return None };
    let spelled = |datum: &Datum| match datum {
        Datum::Value(text) => Datum::Value(canonical(&list.column.type_name, text)),
        other => other.clone(),
    };
    Some(values.iter().map(spelled).collect())
}

fn overlap(
    situation: &Situation<'_>,
    list: &DesiredList,
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
        .measured(regroup::statements(situation, list, wanted, meeting))
        .hint("make the group say what the partitions hold, or move the values by hand, while nobody writes")
}
