//! The key of a level as the table would have it: for branches that are yet to be made.

use crate::catalog::{KeyColumn, PartitionKey, Strategy, Table};
use crate::plan::{Finding, codes};
use crate::policy::{Level, Partitioning};
use crate::sql::{KeyPart, same_expression};

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
    let parts: Vec<String> = level.partitioning.key().iter().map(ToString::to_string).collect();
    format!("{} ({})", strategy(level).as_str().to_uppercase(), parts.join(", "))
}

/// The partition key that a partition of this table has when it is partitioned by this level.
///
/// # Errors
/// When the table has no such column, or nobody can tell the type of an expression.
pub fn partition_key(level: &Level, root: &Table) -> Result<PartitionKey, Finding> {
    let strategy = strategy(level);
    let columns = level.partitioning.key().iter().map(|part| match part {
        KeyPart::Column(name) => {
            let column = root.columns.iter().find(|column| column.name == *name).ok_or_else(|| {
                let message =
                    format!("cannot be sub-partitioned by {} ({name}): it has no such column", strategy.as_str());
                Finding::about(codes::SUBPARTITION_KEY, &root.name, message).hint("mend the name under `subpartition`")
            })?;
            Ok(KeyColumn {
                name: Some(name.clone()),
                expression: None,
                type_name: column.type_name.clone(),
                collation: column.collation.clone(),
            })
        }
        KeyPart::Expression(text) => {
            let own =
                || KeyColumn { name: None, expression: Some(text.clone()), type_name: String::new(), collation: None };
            // Only grids and lists compare values, and only the server knows what type an expression has.
            let known = same_key_below(root, text).or_else(|| (strategy == Strategy::Hash).then(own));
            known.ok_or_else(|| {
                let message = format!("cannot tell the type of the sub-partition key ({text})");
                let hint = format!(
                    "make one partition by hand that is PARTITION BY {} (({text})): its type is known then",
                    strategy.as_str().to_uppercase()
                );
                Finding::about(codes::SUBPARTITION_KEY, &root.name, message).hint(hint)
            })
        }
    });
    Ok(PartitionKey { strategy, columns: columns.collect::<Result<_, Finding>>()? })
}

/// The key of a partition that has it already.
fn same_key_below(table: &Table, expression: &str) -> Option<KeyColumn> {
    let below = table.partitions.iter().filter_map(|partition| partition.table.as_deref());
    let is_same =
        |column: &&KeyColumn| column.expression.as_ref().is_some_and(|known| same_expression(known, expression));
    below.into_iter().find_map(|branch| {
        let own = branch.key.as_ref().and_then(|key| key.columns.iter().find(is_same)).cloned();
        own.or_else(|| same_key_below(branch, expression))
    })
}
