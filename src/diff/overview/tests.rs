use super::*;
use crate::catalog::{Answer, Bound, DetachedTable, Journal, KeyColumn, Ledger, PartitionKey, Server, Strategy};
use crate::diff::plan;
use crate::policy::{
    AxisValue, Create, Every, Groups, Held, Hold, Level, ListPolicy, Location, Locks, Placement, RangePolicy, Reach,
    Retain, Then,
};
use crate::sql::{Identifier, KeyPart};

fn name(table: &str) -> QualifiedName {
    QualifiedName::new("shop", table)
}

fn policy(every: Every, timezone: Option<chrono_tz::Tz>, retain: Retain) -> Policy {
    let ahead = Reach::Partitions(1);
    Policy {
        table: name("t"),
        level: Level {
            partitioning: Partitioning::Range(RangePolicy {
                key: vec![KeyPart::Column(Identifier::new("at"))],
                encoding: None,
                every,
                timezone,
                anchor: None,
            }),
            placement: Placement::default(),
            create: Create { ahead, fill_gaps: false, ..Create::default() },
            retain: Some(retain),
            subpartition: None,
        },
        archive: None,
        hold: Vec::new(),
        inherit: Default::default(),
        storage: Default::default(),
        locks: Locks::default(),
        maintain: Default::default(),
        thresholds: Default::default(),
        severities: crate::codes::Severities::default(),
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
        distance: None,
        max_size: None,
        unless: None,
        at_least: 1,
        then: Then::Drop,
        grace: Some("7 days".parse().unwrap()),
        per_run: Some(1_000),
        move_to: None,
        unattended: false,
    }
}

