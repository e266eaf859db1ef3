//! What a partitioned table has and Postgres does not pass on to its partitions (14-18), one fact at a time.
//!
//! Only what somebody has set is a property: a table on which nobody has set anything has none. Whether a partition
//! should have what its table has is not decided here.

use serde::{Deserialize, Serialize};

use crate::sql::Identifier;

/// One thing that somebody has set on a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// A privilege of a role other than the owner.
    Grant(Grant),
    /// What UPDATE and DELETE publish of old rows, when it is not [`ReplicaIdentity::Default`].
    ReplicaIdentity(ReplicaIdentity),
    /// A flag of row level security.
    RowSecurity(RowSecurity),
    /// `pg_attribute.attstattarget`
    StatisticsTarget {
        /// The column.
        column: Identifier,
        /// 0 to 10,000.
        target: i32,
    },
    /// One of `pg_attribute.attoptions`: `n_distinct` or `n_distinct_inherited`.
    ColumnOption {
        /// The column.
        column: Identifier,
        /// The option.
        name: String,
        /// Its value as it was written.
        value: String,
    },
    /// `pg_attribute.attcompression`
    Compression {
        /// The column.
        column: Identifier,
        /// `pglz` or `lz4`.
        method: String,
    },
    /// What CREATE STATISTICS made.
    Statistics(ExtendedStatistics),
    /// What COMMENT said.
    Comment {
        /// `None`: the table itself.
        column: Option<Identifier>,
        /// The comment.
        text: String,
    },
}

/// One privilege of one role, from `aclexplode`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// `None`: PUBLIC.
    pub grantee: Option<Identifier>,
    /// `SELECT`, `INSERT` ... as the server calls it, whichever privileges it knows.
    pub privilege: String,
    /// `None`: on the table as a whole.
    #[serde(default)]
    pub column: Option<Identifier>,
    /// With grant option.
    #[serde(default)]
    pub grantable: bool,
}

impl Grant {
    /// Whether who has this one may do all that the other one allows.
    pub fn covers(&self, other: &Self) -> bool {
        self.grantee == other.grantee
            && self.privilege == other.privilege
            && (self.column.is_none() || self.column == other.column)
            && (self.grantable || !other.grantable)
    }
}

/// `pg_class.relreplident`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaIdentity {
    /// The primary key.
    #[default]
    Default,
    /// Nothing.
    Nothing,
    /// All columns.
    Full,
    /// An index of the table; of a partition, the table's index that its own one is attached to.
    Index(Identifier),
}

/// A flag of row level security. Policies obeyed are those of the table that a query names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowSecurity {
    /// `relrowsecurity`
    Enabled,
    /// `relforcerowsecurity`
    Forced,
}

/// An object of `pg_statistic_ext`, by what it says; its name says nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendedStatistics {
    /// `ndistinct`, `dependencies`, `mcv`; none where it is of a single expression.
    pub kinds: Vec<String>,
    /// Its columns, in the order of their names.
    pub columns: Vec<Identifier>,
    /// A digest of its expressions; showing them would lock the table.
    #[serde(default)]
    pub expressions: Option<String>,
}

/// A privilege that tables get as they are made, by ALTER DEFAULT PRIVILEGES.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultGrant {
    /// `None`: in every schema.
    #[serde(default)]
    pub schema: Option<Identifier>,
    /// The privilege.
    pub grant: Grant,
}
