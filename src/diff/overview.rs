//! Where every table stands: what it covers, what retention would end next and when, what waits to be dropped.
//!
//! Looks at the same facts as the plan and decides nothing that the plan would not: a moment named here is one at
//! which the plan would begin to hold the step.

mod detached_state;
mod forecast;
mod select;
#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use self::detached_state::detached_state;
pub use self::detached_state::{DetachedFate, DetachedState};
pub use self::select::{Order, Selection};
use super::{Node, Situation};
use crate::catalog::{CatalogSnapshot, Partition, Table};
use crate::desired::{DesiredRange, expand};
use crate::plan::{Finding, Plan, Runway, Severity, Step, TablePlan};
use crate::policy::{DefaultRule, Partitioning, Policy, Thresholds};
use crate::schedule::{Edge, Extent, Point};
use crate::sql::QualifiedName;

/// All managed tables of one database.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// The database.
    pub database: String,
    /// `server_version_num`
    pub server_version: u32,
    /// The moment it is true for.
    pub at: DateTime<Utc>,
    /// One per policy, in the order of table names.
    pub tables: Vec<TableOverview>,
    /// Tables that partctl detached and that still exist.
    pub detached: Vec<DetachedState>,
    /// The plan's findings of severity error.
    pub errors: Vec<Finding>,
}

/// One managed table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableOverview {
    /// The table.
    pub table: QualifiedName,
    /// Strategy and key, such as `range order_date`.
    pub key: String,
    /// Partitions, those pending detach left out.
    pub partitions: usize,
    /// Their estimated bytes.
    pub bytes: u64,
    /// Estimated rows of those that were ever counted; `None` while none was.
    pub rows: Option<u64>,
    /// Where the oldest partition begins; `None` without an axis or a partition on it.
    pub oldest: Option<AxisEnd>,
    /// Where the newest one ends.
    pub newest: Option<AxisEnd>,
    /// How long contiguous coverage lasts.
    pub runway: Runway,
    /// Its DEFAULT partition.
    pub default: Option<DefaultState>,
    /// Partitions whose concurrent detach was interrupted.
    pub pending_detaches: usize,
    /// Partitions under a hold.
    pub held: usize,
    /// What the policy's `check` holds it to.
    pub thresholds: Thresholds,
    /// What retention ends next.
    pub next_to_retire: Option<NextToRetire>,
    /// When an apply last worked on it; `None`: never, or nobody may tell.
    pub last_apply: Option<LastApply>,
    /// The partitions of a range table along its axis, with the gaps between them; empty for other strategies.
    pub timeline: Vec<Stretch>,
}

/// Where the partitions of a table begin or end.
#[derive(Debug, Clone, PartialEq)]
pub struct AxisEnd {
    /// For a person.
    pub shown: String,
    /// The same for a machine; `None`: MINVALUE, MAXVALUE, or beyond the calendar.
    pub position: Option<Position>,
}

/// A place on a table's axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// On an axis of time.
    Time(DateTime<Utc>),
    /// On an axis of numbers.
    Number(i128),
}

/// A DEFAULT partition.
#[derive(Debug, Clone, PartialEq)]
pub struct DefaultState {
    /// Its name.
    pub name: QualifiedName,
    /// Estimated rows; `None`: never counted.
    pub rows: Option<u64>,
    /// Whether the policy asks for it, so that rows in it are no surprise.
    pub asked_for: bool,
}

/// The last step of a table that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastApply {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// The run's number in the ledger.
    pub run: i64,
    /// Whether it failed.
    pub failed: bool,
}

/// The oldest partition that nothing keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct NextToRetire {
    /// The partition.
    pub partition: QualifiedName,
    /// When retention ends it.
    pub when: When,
}

/// When something comes to its end.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// It has come already.
    Due,
    /// At this moment.
    At {
        /// The moment.
        moment: DateTime<Utc>,
        /// The same as the table's own clock shows it.
        shown: String,
    },
    /// On a number axis: when keys from this one on are in use.
    KeysReach(String),
}

