//! Partitioned tables that no policy manages: their runway ends unseen.

use crate::catalog::CatalogSnapshot;
use crate::plan::{Finding, codes};

/// One finding per table.
pub(super) fn tables(snapshot: &CatalogSnapshot) -> Vec<Finding> {
    let finding = |table| {
        Finding::about(codes::UNMANAGED_TABLE, table, "is partitioned and no policy manages it")
            .hint("write a policy for it, or leave it")
    };
    let is_known = |parent| snapshot.tables.iter().any(|table| table.has_node(parent));
    let unfinished = snapshot.unfinished.iter().filter(|branch| !is_known(&branch.parent)).map(|branch| &branch.name);
    snapshot.unmanaged.iter().chain(unfinished).map(finding).collect()
}
