//! Where every table stands: what it covers, what retention would end next and when, what waits to be dropped.
//!
//! Looks at the same facts as the plan and decides nothing that the plan would not: a moment named here is one at
//! which the plan would begin to hold the step.

use chrono::{DateTime, Utc};

use super::Situation;
use super::detached::{grace_end, is_held};
use super::retire::protected;
use crate::catalog::{CatalogSnapshot, DetachedTable, Partition, Table};
use crate::desired::{DesiredRange, expand};
use crate::plan::{Finding, Plan, Runway, Severity, Step, TablePlan};
use crate::policy::{Partitioning, Policy, Retain, Then};
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
    /// Their estimated rows; `None` while one of them was never counted.
    pub rows: Option<u64>,
    /// Where coverage ends, for a person; `None` without an axis or a partition on it.
    pub last_bound: Option<String>,
    /// How long contiguous coverage lasts.
    pub runway: Runway,
    /// Its DEFAULT partition.
    pub default: Option<DefaultState>,
    /// What retention ends next.
    pub next_to_retire: Option<NextToRetire>,
    /// The partitions of a range table along its axis, with the gaps between them; empty for other strategies.
    pub timeline: Vec<Stretch>,
}

/// A DEFAULT partition.
#[derive(Debug, Clone, PartialEq)]
pub struct DefaultState {
    /// Its name.
    pub name: QualifiedName,
    /// Estimated rows; `None`: never counted.
    pub rows: Option<u64>,
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

/// A table that partctl detached.
#[derive(Debug, Clone, PartialEq)]
pub struct DetachedState {
    /// The table.
    pub table: QualifiedName,
    /// What it was a partition of.
    pub parent: QualifiedName,
    /// What it holds, for a person.
    pub range: String,
    /// Estimated bytes.
    pub bytes: u64,
    /// Since when; `None`: not recorded yet.
    pub detached_at: Option<DateTime<Utc>>,
    /// What becomes of it.
    pub fate: DetachedFate,
}

/// What becomes of a detached table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetachedFate {
    /// It is dropped when its grace is over.
    DropsAt(DateTime<Utc>),
    /// Its grace is over.
    Due,
    /// A hold keeps it.
    Held,
    /// The policy does not drop what it detaches.
    Kept,
    /// No policy manages the table that it came from.
    Unmanaged,
    /// The next run records when it was detached; its grace starts then.
    Unrecorded,
    /// It is not what was detached any more: renamed, or attached again.
    Changed,
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
        detached: entries.map(|entry| detached_state(policy_of(&entry.parent), snapshot, entry)).collect(),
        errors: plan.findings().filter(|finding| finding.code.severity == Severity::Error).cloned().collect(),
    }
}

fn table_overview(policy: &Policy, snapshot: &CatalogSnapshot, planned: &TablePlan) -> TableOverview {
    let table = snapshot.table(&policy.table);
    let default = table.and_then(Table::default_partition);
    let mut overview = TableOverview {
        table: policy.table.clone(),
        key: key_in_words(policy),
        partitions: planned.partitions,
        bytes: planned.bytes,
        rows: table.and_then(|table| table.visible().map(|partition| partition.rows).sum()),
        last_bound: None,
        runway: planned.runway,
        default: default.map(|default| DefaultState { name: default.name.clone(), rows: default.rows }),
        next_to_retire: None,
        timeline: Vec::new(),
    };
    let Some(table) = table else { return overview };
    let Ok(desired) = expand(policy, table, snapshot.server.now) else { return overview };
    let Some(range) = desired.as_range() else { return overview };
    let situation = Situation::new(policy, table, &desired, snapshot);
    let last = situation.placed.iter().map(|(extent, _)| extent.to).max();
    overview.last_bound = last.map(|edge| shown(range, edge));
    overview.next_to_retire = policy.retain.as_ref().and_then(|retain| situation.next_to_retire(range, retain));
    overview.timeline = situation.timeline(range, planned, overview.next_to_retire.as_ref());
    overview
}

fn key_in_words(policy: &Policy) -> String {
    match &policy.partition {
        Partitioning::Range(range) => format!("range {}", range.key),
        Partitioning::List(list) => format!("list {}", list.key),
        Partitioning::Hash(hash) => {
            let key: Vec<String> = hash.key.iter().map(ToString::to_string).collect();
            format!("hash {}", key.join(", "))
        }
    }
}

