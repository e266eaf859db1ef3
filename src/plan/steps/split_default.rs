//! Splits DEFAULT: rows of partitions to be made and the rows that stay are copied beside everybody, in batches, while
//! changes to DEFAULT are captured; then the new partitions and a new DEFAULT take the old one's place at once. Writers
//! wait for the last changes, and for the exchange, however many rows there are. No transaction can tell that anything was
//! copied, however it isolates itself (`mirroring`).
//!
//! Deleting the moved rows would keep writers waiting, and ATTACH would read what is left of DEFAULT while readers wait.
//! So nothing is deleted: DEFAULT stays as it is until it is dropped. What has been made until then is found again by
//! the next run, which goes on with it.

mod copying;
mod discard;
mod mirroring;

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{CheckAhead, CreatePartition, Wait};
use crate::catalog::Bound;
use crate::plan::guard::{Standing, guard};
use crate::plan::surroundings::Modes;
use crate::plan::{Action, Ahead, Batches, Lock, LockMode, Transaction};
use crate::sql::{DollarQuoted, Identifier, QualifiedName, SqlLiteral};

pub use discard::DiscardSplit;

/// DEFAULT's heap that is copied per second, indexes included, on a server that is busy and none of the fastest. Seen
/// with three indexes: 10 MB and more.
const COPIED_PER_SECOND: u64 = 5 << 20;
/// What goes on while writers wait: the last changes, and per partition some changes to the catalog.
const LAST_CHANGES: Duration = Duration::from_millis(50);
const PER_PARTITION: Duration = Duration::from_millis(20);

const AUTOVACUUM: &str = "autovacuum_enabled";

/// A DEFAULT partition to be split.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitDefault {
    /// The partitioned table's oid.
    pub parent_oid: u32,
    /// The DEFAULT partition.
    pub default: QualifiedName,
    /// Its oid.
    pub default_oid: u32,
    /// The partitions that are made; at least one.
    pub partitions: Vec<CreatePartition>,
    /// What holds for their rows, in the same order.
    pub holding: Vec<CheckAhead>,
    /// The new DEFAULT partition, under the name that it has until it takes the old one's.
    pub rest: CreatePartition,
    /// What holds for its rows: that no other partition wants them.
    pub excluding: CheckAhead,
    /// How many rows are moved.
    pub rows: u64,
    /// How many bytes of DEFAULT are copied.
    pub bytes: u64,
    /// The partition key, as in `RANGE (at)`.
    pub partitioned_by: String,
    /// What is copied of each row.
    pub columns: Vec<Identifier>,
    /// Columns that tell rows apart, each with the operator that says equal.
    pub key: Vec<(Identifier, String)>,
    /// Foreign keys of the table, each with its definition.
    pub foreign_keys: Vec<(Identifier, String)>,
    /// Changes whenever columns, indexes or constraints of the table do.
    pub shape: String,
    /// Whether an earlier run has begun it.
    pub begun: Begun,
    /// How long writers may wait.
    pub limit: Duration,
    /// The partitions, for a person.
    pub into: String,
}

/// An autovacuum of what was filled a moment ago would be in the way of the exchange, for as long as it takes.
fn without_autovacuum(table: &QualifiedName) -> String {
    format!("ALTER TABLE {table} SET ({AUTOVACUUM} = off)")
}

fn autovacuum_again(create: &CreatePartition) -> String {
    let table = &create.partition;
    match create.carried.storage.get(AUTOVACUUM) {
        Some(value) => format!("ALTER TABLE {table} SET ({AUTOVACUUM} = {})", SqlLiteral(value)),
        None => format!("ALTER TABLE {table} RESET ({AUTOVACUUM})"),
    }
}

/// How far a split has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// Nothing is there yet.
    No,
    /// An earlier run has begun to copy.
    Yes,
}

/// The names of what a split needs until it is done. They follow from DEFAULT's oid, which no renaming changes.
#[derive(Debug, Clone)]
struct Names {
    /// A partitioned table with DEFAULT's successors: what is inserted here goes where it belongs.
    successors: QualifiedName,
    /// Keys of rows that were changed.
    changes: QualifiedName,
    /// How far copying has come.
    progress: QualifiedName,
    /// Writes the keys down.
    capture: QualifiedName,
}

