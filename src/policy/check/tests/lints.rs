//! What is legal and unwise, and how much it matters.

use super::*;
use crate::codes::Severity;

/// The ids of what is unwise, with the lines that they point at.
fn lints(text: &str) -> Vec<(&'static str, usize)> {
    let checked = check(&[source("a.yaml", text)]);
    assert_eq!(checked.problems, [], "{}", drawn(text));
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    checked.lints.iter().map(|lint| (lint.rule.id, line(lint.span.start))).collect()
}

fn of(partition: &str, lines: &str) -> Vec<(&'static str, usize)> {
    lints(&format!("version: 1\ntable: a.b\npartition: {{{partition}}}\n{lines}\n"))
}

const MONTHLY: &str = "range: at, every: 1 month";

#[test]
fn usual_policies_are_wise() {
    for (partition, lines) in [
        (MONTHLY, ""),
        (MONTHLY, "create: {ahead: 1 month}\nretain: {for: 1 month, then: drop}\ncheck: {min_runway: 27 days}"),
        (MONTHLY, "retain: {for: 20 years, then: drop, unattended: true, per_run: 3}"),
        (MONTHLY, "create: {default: forbid}\ncheck: {min_runway: 14 days}"),
        ("range: at, every: 1 month, name: '{table}_{start:%Y%m}'", ""),
        ("range: at, every: 1 week, name: '{table}_{start:%G_w%V}'", ""),
        ("range: at, every: 1 hour, name: '{table}_{start:%Y_%m_%d_%H}'", "create: {ahead: 2 days}"),
        ("range: id, every: 1000", "create: {ahead: 2 partitions}\ncheck: {min_runway: 2 partitions}"),
        ("range: id, every: 1000", "retain: {distance: 2000000, then: detach}"),
        ("hash: id, modulus: 4", ""),
        ("list: c, values: {x: [a]}", "create: {default: forbid}"),
        (MONTHLY, "hold: [{partition: x, reason: case 7}]"),
    ] {
        assert_eq!(of(partition, lines), [], "{partition}\n{lines}");
    }
}

#[test]
fn each_unwise_thing_is_told_at_its_place() {
    for (id, line, partition, lines) in [
        ("PT060", 6, MONTHLY, "retain:\n  for: 1 year\n  grace: 0 days\n  then: drop"),
        ("PT061", 6, MONTHLY, "retain:\n  for: 1 year\n  unattended: true\n  then: drop"),
        ("PT062", 4, MONTHLY, "create: {ahead: 0 partitions}"),
        ("PT062", 4, MONTHLY, "create: {ahead: 3 days}"),
        ("PT062", 4, "range: id, every: 10", "create: {ahead: 0 partitions}"),
        ("PT063", 4, "range: at, every: 1 hour", "create: {ahead: 4 partitions}"),
        ("PT064", 4, MONTHLY, "create: {default: forbid}"),
        ("PT065", 3, "range: at, every: 1 day, name: '{table}_{start:%d_%m_%Y}'", ""),
        ("PT065", 3, "range: at, every: 1 month, name: '{table}_{start:%Y_%b}'", ""),
        ("PT065", 3, "range: at, every: 1 hour, name: '{table}_{start:%H_%Y%m%d}'", "create: {ahead: 2 days}"),
        ("PT066", 4, "range: at, every: 1 year", "retain: {for: 3 months, then: detach}"),
        ("PT067", 3, "range: at, every: 1 hour", "create: {ahead: 2 days}\nretain: {for: 1 year, then: detach}"),
        ("PT067", 3, "range: id, every: 10", "retain: {distance: 1000000, then: detach}"),
        ("PT068", 4, MONTHLY, "hold: [{partition: x}]"),
        ("PT069", 4, MONTHLY, "check: {min_runway: 1 year}"),
        ("PT069", 4, "range: id, every: 10", "check: {min_runway: 5 partitions}"),
    ] {
        assert_eq!(of(partition, lines), [(id, line)], "{partition}\n{lines}");
    }
}

#[test]
fn each_level_is_looked_at_in_its_place() {
    let below = "list: c\n  values: {x: [a]}\n  subpartition:\n    range: at\n    every: 1 month\n    create: {ahead: 0 partitions, \
                 default: forbid}\n    retain:\n      for: 1 year\n      grace: 0 days\n      then: drop";
    let text = format!("version: 1\ntable: a.b\npartition:\n  {below}\n");
    assert_eq!(lints(&text), [("PT062", 9), ("PT064", 9), ("PT060", 12)]);
}

#[test]
fn what_defaults_bring_is_told_once_at_their_place() {
    let text = "version: 1\nkind: defaults\ncreate: {ahead: 0 partitions}\n---\nversion: 1\ntable: a.b\npartition: {range: at, every: \
                1 day}\n---\nversion: 1\ntable: a.c\npartition: {range: at, every: 1 day}\n";
    assert_eq!(lints(text), [("PT062", 3)]);
}

#[test]
fn a_policy_says_how_much_findings_matter() {
    let said =
        policy("{version: 1, table: a.b, partition: {hash: c, modulus: 2}, severity: {PT101: warning, PT116: error}}");
    assert_eq!(said.severities.of("PT101", Severity::Error), Severity::Warning);
    assert_eq!(said.severities.of("PT116", Severity::Warning), Severity::Error);
    assert_eq!(said.severities.of("PT102", Severity::Error), Severity::Error);
    insta::assert_snapshot!(with_range("severity: {PT10: info, rows-in-default: info, PT102: none, PT014: info, PT102: error, xyz: info}"), @"
    error[PT002]: there is no finding `PT10`
     --> a.yaml:4:12
      |
    4 | severity: {PT10: info, rows-in-default: info, PT102: none, PT014: info, PT102: error, xyz: info}
      |            ^^^^ did you mean `PT101`?
    error[PT002]: there is no finding `rows-in-default`
     --> a.yaml:4:24
      |
    4 | severity: {PT10: info, rows-in-default: info, PT102: none, PT014: info, PT102: error, xyz: info}
      |                        ^^^^^^^^^^^^^^^ write its id, `PT102`
    error[PT020]: unknown choice `none`
     --> a.yaml:4:54
      |
    4 | severity: {PT10: info, rows-in-default: info, PT102: none, PT014: info, PT102: error, xyz: info}
      |                                                      ^^^^ it is one of `error`, `warning`, `info`
    error[PT017]: PT014 unknown-unit keeps a policy from being read: it stays an error
     --> a.yaml:4:60
      |
    4 | severity: {PT10: info, rows-in-default: info, PT102: none, PT014: info, PT102: error, xyz: info}
      |                                                            ^^^^^
    error[PT003]: duplicate key `PT102`, first on line 4
     --> a.yaml:4:73
      |
    4 | severity: {PT10: info, rows-in-default: info, PT102: none, PT014: info, PT102: error, xyz: info}
      |                                                                         ^^^^^
    error[PT002]: there is no finding `xyz`
     --> a.yaml:4:87
      |
    4 | severity: {PT10: info, rows-in-default: info, PT102: none, PT014: info, PT102: error, xyz: info}
      |                                                                                       ^^^ `partctl check --explain` lists them
    ");
    insta::assert_snapshot!(with_range("severity: [PT102]"), @"
    error[PT004]: expected a map of ids to `error`, `warning` or `info`, found a list
     --> a.yaml:4:11
      |
    4 | severity: [PT102]
      |           ^
    ");
}
