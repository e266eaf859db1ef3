//! Retention: looks only backwards, only at the catalog's upper bounds, and stops at every rail.
//!
//! Never retired: DEFAULT, the current and future partitions, those that end at MAXVALUE, those off the policy's grid,
//! those under a hold, the `at_least` newest that hold rows. More than `per_run` at once is refused as a whole.

use std::collections::BTreeSet;

use super::archive::{after_detach, condition, is_archivable};
use super::at_least::{newest_first, protected};
use super::range::sorts_by_time;
use super::rights::reaches;
use super::size_cap::SizeCap;
use super::{Draft, Situation, relocate, set_aside, unless};
use crate::catalog::{Answer, Answers, Bound, Partition, Question};
use crate::desired::{DesiredRange, integer, time};
use crate::plan::steps::{DetachPartition, DropTable};
use crate::plan::{Finding, Step, Surroundings, codes, first_few};
use crate::policy::{AxisValue, Held, Hold, Retain, Then};
use crate::schedule::{Bytes, Edge, Extent, Point, Window};
use crate::sql::QualifiedName;

/// What keeps a partition however old it is, whatever else there is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rail<'a> {
    /// It is being detached already.
    Pending,
    /// It is not a window of the grid: somebody made it so, or an older grid did.
    OffGrid,
    /// A hold.
    Held(&'a Hold),
    /// It came back from its archive, and was not released yet.
    Restored,
}

impl Situation<'_> {
    /// What keeps this partition, besides `at_least`, which depends on the others.
    pub(super) fn rail(&self, range: &DesiredRange, extent: Extent, partition: &Partition) -> Option<Rail<'_>> {
        if partition.pending_detach {
            Some(Rail::Pending)
        } else if !self.is_on_grid(range, &partition.bound) {
            Some(Rail::OffGrid)
        } else {
            let restored = || self.snapshot.ledger.is_restored(partition.oid).then_some(Rail::Restored);
            self.hold_on(range, extent, &partition.name).map(Rail::Held).or_else(restored)
        }
    }

    /// Whether retention ends a partition with this upper bound, given where the `newest` ones begin. Such a window
    /// is never created either.
    pub(super) fn expires(&self, range: &DesiredRange, upper: Point, floor: Option<Edge>) -> bool {
        let (Some(retain), Some(now)) = (&self.level.retain, self.reached()) else { return false };
        let too_old = |interval| range.zone.before(now, interval).is_some_and(|cutoff| upper <= cutoff);
        let below = |_| floor.is_some_and(|floor| Edge::At(upper) <= floor);
        let far = |distance| upper.0 <= now.0.saturating_sub(distance);
        let agreed = upper <= now && retain.distance.is_none_or(far);
        agreed && retain.goes_by_age() && retain.keep_for.is_none_or(too_old) && retain.newest.is_none_or(below)
    }

    /// Whether retention ends a partition with this bound, once these steps are done. Not where nobody can tell.
    pub(super) fn would_retire(&self, bound: &Bound, steps: &[Step]) -> bool {
        let Some(range) = self.desired.as_range() else { return self.row_is_gone(bound) };
        let floor = self.newest_floor(windows_made(range, steps));
        let upper = range.extent(bound).and_then(|extent| extent.to.point());
        upper.is_some_and(|upper| self.expires(range, upper, floor))
    }

    /// Where the `newest` partitions that have begun begin, when there are as many: those that exist, and these.
    pub(super) fn newest_floor(&self, made: impl Iterator<Item = Window>) -> Option<Edge> {
        let now = Edge::At(self.reached()?);
        let newest = self.level.retain.as_ref()?.newest?;
        let staying = self.placed.iter().filter(|(_, partition)| !partition.pending_detach);
        let existing = staying.map(|(extent, _)| extent.from);
        let mut begun: Vec<Edge> = existing.chain(made.map(|window| Edge::At(window.start()))).collect();
        begun.retain(|from| *from <= now);
        begun.sort_by(|a, b| b.cmp(a));
        begun.get(newest.checked_sub(1)? as usize).copied()
    }

    /// Whether a hold covers a table with this bound, attached or not. Also where nobody can tell.
    pub(super) fn holds(&self, name: &QualifiedName, bound: &Bound) -> bool {
        match self.desired.as_range() {
            Some(range) => range.extent(bound).is_none_or(|extent| self.hold_on(range, extent, name).is_some()),
            None => self.hold_by_name(name).is_some(),
        }
    }

    /// The hold that names a partition now, if one does.
    pub(super) fn hold_by_name(&self, name: &QualifiedName) -> Option<&Hold> {
        let is_named = |hold: &&Hold| matches!(&hold.what, Held::Partition(held) if name.name == *held);
        self.holds_today().find(is_named)
    }

    fn holds_today(&self) -> impl Iterator<Item = &Hold> {
        let today = self.now().date_naive();
        self.policy.hold.iter().filter(move |hold| hold.until.is_none_or(|until| today < until))
    }

    /// The hold that covers a partition now, if one does.
    pub(super) fn hold_on(&self, range: &DesiredRange, extent: Extent, name: &QualifiedName) -> Option<&Hold> {
        self.holds_today().find(|hold| match &hold.what {
            Held::Partition(held) => name.name == *held,
            Held::Between { from, to } => {
                let (from, to) = (place(range, *from), place(range, *to));
                from.is_none_or(|from| Edge::At(from) < extent.to) && to.is_none_or(|to| extent.from < Edge::At(to))
            }
        })
    }
}

