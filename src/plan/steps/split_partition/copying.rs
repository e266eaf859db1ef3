//! The SQL that copies a partition beside its writers: what captures their changes, the batches, and the replay.
//!
//! A row is known by its key. Whatever was changed is copied anew as it is now, so the order of changes does not matter,
//! and doing it twice does no harm. A writer's change and its key commit together: a snapshot that shows the one shows
//! the other.

use super::{Names, SplitPartition, TRIGGERS};
use crate::sql::{DollarQuoted, Identifier, SqlLiteral};

/// Pages per batch, half a second's work at most.
const BLOCKS_AT_ONCE: u64 = 500;
/// So few changes are left to the moment in which writers wait.
const FEW_CHANGES: u64 = 500;

impl SplitPartition {
    /// The function that triggers call. It writes with its owner's rights: those who change rows have none here.
    pub(super) fn capture(&self) -> [String; 2] {
        let Names { progress, capture, .. } = self.names();
        let body = format!(
            "DECLARE partctl_mirrors bool; \
             BEGIN IF TG_OP = 'TRUNCATE' THEN UPDATE {progress} SET emptied = true, mirrors = false; RETURN NULL; END IF; \
             SELECT p.mirrors FROM {progress} p INTO partctl_mirrors; \
             IF TG_OP IN ('UPDATE', 'DELETE') THEN {} END IF; \
             IF TG_OP = 'INSERT' OR TG_OP = 'UPDATE' AND NOT ({}) THEN {} END IF; RETURN NULL; END",
            self.note("OLD"),
            self.same("OLD", "NEW"),
            self.note("NEW")
        );
        [
            format!(
                "CREATE FUNCTION {capture}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS {}",
                DollarQuoted(&body)
            ),
            format!("REVOKE ALL ON FUNCTION {capture}() FROM PUBLIC"),
        ]
    }

    /// Where copying begins. Pages that are added later hold nothing that is not captured.
    pub(super) fn progress_now(&self) -> String {
        let old = SqlLiteral(&self.old.to_string()).to_string();
        format!(
            "SELECT pg_catalog.pg_relation_filenode({old}::pg_catalog.regclass), 0, \
             pg_catalog.pg_relation_size({old}::pg_catalog.regclass) \
             / pg_catalog.current_setting('block_size')::int8"
        )
    }

    /// Variables have names that no column has: in PL/pgSQL one that both have is refused (42702).
    ///
    /// Copies page by page, catches up with changes, and compares.
    ///
    /// Rows that were changed meanwhile may have been copied already, hence ON CONFLICT. VACUUM FULL and the like write
    /// rows to other pages of another file: then it begins again, and skips what is there.
    pub(super) fn copy(&self) -> String {
        let Names { successors, progress, .. } = self.names();
        let (old, columns) = (&self.old, self.list());
        let sum = format!(
            "SELECT pg_catalog.count(*), pg_catalog.sum(pg_catalog.hashtextextended(ROW({columns})::text, 0)) FROM"
        );
        let body = format!(
            "DECLARE partctl_at record; partctl_rows int8; partctl_copied_rows int8; partctl_print numeric; partctl_copied_print numeric; {counters} \
             BEGIN \
             LOOP \
             SELECT p.* INTO partctl_at FROM {progress} p; \
             IF partctl_at.emptied THEN \
             UPDATE {progress} SET emptied = false, next_block = 0; TRUNCATE {successors}; COMMIT; CONTINUE; \
             END IF; \
             EXIT WHEN partctl_at.blocks <= partctl_at.next_block; \
             INSERT INTO {successors} ({columns}) SELECT {columns} FROM ONLY {old} \
             WHERE ctid >= pg_catalog.format('(%s,0)', partctl_at.next_block)::tid \
             AND ctid < pg_catalog.format('(%s,0)', partctl_at.next_block + {BLOCKS_AT_ONCE})::tid ON CONFLICT DO NOTHING; \
             IF pg_catalog.pg_relation_filenode({regclass}::pg_catalog.regclass) = partctl_at.file THEN \
             UPDATE {progress} SET next_block = partctl_at.next_block + {BLOCKS_AT_ONCE}; \
             ELSE \
             UPDATE {progress} SET (file, next_block, blocks) = ({now}); \
             END IF; \
             COMMIT; \
             RAISE INFO 'partctl: % of % blocks copied', least(partctl_at.next_block + {BLOCKS_AT_ONCE}, partctl_at.blocks), partctl_at.blocks; \
             END LOOP; \
             ANALYZE {successors}; COMMIT; \
             {catch_up} \
             SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; {by_key} {replay}; SET LOCAL enable_seqscan = on; \
             {sum} ONLY {old} INTO partctl_rows, partctl_print; {sum} {successors} INTO partctl_copied_rows, partctl_copied_print; \
             IF (partctl_rows, partctl_print) IS DISTINCT FROM (partctl_copied_rows, partctl_copied_print) THEN \
             ROLLBACK; UPDATE {progress} SET emptied = true; COMMIT; \
             RAISE EXCEPTION USING ERRCODE = 'XX001', MESSAGE = pg_catalog.format({differs}, partctl_rows, partctl_copied_rows); \
             END IF; \
             COMMIT; \
             END",
            regclass = SqlLiteral(&old.to_string()),
            now = self.progress_now(),
            counters = Self::COUNTERS,
            catch_up = self.rounds(),
            by_key = Self::by_key_alone().iter().map(|setting| format!("{setting}; ")).collect::<String>(),
            replay = self.replay().join("; "),
            differs = SqlLiteral(&format!(
                "partctl: the copy of {} in {successors} differs: %s rows, %s copied; it begins anew the next time",
                old.to_string().replace('%', "%%")
            )),
        );
        format!("DO {}", DollarQuoted(&body))
    }

