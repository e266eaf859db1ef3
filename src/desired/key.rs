//! The key of a level as the table would have it: for branches that are yet to be made.

use crate::catalog::{KeyColumn, PartitionKey, Strategy, Table};
use crate::plan::{Finding, codes};
use crate::policy::{Level, Partitioning};

/// The strategy of a level.
pub fn strategy(level: &Level) -> Strategy {
    match level.partitioning {
        Partitioning::Range(_) => Strategy::Range,
        Partitioning::List(_) => Strategy::List,
        Partitioning::Hash(_) => Strategy::Hash,
    }
}

/// What stands after PARTITION BY, such as `HASH (customer_id)`.
pub fn partition_by(level: &Level) -> String {
    let columns: Vec<String> = level.partitioning.columns().iter().map(ToString::to_string).collect();
    format!("{} ({})", strategy(level).as_str().to_uppercase(), columns.join(", "))
}

/// The partition key that a partition of this table has when it is partitioned by this level.
///
/// # Errors
/// When the table has no such column.
pub fn partition_key(level: &Level, root: &Table) -> Result<PartitionKey, Finding> {
    let strategy = strategy(level);
    let columns = level.partitioning.columns().iter().map(|name| {
        let column = root.columns.iter().find(|column| column.name == *name).ok_or_else(|| {
            let message = format!("cannot be sub-partitioned by {} ({name}): it has no such column", strategy.as_str());
            Finding::about(codes::SUBPARTITION_KEY, &root.name, message).hint("mend the name under `subpartition`")
        })?;
        Ok(KeyColumn {
            name: Some(name.clone()),
            type_name: column.type_name.clone(),
            collation: column.collation.clone(),
        })
    });
    Ok(PartitionKey { strategy, columns: columns.collect::<Result<_, Finding>>()? })
}
