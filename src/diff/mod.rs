//! The difference between wish and facts: steps that close it, and findings where partctl refuses to guess.
//!
//! A pure function of policies, snapshot and the snapshot's clock. Each rule is a file and a line in `RULES`;
//! a rule only adds, it never looks at what another rule added.

mod analyze;
mod coverage;
mod default_partition;
mod detached;
mod finish_interrupted;
mod hash;
mod ledger_entries;
mod list;
mod move_rows;
mod overview;
mod range;
mod reattach;
mod retire;
mod rights;
mod situation;
mod unmanaged;

use std::collections::BTreeSet;

use crate::catalog::{CatalogSnapshot, ForeignKey, Question};
use crate::desired::expand;
use crate::plan::{Finding, Plan, Runway, Step, TablePlan, codes};
use crate::policy::{Policy, fingerprint};
use crate::sql::QualifiedName;
pub use coverage::{coverage, fit};
pub use overview::{
    DefaultState, DetachedFate, DetachedState, Fate, NextToRetire, Overview, Place, Stretch, TableOverview, When,
    overview,
};
pub use reattach::{detached_table, reattach};
pub use rights::refuse_onlookers;
pub use situation::Situation;

/// What rules add to.
#[derive(Debug, Default)]
pub struct Draft {
    steps: Vec<Step>,
    /// The names of the partitions that the steps make.
    new_names: BTreeSet<QualifiedName>,
    findings: Vec<Finding>,
    questions: BTreeSet<Question>,
}

/// A rule: looks at the situation, adds to the draft.
type Rule<'a> = &'a dyn Fn(&Situation<'_>, &mut Draft);

/// Every rule. Within a phase, steps keep this order.
const RULES: &[Rule<'static>] = &[
    &finish_interrupted::finish_interrupted,
    &range::cover,
    &range::report_off_grid,
    &list::cover,
    &hash::cover,
    &default_partition::default_partition,
    &retire::retire,
    &detached::drop_after_grace,
    &rights::require_rights,
    &analyze::analyze,
];

/// What would be done to this database for these policies at the snapshot's moment.
pub fn plan(policies: &[Policy], snapshot: &CatalogSnapshot) -> Plan {
    plan_by(RULES, policies, snapshot)
}

fn plan_by(rules: &[Rule<'_>], policies: &[Policy], snapshot: &CatalogSnapshot) -> Plan {
    let mut plan = Plan {
        database: snapshot.server.database.clone(),
        at: snapshot.server.now,
        server_version: snapshot.server.version,
        tables: Vec::new(),
        findings: ledger_entries::unreadable(snapshot).into_iter().chain(unmanaged::tables(snapshot)).collect(),
        questions: BTreeSet::new(),
    };
    let mut policies: Vec<&Policy> = policies.iter().collect();
    policies.sort_by(|a, b| a.table.cmp(&b.table));
    let mut dropped = BTreeSet::new();
    for policy in dependents_first(policies, snapshot) {
        let (table_plan, questions) = plan_table(rules, policy, snapshot, &dropped);
        dropped.extend(table_plan.steps.iter().filter_map(|step| match step {
            Step::Drop(drop) => Some(drop.oid),
            _ => None,
        }));
        plan.tables.push(table_plan);
        plan.questions.extend(questions);
    }
    plan.tables.sort_by(|a, b| a.table.cmp(&b.table));
    plan
}

/// Tables that reference others before those, as far as there is such an order.
fn dependents_first<'a>(mut waiting: Vec<&'a Policy>, snapshot: &CatalogSnapshot) -> Vec<&'a Policy> {
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let is_waited_for = |policy: &&Policy| {
            let others = waiting.iter().filter(|other| other.table != policy.table);
            others.clone().any(|other| referenced_by(&policy.table, snapshot).any(|table| *table == other.table))
        };
        // In a ring of references nobody is first, so anybody is.
        let next = waiting.iter().position(|policy| !is_waited_for(policy)).unwrap_or_default();
        ordered.push(waiting.remove(next));
    }
    ordered
}

fn referenced_by<'a>(
    table: &QualifiedName,
    snapshot: &'a CatalogSnapshot,
) -> impl Iterator<Item = &'a QualifiedName> + use<'a> {
    let keys = snapshot.table(table).map_or(&[][..], |table| &table.foreign_keys);
    keys.iter().filter_map(|key| match key {
        ForeignKey::Incoming(end) => Some(&end.table),
        ForeignKey::Outgoing(_) => None,
    })
}

fn plan_table(
    rules: &[Rule<'_>],
    policy: &Policy,
    snapshot: &CatalogSnapshot,
    dropped: &BTreeSet<u32>,
) -> (TablePlan, BTreeSet<Question>) {
    let mut plan = TablePlan {
        table: policy.table.clone(),
        fingerprint: fingerprint(policy),
        grid: situation::grid_in_words(policy),
        partitions: 0,
        bytes: 0,
        runway: Runway::None,
        steps: Vec::new(),
        findings: Vec::new(),
        locks: policy.locks,
        retires_after: referenced_by(&policy.table, snapshot)
            .filter(|table| **table != policy.table)
            .cloned()
            .collect(),
        unattended: policy.retain.as_ref().is_some_and(|retain| retain.unattended),
    };
    let Some(table) = snapshot.table(&policy.table) else {
        plan.findings.push(
            Finding::about(codes::TABLE_MISSING, &policy.table, "does not exist")
                .hint("create it, or mend the name in its policy"),
        );
        return (plan, BTreeSet::new());
    };
    plan.partitions = table.visible().count();
    plan.bytes = table.bytes();
    let desired = match expand(policy, table, snapshot.server.now) {
        Ok(desired) => desired,
        Err(misfit) => {
            plan.findings.push(misfit);
            return (plan, BTreeSet::new());
        }
    };
    let situation = Situation::new(policy, table, &desired, snapshot).after(dropped);
    let mut draft = Draft::default();
    for rule in rules {
        rule(&situation, &mut draft);
    }
    draft.steps.sort_by_key(Step::phase);
    plan.runway = situation.runway();
    plan.steps = draft.steps;
    plan.findings = draft.findings;
    (plan, draft.questions)
}
