//! A partitioned partition while it is being built, detached: it bears a comment that says whose it is to be, so that
//! what a run leaves behind when it is killed is known for what it is, and never taken for anybody's table.

use crate::sql::{DollarQuoted, QualifiedName, SqlLiteral};

const MARK: &str = "partctl: unfinished partition of ";

/// The comment on a partition of `parent` that is being built.
fn mark(parent: &QualifiedName) -> String {
    format!("{MARK}{parent}")
}

/// Whose partition a table with this comment was to be.
pub fn unfinished_partition_of(comment: &str) -> Option<QualifiedName> {
    QualifiedName::parse(comment.strip_prefix(MARK)?).ok()
}

/// Says of a table that it is being built.
pub(super) fn begin(table: &QualifiedName, parent: &QualifiedName) -> String {
    format!("COMMENT ON TABLE {table} IS {}", SqlLiteral(&mark(parent)))
}

/// Puts the comment in its place that the table is to have.
pub(super) fn end(table: &QualifiedName, comment: Option<&str>) -> String {
    let comment = comment.map_or("NULL".to_owned(), |comment| SqlLiteral(comment).to_string());
    format!("COMMENT ON TABLE {table} IS {comment}")
}

/// Raises 55000 when the table is not one that is being built.
pub(super) fn guard(table: &QualifiedName, parent: &QualifiedName) -> String {
    let message = format!("partctl: {table} is no longer what was built");
    let body = format!(
        "BEGIN IF NOT {} THEN RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = {}; END IF; END",
        is_unfinished(table, parent),
        SqlLiteral(&message)
    );
    format!("DO {}", DollarQuoted(&body))
}

/// Drops the table and all that is below it if it is being built; raises 55000 when it holds a row, and drops nothing.
pub(super) fn discard(table: &QualifiedName, parent: &QualifiedName) -> String {
    let message = format!("partctl: {table} was never finished, and yet it holds rows");
    let body = format!(
        "BEGIN IF {} THEN LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; \
         IF EXISTS (SELECT FROM {table}) THEN RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = {}; END IF; \
         DROP TABLE {table}; END IF; END",
        is_unfinished(table, parent),
        SqlLiteral(&message)
    );
    format!("DO {}", DollarQuoted(&body))
}

fn is_unfinished(table: &QualifiedName, parent: &QualifiedName) -> String {
    format!(
        "EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {} AND c.relname = {} AND c.relkind = 'p' AND NOT c.relispartition \
         AND pg_catalog.obj_description(c.oid, 'pg_class') = {})",
        SqlLiteral(table.schema.as_str()),
        SqlLiteral(table.name.as_str()),
        SqlLiteral(&mark(parent))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_reads_back_whatever_the_name_is() {
        for name in [QualifiedName::new("shop", "orders"), QualifiedName::new("Sh op", "it's \"mine\".x")] {
            assert_eq!(unfinished_partition_of(&mark(&name)), Some(name));
        }
        assert_eq!(unfinished_partition_of("orders of the shop"), None);
    }
}
