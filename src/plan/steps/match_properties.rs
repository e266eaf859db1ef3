//! Gives an old partition what its table or the policy has come to say since it was made: owner, privileges, replica
//! identity, row level security, storage parameters, statistics, comments. Only what is done in an instant: nothing here
//! reads or rewrites a row, and no privilege is taken away.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Bound, Property, RelationKind};
use crate::plan::guard::{Standing, guard};
use crate::plan::properties::{Receiver, inherited_as, lock_mode, storage_parameters};
use crate::plan::{Action, Lock, LockMode, Transaction};
use crate::policy::Inherited;
use crate::sql::{Identifier, QualifiedName};

/// A partition that lacks something.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchProperties {
    /// The table that the policy names.
    pub table: QualifiedName,
    /// The partition.
    pub partition: QualifiedName,
    /// Its oid.
    pub oid: u32,
    /// The oid of the table that it is a partition of.
    pub parent_oid: u32,
    /// What it is.
    pub kind: RelationKind,
    /// What it holds.
    pub bound: Bound,
    /// The bound for a person.
    pub range: String,
    /// The owner that it gets, and the one that it has.
    pub owner: Option<ChangeOfOwner>,
    /// Whose place the session's role takes, where something is made that has an owner.
    pub act_as: Option<Identifier>,
    /// What is set.
    pub properties: Vec<Property>,
    /// Storage parameters that are set, by name.
    pub storage: BTreeMap<String, String>,
}

/// From one owner to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeOfOwner {
    /// The present one.
    pub from: Identifier,
    /// The table's.
    pub to: Identifier,
}

impl MatchProperties {
    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let partition = &self.partition;
        let standing = Standing::Attached { parent_oid: self.parent_oid, bound: &self.bound };
        let guard = guard(self.oid, partition, &standing);
        let mut under = vec![guard.clone()];
        under.extend(self.owner.iter().map(|owner| format!("ALTER TABLE ONLY {partition} OWNER TO {}", owner.to)));
        under.extend(self.act_as.iter().map(|role| format!("SET LOCAL ROLE {role}")));
        under.extend(Receiver { name: partition, kind: self.kind, of: &self.table }.statements(&self.properties));
        if !self.storage.is_empty() {
            under.push(format!("ALTER TABLE ONLY {partition} SET ({})", storage_parameters(&self.storage)));
        }
        under.extend(self.act_as.as_ref().map(|_| "RESET ROLE".to_owned()));
        let lock = self.lock_mode().map(|mode| Lock::new(partition, mode));
        // The first DO of a session loads PL/pgSQL, which takes milliseconds: better before the lock than under it.
        let before = lock.iter().map(|_| guard.clone()).collect();
        // LOCK TABLE refuses a foreign table (42809).
        let (implied, locks) = lock.into_iter().partition(|_| self.kind == RelationKind::Foreign);
        vec![Action::Transaction(Transaction { before, locks, implied, under, ..Transaction::default() })]
    }

    /// GRANT alone locks nothing that others notice.
    fn lock_mode(&self) -> Option<LockMode> {
        let owner = self.owner.as_ref().map(|_| LockMode::AccessExclusive);
        let storage = (!self.storage.is_empty()).then_some(LockMode::ShareUpdateExclusive);
        self.properties.iter().map(lock_mode).chain([owner, storage]).max().flatten()
    }

    /// `owner, privileges`
    pub(in crate::plan) fn reason(&self) -> String {
        let mut words: BTreeSet<Inherited> = self.properties.iter().map(inherited_as).collect();
        words.extend(self.owner.as_ref().map(|_| Inherited::Owner));
        words.extend((!self.storage.is_empty()).then_some(Inherited::Storage));
        words.iter().map(|word| word.as_str().replace('_', " ")).collect::<Vec<_>>().join(", ")
    }

    pub(in crate::plan) fn undo(&self) -> String {
        match &self.owner {
            Some(owner) => format!("ALTER TABLE {} OWNER TO {}", self.partition, owner.from),
            None => "nothing to take back".to_owned(),
        }
    }
}
