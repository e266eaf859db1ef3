//! How fast tables grow: as the partitions that ended last did, along a time axis. Number axes know no clock, and lists
//! and hashes no age, so nothing is guessed about them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::catalog::{CatalogSnapshot, Partition};
use crate::desired::{DesiredRange, expand};
use crate::diff::Node;
use crate::policy::Policy;
use crate::schedule::{Edge, Point};
use crate::sql::QualifiedName;

/// Partitions that ended last, of which the mean is taken.
const LATELY: usize = 3;

/// What a microsecond of a table's time axis takes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rate {
    bytes: f64,
    rows: f64,
}

/// The rates of all tables with a time axis, each branch by itself.
#[derive(Debug)]
pub(super) struct Growth {
    rates: BTreeMap<QualifiedName, Rate>,
    unknown: Vec<QualifiedName>,
}

impl Growth {
    pub(super) fn of(policies: &[Policy], snapshot: &CatalogSnapshot) -> Self {
        let mut growth = Self { rates: BTreeMap::new(), unknown: Vec::new() };
        for policy in policies {
            let known = growth.rates.len();
            for node in nodes(policy, snapshot) {
                let rate = on_time_axis(&node, snapshot, |range, now| rate(&node, range, now)).flatten();
                growth.rates.extend(rate.map(|rate| (node.table.name.clone(), rate)));
            }
            if growth.rates.len() == known {
                growth.unknown.push(policy.table.clone());
            }
        }
        growth
    }

    pub(super) fn unknown(&self) -> &[QualifiedName] {
        &self.unknown
    }

    /// Moves the catalog's clock on, and fills the partitions that the time between lies in.
    pub(super) fn advance(&self, policies: &[Policy], catalog: &mut CatalogSnapshot, now: DateTime<Utc>) {
        let before: BTreeMap<QualifiedName, Point> = policies
            .iter()
            .flat_map(|policy| nodes(policy, catalog))
            .filter_map(|node| Some((node.table.name.clone(), on_time_axis(&node, catalog, |_, now| now)?)))
            .collect();
        catalog.server.now = now;
        let mut filled: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for node in policies.iter().flat_map(|policy| nodes(policy, catalog)) {
            let name = &node.table.name;
            let Some((rate, from)) = self.rates.get(name).zip(before.get(name).copied()) else { continue };
            on_time_axis(&node, catalog, |range, to| {
                for partition in node.table.visible() {
                    let Some(extent) = range.extent(&partition.bound) else { continue };
                    let (from, to) = (extent.from.max(Edge::At(from)).point(), extent.to.min(Edge::At(to)).point());
                    if let (Some(from), Some(to)) = (from, to)
                        && from < to
                    {
                        let time = (to.0 - from.0) as f64;
                        filled.insert(partition.oid, ((time * rate.bytes) as u64, (time * rate.rows) as u64));
                    }
                }
            });
        }
        for table in &mut catalog.tables {
            fill(&mut table.partitions, &filled);
        }
    }
}

fn nodes<'a>(policy: &'a Policy, snapshot: &'a CatalogSnapshot) -> Vec<Node<'a>> {
    Node::root(policy, snapshot).map(Node::with_all_below).unwrap_or_default()
}

/// What is true of a node at the catalog's moment, when its axis is one of time.
fn on_time_axis<T>(
    node: &Node<'_>,
    catalog: &CatalogSnapshot,
    then: impl FnOnce(&DesiredRange, Point) -> T,
) -> Option<T> {
    let desired = expand(node.level, node.table, catalog).ok()?;
    let range = desired.as_range()?;
    Some(then(range, range.now?))
}

fn rate(node: &Node<'_>, range: &DesiredRange, now: Point) -> Option<Rate> {
    let mut over: Vec<(i128, i128, &Partition)> = node
        .table
        .visible()
        .filter_map(|partition| {
            let window = range.window(&partition.bound)?;
            let holds = 0 < partition.bytes && window.end() <= now;
            holds.then_some((window.end().0, window.end().0 - window.start().0, partition))
        })
        .collect();
    over.sort_by_key(|(end, ..)| std::cmp::Reverse(*end));
    over.truncate(LATELY);
    let time: i128 = over.iter().map(|(_, length, _)| length).sum();
    let sum = |of: fn(&Partition) -> u64| over.iter().map(|(.., partition)| of(partition)).sum::<u64>() as f64;
    (0 < time).then(|| Rate {
        bytes: sum(|partition| partition.bytes) / time as f64,
        rows: sum(|partition| partition.rows.unwrap_or_default()) / time as f64,
    })
}

/// Adds to leaves, and to all that is above them; what was added.
fn fill(partitions: &mut [Partition], filled: &BTreeMap<u32, (u64, u64)>) -> (u64, u64) {
    let mut total = (0, 0);
    for partition in partitions {
        let own = filled.get(&partition.oid).copied().unwrap_or_default();
        let below = partition.table.as_deref_mut().map_or((0, 0), |table| fill(&mut table.partitions, filled));
        let (bytes, rows) = (own.0 + below.0, own.1 + below.1);
        partition.bytes += bytes;
        if 0 < rows {
            partition.rows = Some(partition.rows.unwrap_or_default() + rows);
        }
        total = (total.0 + bytes, total.1 + rows);
    }
    total
}
