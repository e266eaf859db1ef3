//! Takes back what was made for a split that is no longer wanted, or not in this way. The partition itself has not been
//! touched but for the triggers that capture its changes.

use super::{Names, TRIGGERS};
use crate::catalog::Bound;
use crate::plan::{Action, Lock, LockMode, Surroundings, Transaction};
use crate::sql::{Identifier, QualifiedName};

/// A split to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscardSplit {
    /// The partitioned table, and what is locked besides.
    pub around: Surroundings,
    /// The partition that was to be split.
    pub old: QualifiedName,
    /// Its oid.
    pub old_oid: u32,
    /// What it holds.
    pub bound: Bound,
    /// What it was to become, for a person.
    pub into: String,
    /// The table's owner, when the session's role is another.
    pub owner: Option<Identifier>,
}

impl DiscardSplit {
    /// The triggers go first, and by themselves: writers wait for that. What is left is found by the next run.
    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let Names { successors, changes, progress, capture, .. } = Names::of(&self.old, self.old_oid);
        let old = &self.old;
        let as_owner = |statements: Vec<String>| -> Vec<String> {
            let role = self.owner.iter().map(|owner| format!("SET LOCAL ROLE {owner}"));
            let reset = self.owner.iter().map(|_| "RESET ROLE".to_owned());
            role.chain(statements).chain(reset).collect()
        };
        let triggers = TRIGGERS.map(|trigger| format!("DROP TRIGGER IF EXISTS {trigger} ON {old}"));
        vec![
            Action::Transaction(Transaction {
                locks: vec![Lock::with_partitions(old, LockMode::AccessExclusive)],
                under: as_owner(triggers.into()),
                ..Transaction::default()
            }),
            // The tables that were to be partitions go with the one that they are partitions of.
            Action::Transaction(Transaction::of(as_owner(vec![
                format!("DROP FUNCTION IF EXISTS {capture}()"),
                format!("DROP TABLE IF EXISTS {changes}, {progress}"),
                format!("DROP TABLE {successors}"),
            ]))),
        ]
    }
}
