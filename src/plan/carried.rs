//! What a new partition is given so that it is from birth as its table and the policy say: Postgres passes on neither
//! privileges nor replica identity, row level security, statistics targets, comments on the table (14-18).

use std::collections::{BTreeMap, BTreeSet};

use super::properties::{Receiver, inherited_as, role, storage_parameters};
use crate::catalog::{Property, RelationKind};
use crate::policy::Inherited;
use crate::sql::Identifier;

/// What LIKE copies and PARTITION OF would not, by the word of `inherit` that asks for it.
const LIKE_OPTIONS: [(Inherited, &str); 2] = [(Inherited::Statistics, "STATISTICS"), (Inherited::Comments, "COMMENTS")];

/// What a new partition is given besides columns, indexes and constraints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Carried {
    /// What the policy lets partitions take from their table.
    pub inherit: BTreeSet<Inherited>,
    /// What is set on the table, of that, and what LIKE does not copy.
    pub properties: Vec<Property>,
    /// Roles whose default privileges on new tables go beyond what they have on the table; `None`: PUBLIC.
    pub revoke_from: BTreeSet<Option<Identifier>>,
    /// Storage parameters, by name.
    pub storage: BTreeMap<String, String>,
}

impl Carried {
    /// What stands behind `LIKE parent`. EXCLUDING IDENTITY: up to Postgres 16 the copy would keep a sequence of its own,
    /// from 17 on ATTACH fails with 55000.
    pub(super) fn like_options(&self) -> String {
        let left_out = LIKE_OPTIONS.into_iter().filter(|(word, _)| !self.inherit.contains(word));
        let left_out: String = left_out.map(|(_, option)| format!(" EXCLUDING {option}")).collect();
        format!("INCLUDING ALL EXCLUDING IDENTITY{left_out}")
    }

    /// ` WITH (...)`, or nothing. A partitioned table takes no storage parameters (22023, from 16 on 42809).
    pub(super) fn with_clause(&self, kind: RelationKind) -> String {
        if self.storage.is_empty() || kind == RelationKind::Partitioned {
            return String::new();
        }
        format!(" WITH ({})", storage_parameters(&self.storage))
    }

    /// What is done before anybody sees the partition.
    pub(super) fn before_attach(&self, receiver: Receiver<'_>) -> Vec<String> {
        let revoke =
            self.revoke_from.iter().map(|from| format!("REVOKE ALL ON {} FROM {}", receiver.name, role(from.as_ref())));
        let set: Vec<Property> = self.set_here().filter(|property| !needs_indexes(property)).cloned().collect();
        revoke.chain(receiver.statements(&set)).collect()
    }

    /// What needs the indexes to be attached to those of the table.
    pub(super) fn after_attach(&self, receiver: Receiver<'_>) -> Vec<String> {
        let set: Vec<Property> = self.set_here().filter(|property| needs_indexes(property)).cloned().collect();
        receiver.statements(&set)
    }

    /// The comment on the table itself.
    pub(super) fn comment(&self) -> Option<&str> {
        self.set_here().find_map(|property| match property {
            Property::Comment { column: None, text } => Some(text.as_str()),
            _ => None,
        })
    }

    fn set_here(&self) -> impl Iterator<Item = &Property> {
        self.properties.iter().filter(|property| self.inherit.contains(&inherited_as(property)))
    }
}

/// Whether LIKE copies it from a parent that has it.
pub fn is_copied(property: &Property) -> bool {
    matches!(
        property,
        Property::Statistics(_) | Property::Compression { .. } | Property::Comment { column: Some(_), .. }
    )
}

fn needs_indexes(property: &Property) -> bool {
    matches!(property, Property::ReplicaIdentity(_))
}
