use super::*;
use crate::plan::codes;
use crate::policy::{Source, check};

const POLICY: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 2 partitions}\nretain: {for: 3 months, then: drop, grace: 7 days}\n";

/// Four complete months of a gigabyte each, the current one half full, two ahead.
fn catalog() -> CatalogSnapshot {
    let partition = |n: u32, name: &str, from: &str, to: &str, bytes: u64| {
        serde_json::json!({"oid": n, "name": format!("shop.orders_{name}"), "bytes": bytes, "indexes": 1,
            "rows": if bytes == 0 { 0 } else { 1000 },
            "bound": format!("FOR VALUES FROM ('{from} 00:00:00+00') TO ('{to} 00:00:00+00')")})
    };
    let gigabyte = 1 << 30;
    serde_json::from_value(serde_json::json!({
        "server": {"version": 150004, "now": "2026-11-16T00:00:00Z", "database": "shop", "role": "dba"},
        "tables": [{"oid": 1, "name": "shop.orders", "owner": "dba", "owner_may_create_in": ["shop"],
            "key": {"strategy": "range", "columns": [{"name": "at", "type": "timestamp with time zone"}]},
            "partitions": [
                partition(11, "2026_08", "2026-08-01", "2026-09-01", gigabyte),
                partition(12, "2026_09", "2026-09-01", "2026-10-01", gigabyte),
                partition(13, "2026_10", "2026-10-01", "2026-11-01", gigabyte),
                partition(14, "2026_11", "2026-11-01", "2026-12-01", gigabyte / 2),
                partition(15, "2026_12", "2026-12-01", "2027-01-01", 0),
                partition(16, "2027_01", "2027-01-01", "2027-02-01", 0)]}]
    }))
    .unwrap()
}

fn policies(text: &str) -> Vec<Policy> {
    let checked = check(&[Source { path: "policy.yaml".to_owned(), text: text.to_owned() }]);
    assert_eq!(checked.problems, []);
    checked.policies
}

fn simulated(policy: &str, until: &str, disk: Option<u64>) -> Simulation {
    simulate(&policies(policy), &catalog(), until.parse().unwrap(), disk)
}

#[test]
fn every_month_one_comes_and_one_goes_and_its_bytes_a_week_later() {
    let simulation = simulated(POLICY, "2027-01-20T00:00:00Z", None);
    let told: Vec<String> = simulation
        .weeks
        .iter()
        .flat_map(|week| week.events.iter().map(move |events| (week, events)))
        .map(|(week, events)| {
            let name =
                |names: &[QualifiedName]| names.iter().map(|name| name.name.to_string()).collect::<Vec<_>>().join(" ");
            format!("{}: +[{}] -[{}] {}", week.monday, name(&events.created), name(&events.retired), events.freed >> 20)
        })
        .collect();
    assert_eq!(
        told,
        [
            "2026-11-30: +[orders_2027_02] -[orders_2026_08] 0",
            "2026-12-07: +[] -[] 1024",
            "2026-12-28: +[orders_2027_03] -[orders_2026_09] 0",
            "2027-01-04: +[] -[] 1024",
        ]
    );
    let last = simulation.weeks.last().unwrap();
    // October to January, and two ahead; three and a half months of a gigabyte each, and the one before is gone.
    assert_eq!(last.partitions, 6);
    let gigabytes = last.bytes as f64 / f64::from(1 << 30);
    assert!((3.4..3.8).contains(&gigabytes), "{gigabytes}");
    assert_eq!(
        (simulation.disk_full, simulation.trouble.as_slice(), simulation.too_many.as_slice()),
        (None, &[][..], &[][..])
    );
}

#[test]
fn the_hours_after_the_last_midnight_are_played_as_well() {
    let played = |from: &str, until: &str| -> Vec<String> {
        let of = |day: &str| format!("2026-11-{day}:00Z").parse().unwrap();
        moments(of(from), of(until)).map(|now| now.format("%dT%H").to_string()).collect()
    };
    assert_eq!(played("16T05:00", "18T07:00"), ["16T05", "17T00", "18T00", "18T07"]);
    assert_eq!(played("16T00:00", "17T00:00"), ["16T00", "17T00"]);
    assert_eq!(played("16T05:00", "16T05:00"), ["16T05"]);
}

#[test]
fn what_grows_without_end_fills_the_disk_on_a_day_that_is_told() {
    let keeps = POLICY.lines().take(4).collect::<Vec<_>>().join("\n");
    let simulation = simulated(&keeps, "2027-11-16T00:00:00Z", Some(10 << 30));
    let full = simulation.disk_full.unwrap().date_naive();
    // Three and a half gigabytes are there; the rest takes six and a half months of some 30.7 days.
    assert_eq!(full.to_string(), "2027-06-04");
    assert_eq!(simulation.weeks.last().unwrap().partitions, 18);
}

#[test]
fn a_table_that_outgrows_the_lock_table_is_told_in_time() {
    let keeps = POLICY.lines().take(4).collect::<Vec<_>>().join("\n");
    let mut catalog = catalog();
    catalog.server.lock_slots = 20;
    let until = "2027-11-16T00:00:00Z".parse().unwrap();
    let simulation = simulate(&policies(&keeps), &catalog, until, None);
    let [outgrown] = simulation.too_many.as_slice() else { panic!("{:?}", simulation.too_many) };
    // The table, and ten partitions with an index each: August to May, which is made in March.
    assert_eq!((outgrown.at.date_naive().to_string().as_str(), outgrown.locks), ("2027-03-01", 21));
}

#[test]
fn more_partitions_than_the_policy_wants_are_told_in_time() {
    let keeps = POLICY.lines().take(4).collect::<Vec<_>>().join("\n") + "\ncheck: {max_partitions: 8}\n";
    let simulation = simulated(&keeps, "2027-11-16T00:00:00Z", None);
    let [(at, finding)] = simulation.trouble.as_slice() else { panic!("{:?}", simulation.trouble) };
    // Six are there in November, seven from December on; the ninth is made on 1 February.
    assert_eq!((at.date_naive().to_string().as_str(), finding.code), ("2027-02-02", codes::PARTITION_LIMIT));
    assert_eq!(finding.message, "has 9 partitions, more than 8");
}
