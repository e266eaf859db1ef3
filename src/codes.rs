//! Every kind of finding, by an id for ever: what it means, how much it matters, and how a run that has it ends; and who
//! says that it matters more, or less.

use std::collections::BTreeMap;

use crate::failure::FailureKind;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Will hurt some day.
    Warning,
    /// Something that was asked for is not done, or not true.
    Error,
}

impl Severity {
    /// Each of them, the gravest first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Info];

    /// `info`, `warning` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A kind of finding. The id never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindingCode {
    /// `PT101`
    pub id: &'static str,
    /// `table-missing`
    pub name: &'static str,
    /// What it means, as a sentence.
    pub meaning: &'static str,
    /// How much it matters, unless somebody says otherwise.
    pub severity: Severity,
    /// How a run that has it ends, as long as it is an error; `None`: it does not matter to the exit code.
    pub failure: Option<FailureKind>,
}

/// What somebody says of some kinds of findings and rules, by id; the rest matter as much as usual.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Severities(BTreeMap<&'static str, Severity>);

impl Severities {
    /// Says it of an id.
    pub fn set(&mut self, id: &'static str, severity: Severity) {
        self.0.insert(id, severity);
    }

    /// All that is said here, and there where they differ.
    #[must_use]
    pub fn overridden_by(mut self, others: &Self) -> Self {
        self.0.extend(&others.0);
        self
    }

    /// What is said of an id, else `usual`.
    pub fn of(&self, id: &str, usual: Severity) -> Severity {
        self.0.get(id).copied().unwrap_or(usual)
    }
}

