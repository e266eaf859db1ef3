//! Ledger entries that say nothing that could be planned with: somebody edited them, or restored the database from a
//! dump. What they are about is left alone, and said so.

use crate::catalog::{CatalogSnapshot, UnreadableEntry};
use crate::plan::{Finding, codes};

/// One finding per entry.
pub(super) fn unreadable(snapshot: &CatalogSnapshot) -> Vec<Finding> {
    let finding = |entry: &UnreadableEntry| {
        let UnreadableEntry { oid, found, recorded, parent, problem } = entry;
        let message = format!("the ledger's entry of {recorded} cannot be read: {problem}; it will not be dropped");
        let update = |what: &str| {
            format!("UPDATE partctl.detached_tables SET {what} WHERE relation = {oid} AND ended_at IS NULL")
        };
        let mend = match found {
            Some(found) => format!("if it is the same table, say so: {};", update(&format!("relation = {found}"))),
            None => "mend it in partctl.detached_tables,".to_owned(),
        };
        let hint = format!("{mend} or forget it: {}", update("ended_at = now()"));
        Finding::about(codes::LEDGER_ENTRY, parent, message).hint(hint)
    };
    snapshot.ledger.unreadable().iter().map(finding).collect()
}
