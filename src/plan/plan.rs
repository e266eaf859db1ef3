//! The plan: per table its steps and findings, with what a reader wants to know around them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{Finding, Lock, Phase, Severities, Step, StepKind};
use crate::catalog::Question;
use crate::failure::FailureKind;
use crate::policy::Locks;
use crate::sql::QualifiedName;

/// What would be done to one database, and what stands in the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The database it was made for.
    pub database: String,
    /// The moment it was made for: the server's clock, or a simulated one.
    pub at: DateTime<Utc>,
    /// `server_version_num`
    pub server_version: u32,
    /// One per policy, in the order of table names.
    pub tables: Vec<TablePlan>,
    /// Findings that belong to no managed table.
    pub findings: Vec<Finding>,
    /// How much these matter, and any others of no managed table.
    pub severities: Severities,
    /// What the database must still be asked before the plan is whole.
    pub questions: BTreeSet<Question>,
}

/// One table's part of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct TablePlan {
    /// The table.
    pub table: QualifiedName,
    /// Fingerprint of its policy.
    pub fingerprint: String,
    /// The grid in words, such as `range order_date, 1 month, Europe/Berlin`.
    pub grid: String,
    /// Partitions that exist, those pending detach left out.
    pub partitions: usize,
    /// Leaves at and below them.
    pub leaves: usize,
    /// Their estimated bytes.
    pub bytes: u64,
    /// How long coverage lasts.
    pub runway: Runway,
    /// Steps, in the order in which they are carried out.
    pub steps: Vec<Step>,
    /// What was seen.
    pub findings: Vec<Finding>,
    /// How DDL on this table waits.
    pub locks: Locks,
    /// Tables that reference this one: their partitions are retired before this table's.
    pub retires_after: Vec<QualifiedName>,
    /// How much findings matter, by the policy.
    pub severities: Severities,
    /// Whether the policy lets a run without a terminal destroy (`retain.unattended`).
    pub unattended: bool,
}

/// How long contiguous coverage lasts from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runway {
    /// The strategy has no frontier: list and hash, or the table could not be planned.
    None,
    /// Numbers, not time: partitions beyond the highest key in use.
    Partitions(usize),
    /// Until this moment. In the past: rows of now have no partition.
    Until(DateTime<Utc>),
    /// For ever: a partition ends at MAXVALUE or infinity.
    Endless,
}

impl Runway {
    /// That which ends sooner; one that says nothing does not count.
    #[must_use]
    pub fn sooner(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, known) | (known, Self::None) | (Self::Endless, known) | (known, Self::Endless) => known,
            (Self::Until(a), Self::Until(b)) => Self::Until(a.min(b)),
            (Self::Partitions(a), Self::Partitions(b)) => Self::Partitions(a.min(b)),
            // Time and numbers cannot be compared; the outer level comes first.
            (Self::Until(_), Self::Partitions(_)) | (Self::Partitions(_), Self::Until(_)) => self,
        }
    }
}

/// Steps that may be carried out at the same time, table by table.
#[derive(Debug)]
pub struct Round<'a> {
    /// Their phase.
    pub phase: Phase,
    /// Each table with its steps, of which there is at least one.
    pub tables: Vec<(&'a TablePlan, Vec<&'a Step>)>,
}

/// A step that was left out, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Withheld {
    /// Its table.
    pub table: QualifiedName,
    /// The step.
    pub step: Step,
}

impl TablePlan {
    fn steps_of(&self, phase: Phase) -> Vec<&Step> {
        self.steps.iter().filter(|step| step.phase() == phase).collect()
    }
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.tables.iter().all(|table| table.steps.is_empty())
    }

    /// Every step with its table.
    pub fn steps(&self) -> impl Iterator<Item = (&TablePlan, &Step)> {
        self.tables.iter().flat_map(|table| table.steps.iter().map(move |step| (table, step)))
    }

    /// The order in which everything is carried out: phase by phase, and a table's retirements only after those of the
    /// tables that reference it.
    pub fn rounds(&self) -> Vec<Round<'_>> {
        let mut rounds = Vec::new();
        for phase in [Phase::Finish, Phase::Create, Phase::Retire, Phase::Maintain] {
            let part = |table| (table, TablePlan::steps_of(table, phase));
            let mut waiting: Vec<(&TablePlan, Vec<&Step>)> = self.tables.iter().map(part).collect();
            waiting.retain(|(_, steps)| !steps.is_empty());
            while !waiting.is_empty() {
                let names: Vec<&QualifiedName> = waiting.iter().map(|(table, _)| &table.table).collect();
                let is_free = |table: &TablePlan| {
                    phase != Phase::Retire || table.retires_after.iter().all(|other| !names.contains(&other))
                };
                let (free, rest): (Vec<_>, Vec<_>) = waiting.iter().cloned().partition(|(table, _)| is_free(table));
                // In a ring of references nobody is free, so all are.
                let (tables, rest) = if free.is_empty() { (rest, Vec::new()) } else { (free, rest) };
                rounds.push(Round { phase, tables });
                waiting = rest;
            }
        }
        rounds
    }

    /// Every finding, those of no table first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().chain(self.tables.iter().flat_map(|table| &table.findings))
    }

    /// The same plan where these say how much findings of no managed table matter.
    #[must_use]
    pub fn weighed(mut self, severities: &Severities) -> Self {
        self.findings.iter_mut().for_each(|finding| finding.weigh(severities));
        self.severities = severities.clone();
        self
    }

    /// Makes findings matter as much as the policies of their tables say.
    pub fn weigh(&self, findings: &mut [Finding]) {
        for finding in findings {
            let own = self.tables.iter().find(|part| Some(&part.table) == finding.table.as_ref());
            finding.weigh(own.map_or(&self.severities, |part| &part.severities));
        }
    }

    /// How the findings alone would end a run.
    pub fn failure(&self) -> Option<FailureKind> {
        self.findings().filter_map(Finding::failure).max()
    }

    /// How many steps there are of a kind.
    pub fn count(&self, kind: StepKind) -> usize {
        self.steps().filter(|(_, step)| step.kind() == kind).count()
    }

    /// Estimated bytes that the disk gets back.
    pub fn frees_bytes(&self) -> u64 {
        let drops = self.steps().filter(|(_, step)| step.kind() == StepKind::Drop);
        drops.filter_map(|(_, step)| step.volume().0).sum()
    }

    /// Every lock on an existing relation, strongest mode per relation, strongest first.
    pub fn locks(&self) -> Vec<Lock> {
        let mut locks: Vec<Lock> = self.steps().flat_map(|(_, step)| step.locks()).collect();
        locks.sort_by(|a, b| a.relation.cmp(&b.relation).then(b.mode.cmp(&a.mode)));
        locks.dedup_by(|later, kept| later.relation == kept.relation);
        locks.sort_by_key(|lock| std::cmp::Reverse(lock.mode));
        locks
    }

    /// Takes out the steps that destroy, table by table, where `allowed` says no, and returns them.
    pub fn withhold(&mut self, allowed: impl Fn(&TablePlan) -> bool) -> Vec<Withheld> {
        let mut withheld = Vec::new();
        for table in self.tables.iter_mut() {
            if allowed(table) {
                continue;
            }
            let retiring = table.steps.extract_if(.., |step| step.goes_with_retirement());
            let retiring = retiring.filter(|step| step.phase() == Phase::Retire);
            withheld.extend(retiring.map(|step| Withheld { table: table.table.clone(), step }));
        }
        withheld
    }
}
