//! One table's wish and facts side by side, with the few derived facts that several rules need.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{Ancestor, Node};
use crate::catalog::{Answer, Bound, CatalogSnapshot, FarEnd, ForeignKey, Partition, Question, RelationKind, Table};
use crate::desired::{Desired, DesiredRange};
use crate::plan::steps::CreatePartition;
use crate::plan::{Neighbour, Runway, Step, Surroundings};
use crate::policy::{Every, Level, Partitioning, Policy, Reach};
use crate::schedule::{Edge, Extent, Point, Window};
use crate::sql::QualifiedName;

/// What every rule looks at.
#[derive(Debug)]
pub struct Situation<'a> {
    /// The whole policy.
    pub policy: &'a Policy,
    /// The wish: the policy's level for this table.
    pub level: &'a Level,
    /// The table that the policy names.
    pub root: &'a Table,
    /// The facts: of the root, or of a partition below it that has partitions itself.
    pub table: &'a Table,
    /// The partitions from the root down to this one; empty at the root.
    pub path: Vec<Ancestor<'a>>,
    /// The wish in the table's own terms.
    pub desired: &'a Desired,
    /// All facts.
    pub snapshot: &'a CatalogSnapshot,
    /// Placed partitions of a range table; empty otherwise.
    pub placed: Vec<(Extent, &'a Partition)>,
    /// Tables that this plan drops before this table's partitions are retired, by oid.
    dropped: Option<&'a BTreeSet<u32>>,
    /// How many partitions somebody has confirmed may leave at once, whatever `per_run` says.
    pub(super) confirmed: usize,
    current: Option<Window>,
    reached: Option<Point>,
}

impl<'a> Situation<'a> {
    /// Puts wish and facts side by side.
    pub fn new(node: Node<'a>, desired: &'a Desired, snapshot: &'a CatalogSnapshot) -> Self {
        let Node { policy, level, root, table, path } = node;
        let mut placed: Vec<(Extent, &Partition)> = desired
            .as_range()
            .map(|range| table.partitions.iter().filter_map(|p| Some((range.extent(&p.bound)?, p))).collect())
            .unwrap_or_default();
        placed.sort_by_key(|(extent, _)| *extent);
        let (dropped, confirmed, current, reached) = (None, 0, None, None);
        let mut situation =
            Self { policy, level, root, table, path, desired, snapshot, placed, dropped, confirmed, current, reached };
        if let Some(range) = desired.as_range() {
            situation.current = situation.find_current(range);
            let key = if range.now.is_none() { situation.highest_key(range) } else { range.now };
            situation.reached = key.or_else(|| Some(situation.current?.start()));
        }
        situation
    }

    /// The same situation after these tables, by oid, are gone.
    pub(super) fn after(self, dropped: &'a BTreeSet<u32>) -> Self {
        Self { dropped: Some(dropped), ..self }
    }

    /// The same situation where somebody has confirmed that so many partitions may leave at once.
    pub(super) fn confirming(self, confirmed: usize) -> Self {
        Self { confirmed, ..self }
    }

    fn is_dropped(&self, oid: u32) -> bool {
        self.dropped.is_some_and(|dropped| dropped.contains(&oid))
    }

    /// Whether a partition of a range table lies on no axis that can be reckoned with.
    pub fn has_unreadable_bounds(&self) -> bool {
        let bounded = self.table.partitions.iter().filter(|partition| partition.bound != Bound::Default);
        self.desired.as_range().is_some() && self.placed.len() < bounded.count()
    }

    /// The moment the plan is for.
    pub fn now(&self) -> DateTime<Utc> {
        self.snapshot.server.now
    }

    /// The question about the keys in use that a number axis needs, highest partition first: an index tells the key;
    /// where there is none, or it does not tell, the rows tell the partition.
    pub fn highest_question(&self, range: &DesiredRange) -> Question {
        let highest_first = self.placed.iter().rev().filter(|(_, partition)| !partition.pending_detach);
        let partitions: Vec<QualifiedName> = highest_first.map(|(_, partition)| partition.name.clone()).collect();
        if self.table.key_has_index {
            let limit = range.codec.encode(range.codec.limits().end(), range.zone);
            let by_index = Question::HighestKey { partitions, column: range.column.clone(), limit };
            match (self.snapshot.answers.get(&by_index), by_index) {
                (Some(Answer::Unknown(_)), Question::HighestKey { partitions, .. }) => {
                    Question::HighestInUse(partitions)
                }
                (_, by_index) => by_index,
            }
        } else {
            Question::HighestInUse(partitions)
        }
    }

