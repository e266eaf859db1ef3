//! The ledger's entry of a table that leaves its parent, as statements for the transactions that they are about.

use crate::catalog::Bound;
use crate::sql::{QualifiedName, SqlLiteral};

/// Writes down that a partition is about to leave.
///
/// A table that was detached before, and attached since, perhaps under another name or to another parent, is from now on
/// what it is now: its new parent's policy decides what becomes of it.
pub(super) fn record_intent(oid: u32, partition: &QualifiedName, parent: &QualifiedName, bound: &Bound) -> String {
    format!(
        "INSERT INTO partctl.detached_tables (relation, schema_name, table_name, parent_schema, parent_name, bound) \
         VALUES ({oid}, {}, {}, {}, {}, {}) ON CONFLICT (relation) WHERE ended_at IS NULL DO UPDATE \
         SET begun_at = clock_timestamp(), detached_at = NULL, bound = EXCLUDED.bound, \
         schema_name = EXCLUDED.schema_name, table_name = EXCLUDED.table_name, \
         parent_schema = EXCLUDED.parent_schema, parent_name = EXCLUDED.parent_name",
        SqlLiteral(partition.schema.as_str()),
        SqlLiteral(partition.name.as_str()),
        SqlLiteral(parent.schema.as_str()),
        SqlLiteral(parent.name.as_str()),
        SqlLiteral(&bound.to_string()),
    )
}

/// Writes down that it has left. The grace clock starts here.
pub(super) fn record_detached(oid: u32) -> String {
    set_clock("detached_at", oid)
}

/// Writes down that it is a partition again, or gone.
pub(super) fn record_ended(oid: u32) -> String {
    set_clock("ended_at", oid)
}

fn set_clock(column: &str, oid: u32) -> String {
    format!(
        "UPDATE partctl.detached_tables SET {column} = clock_timestamp() WHERE relation = {oid} AND ended_at IS NULL"
    )
}
