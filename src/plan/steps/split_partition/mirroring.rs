//! Why nobody can tell the copy from the partition whose place it takes, under any isolation level.
//!
//! Partitions are not versioned and rows are: a snapshot from before the commit of a row finds the new partition without it
//! (Postgres 14-18). So nothing is replayed in the transaction that exchanges. The last changes are replayed before, and
//! from that commit on every writer changes both places in its own transaction: whoever takes a snapshot from then on sees
//! the same in both. Older snapshots are waited for, and nobody waits behind that.
//!
//! A transaction with an older snapshot does not see that it is to mirror, and leaves its keys as before. A second round
//! brings those; by then nobody leaves keys any more.

use super::{Names, SplitPartition};
use crate::plan::steps::kept_snapshots::IS_ANOTHER_CLIENT;
use crate::plan::{Action, Ahead, Batches, Lock, LockMode, Transaction};
use crate::sql::{DollarQuoted, SqlLiteral};

/// How long it is looked for older snapshots before their sessions are named.
const LOOKED_FOR: &str = "1 second";

impl SplitPartition {
    /// The rounds, in order.
    pub(super) fn mirror(&self) -> [Action; 4] {
        let meanwhile = Batches { statement: self.catch_up() };
        [
            self.begin_to_mirror(Some(meanwhile)),
            self.wait_for_older_snapshots(),
            self.begin_to_mirror(None),
            self.wait_for_older_snapshots(),
        ]
    }

    /// Replays the last changes while nobody writes, and has what follows mirrored. Done again, it is only done if somebody
    /// has left keys since.
    fn begin_to_mirror(&self, meanwhile: Option<Batches>) -> Action {
        let Names { changes, progress, .. } = self.names();
        let begin = format!(
            "UPDATE {progress} SET mirrors = true, since = pg_catalog.pg_current_xact_id(), older = NULL \
             WHERE NOT mirrors OR EXISTS (SELECT FROM {changes})"
        );
        let mut before = Self::by_key_alone();
        before.extend(self.set_role());
        before.push(self.guard());
        let statements = [self.guard(), self.refuse_half_copied(), begin].into_iter().chain(self.replay()).collect();
        let locks = self.lock_out_writers();
        let ahead = Some(Ahead { locks, statements, limit: self.limit, meanwhile });
        let under = self.reset_role().into_iter().collect();
        Action::Transaction(Transaction { before, ahead, under, ..Transaction::default() })
    }

    /// Has changes captured again, after which [`Self::wait_for_older_snapshots`] is due: batches and the replay would meet
    /// rows that are being mirrored.
    pub(super) fn end_to_mirror(&self) -> Action {
        let Names { progress, .. } = self.names();
        let end = format!(
            "UPDATE {progress} SET mirrors = false, since = pg_catalog.pg_current_xact_id(), older = NULL WHERE mirrors"
        );
        let locks = self.lock_out_writers();
        Action::Transaction(Transaction { locks, under: self.as_owner([end]), ..Transaction::default() })
    }

    fn lock_out_writers(&self) -> Vec<Lock> {
        vec![Lock::with_partitions(&self.old, LockMode::ShareRowExclusive)]
    }

    /// Waits until nobody keeps a snapshot that does not show what `since` committed, as CREATE INDEX CONCURRENTLY does: for
    /// those who have one at the first look, until each has ended its transaction or lets go of what it saw. Raises 55P03 when
    /// that takes its time, to be tried again. Needs no right: `backend_xmin` is shown to everybody.
    pub(super) fn wait_for_older_snapshots(&self) -> Action {
        let Names { progress, .. } = self.names();
        let message = SqlLiteral("partctl: transactions keep snapshots from before the last change was copied");
        let body = format!(
            "DECLARE partctl_until timestamptz := pg_catalog.clock_timestamp() + interval '{LOOKED_FOR}'; \
             BEGIN LOOP \
             UPDATE {progress} p SET older = ARRAY(SELECT w.who FROM pg_catalog.pg_stat_activity a \
             JOIN pg_catalog.pg_locks l ON l.pid = a.pid AND l.locktype = 'virtualxid' AND l.granted \
             CROSS JOIN LATERAL pg_catalog.concat_ws(' ', a.pid, l.virtualtransaction) w(who) \
             WHERE {IS_ANOTHER_CLIENT} AND pg_catalog.age(p.since::xid) <= pg_catalog.age(a.backend_xmin) \
             AND (p.older IS NULL OR w.who = ANY (p.older))) WHERE p.since IS NOT NULL AND coalesce(p.older <> '{{}}', true); \
             COMMIT; \
             EXIT WHEN NOT EXISTS (SELECT FROM {progress} p WHERE p.since IS NOT NULL AND p.older <> '{{}}'); \
             IF partctl_until < pg_catalog.clock_timestamp() THEN RAISE EXCEPTION USING ERRCODE = '55P03', MESSAGE = {message}; END IF; \
             PERFORM pg_catalog.pg_sleep(0.01); COMMIT; \
             END LOOP; END"
        );
        Action::Batches(Batches { statement: format!("DO {}", DollarQuoted(&body)) })
    }

    /// What the triggers do about a change of this row, `OLD` or `NEW`.
    ///
    /// What was mirrored is copied as it is now, so the order in which triggers fire does not matter. Where a row whose keys
    /// were left before is in the way, this one leaves its key as well.
    pub(super) fn note(&self, row: &str) -> String {
        let Names { successors, changes, .. } = self.names();
        let old = &self.old;
        let columns: Vec<String> = self.columns.iter().map(|column| format!("d.{column}")).collect();
        let key: Vec<String> = self.key.iter().map(|(column, _)| format!("{row}.{column}")).collect();
        let (there, here, key) = (self.same("s", row), self.same("d", row), key.join(", "));
        format!(
            "IF partctl_mirrors THEN DELETE FROM {successors} s WHERE {there}; \
             INSERT INTO {successors} ({}) SELECT {} FROM ONLY {old} d WHERE {here} ON CONFLICT DO NOTHING; \
             IF NOT FOUND AND EXISTS (SELECT FROM ONLY {old} d WHERE {here}) THEN INSERT INTO {changes} VALUES ({key}); END IF; \
             ELSE INSERT INTO {changes} VALUES ({key}); END IF;",
            self.list(),
            columns.join(", "),
        )
    }

    /// Raises 55000 unless the copy is the partition's equal for every snapshot that there is.
    pub(super) fn refuse_unequal(&self) -> String {
        let Names { changes, progress, .. } = self.names();
        let message = format!("partctl: {} is not mirrored any more", self.old);
        let body = format!(
            "BEGIN IF NOT EXISTS (SELECT FROM {progress} p WHERE p.mirrors AND p.older = '{{}}') OR EXISTS (SELECT FROM {changes}) \
             THEN RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = {}; END IF; END",
            SqlLiteral(&message)
        );
        format!("DO {}", DollarQuoted(&body))
    }
}
