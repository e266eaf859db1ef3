//! Takes away a constraint of partctl's own that a run left behind when it was killed: on DEFAULT it refuses rows of a
//! partition that was never made.

use super::CheckAhead;
use crate::plan::Action;
use crate::sql::QualifiedName;

/// A constraint that serves nothing any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveCheck {
    /// The constraint; what it says no longer matters.
    pub check: CheckAhead,
    /// What its table holds, for a person.
    pub range: String,
}

impl RemoveCheck {
    pub(in crate::plan) fn table(&self) -> &QualifiedName {
        &self.check.table
    }

    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        vec![self.check.clean_up()]
    }
}
