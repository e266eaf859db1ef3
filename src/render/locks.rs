//! Which locks a plan takes, in a sentence or two: the strongest on what stays in use, and those on what goes.

use std::collections::{BTreeMap, BTreeSet};

use super::amounts;
use super::style::{first_few, name};
use crate::plan::{Lock, Plan, Step};
use crate::sql::QualifiedName;

/// Relations that are named per mode before the rest is counted.
const NAMED: usize = 3;

/// The sentences; none when no lock is taken.
pub(super) fn sentences(plan: &Plan) -> Vec<String> {
    let leaves = |step: &Step| {
        matches!(step, Step::Finalize(_) | Step::Detach(_) | Step::Archive(_) | Step::Relocate(_) | Step::Drop(_))
    };
    let targets: BTreeSet<&QualifiedName> =
        plan.steps().filter(|(_, step)| leaves(step)).map(|(_, step)| step.target()).collect();
    let (going, staying): (Vec<Lock>, Vec<Lock>) =
        plan.locks().into_iter().partition(|lock| targets.contains(&lock.relation));
    let roles = roles(plan);
    let (of_staying, of_going) = (by_mode(&staying, &roles), by_mode(&going, &roles));
    let (main, aside) = if staying.is_empty() { (of_going, Vec::new()) } else { (of_staying, of_going) };
    let Some((strongest, others)) = main.split_first() else { return Vec::new() };
    let also = if others.is_empty() { String::new() } else { format!(", also {}", others.join(", ")) };
    let longest = plan.tables.iter().filter(|table| !table.steps.is_empty()).map(|table| table.locks.timeout).max();
    let longest = longest.map(|timeout| format!(", {} a try at most", amounts::timeout(timeout))).unwrap_or_default();
    let mut sentences = vec![format!("Strongest lock: {strongest}{also}{longest}")];
    sentences.extend(aside.iter().map(|locks| format!("Only on what is retired: {locks}")));
    sentences
}

/// `SHARE UPDATE EXCLUSIVE on a, b and 3 more`, strongest mode first.
fn by_mode(locks: &[Lock], roles: &BTreeMap<QualifiedName, &'static str>) -> Vec<String> {
    let modes = locks.chunk_by(|a, b| a.mode == b.mode);
    let sentence = |locks: &[Lock]| {
        let relation = |lock: &Lock| match roles.get(&lock.relation) {
            Some(role) => format!("{} ({role})", name(&lock.relation)),
            None => name(&lock.relation),
        };
        let relations: Vec<String> = locks.iter().map(relation).collect();
        format!("{} on {}", locks[0].mode, first_few(&relations, NAMED))
    };
    modes.map(sentence).collect()
}

/// Why relations are locked that no step is about.
fn roles(plan: &Plan) -> BTreeMap<QualifiedName, &'static str> {
    let mut roles = BTreeMap::new();
    for (_, step) in plan.steps() {
        let around = match step {
            Step::Record(_)
            | Step::Remove(_)
            | Step::Discard(_)
            | Step::Archive(_)
            | Step::Relocate(_)
            | Step::DeleteArchive(_)
            | Step::Match(_)
            | Step::Analyze(_) => continue,
            Step::Attach(step) => &step.around,
            Step::Finalize(step) => &step.around,
            Step::Create(step) => &step.around,
            Step::DiscardSplit(step) => &step.around,
            Step::Move(step) => &step.create.around,
            Step::Split(step) => &step.around,
            Step::SetAside(step) => &step.around,
            Step::Detach(step) => &step.around,
            Step::BringBack(step) => &step.around,
            Step::Drop(step) => {
                roles.extend(step.foreign_keys.iter().map(|key| (key.table.clone(), "foreign key")));
                continue;
            }
        };
        roles.extend(around.default.iter().map(|default| (default.name.clone(), "DEFAULT")));
        let far = around.references.iter().chain(&around.referenced_by);
        roles.extend(far.map(|table| (table.name.clone(), "foreign key")));
    }
    for table in &plan.tables {
        roles.remove(&table.table);
    }
    roles
}

/// A step's own locks in a line.
pub(super) fn of_step(step: &Step) -> String {
    let locks: Vec<String> =
        step.locks().iter().map(|lock| format!("{} on {}", lock.mode, name(&lock.relation))).collect();
    if locks.is_empty() { "none".to_owned() } else { locks.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;

    #[test]
    fn what_goes_is_told_apart_from_what_stays() {
        let plan = samples::life_of_orders();
        assert_eq!(
            sentences(&plan),
            [
                "Strongest lock: SHARE ROW EXCLUSIVE on shop.customers (foreign key), also SHARE UPDATE EXCLUSIVE on \
                 shop.orders, 50 ms a try at most",
                "Only on what is retired: ACCESS EXCLUSIVE on shop.orders_2024_09, shop.orders_2024_10",
            ]
        );
    }

    #[test]
    fn a_plan_that_only_drops_names_the_tables_that_go() {
        let mut plan = samples::life_of_orders();
        plan.tables[0].steps.retain(|step| matches!(step, Step::Drop(_)));
        assert_eq!(sentences(&plan), ["Strongest lock: ACCESS EXCLUSIVE on shop.orders_2024_09, 50 ms a try at most"]);
        plan.tables[0].steps.clear();
        assert_eq!(sentences(&plan), [""; 0]);
    }

    #[test]
    fn many_relations_are_counted() {
        let mut plan = samples::life_of_orders();
        plan.tables = (0..5).map(|n| samples::table_with_creates(&format!("t{n}"), 1)).collect();
        assert_eq!(
            sentences(&plan),
            ["Strongest lock: SHARE UPDATE EXCLUSIVE on shop.t0, shop.t1, shop.t2 and 2 more, 50 ms a try at most"]
        );
    }
}
