use super::*;
use crate::plan::{Finding, codes};
use crate::policy::Thresholds;
use crate::render::samples::{self, at, name};
use crate::render::{ErrorReport, Seen};

fn seen(findings: Vec<Finding>) -> Seen {
    let mut overview = samples::overview();
    overview.tables[0].thresholds = Thresholds {
        min_runway: Some(Reach::Time("14 days".parse().unwrap())),
        max_partitions: Some(400),
        default_rows: None,
    };
    Seen { overview, plan: samples::life_of_orders(), findings, pruning: Vec::new() }
}

fn run(failure: Option<FailureKind>, seen: Option<Seen>) -> RunReport {
    RunReport { failure, seen, ..RunReport::begin("check", None, at("2026-11-21T03:00:00Z")) }
}

fn shown(report: &RunReport) -> String {
    let mut out = Vec::new();
    nagios(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn all_is_well_in_one_line_with_what_was_measured() {
    let held = Finding::about(codes::HELD, &name("orders"), "orders_2023_04 is over, and held");
    let report = run(None, Some(seen(vec![held])));
    assert_eq!(ServiceState::of(&report).exit_code(), 0);
    insta::assert_snapshot!(shown(&report), @"PARTCTL OK - 3 tables, shortest runway 99 days (shop.orders) | 'shop.orders runway'=8625600s;;1209600: 'shop.orders partitions'=31;;400 'shop.orders size'=442381631488B 'shop.orders default'=1204 'crm.customers partitions'=4 'crm.customers size'=2254857830B 'crm.customers default'=0 'app.events partitions'=8 'app.events size'=94489280512B");
}

#[test]
fn what_is_worst_comes_first_and_no_text_looks_like_data() {
    let findings = vec![
        Finding::about(codes::DEFAULT_HOLDS_ROWS, &name("orders"), "DEFAULT holds rows").hint("look at them"),
        Finding::about(codes::RUNWAY, &name("a|b'=c"), "coverage ends | soon\n"),
    ];
    let mut seen = seen(findings.clone());
    seen.overview.tables[1].table = name("a|b'=c");
    let report = run(Some(FailureKind::Findings), Some(seen));
    assert_eq!(ServiceState::of(&report).exit_code(), 2);
    let text = shown(&report);
    assert_eq!(text.lines().next().unwrap().matches('|').count(), 1);
    insta::assert_snapshot!(text, @r#"
    PARTCTL CRITICAL - 1 error, 1 warning: error PT124 shop."a/b'=c": coverage ends / soon\n | 'shop.orders runway'=8625600s;;1209600: 'shop.orders partitions'=31;;400 'shop.orders size'=442381631488B 'shop.orders default'=1204 'shop."a/b''_c" partitions'=4 'shop."a/b''_c" size'=2254857830B 'shop."a/b''_c" default'=0 'app.events partitions'=8 'app.events size'=94489280512B
    warning PT116 shop.orders: DEFAULT holds rows (look at them)
    "#);
}

#[test]
fn states_follow_the_plugins_guidelines() {
    let warning = || seen(vec![Finding::about(codes::DEFAULT_HOLDS_ROWS, &name("orders"), "DEFAULT holds rows")]);
    let state = |failure, seen| ServiceState::of(&run(failure, seen)).exit_code();
    assert_eq!(state(None, Some(warning())), 1);
    assert_eq!(state(Some(FailureKind::Findings), Some(warning())), 2, "--strict");
    assert_eq!(state(Some(FailureKind::Policy), None), 3);
    let mut report = run(Some(FailureKind::Unreachable), None);
    report.error = Some(ErrorReport {
        message: "cannot connect to db1:5432".to_owned(),
        causes: vec!["connection refused".to_owned()],
        sqlstate: None,
        hint: None,
    });
    assert_eq!(ServiceState::of(&report).exit_code(), 2);
    assert_eq!(shown(&report), "PARTCTL CRITICAL - cannot connect to db1:5432: connection refused\n");
}
