//! A larger modulus that is a multiple of what the table has: each partition of a smaller one is split, one after the
//! other, where rows may be copied in batches. Between two splits both moduli stand side by side, and every row has its
//! place. What cannot be split goes on as it is, and the reason is told.

use std::collections::BTreeSet;

use super::move_rows::Obstacle;
use super::split::{Parts, names};
use super::{Draft, Situation};
use crate::catalog::{Bound, KeyColumn, Partition, SplitFacts};
use crate::desired::{Label, partition_name};
use crate::plan::steps::{CreatePartition, CreateReason, Wait};
use crate::plan::{Finding, Step, codes};
use crate::schedule::Bytes;
use crate::sql::{KeyPart, SqlLiteral};

/// Splits every partition of a smaller modulus; each of them is a factor of this one.
pub(super) fn raise_modulus(situation: &Situation<'_>, draft: &mut Draft, wanted: u32) {
    let mut smaller: Vec<Smaller<'_>> = situation
        .table
        .visible()
        .filter_map(|old| match old.bound {
            Bound::Hash { modulus, remainder } if modulus < wanted => Some(Smaller { old, modulus, remainder }),
            _ => None,
        })
        .collect();
    if smaller.is_empty() {
        return;
    }
    // What an earlier run has begun comes first: its copy takes room.
    smaller.sort_by_key(|smaller| (smaller.old.split.is_none(), smaller.remainder));
    if !situation.level.create.move_rows.copies() {
        return draft.findings.push(situation.modulus_stays(&smaller, wanted));
    }
    // Most obstacles lie with the table, and are told once.
    let mut refused: Vec<(Obstacle, Vec<&Smaller<'_>>)> = Vec::new();
    for smaller in &smaller {
        let Err(obstacle) = situation.split_by_hash(draft, smaller, wanted) else { continue };
        match refused.iter_mut().find(|(known, _)| *known == obstacle) {
            Some((_, others)) => others.push(smaller),
            None => refused.push((obstacle, vec![smaller])),
        }
    }
    draft.findings.extend(refused.into_iter().map(|(Obstacle { why, hint }, smaller)| {
        let names = names(smaller.iter().map(|smaller| &smaller.old.name.name));
        let message = format!("its policy says modulus {wanted}, and {names} cannot be split: {why}");
        Finding::about(codes::MODULUS_REFUSED, &situation.table.name, message).hint(hint)
    }));
}

/// A partition of a smaller modulus.
struct Smaller<'a> {
    old: &'a Partition,
    modulus: u32,
    remainder: u32,
}

impl Smaller<'_> {
    /// The remainders of the larger modulus that it holds.
    fn remainders(&self, wanted: u32) -> impl Iterator<Item = u32> + use<> {
        (self.remainder..wanted).step_by(self.modulus as usize)
    }
}

