//! The difference between wish and facts: steps that close it, and findings where partctl refuses to guess.
//!
//! A pure function of policies, snapshot and the snapshot's clock. Each rule is a file and a line in `RULES`;
//! a rule only adds, it never looks at what another rule added.

mod analyze;
mod archive;
mod at_least;
mod branch;
mod coverage;
mod create;
mod default_partition;
mod detached;
mod end_archives;
mod finish_interrupted;
mod fitting;
mod hash;
mod holds;
mod ledger_entries;
mod list;
mod managed_twice;
mod move_rows;
mod node;
mod overview;
mod properties;
mod raise_modulus;
mod range;
mod reattach;
mod regroup;
mod relocate;
mod remake;
mod retire;
mod rights;
mod row_gone;
mod set_aside;
mod shapes;
mod simulate;
mod situation;
mod size_cap;
mod split;
mod split_default;
mod thresholds;
mod unfinished;
mod unless;
mod unmanaged;
mod walk;

use std::collections::BTreeSet;

use crate::catalog::{CatalogSnapshot, ForeignKey, Question};
use crate::plan::steps::MoveRows;
use crate::plan::{Finding, Plan, Runway, Severities, Step, TablePlan, codes};
use crate::policy::{Policy, fingerprint};
use crate::sql::QualifiedName;
pub use coverage::{coverage, fit, missing};
pub use end_archives::archive_is_held;
pub use node::{Ancestor, Node};
pub use overview::{
    AxisEnd, DefaultState, DetachedFate, DetachedState, Fate, LastApply, NextToRetire, Order, Overview, Place,
    Position, Selection, Stretch, TableOverview, When, overview,
};
pub use reattach::{detached_table, reattach};
pub use remake::remade_partition;
pub use rights::refuse_onlookers;
pub use simulate::{Events, FARTHEST, Simulation, TooMany, Week, simulate};
pub use situation::Situation;
pub use thresholds::thresholds;

/// What rules add to.
#[derive(Debug, Default)]
pub struct Draft {
    steps: Vec<Step>,
    /// The names of the partitions that the steps make.
    new_names: BTreeSet<QualifiedName>,
    /// Moves that a rule which comes later decides about.
    to_split: Vec<MoveRows>,
    findings: Vec<Finding>,
    questions: BTreeSet<Question>,
}

/// A rule: looks at the situation, adds to the draft.
type Rule<'a> = &'a dyn Fn(&Situation<'_>, &mut Draft);

/// Rules, and how often they look.
struct Rules<'a> {
    /// Once at every node of the tree. Within a phase, steps keep this order, those of parents before those below.
    of_nodes: &'a [Rule<'a>],
    /// Once at the root, when the draft holds the steps of all nodes.
    of_tables: &'a [Rule<'a>],
    /// How many partitions somebody has confirmed may leave at once.
    confirmed: usize,
}

/// Every rule.
const RULES: Rules<'static> = Rules { of_nodes: NODE_RULES, of_tables: TABLE_RULES, confirmed: 0 };

const TABLE_RULES: &[Rule<'static>] =
    &[&properties::match_properties, &properties::indexes, &analyze::analyze, &holds::report_holds_of_nothing];

const NODE_RULES: &[Rule<'static>] = &[
    &finish_interrupted::finish_interrupted,
    &unfinished::discard,
    &range::cover,
    &range::report_off_grid,
    &list::cover,
    &hash::cover,
    &split_default::split_default,
    &split::take_back,
    &shapes::report_shapes,
    &default_partition::default_partition,
    &retire::retire,
    &row_gone::retire,
    &detached::drop_after_grace,
    &end_archives::end_archives,
    &rights::require_rights,
];

/// What would be done to this database for these policies at the snapshot's moment.
pub fn plan(policies: &[Policy], snapshot: &CatalogSnapshot) -> Plan {
    plan_by(&RULES, policies, snapshot)
}

/// The same where somebody has confirmed that so many partitions of a table may leave at once, whatever `per_run` says.
pub fn plan_confirmed(confirmed: usize, policies: &[Policy], snapshot: &CatalogSnapshot) -> Plan {
    plan_by(&Rules { confirmed, ..RULES }, policies, snapshot)
}

fn plan_by(rules: &Rules<'_>, policies: &[Policy], snapshot: &CatalogSnapshot) -> Plan {
    let mut plan = Plan {
        database: snapshot.server.database.clone(),
        at: snapshot.server.now,
        server_version: snapshot.server.version,
        tables: Vec::new(),
        findings: ledger_entries::unreadable(snapshot).into_iter().chain(unmanaged::tables(snapshot)).collect(),
        severities: Severities::default(),
        questions: BTreeSet::new(),
    };
    let mut policies: Vec<&Policy> = policies.iter().collect();
    policies.sort_by(|a, b| a.table.cmp(&b.table));
    let mut dropped = BTreeSet::new();
    let mut clashes = managed_twice::clashes(&policies, snapshot);
    for policy in dependents_first(policies, snapshot) {
        let clash = clashes.remove(&policy.table);
        let (mut table_plan, questions) = plan_table(rules, policy, snapshot, &dropped, clash);
        dropped.extend(table_plan.steps.iter().filter_map(|step| match step {
            Step::Drop(drop) => Some(drop.oid),
            _ => None,
        }));
        table_plan.findings.iter_mut().for_each(|finding| finding.weigh(&policy.severities));
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
    rules: &Rules<'_>,
    policy: &Policy,
    snapshot: &CatalogSnapshot,
    dropped: &BTreeSet<u32>,
    clash: Option<Finding>,
) -> (TablePlan, BTreeSet<Question>) {
    let mut plan = TablePlan {
        table: policy.table.clone(),
        fingerprint: fingerprint(policy),
        grid: situation::grids_in_words(policy),
        partitions: 0,
        leaves: 0,
        bytes: 0,
        runway: Runway::None,
        steps: Vec::new(),
        findings: Vec::new(),
        locks: policy.locks,
        severities: policy.severities.clone(),
        retires_after: referenced_by(&policy.table, snapshot)
            .filter(|table| **table != policy.table)
            .cloned()
            .collect(),
        unattended: is_unattended(policy),
    };
    let Some(root) = Node::root(policy, snapshot) else {
        plan.findings.push(
            Finding::about(codes::TABLE_MISSING, &policy.table, "does not exist")
                .hint("create it, or mend the name in its policy"),
        );
        return (plan, BTreeSet::new());
    };
    plan.partitions = root.table.visible().count();
    plan.leaves = root.table.leaf_count();
    plan.bytes = root.table.bytes();
    if let Some(clash) = clash {
        plan.findings.push(clash);
        return (plan, BTreeSet::new());
    }
    let mut draft = Draft::default();
    if let Some(runway) = walk::draft_tree(rules, root, snapshot, dropped, &mut draft) {
        plan.runway = runway;
    }
    draft.steps.sort_by_key(Step::phase);
    plan.steps = draft.steps;
    plan.findings = draft.findings;
    (plan, draft.questions)
}

/// Whether a run without a terminal may retire, at whatever level.
fn is_unattended(policy: &Policy) -> bool {
    let mut retains = policy.levels().filter_map(|level| level.retain.as_ref()).peekable();
    retains.peek().is_some() && retains.all(|retain| retain.unattended)
}

impl Draft {
    fn add(&mut self, other: Self) {
        let Self { steps, new_names, to_split, findings, questions } = other;
        self.steps.extend(steps);
        self.new_names.extend(new_names);
        self.to_split.extend(to_split);
        self.findings.extend(findings);
        self.questions.extend(questions);
    }
}
