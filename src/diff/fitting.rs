//! Whether the levels of a policy fit the table as a whole, before anything of it is looked at: a branch that could
//! never be made would otherwise be found out by Postgres, one partition at a time.

use super::Node;
use crate::catalog::CatalogSnapshot;
use crate::desired::{expand, partition_key, strategy};
use crate::plan::{Finding, codes};
use crate::policy::Level;
use crate::sql::Identifier;

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
    for unique in &root.table.unique_keys {
        let missing: Vec<&Identifier> =
            level.partitioning.columns().iter().filter(|column| !unique.columns.contains(column)).collect();
        if let Some(first) = missing.first() {
            let strategy = strategy(level).as_str();
            let message = format!(
                "cannot be sub-partitioned by {strategy} ({first}): unique key {} lacks that column",
                unique.name
            );
            return Err(Finding::about(codes::SUBPARTITION_KEY, &root.table.name, message).hint(
                "Postgres keeps keys unique only with all partitioning columns in them (0A000): add it to the key",
            ));
        }
    }
    Ok(())
}

/// What is told of a node that its level does not fit: of a branch, that it is left as it is.
pub(super) fn told_of(node: &Node<'_>, misfit: Finding) -> Finding {
    if node.path.is_empty() || misfit.code != codes::OTHER_KEY {
        return misfit;
    }
    Finding { code: codes::OTHER_SHAPE, ..misfit }.hint("it counts as coverage and is left as it is")
}