    /// The window that rows arrive in now: by the clock, or on a number axis the highest one in use.
    ///
    /// `None` while the database has not been asked, or now lies outside of the grid.
    pub fn current(&self) -> Option<Window> {
        self.current
    }

    /// Where the axis has come to: the clock; on a number axis the highest key, or the start of the window in use.
    pub(super) fn reached(&self) -> Option<Point> {
        self.reached
    }

    fn highest_key(&self, range: &DesiredRange) -> Option<Point> {
        match self.snapshot.answers.get(&self.highest_question(range)) {
            Some(Answer::HighestKey(Some(key))) => range.codec.decode(key)?.point(),
            _ => None,
        }
    }

    fn find_current(&self, range: &DesiredRange) -> Option<Window> {
        if let Some(now) = range.now {
            return range.grid.window_at(now);
        }
        let highest = match self.snapshot.answers.get(&self.highest_question(range)) {
            Some(Answer::HighestKey(Some(_))) => return range.grid.window_at(self.highest_key(range)?),
            Some(Answer::Highest(highest)) => highest.as_ref(),
            Some(Answer::HighestKey(None)) => None,
            _ if self.placed.is_empty() => None,
            _ => return None,
        };
        let extent = |(extent, _): &(Extent, &Partition)| *extent;
        let in_use = self.placed.iter().find(|(_, partition)| Some(&partition.name) == highest).map(extent);
        match (in_use, self.placed.first().map(extent)) {
            (Some(Extent { from, to: Edge::At(to) }), _) if from < Edge::At(to) => {
                range.grid.window_at(Point(to.0 - 1))
            }
            (Some(Extent { from, to }), _) => range.grid.window_at(from.point().or(to.point())?),
            // No rows yet: they will begin where the partitions do, apart from those that were made behind.
            (None, Some(Extent { from, to })) => {
                let behind = match self.level.create.behind {
                    Reach::Partitions(count) => count as usize,
                    Reach::Time(_) => 0,
                };
                range.grid.windows_from(from.point().or(to.point())?).nth(behind)
            }
            (None, None) => range.grid.window_at(Point(0)),
        }
    }

    /// What partitions above hold of the same key; `None`: no level above divides it.
    pub fn confines(&self, range: &DesiredRange) -> Option<Extent> {
        let above = self.policy.levels().zip(&self.path);
        let same_key = above.filter(|(level, _)| match &level.partitioning {
            Partitioning::Range(above) => above.key.first() == range.column.part().as_ref(),
            Partitioning::List(_) | Partitioning::Hash(_) => false,
        });
        let extents = same_key.filter_map(|(_, ancestor)| range.extent(ancestor.bound));
        extents.reduce(|a, b| Extent { from: a.from.max(b.from), to: a.to.min(b.to) })
    }

    /// Whether a bound is a window of the grid, as far as the partitions above leave room for it.
    pub fn is_on_grid(&self, range: &DesiredRange, bound: &Bound) -> bool {
        if range.is_on_grid(bound) {
            return true;
        }
        let (Some(confines), Some(extent)) = (self.confines(range), range.extent(bound)) else { return false };
        let (Edge::At(from), Edge::At(to)) = (extent.from, extent.to) else { return false };
        let Some(window) = range.grid.window_at(from) else { return false };
        let begins = window.start() == from || confines.from == extent.from;
        range.further == 0 && begins && (window.end() == to || confines.to == extent.to)
    }

    /// The point that the policy's `ahead` reaches, at the end of a window; within what grid and key type can hold.
    pub fn horizon(&self, range: &DesiredRange, current: Window) -> Point {
        let limit = range.codec.limits().end();
        let end = match (self.level.create.ahead, range.now) {
            (Reach::Partitions(count), _) => {
                range.grid.windows_from(current.start()).take(count as usize + 1).last().map(Window::end)
            }
            (Reach::Time(interval), Some(now)) => {
                range.zone.after(now, interval).and_then(|then| range.grid.window_at(then)).map(Window::end)
            }
            // Refused with the policy: a time says nothing where the axis is one of numbers.
            (Reach::Time(_), None) => Some(current.end()),
        };
        end.unwrap_or(limit).min(limit)
    }

