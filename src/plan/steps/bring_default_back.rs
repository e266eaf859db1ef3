//! Attaches a DEFAULT partition again that was set aside: in the run that did it, or in the next one when that was
//! killed. It was empty, so there is next to nothing to scan under its lock; readers and writers of the table go on.

use super::detached_entry::record_ended;
use crate::plan::guard::{Standing, guard};
use crate::plan::surroundings::Modes;
use crate::plan::{Action, Lock, LockMode, Surroundings, Transaction};
use crate::sql::QualifiedName;

/// A DEFAULT partition that is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BringDefaultBack {
    /// The partitioned table, and what is locked besides.
    pub around: Surroundings,
    /// The DEFAULT partition.
    pub default: QualifiedName,
    /// Its oid.
    pub oid: u32,
    /// Its bound for a person.
    pub range: String,
    /// Whose doing it is.
    pub away: Away,
}

/// Since when DEFAULT is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Away {
    /// This plan sets it aside.
    InThisPlan,
    /// A run that was stopped left it so.
    SinceAnEarlierRun,
}

impl BringDefaultBack {
    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let Self { default, oid, .. } = self;
        let around = Surroundings { default: None, ..self.around.clone() };
        let parent = &around.parent;
        let (mut locks, implied) = around.locks(Modes {
            referenced_by: LockMode::ShareRowExclusive,
            references: LockMode::AccessExclusive,
            parent: LockMode::ShareUpdateExclusive,
        });
        locks.push(Lock::with_partitions(default, LockMode::AccessExclusive));
        let under = vec![
            guard(*oid, default, &Standing::Detached),
            format!("ALTER TABLE {parent} ATTACH PARTITION {default} DEFAULT"),
            record_ended(*oid),
        ];
        vec![Action::Transaction(Transaction { locks, implied, under, ..Transaction::default() })]
    }

    pub(in crate::plan) fn reason(&self) -> &'static str {
        match self.away {
            Away::InThisPlan => "those that leave have left",
            Away::SinceAnEarlierRun => "a run that was stopped had set it aside",
        }
    }
}
