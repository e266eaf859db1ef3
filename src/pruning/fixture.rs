//! Tables and plans that tests of this room share.

use serde_json::{Value, json};

use super::explain;
use super::lock_budget::Pruning;
use super::probe::probes;
use super::result::{Attempt, Observation, PruningResult};
use super::verdict::judge;
use crate::catalog::CatalogSnapshot;
use crate::policy::{
    Create, Every, HashPolicy, Level, ListPolicy, Location, Locks, Partitioning, Placement, Policy, PruningQuery,
    RangePolicy,
};
use crate::sql::{Identifier, KeyPart, QualifiedName};

pub(super) const DAY_1: &str = r#"{"Node Type": "Seq Scan", "Relation Name": "days_1", "Schema": "shop"}"#;
pub(super) const DAY_2: &str = r#"{"Node Type": "Seq Scan", "Relation Name": "days_2", "Schema": "shop"}"#;
pub(super) const DAY_3: &str = r#"{"Node Type": "Seq Scan", "Relation Name": "days_3", "Schema": "shop"}"#;

/// `shop.days` (oid 10) by day with leaves 11, 12 and 13; `shop.places` (20) by list; `shop.events` (30) by hash.
pub(super) fn snapshot() -> CatalogSnapshot {
    let day = |number: u32| {
        let bound = format!("FOR VALUES FROM ('2024-01-0{number}') TO ('2024-01-0{}')", number + 1);
        json!({"oid": 10 + number, "name": name(&format!("days_{number}")), "bound": bound, "indexes": 1})
    };
    let partition = |oid: u32, short: &str, bound: &str| json!({"oid": oid, "name": name(short), "bound": bound});
    let table = |oid: u32, short: &str, strategy: &str, columns: Value, partitions: Value| {
        let key = json!({"strategy": strategy, "columns": columns});
        json!({"oid": oid, "name": name(short), "owner": "shop", "key": key, "partitions": partitions})
    };
    let snapshot = json!({
        "server": {"version": 150_020, "now": "2024-01-02T12:00:00Z", "database": "shop", "role": "shop"},
        "tables": [
            table(10, "days", "range", json!([{"name": "day", "type": "date"}]), json!([day(3), day(1), day(2)])),
            table(20, "places", "list", json!([{"name": "place", "type": "text"}]), json!([
                partition(21, "places_none", "FOR VALUES IN (NULL)"),
                partition(22, "places_eu", "FOR VALUES IN (NULL, 'DE', 'FR')"),
                partition(23, "places_na", "FOR VALUES IN ('US')"),
                partition(24, "places_other", "DEFAULT"),
            ])),
            table(30, "events", "hash", json!([{"name": "id", "type": "bigint"}, {"name": "to", "type": "uuid"}]), json!([
                partition(31, "events_p0", "FOR VALUES WITH (modulus 2, remainder 0)"),
                partition(32, "events_p1", "FOR VALUES WITH (modulus 2, remainder 1)"),
            ])),
        ],
    });
    serde_json::from_value(snapshot).unwrap()
}

fn name(short: &str) -> Value {
    json!(format!("shop.{short}"))
}

pub(super) fn days(pruning: Vec<PruningQuery>) -> Policy {
    let every = Every::Time("1 day".parse().unwrap());
    let range = RangePolicy {
        key: vec![KeyPart::Column(Identifier::new("day"))],
        encoding: None,
        every,
        timezone: None,
        anchor: None,
    };
    Policy { pruning, ..policy("days", Partitioning::Range(range)) }
}

pub(super) fn places() -> Policy {
    let list = ListPolicy { key: KeyPart::Column(Identifier::new("place")), groups: Vec::new(), default: None };
    policy("places", Partitioning::List(list))
}

pub(super) fn events() -> Policy {
    let key = ["id", "to"].map(|name| KeyPart::Column(Identifier::new(name))).to_vec();
    policy("events", Partitioning::Hash(HashPolicy { key, modulus: 2 }))
}

fn policy(table: &str, partitioning: Partitioning) -> Policy {
    Policy {
        table: QualifiedName::new("shop", table),
        level: Level {
            partitioning,
            placement: Placement::default(),
            create: Create::default(),
            retain: None,
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
        location: Location { path: "shop.yaml".to_owned(), line: 1 },
    }
}

pub(super) fn query(sql: &str) -> PruningQuery {
    PruningQuery {
        name: "mine".to_owned(),
        sql: sql.to_owned(),
        with: Vec::new(),
        partitions: None,
        locks: None,
        require: None,
        location: Location { path: "shop.yaml".to_owned(), line: 7 },
    }
}

/// A plan that appends these nodes.
pub(super) fn appended(nodes: &[&str], removed: u32, locked: &[u32]) -> Attempt {
    let plan = format!(
        r#"[{{"Plan": {{"Node Type": "Append", "Subplans Removed": {removed}, "Plans": [{}]}}}}]"#,
        nodes.join(", ")
    );
    Attempt::Planned { facts: explain::read(&plan).unwrap(), locked: locked.iter().copied().collect() }
}

pub(super) fn observed(custom: Attempt, generic: Attempt) -> Observation {
    Observation { mentioned: Some([10].into()), reachable: None, pruning: Pruning::On, custom, generic }
}

const ALL: &[&str] = &[DAY_1, DAY_2, DAY_3];
pub(super) const ALL_LOCKED: &[u32] = &[10, 11, 12, 13];

pub(super) fn alone() -> Attempt {
    appended(&[DAY_1], 0, &[10, 11])
}

pub(super) fn at_startup() -> Attempt {
    appended(&[DAY_1], 2, ALL_LOCKED)
}

pub(super) fn unpruned() -> Attempt {
    appended(ALL, 0, ALL_LOCKED)
}

pub(super) fn skipped() -> Attempt {
    Attempt::Skipped("too many locks".to_owned())
}

/// Judges the probe of `days_1` by range.
pub(super) fn grid(custom: Attempt, generic: Attempt) -> PruningResult {
    let snapshot = snapshot();
    let probes = probes(&[days(Vec::new())], &snapshot);
    judge(&snapshot, &probes[1..2], vec![observed(custom, generic)]).remove(0)
}

pub(super) fn policy_result(query: PruningQuery, custom: Attempt, generic: Attempt) -> PruningResult {
    let snapshot = snapshot();
    let probes = probes(&[days(vec![query])], &snapshot);
    judge(&snapshot, &probes[6..], vec![observed(custom, generic)]).remove(0)
}
