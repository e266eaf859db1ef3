//! Partitions that two policies manage: one as a level below its own table, another one by their name. Each would take
//! what the other one makes for something foreign, and the stricter one would end what the other one keeps.

use crate::catalog::CatalogSnapshot;
use crate::plan::{Finding, codes, first_few};
use crate::policy::Policy;
use crate::sql::QualifiedName;

use super::Node;

/// What keeps this policy from being followed at all, as two policies for one table do.
pub(super) fn find(policy: &Policy, policies: &[&Policy], snapshot: &CatalogSnapshot) -> Option<Finding> {
    let others = || policies.iter().filter(|other| other.table != policy.table);
    let managed = branches(policy, snapshot);
    let named: Vec<String> =
        others().filter(|other| managed.contains(&&other.table)).map(|other| other.table.to_string()).collect();
    let below = || others().find(|other| branches(other, snapshot).contains(&&policy.table));
    let (message, hint) = if !named.is_empty() {
        let names = first_few(&named, 3);
        (
            format!("{names} below it would follow its `subpartition` and a policy of their own: neither is followed"),
            "leave one of them out: `subpartition` in this policy, or the policy of the partition",
        )
    } else {
        let table = &below()?.table;
        (
            format!("is below {table}, and would follow the `subpartition` of its policy as well: neither is followed"),
            "leave one of them out: this policy, or `subpartition` in that one",
        )
    };
    Some(Finding::about(codes::MANAGED_TWICE, &policy.table, message).hint(hint))
}

/// The partitioned partitions that levels of the policy are for.
fn branches<'a>(policy: &'a Policy, snapshot: &'a CatalogSnapshot) -> Vec<&'a QualifiedName> {
    let nodes = Node::root(policy, snapshot).map(Node::with_all_below).unwrap_or_default();
    nodes.iter().skip(1).map(|node| &node.table.name).collect()
}
