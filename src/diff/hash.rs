//! Hash partitions: every remainder has a home. Partitions of different moduli may stand side by side, as long as each
//! modulus divides the next larger one; what is missing is made in whole pieces, and a modulus is never guessed about.

use std::collections::BTreeSet;

use super::raise_modulus::raise_modulus;
use super::{Draft, Situation};
use crate::catalog::{Bound, Partition};
use crate::desired::{Desired, Label};
use crate::plan::steps::CreateReason;
use crate::plan::{Finding, codes};

/// Makes missing remainders: rows that hash to them fail until then (23514). Says where the moduli are not the policy's.
pub(super) fn cover(situation: &Situation<'_>, draft: &mut Draft) {
    let Desired::Hash(hash) = situation.desired else { return };
    let existing: BTreeSet<Class> = situation
        .table
        .partitions
        .iter()
        .filter_map(|partition| match partition.bound {
            Bound::Hash { modulus, remainder } => Some(Class { modulus, remainder }),
            _ => None,
        })
        .collect();
    let others: BTreeSet<u32> =
        existing.iter().map(|class| class.modulus).filter(|modulus| *modulus != hash.modulus).collect();
    // Below the root the modulus is what the policy said when the branch was made.
    let is_raised = situation.path.is_empty() && others.iter().all(|modulus| hash.modulus.is_multiple_of(*modulus));
    if !is_raised {
        let finding = other_modulus(situation, &others, hash.modulus);
        let refused = finding.as_ref().is_some_and(|finding| finding.code == codes::MODULUS);
        draft.findings.extend(finding);
        if refused {
            return;
        }
    }
    for Class { modulus, remainder } in missing(&existing, hash.modulus) {
        let label = Label::Hash { modulus, remainder };
        situation.create(draft, label, Bound::Hash { modulus, remainder }, CreateReason::Remainder);
    }
    if is_raised {
        raise_modulus(situation, draft, hash.modulus);
    }
}

/// The rows whose hash leaves this remainder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    modulus: u32,
    remainder: u32,
}

/// What no partition holds, in classes of the wanted modulus where these fit between the others, and in finer ones where
/// only a part of such a class is missing.
fn missing(existing: &BTreeSet<Class>, wanted: u32) -> Vec<Class> {
    // Every modulus divides the next larger one (42P17), so the largest is a multiple of all.
    let largest = existing.iter().map(|class| class.modulus).max().unwrap_or(wanted);
    let fits =
        existing.iter().all(|class| class.modulus.is_multiple_of(wanted) || wanted.is_multiple_of(class.modulus));
    let wanted = if fits { wanted } else { largest };
    let finest = largest.max(wanted);
    let mut free = vec![true; finest as usize];
    for class in existing {
        for remainder in (class.remainder..finest).step_by(class.modulus as usize) {
            free[remainder as usize] = false;
        }
    }
    let mut missing = Vec::new();
    for remainder in 0..wanted {
        let own = || (remainder..finest).step_by(wanted as usize);
        if own().all(|remainder| free[remainder as usize]) {
            missing.push(Class { modulus: wanted, remainder });
        } else {
            let parts = own().filter(|remainder| free[*remainder as usize]);
            missing.extend(parts.map(|remainder| Class { modulus: finest, remainder }));
        }
    }
    missing
}

/// What is said of partitions of another modulus that are not to be split. At the root, beside partitions of the policy's
/// own, somebody is on the way from one to the other.
fn other_modulus(situation: &Situation<'_>, others: &BTreeSet<u32>, wanted: u32) -> Option<Finding> {
    let largest = others.last().copied()?;
    let shown: Vec<String> = others.iter().map(ToString::to_string).collect();
    let has = format!("has partitions of modulus {}, its policy says {wanted}", shown.join(", "));
    let is_wanted = |partition: &Partition| matches!(partition.bound, Bound::Hash { modulus, .. } if modulus == wanted);
    let table = &situation.table.name;
    Some(if !situation.path.is_empty() || situation.table.partitions.iter().any(is_wanted) {
        Finding::about(codes::OTHER_SHAPE, table, has).hint("they count as coverage and are left as they are")
    } else if largest.is_multiple_of(wanted) {
        let hint = format!("partitions are split, never merged: set `modulus` to {largest} or a multiple of it");
        Finding::about(codes::MODULUS, table, has).hint(hint)
    } else {
        let multiple = u64::from(largest) * u64::from(wanted / gcd(largest, wanted));
        let hint = format!(
            "Postgres wants each modulus to be a factor of the next larger one (42P17): set `modulus` to {largest}, or to \
             a multiple of it such as {multiple}"
        );
        Finding::about(codes::MODULUS, table, has).hint(hint)
    })
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing_of(existing: &[(u32, u32)], wanted: u32) -> Vec<(u32, u32)> {
        let class = |(modulus, remainder): &(u32, u32)| Class { modulus: *modulus, remainder: *remainder };
        let existing = existing.iter().map(class).collect();
        missing(&existing, wanted).into_iter().map(|class| (class.modulus, class.remainder)).collect()
    }

    #[test]
    fn what_no_partition_holds_is_made_in_the_wanted_modulus() {
        assert_eq!(missing_of(&[], 3), [(3, 0), (3, 1), (3, 2)]);
        assert_eq!(missing_of(&[(4, 0), (4, 3)], 4), [(4, 1), (4, 2)]);
        assert_eq!(missing_of(&[(4, 0), (4, 1), (4, 2)], 8), [(8, 3), (8, 7)]);
        assert_eq!(missing_of(&[(8, 0), (8, 1), (8, 2), (8, 4), (8, 5), (8, 6)], 4), [(4, 3)]);
    }

    #[test]
    fn a_part_of_a_class_is_made_in_the_finest_modulus() {
        assert_eq!(missing_of(&[(4, 0), (4, 2), (4, 3), (8, 1)], 4), [(8, 5)]);
        assert_eq!(missing_of(&[(2, 0), (8, 1), (8, 3), (8, 7)], 2), [(8, 5)]);
        assert_eq!(missing_of(&[(4, 0), (4, 1), (8, 2), (16, 3)], 4), [(16, 6), (16, 14), (16, 7), (16, 11), (16, 15)]);
    }

    #[test]
    fn beside_a_modulus_that_does_not_fit_the_others_go_on() {
        assert_eq!(missing_of(&[(4, 0), (4, 1), (4, 2)], 6), [(4, 3)]);
        assert_eq!(missing_of(&[(4, 0), (4, 1), (4, 2), (4, 3)], 6), []);
    }

    #[test]
    fn every_remainder_is_held_once_when_what_is_missing_is_made() {
        for existing in [&[(2, 0), (8, 1)][..], &[(4, 1), (16, 2), (16, 10)], &[(3, 1)], &[(1, 0)]] {
            for wanted in 1..=16 {
                let made = missing_of(existing, wanted);
                let all = || existing.iter().chain(&made);
                let held = |row: u32| all().filter(|(modulus, remainder)| row % modulus == *remainder).count();
                assert!((0..240).all(|row| held(row) == 1), "{existing:?} {wanted} {made:?}");
                let chain = |a: u32, b: u32| a.is_multiple_of(b) || b.is_multiple_of(a);
                assert!(all().all(|(a, _)| all().all(|(b, _)| chain(*a, *b))), "{existing:?} {wanted} {made:?}");
            }
        }
    }
}
