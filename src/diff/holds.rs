//! Holds that hold nothing: a name with a slip in it keeps nobody's partition, and nobody would know before it is gone.

use super::{Draft, Situation};
use crate::plan::{Finding, codes};
use crate::policy::Held;
use crate::sql::Identifier;

/// One finding per hold that stands and names neither a partition of the table, at whatever level, nor a table or an archive
/// that was one.
pub(super) fn report_holds_of_nothing(situation: &Situation<'_>, draft: &mut Draft) {
    let (root, ledger) = (situation.root, &situation.snapshot.ledger);
    let attached = || root.all_partitions().into_iter().map(|partition| &partition.name);
    let archived = || ledger.archives().known().iter().map(|archive| &archive.table);
    let is_there = |name: &Identifier| {
        let others = ledger.detached().iter().map(|table| &table.name).chain(archived()).chain(&draft.new_names);
        attached().chain(others).any(|there| there.name == *name)
    };
    let findings: Vec<Finding> = situation
        .holds_today()
        .filter_map(|hold| match &hold.what {
            Held::Partition(name) if !is_there(name) => {
                let message = format!("a hold names {name}, and there is no such partition: it holds nothing");
                let hint = "mend the name, or remove the hold when what it was for is gone";
                Some(Finding::about(codes::HOLD_OF_NOTHING, &root.name, message).hint(hint))
            }
            Held::Partition(_) | Held::Between { .. } => None,
        })
        .collect();
    draft.findings.extend(findings);
}
