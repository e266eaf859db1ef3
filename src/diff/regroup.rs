//! Values that change their group, in statements: the one that fails as things are, and those by which a person does it.
//! partctl never does: rows would be in no partition meanwhile, or in the wrong one.

use std::collections::BTreeSet;

use super::Situation;
use crate::catalog::{Bound, Datum, Partition};
use crate::desired::DesiredList;

/// A partition and its values.
type Held<'a> = &'a (&'a Partition, BTreeSet<Datum>);

/// What fails (42P17), and what a person would run instead. `meeting` hold some of the wanted values, at least one does.
pub(super) fn statements(
    situation: &Situation<'_>,
    list: &DesiredList,
    wanted: &BTreeSet<Datum>,
    meeting: &[Held<'_>],
) -> Vec<String> {
    let common = |held: &BTreeSet<Datum>| held.intersection(wanted).count();
    // The first of those that have the most.
    let most = meeting.iter().rev().max_by_key(|(_, held)| common(held));
    let Some((own, held)) = most else { return Vec::new() };
    let others: Vec<Held<'_>> = meeting.iter().copied().filter(|(other, _)| other.oid != own.oid).collect();
    let parent = &situation.table.name;
    let detach = |partition: &Partition| format!("ALTER TABLE {parent} DETACH PARTITION {};", partition.name);
    let attach = |partition: &Partition, values: BTreeSet<Datum>| {
        format!("ALTER TABLE {parent} ATTACH PARTITION {} {};", partition.name, bound(values))
    };
    let mut lines = Vec::new();
    if let Some((other, _)) = others.first() {
        let would = attach(own, wanted.clone());
        lines.push(format!("{would} -- fails: {} overlaps (42P17)", other.name.name));
    }
    let whole: BTreeSet<Datum> = held.union(wanted).cloned().collect();
    // What only loses values gives them up where another group gains them.
    if whole == *held {
        return lines;
    }
    let detaches: Vec<String> = [*own].into_iter().chain(others.iter().map(|(other, _)| *other)).map(detach).collect();
    lines.push(format!("BEGIN; {}", detaches.join(" ")));
    let moves: Vec<String> = others
        .iter()
        .filter_map(|(other, held)| {
            let moved =
                bound(held.intersection(wanted).cloned().collect()).predicate(std::slice::from_ref(&list.column))?;
            Some(format!(
                "WITH moved AS (DELETE FROM {} WHERE {moved} RETURNING *) INSERT INTO {} SELECT * FROM moved;",
                other.name, own.name
            ))
        })
        .collect();
    lines.extend((!moves.is_empty()).then(|| moves.join(" ")));
    let staying =
        others.iter().map(|(other, held)| (*other, held.difference(wanted).cloned().collect::<BTreeSet<_>>()));
    let staying = staying.filter(|(_, left)| !left.is_empty()).map(|(other, left)| attach(other, left));
    let attaches: Vec<String> = [attach(own, whole)].into_iter().chain(staying).collect();
    lines.push(format!("{} COMMIT;", attaches.join(" ")));
    lines
}

fn bound(values: BTreeSet<Datum>) -> Bound {
    Bound::List(values.into_iter().collect())
}
