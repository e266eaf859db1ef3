//! Whether a new partition is found by its own bounds, asked before the transaction commits that attaches it.
//!
//! Only what surely makes its rows invisible is a reason to roll back. A plan that reads it beside others is slow and
//! right, and judged after the commit with all other queries.

use super::result::Attempt;
use crate::plan::{Proof, first_few};

/// What the plan of a [`Proof`] shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The new partition is read, and nothing else.
    Alone,
    /// Nobody can tell from this plan, or it is read beside others.
    Unclear,
    /// Rows that it holds by its bound would not be found: why, as a fragment.
    Not(String),
}

/// Judges one plan.
pub fn found(proof: &Proof, attempt: &Attempt) -> Found {
    let Attempt::Planned { facts, .. } = attempt else { return Found::Unclear };
    let is_new = |name| proof.leaves.contains(name);
    let new = facts.scanned.iter().filter(|name| is_new(name)).count();
    // A table that an extension has distributed is read by nodes of its own, and a branch without leaves by none.
    if facts.opaque || proof.leaves.is_empty() {
        Found::Unclear
    } else if new == 0 {
        let read: Vec<String> = facts.scanned.iter().map(|name| name.name.to_string()).collect();
        let read = if read.is_empty() { "nothing".to_owned() } else { first_few(&read, 3) };
        Found::Not(format!("a query for what it holds by its bound would read {read}"))
    } else if new == facts.scanned.len() {
        Found::Alone
    } else {
        Found::Unclear
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{PlanFacts, Refusal};
    use super::*;
    use crate::sql::QualifiedName;

    fn names(names: &[&str]) -> Vec<QualifiedName> {
        names.iter().map(|name| QualifiedName::new("shop", *name)).collect()
    }

    fn judged(leaves: &[&str], scanned: &[&str], opaque: bool) -> Found {
        let proof = Proof { leaves: names(leaves), query: String::new() };
        let scanned = names(scanned).into_iter().collect();
        let facts = PlanFacts { scanned, opaque, ..PlanFacts::default() };
        found(&proof, &Attempt::Planned { facts, locked: BTreeSet::new() })
    }

    #[test]
    fn what_is_read_alone_is_found() {
        assert_eq!(judged(&["new"], &["new"], false), Found::Alone);
        assert_eq!(judged(&["new_0", "new_1"], &["new_0", "new_1"], false), Found::Alone);
    }

    #[test]
    fn what_is_read_beside_others_is_judged_after_the_commit() {
        assert_eq!(judged(&["new"], &["new", "old"], false), Found::Unclear);
    }

    #[test]
    fn what_is_not_read_at_all_is_not_found() {
        let why = |read: &str| Found::Not(format!("a query for what it holds by its bound would read {read}"));
        assert_eq!(judged(&["new"], &[], false), why("nothing"));
        assert_eq!(judged(&["new"], &["a", "b", "c", "d"], false), why("a, b, c and 1 more"));
    }

    #[test]
    fn what_cannot_be_seen_is_never_a_reason_to_roll_back() {
        assert_eq!(judged(&["new"], &[], true), Found::Unclear, "a plan of Citus names no relation");
        assert_eq!(judged(&[], &[], false), Found::Unclear);
        let proof = Proof { leaves: names(&["new"]), query: String::new() };
        for sqlstate in ["42501", "57014", "55P03"] {
            let refusal = Refusal { sqlstate: Some(sqlstate.to_owned()), message: "refused".to_owned() };
            assert_eq!(found(&proof, &Attempt::Refused(refusal)), Found::Unclear);
        }
    }
}
