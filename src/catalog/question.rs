//! What planning wants to know beyond the catalog. A rule that lacks an answer puts the question and goes on;
//! upstairs asks the database and plans again. A converged plan asks nothing.

use serde::{Deserialize, Serialize};

use super::{Bound, KeyColumn, PartitionFacts, SplitFacts};
use crate::sql::{Identifier, QualifiedName};

/// One question, answered by one cheap and bounded query.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Is there a relation or a type of this name already? (Postgres makes a type for each table.)
    NameTaken(QualifiedName),
    /// How many rows of this bound does the DEFAULT partition hold? Postgres refuses the partition while it is not 0.
    RowsInDefault {
        /// The DEFAULT partition.
        default: QualifiedName,
        /// The key.
        key: Vec<KeyColumn>,
        /// The bound of the partition to be made.
        bound: Bound,
    },
    /// How many rows of a DEFAULT partition lie at or beyond this bound's start, and which is the newest?
    BeyondInDefault {
        /// The DEFAULT partition.
        default: QualifiedName,
        /// The key.
        key: Vec<KeyColumn>,
        /// From where the policy wants no partitions, on to MAXVALUE.
        bound: Bound,
    },
    /// What decides whether rows can leave this partition?
    PartitionFacts(QualifiedName),
    /// What decides whether other tables can take the place of this partition?
    SplitFacts(QualifiedName),
    /// May the session's role keep triggers from firing (`session_replication_role`)?
    MaySkipTriggers,
    /// How many bytes would a scan of this table read?
    HeapBytes(QualifiedName),
    /// How many rows of a table reference rows of this partition? Postgres refuses to detach it while it is not 0.
    RowsReferencing {
        /// The partition.
        partition: QualifiedName,
        /// The table whose foreign key it is.
        by: QualifiedName,
        /// Columns that are compared: the partition's, the other table's.
        columns: Vec<(Identifier, Identifier)>,
        /// Partitions of the other table that do not count, by oid: they go first.
        except: Vec<u32>,
    },
    /// How many bytes does each of these tables take, indexes and all?
    Sizes(Vec<QualifiedName>),
    /// Does this condition, which stands in a policy, hold? Then a partition is kept.
    Keeps {
        /// A boolean expression in SQL.
        condition: String,
    },
    /// Which of these partitions, highest first, is the first that holds a row?
    HighestInUse(Vec<QualifiedName>),
    /// How many rows of a detached table are not the ones that its newest archive holds? All rows are looked at.
    WrittenSinceArchived {
        /// The table.
        table: QualifiedName,
        /// Its oid.
        oid: u32,
    },
    /// What is the highest key in these partitions, highest first? Put where an index of each ends with it.
    HighestKey {
        /// The partitions.
        partitions: Vec<QualifiedName>,
        /// The column that their indexes lead with.
        column: KeyColumn,
        /// Keys beyond this are no keys, such as `NaN`.
        limit: String,
    },
    /// How does Postgres spell this value?
    Spelling {
        /// The type.
        type_name: String,
        /// The value as somebody wrote it.
        text: String,
    },
    /// Which values does this query of a policy's have? Asked with every plan.
    EachValue {
        /// A query of one column.
        query: String,
        /// The type that its values are to be of; empty where only the server knows it.
        type_name: String,
    },
    /// Does the server sort these texts as they stand here? Keys of text have the order of their collation.
    TextInOrder {
        /// The key's collation; `None`: the database's.
        collation: Option<QualifiedName>,
        /// What is to be in order, ascending.
        texts: Vec<String>,
    },
    /// Which of these partitions, newest first, hold a row? The first so many are enough.
    HoldRows {
        /// The partitions.
        partitions: Vec<QualifiedName>,
        /// At least 1.
        enough: u32,
    },
}

