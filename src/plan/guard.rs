//! A statement that fails unless a relation is still what the plan saw: destruction never trusts a name.

use crate::catalog::Bound;
use crate::sql::{DollarQuoted, QualifiedName, SqlLiteral};

/// Where the relation must stand.
pub(super) enum Standing<'a> {
    /// A partition of the parent with this oid, with this bound.
    Attached { parent_oid: u32, bound: &'a Bound },
    /// No partition of anything.
    Detached,
}

/// Raises 55000 when the relation with this oid has another name or another standing.
///
/// Bounds are compared without quotes: Postgres writes `1` where the plan writes `'1'`.
pub(super) fn guard(oid: u32, name: &QualifiedName, standing: &Standing<'_>) -> String {
    let standing = match standing {
        Standing::Attached { parent_oid, bound } => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid AND i.inhparent = {parent_oid}) \
             AND pg_catalog.replace(pg_catalog.pg_get_expr(c.relpartbound, 0), '''', '') = {}",
            SqlLiteral(&bound.to_string().replace('\'', ""))
        ),
        Standing::Detached => "NOT c.relispartition".to_owned(),
    };
    let message = format!("partctl: {name} (oid {oid}) is no longer what was planned");
    let body = format!(
        "BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = {oid} AND c.relname = {} \
         AND c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = {}) AND {standing}) \
         THEN RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = {}; END IF; END",
        SqlLiteral(name.name.as_str()),
        SqlLiteral(name.schema.as_str()),
        SqlLiteral(&message),
    );
    format!("DO {}", DollarQuoted(&body))
}

/// Raises 55000 unless the condition that keeps a table is clearly false.
///
/// Rows that row security would hide count as well: with it off, a table that hides some refuses (42501).
pub(super) fn refuse_kept(name: &QualifiedName, unless: Option<&str>) -> Option<String> {
    let message = format!("partctl: {name} is kept: its policy's `unless` holds, or is null");
    let body = format!(
        "BEGIN PERFORM pg_catalog.set_config('row_security', 'off', true); IF ({}) IS NOT FALSE \
         THEN RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = {}; END IF; END",
        unless?,
        SqlLiteral(&message)
    );
    Some(format!("DO {}", DollarQuoted(&body)))
}
