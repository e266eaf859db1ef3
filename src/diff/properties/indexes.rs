//! Indexes that partitions lack, or that no query uses, and constraints that nobody has validated: each takes a while to
//! mend, so it is told, with the statements that do it beside readers and writers.

use std::collections::BTreeMap;

use super::members;
use super::told::{each, named};
use crate::catalog::{IndexConstraint, IndexFault, Partition, RelationKind};
use crate::diff::{Draft, Situation};
use crate::plan::{Finding, codes};
use crate::sql::{Identifier, QualifiedName};

/// Tells of indexes and constraints.
pub(in crate::diff) fn indexes(situation: &Situation<'_>, draft: &mut Draft) {
    let table = &situation.root.name;
    let members = members(situation, &|partition| !partition.pending_detach);
    let mut missing: BTreeMap<&QualifiedName, Vec<(&Partition, &IndexFault)>> = BTreeMap::new();
    for member in members {
        for fault in &member.partition.index_faults {
            match fault {
                IndexFault::Missing { index, .. } => missing.entry(index).or_default().push((member.partition, fault)),
                IndexFault::Invalid { index, attached } => draft.findings.push(invalid(table, index, *attached)),
            }
        }
    }
    draft.findings.extend(missing.iter().map(|(index, faults)| lacking(table, index, faults)));
    draft.findings.extend(situation.root.unvalidated.iter().map(|constraint| not_validated(situation, constraint)));
}

fn lacking(table: &QualifiedName, index: &QualifiedName, faults: &[(&Partition, &IndexFault)]) -> Finding {
    let partitions: Vec<&QualifiedName> = faults.iter().map(|(partition, _)| &partition.name).collect();
    let message = format!("index {index} has no counterpart on {}, so it is not valid", named(&partitions));
    let statements = faults.first().and_then(|(partition, fault)| build(partition, fault));
    let hint = statements
        .unwrap_or_else(|| format!("make it there as on the table, then ALTER INDEX {index} ATTACH PARTITION it"));
    Finding::about(codes::MISSING_INDEX, table, message).hint(each(&partitions, |_| hint.clone()))
}

/// The statements that give a partition its own; `None` where there is more to it.
fn build(partition: &Partition, fault: &IndexFault) -> Option<String> {
    let IndexFault::Missing { index, unique, constraint, definition } = fault else { return None };
    let (table, definition) = (&partition.name, definition.as_ref()?);
    let name = Identifier::new(format!("{}_{}", table.name.as_str(), index.name.as_str())).shortened();
    let own = QualifiedName { schema: table.schema.clone(), name: name.clone() };
    let unique = if *unique { "UNIQUE " } else { "" };
    // CONCURRENTLY is refused on a partitioned table (0A000); ONLY is done at once, and its own partitions come next.
    let create = match partition.kind {
        RelationKind::Partitioned => format!("CREATE {unique}INDEX {name} ON ONLY {table} {definition}"),
        _ => format!("CREATE {unique}INDEX CONCURRENTLY {name} ON {table} {definition}"),
    };
    let constraint = match constraint {
        None => None,
        Some(IndexConstraint::PrimaryKey) => {
            Some(format!("ALTER TABLE {table} ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name}"))
        }
        Some(IndexConstraint::Unique) => {
            Some(format!("ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}"))
        }
        Some(IndexConstraint::Exclusion) => return None,
    };
    let attach = format!("ALTER INDEX {index} ATTACH PARTITION {own}");
    Some([Some(create), constraint, Some(attach)].into_iter().flatten().collect::<Vec<_>>().join("; "))
}

fn invalid(table: &QualifiedName, index: &QualifiedName, attached: bool) -> Finding {
    let message = format!("index {index} is not valid: it is kept up to date and never used");
    let hint = match attached {
        true => format!("REINDEX INDEX CONCURRENTLY {index}"),
        false => format!("DROP INDEX CONCURRENTLY {index}, or REINDEX INDEX CONCURRENTLY it"),
    };
    Finding::about(codes::INVALID_INDEX, table, message).hint(hint)
}

fn not_validated(situation: &Situation<'_>, constraint: &Identifier) -> Finding {
    let table = &situation.root.name;
    let message = format!("constraint {constraint} holds for new rows, and nobody has looked at the old ones");
    Finding::about(codes::NOT_VALIDATED, table, message)
        .hint(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}"))
}
