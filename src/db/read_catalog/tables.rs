//! Rows of the catalog put together to trees of tables and partitions.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use tokio_postgres::Row;

use super::cells::{ForeignKeyRow, bytes, far_end, identifier, identifiers, json, kind, qualified};
use super::properties::{IndexFaults, Properties, storage};
use crate::catalog::{
    Bound, Column, ForeignKey, KeyColumn, Partition, PartitionKey, RelationKind, Strategy, Table, UnfinishedSplit,
    UniqueKey,
};
use crate::sql::{Identifier, QualifiedName};

/// The tables whose keys have parts that are no columns.
pub(super) fn with_expressions(tables: &[Row]) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for row in tables {
        let columns: Vec<KeyColumnRow> = json(row, "key_columns")?;
        if columns.iter().any(|(name, ..)| name.is_none()) {
            found.push(row.try_get("oid")?);
        }
    }
    Ok(found)
}

/// The expressions of its key come apart from the row.
pub(super) fn table(row: &Row, expressions: Vec<String>) -> Result<Table> {
    let strategy: Option<String> = row.try_get("strategy")?;
    let strategy = match strategy.as_deref() {
        Some("r") => Some(Strategy::Range),
        Some("l") => Some(Strategy::List),
        Some("h") => Some(Strategy::Hash),
        _ => None,
    };
    let columns: Vec<KeyColumnRow> = json(row, "key_columns")?;
    let mut expressions = expressions.into_iter();
    let columns = columns.into_iter().map(|(name, type_name, collation_schema, collation)| KeyColumn {
        expression: if name.is_none() { expressions.next() } else { None },
        name: name.map(Identifier::new),
        type_name: type_name.unwrap_or_default(),
        collation: collation_schema.zip(collation).map(|(schema, name)| QualifiedName::new(schema, name)),
    });
    let foreign_keys: Vec<ForeignKeyRow> = json(row, "foreign_keys")?;
    Ok(Table {
        oid: row.try_get("oid")?,
        kind: kind(row)?,
        owner: identifier(row, "owner")?,
        role_is_owner: row.try_get("role_is_owner")?,
        role_is_member: row.try_get("role_is_member")?,
        owner_may_create_in: identifiers(row, "creatable")?,
        owner_uses_schema: row.try_get("owner_uses_schema")?,
        denied_tablespaces: identifiers(row, "denied_tablespaces")?,
        denied_referrers: json::<(String, String)>(row, "denied_referrers")?
            .into_iter()
            .map(|(schema, name)| QualifiedName::new(schema, name))
            .collect(),
        key: strategy.map(|strategy| PartitionKey { strategy, columns: columns.collect() }),
        columns: json::<(String, String, bool, Option<String>, Option<String>)>(row, "columns")?
            .into_iter()
            .map(|(name, type_name, identity, schema, collation)| Column {
                name: Identifier::new(name),
                type_name,
                collation: schema.zip(collation).map(|(schema, name)| QualifiedName::new(schema, name)),
                identity,
            })
            .collect(),
        unique_keys: json::<(String, Vec<String>)>(row, "unique_keys")?
            .into_iter()
            .map(|(name, columns)| UniqueKey {
                name: Identifier::new(name),
                columns: columns.into_iter().map(Identifier::new).collect(),
            })
            .collect(),
        indexes: u32::try_from(row.try_get::<_, i32>("indexes")?)?,
        key_has_index: row.try_get("key_has_index")?,
        tablespace: row.try_get::<_, Option<String>>("tablespace")?.map(Identifier::new),
        access_method: row.try_get::<_, Option<String>>("access_method")?.map(Identifier::new),
        properties: Vec::new(),
        default_grants: json(row, "default_grants")?,
        unvalidated: identifiers(row, "unvalidated")?,
        foreign_keys: foreign_keys
            .into_iter()
            .map(|row| if row.0 { ForeignKey::Outgoing(far_end(row)) } else { ForeignKey::Incoming(far_end(row)) })
            .collect(),
        analyzed_rows: {
            let reltuples: f64 = row.try_get("reltuples")?;
            (0.0 <= reltuples).then_some(reltuples as u64)
        },
        partitions: Vec::new(),
        name: qualified(row, "schema", "name")?,
    })
}