    /// Foreign keys of this table.
    pub fn outgoing(&self) -> impl Iterator<Item = &'a FarEnd> {
        self.table.foreign_keys.iter().filter_map(|key| match key {
            ForeignKey::Outgoing(end) => Some(end),
            ForeignKey::Incoming(_) => None,
        })
    }

    /// Foreign keys to this table.
    pub fn incoming(&self) -> impl Iterator<Item = &'a FarEnd> {
        self.table.foreign_keys.iter().filter_map(|key| match key {
            ForeignKey::Incoming(end) => Some(end),
            ForeignKey::Outgoing(_) => None,
        })
    }

    /// Whether a table that references this one is gone before any of this one's partitions is retired. A table that
    /// only waits out its grace is not: it keeps its foreign key, and its rows.
    pub fn goes_first(&self, table: &QualifiedName) -> bool {
        let entry = self.snapshot.ledger.detached().iter().find(|entry| entry.name == *table);
        entry.is_some_and(|entry| self.is_dropped(entry.oid))
    }

    /// Leaves of a table that references this one which are gone by then, by oid.
    pub fn leaves_gone_first(&self, table: &QualifiedName) -> Vec<u32> {
        let partitions = self.snapshot.table(table).map_or(&[][..], |table| &table.partitions);
        let leaves = |partition: &Partition| partition.leaves().iter().map(|leaf| leaf.oid).collect::<Vec<_>>();
        partitions.iter().filter(|partition| self.is_dropped(partition.oid)).flat_map(leaves).collect()
    }

    /// What DDL on a partition of this table locks besides the partition.
    pub fn surroundings(&self) -> Surroundings {
        let far = |ends: &mut dyn Iterator<Item = &FarEnd>| -> Vec<Neighbour> {
            let tables: BTreeSet<Neighbour> =
                ends.map(|end| Neighbour { name: end.table.clone(), lockable: end.lockable }).collect();
            tables.into_iter().collect()
        };
        Surroundings {
            parent: self.table.name.clone(),
            default: self.table.default_partition().map(|default| Neighbour {
                name: default.name.clone(),
                lockable: default.kind != RelationKind::Foreign,
            }),
            references: far(&mut self.outgoing()),
            referenced_by: far(&mut self.incoming()),
        }
    }

    /// The same once these steps are done, which may make the DEFAULT partition.
    pub(super) fn surroundings_after(&self, steps: &[Step]) -> Surroundings {
        let is_default =
            |create: &&CreatePartition| create.bound == Bound::Default && create.around.parent == self.table.name;
        let mut made = steps.iter().filter_map(|step| match step {
            Step::Create(create) => Some(create),
            _ => None,
        });
        let around = self.surroundings();
        let made = made.find(is_default).map(|create| Neighbour { name: create.partition.clone(), lockable: true });
        let default = around.default.clone().or(made);
        Surroundings { default, ..around }
    }

    /// How long contiguous coverage lasts.
    pub fn runway(&self) -> Runway {
        let Some(range) = self.desired.as_range() else { return Runway::None };
        let Some(current) = self.current else { return Runway::None };
        let mut covered_to = Edge::At(range.now.unwrap_or(current.start()));
        let visible = self.placed.iter().filter(|(_, partition)| !partition.pending_detach);
        for (extent, _) in visible {
            if extent.from <= covered_to {
                covered_to = covered_to.max(extent.to);
            }
        }
        // What the partition above does not hold is for others to cover.
        if let Some(confines) = self.confines(range)
            && (confines.to <= covered_to || covered_to < confines.from)
        {
            return Runway::None;
        }
        match (covered_to, range.now) {
            (Edge::At(point), Some(_)) => i64::try_from(range.instant(point).0)
                .ok()
                .and_then(DateTime::from_timestamp_micros)
                .map_or(Runway::None, Runway::Until),
            (Edge::At(point), None) => Runway::Partitions(range.grid.whole_windows(current.end(), point)),
            (Edge::Above, _) => Runway::Endless,
            (Edge::Below, _) => Runway::None,
        }
    }
}

/// The grids of a policy in words, such as `range order_date, 1 month, Europe/Berlin → hash customer_id, 4`.
pub(super) fn grids_in_words(policy: &Policy) -> String {
    policy.levels().map(grid_in_words).collect::<Vec<_>>().join(" → ")
}

/// The grid of one level in words, such as `range order_date, 1 month, Europe/Berlin`.
pub(super) fn grid_in_words(level: &Level) -> String {
    let key = level.partitioning.key_in_words();
    match &level.partitioning {
        Partitioning::Range(range) => {
            let every = match range.every {
                Every::Time(interval) => interval.to_string(),
                Every::Integer(step) => step.to_string(),
            };
            let zone = range.timezone.map(|zone| format!(", {zone}")).unwrap_or_default();
            let encoding = range.encoding.as_ref().map(|encoding| format!(", {encoding}")).unwrap_or_default();
            format!("{key}{encoding}, {every}{zone}")
        }
        Partitioning::List(_) => key,
        Partitioning::Hash(hash) => format!("{key}, {}", hash.modulus),
    }
}