/// A piece of a table's axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// `None`: a gap.
    pub partition: Option<QualifiedName>,
    /// From, for a person.
    pub from: String,
    /// To, for a person.
    pub to: String,
    /// The same on the axis.
    pub extent: Extent,
    /// Estimated bytes.
    pub bytes: u64,
    /// Estimated rows.
    pub rows: Option<u64>,
    /// Where it lies.
    pub place: Place,
    /// What becomes of it.
    pub fate: Fate,
}

/// Where a piece lies, seen from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is over.
    Past,
    /// Rows arrive in it.
    Current,
    /// It has not begun.
    Ahead,
}

/// What becomes of a partition, the strongest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Nothing yet.
    Stays,
    /// It is under a hold.
    Held,
    /// Retention ends it next, or would have already.
    Expiring,
    /// Its concurrent detach was interrupted: queries do not see it.
    PendingDetach,
}

/// Where the tables of these policies stand, beside the plan that was made from the same snapshot.
pub fn overview(policies: &[Policy], snapshot: &CatalogSnapshot, plan: &Plan) -> Overview {
    let policy_of = |table: &QualifiedName| policies.iter().find(|policy| policy.table == *table);
    let tables = plan.tables.iter().filter_map(|planned| {
        let policy = policy_of(&planned.table)?;
        Some(table_overview(policy, snapshot, planned))
    });
    let entries = snapshot.ledger.detached().iter().filter(|entry| !entry.attached || entry.detached_at.is_some());
    Overview {
        database: plan.database.clone(),
        server_version: plan.server_version,
        at: plan.at,
        tables: tables.collect(),
        detached: entries.map(|entry| detached_state(policies, snapshot, plan, entry)).collect(),
        errors: plan.findings().filter(|finding| finding.severity == Severity::Error).cloned().collect(),
    }
}

impl Overview {
    /// Notes when each table was last worked on, by its name as the ledger has it.
    pub fn note_last_applies(&mut self, mut last: BTreeMap<String, LastApply>) {
        for table in &mut self.tables {
            table.last_apply = last.remove(&table.table.to_string());
        }
    }
}

fn table_overview(policy: &Policy, snapshot: &CatalogSnapshot, planned: &TablePlan) -> TableOverview {
    let table = snapshot.table(&policy.table);
    let default = table.and_then(Table::default_partition);
    let mut overview = TableOverview {
        table: policy.table.clone(),
        key: policy.level.partitioning.key_in_words(),
        partitions: planned.partitions,
        bytes: planned.bytes,
        rows: table
            .and_then(|table| table.visible().filter_map(|partition| partition.rows).reduce(|sum, rows| sum + rows)),
        oldest: None,
        newest: None,
        runway: planned.runway,
        default: default.map(|default| DefaultState {
            name: default.name.clone(),
            rows: default.rows,
            asked_for: asks_for_default(policy),
        }),
        pending_detaches: table.map_or(0, |table| table.partitions.len() - table.visible().count()),
        held: 0,
        thresholds: policy.thresholds,
        next_to_retire: None,
        last_apply: None,
        timeline: Vec::new(),
    };
    let Some(root) = Node::root(policy, snapshot) else { return overview };
    let mut ends: Option<Ends> = None;
    for node in root.with_all_below() {
        let Ok(desired) = expand(node.level, node.table, snapshot) else { continue };
        let Some(range) = desired.as_range() else { continue };
        let (depth, retain) = (node.path.len(), node.level.retain.as_ref());
        let situation = Situation::new(node, &desired, snapshot);
        let is_held =
            |(extent, partition): &&(Extent, &Partition)| situation.hold_of(range, *extent, partition).is_some();
        overview.held += situation.placed.iter().filter(is_held).count();
        let next = retain.and_then(|retain| situation.next_to_retire(range, retain, planned));
        overview.next_to_retire = overview.next_to_retire.into_iter().chain(next).min_by_key(NextToRetire::order);
        if depth == 0 {
            overview.timeline = situation.timeline(range, planned, overview.next_to_retire.as_ref());
        }
        // A table that is split by time below its root has its oldest partition there.
        if ends.as_ref().is_none_or(|ends| ends.depth == depth) {
            ends = Ends::of(&situation, depth).into_iter().chain(ends).reduce(Ends::joined);
            let shown = |ends: &Ends| (axis_end(range, ends.extent.from), axis_end(range, ends.extent.to));
            (overview.oldest, overview.newest) = ends.as_ref().map(shown).unzip();
        }
    }
    overview
}

