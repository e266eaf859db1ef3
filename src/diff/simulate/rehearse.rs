//! A plan, carried out on paper: partitions come and go in a snapshot as they would in the catalog.

use chrono::{DateTime, Utc};

use super::Events;
use crate::catalog::{ArchiveEntry, Archives, CatalogSnapshot, DetachedTable, Ledger, Partition, Table};
use crate::plan::steps::ArchiveTable;
use crate::plan::{Step, TablePlan};
use crate::sql::QualifiedName;

/// Carries a table's steps out; those that neither make nor remove a partition change nothing here.
pub(super) fn rehearse(planned: &TablePlan, catalog: &mut CatalogSnapshot) -> Events {
    let (created, retired) = (Vec::new(), Vec::new());
    let mut events = Events { table: planned.table.clone(), created, retired, freed: 0, archives_deleted: 0 };
    let now = catalog.server.now;
    for step in &planned.steps {
        let part = exchanged(step, catalog);
        for create in step.made() {
            let oid = next_oid(catalog);
            let Some(parent) = parent(catalog, &create.around.parent) else { continue };
            let indexes = parent.partitions.iter().map(|partition| partition.indexes).max().unwrap_or(1);
            let mut partition = Partition::new(oid, create.partition.clone(), create.bound.clone());
            (partition.indexes, partition.rows, partition.bytes) = (indexes, Some(part.rows), part.bytes);
            parent.partitions.push(partition);
            events.created.push(create.partition.clone());
        }
        match step {
            Step::Detach(detach) => {
                let Some(parent) = parent(catalog, &detach.around.parent) else { continue };
                let Some(at) = parent.partitions.iter().position(|partition| partition.oid == detach.oid) else {
                    continue;
                };
                let partition = parent.partitions.remove(at);
                if let Ledger::Installed { detached, .. } = &mut catalog.ledger {
                    detached.push(entry(partition, detach.around.parent.clone(), now));
                }
                events.retired.push(detach.partition.clone());
            }
            Step::Archive(archive) => {
                if let Ledger::Installed { archives, .. } = &mut catalog.ledger {
                    let mut known = archives.known().to_vec();
                    // Below the numbers that the ledger gives.
                    let id = known.iter().map(|entry| entry.id).min().unwrap_or_default().min(0) - 1;
                    known.push(archived(archive, id, now));
                    *archives = Archives::Known(known);
                }
            }
            Step::Relocate(relocate) => {
                if let Ledger::Installed { detached, .. } = &mut catalog.ledger
                    && let Some(entry) = detached.iter_mut().find(|entry| entry.oid == relocate.oid)
                {
                    entry.name.schema = relocate.to.schema.clone().unwrap_or(entry.recorded.schema.clone());
                    entry.tablespace = relocate.to.tablespace.clone();
                }
            }
            Step::DeleteArchive(delete) => {
                if let Ledger::Installed { archives: Archives::Known(known), .. } = &mut catalog.ledger {
                    known.retain(|entry| (entry.id, &entry.table) != (delete.id, &delete.table));
                }
                events.archives_deleted += 1;
            }
            Step::Drop(drop) => {
                if let Ledger::Installed { detached, .. } = &mut catalog.ledger {
                    detached.retain(|entry| entry.oid != drop.oid);
                }
                events.freed += drop.bytes;
            }
            _ => {}
        }
    }
    events
}

/// What each of those gets that take the place of a partition; nothing where none leaves.
#[derive(Default)]
struct Part {
    rows: u64,
    bytes: u64,
}

/// Takes a partition away that is exchanged for its parts; DEFAULT stays, as what they leave.
fn exchanged(step: &Step, catalog: &mut CatalogSnapshot) -> Part {
    let Step::Split(split) = step else { return Part::default() };
    let Some(parent) = parent(catalog, &split.around.parent).filter(|_| split.rest.is_none()) else {
        return Part::default();
    };
    let parts = split.partitions.len() as u64;
    let left = parent.partitions.extract_if(.., |partition| partition.oid == split.old_oid);
    left.fold(Part::default(), |_, old| Part { rows: old.rows.unwrap_or_default() / parts, bytes: old.bytes / parts })
}

fn entry(partition: Partition, parent: QualifiedName, now: DateTime<Utc>) -> DetachedTable {
    DetachedTable {
        oid: partition.oid,
        kind: partition.kind,
        recorded: partition.name.clone(),
        name: partition.name,
        parent,
        bound: partition.bound,
        detached_at: Some(now),
        attached: false,
        owner_out_of_reach: None,
        tablespace: None,
        bytes: partition.bytes,
        rows: partition.rows,
        foreign_keys: Vec::new(),
        leftover_checks: Vec::new(),
    }
}

fn archived(step: &ArchiveTable, id: i64, now: DateTime<Utc>) -> ArchiveEntry {
    ArchiveEntry {
        id,
        oid: step.oid,
        table: step.table.clone(),
        parent: step.parent.clone(),
        bound: step.bound.to_string(),
        destination: step.archive.to.clone(),
        path: String::new(),
        begun_at: now,
        verified_at: now,
        milliseconds: 0,
        rows: step.rows.unwrap_or_default(),
        bytes: 0,
    }
}

fn next_oid(catalog: &CatalogSnapshot) -> u32 {
    fn highest(partitions: &[Partition]) -> u32 {
        partitions.iter().map(|partition| partition.oid.max(highest(partition.partitions()))).max().unwrap_or_default()
    }
    let tables = catalog.tables.iter().map(|table| table.oid.max(highest(&table.partitions)));
    let detached = catalog.ledger.detached().iter().map(|entry| entry.oid);
    tables.chain(detached).max().unwrap_or_default() + 1
}

/// The partitioned relation of that name, at whatever depth.
fn parent<'a>(catalog: &'a mut CatalogSnapshot, name: &QualifiedName) -> Option<&'a mut Table> {
    fn below<'a>(table: &'a mut Table, name: &QualifiedName) -> Option<&'a mut Table> {
        if table.name == *name {
            return Some(table);
        }
        let nested = table.partitions.iter_mut().filter_map(|partition| partition.table.as_deref_mut());
        nested.filter_map(|table| below(table, name)).next()
    }
    catalog.tables.iter_mut().find_map(|table| below(table, name))
}

/// The partition of that name, at whatever depth.
pub(super) fn partition<'a>(catalog: &'a CatalogSnapshot, name: &QualifiedName) -> Option<&'a Partition> {
    fn below<'a>(partitions: &'a [Partition], name: &QualifiedName) -> Option<&'a Partition> {
        let deeper = || partitions.iter().find_map(|partition| below(partition.partitions(), name));
        partitions.iter().find(|partition| partition.name == *name).or_else(deeper)
    }
    catalog.tables.iter().find_map(|table| below(&table.partitions, name))
}