    /// Catches up with changes until few are left.
    pub(super) fn catch_up(&self) -> String {
        let body = format!("DECLARE {} BEGIN {} END", Self::COUNTERS, self.rounds());
        format!("DO {}", DollarQuoted(&body))
    }

    /// What [`Self::rounds`] counts with.
    const COUNTERS: &str = "partctl_changed int8; partctl_before int8;";

    /// Round after round until few changes are left, or no fewer than before: where writers are faster than this, more
    /// rounds would only grow longer. Begins and ends outside of any transaction that has done something.
    fn rounds(&self) -> String {
        let settings: String = Self::by_key_alone().iter().map(|setting| format!("{setting}; ")).collect();
        format!(
            "LOOP COMMIT; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; {settings}{}; \
             GET DIAGNOSTICS partctl_changed = ROW_COUNT; \
             EXIT WHEN partctl_changed <= {FEW_CHANGES} OR partctl_before <= partctl_changed; \
             partctl_before := partctl_changed; END LOOP; COMMIT;",
            self.replay().join("; ")
        )
    }

    /// Brings rows whose keys were captured to what they are now, under one snapshot or while nobody writes. The last
    /// statement's count is that of the changes.
    pub(super) fn replay(&self) -> [String; 3] {
        let Names { successors, changes, .. } = self.names();
        let key: Vec<String> = self.key.iter().map(|(column, _)| column.to_string()).collect();
        let columns: Vec<String> = self.columns.iter().map(|column| format!("d.{column}")).collect();
        [
            format!("DELETE FROM {successors} s USING {changes} c WHERE {}", self.same("s", "c")),
            format!(
                "INSERT INTO {successors} ({}) SELECT {} FROM (SELECT DISTINCT {} FROM {changes}) c JOIN ONLY {} d ON {}",
                self.list(),
                columns.join(", "),
                key.join(", "),
                self.old,
                self.same("d", "c")
            ),
            format!("DELETE FROM {changes}"),
        ]
    }

    /// Settings of a transaction, without which a handful of changes may be looked for by reading everything: nothing
    /// here has statistics.
    pub(super) fn by_key_alone() -> Vec<String> {
        ["enable_hashjoin", "enable_mergejoin", "enable_seqscan"]
            .map(|setting| format!("SET LOCAL {setting} = off"))
            .into()
    }

    /// Raises 55000 unless everything was copied, and changes are still captured: somebody may have emptied the partition since,
    /// or disabled its triggers.
    pub(super) fn refuse_half_copied(&self) -> String {
        let Names { progress, .. } = self.names();
        let old = &self.old;
        let raise = |message: &str| {
            let message = SqlLiteral(&format!("partctl: {old} {message}")).to_string();
            format!("RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = {message};")
        };
        let body = format!(
            "BEGIN IF EXISTS (SELECT FROM {progress} p WHERE p.emptied OR p.next_block < p.blocks) THEN {} END IF; \
             IF (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger t WHERE t.tgrelid = {} \
             AND t.tgname IN ({}) AND t.tgenabled = 'A') <> {} THEN {} END IF; END",
            raise("was emptied or rewritten after it was copied"),
            self.old_oid,
            TRIGGERS.map(|trigger| SqlLiteral(trigger).to_string()).join(", "),
            TRIGGERS.len(),
            raise("no longer captures its changes: its triggers were dropped or disabled"),
        );
        format!("DO {}", DollarQuoted(&body))
    }

    /// That two rows have the same key.
    pub(super) fn same(&self, one: &str, other: &str) -> String {
        let pair = |(column, equals): &(Identifier, String)| format!("{one}.{column} {equals} {other}.{column}");
        self.key.iter().map(pair).collect::<Vec<_>>().join(" AND ")
    }

    pub(super) fn list(&self) -> String {
        self.columns.iter().map(Identifier::to_string).collect::<Vec<_>>().join(", ")
    }
}
