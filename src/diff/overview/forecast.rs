//! When retention will end what it has not ended yet: the inverse of [`Situation::expires`], never a rule of its own.

use super::{NextToRetire, When, moment};
use crate::desired::DesiredRange;
use crate::diff::Situation;
use crate::diff::at_least::{holders, newest_first};
use crate::plan::{Step, TablePlan};
use crate::policy::Retain;
use crate::schedule::{Extent, Point};

/// Windows to come that are counted at most: retention that waits for more of them than a table can have is not
/// forecast.
const MOST_TO_COME: usize = 10_000;

impl Situation<'_> {
    /// The oldest partition that no rail keeps, and when it is over.
    pub(super) fn next_to_retire(
        &self,
        range: &DesiredRange,
        retain: &Retain,
        planned: &TablePlan,
    ) -> Option<NextToRetire> {
        let here = self.reached()?;
        let (protected, _) = holders(self, retain, &newest_first(self));
        self.placed.iter().find_map(|(extent, partition)| {
            let upper = extent.to.point()?;
            if self.rail(range, *extent, partition).is_some() || protected.contains(&partition.oid) {
                return None;
            }
            let over = self.over_at(range, retain, planned, upper)?;
            let when = if over <= here {
                When::Due
            } else if range.now.is_none() {
                When::KeysReach(range.describe(over))
            } else {
                When::At { moment: moment(range, over)?, shown: range.describe(over) }
            };
            Some(NextToRetire { partition: partition.name.clone(), when })
        })
    }

    /// The first point at which [`Situation::expires`] says yes to this upper bound; `None`: never, as far as the
    /// calendar goes.
    fn over_at(&self, range: &DesiredRange, retain: &Retain, planned: &TablePlan, upper: Point) -> Option<Point> {
        if !retain.goes_by_age() {
            return None;
        }
        let mut over = Point(upper.0.saturating_add(retain.distance.unwrap_or_default()));
        if let Some(interval) = retain.keep_for {
            let old_enough = |now| range.zone.before(now, interval).is_some_and(|cutoff| upper <= cutoff);
            // A month after 31 January is 28 February, and a month before that is still January: where months differ
            // in length the exact answer lies some days beside the first guess.
            const DAYS: i128 = 5 * 86_400_000_000;
            let guess = range.zone.after(upper, interval)?;
            over = over.max(first_point(Point(guess.0 - DAYS), Point(guess.0 + DAYS), old_enough)?);
        }
        if let Some(newest) = retain.newest {
            over = over.max(self.nth_start_from(range, planned, upper, newest.checked_sub(1)? as usize)?);
        }
        Some(over)
    }

    /// Where the n-th partition from a point on begins: of those that exist, that are planned, and that the grid
    /// will have after them.
    fn nth_start_from(&self, range: &DesiredRange, planned: &TablePlan, point: Point, n: usize) -> Option<Point> {
        let made = planned.steps.iter().flat_map(Step::made);
        let made = made.filter(|create| create.around.parent == self.table.name);
        let made = made.filter_map(|create| range.extent(&create.bound));
        let mut extents: Vec<Extent> = self.placed.iter().map(|(extent, _)| *extent).chain(made).collect();
        extents.sort();
        let last = extents.last().and_then(|extent| extent.to.point());
        let to_come = last.into_iter().flat_map(|last| range.grid.windows_from(last)).map(|window| window.start());
        let to_come = to_come.take(MOST_TO_COME);
        let starts = extents.iter().filter_map(|extent| extent.from.point()).chain(to_come);
        starts.filter(|from| point <= *from).nth(n)
    }
}

/// The first point between two at which a condition holds that never ceases to hold.
fn first_point(mut low: Point, mut high: Point, holds: impl Fn(Point) -> bool) -> Option<Point> {
    if !holds(high) {
        return None;
    }
    while low < high {
        let middle = Point(low.0 + (high.0 - low.0).div_euclid(2));
        if holds(middle) { high = middle } else { low = Point(middle.0 + 1) }
    }
    Some(high)
}
