//! A DEFAULT partition that is away and has to come back: since when, and by which step. Decides how much time is left
//! to those that leave meanwhile.

use std::time::{Duration, Instant};

use crate::plan::steps::SetDefaultAside;
use crate::plan::{Step, TablePlan};

/// An absence that has begun.
pub(super) struct Absence<'a> {
    /// What ends it.
    pub(super) back: &'a Step,
    ends: Instant,
}

impl<'a> Absence<'a> {
    /// One that an earlier run has left.
    pub(super) fn at_first(table: &'a TablePlan) -> Option<Self> {
        let mut steps = table.steps.iter();
        let back = steps.find(|step| matches!(step, Step::BringBack(_) | Step::SetAside(_)))?;
        matches!(back, Step::BringBack(_)).then(|| Self::of(back))
    }

    /// The one that this step has just begun.
    pub(super) fn from_now(table: &'a TablePlan, aside: &SetDefaultAside) -> Option<Self> {
        let undoes = |step: &&Step| matches!(step, Step::BringBack(back) if aside.is_undone_by(back));
        table.steps.iter().find(undoes).map(Self::of)
    }

    fn of(back: &'a Step) -> Self {
        Self { back, ends: Instant::now() + SetDefaultAside::LONGEST }
    }

    /// How long others may still take to leave; `None`: they stay for another run.
    pub(super) fn time_left(&self) -> Option<Duration> {
        self.ends.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }
}