/// A policy's value on the axis. `None` for one of the other kind: then the hold holds on that side, to be safe.
fn place(range: &DesiredRange, value: AxisValue) -> Option<Point> {
    time(value).map(|local| range.zone.point(local)).or_else(|| integer(value).map(Point))
}

/// Counted are the partitions that are there and those that a plan makes, so that a creation that cannot be done never
/// costs an old partition its place.
pub(super) fn windows_made(range: &DesiredRange, steps: &[Step]) -> impl Iterator<Item = Window> {
    steps.iter().flat_map(Step::made).filter_map(|create| range.window(&create.bound))
}

/// Detaches what is over, and drops it at once where the policy grants no grace.
pub(super) fn retire(situation: &Situation<'_>, draft: &mut Draft) {
    let (Some(range), Some(retain)) = (situation.desired.as_range(), &situation.level.retain) else { return };
    // Which ones are the newest is not known while a bound cannot be read.
    if situation.has_unreadable_bounds() {
        return;
    }
    let table = &situation.table.name;
    let floor = situation.newest_floor(windows_made(range, &draft.steps));
    let now = situation.reached();
    let mut cap = SizeCap::of(situation, draft);
    let mut over: Vec<Over<'_>> = Vec::new();
    let mut by_size: Vec<Over<'_>> = Vec::new();
    for (extent, partition) in &situation.placed {
        let Edge::At(upper) = extent.to else { continue };
        let by_age = situation.expires(range, upper, floor);
        let may_leave = by_age || cap.is_some() && now.is_some_and(|now| upper <= now);
        match situation.rail(range, *extent, partition).filter(|_| may_leave) {
            Some(rail) if by_age => draft.findings.extend(kept(rail, partition, table)),
            Some(_) => {}
            None if by_age => over.push(Over { partition, why: why(retain) }),
            None if may_leave => by_size.extend(cap.as_ref().map(|cap| Over { partition, why: cap.to_string() })),
            None => {}
        }
    }
    let is_exceeded = |cap: &Option<SizeCap<'_>>| cap.as_ref().is_some_and(SizeCap::is_exceeded);
    if over.is_empty() && !is_exceeded(&cap) || !sorts_by_time(situation, range, draft) {
        return;
    }
    let Some(protected) = protected(situation, retain, &newest_first(situation), draft) else { return };
    let mut may_leave = |partition: &Partition| may_leave(situation, retain, &protected, partition, draft);
    over.retain(|over| may_leave(over.partition));
    over.iter().for_each(|over| cap.iter_mut().for_each(|cap| cap.without(over.partition)));
    for over_size in by_size {
        if is_exceeded(&cap) && may_leave(over_size.partition) {
            cap.iter_mut().for_each(|cap| cap.without(over_size.partition));
            over.push(over_size);
        }
    }
    draft.findings.extend(cap.and_then(|cap| cap.excess(table)));
    // Oldest first, whatever they leave for.
    over.sort_by_key(|over| situation.placed.iter().position(|(_, other)| other.oid == over.partition.oid));
    let leaving = over.iter().map(|over| (&over.partition.name, &over.partition.bound, over.partition.bytes));
    if too_many_at_once(situation, retain, leaving, "partitions are over at once", draft) {
        return;
    }
    over.retain(|over| !is_referenced(situation, over.partition, draft));
    steps(situation, retain, &over, draft);
}

