//! What a partitioned table has and Postgres does not pass on to its partitions (14-18), one fact at a time.
//!
//! Only what somebody has set is a property: a table on which nobody has set anything has none. Whether a partition
//! should have what its table has is not decided here.

use std::collections::BTreeMap;

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
    /// `relrowsecurity`. Not `relforcerowsecurity`: that binds the owner, who could lift it, and whose rights DDL is done
    /// with: nobody could tell any more what is in a partition, or archive it.
    RowSecurity,
    /// `pg_attribute.attstattarget`
    StatisticsTarget {
        /// The column.
        column: Identifier,
        /// 0 to 10,000.
        target: i32,
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

/// What is set on a partition where it is not the very same as on its table, and who may change that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnProperties {
    /// What is set, privileges in the order in which they were granted.
    pub set: Vec<Property>,
    /// Whether the session's role has the rights of the partition's owner and may take its place by SET ROLE.
    #[serde(default = "super::yes")]
    pub role_is_owner: bool,
    /// What the table's owner may do in the partition's schema.
    #[serde(default)]
    pub in_schema: InSchema,
}

/// What a role may do in a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InSchema {
    /// Nothing: it cannot name what is there.
    Nothing,
    /// USAGE
    Use,
    /// USAGE and CREATE: own what is there, and make statistics of it.
    #[default]
    Create,
}

/// Where and how a partition is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Its storage parameters as they were written, those of its TOAST table with `toast.` before them.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Whether it has no TOAST table: parameters of one are taken then and kept nowhere.
    #[serde(default)]
    pub lacks_toast: bool,
    /// `reltablespace`, when it is not the database's default.
    #[serde(default)]
    pub tablespace: Option<Identifier>,
    /// `relam`, when it is not heap.
    #[serde(default)]
    pub access_method: Option<Identifier>,
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
