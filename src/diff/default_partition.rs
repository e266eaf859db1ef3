//! The DEFAULT partition: made where it is wanted, reported where it hurts.

use super::{Draft, Situation};
use crate::catalog::Bound;
use crate::desired::{Desired, Label};
use crate::plan::steps::CreateReason;
use crate::plan::{Finding, codes};
use crate::policy::DefaultRule;

/// The `{value}` of a DEFAULT partition that the policy does not name.
const DEFAULT_LABEL: &str = "default";

/// Makes a DEFAULT partition that is required; reports one that is forbidden, or that holds rows it should not.
pub(super) fn default_partition(situation: &Situation<'_>, draft: &mut Draft) {
    if situation.has_unreadable_bounds() {
        return;
    }
    let rule = situation.level.create.default;
    let named = match situation.desired {
        Desired::List(list) => list.default.as_deref(),
        Desired::Range(_) => None,
        Desired::Hash(_) => return,
    };
    let table = &situation.table.name;
    match situation.table.default_partition() {
        None if named.is_some() || rule == DefaultRule::Require => {
            let label = Label::Default(named.unwrap_or(DEFAULT_LABEL));
            situation.create(draft, label, Bound::Default, CreateReason::Default);
        }
        Some(default) if rule == DefaultRule::Forbid => {
            draft.findings.push(
                Finding::about(codes::DEFAULT_FORBIDDEN, table, format!("has the DEFAULT partition {}", default.name))
                    .hint("move its rows to where they belong and drop it: beside it every detach blocks readers"),
            );
        }
        Some(default) if named.is_none() && default.is_known_to_hold_rows() => {
            let rows = default.rows.unwrap_or_default();
            draft.findings.push(
                Finding::about(
                    codes::DEFAULT_HOLDS_ROWS,
                    table,
                    format!("DEFAULT {} holds about {rows} rows", default.name),
                )
                .hint("rows that no other partition wanted: look at them before they block a partition to be made"),
            );
        }
        None | Some(_) => {}
    }
}