/// Whether a partition that is over, and behind no rail, leaves.
pub(super) fn may_leave(
    situation: &Situation<'_>,
    retain: &Retain,
    protected: &BTreeSet<u32>,
    partition: &Partition,
    draft: &mut Draft,
) -> bool {
    let is_last = protected.contains(&partition.oid);
    draft.findings.extend(is_last.then(|| {
        let message = format!("{} is over, and kept: at_least is {}", partition.name.name, retain.at_least);
        Finding::about(codes::KEPT, &situation.table.name, message)
    }));
    let is_leaf = partition.partitions().is_empty();
    let too_large = situation.too_large_to_leave(partition).filter(|_| !is_leaf && !is_last);
    let fits = too_large.is_none();
    draft.findings.extend(too_large);
    !is_last
        && fits
        && is_archivable(situation, partition.kind, &partition.name, draft)
        && reaches(situation, retain, partition, draft)
        && !unless::keeps(situation, &partition.name, draft)
}

/// A partition that leaves.
pub(super) struct Over<'a> {
    pub partition: &'a Partition,
    pub why: String,
}

/// Whether rows elsewhere reference rows of the partition: then Postgres refuses the detach (23503), after having locked
/// their table for as long as it takes to find them. True also while that is not known.
pub(super) fn is_referenced(situation: &Situation<'_>, partition: &Partition, draft: &mut Draft) -> bool {
    let table = &situation.table.name;
    let mut referenced = false;
    for key in situation.incoming().filter(|key| !situation.goes_first(&key.table)) {
        let question = Question::RowsReferencing {
            partition: partition.name.clone(),
            by: key.table.clone(),
            columns: key.columns.clone(),
            except: situation.leaves_gone_first(&key.table),
        };
        let name = &partition.name.name;
        let finding = match situation.snapshot.answers.get(&question) {
            Some(Answer::Rows(0)) => continue,
            Some(Answer::Rows(rows)) => {
                let rows = match *rows {
                    1 => "1 row".to_owned(),
                    Answers::COUNT_LIMIT => format!("at least {rows} rows"),
                    _ => format!("{rows} rows"),
                };
                let message = format!("{name} is over, and kept: referenced by {rows} of {}", key.table);
                let waits = situation.snapshot.ledger.detached().iter().any(|entry| entry.name == key.table);
                let hint = match waits {
                    true => format!(
                        "{} was detached and waits to be dropped: it keeps its foreign key until then",
                        key.table
                    ),
                    false => format!("delete them, or give {} a policy that drops them first", key.table),
                };
                Finding::about(codes::REFERENCED, table, message).hint(hint)
            }
            Some(Answer::Unknown(why)) => {
                let message =
                    format!("{name} is over, and kept: cannot tell whether rows of {} reference it: {why}", key.table);
                let column = key.columns.first().map_or_else(String::new, |(_, column)| format!("({column})"));
                Finding::about(codes::UNANSWERED, table, message)
                    .hint(format!("an index on {}{column} makes it quick, for Postgres as well", key.table))
            }
            Some(_) | None => {
                draft.questions.insert(question);
                referenced = true;
                continue;
            }
        };
        draft.findings.push(finding);
        referenced = true;
    }
    referenced
}

pub(super) fn steps(situation: &Situation<'_>, retain: &Retain, leaving: &[Over<'_>], draft: &mut Draft) {
    let around = situation.surroundings_after(&draft.steps);
    let mut detaches: Vec<DetachPartition> = leaving.iter().map(|over| detach(situation, over, &around)).collect();
    let room = set_aside::make_room(situation, &mut detaches, draft);
    let afterwards: Vec<Vec<Step>> = match (retain.then, retain.grace) {
        (Then::Drop, None) => leaving.iter().map(|over| vec![drop_at_once(situation, over.partition)]).collect(),
        (Then::Archive, _) => leaving.iter().map(|over| after_detach(situation, retain, over.partition)).collect(),
        (Then::Move, _) => leaving
            .iter()
            .map(|over| relocate::after_detach(situation, retain, over.partition, draft).into_iter().collect())
            .collect(),
        (Then::Drop | Then::Detach, _) => Vec::new(),
    };
    let detaches = detaches.into_iter().map(Step::Detach);
    match room {
        // DEFAULT is away for as short as can be.
        Some((aside, back)) => {
            draft.steps.push(aside);
            draft.steps.extend(detaches.chain([back]).chain(afterwards.into_iter().flatten()));
        }
        None => {
            let mut afterwards = afterwards.into_iter();
            for detach in detaches {
                draft.steps.push(detach);
                draft.steps.extend(afterwards.next().unwrap_or_default());
            }
        }
    }
}

