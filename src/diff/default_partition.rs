//! The DEFAULT partition: made where it is wanted, reported where it hurts.

use super::{Draft, Situation};
use crate::catalog::{Answer, Bound, Datum, Partition, Question};
use crate::desired::{Desired, Label};
use crate::plan::steps::CreateReason;
use crate::plan::{Finding, Step, codes};
use crate::policy::DefaultRule;
use crate::schedule::{Edge, Window};

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
        Some(default) if named.is_none() && default.is_known_to_hold_rows() => report_rows(situation, default, draft),
        None | Some(_) => {}
    }
}

/// Tells of rows that no partition of this plan takes over: those beyond all that are wanted, and the rest.
fn report_rows(situation: &Situation<'_>, default: &Partition, draft: &mut Draft) {
    let table = &situation.table.name;
    let beyond = situation.rows_beyond(default, draft);
    let moved: u64 = draft
        .steps
        .iter()
        .filter(|step| matches!(step, Step::Move(_) | Step::Split(_)))
        .filter_map(|step| step.volume().1)
        .sum();
    let known = default.rows.unwrap_or_default();
    let rest = known.saturating_sub(moved + beyond.as_ref().map_or(0, |beyond| beyond.rows));
    if let Some(Beyond { horizon, newest, rows, condition }) = beyond.filter(|beyond| 0 < beyond.rows) {
        let message = format!("DEFAULT {} holds {rows} rows beyond {horizon} (newest {newest})", default.name);
        draft.findings.push(Finding::about(codes::BEYOND_HORIZON, table, message).hint(format!(
            "no partition is made for them: mend or delete them, or raise `create.ahead`; they are the rows with \
             {condition}"
        )));
    }
    if 0 < rest {
        let other = if rest < known { "other " } else { "" };
        let message = format!("DEFAULT {} holds about {rest} {other}rows", default.name);
        draft.findings.push(
            Finding::about(codes::DEFAULT_HOLDS_ROWS, table, message)
                .hint("rows that no other partition wanted: look at them before they block a partition to be made"),
        );
    }
}

/// Rows beyond the horizon.
struct Beyond {
    horizon: String,
    newest: String,
    rows: u64,
    condition: String,
}

impl Situation<'_> {
    /// What DEFAULT holds beyond the last window that the policy wants; `None` when that is not known.
    fn rows_beyond(&self, default: &Partition, draft: &mut Draft) -> Option<Beyond> {
        let (range, key) = (self.desired.as_range()?, &self.table.key.as_ref()?.columns);
        let horizon = self.horizon(range, self.current()?);
        let Bound::Range { from, to } = range.bound_beside(Window::new(horizon, range.codec.limits().end())?, &[])
        else {
            return None;
        };
        let question = Question::BeyondInDefault {
            default: default.name.clone(),
            key: key.clone(),
            bound: Bound::Range { from, to: to.iter().map(|_| Datum::MaxValue).collect() },
        };
        match self.snapshot.answers.get(&question) {
            Some(Answer::Beyond { rows, newest }) => {
                let newest = newest.clone().unwrap_or_default();
                let point = range.codec.decode(&newest).and_then(Edge::point);
                Some(Beyond {
                    horizon: range.describe(horizon),
                    newest: point.map_or(newest, |point| range.describe(point)),
                    rows: *rows,
                    condition: question.predicate_sql().unwrap_or_default(),
                })
            }
            Some(_) => None,
            None => {
                draft.questions.insert(question);
                None
            }
        }
    }
}
