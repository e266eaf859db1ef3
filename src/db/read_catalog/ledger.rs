//! The ledger: what was detached, archived and restored. Whoever may write to it may have written anything, so an entry
//! that cannot be one is told, and keeps nobody from reading the others.

use anyhow::{Context, Result};
use tokio_postgres::{Client, Row};

use super::cells::{ForeignKeyRow, bytes, far_end, identifier, identifiers, json, kind, moment, qualified};
use crate::catalog::{ArchiveEntry, Archives, Bound, DetachedTable, Journal, Ledger, RestoredTable, UnreadableEntry};
use crate::sql::Identifier;

pub(super) async fn read_ledger(client: &Client, server: &Row) -> Result<Ledger> {
    if !server.try_get::<_, bool>("ledger_installed")? {
        return Ok(Ledger::Missing { installable: server.try_get("ledger_installable")? });
    }
    if !server.try_get::<_, bool>("ledger_readable")? {
        return Ok(Ledger::Denied);
    }
    let rows = client.query_typed(include_str!("../sql/detached.sql"), &[]).await.context("reading the ledger")?;
    let (mut detached, mut unreadable) = (Vec::new(), Vec::new());
    for row in &rows {
        match detached_table(row)? {
            Ok(entry) => detached.push(entry),
            Err(entry) => unreadable.push(entry),
        }
    }
    let journal = if server.try_get("ledger_current")? {
        Journal::Current
    } else {
        Journal::Outdated { upgradable: server.try_get("ledger_upgradable")? }
    };
    let (archives, being_deleted) = read_archives(client, server).await?;
    let restored = if journal == Journal::Current { read_restored(client).await? } else { Vec::new() };
    let writable = server.try_get("ledger_writable")?;
    Ok(Ledger::Installed { detached, archives, being_deleted, restored, unreadable, journal, writable })
}

async fn read_restored(client: &Client) -> Result<Vec<RestoredTable>> {
    let rows =
        client.query_typed(include_str!("../sql/restored.sql"), &[]).await.context("reading what was restored")?;
    let table = |row: &Row| {
        Ok(RestoredTable {
            oid: row.try_get("oid")?,
            name: qualified(row, "schema", "name")?,
            from: row.try_get("from")?,
        })
    };
    rows.iter().map(table).collect()
}

/// Those that are there, and those whose deletion has begun and not ended.
async fn read_archives(client: &Client, server: &Row) -> Result<(Archives, Vec<ArchiveEntry>)> {
    match server.try_get::<_, Option<bool>>("archives_usable")? {
        None => return Ok((Archives::Missing, Vec::new())),
        Some(false) => return Ok((Archives::Denied, Vec::new())),
        Some(true) => {}
    }
    let rows = client.query_typed(include_str!("../sql/archives.sql"), &[]).await.context("reading the archives")?;
    let number = |row: &Row, column| row.try_get::<_, i64>(column).map(|number| u64::try_from(number).unwrap_or(0));
    let entry = |row: &Row| {
        let time = |column| anyhow::Ok(moment(row.try_get(column)?));
        // A moment beyond the calendar is somebody's own: such an archive lets nothing be dropped.
        let (Some(begun_at), Some(verified_at)) = (time("begun_at")?, time("verified_at")?) else { return Ok(None) };
        let being_deleted: bool = row.try_get("being_deleted")?;
        let entry = ArchiveEntry {
            id: row.try_get("id")?,
            oid: row.try_get("oid")?,
            table: qualified(row, "schema", "name")?,
            parent: qualified(row, "parent_schema", "parent_name")?,
            bound: row.try_get("bound")?,
            destination: row.try_get("destination")?,
            path: row.try_get("path")?,
            begun_at,
            verified_at,
            milliseconds: number(row, "milliseconds")?,
            rows: number(row, "rows")?,
            bytes: number(row, "bytes")?,
        };
        anyhow::Ok(Some((being_deleted, entry)))
    };
    let (mut known, mut being_deleted) = (Vec::new(), Vec::new());
    for row in &rows {
        match entry(row)? {
            Some((true, entry)) => being_deleted.push(entry),
            Some((false, entry)) => known.push(entry),
            None => {}
        }
    }
    Ok((Archives::Known(known), being_deleted))
}

/// An entry, or why it cannot be one: anybody who may write to the ledger may have written anything.
fn detached_table(row: &Row) -> Result<Result<DetachedTable, UnreadableEntry>> {
    let (oid, found): (u32, u32) = (row.try_get("oid")?, row.try_get("found")?);
    let recorded = qualified(row, "recorded_schema", "recorded_name")?;
    let parent = qualified(row, "parent_schema", "parent_name")?;
    let (bound, detached_at): (String, Option<i64>) = (row.try_get("bound")?, row.try_get("detached_at")?);
    let moment = detached_at.map(moment);
    let bound = match (bound.parse::<Bound>(), moment) {
        (Ok(_), Some(None)) => {
            let problem = "`detached_at` is beyond the calendar".to_owned();
            return Ok(Err(UnreadableEntry { oid, found: None, recorded, parent, problem }));
        }
        (Ok(_), _) if found != oid => {
            let problem = format!("that table is no longer {oid} but {found}, as after a restore");
            return Ok(Err(UnreadableEntry { oid, found: Some(found), recorded, parent, problem }));
        }
        (Ok(bound), _) => bound,
        (Err(_), _) => {
            let problem = format!("its bound is `{bound}`");
            return Ok(Err(UnreadableEntry { oid, found: None, recorded, parent, problem }));
        }
    };
    let foreign_keys: Vec<ForeignKeyRow> = json(row, "foreign_keys")?;
    Ok(Ok(DetachedTable {
        oid,
        kind: kind(row)?,
        name: qualified(row, "schema", "name")?,
        recorded,
        parent,
        bound,
        detached_at: moment.flatten(),
        attached: row.try_get("attached")?,
        owner_out_of_reach: if row.try_get("role_is_owner")? { None } else { Some(identifier(row, "owner")?) },
        tablespace: row.try_get::<_, Option<String>>("tablespace")?.map(Identifier::new),
        bytes: bytes(row)?,
        rows: row.try_get::<_, Option<i64>>("rows")?.and_then(|rows| u64::try_from(rows).ok()),
        foreign_keys: foreign_keys.into_iter().map(far_end).collect(),
        leftover_checks: identifiers(row, "leftover_checks")?,
    }))
}
