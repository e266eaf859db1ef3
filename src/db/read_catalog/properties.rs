//! What is set on tables and partitions, how they are stored, and what is wrong with their indexes.

use std::collections::HashMap;

use anyhow::{Context, Result};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::cells::json;
use crate::catalog::{IndexFault, OwnProperties, Property, Storage};
use crate::sql::Identifier;

/// What is set on relations, by oid.
pub(super) type Properties = HashMap<u32, OwnProperties>;

/// What is wrong with the indexes of partitions, by oid.
pub(super) type IndexFaults = HashMap<u32, Vec<IndexFault>>;

/// Asked only where the numbers of indexes say that something is wrong.
pub(super) async fn read_index_faults(client: &Client, tables: &[Row], partitions: &[Row]) -> Result<IndexFaults> {
    let mut parents: HashMap<u32, i32> = HashMap::new();
    for row in tables {
        parents.insert(row.try_get("oid")?, row.try_get("indexes")?);
    }
    let mut faulty: Vec<u32> = Vec::new();
    for row in partitions {
        let expected = parents.get(&row.try_get("parent")?).copied().unwrap_or_default();
        if row.try_get::<_, i32>("attached_indexes")? < expected || !row.try_get::<_, bool>("indexes_valid")? {
            faulty.push(row.try_get("oid")?);
        }
    }
    let mut faults = IndexFaults::new();
    if faulty.is_empty() {
        return Ok(faults);
    }
    let ask = async |shown: bool| {
        client
            .query_typed(include_str!("../sql/index_faults.sql"), &[(&faulty, Type::OID_ARRAY), (&shown, Type::BOOL)])
            .await
    };
    // Definitions are worth a moment, and no more.
    client.batch_execute("SAVEPOINT definitions; SET LOCAL lock_timeout = '100ms'").await?;
    let rows = match ask(true).await {
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            client.batch_execute("ROLLBACK TO definitions").await?;
            ask(false).await
        }
        rows => rows,
    };
    for row in rows.context("reading the catalog's indexes")? {
        let fault = serde_json::from_str(&row.try_get::<_, String>("fault")?).context("reading an index")?;
        faults.entry(row.try_get("oid")?).or_default().push(fault);
    }
    Ok(faults)
}

/// What is set on a table or partition, by its oid.
pub(super) fn properties_of(row: &Row) -> Result<(u32, OwnProperties)> {
    let set: Vec<Property> = json(row, "properties")?;
    let in_schema = serde_json::from_str(row.try_get("in_schema")?).context("reading column `in_schema`")?;
    Ok((row.try_get("oid")?, OwnProperties { set, role_is_owner: row.try_get("role_is_owner")?, in_schema }))
}

pub(super) fn storage(row: &Row) -> Result<Storage> {
    let options = |column, prefix: &str| -> Result<Vec<(String, String)>> {
        let options: Option<Vec<String>> = row.try_get(column)?;
        let option =
            |option: &String| option.split_once('=').map(|(name, value)| (format!("{prefix}{name}"), value.to_owned()));
        Ok(options.iter().flatten().filter_map(option).collect())
    };
    let own = options("storage", "")?;
    Ok(Storage {
        parameters: own.into_iter().chain(options("toast_storage", "toast.")?).collect(),
        lacks_toast: row.try_get("lacks_toast")?,
        tablespace: row.try_get::<_, Option<String>>("tablespace")?.map(Identifier::new),
        access_method: row.try_get::<_, Option<String>>("access_method")?.map(Identifier::new),
    })
}