impl Question {
    /// The query that answers [`Question::WrittenSinceArchived`] by a number, null when there is no archive; `None` for
    /// other questions.
    ///
    /// A row that was inserted or updated since is not visible in the archive's snapshot; one that was deleted is missing
    /// from the count. `xmin` has 32 bits, and belongs to the epoch in which it lies in the past.
    pub fn sql(&self) -> Option<String> {
        let Self::WrittenSinceArchived { table, oid } = self else { return None };
        Some(format!(
            "SELECT (SELECT greatest(pg_catalog.abs(pg_catalog.count(*) - archive.rows), pg_catalog.count(*) FILTER (WHERE NOT \
             pg_catalog.pg_visible_in_snapshot(greatest(CASE WHEN archive.epoch + t.xmin::text::int8 < archive.next \
             THEN archive.epoch ELSE archive.epoch - 4294967296 END + t.xmin::text::int8, 0)::text::xid8, archive.snapshot))) \
             FROM {table} t) \
             FROM (SELECT a.rows, a.snapshot, now.next, (now.next >> 32) << 32 AS epoch \
             FROM partctl.archives a JOIN partctl.detached_tables d ON d.relation = a.relation AND d.ended_at IS NULL, \
             (SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::int8 AS next) now \
             WHERE a.relation = {oid} AND a.verified_at IS NOT NULL AND a.deleted_at IS NULL AND d.detached_at <= a.begun_at \
             ORDER BY a.id DESC LIMIT 1) archive"
        ))
    }

    /// The condition that [`Question::RowsInDefault`] and [`Question::BeyondInDefault`] count by; `None` for other
    /// questions.
    pub fn predicate_sql(&self) -> Option<String> {
        match self {
            Self::RowsInDefault { key, bound, .. } | Self::BeyondInDefault { key, bound, .. } => bound.predicate(key),
            _ => None,
        }
    }
}

/// The database's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To [`Question::NameTaken`].
    Taken(bool),
    /// To [`Question::RowsInDefault`], counted, to [`Question::WrittenSinceArchived`], and to
    /// [`Question::RowsReferencing`], where counting stops at [`Answers::COUNT_LIMIT`].
    Rows(u64),
    /// To [`Question::RowsInDefault`] where counting took too long: at least [`Answers::COUNT_LIMIT`], estimated by the
    /// planner.
    RowsAbout(u64),
    /// To [`Question::BeyondInDefault`].
    Beyond {
        /// How many.
        rows: u64,
        /// The key of the last one, as text.
        newest: Option<String>,
    },
    /// To [`Question::PartitionFacts`].
    Facts(Box<PartitionFacts>),
    /// To [`Question::SplitFacts`].
    SplitFacts(Box<SplitFacts>),
    /// To [`Question::MaySkipTriggers`].
    May(bool),
    /// To [`Question::HeapBytes`].
    Bytes(u64),
    /// To [`Question::HighestInUse`].
    Highest(Option<QualifiedName>),
    /// To [`Question::HighestKey`], as text, without a fraction; `None`: no rows.
    HighestKey(Option<String>),
    /// To [`Question::HoldRows`], in the order of the question.
    Holders(Vec<QualifiedName>),
    /// To [`Question::Spelling`].
    Spelled(String),
    /// To [`Question::Spelling`]: the type has no such value; to [`Question::EachValue`]: it is no such query; why.
    Refused(String),
    /// To [`Question::EachValue`], sorted and each once, spelled as the type does; `None` is null. One more than
    /// [`Answers::VALUE_LIMIT`] says that there are too many.
    Values(Vec<Option<String>>),
    /// To [`Question::TextInOrder`].
    InOrder(bool),
    /// To [`Question::Sizes`], in the order of the question.
    Sizes(Vec<u64>),
    /// To [`Question::Keeps`]; `None`: it is null.
    Keeps(Option<bool>),
    /// The database would not say: no right, or it took too long.
    Unknown(String),
}

/// All answers so far.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answers(Vec<(Question, Answer)>);

impl Answers {
    /// Rows are counted up to this many where that is enough to know.
    pub const COUNT_LIMIT: u64 = 10_000;

    /// A query that names partitions may name so many: Postgres plans slowly long before.
    pub const VALUE_LIMIT: usize = 10_000;

    /// The answer to a question, if it was asked.
    pub fn get(&self, question: &Question) -> Option<&Answer> {
        let at = self.0.binary_search_by(|(asked, _)| asked.cmp(question)).ok()?;
        Some(&self.0[at].1)
    }

    /// Remembers an answer; the first one to a question stays.
    pub fn add(&mut self, question: Question, answer: Answer) {
        if let Err(at) = self.0.binary_search_by(|(asked, _)| asked.cmp(&question)) {
            self.0.insert(at, (question, answer));
        }
    }

    /// All of them, in the order of the questions.
    pub fn iter(&self) -> impl Iterator<Item = &(Question, Answer)> {
        self.0.iter()
    }
}
