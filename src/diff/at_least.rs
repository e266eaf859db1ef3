//! `at_least`: partitions that hold rows and are never retired, because they are the last ones that do.

use std::collections::BTreeSet;

use super::{Draft, Situation};
use crate::catalog::{Answer, Partition, Question};
use crate::plan::{Finding, codes};
use crate::policy::Retain;
use crate::sql::QualifiedName;

/// All of a range table's partitions.
pub(super) fn newest_first<'a>(situation: &Situation<'a>) -> Vec<&'a Partition> {
    situation.placed.iter().rev().map(|(_, partition)| *partition).collect()
}

/// The first `at_least` of these partitions that hold rows, in a table from which something is to be retired. Statistics
/// that show rows are believed; where they know of too few the database is asked, because 0 and nothing at all may only
/// mean that nobody has counted since. `None` while that is not known: then nothing is retired.
pub(super) fn protected(
    situation: &Situation<'_>,
    retain: &Retain,
    partitions: &[&Partition],
    draft: &mut Draft,
) -> Option<BTreeSet<u32>> {
    let (known, question) = holders(situation, retain, partitions);
    let Some(question) = question else { return Some(known) };
    match situation.snapshot.answers.get(&question) {
        Some(Answer::Holders(_)) => Some(known),
        Some(Answer::Unknown(why)) => {
            let message = format!("cannot tell which partitions hold rows, so none is retired: {why}");
            draft.findings.push(
                Finding::about(codes::UNANSWERED, &situation.table.name, message)
                    .hint("grant SELECT on the partitions, or look at what holds them up, and run again"),
            );
            None
        }
        Some(_) | None => {
            draft.questions.insert(question);
            None
        }
    }
}

/// The first `at_least` of these partitions that hold rows, as far as is known, and the question that is to be put where
/// that is too few.
pub(super) fn holders(
    situation: &Situation<'_>,
    retain: &Retain,
    partitions: &[&Partition],
) -> (BTreeSet<u32>, Option<Question>) {
    let staying: Vec<&Partition> = partitions.iter().copied().filter(|partition| !partition.pending_detach).collect();
    let first = |holders: &mut dyn Iterator<Item = &&Partition>| -> BTreeSet<u32> {
        holders.take(retain.at_least as usize).map(|partition| partition.oid).collect()
    };
    let known = first(&mut staying.iter().filter(|partition| partition.is_known_to_hold_rows()));
    let uncounted = staying.iter().filter(|partition| !partition.is_known_to_hold_rows());
    let partitions: Vec<QualifiedName> = uncounted.map(|partition| partition.name.clone()).collect();
    if retain.at_least as usize <= known.len() || partitions.is_empty() {
        return (known, None);
    }
    let question = Question::HoldRows { partitions, enough: retain.at_least };
    let known = match situation.snapshot.answers.get(&question) {
        Some(Answer::Holders(found)) => first(
            &mut staying
                .iter()
                .filter(|partition| partition.is_known_to_hold_rows() || found.contains(&partition.name)),
        ),
        _ => known,
    };
    (known, Some(question))
}