/// A table whose partitions are named by their position and lie between neighbouring values.
fn snapshot(key_type: &str, bounds: &[&str], now: &str) -> CatalogSnapshot {
    let partition = |(n, ends): (usize, &[&str])| Partition {
        analyzed_rows: None,
        oid: n as u32 + 1,
        name: name(&format!("p{n}")),
        kind: Default::default(),
        owner: None,
        properties: None,
        storage: Default::default(),
        index_faults: Vec::new(),
        bound: format!("FOR VALUES FROM ('{}') TO ('{}')", ends[0], ends[1]).parse().unwrap(),
        pending_detach: false,
        rows: Some(10),
        bytes: 8_192,
        indexes: 0,
        leftover_checks: Vec::new(),
        split: None,
        table: None,
    };
    let table = Table {
        analyzed_rows: None,
        oid: 100,
        name: name("t"),
        kind: crate::catalog::RelationKind::Partitioned,
        owner: Identifier::new("owner"),
        role_is_owner: true,
        role_is_member: true,
        owner_uses_schema: true,
        denied_tablespaces: Vec::new(),
        denied_referrers: Vec::new(),
        owner_may_create_in: vec![Identifier::new("shop")],
        key: Some(PartitionKey {
            strategy: Strategy::Range,
            columns: vec![KeyColumn {
                expression: None,
                name: Some(Identifier::new("at")),
                type_name: key_type.to_owned(),
                collation: None,
            }],
        }),
        columns: Vec::new(),
        unique_keys: Vec::new(),
        indexes: 0,
        key_has_index: false,
        tablespace: None,
        access_method: None,
        properties: Vec::new(),
        default_grants: Vec::new(),
        unvalidated: Vec::new(),
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
            sees_sessions: true,
        },
        tables: vec![table],
        unmanaged: Vec::new(),
        unfinished: Vec::new(),
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
        (daily(retain(Some("1 month"), Some(40))), date, &days, "2026-02-03T00:00:00Z", "2026-03-11"),
        (month(berlin, retain(Some("24 months"), None)), timestamptz, &instants, "2026-10-01T00:00:00Z", "2026-11-01"),
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
fn partitions_that_the_plan_makes_count_for_newest() {
    let mut policy = daily(retain(None, Some(2)));
    policy.level.create.fill_gaps = true;
    let days = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05"];
    let mut snapshot = snapshot("date", &days, "2026-01-03T12:00:00Z");
    snapshot.tables[0].partitions.retain(|partition| partition.oid != 3);
    assert!(detaches(&policy, &snapshot, "p0"));
    assert_eq!(next(&policy, &snapshot), Some(("p0".to_owned(), When::Due)));
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
    let table = &overview.tables[0];
    let ends = [&table.oldest, &table.newest].map(|end| end.as_ref().unwrap().shown.as_str());
    assert_eq!(ends, ["2026-01-01", "2026-01-06"]);
    let position = Position::Time("2026-01-06T00:00:00Z".parse().unwrap());
    assert_eq!(table.newest.as_ref().unwrap().position, Some(position));
}

#[test]
fn a_table_that_does_not_fit_its_policy_still_has_its_line() {
    let mut policy = daily(retain(Some("1 year"), None));
    policy.level.partitioning = Partitioning::List(ListPolicy {
        key: KeyPart::Column(Identifier::new("region")),
        groups: Groups::Named(Vec::new()),
        default: None,
    });
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
        kind: crate::catalog::RelationKind::Table,
        name: name(table),
        recorded: name(table),
        parent: name("t"),
        bound: "FOR VALUES FROM ('2025-01-01') TO ('2025-01-02')".parse::<Bound>().unwrap(),
        detached_at: detached_at.map(|text| text.parse().unwrap()),
        owner_out_of_reach: None,
        tablespace: None,
        attached: false,
        bytes: 8_192,
        rows: None,
        foreign_keys: Vec::new(),
        leftover_checks: Vec::new(),
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
    snapshot.ledger = Ledger::Installed {
        detached,
        archives: crate::catalog::Archives::default(),
        being_deleted: Vec::new(),
        restored: Vec::new(),
        unreadable: Vec::new(),
        journal: Journal::Current,
        writable: true,
    };
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
    policy.level.retain.as_mut().unwrap().then = Then::Detach;
    assert_eq!(fates(&policy)[..2], [DetachedFate::Kept, DetachedFate::Kept]);
}

/// A table of which nothing is known.
pub(in crate::diff) fn bare(table: QualifiedName) -> TableOverview {
    TableOverview {
        table,
        key: "range at".to_owned(),
        partitions: 0,
        bytes: 0,
        rows: None,
        oldest: None,
        newest: None,
        runway: Runway::None,
        default: None,
        pending_detaches: 0,
        held: 0,
        thresholds: Thresholds::default(),
        next_to_retire: None,
        last_apply: None,
        timeline: Vec::new(),
    }
}

#[test]
fn what_lies_below_the_root_counts() {
    let mut policy = daily(retain(Some("1 month"), None));
    let days = policy.level.clone();
    policy.level = Level {
        partitioning: Partitioning::List(ListPolicy {
            key: KeyPart::Column(Identifier::new("region")),
            groups: Groups::Named(Vec::new()),
            default: None,
        }),
        retain: None,
        subpartition: Some(Box::new(days)),
        ..policy.level
    };
    policy.hold = vec![Hold { what: Held::Partition(Identifier::new("us_p0")), reason: None, until: None }];
    let now = "2026-02-05T00:00:00Z";
    let branch = |region: &str, oid: u32, bounds: &[&str]| {
        let mut table = snapshot("date", bounds, now).tables.remove(0);
        (table.oid, table.name) = (oid, name(region));
        for partition in &mut table.partitions {
            partition.oid += oid;
            partition.name = name(&format!("{region}_{}", partition.name.name.as_str()));
        }
        Partition {
            oid,
            name: name(region),
            kind: crate::catalog::RelationKind::Partitioned,
            bound: format!("FOR VALUES IN ('{region}')").parse().unwrap(),
            table: Some(Box::new(table)),
            ..snapshot("date", &["2026-01-01", "2026-01-02"], now).tables[0].partitions[0].clone()
        }
    };
    let mut snapshot = snapshot("text", &[], now);
    let table = &mut snapshot.tables[0];
    let key = table.key.as_mut().unwrap();
    (key.strategy, key.columns[0].name) = (Strategy::List, Some(Identifier::new("region")));
    table.partitions = vec![
        branch("eu", 1_000, &["2026-01-30", "2026-01-31", "2026-02-01"]),
        branch("us", 2_000, &["2026-01-10", "2026-01-11", "2026-01-12", "2026-02-07"]),
    ];
    let overview = seen(&policy, &snapshot).tables.remove(0);
    let next = overview.next_to_retire.unwrap();
    assert_eq!(next.partition, name("us_p1"), "us_p0 is held, and those of eu are younger");
    assert!(matches!(next.when, When::At { shown, .. } if shown.starts_with("2026-02-12")));
    assert_eq!(overview.held, 1);
    let ends = [overview.oldest, overview.newest].map(|end| end.unwrap().shown);
    assert_eq!(ends, ["2026-01-10", "2026-02-07"]);
    assert_eq!(overview.timeline, []);
}