/// The triggers on DEFAULT that call it: for rows, and for TRUNCATE.
const TRIGGERS: [&str; 2] = ["partctl_capture", "partctl_capture_truncate"];

impl Names {
    fn of(default: &QualifiedName, oid: u32) -> Self {
        let name = |what: &str| QualifiedName {
            schema: default.schema.clone(),
            name: Identifier::new(format!("partctl_{what}_{oid}")),
        };
        Self {
            successors: name("split"),
            changes: name("changes"),
            progress: name("progress"),
            capture: name("capture"),
        }
    }
}

impl SplitDefault {
    /// The name of the new DEFAULT partition until it takes the old one's.
    pub fn rest_name(default: &QualifiedName, oid: u32) -> QualifiedName {
        QualifiedName { schema: default.schema.clone(), name: Identifier::new(format!("partctl_rest_{oid}")) }
    }

    /// How long writers wait at the end.
    pub fn wait(&self) -> Duration {
        Self::writers_wait(self.partitions.len())
    }

    /// The same for so many partitions.
    pub fn writers_wait(partitions: usize) -> Duration {
        let tables = u32::try_from(partitions + 1).unwrap_or(u32::MAX);
        LAST_CHANGES + PER_PARTITION.saturating_mul(tables)
    }

    /// How long copying so many bytes of a heap takes, rather too long than too short.
    pub fn copying_takes(bytes: u64) -> Duration {
        Duration::from_secs(1 + bytes / COPIED_PER_SECOND)
    }

    pub(in crate::plan) fn reason(&self) -> String {
        let (copying, wait) = (Wait(Self::copying_takes(self.bytes)), Wait(self.wait()));
        let verb = if self.begun == Begun::Yes { "goes on copying, up to" } else { "copied beside everybody in up to" };
        format!("{verb} {copying}; then writers wait up to {wait}")
    }

    pub(in crate::plan) fn undo(&self) -> String {
        format!("none in one statement: detach what was made, and insert its rows into {} again", self.parent())
    }

    /// Tells one split from another: what it makes, out of what.
    pub fn print(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(self.shape.as_bytes());
        for statement in self.make() {
            digest.update(statement.as_bytes());
        }
        let print: String = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("partctl: half-made, from {}; {print}", self.default)
    }

