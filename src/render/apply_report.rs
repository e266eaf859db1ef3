//! What a run came to: what was done, what was left out and why, what is left, and how long it took.

use std::io::{self, Write};
use std::time::Duration;

use super::amounts::{elapsed, in_full};
use super::findings;
use super::run_report::Work;
use super::steps::{self, Naming};
use super::style::{Screen, name, plural, wrap};
use crate::failure::FailureKind;
use crate::plan::{Finding, Outcome, Plan, Step, Withheld};
use crate::pruning::{self, PruningResult};
use crate::sql::QualifiedName;

/// A run, for its reader and for the exit code.
#[derive(Debug, Clone, Copy)]
pub struct ApplyReport<'a> {
    /// What was carried out.
    pub plan: &'a Plan,
    /// What nobody allowed.
    pub withheld: &'a [Withheld],
    /// What this run was told to leave to another.
    pub put_off: &'a [Withheld],
    /// What became of the steps.
    pub outcome: &'a Outcome,
    /// The plan made again afterwards, when there was anything to do.
    pub remaining: Option<&'a Plan>,
    /// Queries on the tables that were changed.
    pub pruning: &'a [PruningResult],
    /// The policies' own, as they stood before the run.
    pub pruned_before: &'a [PruningResult],
    /// The whole run.
    pub took: Duration,
}

impl ApplyReport<'_> {
    /// How the run ends.
    pub fn failure(&self) -> Option<FailureKind> {
        let found = self.findings().iter().filter_map(Finding::failure).max();
        let withheld = (!self.withheld.is_empty()).then_some(FailureKind::Refused);
        let left = (!self.left().is_empty()).then_some(FailureKind::Findings);
        [found, self.outcome.failure(), withheld, left].into_iter().flatten().max()
    }

    /// What stands afterwards, and what the planner said.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.remaining.unwrap_or(self.plan).findings().cloned().collect();
        let (lost, others): (Vec<_>, Vec<_>) =
            self.pruning.iter().cloned().partition(|result| pruning::is_lost(self.pruned_before, result));
        let mut proved = pruning::lost(self.pruned_before, &lost, &self.done());
        proved.extend(pruning::findings(&others));
        self.plan.weigh(&mut proved);
        findings.extend(proved);
        findings
    }

    /// What the run did and did not; `run` is its number in the ledger.
    pub fn work(&self, run: Option<i64>) -> Work {
        Work {
            run,
            done: self.done().into_iter().map(|(table, step)| (table.clone(), step.clone())).collect(),
            failed: self.outcome.failed.clone(),
            left_out: self.outcome.left_out,
            withheld: self.withheld.to_vec(),
            put_off: self.put_off.to_vec(),
        }
    }

    /// Steps that neither failed nor stand in the plan made again.
    fn done(&self) -> Vec<(&QualifiedName, &Step)> {
        let is = |step: &Step, other: &Step| step.kind() == other.kind() && step.target() == other.target();
        let failed = |step: &Step| self.outcome.failed.iter().any(|failed| is(&failed.step, step));
        let left = |step: &Step| self.remaining.into_iter().flat_map(Plan::steps).any(|(_, other)| is(other, step));
        let steps = self.plan.steps().map(|(table, step)| (&table.table, step));
        steps.filter(|(_, step)| !failed(step) && !left(step)).collect()
    }

    /// Steps that the plan made again still has, and that nobody left out: convergence failed.
    fn left(&self) -> Vec<(&QualifiedName, &Step)> {
        let failed = |table: &QualifiedName| self.outcome.failed.iter().any(|failed| failed.table == *table);
        let left_out = |table: &QualifiedName, step: &Step| {
            step.goes_with_retirement() && self.withheld.iter().chain(self.put_off).any(|left| left.table == *table)
        };
        let steps = self.remaining.into_iter().flat_map(Plan::steps);
        steps
            .map(|(table, step)| (&table.table, step))
            .filter(|(table, step)| !failed(table) && !left_out(table, step))
            .collect()
    }
}

/// The report for a person; progress has told of each step already.
///
/// # Errors
/// When `out` cannot be written to.
pub fn apply_report(report: &ApplyReport<'_>, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    if !report.withheld.is_empty() {
        writeln!(out, "withheld, because nobody allowed it:")?;
        let withheld: Vec<&Step> = report.withheld.iter().map(|withheld| &withheld.step).collect();
        steps::write(&withheld, Naming::Full, screen, out)?;
        let consent = "`--allow-destroy` allows it for one run, `unattended: true` in the policy's `retain` for all";
        wrap(consent, screen.room(2)).iter().try_for_each(|line| writeln!(out, "  {line}"))?;
    }
    for (table, step) in report.left() {
        let verb = step.kind().as_str();
        writeln!(out, "still to do: {} {verb} {}: run again", name(table), name(step.target()))?;
    }
    let found = report.findings();
    findings::write(&findings::told(found.iter()), screen, out)?;
    if report.pruning.iter().any(|result| !result.passed()) {
        super::pruning::write(report.pruning, screen, out)?;
    }
    wrap(&summary(report, found.len()), screen.room(0)).iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn summary(report: &ApplyReport<'_>, findings: usize) -> String {
    let tables = plural(report.plan.tables.len(), "table");
    if report.plan.is_empty() && report.withheld.is_empty() {
        return format!("{tables}, nothing to do, {}, {}", plural(findings, "finding"), elapsed(report.took));
    }
    let outcome = report.outcome;
    let counts = [(outcome.failed.len(), "failed"), (outcome.left_out, "left out"), (report.put_off.len(), "put off")];
    let mut done = format!("{} done", plural(outcome.done, "step"));
    for (count, what) in counts.into_iter().filter(|(count, _)| 0 < *count) {
        done.push_str(&format!(", {} {what}", in_full(count as u64)));
    }
    let proven = report.pruning.iter().filter(|result| result.passed()).count();
    let pruning = match report.pruning.len() {
        0 => String::new(),
        all if proven == all => format!(", pruning proven on {}", queries(all)),
        all => format!(", pruning proven on {proven} of {}", queries(all)),
    };
    format!("{tables}, {done}, {}{pruning}, {}", plural(findings, "finding"), elapsed(report.took))
}

fn queries(count: usize) -> String {
    format!("{count} {}", if count == 1 { "query" } else { "queries" })
}
