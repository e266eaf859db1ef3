//! Reads the catalog: one REPEATABLE READ READ ONLY transaction, a handful of queries in one flight, no lock on any
//! user relation. What comes back is data; nothing is decided here.

mod cells;
mod ledger;
mod properties;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use self::cells::{identifier, json, moment, qualified};
use self::ledger::read_ledger;
use self::properties::{properties_of, read_index_faults};
use self::tables::{forest, with_expressions};
use crate::catalog::{Answers, CatalogSnapshot, Server, UnfinishedBranch};
use crate::db::connect::{Session, refused_pooling};
use crate::db::read_expressions::read_expressions;
use crate::plan::unfinished_partition_of;
use crate::policy::Policy;
use crate::sql::{Identifier, QualifiedName, since};

/// What the catalog says of the tables that the policies name.
///
/// # Errors
/// When a query fails; catalog reads need no rights and wait for nobody, so this means a lost connection.
/// [`FailureKind::Refused`](crate::failure::FailureKind::Refused) when another server process answers than at first,
/// or the settings that the session has pinned are gone.
pub async fn read_catalog(session: &Session, policies: &[Policy]) -> Result<CatalogSnapshot> {
    let mut targets: Vec<&str> = policies
        .iter()
        .flat_map(|policy| {
            policy.levels().flat_map(|level| {
                let retired = level.retain.as_ref().and_then(|retain| retain.move_to.as_ref()?.schema.as_ref());
                [Some(level.placement.schema.as_ref().unwrap_or(&policy.table.schema)), retired]
            })
        })
        .flatten()
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
