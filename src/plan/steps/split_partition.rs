//! Splits a partition: its rows are copied beside everybody, in batches, into the tables that are to take its place, while
//! changes to it are captured; then these take its place at once. Writers wait for the last changes, and for the
//! exchange, however many rows there are; no transaction can tell that anything was copied, however it isolates itself
//! (`mirroring`). DEFAULT becomes partitions and a new DEFAULT, a hash partition several of a larger modulus.
//!
//! Deleting the moved rows would keep writers waiting, and ATTACH would read what is left of DEFAULT while readers wait.
//! So nothing is deleted: the old one stays as it is until it is dropped. What has been made until then is found again by
//! the next run, which goes on with it.

mod copying;
mod discard;
mod mirroring;
mod names;

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{CheckAhead, CreatePartition, Wait};
use crate::catalog::Bound;
use crate::plan::guard::{Standing, guard};
use crate::plan::surroundings::Modes;
use crate::plan::{Action, Ahead, Batches, Lock, LockMode, Surroundings, Transaction};
use crate::sql::{DollarQuoted, Identifier, QualifiedName, SqlLiteral};

pub use discard::DiscardSplit;

/// Bytes of a heap that are copied per second, indexes included, on a server that is busy and none of the fastest. Seen
/// with three indexes: 10 MB and more.
const COPIED_PER_SECOND: u64 = 5 << 20;
/// What goes on while writers wait: the last changes, and per table some changes to the catalog.
const LAST_CHANGES: Duration = Duration::from_millis(50);
const PER_TABLE: Duration = Duration::from_millis(20);

const AUTOVACUUM: &str = "autovacuum_enabled";

/// A partition to be split.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitPartition {
    /// The partitioned table, and what is locked besides.
    pub around: Surroundings,
    /// The table's owner, when the session's role is another.
    pub owner: Option<Identifier>,
    /// The partitioned table's oid.
    pub parent_oid: u32,
    /// The partition.
    pub old: QualifiedName,
    /// Its oid.
    pub old_oid: u32,
    /// What it holds.
    pub bound: Bound,
    /// The partitions that are made of it; at least one. One of them may have its name.
    pub partitions: Vec<CreatePartition>,
    /// What holds for their rows, in the same order, in words by which ATTACH knows that it need not look.
    pub holding: Vec<String>,
    /// What the others leave: of DEFAULT alone.
    pub rest: Option<Rest>,
    /// How many rows are moved; `None`: nobody has counted.
    pub rows: Option<u64>,
    /// How many bytes of it are copied.
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

/// The new DEFAULT partition, which takes the old one's name.
#[derive(Debug, Clone, PartialEq)]
pub struct Rest {
    /// The partition.
    pub create: CreatePartition,
    /// Which rows the other partitions want.
    pub wanted: Vec<String>,
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

/// The names of what a split needs until it is done. They follow from the partition's oid, which no renaming changes.
#[derive(Debug, Clone)]
struct Names {
    /// A partitioned table with the successors: what is inserted here goes where it belongs.
    successors: QualifiedName,
    /// The successor that takes the old one's name, until then.
    heir: QualifiedName,
    /// Keys of rows that were changed.
    changes: QualifiedName,
    /// How far copying has come.
    progress: QualifiedName,
    /// Writes the keys down.
    capture: QualifiedName,
}

/// The triggers on the old partition that call it: for rows, and for TRUNCATE.
const TRIGGERS: [&str; 2] = ["partctl_capture", "partctl_capture_truncate"];

impl Names {
    fn of(old: &QualifiedName, oid: u32) -> Self {
        let name = |what: &str| QualifiedName {
            schema: old.schema.clone(),
            name: Identifier::new(format!("partctl_{what}_{oid}")),
        };
        Self {
            successors: name("split"),
            heir: name("heir"),
            changes: name("changes"),
            progress: name("progress"),
            capture: name("capture"),
        }
    }
}

/// A table that takes part of the old one's place.
struct Successor<'a> {
    /// Under the name that it is made with.
    create: CreatePartition,
    /// What it is LIKE.
    model: &'a QualifiedName,
    /// Spares the scan when it is attached.
    check: CheckAhead,
}

impl SplitPartition {
    /// How long writers wait at the end.
    pub fn wait(&self) -> Duration {
        Self::writers_wait(self.partitions.len() + self.rest.iter().len())
    }

    /// The same for so many tables.
    pub fn writers_wait(tables: usize) -> Duration {
        LAST_CHANGES + PER_TABLE.saturating_mul(u32::try_from(tables).unwrap_or(u32::MAX))
    }