/// Where the partitions of all nodes of one level begin and end.
struct Ends {
    depth: usize,
    extent: Extent,
}

impl Ends {
    fn of(situation: &Situation<'_>, depth: usize) -> Option<Self> {
        let extents = situation.placed.iter().map(|(extent, _)| Self { depth, extent: *extent });
        extents.reduce(Self::joined)
    }

    fn joined(self, other: Self) -> Self {
        let (from, to) = (self.extent.from.min(other.extent.from), self.extent.to.max(other.extent.to));
        Self { extent: Extent { from, to }, ..self }
    }
}

impl NextToRetire {
    /// The soonest comes first; nobody knows when keys will be in use.
    fn order(&self) -> (bool, Option<DateTime<Utc>>) {
        match &self.when {
            When::Due => (false, None),
            When::At { moment, .. } => (false, Some(*moment)),
            When::KeysReach(_) => (true, None),
        }
    }
}

impl Situation<'_> {
    fn timeline(&self, range: &DesiredRange, planned: &TablePlan, next: Option<&NextToRetire>) -> Vec<Stretch> {
        let here = self.reached();
        let retired = |partition: &Partition| {
            next.is_some_and(|next| next.partition == partition.name)
                || planned.steps.iter().any(|step| matches!(step, Step::Detach(detach) if detach.oid == partition.oid))
        };
        let stretch = |extent: Extent| Stretch {
            partition: None,
            from: shown(range, extent.from),
            to: shown(range, extent.to),
            extent,
            bytes: 0,
            rows: None,
            place: match here {
                Some(here) if Edge::At(here) < extent.from => Place::Ahead,
                Some(here) if Edge::At(here) < extent.to => Place::Current,
                _ => Place::Past,
            },
            fate: Fate::Stays,
        };
        let mut stretches = Vec::new();
        let mut covered_to: Option<Edge> = None;
        for (extent, partition) in &self.placed {
            let gap = covered_to.map(|covered_to| Extent { from: covered_to, to: extent.from });
            stretches.extend(gap.filter(|gap| gap.from < gap.to).map(stretch));
            covered_to = covered_to.max(Some(extent.to));
            let fate = if partition.pending_detach {
                Fate::PendingDetach
            } else if self.hold_of(range, *extent, partition).is_some() {
                Fate::Held
            } else if retired(partition) {
                Fate::Expiring
            } else {
                Fate::Stays
            };
            stretches.push(Stretch {
                partition: Some(partition.name.clone()),
                bytes: partition.bytes,
                rows: partition.rows,
                fate,
                ..stretch(*extent)
            });
        }
        stretches
    }
}

fn axis_end(range: &DesiredRange, edge: Edge) -> AxisEnd {
    let position = edge.point().and_then(|point| match range.now {
        Some(_) => moment(range, point).map(Position::Time),
        None => Some(Position::Number(point.0)),
    });
    AxisEnd { shown: shown(range, edge), position }
}

fn moment(range: &DesiredRange, point: Point) -> Option<DateTime<Utc>> {
    i64::try_from(range.instant(point).0).ok().and_then(DateTime::from_timestamp_micros)
}

fn shown(range: &DesiredRange, edge: Edge) -> String {
    match edge {
        Edge::Below => "MINVALUE".to_owned(),
        Edge::At(point) => range.describe(point),
        Edge::Above => "MAXVALUE".to_owned(),
    }
}

fn asks_for_default(policy: &Policy) -> bool {
    let named = matches!(&policy.level.partitioning, Partitioning::List(list) if list.default.is_some());
    named || policy.level.create.default == DefaultRule::Require
}