/// The tables that policies name, with all that is below them.
pub(super) fn forest(
    tables: &[Row],
    partitions: &[Row],
    mut properties: Properties,
    mut expressions: HashMap<u32, Vec<String>>,
    mut faults: IndexFaults,
) -> Result<Vec<Table>> {
    let (mut roots, mut branches) = (Vec::new(), HashMap::new());
    for row in tables {
        let table = table(row, expressions.remove(&row.try_get("oid")?).unwrap_or_default())?;
        if row.try_get("is_root")? {
            roots.push(table);
        } else {
            branches.insert(table.oid, table);
        }
    }
    let named: HashSet<u32> = roots.iter().map(|root| root.oid).collect();
    let mut below: HashMap<u32, Vec<Partition>> = HashMap::new();
    let mut seen = HashSet::new();
    // Rows come parents first, so the deepest are put into place first.
    for row in partitions.iter().rev() {
        let (oid, parent): (u32, u32) = (row.try_get("oid")?, row.try_get("parent")?);
        let bound: Option<String> = row.try_get("bound")?;
        // A pending detach and an ATTACH of another session can be seen half-way: no bound, no partition.
        let Some(bound) = bound else { continue };
        // A policy may name a table that is below another one's: then its rows come twice.
        if !seen.insert(oid) {
            continue;
        }
        let mut table = branches.remove(&oid);
        if let Some(table) = &mut table {
            table.partitions =
                if named.contains(&oid) { below.get(&oid).cloned() } else { below.remove(&oid) }.unwrap_or_default();
        }
        let properties = properties.get(&oid).cloned();
        let index_faults = faults.remove(&oid).unwrap_or_default();
        let partition = Partition { properties, index_faults, ..partition(row, oid, bound.parse()?, table)? };
        below.entry(parent).or_default().push(partition);
    }
    for root in &mut roots {
        root.properties = properties.remove(&root.oid).map(|own| own.set).unwrap_or_default();
        root.partitions = below.remove(&root.oid).unwrap_or_default();
        pass_on_foreign_keys(root);
    }
    Ok(roots)
}

/// Foreign keys of a partitioned table, and those to it, are its partitions' as well.
fn pass_on_foreign_keys(table: &mut Table) {
    for below in table.partitions.iter_mut().filter_map(|partition| partition.table.as_mut()) {
        below.foreign_keys.splice(0..0, table.foreign_keys.iter().cloned());
        below.denied_referrers.splice(0..0, table.denied_referrers.iter().cloned());
        pass_on_foreign_keys(below);
    }
}

fn partition(row: &Row, oid: u32, bound: Bound, table: Option<Table>) -> Result<Partition> {
    let reltuples: f64 = row.try_get("reltuples")?;
    let live: i64 = row.try_get("live_tuples")?;
    // -1: never analyzed. Then only statistics that show rows say something; 0 may just mean that they were reset.
    let own = if reltuples < 0.0 { 0 < live } else { true };
    let rows = reltuples.max(0.0).round().max(live as f64) as u64;
    let below = table.as_ref().map_or(&[][..], |table| &table.partitions);
    let mut counted: Vec<Option<u64>> = below.iter().map(|partition| partition.rows).collect();
    let kind = kind(row)?;
    if kind != RelationKind::Partitioned {
        counted.push(own.then_some(rows));
    }
    let known: Option<u64> = counted.iter().any(Option::is_some).then(|| counted.iter().flatten().sum());
    Ok(Partition {
        oid,
        name: qualified(row, "schema", "name")?,
        kind,
        owner: Some(identifier(row, "owner")?),
        properties: None,
        storage: storage(row)?,
        index_faults: Vec::new(),
        bound,
        pending_detach: row.try_get("pending")?,
        rows: known,
        analyzed_rows: {
            let below = below.iter().filter_map(|partition| partition.analyzed_rows);
            below.chain((0.0 <= reltuples).then_some(reltuples as u64)).reduce(|sum, rows| sum + rows)
        },
        bytes: bytes(row)? + below.iter().map(|partition| partition.bytes).sum::<u64>(),
        indexes: u32::try_from(row.try_get::<_, i32>("indexes")?)?,
        leftover_checks: identifiers(row, "leftover_checks")?,
        split: split(row)?,
        table: table.map(Box::new),
    })
}

fn split(row: &Row) -> Result<Option<UnfinishedSplit>> {
    let print: Option<String> = row.try_get("split_print")?;
    let Some(print) = print else { return Ok(None) };
    let partitions: Vec<(String, String)> = json(row, "split_into")?;
    let partitions = partitions.into_iter().map(|(schema, name)| QualifiedName::new(schema, name));
    Ok(Some(UnfinishedSplit { print, partitions: partitions.collect() }))
}

/// Its name and type, and schema and name of its collation.
type KeyColumnRow = (Option<String>, Option<String>, Option<String>, Option<String>);
