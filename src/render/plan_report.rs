//! The one model that every format of a plan is made from, and the sentences that they share.

use chrono::{DateTime, Utc};

use super::amounts;
use super::style::{first_few, plural};
use crate::plan::{Moment, Plan, Runway, Severity, Step, StepKind, TablePlan};

/// A plan, with what its reader needs to know around it.
#[derive(Debug, Clone, Copy)]
pub struct PlanReport<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What its moment is.
    pub moment: Moment,
    /// Why it is shown.
    pub occasion: Occasion,
}

/// Why a plan is shown; decides the closing lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// `plan`: to read, nothing follows.
    Plan,
    /// `apply`: it is carried out next, or asked about.
    Apply,
}

/// Steps of one kind that a table shows before it shortens the list.
const SHOWN_IN_FULL: usize = 20;
/// Of a list that is shortened, how many stand before the gap.
const SHOWN_FIRST: usize = 3;

/// One line of a list that may be shortened.
pub(super) enum Shown<'a> {
    Step(&'a Step),
    More { count: usize, kind: StepKind },
}

/// The steps, of each kind at most [`SHOWN_IN_FULL`]; of more than that the first few and the last.
pub(super) fn shortened<'a>(steps: &[&'a Step]) -> Vec<Shown<'a>> {
    let total = |kind| steps.iter().filter(|step| step.kind() == kind).count();
    let mut shown = Vec::new();
    let mut seen = [0; StepKind::ALL.len()];
    for step in steps {
        let kind = step.kind();
        let (position, total) = (&mut seen[kind as usize], total(kind));
        *position += 1;
        let hidden = total - SHOWN_FIRST.min(total);
        if total <= SHOWN_IN_FULL || *position <= SHOWN_FIRST || *position == total {
            shown.push(Shown::Step(step));
        } else if *position == SHOWN_FIRST + 1 {
            shown.push(Shown::More { count: hidden - 1, kind });
        }
    }
    shown
}

/// What stands for the steps that a shortened list leaves out.
pub(super) fn more(count: usize, kind: StepKind) -> String {
    format!("… {} more to {} (`-o json` and `-o sql` have all)", amounts::in_full(count as u64), kind.as_str())
}

impl<'a> PlanReport<'a> {
    /// Every step in the order in which `apply` carries them out: all tables' earlier phase comes first.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (&'a TablePlan, &'a Step)> {
        let tables = self.plan.rounds().into_iter().flat_map(|round| round.tables);
        tables.flat_map(|(table, steps)| steps.into_iter().map(move |step| (table, step)))
    }

    /// `1 to create, 1 to detach, 1 to drop · frees 13.8 GB`, or that there is nothing to do.
    pub(super) fn summary(&self) -> String {
        let counted = StepKind::ALL.into_iter().filter_map(|kind| match self.plan.count(kind) {
            0 => None,
            count => Some(format!("{} to {}", amounts::in_full(count as u64), kind.as_str())),
        });
        let counted: Vec<String> = counted.collect();
        let mut parts = match counted.as_slice() {
            [] => vec![self.nothing_to_do()],
            counted => vec![counted.join(", ")],
        };
        parts.extend(
            (0 < self.plan.frees_bytes()).then(|| format!("frees {}", amounts::bytes(self.plan.frees_bytes()))),
        );
        parts.join(" · ")
    }

    fn nothing_to_do(&self) -> String {
        let tables = &self.plan.tables;
        let blocked = tables.iter().filter(|table| has_errors(table)).count();
        match (tables.len(), blocked) {
            (0, _) => "Nothing to do: no table has a policy".to_owned(),
            (all, 0) => format!("Nothing to do: {} converged", plural(all, "table")),
            (all, blocked) => format!(
                "Nothing to do: {} converged, {} with errors",
                plural(all - blocked, "table"),
                amounts::in_full(blocked as u64)
            ),
        }
    }

    /// What becomes of the plan now.
    pub(super) fn closing(&self) -> Option<String> {
        match (self.moment, self.occasion) {
            (Moment::Simulated, _) => Some(format!(
                "Simulated for {} on the catalog of now. Nothing was changed, and this plan cannot be applied.",
                moment(self.plan.at)
            )),
            (Moment::Server, Occasion::Plan) if !self.plan.is_empty() => Some(
                "Nothing was changed. `partctl apply` carries this out; `partctl plan --save FILE` keeps it for review."
                    .to_owned(),
            ),
            (Moment::Server, Occasion::Plan | Occasion::Apply) => None,
        }
    }
}

/// Whether something that was asked for cannot be planned.
pub(super) fn has_errors(table: &TablePlan) -> bool {
    table.findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// `runway 92 days`; `None` where there is no frontier.
pub(super) fn runway(runway: Runway, at: DateTime<Utc>) -> Option<String> {
    match runway {
        Runway::None => None,
        Runway::Endless => Some("runway endless".to_owned()),
        Runway::Partitions(0) => Some("no runway".to_owned()),
        Runway::Partitions(count) => Some(format!("runway {}", plural(count, "partition"))),
        Runway::Until(until) if at < until => {
            Some(format!("runway {}", amounts::span(until.signed_duration_since(at))))
        }
        Runway::Until(_) => Some("no partition for now".to_owned()),
    }
}

/// A moment for a person, to the second.
pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The parts of a table's headline, its name first.
pub(super) fn headline(table: &TablePlan, at: DateTime<Utc>) -> Vec<String> {
    let mut parts = vec![super::style::name(&table.table), super::style::plain(&table.grid)];
    let size = if 0 < table.bytes { format!(", {}", amounts::bytes(table.bytes)) } else { String::new() };
    parts.push(match table.partitions {
        0 => "no partitions".to_owned(),
        // Where partitions have partitions themselves, queries read leaves.
        count if count != table.leaves => {
            let leaves = if table.leaves == 1 {
                "1 leaf".to_owned()
            } else {
                format!("{} leaves", amounts::in_full(table.leaves as u64))
            };
            format!("{}, {leaves}{size}", plural(count, "partition"))
        }
        count => format!("{}{size}", plural(count, "partition")),
    });
    parts.extend(runway(table.runway, at));
    let mut errors: Vec<String> = table
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.code.id.to_owned())
        .collect();
    errors.dedup();
    if !errors.is_empty() {
        parts.push(format!("see {}", first_few(&errors, 3)));
    } else if table.steps.is_empty() {
        parts.push("converged".to_owned());
    }
    parts
}
