//! Reads the catalog: one REPEATABLE READ READ ONLY transaction, a handful of queries in one flight, no lock on any
//! user relation. What comes back is data; nothing is decided here.

mod properties;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use self::properties::{IndexFaults, Properties, properties_of, read_index_faults, storage};
use crate::catalog::{
    Answers, ArchiveEntry, Archives, Bound, CatalogSnapshot, Column, DetachedTable, FarEnd, ForeignKey, Journal,
    KeyColumn, Ledger, Partition, PartitionKey, RelationKind, RestoredTable, Server, Strategy, Table, UnfinishedBranch,
    UnfinishedSplit, UniqueKey, UnreadableEntry,
};
use crate::db::connect::{Session, refused_pooling};
use crate::db::read_expressions::read_expressions;
use crate::plan::unfinished_partition_of;
use crate::policy::Policy;
use crate::sql::{Identifier, QualifiedName, since};

/// Bytes of a page; every build of Postgres in use has this block size.
const PAGE: u64 = 8192;

/// What the catalog says of the tables that the policies name.
///
/// # Errors
/// When a query fails; catalog reads need no rights and wait for nobody, so this means a lost connection.
/// [`FailureKind::Refused`](crate::failure::FailureKind::Refused) when another server process answers than at first,
/// or the settings that the session has pinned are gone.
pub async fn read_catalog(session: &Session, policies: &[Policy]) -> Result<CatalogSnapshot> {
    let mut targets: Vec<&str> = policies
        .iter()
        .flat_map(|policy| policy.levels().map(|level| level.placement.schema.as_ref().unwrap_or(&policy.table.schema)))
        .map(Identifier::as_str)
        .collect();
    targets.sort_unstable();
    targets.dedup();
    let names: Vec<&QualifiedName> = policies.iter().map(|policy| &policy.table).collect();
    read_named(session, &names, &targets).await
}

/// What the catalog says of these tables, whether policies manage them or not.
///
/// # Errors
/// As [`read_catalog`].
pub async fn read_tables(session: &Session, tables: &[&QualifiedName]) -> Result<CatalogSnapshot> {
    read_named(session, tables, &[]).await
}

/// What the catalog says of every partitioned table and of those that the policies name, for policies to come: the
/// rights in all schemas, too.
///
/// # Errors
/// As [`read_catalog`].
pub async fn read_everything(session: &Session, policies: &[Policy]) -> Result<CatalogSnapshot> {
    let everything = read_named(session, &[], &[]).await?.unmanaged;
    let named = policies.iter().map(|policy| &policy.table).filter(|table| !everything.contains(table));
    let tables: Vec<&QualifiedName> = everything.iter().chain(named).collect();
    let schemas = session.client().query_typed(include_str!("sql/schemas.sql"), &[]).await;
    let schemas = schemas.context("reading the schemas")?;
    let schemas = schemas.iter().map(|row| row.try_get(0)).collect::<Result<Vec<&str>, _>>()?;
    read_named(session, &tables, &schemas).await
}

/// Every name that a relation or a type has in the schemas that are not Postgres' own.
///
/// # Errors
/// When the connection is lost.
pub async fn read_names(client: &Client) -> Result<BTreeMap<Identifier, BTreeSet<Identifier>>> {
    let rows = client.query_typed(include_str!("sql/names.sql"), &[]).await.context("reading the names")?;
    let mut names: BTreeMap<Identifier, BTreeSet<Identifier>> = BTreeMap::new();
    for row in &rows {
        names.entry(identifier(row, "schema")?).or_default().insert(identifier(row, "name")?);
    }
    Ok(names)
}

async fn read_named(session: &Session, tables: &[&QualifiedName], targets: &[&str]) -> Result<CatalogSnapshot> {
    let client = session.client();
    match client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await {
        // No server says this to BEGIN: it is PgBouncer, which refuses transactions where it pools statements.
        Err(error) if error.code() == Some(&SqlState::PROTOCOL_VIOLATION) => {
            return Err(refused_pooling(session).into());
        }
        begun => begun.context("opening the catalog read")?,
    }
    let snapshot = read(session, tables, targets).await;
    let closed = client.batch_execute("COMMIT").await;
    let snapshot = snapshot?;
    closed.context("closing the catalog read")?;
    Ok(snapshot)
}

