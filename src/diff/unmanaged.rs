//! Partitioned tables that no policy manages: their runway ends unseen.

use crate::catalog::CatalogSnapshot;
use crate::plan::{Finding, codes};

/// One finding per table.
pub(super) fn tables(snapshot: &CatalogSnapshot) -> Vec<Finding> {
    let finding = |table| {
        Finding::about(codes::UNMANAGED_TABLE, table, "is partitioned and no policy manages it")
            .hint("write a policy for it, or leave it")
    };
    snapshot.unmanaged.iter().map(finding).collect()
}
