//! Hash partitions: remainders 0 to modulus - 1. Missing ones are made; another modulus is never guessed about.

use std::collections::BTreeSet;

use super::{Draft, Situation};
use crate::catalog::Bound;
use crate::desired::{Desired, Label};
use crate::plan::steps::CreateReason;
use crate::plan::{Finding, codes};

/// Makes missing remainders: rows that hash to them fail until then (23514).
pub(super) fn cover(situation: &Situation<'_>, draft: &mut Draft) {
    let Desired::Hash(hash) = situation.desired else { return };
    let existing: BTreeSet<(u32, u32)> = situation
        .table
        .partitions
        .iter()
        .filter_map(|partition| match partition.bound {
            Bound::Hash { modulus, remainder } => Some((modulus, remainder)),
            _ => None,
        })
        .collect();
    let others: BTreeSet<u32> = existing.iter().map(|(modulus, _)| *modulus).filter(|m| *m != hash.modulus).collect();
    if !others.is_empty() {
        let others: Vec<String> = others.iter().map(ToString::to_string).collect();
        draft.findings.push(
            Finding::about(
                codes::MODULUS,
                &situation.table.name,
                format!("has partitions of modulus {}, its policy says {}", others.join(", "), hash.modulus),
            )
            .hint("changing a modulus moves rows, which this version does not do: set `modulus` to what the table has"),
        );
        return;
    }
    for remainder in (0..hash.modulus).filter(|remainder| !existing.contains(&(hash.modulus, *remainder))) {
        let label = Label::Hash { modulus: hash.modulus, remainder };
        let bound = Bound::Hash { modulus: hash.modulus, remainder };
        situation.create(draft, label, bound, CreateReason::Remainder);
    }
}
