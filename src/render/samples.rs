//! Plans and snapshots made by hand, for the tests of this room.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Occasion, PlanReport};
use crate::catalog::Bound;
use crate::diff::{
    AxisEnd, DefaultState, DetachedFate, DetachedState, Fate, LastApply, NextToRetire, Overview, Place, Position,
    Stretch, TableOverview, When,
};
use crate::plan::steps::{ArchiveTable, CreatePartition, CreateReason, DetachPartition, DropTable};
use crate::plan::{
    Blocker, Carried, Moment, Neighbour, PastRun, PastStep, Plan, RunEnd, Runway, Step, Surroundings, TablePlan,
};
use crate::policy::{Archive, Inherited, Locks};
use crate::rows::{Compression, Format, Layout};
use crate::schedule::{Edge, Extent, Point};
use crate::sql::QualifiedName;

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn name(table: &str) -> QualifiedName {
    QualifiedName::new("shop", table)
}

pub(super) fn report(plan: &Plan) -> PlanReport<'_> {
    PlanReport { plan, moment: Moment::Server, occasion: Occasion::Plan }
}

pub(super) fn create(parent: &QualifiedName, partition: &str, from: &str, to: &str, reason: CreateReason) -> Step {
    let bound: Bound = format!("FOR VALUES FROM ('{from}') TO ('{to}')").parse().unwrap();
    Step::Create(CreatePartition {
        around: around(parent, &[]),
        root: name("orders"),
        partition: QualifiedName { schema: parent.schema.clone(), name: crate::sql::Identifier::new(partition) },
        bound,
        range: format!("{from} … {to}"),
        reason,
        owner: None,
        carried: Carried { inherit: Inherited::ALL.into_iter().collect(), ..Carried::default() },
        tablespace: None,
        access_method: None,
        found_by: None,
        spares_default: None,
        branch: None,
    })
}

fn around(parent: &QualifiedName, references: &[&str]) -> Surroundings {
    let references = references.iter().map(|table| neighbour(table)).collect();
    Surroundings { parent: parent.clone(), default: None, references, referenced_by: Vec::new() }
}

fn neighbour(table: &str) -> Neighbour {
    Neighbour { name: name(table), lockable: true }
}

pub(super) fn detach(parent: &QualifiedName, partition: &str, default: Option<&str>) -> Step {
    Step::Detach(DetachPartition {
        around: Surroundings { default: default.map(neighbour), ..around(parent, &["customers"]) },
        parent_oid: 100,
        partition: name(partition),
        kind: crate::catalog::RelationKind::Table,
        oid: 124,
        bound: "FOR VALUES FROM ('2024-10-01') TO ('2024-11-01')".parse().unwrap(),
        range: "2024-10-01 … 2024-11-01".to_owned(),
        reason: "older than 24 months".to_owned(),
        bytes: 15_247_133_901,
        rows: Some(31_004_112),
        unless: None,
    })
}

pub(super) fn archive_table(table: &str) -> Step {
    Step::Archive(ArchiveTable {
        parent: name("orders"),
        table: name(table),
        oid: 123,
        bound: "FOR VALUES FROM ('2001-01-01') TO ('2001-02-01')".parse().unwrap(),
        range: "2001-01-01 … 2001-02-01".to_owned(),
        archive: Archive {
            to: "s3://acme-archive/orders".to_owned(),
            layout: Layout { format: Format::Parquet, compression: Compression::default() },
            split: None,
            connections: 1,
            keep: None,
        },
        bytes: 14_817_637_171,
        rows: Some(31_004_112),
        estimate: None,
    })
}

pub(super) fn drop_table(table: &str) -> Step {
    Step::Drop(DropTable {
        table: name(table),
        oid: 123,
        kind: crate::catalog::RelationKind::Table,
        range: "2024-09-01 … 2024-10-01".to_owned(),
        reason: "detached 2026-11-07, grace over".to_owned(),
        bytes: 14_817_637_171,
        foreign_keys: Vec::new(),
        condition: crate::plan::steps::Condition::None,
        unless: None,
    })
}

pub(super) fn table(table: QualifiedName, grid: &str, steps: Vec<Step>) -> TablePlan {
    TablePlan {
        table,
        fingerprint: "f00d".to_owned(),
        grid: grid.to_owned(),
        partitions: 4,
        leaves: 4,
        bytes: 2_254_857_830,
        runway: Runway::None,
        steps,
        findings: Vec::new(),
        locks: Locks::default(),
        retires_after: Vec::new(),
        severities: crate::codes::Severities::default(),
        unattended: false,
    }
}