    /// How long copying so many bytes of a heap takes, rather too long than too short.
    pub fn copying_takes(bytes: u64) -> Duration {
        Duration::from_secs(1 + bytes / COPIED_PER_SECOND)
    }

    /// Those that are given what the old one has.
    pub fn made_like_it(&mut self) -> &mut [CreatePartition] {
        match &mut self.rest {
            Some(rest) => std::slice::from_mut(&mut rest.create),
            None => &mut self.partitions,
        }
    }

    pub(in crate::plan) fn reason(&self) -> String {
        let (copying, wait) = (Wait(Self::copying_takes(self.bytes)), Wait(self.wait()));
        let verb = if self.begun == Begun::Yes { "goes on copying, up to" } else { "copied beside everybody in up to" };
        format!("{verb} {copying}; then writers wait up to {wait}")
    }

    pub(in crate::plan) fn undo(&self) -> String {
        format!("none in one statement: detach what was made, and insert its rows into {} again", self.around.parent)
    }

    /// Tells one split from another: what it makes, out of what.
    pub fn print(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(self.shape.as_bytes());
        for statement in self.make() {
            digest.update(statement.as_bytes());
        }
        let print: String = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("partctl: half-made, from {}; {print}", self.old)
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
        // What others want may change meanwhile, so this is not there from the beginning.
        actions.extend(self.rest().map(|Successor { check, .. }| {
            Action::Transaction(Transaction::of(self.as_owner([check.drop(), check.add()])))
        }));
        actions.extend(self.reference());
        // Adding constraints took its time, and writers went on.
        actions.push(Action::Batches(Batches { statement: self.catch_up() }));
        actions.extend(self.mirror());
        actions.push(self.exchange());
        actions
    }

    fn names(&self) -> Names {
        Names::of(&self.old, self.old_oid)
    }