async fn read(session: &Session, tables: &[&QualifiedName], targets: &[&str]) -> Result<CatalogSnapshot> {
    let client = session.client();
    let schemas: Vec<&str> = tables.iter().map(|table| table.schema.as_str()).collect();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let wanted: [(&(dyn ToSql + Sync), Type); 2] = [(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)];
    let privilege: (&(dyn ToSql + Sync), Type) = (&since::set_role_privilege(session.server_version()), Type::TEXT);
    let [schemas, names] = wanted.clone();
    let of_tables = [schemas.clone(), names.clone(), (&targets, Type::TEXT_ARRAY), privilege.clone()];
    let of_properties = [schemas, names, privilege];
    let (server, tables, partitions, properties, unmanaged) = tokio::join!(
        client.query_typed(include_str!("sql/server.sql"), &[]),
        client.query_typed(include_str!("sql/tables.sql"), &of_tables),
        client.query_typed(include_str!("sql/partitions.sql"), &wanted),
        client.query_typed(include_str!("sql/properties.sql"), &of_properties),
        client.query_typed(include_str!("sql/unmanaged.sql"), &wanted),
    );
    // In the order in which they were sent: after the first that fails, all others fail for that alone (25P02).
    let reading = "reading the catalog";
    let (server, tables) = (server.context(reading)?, tables.context(reading)?);
    let (partitions, properties) = (partitions.context(reading)?, properties.context(reading)?);
    let unmanaged = unmanaged.context(reading)?;
    let row = server.first().context("the server answered without a row")?;
    if row.try_get::<_, i32>("backend_pid")? != session.backend_pid() || !row.try_get::<_, bool>("pinned")? {
        return Err(refused_pooling(session).into());
    }
    let ledger = read_ledger(client, row).await?;
    let expressions = read_expressions(client, with_expressions(&tables)?).await?;
    let properties = properties.iter().map(properties_of).collect::<Result<_>>()?;
    let faults = read_index_faults(client, &tables, &partitions).await?;
    let tables = forest(&tables, &partitions, properties, expressions, faults)?;
    let (rows, mut unmanaged, mut unfinished) = (unmanaged, Vec::new(), Vec::new());
    for row in &rows {
        let name = qualified(row, "schema", "name")?;
        let comment: Option<String> = row.try_get("comment")?;
        match comment.as_deref().and_then(unfinished_partition_of) {
            Some(parent) => {
                let below = json::<(String, String)>(row, "below")?;
                let below = below.into_iter().map(|(schema, name)| QualifiedName::new(schema, name)).collect();
                unfinished.push(UnfinishedBranch { name, parent, below });
            }
            None => unmanaged.push(name),
        }
    }
    Ok(CatalogSnapshot {
        server: server_facts(row)?,
        tables,
        unmanaged,
        unfinished,
        ledger,
        answers: Answers::default(),
    })
}

fn server_facts(row: &Row) -> Result<Server> {
    Ok(Server {
        version: u32::try_from(row.try_get::<_, i32>("version")?)?,
        now: moment(row.try_get("now")?).context("the server's clock is out of range")?,
        database: row.try_get("database")?,
        role: identifier(row, "role")?,
        standby: row.try_get("standby")?,
        lock_slots: u64::try_from(row.try_get::<_, i64>("lock_slots")?)?,
        sees_sessions: row.try_get("sees_sessions")?,
    })
}

