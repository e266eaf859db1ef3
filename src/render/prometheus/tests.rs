//! What is written is read by a reader of its own: names, help, types, labels and values as the text format has them.

use std::collections::BTreeMap;

use super::*;
use crate::failure::FailureKind;
use crate::plan::{Finding, codes};
use crate::policy::Thresholds;
use crate::render::Target;
use crate::render::samples::{self, at, name};
use crate::sql::QualifiedName;

fn run(failure: Option<FailureKind>) -> RunReport {
    let target = Target { database: "appdb".to_owned(), server: "db1:5432,db2:5432".to_owned() };
    let started_at = at("2026-11-21T03:00:00Z");
    RunReport { target: Some(target), failure, ..RunReport::begin("check", None, started_at) }
}

fn seen() -> Seen {
    let mut overview = samples::overview();
    overview.tables[0].thresholds = Thresholds {
        min_runway: Some(Reach::Time("14 days".parse().unwrap())),
        max_partitions: Some(400),
        default_rows: Some(0),
    };
    let orders = name("orders");
    let findings = vec![
        Finding::about(codes::DEFAULT_LIMIT, &orders, "DEFAULT holds rows"),
        Finding::about(codes::HELD, &orders, "is held"),
        Finding::about(codes::UNMANAGED_TABLE, &QualifiedName::new("app", "log"), "is partitioned"),
    ];
    Seen { overview, plan: samples::life_of_orders(), findings, pruning: Vec::new() }
}

fn written(report: &RunReport) -> String {
    let mut out = Vec::new();
    prometheus(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Reads the text format, strictly: every family once, with help and type, and no series twice.
fn read(text: &str) -> BTreeMap<String, f64> {
    let mut series = BTreeMap::new();
    let mut families = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let (family, help) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')).expect(line);
        assert!(!families.contains(&family.to_owned()) && help.ends_with('.'), "{line}");
        assert!(family.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
        families.push(family.to_owned());
        assert_eq!(lines.next(), Some(format!("# TYPE {family} gauge").as_str()));
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let (labels, value) = line.strip_prefix(family).unwrap().rsplit_once(' ').unwrap();
            let inner = labels.strip_prefix('{').and_then(|labels| labels.strip_suffix('}')).unwrap();
            assert_labels(inner);
            let value = if value == "+Inf" { f64::INFINITY } else { value.parse().unwrap() };
            assert_eq!(series.insert(format!("{family}{labels}"), value), None, "twice: {line}");
        }
    }
    series
}

/// `name="value"` and commas; in a value only `\\`, `\"` and `\n` are escapes.
fn assert_labels(mut rest: &str) {
    loop {
        let (name, value) = rest.split_once("=\"").unwrap();
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase()), "{rest}");
        let mut characters = value.char_indices();
        let end = loop {
            match characters.next().unwrap() {
                (_, '\\') => assert!(matches!(characters.next(), Some((_, '\\' | '"' | 'n'))), "{rest}"),
                (end, '"') => break end,
                (_, c) => assert_ne!(c, '\n'),
            }
        };
        rest = &value[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return assert_eq!(rest, ""),
        }
    }
}

const RUN: &str = "command=\"check\",database=\"appdb\",server=\"db1:5432,db2:5432\"";

#[test]
fn a_run_that_saw_its_tables_tells_all_of_them() {
    let text = written(&RunReport { seen: Some(seen()), ..run(Some(FailureKind::Findings)) });
    let series = read(&text);
    let orders = |metric: &str| series[&format!("{metric}{{{RUN},table=\"shop.orders\"}}")];
    assert_eq!(orders("partctl_runway_seconds"), 8_625_600.0);
    assert_eq!(orders("partctl_coverage_end_timestamp_seconds"), 1_803_855_600.0);
    assert_eq!(orders("partctl_min_runway_seconds"), 14.0 * 86_400.0);
    assert_eq!((orders("partctl_default_rows"), orders("partctl_max_default_rows")), (1_204.0, 0.0));
    assert_eq!((orders("partctl_partitions"), orders("partctl_max_partitions")), (31.0, 400.0));
    assert_eq!((orders("partctl_pending_steps"), orders("partctl_missing_partitions")), (3.0, 0.0));
    assert_eq!((orders("partctl_detached_tables"), orders("partctl_detached_bytes")), (2.0, 2.0 * 14_817_637_171.0));
    assert!(orders("partctl_oldest_bound_timestamp_seconds") < orders("partctl_newest_bound_timestamp_seconds"));
    let found = |table: &str, severity: &str| {
        series[&format!("partctl_findings{{{RUN},table=\"{table}\",severity=\"{severity}\"}}")]
    };
    assert_eq!((found("shop.orders", "error"), found("shop.orders", "info"), found("", "info")), (1.0, 1.0, 1.0));
    assert_eq!(series[&format!("partctl_last_run_exit_code{{{RUN}}}")], 3.0);
    assert!(!text.contains("partctl_pruning"), "nothing asked");
    assert!(!text.contains(
        "partctl_runway_seconds{command=\"check\",database=\"appdb\",server=\"db1:5432,db2:5432\",table=\"app.events\"}"
    ));
}

#[test]
fn a_run_that_saw_nothing_tells_so_and_shows_nothing_old() {
    let series = read(&written(&run(Some(FailureKind::Unreachable))));
    let metrics: Vec<&str> = series.keys().map(|key| key.split('{').next().unwrap()).collect();
    assert_eq!(
        metrics,
        [
            "partctl_build_info",
            "partctl_last_run_duration_seconds",
            "partctl_last_run_exit_code",
            "partctl_last_run_timestamp_seconds",
            "partctl_last_success_timestamp_seconds",
        ]
    );
    assert_eq!(series[&format!("partctl_last_success_timestamp_seconds{{{RUN}}}")], 0.0);
    read(&written(&RunReport { target: None, ..run(Some(FailureKind::Policy)) }));
}

#[test]
fn the_last_success_is_kept_over_runs_that_fail() {
    let success = Some(at("2026-11-20T03:00:01.5Z"));
    let earlier = written(&RunReport { last_success: success, ..run(None) });
    assert_eq!(last_success(&earlier, &run(Some(FailureKind::Busy))), success);
    let other = RunReport { command: "apply", ..run(None) };
    assert_eq!(last_success(&earlier, &other), None);
    for nothing in ["", "partctl_last_success_timestamp_seconds nonsense\n", &written(&run(None))] {
        assert_eq!(last_success(nothing, &run(None)), None, "{nothing}");
    }
}

#[test]
fn names_cannot_break_out_of_their_label() {
    let mut seen = seen();
    seen.overview.tables[0].table = QualifiedName::new("a\"b\\", "c\nd} 1");
    seen.overview.tables[1].runway = Runway::Endless;
    seen.overview.tables[2].runway = Runway::Partitions(3);
    seen.overview.tables[2].newest =
        Some(AxisEnd { shown: "4000".to_owned(), position: Some(Position::Number(4_000)) });
    let series = read(&written(&RunReport { seen: Some(seen), ..run(None) }));
    let of = |metric: &str, table: &str| series[&format!("{metric}{{{RUN},table=\"{table}\"}}")];
    assert_eq!(of("partctl_runway_seconds", "crm.customers"), f64::INFINITY);
    assert_eq!(
        (of("partctl_runway_partitions", "app.events"), of("partctl_newest_bound_key", "app.events")),
        (3.0, 4_000.0)
    );
}

#[test]
fn metrics_are_named_once_and_by_their_unit() {
    let mut names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(METRICS.iter().all(|metric| metric.name.starts_with("partctl_") && !metric.help.contains(['\n', '\\'])));
}