impl Situation<'_> {
    /// Where rows arrive: the clock, or on a number axis the window in use.
    fn here(&self, range: &DesiredRange) -> Option<Point> {
        range.now.or_else(|| Some(self.current(range)?.start()))
    }

    /// The oldest partition that no rail keeps, and when it is over.
    fn next_to_retire(&self, range: &DesiredRange, retain: &Retain) -> Option<NextToRetire> {
        let here = self.here(range)?;
        let protected = protected(self, retain);
        self.placed.iter().find_map(|(extent, partition)| {
            let upper = extent.to.point()?;
            let kept = partition.pending_detach
                || protected.contains(&partition.oid)
                || self.hold_on(range, *extent, &partition.name).is_some();
            if kept {
                return None;
            }
            let over = self.over_at(range, retain, upper)?;
            let when = if over <= here {
                When::Due
            } else if range.now.is_none() {
                When::KeysReach(range.describe(over))
            } else {
                let micros = i64::try_from(range.instant(over).0).ok()?;
                When::At { moment: DateTime::from_timestamp_micros(micros)?, shown: range.describe(over) }
            };
            Some(NextToRetire { partition: partition.name.clone(), when })
        })
    }

    /// The first point at which [`Situation::expires`] says yes to this upper bound; `None`: never, as far as the
    /// calendar goes.
    fn over_at(&self, range: &DesiredRange, retain: &Retain, upper: Point) -> Option<Point> {
        let mut over = upper;
        if let Some(interval) = retain.keep_for {
            let old_enough = |now| range.zone.before(now, interval).is_some_and(|cutoff| upper <= cutoff);
            // A month after 31 January is 28 February, and a month before that is still January: where months differ
            // in length the exact answer lies some days beside the first guess.
            const DAYS: i128 = 5 * 86_400_000_000;
            let guess = range.zone.after(upper, interval)?;
            over = over.max(first_point(Point(guess.0 - DAYS), Point(guess.0 + DAYS), old_enough)?);
        }
        if let Some(newest) = retain.newest {
            over = over.max(self.nth_start_from(range, upper, newest.checked_sub(1)? as usize)?);
        }
        Some(over)
    }

    /// Where the n-th partition from a point on begins, those on the grid that do not exist yet included.
    fn nth_start_from(&self, range: &DesiredRange, point: Point, n: usize) -> Option<Point> {
        let existing = self.placed.iter().filter_map(|(extent, _)| extent.from.point()).filter(|from| point <= *from);
        let last = self.placed.iter().map(|(extent, _)| extent.to).max().and_then(Edge::point);
        let to_come = last.into_iter().flat_map(|last| range.grid.windows_from(last)).map(|window| window.start());
        existing.chain(to_come).nth(n)
    }

    fn timeline(&self, range: &DesiredRange, planned: &TablePlan, next: Option<&NextToRetire>) -> Vec<Stretch> {
        let here = self.here(range);
        let retired = |partition: &Partition| {
            next.is_some_and(|next| next.partition == partition.name)
                || planned.steps.iter().any(|step| matches!(step, Step::Detach(detach) if detach.oid == partition.oid))
        };
        let stretch = |extent: Extent| Stretch {
            partition: None,
            from: shown(range, extent.from),
            to: shown(range, extent.to),
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
            } else if self.hold_on(range, *extent, &partition.name).is_some() {
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

fn shown(range: &DesiredRange, edge: Edge) -> String {
    match edge {
        Edge::Below => "MINVALUE".to_owned(),
        Edge::At(point) => range.describe(point),
        Edge::Above => "MAXVALUE".to_owned(),
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

fn detached_state(policy: Option<&Policy>, snapshot: &CatalogSnapshot, entry: &DetachedTable) -> DetachedState {
    let table = snapshot.table(&entry.parent);
    let desired = policy.zip(table).and_then(|(policy, table)| expand(policy, table, snapshot.server.now).ok());
    let held = || match (policy, table, &desired) {
        (Some(policy), Some(table), Some(desired)) => is_held(&Situation::new(policy, table, desired, snapshot), entry),
        _ => false,
    };
    let retain = policy.and_then(|policy| policy.retain.as_ref());
    let fate = match (policy, retain, entry.detached_at) {
        _ if entry.attached || entry.name != entry.recorded => DetachedFate::Changed,
        (None, _, _) => DetachedFate::Unmanaged,
        (_, _, None) => DetachedFate::Unrecorded,
        _ if held() => DetachedFate::Held,
        (_, Some(retain), Some(detached_at)) if retain.then == Then::Drop => match grace_end(retain.grace, detached_at)
        {
            Some(end) if end <= snapshot.server.now => DetachedFate::Due,
            Some(end) => DetachedFate::DropsAt(end),
            None => DetachedFate::Kept,
        },
        _ => DetachedFate::Kept,
    };
    DetachedState {
        table: entry.name.clone(),
        parent: entry.parent.clone(),
        range: desired.map_or_else(|| entry.bound.to_string(), |desired| desired.describe_bound(&entry.bound)),
        bytes: entry.bytes,
        detached_at: entry.detached_at,
        fate,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::catalog::{Answer, Bound, KeyColumn, Ledger, PartitionKey, Server, Strategy};
    use crate::diff::plan;
    use crate::policy::{
        AxisValue, Create, DefaultRule, Every, Held, Hold, ListPolicy, Location, Locks, Placement, RangePolicy, Reach,
    };
    use crate::sql::Identifier;

    fn name(table: &str) -> QualifiedName {
        QualifiedName::new("shop", table)
    }

    fn policy(every: Every, timezone: Option<chrono_tz::Tz>, retain: Retain) -> Policy {
        let ahead = Reach::Partitions(1);
        Policy {
            table: name("t"),
            partition: Partitioning::Range(RangePolicy { key: Identifier::new("at"), every, timezone, anchor: None }),
            placement: Placement::default(),
            create: Create { ahead, behind: Reach::Partitions(0), fill_gaps: false, default: DefaultRule::Allow },
            retain: Some(retain),
            hold: Vec::new(),
            locks: Locks { timeout: Duration::from_millis(50), retry_for: Duration::from_secs(600) },
            pruning: Vec::new(),
            location: Location { path: "t.yaml".to_owned(), line: 1 },
        }
    }

    fn daily(retain: Retain) -> Policy {
        policy(Every::Time("1 day".parse().unwrap()), None, retain)
    }

    fn retain(keep_for: Option<&str>, newest: Option<u32>) -> Retain {
        Retain {
            keep_for: keep_for.map(|text| text.parse().unwrap()),
            newest,
            at_least: 1,
            then: Then::Drop,
            grace: Some("7 days".parse().unwrap()),
            per_run: Some(1_000),
            unattended: false,
        }
    }

    /// A table whose partitions are named by their position and lie between neighbouring values.
    fn snapshot(key_type: &str, bounds: &[&str], now: &str) -> CatalogSnapshot {
        let partition = |(n, ends): (usize, &[&str])| Partition {
            oid: n as u32 + 1,
            name: name(&format!("p{n}")),
            kind: Default::default(),
            owner: None,
            bound: format!("FOR VALUES FROM ('{}') TO ('{}')", ends[0], ends[1]).parse().unwrap(),
            pending_detach: false,
            rows: Some(10),
            bytes: 8_192,
            indexes: 0,
            partitions: Vec::new(),
        };
        let table = Table {
            oid: 100,
            name: name("t"),
            kind: crate::catalog::RelationKind::Partitioned,
            owner: Identifier::new("owner"),
            role_is_owner: true,
            owner_may_create_in: vec![Identifier::new("shop")],
            key: Some(PartitionKey {
                strategy: Strategy::Range,
                columns: vec![KeyColumn { name: Some(Identifier::new("at")), type_name: key_type.to_owned() }],
            }),
            tablespace: None,
            access_method: None,
            replica_identity: Default::default(),
            grants: Vec::new(),
            foreign_keys: Vec::new(),
            partitions: bounds.windows(2).enumerate().map(partition).collect(),
        };
        CatalogSnapshot {
            server: Server {
                version: 150_020,
                now: now.parse().unwrap(),
                database: "appdb".to_owned(),
                role: Identifier::new("owner"),
                standby: false,
                lock_slots: 6_400,
            },
            tables: vec![table],
            unmanaged: Vec::new(),
            ledger: Ledger::default(),
            answers: Default::default(),
        }
    }

    fn seen(policy: &Policy, snapshot: &CatalogSnapshot) -> Overview {
        let policies = std::slice::from_ref(policy);
        overview(policies, snapshot, &plan(policies, snapshot))
    }

    fn next(policy: &Policy, snapshot: &CatalogSnapshot) -> Option<(String, When)> {
        let next = seen(policy, snapshot).tables.remove(0).next_to_retire?;
        Some((next.partition.name.as_str().to_owned(), next.when))
    }

    fn detaches(policy: &Policy, snapshot: &CatalogSnapshot, partition: &str) -> bool {
        let plan = plan(std::slice::from_ref(policy), snapshot);
        plan.steps().any(|(_, step)| matches!(step, Step::Detach(_)) && *step.target() == name(partition))
    }

    #[test]
    fn the_moment_named_is_the_first_at_which_the_plan_detaches() {
        let berlin = Some(chrono_tz::Europe::Berlin);
        let month = |timezone, retain| policy(Every::Time("1 month".parse().unwrap()), timezone, retain);
        let days = ["2026-01-30", "2026-01-31", "2026-02-01", "2026-02-02", "2026-02-03", "2026-02-04"];
        let instants =
            ["2024-09-30 22:00:00+00", "2024-10-31 23:00:00+00", "2024-11-30 23:00:00+00", "2024-12-31 23:00:00+00"];
        let (date, timestamptz) = ("date", "timestamp with time zone");
        let cases: [(Policy, &str, &[&str], &str, &str); 6] = [
            (daily(retain(Some("1 month"), None)), date, &days, "2026-02-05T00:00:00Z", "2026-03-01"),
            (daily(retain(Some("36 hours"), None)), date, &days, "2026-01-31T00:00:00Z", "2026-02-01"),
            (daily(retain(None, Some(3))), date, &days, "2026-01-31T00:00:00Z", "2026-02-02"),
            (daily(retain(Some("1 month"), Some(40))), date, &days, "2026-02-05T00:00:00Z", "2026-03-11"),
            (
                month(berlin, retain(Some("24 months"), None)),
                timestamptz,
                &instants,
                "2026-10-01T00:00:00Z",
                "2026-11-01",
            ),
            (month(berlin, retain(None, Some(2))), timestamptz, &instants, "2024-11-20T00:00:00Z", "2024-12-01"),
        ];
        for (policy, key_type, bounds, now, expected) in cases {
            let Some((partition, When::At { moment, shown })) = next(&policy, &snapshot(key_type, bounds, now)) else {
                panic!("{expected}")
            };
            assert_eq!((partition.as_str(), shown.split(' ').next()), ("p0", Some(expected)));
            // Later partitions exist by then; those that count for `newest` are made from the grid.
            let mut bounds: Vec<String> = bounds.iter().map(|bound| (*bound).to_owned()).collect();
            if key_type == "date" {
                let last: chrono::NaiveDate = bounds[bounds.len() - 1].parse().unwrap();
                bounds.extend((1..60).map(|n| (last + chrono::Days::new(n)).to_string()));
            }
            let bounds: Vec<&str> = bounds.iter().map(String::as_str).collect();
            let at = |moment: DateTime<Utc>| snapshot(key_type, &bounds, &moment.to_rfc3339());
            assert!(detaches(&policy, &at(moment), "p0"), "{expected}");
            assert!(!detaches(&policy, &at(moment - chrono::TimeDelta::microseconds(1)), "p0"), "{expected}");
            assert_eq!(next(&policy, &at(moment)), Some(("p0".to_owned(), When::Due)));
        }
    }

    #[test]
    fn held_and_pending_partitions_and_the_last_with_rows_are_never_next() {
        let mut policy = daily(retain(Some("1 day"), None));
        policy.hold = vec![Hold { what: Held::Partition(Identifier::new("p0")), reason: None, until: None }];
        let mut snapshot =
            snapshot("date", &["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"], "2026-01-20T00:00:00Z");
        snapshot.tables[0].partitions[1].pending_detach = true;
        assert_eq!(next(&policy, &snapshot), None);
        let fates: Vec<Fate> = seen(&policy, &snapshot).tables[0].timeline.iter().map(|stretch| stretch.fate).collect();
        assert_eq!(fates, [Fate::Held, Fate::PendingDetach, Fate::Stays]);
    }

    #[test]
    fn numbers_are_retired_when_keys_arrive_not_when_time_passes() {
        let policy = policy(Every::Integer(100), None, retain(None, Some(2)));
        let mut snapshot = snapshot("bigint", &["0", "100", "200", "300"], "2026-01-20T00:00:00Z");
        let question = plan(std::slice::from_ref(&policy), &snapshot)
            .questions
            .into_iter()
            .find(|question| matches!(question, crate::catalog::Question::HighestInUse(_)))
            .unwrap();
        snapshot.answers.add(question, Answer::Highest(Some(name("p1"))));
        assert_eq!(next(&policy, &snapshot), Some(("p0".to_owned(), When::KeysReach("200".to_owned()))));
        let timeline = &seen(&policy, &snapshot).tables[0].timeline;
        let places: Vec<Place> = timeline.iter().map(|stretch| stretch.place).collect();
        assert_eq!(places, [Place::Past, Place::Current, Place::Ahead]);
    }

    #[test]
    fn gaps_stand_in_the_timeline() {
        let mut snapshot =
            snapshot("date", &["2026-01-01", "2026-01-02", "2026-01-05", "2026-01-06"], "2026-01-05T12:00:00Z");
        snapshot.tables[0].partitions.remove(1);
        let overview = seen(&daily(retain(Some("1 year"), None)), &snapshot);
        let timeline = &overview.tables[0].timeline;
        let gap = timeline.iter().find(|stretch| stretch.partition.is_none()).unwrap();
        assert_eq!((gap.from.as_str(), gap.to.as_str(), gap.place), ("2026-01-02", "2026-01-05", Place::Past));
        assert_eq!(timeline.len(), 3);
        assert_eq!(overview.tables[0].last_bound.as_deref(), Some("2026-01-06"));
    }

    #[test]
    fn a_table_that_does_not_fit_its_policy_still_has_its_line() {
        let mut policy = daily(retain(Some("1 year"), None));
        policy.partition =
            Partitioning::List(ListPolicy { key: Identifier::new("region"), groups: Vec::new(), default: None });
        let overview = seen(&policy, &snapshot("date", &["2026-01-01", "2026-01-02"], "2026-01-05T12:00:00Z"));
        assert_eq!((overview.tables[0].partitions, overview.tables[0].rows), (1, Some(10)));
        assert_eq!(overview.errors.len(), 1);
        let empty = CatalogSnapshot { tables: Vec::new(), ..snapshot("date", &[], "2026-01-05T12:00:00Z") };
        assert_eq!(seen(&policy, &empty).tables[0].partitions, 0);
    }

    #[test]
    fn a_detached_table_says_what_becomes_of_it() {
        let entry = |table: &str, detached_at: Option<&str>| DetachedTable {
            oid: 7,
            name: name(table),
            recorded: name(table),
            parent: name("t"),
            bound: "FOR VALUES FROM ('2025-01-01') TO ('2025-01-02')".parse::<Bound>().unwrap(),
            detached_at: detached_at.map(|text| text.parse().unwrap()),
            attached: false,
            bytes: 8_192,
            references: Vec::new(),
        };
        let day_before = "2026-01-04T12:00:00Z";
        let detached = vec![
            entry("waits", Some(day_before)),
            entry("over", Some("2025-12-29T12:00:00Z")),
            DetachedTable { recorded: name("other"), ..entry("renamed", Some(day_before)) },
            entry("unrecorded", None),
            DetachedTable { parent: name("gone"), ..entry("orphan", Some(day_before)) },
            // Its detach never began: it is a partition like any other.
            DetachedTable { attached: true, ..entry("begun", None) },
        ];
        let mut snapshot = snapshot("date", &["2026-01-01", "2026-01-02"], "2026-01-05T12:00:00Z");
        snapshot.ledger = Ledger::Installed { detached };
        let mut policy = daily(retain(Some("1 year"), None));
        let fates = |policy: &Policy| -> Vec<DetachedFate> {
            seen(policy, &snapshot).detached.into_iter().map(|detached| detached.fate).collect()
        };
        assert_eq!(
            fates(&policy),
            [
                DetachedFate::DropsAt("2026-01-11T12:00:00Z".parse().unwrap()),
                DetachedFate::Due,
                DetachedFate::Changed,
                DetachedFate::Unrecorded,
                DetachedFate::Unmanaged,
            ]
        );
        let day = |text: &str| AxisValue::Time(format!("{text}T00:00:00").parse().unwrap());
        let what = Held::Between { from: day("2025-01-01"), to: day("2026-01-01") };
        policy.hold = vec![Hold { what, reason: None, until: None }];
        assert_eq!(fates(&policy)[..2], [DetachedFate::Held, DetachedFate::Held]);
        policy.hold.clear();
        policy.retain.as_mut().unwrap().then = Then::Detach;
        assert_eq!(fates(&policy)[..2], [DetachedFate::Kept, DetachedFate::Kept]);
    }
}
