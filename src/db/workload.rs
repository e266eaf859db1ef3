//! Reads what `pg_stat_statements` has counted, and what the statistics know of the values that it left out.
//!
//! Only reads: statements are text here, and whoever explains them never executes one.

use std::collections::BTreeMap;

use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error};

use crate::pruning::{ColumnSample, ComparedColumn, Statement};
use crate::sql::{Identifier, QualifiedName};

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; \
    SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '1s'";

/// Where the extension is. Its settings exist exactly where the library is loaded, and everybody may ask for them.
const EXTENSION: &str = "SELECT (SELECT n.nspname::text FROM pg_catalog.pg_extension e \
        JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'), \
    EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pg_stat_statements'), \
    pg_catalog.current_setting('pg_stat_statements.max', true) IS NOT NULL";

/// What was counted.
#[derive(Debug, Default)]
pub struct Counted {
    /// Statements that may touch the tables, the dearest first, each with the `search_path` of its role.
    pub statements: Vec<(Statement, String)>,
    /// Statements whose text this role may not see.
    pub hidden: u64,
}

/// The dearest statements that may touch these tables; or why there are none, and what to do about it.
///
/// # Errors
/// Only when the connection is gone.
pub async fn read_statements(
    client: &Client,
    tables: &[u32],
    most: i64,
) -> Result<Result<Counted, (String, String)>, Error> {
    client.batch_execute(BEGIN).await?;
    let counted = counted(client, tables, most).await;
    client.batch_execute("ROLLBACK").await?;
    match counted {
        Ok(counted) => Ok(counted),
        Err(error) => match error.as_db_error() {
            Some(said) => Ok(Err(obstacle(said.code(), said.message()))),
            None => Err(error),
        },
    }
}

async fn counted(client: &Client, tables: &[u32], most: i64) -> Result<Result<Counted, (String, String)>, Error> {
    let row = client.query_typed_one(EXTENSION, &[]).await?;
    let (schema, available, loaded): (Option<String>, bool, bool) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let Some(schema) = schema else { return Ok(Err(missing(available, loaded))) };
    let schema = Identifier::new(&*schema).to_string();
    let sql = include_str!("sql/statements.sql").replace("{schema}", &schema);
    let rows = client.query_typed(&sql, &[(&tables, Type::OID_ARRAY), (&most, Type::INT8)]).await?;
    let mut counted = Counted::default();
    for row in rows {
        let (calls, total_ms): (i64, f64) = (row.try_get(2)?, row.try_get(3)?);
        let calls = u64::try_from(calls).unwrap_or_default();
        let statement = Statement { sql: row.try_get(0)?, role: row.try_get(1)?, calls, total_ms };
        counted.statements.push((statement, row.try_get(4)?));
    }
    let hidden = format!(
        "SELECT count(*) FROM {schema}.pg_stat_statements WHERE query = '<insufficient privilege>' \
         AND dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
    );
    let hidden: i64 = client.query_typed_one(&hidden, &[]).await?.try_get(0)?;
    counted.hidden = u64::try_from(hidden).unwrap_or_default();
    Ok(Ok(counted))
}

fn missing(available: bool, loaded: bool) -> (String, String) {
    const CREATE: &str = "`CREATE EXTENSION pg_stat_statements` in this database";
    let hint = match (available, loaded) {
        (false, _) => "install the server's contrib package (postgresql-contrib), add pg_stat_statements to \
             shared_preload_libraries, restart the server, and run `CREATE EXTENSION pg_stat_statements` in this database"
            .to_owned(),
        (true, true) => format!("run {CREATE}"),
        (true, false) => {
            format!("add pg_stat_statements to shared_preload_libraries, restart the server, and run {CREATE}")
        }
    };
    ("pg_stat_statements is not installed in this database: the workload is not known".to_owned(), hint)
}

fn obstacle(code: &SqlState, message: &str) -> (String, String) {
    let hint = match code.code() {
        "55000" => "add it to shared_preload_libraries and restart the server",
        "42703" => "its version is too old: run `ALTER EXTENSION pg_stat_statements UPDATE`",
        "42501" => "grant this role pg_read_all_stats and SELECT on pg_stat_statements",
        _ => "run again when the server is less busy",
    };
    (format!("pg_stat_statements cannot be read: {message} ({})", code.code()), hint.to_owned())
}

/// What the statistics know of these columns, as far as this role may see them.
///
/// # Errors
/// Only when the connection is gone.
pub async fn column_samples(
    client: &Client,
    columns: &[&ComparedColumn],
) -> Result<BTreeMap<ComparedColumn, ColumnSample>, Error> {
    let mut known = BTreeMap::new();
    if columns.is_empty() {
        return Ok(known);
    }
    let part = |part: fn(&ComparedColumn) -> &str| columns.iter().map(|column| part(column)).collect::<Vec<_>>();
    let schemas = part(|column| column.table.schema.as_str());
    let (tables, names) = (part(|column| column.table.name.as_str()), part(|column| &column.column));
    let wanted: [(&(dyn ToSql + Sync), Type); 3] =
        [(&schemas, Type::TEXT_ARRAY), (&tables, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)];
    let rows = match client.query_typed(include_str!("sql/column_samples.sql"), &wanted).await {
        Ok(rows) => rows,
        // Arrays of arrays have no text that reads as an array of texts.
        Err(error) if error.as_db_error().is_some() => return Ok(known),
        Err(error) => return Err(error),
    };
    for row in rows {
        let (schema, table): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let column = ComparedColumn { table: QualifiedName::new(schema, table), column: row.try_get(2)? };
        let (middle, above): (Option<String>, Option<String>) = (row.try_get(4)?, row.try_get(5)?);
        known.insert(column, ColumnSample { common: row.try_get(3)?, middle: middle.zip(above) });
    }
    Ok(known)
}
