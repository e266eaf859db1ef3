//! Who is in the way: the sessions that hold locks on the relations an action needs, or wait for them in the queue.

use anyhow::{Context, Result};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::plan::{Blocker, Lock, LockMode, LockScope};
use crate::sql::QualifiedName;

/// A session's lock on a relation.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The mode.
    pub mode: LockMode,
    /// The relation.
    pub relation: QualifiedName,
    /// Whether it has the lock; otherwise it waits for it, and whoever comes later waits behind it.
    pub granted: bool,
    /// Its transaction, such as `4/1207`; the same one is never seen twice.
    pub transaction: String,
    /// Seconds since its transaction began; `None`: this role may not see that.
    pub age: Option<f64>,
    /// What it is.
    pub kind: HolderKind,
    /// Who it is.
    pub session: Blocker,
}

/// What holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolderKind {
    /// Somebody's session.
    Session,
    /// An autovacuum worker.
    Autovacuum,
    /// A prepared transaction, which has no session.
    Prepared,
}

/// Every other session's lock on these relations, oldest transaction first.
///
/// # Errors
/// When the query fails; `pg_locks` needs no right.
pub async fn holders(client: &Client, relations: &[&Lock]) -> Result<Vec<Holder>> {
    let schemas: Vec<&str> = relations.iter().map(|lock| lock.relation.schema.as_str()).collect();
    let names: Vec<&str> = relations.iter().map(|lock| lock.relation.name.as_str()).collect();
    let below: Vec<bool> = relations.iter().map(|lock| lock.scope == LockScope::WithPartitions).collect();
    let rows = client
        .query_typed(
            include_str!("sql/holders.sql"),
            &[(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY), (&below, Type::BOOL_ARRAY)],
        )
        .await
        .context("asking who holds locks")?;
    let wanted = |row: &Row| -> Result<Holder> {
        let position = usize::try_from(row.try_get::<_, i64>("position")?)?;
        let lock = relations.get(position - 1).context("a lock that nobody asked for")?;
        // What is held on a partition below keeps whoever locks the whole waiting.
        Ok(Holder { relation: lock.relation.clone(), ..holder(row)? })
    };
    rows.iter().map(wanted).collect()
}

/// Every other session of this database that keeps a snapshot.
///
/// # Errors
/// When the query fails.
pub async fn snapshots(client: &Client) -> Result<Vec<Holder>> {
    let rows =
        client.query_typed(include_str!("sql/snapshots.sql"), &[]).await.context("asking who keeps snapshots")?;
    let mut found = rows.iter().map(holder).collect::<Result<Vec<Holder>>>()?;
    found.iter_mut().for_each(|holder| holder.session.holds = "a snapshot".to_owned());
    Ok(found)
}

fn holder(row: &Row) -> Result<Holder> {
    let relation = QualifiedName::new(row.try_get::<_, String>("schema")?, row.try_get::<_, String>("name")?);
    let mode = mode(row.try_get("mode")?);
    let pid: Option<i32> = row.try_get("pid")?;
    let granted: bool = row.try_get("granted")?;
    let query: String = row.try_get("query")?;
    let kind = match pid {
        None => HolderKind::Prepared,
        Some(_) if row.try_get("autovacuum")? => HolderKind::Autovacuum,
        Some(_) => HolderKind::Session,
    };
    let state = match kind {
        HolderKind::Prepared => "prepared transaction".to_owned(),
        // The server's own words, in every language: "autovacuum: VACUUM shop.orders (to prevent wraparound)".
        HolderKind::Autovacuum if query.contains("(to prevent wraparound)") => {
            "autovacuum to prevent wraparound, which nothing cancels".to_owned()
        }
        HolderKind::Autovacuum => "autovacuum".to_owned(),
        HolderKind::Session => row.try_get("state")?,
    };
    Ok(Holder {
        mode,
        granted,
        transaction: row.try_get("transaction")?,
        age: row.try_get("age")?,
        kind,
        session: Blocker {
            pid: pid.unwrap_or_default(),
            role: row.try_get("role")?,
            application: row.try_get("application")?,
            state,
            since: row.try_get("since")?,
            holds: format!("{}{mode} on {relation}", if granted { "" } else { "a place in the queue for " }),
            query,
        },
        relation,
    })
}

/// `pg_locks.mode`; EXCLUSIVE, which only REFRESH MATERIALIZED VIEW takes, counts as its stronger neighbour.
fn mode(text: &str) -> LockMode {
    match text {
        "AccessShareLock" => LockMode::AccessShare,
        "RowShareLock" => LockMode::RowShare,
        "RowExclusiveLock" => LockMode::RowExclusive,
        "ShareUpdateExclusiveLock" => LockMode::ShareUpdateExclusive,
        "ShareLock" => LockMode::Share,
        "ShareRowExclusiveLock" => LockMode::ShareRowExclusive,
        _ => LockMode::AccessExclusive,
    }
}
