//! A statement that fails while somebody would go on with a snapshot from before rows moved. Partitions are not versioned
//! and rows are, so such a transaction would look for the rows where they are now, and see them where they were (Postgres
//! 14-18). READ COMMITTED takes a snapshot for each statement, after its locks, and is never refused for reading.
//!
//! The server tells nobody how others isolate their transactions, and READ COMMITTED may look the same: drivers leave the
//! unnamed portal open, with its snapshot, until the next statement (14-18). So this goes by evidence. Unseen remains a
//! transaction that keeps a snapshot, unless its role or database has that for a default, when it took it within [`IDLE`]
//! before the commit, or takes it with a first statement that waits for the locks of the move. A split has no such moment.

use crate::sql::{DollarQuoted, SqlLiteral};

/// That another client `a` of `pg_stat_activity` may read rows. VACUUM keeps a snapshot and reads none for anybody; that an
/// autovacuum has no role tells it (14-18). `backend_xmin` is shown to everybody; `state` and `query_start` of other roles'
/// sessions only with `pg_read_all_stats`.
pub(super) const IS_ANOTHER_CLIENT: &str = "a.datname = pg_catalog.current_database() \
    AND a.pid <> pg_catalog.pg_backend_pid() AND a.usesysid IS NOT NULL \
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum v WHERE v.pid = a.pid)";

/// Whoever does nothing with a snapshot for so long may well go on with it. Programs that work without a pause do not come to
/// that, or every move would have to wait for them.
const IDLE: &str = "100 ms";

/// How `a` isolates transactions unless it says otherwise.
const ISOLATION: &str = "coalesce((SELECT pg_catalog.split_part(c.setting, '=', 2) FROM pg_catalog.pg_db_role_setting r \
    CROSS JOIN pg_catalog.unnest(r.setconfig) c(setting) \
    WHERE r.setdatabase IN (0, a.datid) AND r.setrole IN (0, a.usesysid) \
    AND pg_catalog.starts_with(c.setting, 'default_transaction_isolation=') \
    ORDER BY r.setrole <> 0 DESC, r.setdatabase <> 0 DESC LIMIT 1), \
    (SELECT s.reset_val FROM pg_catalog.pg_settings s WHERE s.name = 'default_transaction_isolation'))";

/// Raises 55P03, to be tried again, while another session evidently keeps a snapshot: it is idle in a transaction and has one;
/// or its transactions keep theirs unless they say otherwise; or its snapshot was taken before its statement began.
///
/// The last is seen from the second time on that a transaction says this: what began after the first time, and sees less
/// than could be seen then, was not read anew. A transaction that has been writing for longer than both, in whichever database,
/// hides that: nobody's snapshot looks younger.
pub(super) fn refuse_kept_snapshots() -> String {
    let message =
        SqlLiteral("partctl: %s would not see rows that move (REPEATABLE READ, SERIALIZABLE, or an open cursor)");
    let body = format!(
        "DECLARE partctl_then text := coalesce(pg_catalog.current_setting('partctl.then', true), ''); partctl_who text; \
         BEGIN PERFORM pg_catalog.pg_stat_clear_snapshot(); \
         SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', 'pid', a.pid, 'of', a.usename), ', ' ORDER BY a.pid) \
         INTO partctl_who FROM pg_catalog.pg_stat_activity a WHERE {IS_ANOTHER_CLIENT} AND a.backend_xmin IS NOT NULL \
         AND (a.state = 'idle in transaction' AND a.state_change < pg_catalog.clock_timestamp() - interval '{IDLE}' OR {ISOLATION} <> 'read committed' \
         OR pg_catalog.age(nullif(pg_catalog.split_part(partctl_then, ' ', 1), '')::xid8::xid) < pg_catalog.age(a.backend_xmin) \
         AND nullif(pg_catalog.split_part(partctl_then, ' ', 2), '')::float8 < extract(epoch FROM a.query_start)); \
         IF partctl_who IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = '55P03', MESSAGE = pg_catalog.format({message}, partctl_who); END IF; \
         IF partctl_then = '' THEN PERFORM pg_catalog.set_config('partctl.then', pg_catalog.concat_ws(' ', \
         pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()), \
         extract(epoch FROM pg_catalog.clock_timestamp())), true); END IF; END"
    );
    format!("DO {}", DollarQuoted(&body))
}
