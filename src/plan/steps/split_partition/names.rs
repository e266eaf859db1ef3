//! Names of what hangs on a table that takes another one's place, and its name.

use super::{Names, SplitPartition};
use crate::sql::{DollarQuoted, SqlLiteral};

impl SplitPartition {
    /// Remembers how the heir's indexes and statistics are to be called: like those of the old one that they were made
    /// after. They were named after a table whose name was not meant to stay.
    pub(super) fn remember_names(&self) -> String {
        let (old_oid, Names { heir, .. }) = (self.old_oid, self.names());
        let heir = SqlLiteral(&heir.to_string()).to_string();
        let like = |what: &str, catalog: &str, [oid, table, name]: [&str; 3], named: &str, print: &str| {
            format!(
                "(WITH known AS (SELECT o.{oid} AS oid, o.{table} AS owner, p.print, \
                 pg_catalog.row_number() OVER (PARTITION BY o.{table}, p.print ORDER BY o.{oid}) AS nth \
                 FROM pg_catalog.{catalog} o CROSS JOIN LATERAL ({print}) p(print) \
                 WHERE o.{table} IN ({old_oid}, {heir}::pg_catalog.regclass)) \
                 SELECT pg_catalog.format('ALTER {what} %I.%I RENAME TO %I', n.nspname, now.{name}, was.{name}) \
                 FROM known old JOIN known new USING (print, nth) \
                 JOIN pg_catalog.{named} was ON was.oid = old.oid JOIN pg_catalog.{named} now ON now.oid = new.oid \
                 JOIN pg_catalog.pg_namespace n ON n.oid = now.{prefix}namespace \
                 WHERE old.owner = {old_oid} AND new.owner <> {old_oid} AND now.{name} <> was.{name})",
                prefix = name.trim_end_matches("name"),
            )
        };
        let index = "SELECT pg_catalog.concat_ws('|', c.relam, c.reloptions, o.indisunique, o.indisprimary, o.indnkeyatts, \
            o.indclass, o.indcollation, o.indoption, pg_catalog.pg_get_expr(o.indpred, o.indrelid), \
            (SELECT pg_catalog.string_agg(pg_catalog.pg_get_indexdef(o.indexrelid, k, true), ',' ORDER BY k) \
            FROM pg_catalog.generate_series(1, o.indnatts) k)) FROM pg_catalog.pg_class c WHERE c.oid = o.indexrelid";
        let statistics =
            "SELECT pg_catalog.concat_ws('|', o.stxkind, pg_catalog.pg_get_statisticsobjdef_columns(o.oid))";
        format!(
            "SELECT pg_catalog.set_config('partctl.rename', coalesce(pg_catalog.string_agg(r.command, '; '), ''), true) \
             FROM ({} UNION ALL {}) r(command)",
            like("INDEX", "pg_index", ["indexrelid", "indrelid", "relname"], "pg_class", index),
            like("STATISTICS", "pg_statistic_ext", ["oid", "stxrelid", "stxname"], "pg_statistic_ext", statistics),
        )
    }

    /// Gives them these names, which are free once the old one is gone: statistics may belong to somebody else.
    pub(super) fn rename_what_was_remembered() -> String {
        let body = "DECLARE commands text := pg_catalog.current_setting('partctl.rename'); \
            BEGIN IF commands <> '' THEN EXECUTE commands; END IF; END";
        format!("DO {}", DollarQuoted(body))
    }
}