impl Situation<'_> {
    /// Adds the step, or a finding or a question that decides whether there is one.
    ///
    /// # Errors
    /// Why there is none, when others may share that.
    fn split_by_hash(&self, draft: &mut Draft, smaller: &Smaller<'_>, wanted: u32) -> Result<(), Obstacle> {
        let Smaller { old, .. } = smaller;
        if self.level.subpartition.is_some() {
            let why = "in batches rows cannot move into partitions that have partitions of their own";
            return Err(Obstacle::new(why, "set `modulus` to what the table has"));
        }
        let facts = match self.what_forbids_a_split(draft, old) {
            Some(facts) => facts?,
            None => return Ok(()),
        };
        let Some(parts) = self.parts(draft, smaller, wanted) else { return Ok(()) };
        let key = self.table.key.as_ref().map_or(&[][..], |key| &key.columns);
        let holding =
            smaller.remainders(wanted).map(|remainder| holding(self.table.oid, wanted, remainder, key, facts));
        let Some(holding) = holding.collect() else {
            return Err(Obstacle::new("the expression of its key could not be read for somebody's lock", "run again"));
        };
        let parts = Parts { partitions: parts, holding, rest: None, rows: old.rows };
        let Some(split) = self.split(draft, old, facts, parts) else { return Ok(()) };
        if split.limit < split.wait() {
            let why = format!(
                "writers would wait up to {} at the end, and `create.writers_wait` allows {}",
                Wait(split.wait()),
                Wait(split.limit)
            );
            return Err(Obstacle::new(why, "allow more, or raise the modulus by a smaller factor first"));
        }
        draft.new_names.extend(split.partitions.iter().map(|create| create.partition.clone()));
        draft.steps.push(Step::Split(Box::new(split)));
        Ok(())
    }

    /// The partitions that take its place, of which one may have its name; `None` where a name is not to be had, which is
    /// told.
    fn parts(&self, draft: &mut Draft, smaller: &Smaller<'_>, wanted: u32) -> Option<Vec<CreatePartition>> {
        let old = smaller.old;
        let mut parts = Vec::new();
        let mut taken = Vec::new();
        for remainder in smaller.remainders(wanted) {
            let name = partition_name(self.level, &self.table.name, Label::Hash { modulus: wanted, remainder });
            let bound = Bound::Hash { modulus: wanted, remainder };
            if name != old.name {
                taken.extend(self.name_is_taken(draft, &name, &bound));
            }
            parts.push(CreatePartition {
                carried: self.carried_over(old),
                tablespace: self.level.placement.tablespace.clone().or_else(|| old.storage.tablespace.clone()),
                access_method: old.storage.access_method.clone(),
                ..self.new_leaf(name, bound, CreateReason::Part)
            });
        }
        let free = taken.is_empty();
        draft.findings.extend(taken);
        free.then_some(parts)
    }

    fn modulus_stays(&self, smaller: &[Smaller<'_>], wanted: u32) -> Finding {
        let moduli: BTreeSet<u32> = smaller.iter().map(|smaller| smaller.modulus).collect();
        let moduli: Vec<String> = moduli.iter().map(ToString::to_string).collect();
        let parts: u32 = smaller.iter().map(|smaller| wanted / smaller.modulus).sum();
        let bytes = smaller.iter().map(|smaller| smaller.old.bytes).sum();
        let message = format!(
            "has partitions of modulus {}, its policy says {wanted}: {} would be split into {parts}, which copies all of \
             their rows, {}",
            moduli.join(", "),
            smaller.len(),
            Bytes(bytes)
        );
        Finding::about(codes::MODULUS_SPLIT, &self.table.name, message).hint(
            "with `create: {move_rows: in_batches}` that is done beside everybody, one after the other; or set `modulus` to \
             what the table has",
        )
    }
}

/// What holds for the rows with this remainder, in the words of a hash partition's own constraint: where these are the
/// same, ATTACH need not look at the rows (Postgres 14-18).
///
/// In Postgres' own words the function has no collation, and in a constraint that somebody writes it has that of its
/// arguments. It has none there either where they disagree (COLLATE_CONFLICT), and what is never true is gone again before
/// the two are compared.
fn holding(parent_oid: u32, modulus: u32, remainder: u32, key: &[KeyColumn], facts: &SplitFacts) -> Option<String> {
    let argument = |(part, collated): (KeyPart, &bool)| match collated {
        false => part.to_string(),
        true => format!(
            "CASE WHEN true THEN {part} WHEN false THEN (ROW({part} COLLATE \"C\")).f1 ELSE (ROW({part} COLLATE \"POSIX\")).f1 \
             END"
        ),
    };
    let parts: Vec<KeyPart> = key.iter().map(KeyColumn::part).collect::<Option<_>>()?;
    let arguments: Vec<String> = parts.into_iter().zip(&facts.collated).map(argument).collect();
    let parent = SqlLiteral(&parent_oid.to_string()).to_string();
    Some(format!(
        "pg_catalog.satisfies_hash_partition({parent}::pg_catalog.oid, {modulus}, {remainder}, {})",
        arguments.join(", ")
    ))
}
