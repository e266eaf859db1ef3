//! Takes an empty DEFAULT partition away for as long as other partitions leave: beside it Postgres refuses DETACH
//! CONCURRENTLY (55000). One moment of ACCESS EXCLUSIVE on the table then stands for one per partition.
//!
//! Never takes a DEFAULT away that holds a row, and never without an entry in the ledger, written by the same
//! transaction: by it the next run finds what a run that was killed did not bring back.

use std::time::Duration;

use super::BringDefaultBack;
use super::detached_entry::{record_detached, record_intent};
use crate::catalog::Bound;
use crate::plan::guard::{Standing, guard};
use crate::plan::surroundings::Modes;
use crate::plan::{Action, LockMode, Surroundings, Transaction};
use crate::sql::{DollarQuoted, QualifiedName, SqlLiteral};

/// A DEFAULT partition to be set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetDefaultAside {
    /// The partitioned table, and what is locked besides: DEFAULT itself, and no ends of foreign keys.
    pub around: Surroundings,
    /// The partitioned table's oid.
    pub parent_oid: u32,
    /// The DEFAULT partition.
    pub default: QualifiedName,
    /// Its oid.
    pub oid: u32,
    /// Its bound for a person.
    pub range: String,
    /// How many partitions leave meanwhile.
    pub detaches: usize,
}

impl SetDefaultAside {
    /// How long DEFAULT stays away at most while others leave: whoever does not leave by then stays for another run. A
    /// busy table loses dozens of partitions in this time.
    pub const LONGEST: Duration = Duration::from_secs(10);

    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let Self { default, oid, .. } = self;
        let parent = &self.around.parent;
        let bound = Bound::Default;
        let guard = guard(*oid, default, &Standing::Attached { parent_oid: self.parent_oid, bound: &bound });
        let (locks, implied) = self.around.locks(Modes {
            referenced_by: LockMode::AccessExclusive,
            references: LockMode::ShareRowExclusive,
            parent: LockMode::AccessExclusive,
        });
        // Rows that row security would hide count as well: with it off, a table that hides some refuses (42501).
        let before = vec![
            "SET LOCAL row_security = off".to_owned(),
            guard.clone(),
            record_intent(*oid, default, parent, &bound),
        ];
        let detach = format!("ALTER TABLE {parent} DETACH PARTITION {default}");
        let under = vec![guard, self.refuse_rows(), detach, record_detached(*oid)];
        vec![Action::Transaction(Transaction { before, locks, implied, under, ..Transaction::default() })]
    }

    /// Somebody may have written to it since the plan.
    fn refuse_rows(&self) -> String {
        let Self { default, .. } = self;
        let message = format!("partctl: {default} holds rows, so it is not set aside");
        let body = format!(
            "BEGIN IF EXISTS (SELECT FROM {default}) THEN RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = {}; \
             END IF; END",
            SqlLiteral(&message)
        );
        format!("DO {}", DollarQuoted(&body))
    }

    /// Whether that step undoes this one.
    pub fn is_undone_by(&self, back: &BringDefaultBack) -> bool {
        self.oid == back.oid
    }
}
