//! Partitions that two policies manage: one as a level below its own table, another one by their name. Each would take
//! what the other one makes for something foreign, and the stricter one would end what the other one keeps.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::CatalogSnapshot;
use crate::plan::{Finding, codes, first_few};
use crate::policy::Policy;
use crate::sql::QualifiedName;

use super::Node;

/// What keeps policies from being followed at all, as two policies for one table do, by their tables.
pub(super) fn clashes<'a>(
    policies: &[&'a Policy],
    snapshot: &'a CatalogSnapshot,
) -> BTreeMap<&'a QualifiedName, Finding> {
    let named: BTreeSet<&QualifiedName> = policies.iter().map(|policy| &policy.table).collect();
    let mut found = BTreeMap::new();
    for policy in policies {
        let table = &policy.table;
        let twice: BTreeSet<&QualifiedName> =
            branches(policy, snapshot).into_iter().filter_map(|branch| named.get(branch).copied()).collect();
        for branch in &twice {
            let message = format!(
                "is below {table}, and would follow the `subpartition` of its policy as well: neither is followed"
            );
            let hint = "leave one of them out: this policy, or `subpartition` in that one";
            found.entry(*branch).or_insert_with(|| Finding::about(codes::MANAGED_TWICE, branch, message).hint(hint));
        }
        if !twice.is_empty() {
            let names: Vec<String> = twice.iter().map(ToString::to_string).collect();
            let names = first_few(&names, 3);
            let message = format!(
                "{names} below it would follow its `subpartition` and a policy of their own: neither is followed"
            );
            let hint = "leave one of them out: `subpartition` in this policy, or the policy of the partition";
            found.insert(table, Finding::about(codes::MANAGED_TWICE, table, message).hint(hint));
        }
    }
    found
}

/// The partitioned partitions that levels of the policy are for.
fn branches<'a>(policy: &'a Policy, snapshot: &'a CatalogSnapshot) -> Vec<&'a QualifiedName> {
    let nodes = Node::root(policy, snapshot).map(Node::with_all_below).unwrap_or_default();
    nodes.iter().skip(1).map(|node| &node.table.name).collect()
}