async fn read_ledger(client: &Client, server: &Row) -> Result<Ledger> {
    if !server.try_get::<_, bool>("ledger_installed")? {
        return Ok(Ledger::Missing { installable: server.try_get("ledger_installable")? });
    }
    if !server.try_get::<_, bool>("ledger_readable")? {
        return Ok(Ledger::Denied);
    }
    let rows = client.query_typed(include_str!("sql/detached.sql"), &[]).await.context("reading the ledger")?;
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
    let rows = client.query_typed(include_str!("sql/restored.sql"), &[]).await.context("reading what was restored")?;
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
    let rows = client.query_typed(include_str!("sql/archives.sql"), &[]).await.context("reading the archives")?;
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
    let oid = row.try_get("oid")?;
    let recorded = qualified(row, "recorded_schema", "recorded_name")?;
    let parent = qualified(row, "parent_schema", "parent_name")?;
    let (bound, detached_at): (String, Option<i64>) = (row.try_get("bound")?, row.try_get("detached_at")?);
    let moment = detached_at.map(moment);
    let bound = match (bound.parse::<Bound>(), moment) {
        (Ok(_), Some(None)) => {
            let problem = "`detached_at` is beyond the calendar".to_owned();
            return Ok(Err(UnreadableEntry { oid, recorded, parent, problem }));
        }
        (Ok(bound), _) => bound,
        (Err(_), _) => {
            let problem = format!("its bound is `{bound}`");
            return Ok(Err(UnreadableEntry { oid, recorded, parent, problem }));
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
        bytes: bytes(row)?,
        rows: row.try_get::<_, Option<i64>>("rows")?.and_then(|rows| u64::try_from(rows).ok()),
        foreign_keys: foreign_keys.into_iter().map(far_end).collect(),
        leftover_checks: identifiers(row, "leftover_checks")?,
    }))
}

/// The tables whose keys have parts that are no columns.
fn with_expressions(tables: &[Row]) -> Result<Vec<u32>> {
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
fn table(row: &Row, expressions: Vec<String>) -> Result<Table> {
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
fn forest(
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

fn kind(row: &Row) -> Result<RelationKind> {
    Ok(match row.try_get::<_, String>("kind")?.as_str() {
        "r" => RelationKind::Table,
        "p" => RelationKind::Partitioned,
        "f" => RelationKind::Foreign,
        _ => RelationKind::Other,
    })
}

fn bytes(row: &Row) -> Result<u64> {
    Ok(u64::try_from(row.try_get::<_, i64>("pages")?)? * PAGE)
}

fn identifier(row: &Row, column: &str) -> Result<Identifier> {
    Ok(Identifier::new(row.try_get::<_, String>(column)?))
}

/// A text[] column; NULL is the empty one.
fn identifiers(row: &Row, column: &str) -> Result<Vec<Identifier>> {
    let names: Option<Vec<String>> = row.try_get(column)?;
    Ok(names.unwrap_or_default().into_iter().map(Identifier::new).collect())
}

/// Its name and type, and schema and name of its collation.
type KeyColumnRow = (Option<String>, Option<String>, Option<String>, Option<String>);

/// Whether it is outgoing, its name, schema and name of the other table, whether that may be locked, and the columns
/// that are compared, this end's and the other end's.
type ForeignKeyRow = (bool, String, String, String, bool, Vec<String>, Vec<String>);

fn far_end((_, constraint, schema, table, lockable, near, far): ForeignKeyRow) -> FarEnd {
    let columns = near.into_iter().map(Identifier::new).zip(far.into_iter().map(Identifier::new));
    FarEnd {
        constraint: Identifier::new(constraint),
        table: QualifiedName::new(schema, table),
        columns: columns.collect(),
        lockable,
    }
}

fn qualified(row: &Row, schema: &str, name: &str) -> Result<QualifiedName> {
    Ok(QualifiedName { schema: identifier(row, schema)?, name: identifier(row, name)? })
}

/// A JSON array column; NULL is the empty one.
fn json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<Vec<T>> {
    let text: Option<String> = row.try_get(column)?;
    text.map_or(Ok(Vec::new()), |text| {
        serde_json::from_str(&text).with_context(|| format!("reading column `{column}`"))
    })
}

fn moment(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
}