pub(super) fn table_with_creates(parent: &str, count: usize) -> TablePlan {
    let parent = name(parent);
    let day =
        |n: usize| (chrono::NaiveDate::from_ymd_opt(2026, 11, 21).unwrap() + chrono::Days::new(n as u64)).to_string();
    let step = |n: usize| {
        let partition = format!("{}_{}", parent.name.as_str(), day(n).replace('-', "_"));
        create(&parent, &partition, &day(n), &day(n + 1), CreateReason::Ahead(n))
    };
    let steps = (0..count).map(step).collect();
    table(parent.clone(), "range at, 1 day", steps)
}

pub(super) fn plan(tables: Vec<TablePlan>) -> Plan {
    Plan {
        database: "appdb".to_owned(),
        at: at("2026-11-21T03:00:00Z"),
        server_version: 150_020,
        tables,
        findings: Vec::new(),
        severities: crate::codes::Severities::default(),
        questions: BTreeSet::new(),
    }
}

/// One of each: a partition made, one detached, one dropped, beside two tables that are converged.
pub(super) fn life_of_orders() -> Plan {
    let orders = name("orders");
    let steps = vec![
        create(&orders, "orders_2027_03", "2027-03-01", "2027-04-01", CreateReason::Ahead(3)),
        detach(&orders, "orders_2024_10", None),
        drop_table("orders_2024_09"),
    ];
    let orders = TablePlan {
        partitions: 31,
        leaves: 31,
        bytes: 442_381_631_488,
        runway: Runway::Until(at("2027-02-21T04:00:00Z")),
        ..table(orders, "range order_date, 1 month, Europe/Berlin", steps)
    };
    let customers = table(QualifiedName::new("crm", "customers"), "list region", Vec::new());
    let events = TablePlan {
        partitions: 8,
        leaves: 8,
        ..table(QualifiedName::new("app", "events"), "hash user_id, 8", Vec::new())
    };
    plan(vec![orders, customers, events])
}

/// A range table with a past and a future, a list table with DEFAULT, a hash table, and two detached tables.
pub(super) fn overview() -> Overview {
    let bare = |table: QualifiedName, key: &str| TableOverview {
        table,
        key: key.to_owned(),
        partitions: 8,
        bytes: 94_489_280_512,
        rows: None,
        oldest: None,
        newest: None,
        runway: Runway::None,
        default: None,
        pending_detaches: 0,
        held: 0,
        thresholds: Default::default(),
        next_to_retire: None,
        last_apply: None,
        timeline: Vec::new(),
    };
    let month = |n: u32| chrono::NaiveDate::from_ymd_opt(2024, 10, 1).unwrap() + chrono::Months::new(n);
    let edge =
        |n: u32| Edge::At(Point(i128::from(month(n).and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())));
    let stretch = |n: u32| Stretch {
        partition: Some(name(&format!("orders_{}", month(n).format("%Y_%m")))),
        from: month(n).to_string(),
        to: month(n + 1).to_string(),
        extent: Extent { from: edge(n), to: edge(n + 1) },
        bytes: u64::from(n) * 400_000_000,
        rows: Some(u64::from(n) * 1_000_000),
        place: match n {
            0..25 => Place::Past,
            25 => Place::Current,
            _ => Place::Ahead,
        },
        fate: if n == 0 { Fate::Expiring } else { Fate::Stays },
    };
    let shown = "2026-12-01".to_owned();
    let axis_end =
        |shown: &str, moment: &str| AxisEnd { shown: shown.to_owned(), position: Some(Position::Time(at(moment))) };
    let orders = TableOverview {
        partitions: 31,
        bytes: 442_381_631_488,
        rows: Some(904_331_020),
        oldest: Some(axis_end("2024-10-01", "2024-09-30T22:00:00Z")),
        newest: Some(axis_end("2027-03-01", "2027-02-28T23:00:00Z")),
        runway: Runway::Until(at("2027-02-28T23:00:00Z")),
        default: Some(DefaultState { name: name("orders_default"), rows: Some(1_204), asked_for: false }),
        next_to_retire: Some(NextToRetire {
            partition: name("orders_2024_10"),
            when: When::At { moment: at("2026-11-30T23:00:00Z"), shown },
        }),
        last_apply: Some(LastApply { at: at("2026-11-19T03:00:00Z"), run: 12, failed: false }),
        timeline: (0..29).map(stretch).collect(),
        ..bare(name("orders"), "range order_date")
    };
    let customers = TableOverview {
        partitions: 4,
        bytes: 2_254_857_830,
        rows: Some(8_211),
        default: Some(DefaultState {
            name: QualifiedName::new("crm", "customers_other"),
            rows: Some(0),
            asked_for: true,
        }),
        ..bare(QualifiedName::new("crm", "customers"), "list region")
    };
    let detached = |table: &str, fate: DetachedFate| DetachedState {
        table: name(table),
        parent: name("orders"),
        range: "2024-09-01 … 2024-10-01".to_owned(),
        bytes: 14_817_637_171,
        detached_at: Some(at("2026-11-18T03:00:00Z")),
        fate,
    };
    Overview {
        database: "appdb".to_owned(),
        server_version: 150_020,
        at: at("2026-11-21T03:00:00Z"),
        tables: vec![orders, customers, bare(QualifiedName::new("app", "events"), "hash user_id")],
        detached: vec![
            detached("orders_2024_09", DetachedFate::DropsAt(at("2026-11-25T03:00:00Z"))),
            detached("orders_2024_08", DetachedFate::Held),
        ],
        errors: Vec::new(),
    }
}