    /// Everything that is made, what the others leave last.
    fn successors(&self) -> impl Iterator<Item = Successor<'_>> {
        let model = if self.rest.is_some() { &self.around.parent } else { &self.old };
        let partition = move |(create, predicate): (&CreatePartition, &String)| {
            let create = self.under_its_first_name(create);
            let check = CheckAhead::holding(&create.partition, predicate.clone());
            Successor { create, model, check }
        };
        self.partitions.iter().zip(&self.holding).map(partition).chain(self.rest())
    }

    fn rest(&self) -> Option<Successor<'_>> {
        let Rest { create, wanted } = self.rest.as_ref()?;
        let create = self.under_its_first_name(create);
        let check = CheckAhead::excluding_all(&create.partition, wanted);
        Some(Successor { create, model: &self.old, check })
    }

    /// While the old one is there nobody else has its name.
    fn under_its_first_name(&self, create: &CreatePartition) -> CreatePartition {
        let partition = if create.partition == self.old { self.names().heir } else { create.partition.clone() };
        CreatePartition { partition, ..create.clone() }
    }

    fn as_owner(&self, statements: impl IntoIterator<Item = String>) -> Vec<String> {
        self.set_role().into_iter().chain(statements).chain(self.reset_role()).collect()
    }

    fn set_role(&self) -> Option<String> {
        self.owner.as_ref().map(|owner| format!("SET LOCAL ROLE {owner}"))
    }

    fn reset_role(&self) -> Option<String> {
        self.owner.as_ref().map(|_| "RESET ROLE".to_owned())
    }

    fn guard(&self) -> String {
        let standing = Standing::Attached { parent_oid: self.parent_oid, bound: &self.bound };
        guard(self.old_oid, &self.old, &standing)
    }

    /// Makes what rows are copied into, and begins to capture changes. Nobody writes to the old one at the moment in which
    /// the triggers appear, so no change is missed.
    fn begin(&self) -> Action {
        let Names { successors, progress, capture, .. } = self.names();
        let old = &self.old;
        let mut before: Vec<String> = self.set_role().into_iter().chain(self.make()).collect();
        before.push(format!("COMMENT ON TABLE {successors} IS {}", SqlLiteral(&self.print())));
        before.push(self.guard());
        let [rows, truncate] = TRIGGERS;
        let under = [
            self.guard(),
            format!(
                "CREATE TRIGGER {rows} AFTER INSERT OR UPDATE OR DELETE ON {old} FOR EACH ROW EXECUTE FUNCTION {capture}()"
            ),
            format!(
                "CREATE TRIGGER {truncate} AFTER TRUNCATE ON {old} FOR EACH STATEMENT EXECUTE FUNCTION {capture}()"
            ),
            // Also for what replication applies.
            format!("ALTER TABLE {old} ENABLE ALWAYS TRIGGER {rows}"),
            format!("ALTER TABLE {old} ENABLE ALWAYS TRIGGER {truncate}"),
            format!("INSERT INTO {progress} (file, next_block, blocks) {}", self.progress_now()),
        ];
        let locks = vec![Lock::with_partitions(old, LockMode::ShareRowExclusive)];
        let under = under.into_iter().chain(self.reset_role()).collect();
        Action::Transaction(Transaction { before, locks, under, ..Transaction::default() })
    }

    /// The statements that make it all, by which one split is told from another.
    fn make(&self) -> Vec<String> {
        let Names { successors, changes, progress, .. } = self.names();
        let mut statements = vec![format!(
            "CREATE TABLE {successors} (LIKE {} INCLUDING GENERATED) PARTITION BY {}",
            self.around.parent, self.partitioned_by
        )];
        for Successor { create, model, check } in self.successors() {
            let CreatePartition { partition, bound, .. } = &create;
            statements.push(create.create_like(model));
            statements.push(without_autovacuum(partition));
            statements.extend((*bound != Bound::Default).then(|| check.add()));
            statements.push(format!("ALTER TABLE {successors} ATTACH PARTITION {partition} {bound}"));
        }
        let key: Vec<String> = self.key.iter().map(|(column, _)| column.to_string()).collect();
        statements.push(format!(
            "CREATE TABLE {changes} WITH ({AUTOVACUUM} = off) AS SELECT {} FROM {} WITH NO DATA",
            key.join(", "),
            self.old
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
            self.as_owner(self.successors().flat_map(|Successor { create, .. }| {
                self.foreign_keys.iter().map(move |(name, definition)| verb(&create.partition, name, definition))
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
        let around = &self.around;
        let (locks, implied) = around.far_locks(LockMode::ShareRowExclusive);
        let adding = Transaction { locks, implied, under: add, ..Transaction::default() };
        let (locks, implied) = around.far_locks(LockMode::RowShare);
        let implied = locks.into_iter().chain(implied).collect();
        let validating = Transaction { implied, under: validate, ..Transaction::default() };
        vec![Action::Transaction(adding), Action::Transaction(validating)]
    }

    /// The new tables for the old one.
    fn exchange(&self) -> Action {
        let Names { successors, heir, changes, progress, capture } = self.names();
        let Self { around, old, .. } = self;
        let parent = &around.parent;
        let mut before: Vec<String> = self.set_role().into_iter().collect();
        before.push(self.guard());
        let references =
            if self.foreign_keys.is_empty() { LockMode::ShareRowExclusive } else { LockMode::AccessExclusive };
        let modes = Modes { references, parent: LockMode::ShareRowExclusive, ..CreatePartition::MODES };
        let statements = vec![self.guard(), self.refuse_half_copied(), self.refuse_unequal()];
        let ahead = Ahead { locks: around.locks_for_rows(modes, old), statements, limit: self.limit, meanwhile: None };
        let (_, mut implied) = around.locks(modes);
        implied.retain(|lock| lock.relation != *parent);
        let locks =
            vec![Lock::new(parent, LockMode::AccessExclusive), Lock::with_partitions(old, LockMode::AccessExclusive)];
        let mut under = vec![format!("ALTER TABLE {parent} DETACH PARTITION {old}")];
        for Successor { create, check, .. } in self.successors() {
            under.push(format!("ALTER TABLE {successors} DETACH PARTITION {}", create.partition));
            under.extend(create.attach());
            under.push(check.drop());
            under.extend(create.furnish());
            under.push(autovacuum_again(&create));
        }
        let inherited = self.partitions.iter().chain(self.rest.iter().map(|rest| &rest.create));
        if inherited.into_iter().any(|create| create.partition == *old) {
            under.push(self.remember_names());
            under.push(format!("DROP TABLE {old}"));
            under.push(Self::rename_what_was_remembered());
            under.push(format!("ALTER TABLE {heir} RENAME TO {}", old.name));
        } else {
            under.push(format!("DROP TABLE {old}"));
        }
        under.push(format!("DROP TABLE {successors}, {changes}, {progress}"));
        under.push(format!("DROP FUNCTION {capture}()"));
        under.extend(self.reset_role());
        let ahead = Some(ahead);
        Action::Transaction(Transaction { before, ahead, locks, implied, under, ..Transaction::default() })
    }
}
