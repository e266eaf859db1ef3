//! A tree of partitions, node by node: each rule looks at the root, and at every partition that has partitions itself and
//! that a level of the policy is for. What is said of many branches in the same words is said once.

use std::collections::{BTreeMap, BTreeSet};

use super::{Draft, Node, Rules, Situation, fitting, set_aside};
use crate::catalog::CatalogSnapshot;
use crate::desired::expand;
use crate::plan::{Finding, Runway, Step, first_few};
use crate::sql::QualifiedName;

/// What all nodes of a tree lack, and how long coverage lasts; `None` when the policy does not fit the table.
pub(super) fn draft_tree(
    rules: &Rules<'_>,
    root: Node<'_>,
    snapshot: &CatalogSnapshot,
    dropped: &BTreeSet<u32>,
    draft: &mut Draft,
) -> Option<Runway> {
    if let Err(misfit) = fitting::fits(&root, snapshot) {
        draft.findings.push(misfit);
        return None;
    }
    let mut walk = Walk { rules, snapshot, dropped, said: Said::default() };
    let runway = walk.visit(root.clone(), draft);
    draft.findings.extend(walk.said.all());
    let table = set_aside::as_if_back(root.table, snapshot);
    let root = Node { table: &table, ..root };
    if let Ok(desired) = expand(root.level, root.table, snapshot) {
        let situation = Situation::new(root, &desired, snapshot).after(dropped).confirming(rules.confirmed);
        rules.of_tables.iter().for_each(|rule| rule(&situation, draft));
    }
    runway
}

struct Walk<'a> {
    rules: &'a Rules<'a>,
    snapshot: &'a CatalogSnapshot,
    dropped: &'a BTreeSet<u32>,
    said: Said,
}

impl Walk<'_> {
    /// How long coverage lasts here and below.
    fn visit(&mut self, node: Node<'_>, draft: &mut Draft) -> Option<Runway> {
        let table = set_aside::as_if_back(node.table, self.snapshot);
        let node = Node { table: &table, ..node };
        let desired = match expand(node.level, node.table, self.snapshot) {
            Ok(desired) => desired,
            Err(misfit) => {
                self.said.add(&node, vec![fitting::told_of(&node, misfit)]);
                return None;
            }
        };
        let situation =
            Situation::new(node.clone(), &desired, self.snapshot).after(self.dropped).confirming(self.rules.confirmed);
        let mut own = Draft { new_names: std::mem::take(&mut draft.new_names), ..Draft::default() };
        for rule in self.rules.of_nodes {
            rule(&situation, &mut own);
        }
        let leaving = |oid: u32| own.steps.iter().any(|step| matches!(step, Step::Detach(step) if step.oid == oid));
        // What leaves as a whole needs nothing any more.
        let below: Vec<Node<'_>> = node.below().into_iter().filter(|node| !leaving(node.table.oid)).collect();
        self.said.add(&node, std::mem::take(&mut own.findings));
        draft.add(own);
        let runways = below.into_iter().filter_map(|node| self.visit(node, draft));
        Some(runways.fold(situation.runway(), Runway::sooner))
    }
}

/// Findings of all nodes, as they are told of the table as a whole.
#[derive(Default)]
struct Said {
    findings: Vec<(Finding, Vec<QualifiedName>, Where)>,
    known: BTreeMap<(&'static str, String, Option<String>), usize>,
}

/// Where something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    AtRoot,
    InBranches,
}

impl Said {
    fn add(&mut self, node: &Node<'_>, findings: Vec<Finding>) {
        for finding in findings {
            let words = (finding.code.id, finding.message.clone(), finding.hint.clone());
            let at = *self.known.entry(words).or_insert(self.findings.len());
            if at == self.findings.len() {
                let finding = Finding { table: Some(node.root.name.clone()), ..finding };
                self.findings.push((finding, Vec::new(), Where::InBranches));
            }
            let (_, branches, place) = &mut self.findings[at];
            if node.path.is_empty() {
                *place = Where::AtRoot;
            } else {
                branches.push(node.table.name.clone());
            }
        }
    }

    fn all(self) -> impl Iterator<Item = Finding> {
        self.findings.into_iter().map(|(finding, branches, place)| match place {
            Where::AtRoot => finding,
            Where::InBranches => {
                let names: Vec<String> = branches.iter().map(|name| name.name.to_string()).collect();
                let message = format!("{}: {}", first_few(&names, 3), finding.message);
                Finding { message, ..finding }
            }
        })
    }
}