macro_rules! finding_codes {
    ($($(#[doc = $doc:literal])+ $constant:ident = $id:literal $name:literal $severity:ident $failure:expr;)*) => {
        $($(#[doc = $doc])+ pub const $constant: &FindingCode = &FindingCode {
            id: $id,
            name: $name,
            meaning: concat!($($doc),+).trim_ascii(),
            severity: Severity::$severity,
            failure: $failure,
        };)*
        /// Every kind of finding, in the order of their ids.
        pub const FINDING_CODES: &[&FindingCode] = &[$($constant),*];
    };
}

finding_codes! {
    /// The policy's table does not exist.
    TABLE_MISSING = "PT101" "table-missing" Error Some(FailureKind::Policy);
    /// A partition cannot be made while DEFAULT holds rows of it (23514).
    ROWS_IN_DEFAULT = "PT102" "rows-in-default" Error Some(FailureKind::Findings);
    /// The policy's table is not partitioned.
    NOT_PARTITIONED = "PT103" "not-partitioned" Error Some(FailureKind::Policy);
    /// The table is partitioned by another strategy or key.
    OTHER_KEY = "PT104" "other-key" Error Some(FailureKind::Policy);
    /// The policy's grid does not suit the key's type.
    KEY_TYPE = "PT105" "key-type" Error Some(FailureKind::Policy);
    /// A partition that is not on the policy's grid; it counts as coverage and is left alone.
    OFF_GRID = "PT106" "off-grid" Info None;
    /// An existing partition holds part of one that the policy wants.
    OVERLAP = "PT107" "overlap" Error Some(FailureKind::Findings);
    /// A relation of the wanted name exists already, or two wanted partitions have one name.
    NAME_TAKEN = "PT108" "name-taken" Error Some(FailureKind::Findings);
    /// A partition's bound could not be read; the table's coverage is not known.
    UNREADABLE_BOUND = "PT109" "unreadable-bound" Error Some(FailureKind::Findings);
    /// More partitions would be retired at once than `per_run` allows.
    BLAST_RADIUS = "PT110" "blast-radius" Error Some(FailureKind::Refused);
    /// A hold keeps a partition that retention would retire.
    HELD = "PT111" "held" Info None;
    /// `at_least` keeps a partition that retention would retire.
    KEPT = "PT112" "kept-at-least" Info None;
    /// The role lacks a right that the plan needs (42501).
    MISSING_RIGHT = "PT113" "missing-right" Error Some(FailureKind::Findings);
    /// A partition that the policy does not name.
    UNKNOWN_PARTITION = "PT114" "unknown-partition" Info None;
    /// Retirement needs the ledger, which is not installed or not accessible.
    NO_LEDGER = "PT115" "no-ledger" Error Some(FailureKind::Refused);
    /// DEFAULT holds rows.
    DEFAULT_HOLDS_ROWS = "PT116" "default-holds-rows" Warning None;
    /// The policy forbids a DEFAULT partition, and there is one.
    DEFAULT_FORBIDDEN = "PT117" "default-forbidden" Warning None;
    /// A query does not prune as it must.
    PRUNING = "PT118" "pruning" Error Some(FailureKind::Findings);
    /// A query could not be explained, or not safely.
    PRUNING_NOT_TRIED = "PT119" "pruning-not-tried" Warning None;
    /// A partitioned table that no policy manages.
    UNMANAGED_TABLE = "PT120" "unmanaged-table" Info None;
    /// Steps that destroy were left out: nobody allowed them.
    WITHHELD = "PT121" "withheld" Error Some(FailureKind::Refused);
    /// A table that waits to be dropped is not what it was: attached again, or gone.
    DETACHED_CHANGED = "PT122" "detached-changed" Warning None;
    /// The hash partitions cannot become what the policy wants.
    MODULUS = "PT123" "modulus" Error Some(FailureKind::Policy);
    /// Coverage ends sooner than asked.
    RUNWAY = "PT124" "runway" Error Some(FailureKind::Findings);
    /// What planning needed to know could not be asked.
    UNANSWERED = "PT125" "unanswered" Error Some(FailureKind::Findings);
    /// A hold or an anchor does not suit the key.
    HOLD = "PT126" "hold" Error Some(FailureKind::Policy);
    /// So many partitions would have to be made that the wish must be wrong.
    TOO_MANY = "PT127" "too-many" Error Some(FailureKind::Refused);
    /// Partitions are missing, and rows may be refused already.
    MISSING = "PT128" "missing" Error Some(FailureKind::Findings);
    /// Something is pending that the next `apply` does.
    PENDING = "PT129" "pending" Info None;
    /// Retention would retire a partition, were it on the policy's grid.
    OVER_OFF_GRID = "PT130" "over-off-grid" Warning None;
    /// A table that waits to be dropped, and that the policy as it is now would have kept.
    WANTED_AGAIN = "PT131" "wanted-again" Warning None;
    /// Rows of another table reference a partition that retention would retire (23503).
    REFERENCED = "PT132" "referenced" Error Some(FailureKind::Findings);
    /// A table that is attached again, and that the policy would retire again.
    RETIRES_AGAIN = "PT133" "retires-again" Warning None;
    /// An entry of the ledger that cannot be read: what it is about is left alone.
    LEDGER_ENTRY = "PT134" "unreadable-ledger-entry" Warning None;
    /// The role may look, and not carry the plan out.
    REVIEW_ONLY = "PT135" "review-only" Info None;
    /// Old transactions of other roles cannot be seen, so a concurrent detach may be trapped by one.
    BLIND = "PT136" "sessions-not-visible" Warning None;
    /// The table as a whole was never analyzed, or long ago: autovacuum only looks after its partitions.
    STALE_STATISTICS = "PT137" "stale-statistics" Info None;
    /// A policy's query pruned before a run and no longer does.
    PRUNING_LOST = "PT138" "pruning-lost" Error Some(FailureKind::Findings);
    /// A statement that the server has counted does not prune.
    WORKLOAD = "PT139" "workload" Warning None;
    /// The statements that the server has counted cannot be seen.
    WORKLOAD_UNKNOWN = "PT140" "workload-unknown" Warning None;
    /// DEFAULT is not set aside for concurrent detaches, though the policy allows it.
    DEFAULT_STAYS = "PT141" "default-stays" Info None;
    /// A DEFAULT partition that a run set aside cannot be brought back.
    DEFAULT_ASIDE = "PT142" "default-aside" Error Some(FailureKind::Findings);
    /// The policy's `unless` keeps a partition that retention would retire.
    KEPT_UNLESS = "PT143" "kept-unless" Info None;
    /// The policy's `unless` could not be asked, or is null: the partition is kept.
    UNLESS_UNKNOWN = "PT144" "unless-unknown" Warning None;
    /// Partitions take more than `max_size`, and no more of them may leave.
    OVER_SIZE = "PT145" "over-size" Warning None;
    /// A partition that follows a policy of its own, and a level of the policy of the table above it.
    MANAGED_TWICE = "PT146" "managed-twice" Error Some(FailureKind::Policy);
    /// A branch that is partitioned otherwise than the policy says; it counts as coverage and is left alone.
    OTHER_SHAPE = "PT150" "other-shape" Info None;
    /// Partitions that have no partitions of their own, though the policy says how they are partitioned.
    PLAIN_PARTITION = "PT151" "plain-partition" Info None;
    /// Partitions that have partitions of their own, of which the policy says nothing.
    UNKNOWN_LEVEL = "PT152" "unknown-level" Info None;
    /// The key of a sub-partition does not suit the table.
    SUBPARTITION_KEY = "PT153" "sub-partition-key" Error Some(FailureKind::Policy);
    /// A partition with so many partitions of its own that attaching or dropping it would exhaust the server's table of locks.
    BRANCH_TOO_LARGE = "PT154" "branch-too-large" Error Some(FailureKind::Refused);
    /// A partition that was left half built and holds rows.
    HALF_BUILT = "PT155" "half-built" Warning None;
    /// The query that says which partitions a list has gives no values of its key.
    EACH_REFUSED = "PT156" "each-refused" Error Some(FailureKind::Policy);
    /// Partitions whose row is gone from the query that says which ones there are; they stay.
    ROW_GONE = "PT157" "row-gone" Info None;
    /// The query that says which partitions a list has gives no rows at all, so nothing leaves.
    NO_ROWS = "PT158" "no-rows" Warning None;
    /// The policy's modulus is a multiple of the table's: its partitions would have to be split.
    MODULUS_SPLIT = "PT159" "modulus-split" Warning None;
    /// No index ends with the highest key of a number axis.
    KEY_WITHOUT_INDEX = "PT160" "key-without-index" Info None;
    /// The collation of a text key does not sort what it carries in the order of time.
    TEXT_ORDER = "PT161" "text-order" Error Some(FailureKind::Policy);
    /// A value of the policy is none of the key's type, or stands in two groups in two spellings.
    LIST_VALUE = "PT162" "list-value" Error Some(FailureKind::Policy);
    /// DEFAULT holds rows beyond the last partition that the policy wants.
    BEYOND_HORIZON = "PT170" "rows-beyond-horizon" Warning None;
    /// DEFAULT holds rows of a partition to be made, and they cannot be moved safely.
    MOVE_REFUSED = "PT171" "move-refused" Error Some(FailureKind::Findings);
    /// DEFAULT holds rows of a partition to be made, and moving them would keep writers waiting for too long.
    MOVE_TAKES_LONG = "PT172" "move-takes-long" Error Some(FailureKind::Findings);
    /// DEFAULT holds rows of a partition to be made; moving them takes too long, and no other table can take DEFAULT's place.
    SPLIT_REFUSED = "PT173" "split-refused" Error Some(FailureKind::Findings);
    /// A larger modulus is wanted, and a partition cannot be split.
    MODULUS_REFUSED = "PT174" "modulus-refused" Error Some(FailureKind::Findings);
    /// Partitions have something of their own where their table has another, and partctl leaves it.
    OWN_PROPERTIES = "PT180" "own-properties" Info None;
    /// A role has privileges on partitions that it does not have on their table.
    SURPLUS_PRIVILEGES = "PT181" "surplus-privileges" Warning None;
    /// Partitions are not stored where, or as, their table and the policy say; moving them means rewriting them.
    STORED_ELSEWHERE = "PT182" "stored-elsewhere" Info None;
    /// An index of the table that partitions do not have.
    MISSING_INDEX = "PT183" "missing-index" Warning None;
    /// An index that is not valid: it is kept up to date and never used.
    INVALID_INDEX = "PT184" "invalid-index" Warning None;
    /// A constraint that holds for new rows, and that nobody has checked for old ones.
    NOT_VALIDATED = "PT185" "not-validated" Warning None;
    /// A storage parameter of the policy that the server does not know.
    UNKNOWN_PARAMETER = "PT186" "unknown-storage-parameter" Warning None;
    /// A partition that is over, and of a kind that cannot be archived.
    NOT_ARCHIVABLE = "PT190" "not-archivable" Warning None;
    /// A detached table that was written to after it was archived.
    WRITTEN_SINCE = "PT191" "written-since-archived" Warning None;
    /// An archive is not what was archived.
    ARCHIVE_DAMAGED = "PT192" "archive-damaged" Error Some(FailureKind::Findings);
    /// A table that came back from its archive, and is kept until it is released.
    RESTORED = "PT193" "restored" Info None;
    /// A hold keeps an archive that `keep` would delete.
    ARCHIVE_HELD = "PT194" "archive-held" Info None;
    /// Columns of a restored table are not those that were archived.
    COLUMNS_CHANGED = "PT195" "columns-changed" Info None;
    /// There are more partitions than the policy's `check` allows.
    PARTITION_LIMIT = "PT215" "partition-limit" Error Some(FailureKind::Findings);
    /// DEFAULT holds more rows than the policy's `check` allows.
    DEFAULT_LIMIT = "PT216" "default-limit" Error Some(FailureKind::Findings);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_in_order() {
        assert!(FINDING_CODES.windows(2).all(|pair| pair[0].id < pair[1].id));
    }
}
