//! Ledger entries that say nothing that could be planned with: somebody edited them. What they are about is left
//! alone, and said so.

use crate::catalog::{CatalogSnapshot, UnreadableEntry};
use crate::plan::{Finding, codes};

/// One finding per entry.
pub(super) fn unreadable(snapshot: &CatalogSnapshot) -> Vec<Finding> {
    let finding = |entry: &UnreadableEntry| {
        let UnreadableEntry { oid, recorded, parent, problem } = entry;
        let message = format!("the ledger's entry of {recorded} cannot be read: {problem}; it will not be dropped");
        Finding::about(codes::LEDGER_ENTRY, parent, message).hint(format!(
            "mend it in partctl.detached_tables, or forget it: UPDATE partctl.detached_tables SET ended_at = now() \
             WHERE relation = {oid} AND ended_at IS NULL"
        ))
    };
    snapshot.ledger.unreadable().iter().map(finding).collect()
}