    /// What was copied is not copied again: the next run goes on with it, or takes it back.
    pub(in crate::plan) fn clean_up(&self) -> Vec<Action> {
        vec![self.end_to_mirror()]
    }

    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        match self.begun {
            Begun::No => actions.push(self.begin()),
            Begun::Yes => actions.extend([self.end_to_mirror(), self.wait_for_older_snapshots()]),
        }
        actions.push(Action::Batches(Batches { statement: self.copy() }));
        // Changes that were replayed would be read over and over.
        actions.push(Action::Batches(Batches { statement: format!("VACUUM {}", self.names().changes) }));
        actions
            .push(Action::Transaction(Transaction::of(self.as_owner([self.excluding.drop(), self.excluding.add()]))));
        actions.extend(self.reference());
        // Adding constraints took its time, and writers went on.
        actions.push(Action::Batches(Batches { statement: self.catch_up() }));
        actions.extend(self.mirror());
        actions.push(self.exchange());
        actions
    }

    fn parent(&self) -> &QualifiedName {
        &self.rest.around.parent
    }

    fn names(&self) -> Names {
        Names::of(&self.default, self.default_oid)
    }

    /// Everything that is made, DEFAULT's successor last.
    fn tables(&self) -> impl Iterator<Item = &CreatePartition> {
        self.partitions.iter().chain([&self.rest])
    }

    fn as_owner(&self, statements: impl IntoIterator<Item = String>) -> Vec<String> {
        self.rest.set_role().into_iter().chain(statements).chain(self.rest.reset_role()).collect()
    }

    fn guard(&self) -> String {
        let standing = Standing::Attached { parent_oid: self.parent_oid, bound: &Bound::Default };
        guard(self.default_oid, &self.default, &standing)
    }

    /// Makes what rows are copied into, and begins to capture changes. Nobody writes to DEFAULT at the moment in which
    /// the triggers appear, so no change is missed.
    fn begin(&self) -> Action {
        let Names { successors, progress, capture, .. } = self.names();
        let default = &self.default;
        let mut before: Vec<String> = self.rest.set_role().into_iter().chain(self.make()).collect();
        before.push(format!("COMMENT ON TABLE {successors} IS {}", SqlLiteral(&self.print())));
        before.push(self.guard());
        let [rows, truncate] = TRIGGERS;
        let under = [
            self.guard(),
            format!(
                "CREATE TRIGGER {rows} AFTER INSERT OR UPDATE OR DELETE ON {default} FOR EACH ROW EXECUTE FUNCTION {capture}()"
            ),
            format!(
                "CREATE TRIGGER {truncate} AFTER TRUNCATE ON {default} FOR EACH STATEMENT EXECUTE FUNCTION {capture}()"
            ),
            // Also for what replication applies.
            format!("ALTER TABLE {default} ENABLE ALWAYS TRIGGER {rows}"),
            format!("ALTER TABLE {default} ENABLE ALWAYS TRIGGER {truncate}"),
            format!("INSERT INTO {progress} (file, next_block, blocks) {}", self.progress_now()),
        ];
        let locks = vec![Lock::with_partitions(default, LockMode::ShareRowExclusive)];
        let under = under.into_iter().chain(self.rest.reset_role()).collect();
        Action::Transaction(Transaction { before, locks, under, ..Transaction::default() })
    }

    /// The statements that make it all, by which one split is told from another.
    fn make(&self) -> Vec<String> {
        let Names { successors, changes, progress, .. } = self.names();
        let (parent, default) = (self.parent(), &self.default);
        let mut statements = vec![format!(
            "CREATE TABLE {successors} (LIKE {parent} INCLUDING GENERATED) PARTITION BY {}",
            self.partitioned_by
        )];
        for (create, holding) in self.partitions.iter().zip(&self.holding) {
            statements.push(create.create_like(parent));
            statements.push(without_autovacuum(&create.partition));
            statements.push(holding.add());
            statements.push(format!("ALTER TABLE {successors} ATTACH PARTITION {} {}", create.partition, create.bound));
        }
        statements.push(self.rest.create_like(default));
        statements.push(without_autovacuum(&self.rest.partition));
        statements.push(format!("ALTER TABLE {successors} ATTACH PARTITION {} DEFAULT", self.rest.partition));
        let key: Vec<String> = self.key.iter().map(|(column, _)| column.to_string()).collect();
        statements.push(format!(
            "CREATE TABLE {changes} WITH ({AUTOVACUUM} = off) AS SELECT {} FROM {default} WITH NO DATA",
            key.join(", ")
        ));
        statements.push(format!(
            "CREATE TABLE {progress} (file oid NOT NULL, next_block int8 NOT NULL, blocks int8 NOT NULL, emptied bool NOT NULL DEFAULT false, mirrors bool NOT NULL DEFAULT false, since xid8, older text[])"
        ));
        statements.extend(self.capture());
        statements
    }

    /// Foreign keys, so that ATTACH need not look for every row's other end while everybody waits.
    fn reference(&self) -> Vec<Action> {
        if self.foreign_keys.is_empty() {
            return Vec::new();
        }
        let each = |verb: &dyn Fn(&QualifiedName, &Identifier, &str) -> String| -> Vec<String> {
            let tables = self.tables().map(|create| &create.partition);
            self.as_owner(tables.flat_map(|table| {
                self.foreign_keys.iter().map(move |(name, definition)| verb(table, name, definition))
            }))
        };
        let add = each(&|table, name, definition| {
            let add = format!(
                "ALTER TABLE {table} ADD CONSTRAINT {name} {} NOT VALID",
                definition.trim_end_matches(" NOT VALID")
            );
            let body = format!(
                "BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = {}::pg_catalog.regclass \
                 AND conname = {}) THEN {add}; END IF; END",
                SqlLiteral(&table.to_string()),
                SqlLiteral(name.as_str())
            );
            format!("DO {}", DollarQuoted(&body))
        });
        let validate = each(&|table, name, _| format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}"));
        let around = &self.rest.around;
        let (locks, implied) = around.far_locks(LockMode::ShareRowExclusive);
        let adding = Transaction { locks, implied, under: add, ..Transaction::default() };
        let (locks, implied) = around.far_locks(LockMode::RowShare);
        let implied = locks.into_iter().chain(implied).collect();
        let validating = Transaction { implied, under: validate, ..Transaction::default() };
        vec![Action::Transaction(adding), Action::Transaction(validating)]
    }

    /// The new tables for the old one.
    fn exchange(&self) -> Action {
        let Names { successors, changes, progress, capture } = self.names();
        let (parent, default, rest) = (self.parent(), &self.default, &self.rest.partition);
        let around = &self.rest.around;
        let mut before: Vec<String> = self.rest.set_role().into_iter().collect();
        before.push(self.guard());
        let references =
            if self.foreign_keys.is_empty() { LockMode::ShareRowExclusive } else { LockMode::AccessExclusive };
        let modes = Modes { references, parent: LockMode::ShareRowExclusive, ..CreatePartition::MODES };
        let statements = vec![self.guard(), self.refuse_half_copied(), self.refuse_unequal()];
        let ahead = Ahead { locks: around.locks_for_rows(modes), statements, limit: self.limit, meanwhile: None };
        let (_, mut implied) = around.locks(modes);
        implied.retain(|lock| lock.relation != *parent);
        let locks = vec![
            Lock::new(parent, LockMode::AccessExclusive),
            Lock::with_partitions(default, LockMode::AccessExclusive),
        ];
        let mut under = vec![format!("ALTER TABLE {parent} DETACH PARTITION {default}")];
        for (create, check) in self.tables().zip(self.holding.iter().chain([&self.excluding])) {
            under.push(format!("ALTER TABLE {successors} DETACH PARTITION {}", create.partition));
            under.extend(create.attach());
            under.push(check.drop());
            under.extend(create.furnish());
            under.push(autovacuum_again(create));
        }
        under.push(self.remember_names());
        under.push(format!("DROP TABLE {default}"));
        under.push(Self::rename_what_was_remembered());
        under.push(format!("ALTER TABLE {rest} RENAME TO {}", default.name));
        under.push(format!("DROP TABLE {successors}, {changes}, {progress}"));
        under.push(format!("DROP FUNCTION {capture}()"));
        under.extend(self.rest.reset_role());
        let ahead = Some(ahead);
        Action::Transaction(Transaction { before, ahead, locks, implied, under, ..Transaction::default() })
    }

    /// Remembers how the new DEFAULT's indexes and statistics are to be called: like those of the old one that they were made
    /// after. They were named after a table whose name was not meant to stay.
    fn remember_names(&self) -> String {
        let Self { default_oid, rest, .. } = self;
        let rest = SqlLiteral(&rest.partition.to_string()).to_string();
        let like = |what: &str, catalog: &str, [oid, table, name]: [&str; 3], named: &str, print: &str| {
            format!(
                "(WITH known AS (SELECT o.{oid} AS oid, o.{table} AS owner, p.print, \
                 pg_catalog.row_number() OVER (PARTITION BY o.{table}, p.print ORDER BY o.{oid}) AS nth \
                 FROM pg_catalog.{catalog} o CROSS JOIN LATERAL ({print}) p(print) \
                 WHERE o.{table} IN ({default_oid}, {rest}::pg_catalog.regclass)) \
                 SELECT pg_catalog.format('ALTER {what} %I.%I RENAME TO %I', n.nspname, now.{name}, was.{name}) \
                 FROM known old JOIN known new USING (print, nth) \
                 JOIN pg_catalog.{named} was ON was.oid = old.oid JOIN pg_catalog.{named} now ON now.oid = new.oid \
                 JOIN pg_catalog.pg_namespace n ON n.oid = now.{prefix}namespace \
                 WHERE old.owner = {default_oid} AND new.owner <> {default_oid} AND now.{name} <> was.{name})",
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
    fn rename_what_was_remembered() -> String {
        let body = "DECLARE commands text := pg_catalog.current_setting('partctl.rename'); \
            BEGIN IF commands <> '' THEN EXECUTE commands; END IF; END";
        format!("DO {}", DollarQuoted(body))
    }
}
