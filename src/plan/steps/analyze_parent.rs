//! Gathers the statistics of a partitioned table as a whole. Autovacuum analyzes its partitions and never the table
//! itself (Postgres 14-18), so without this the planner guesses about every query that touches several of them.
//!
//! Readers and writers go on meanwhile; DDL and autovacuum on the table wait. It comes after everything else.

use crate::plan::{Action, Lock, LockMode, Transaction};
use crate::sql::QualifiedName;

/// A partitioned table to be analyzed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyzeParent {
    /// The table.
    pub table: QualifiedName,
    /// What of it.
    pub reach: AnalyzeReach,
    /// Why.
    pub why: AnalyzeReason,
}

/// How far down ANALYZE goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnalyzeReach {
    /// The table alone, from samples of its partitions: `ANALYZE ONLY`, which Postgres 18 brought.
    Only,
    /// Its partitions, all levels, as well.
    Tree,
}

/// Why it is analyzed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnalyzeReason {
    /// Nobody ever did.
    Never,
    /// It is said to hold so many rows, and its partitions together so many others.
    Changed {
        /// The table's.
        said: u64,
        /// Its partitions'.
        held: u64,
    },
    /// What this plan retires is a good part of it.
    Retirement,
}

impl AnalyzeParent {
    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let table = &self.table;
        let mode = LockMode::ShareUpdateExclusive;
        let (locks, implied, analyze) = match self.reach {
            // Its partitions are read as by SELECT.
            AnalyzeReach::Only => (
                vec![Lock::new(table, mode)],
                vec![Lock::with_partitions(table, LockMode::AccessShare)],
                format!("ANALYZE ONLY {table}"),
            ),
            // Locked together beforehand, so that no partition is waited for when half of the work is done.
            AnalyzeReach::Tree => (vec![Lock::with_partitions(table, mode)], Vec::new(), format!("ANALYZE {table}")),
        };
        vec![Action::Transaction(Transaction { locks, implied, under: vec![analyze], ..Transaction::default() })]
    }

    /// What is analyzed, for a person.
    pub(in crate::plan) fn range(&self) -> &'static str {
        match self.reach {
            AnalyzeReach::Only => "the table alone",
            AnalyzeReach::Tree => "with its partitions",
        }
    }

    pub(in crate::plan) fn reason(&self) -> String {
        match self.why {
            AnalyzeReason::Never => "never analyzed as a whole".to_owned(),
            AnalyzeReason::Changed { said, held } => format!("its statistics say {said} rows, its partitions {held}"),
            AnalyzeReason::Retirement => "much of it is retired".to_owned(),
        }
    }
}
