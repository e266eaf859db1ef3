//! What `kind: defaults` does to the policies below it.

use super::*;

const DEFAULTS: &str = "version: 1
kind: defaults
partition: {every: 1 month, timezone: Europe/Berlin, name: '{table}_{start:%Y_%m}'}
create: {ahead: 3 months}
retain: {for: 24 months, then: drop, grace: 3 days}
locks: {timeout: 20 ms}
";

#[test]
fn they_merge_key_by_key_and_the_policy_has_the_last_word() {
    let text = format!(
        "{DEFAULTS}---\nversion: 1\ntable: a.b\npartition: {{range: at, timezone: UTC}}\nretain: {{for: 1 year, unattended: true}}\n"
    );
    insta::assert_debug_snapshot!(policy(&text), @r#"
    Policy {
        table: a.b,
        level: Level {
            partitioning: Range(
                RangePolicy {
                    key: [
                        Column(
                            at,
                        ),
                    ],
                    encoding: None,
                    every: Time(
                        Interval {
                            count: 1,
                            unit: Month,
                        },
                    ),
                    timezone: Some(
                        UTC,
                    ),
                    anchor: None,
                },
            ),
            placement: Placement {
                name: Some(
                    NameTemplate {
                        segments: [
                            Table,
                            Text(
                                "_",
                            ),
                            Start(
                                Some(
                                    "%Y_%m",
                                ),
                            ),
                        ],
                    },
                ),
                schema: None,
                tablespace: None,
            },
            create: Create {
                ahead: Time(
                    Interval {
                        count: 3,
                        unit: Month,
                    },
                ),
                behind: Partitions(
                    0,
                ),
                fill_gaps: true,
                default: Allow,
                move_rows: AtOnce,
                writers_wait: 1s,
            },
            retain: Some(
                Retain {
                    keep_for: Some(
                        Interval {
                            count: 1,
                            unit: Year,
                        },
                    ),
                    newest: None,
                    distance: None,
                    max_size: None,
                    unless: None,
                    at_least: 1,
                    then: Drop,
                    grace: Some(
                        Interval {
                            count: 3,
                            unit: Day,
                        },
                    ),
                    per_run: None,
                    move_to: None,
                    unattended: true,
                },
            ),
            subpartition: None,
        },
        archive: None,
        hold: [],
        inherit: {
            Owner,
            Privileges,
            ReplicaIdentity,
            RowSecurity,
            Storage,
            Statistics,
            Comments,
        },
        storage: {},
        locks: Locks {
            timeout: 20ms,
            retry_for: 600s,
            cancel_autovacuum: false,
            set_default_aside: false,
        },
        maintain: Maintain {
            analyze: false,
        },
        thresholds: Thresholds {
            min_runway: None,
            max_partitions: None,
            default_rows: None,
        },
        severities: Severities(
            {},
        ),
        pruning: [],
        location: Location {
            path: "a.yaml",
            line: 8,
        },
    }
    "#);
}

#[test]
fn what_does_not_go_with_a_strategy_is_left_out() {
    let text = format!(
        "{DEFAULTS}---\nversion: 1\ntable: a.b\npartition: {{hash: id, modulus: 2}}\n---\nversion: 1\ntable: a.c\n\
             partition: {{list: c, values: {{x: [1]}}}}\n---\nversion: 1\ntable: a.d\npartition: {{range: id, every: 100}}\nretain: ~\n"
    );
    let policies = policies(&text);
    assert!(policies.iter().all(|policy| policy.level.retain.is_none() && policy.level.placement.name.is_none()));
    assert_eq!(policies[2].level.create.ahead, Reach::Partitions(4));
    assert_eq!(policies[0].locks.timeout.as_millis(), 20);
}

#[test]
fn later_defaults_build_on_earlier_ones() {
    let text = format!(
        "{DEFAULTS}---\nversion: 1\nkind: defaults\nretain: {{grace: ~, for: 1 year}}\n---\nversion: 1\ntable: a.b\npartition: {{range: at}}\n"
    );
    let retain = policy(&text).level.retain.unwrap();
    assert_eq!(retain.keep_for.unwrap().to_string(), "1 year");
    assert_eq!(retain.then, Then::Drop);
    assert_eq!(retain.grace.unwrap().to_string(), "7 days");
}

#[test]
fn they_hold_for_their_own_file_only() {
    let defaults = source("a.yaml", DEFAULTS);
    let policy = source("b.yaml", "version: 1\ntable: a.b\npartition: {range: at}\n");
    insta::assert_snapshot!(drawn_of(&[defaults, policy]), @"
        error[PT005]: missing key `every` in `partition`
         --> b.yaml:3:13
          |
        3 | partition: {range: at}
          |             ^^^^^
        ");
}

#[test]
fn their_problems_are_told_once() {
    let policy = |name: &str| format!("---\nversion: 1\ntable: a.{name}\npartition: {{range: at}}\n");
    let text =
        format!("{}{}{}", DEFAULTS.replace("1 month", "1 mnth").replace("20 ms", "20"), policy("b"), policy("c"));
    insta::assert_snapshot!(drawn(&text), @"
        error[PT014]: unknown unit `mnth`
         --> a.yaml:3:22
          |
        3 | partition: {every: 1 mnth, timezone: Europe/Berlin, name: '{table}_{start:%Y_%m}'}
          |                      ^^^^ did you mean `month`?
        error[PT012]: `20` has no unit
         --> a.yaml:6:18
          |
        6 | locks: {timeout: 20}
          |                  ^^ write `20 ms` or `20 minutes`
        ");
}

#[test]
fn a_key_that_neither_says_is_missed_in_the_policy() {
    let text = "version: 1\nkind: defaults\nretain: {for: 1 year}\n---\nversion: 1\ntable: a.b\npartition: {range: at, every: 1 month}\n";
    insta::assert_snapshot!(drawn(text), @"
        error[PT005]: missing key `then` in `retain`
         --> a.yaml:6:8
          |
        6 | table: a.b
          |        ^^^
        ");
}

#[test]
fn they_name_no_table_and_there_is_no_other_kind() {
    insta::assert_snapshot!(drawn("version: 1\nkind: defaults\ntable: a.b\n"), @"
        error[PT017]: defaults are for all policies below them and name no table
         --> a.yaml:3:1
          |
        3 | table: a.b
          | ^^^^^
        ");
    insta::assert_snapshot!(drawn("version: 1\nkind: default\ntable: a.b\npartition: {hash: a, modulus: 1}\n"), @"
        error[PT020]: unknown choice `default`
         --> a.yaml:2:7
          |
        2 | kind: default
          |       ^^^^^^^ did you mean `defaults`?
        ");
}

#[test]
fn broken_ones_do_not_make_every_later_policy_look_incomplete() {
    let text =
        "version: 1\nkind: defaults\npartition: {every: 1 month\n---\nversion: 1\ntable: a.b\npartition: {range: at}\n";
    insta::assert_snapshot!(drawn(text), @"
        error[PT001]: a `,`, `]` or `}` is missing, or a `:` stands where none can
         --> a.yaml:3:12
          |
        3 | partition: {every: 1 month
          |            ^
        ");
}