/// One that runs, one that failed, one that never ended, and one of the first version, newest first.
pub(super) fn past_runs() -> Vec<PastRun> {
    let run = PastRun {
        id: 12,
        started_at: at("2026-11-21T03:00:00.5Z"),
        end: RunEnd::Running { pid: 812, since: Duration::from_secs(190) },
        role: "partctl".to_owned(),
        os_user: Some("ada".to_owned()),
        client_host: Some("db1.example".to_owned()),
        version: "0.1.0".to_owned(),
        options: Some(vec!["--allow-destroy".to_owned(), "--deadline '1200 seconds'".to_owned()]),
        done: 3,
        failed: 0,
        left_out: None,
    };
    let ended = |end: &str, outcome: &str| RunEnd::Ended { at: at(end), outcome: outcome.to_owned() };
    vec![
        run.clone(),
        PastRun {
            id: 11,
            end: ended("2026-11-21T03:10:00.75Z", "lock timeout"),
            done: 1,
            failed: 1,
            left_out: Some(1),
            ..run.clone()
        },
        PastRun { id: 10, end: RunEnd::Unknown, done: 1_204, ..run.clone() },
        PastRun {
            id: 9,
            end: ended("2026-11-21T03:00:01Z", "done"),
            os_user: None,
            client_host: None,
            options: None,
            role: "shop|\u{1b}[2J".to_owned(),
            ..run
        },
    ]
}

/// One that was done and one that was not.
pub(super) fn past_steps() -> Vec<PastStep> {
    let step = PastStep {
        position: Some(1),
        finished_at: at("2026-11-21T03:00:01Z"),
        table: "shop.orders".to_owned(),
        fingerprint: "0123".to_owned(),
        kind: "create".to_owned(),
        target: "shop.orders_2027_03".to_owned(),
        took: Some(Duration::from_millis(7)),
        sql: Some(
            "CREATE TABLE shop.orders_2027_03 (LIKE shop.orders INCLUDING ALL EXCLUDING IDENTITY);\n\
             ALTER TABLE shop.orders ATTACH PARTITION shop.orders_2027_03 FOR VALUES FROM ('2027-03-01') TO ('2027-04-01');"
                .to_owned(),
        ),
        error: None,
        sqlstate: None,
        blockers: Vec::new(),
    };
    vec![
        step.clone(),
        PastStep {
            position: Some(2),
            kind: "detach".to_owned(),
            target: "shop.orders_2024_10".to_owned(),
            took: Some(Duration::from_secs(600)),
            sql: Some("ALTER TABLE shop.orders DETACH PARTITION shop.orders_2024_10 CONCURRENTLY;".to_owned()),
            error: Some("locks not granted within 10 min".to_owned()),
            sqlstate: Some("55P03".to_owned()),
            blockers: vec![Blocker {
                pid: 4711,
                role: "report".to_owned(),
                application: "reporting".to_owned(),
                state: "idle in transaction".to_owned(),
                since: "2026-11-21 02:41:07 UTC".to_owned(),
                holds: "ACCESS SHARE on shop.orders".to_owned(),
                query: "select * from shop.orders order by order_date".to_owned(),
            }],
            ..step
        },
    ]
}