fn detach(situation: &Situation<'_>, Over { partition, why }: &Over<'_>, around: &Surroundings) -> DetachPartition {
    DetachPartition {
        around: around.clone(),
        parent_oid: situation.table.oid,
        partition: partition.name.clone(),
        kind: partition.kind,
        oid: partition.oid,
        bound: partition.bound.clone(),
        range: situation.desired.describe_bound(&partition.bound),
        reason: why.clone(),
        bytes: partition.bytes,
        rows: partition.rows,
        unless: unless::condition(situation, &partition.name),
    }
}

pub(super) fn drop_at_once(situation: &Situation<'_>, partition: &Partition) -> Step {
    Step::Drop(DropTable {
        table: partition.name.clone(),
        oid: partition.oid,
        kind: partition.kind,
        range: situation.desired.describe_bound(&partition.bound),
        reason: "no grace".to_owned(),
        bytes: partition.bytes,
        foreign_keys: situation.outgoing().cloned().collect(),
        condition: condition(situation),
        unless: unless::condition(situation, &partition.name),
    })
}

fn why(retain: &Retain) -> String {
    let age = retain.keep_for.map(|interval| format!("older than {interval}"));
    let count = retain.newest.map(|newest| format!("not among the newest {newest}"));
    let distance = retain.distance.map(|distance| format!("more than {distance} behind"));
    age.into_iter().chain(distance).chain(count).collect::<Vec<_>>().join(", ")
}

/// How many may go at once.
pub(super) fn per_run(situation: &Situation<'_>, retain: &Retain) -> usize {
    let partitions = situation.table.partitions.iter().filter(|partition| partition.bound != Bound::Default).count();
    retain.per_run.map_or_else(|| 10.max(partitions.div_ceil(5)), |limit| limit as usize)
}

/// The refusal of more than `per_run` at once; 10 or 20 % of the partitions, whichever is larger, unless the policy
/// says. Somebody may have confirmed more for this once.
pub(super) fn too_many_at_once<'t>(
    situation: &Situation<'_>,
    retain: &Retain,
    tables: impl Iterator<Item = (&'t QualifiedName, &'t Bound, u64)>,
    what: &str,
    draft: &mut Draft,
) -> bool {
    let limit = per_run(situation, retain);
    let tables: Vec<(&QualifiedName, &Bound, u64)> = tables.collect();
    let count = tables.len();
    if count <= limit.max(situation.confirmed) {
        return false;
    }
    // Whoever is to confirm it is told what is there, not what statistics know.
    let question = Question::Sizes(tables.iter().map(|(name, ..)| (*name).clone()).collect());
    let estimates = || tables.iter().map(|(.., bytes)| *bytes).collect();
    let sizes: Vec<u64> = match situation.snapshot.answers.get(&question) {
        Some(Answer::Sizes(sizes)) => sizes.clone(),
        Some(_) => estimates(),
        None => {
            draft.questions.insert(question);
            estimates()
        }
    };
    let short: Vec<String> = tables.iter().map(|(name, ..)| name.name.to_string()).collect();
    let bytes = Bytes(sizes.iter().sum());
    let message = format!("{count} {what} ({}; {bytes}), and per_run is {limit}", first_few(&short, 3));
    let measured = tables.iter().zip(sizes).map(|((name, bound, _), size)| {
        format!("{} {} {}", name.name, situation.desired.describe_bound(bound), Bytes(size))
    });
    draft.findings.push(
        Finding::about(codes::BLAST_RADIUS, &situation.table.name, message)
            .hint(format!("where all of them shall go, `--confirm-retention {count}` lets them, this once"))
            .measured(measured),
    );
    true
}

/// Why a partition that is over is kept, for whoever wonders.
pub(super) fn kept(rail: Rail<'_>, partition: &Partition, table: &QualifiedName) -> Option<Finding> {
    let name = &partition.name.name;
    match rail {
        Rail::Pending => None,
        Rail::OffGrid => Some(
            Finding::about(
                codes::OVER_OFF_GRID,
                table,
                format!("{name} is over, and kept: it is off the policy's grid"),
            )
            .hint("nobody but its owner knows what else it holds: detach it by hand when it may go"),
        ),
        Rail::Restored => Some(
            Finding::about(codes::RESTORED, table, format!("{name} is over, and kept: it came back from its archive"))
                .hint(format!("`partctl archive release {}` when it is no longer needed", partition.name)),
        ),
        Rail::Held(hold) => {
            let reason = hold.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            let until = hold.until.map(|until| format!(" until {until}")).unwrap_or_default();
            Some(Finding::about(codes::HELD, table, format!("{name} is over, and held{until}{reason}")))
        }
    }
}
