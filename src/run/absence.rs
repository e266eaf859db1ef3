//! A DEFAULT partition that is away and has to come back: since when, and by which step. Decides how much time is left
//! to those that leave meanwhile.

use std::time::{Duration, Instant};

use crate::plan::steps::{Away, SetDefaultAside};
use crate::plan::{Step, TablePlan};

/// An absence that has begun.
pub(super) struct Absence<'a> {
    /// What ends it.
    pub(super) back: &'a Step,
    ends: Instant,
}

impl<'a> Absence<'a> {
    /// Those that earlier runs have left, at any level of the table.
    pub(super) fn at_first(table: &'a TablePlan) -> Vec<Self> {
        let left = |step: &&Step| matches!(step, Step::BringBack(back) if back.away == Away::SinceAnEarlierRun);
        table.steps.iter().filter(left).map(Self::of).collect()
    }

    /// The one that this step has just begun.
    pub(super) fn from_now(table: &'a TablePlan, aside: &SetDefaultAside) -> Option<Self> {
        let undoes = |step: &&Step| matches!(step, Step::BringBack(back) if aside.is_undone_by(back));
        table.steps.iter().find(undoes).map(Self::of)
    }

    fn of(back: &'a Step) -> Self {
        Self { back, ends: Instant::now() + SetDefaultAside::LONGEST }
    }

    /// How long others may still take to leave; nothing: they stay for another run.
    pub(super) fn time_left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }
}
