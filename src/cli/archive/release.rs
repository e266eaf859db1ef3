//! `partctl archive release`

use anyhow::Context;
use clap::Args;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::super::{Ended, Global, context};
use crate::cli::terminal::Terminal;
use crate::failure::{Failure, FailureKind};
use crate::sql::QualifiedName;

/// Give a restored partition back to retention, which may detach it again from the next run on
#[derive(Debug, Args)]
pub(super) struct Release {
    /// The table, with its schema
    #[arg(value_name = "TABLE", value_parser = super::restore::table_name)]
    table: QualifiedName,
}

impl Release {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let session = context::writable_session(&context::target(global, terminal)?).await?;
        let sql = "UPDATE partctl.detached_tables d SET released_at = pg_catalog.clock_timestamp() \
                   FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                   WHERE c.oid = d.relation AND n.nspname = $1 AND c.relname = $2 \
                   AND d.restored_from IS NOT NULL AND d.released_at IS NULL RETURNING d.restored_from";
        let (schema, name) = (self.table.schema.as_str(), self.table.name.as_str());
        let released = session.client().query_typed(sql, &[(&schema, Type::TEXT), (&name, Type::TEXT)]).await;
        let table = &self.table;
        // Without a ledger of this version nothing was ever restored into a place.
        let missing = [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_COLUMN, SqlState::INVALID_SCHEMA_NAME];
        let released = match released {
            Err(error) if error.code().is_some_and(|code| missing.contains(code)) => Vec::new(),
            released => released.with_context(|| format!("releasing {table}"))?,
        };
        match released.first() {
            Some(_) => {
                writeln!(terminal.out, "{table} is released: the next run retires it when the policy says so")?;
                Ok(None)
            }
            None => Err(Failure::new(FailureKind::Refused, format!("`{table}` is no restored table that is kept"))
                .hint("`partctl plan` tells those that are")
                .into()),
        }
    }
}
