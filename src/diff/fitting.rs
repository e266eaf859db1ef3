//! Whether the levels of a policy fit the table as a whole, before anything of it is looked at: a branch that could
//! never be made would otherwise be found out by Postgres, one partition at a time.

use super::Node;
use crate::catalog::CatalogSnapshot;
use crate::desired::{expand, partition_key, strategy};
use crate::plan::{Finding, codes};
use crate::policy::Level;
use crate::sql::KeyPart;

/// Fits every level below the outermost one to the columns and the unique keys of the table.
///
/// # Errors
/// The first thing that does not fit; then nothing of the table is planned.
pub(super) fn fits(root: &Node<'_>, snapshot: &CatalogSnapshot) -> Result<(), Finding> {
    let mut level = root.level;
    // The outermost level has been fitted to the table's own key where it is expanded.
    while let Some(below) = level.subpartition.as_deref() {
        let key = partition_key(below, root.table)?;
        let table = root.table.new_branch(root.table.name.clone(), None, key);
        expand(below, &table, snapshot)?;
        unique_keys_allow(root, below)?;
        level = below;
    }
    Ok(())
}

/// Postgres: a unique constraint on a partitioned table must include all partitioning columns (0A000), on every level,
/// or there would be no index that could watch over it.
fn unique_keys_allow(root: &Node<'_>, level: &Level) -> Result<(), Finding> {
    let strategy = strategy(level).as_str();
    for unique in &root.table.unique_keys {
        let is_in_it = |part: &KeyPart| matches!(part, KeyPart::Column(column) if unique.columns.contains(column));
        let Some(missing) = level.partitioning.key().iter().find(|part| !is_in_it(part)) else { continue };
        let (why, hint) = match missing {
            KeyPart::Column(column) => (
                format!("lacks {column}"),
                "Postgres keeps keys unique only with all partitioning columns in them (0A000): add it to the key",
            ),
            KeyPart::Expression(_) => (
                "cannot be kept".to_owned(),
                "Postgres keeps no key unique where partitions go by an expression (0A000)",
            ),
        };
        let message = format!("cannot be sub-partitioned by {strategy} {missing}: unique key {} {why}", unique.name);
        return Err(Finding::about(codes::SUBPARTITION_KEY, &root.table.name, message).hint(hint));
    }
    Ok(())
}

/// What is told of a node that its level does not fit: of a branch, that it is left as it is.
pub(super) fn told_of(node: &Node<'_>, misfit: Finding) -> Finding {
    if node.path.is_empty() || misfit.code != codes::OTHER_KEY {
        return misfit;
    }
    Finding { code: codes::OTHER_SHAPE, severity: codes::OTHER_SHAPE.severity, ..misfit }
        .hint("it counts as coverage and is left as it is")
}
