//! What policies say when they are in order.

use super::*;

#[test]
fn a_policy_that_says_everything_is_understood() {
    let text = r#"
version: 1
table: Shop."Order Items"
partition:
  range: "order_date"
  every: 2 weeks
  timezone: Europe/Berlin
  anchor: 2024-01-01 06:00
  name: "{table}_{start:%G_w%V}"
  schema: shop_parts
  tablespace: fast
create:
  ahead: 3 months
  behind: 2 partitions
  fill_gaps: false
  default: forbid
retain:
  for: 24 months
  newest: 12
  at_least: 2
  then: drop
  grace: 0 days
  per_run: 5
  unattended: true
hold:
  - {partition: orders_2023_04, reason: "case 8812", until: 2027-01-01}
  - {from: 2023-01-01, to: 2023-07-01 12:00, reason: audit}
inherit: [owner, privileges]
storage: {fillfactor: 90, autovacuum_vacuum_scale_factor: 0.010}
locks:
  timeout: 100 ms
  retry_for: 1 hour
  set_default_aside: true
pruning:
  - sql: select * from shop.orders where order_date >= $1 and order_date < $2;
    with: [2026-06-01, "2026-07-01"]
    partitions: 1
    locks: 8
    require: plan
"#;
    insta::assert_debug_snapshot!(policy(text), @r#"
    Policy {
        table: shop."Order Items",
        level: Level {
            partitioning: Range(
                RangePolicy {
                    key: [
                        Column(
                            order_date,
                        ),
                    ],
                    encoding: None,
                    every: Time(
                        Interval {
                            count: 2,
                            unit: Week,
                        },
                    ),
                    timezone: Some(
                        Europe/Berlin,
                    ),
                    anchor: Some(
                        Time(
                            2024-01-01T06:00:00,
                        ),
                    ),
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
                                    "%G_w%V",
                                ),
                            ),
                        ],
                    },
                ),
                schema: Some(
                    shop_parts,
                ),
                tablespace: Some(
                    fast,
                ),
            },
            create: Create {
                ahead: Time(
                    Interval {
                        count: 3,
                        unit: Month,
                    },
                ),
                behind: Partitions(
                    2,
                ),
                fill_gaps: false,
                default: Forbid,
                move_rows: AtOnce,
                writers_wait: 1s,
            },
            retain: Some(
                Retain {
                    keep_for: Some(
                        Interval {
                            count: 24,
                            unit: Month,
                        },
                    ),
                    newest: Some(
                        12,
                    ),
                    distance: None,
                    max_size: None,
                    unless: None,
                    at_least: 2,
                    then: Drop,
                    grace: None,
                    per_run: Some(
                        5,
                    ),
                    move_to: None,
                    unattended: true,
                },
            ),
            subpartition: None,
        },
        archive: None,
        hold: [
            Hold {
                what: Partition(
                    orders_2023_04,
                ),
                reason: Some(
                    "case 8812",
                ),
                until: Some(
                    2027-01-01,
                ),
            },
            Hold {
                what: Between {
                    from: Time(
                        2023-01-01T00:00:00,
                    ),
                    to: Time(
                        2023-07-01T12:00:00,
                    ),
                },
                reason: Some(
                    "audit",
                ),
                until: None,
            },
        ],
        inherit: {
            Owner,
            Privileges,
        },
        storage: {
            "autovacuum_vacuum_scale_factor": "0.01",
            "fillfactor": "90",
        },
        locks: Locks {
            timeout: 100ms,
            retry_for: 3600s,
            cancel_autovacuum: false,
            set_default_aside: true,
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
        pruning: [
            PruningQuery {
                name: "pruning[0]",
                sql: "select * from shop.orders where order_date >= $1 and order_date < $2",
                with: [
                    "2026-06-01",
                    "2026-07-01",
                ],
                partitions: Some(
                    1,
                ),
                locks: Some(
                    8,
                ),
                require: Some(
                    Plan,
                ),
                location: Location {
                    path: "a.yaml",
                    line: 35,
                },
            },
        ],
        location: Location {
            path: "a.yaml",
            line: 2,
        },
    }
    "#);
}

#[test]
fn what_is_not_said_has_its_default() {
    insta::assert_debug_snapshot!(policy("version: 1\ntable: a.b\npartition: {range: id, every: 1000000}\nretain: {newest: 3, then: detach}"), @r#"
    Policy {
        table: a.b,
        level: Level {
            partitioning: Range(
                RangePolicy {
                    key: [
                        Column(
                            id,
                        ),
                    ],
                    encoding: None,
                    every: Integer(
                        1000000,
                    ),
                    timezone: None,
                    anchor: None,
                },
            ),
            placement: Placement {
                name: None,
                schema: None,
                tablespace: None,
            },
            create: Create {
                ahead: Partitions(
                    4,
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
                    keep_for: None,
                    newest: Some(
                        3,
                    ),
                    distance: None,
                    max_size: None,
                    unless: None,
                    at_least: 1,
                    then: Detach,
                    grace: Some(
                        Interval {
                            count: 7,
                            unit: Day,
                        },
                    ),
                    per_run: None,
                    move_to: None,
                    unattended: false,
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
            timeout: 50ms,
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
            line: 1,
        },
    }
    "#);
}

#[test]
fn list_values_are_their_text_and_null_is_null() {
    let expected = ["NO", "off", "08", "1e3", "0x1F", "1_000", "true", "~", "null", "", "2024-01-01", "1.50"];
    let values = list_values("[NO, off, 08, 1e3, 0x1F, 1_000, true, '~', \"null\", '', 2024-01-01, 1.50, ~]");
    let expected: Vec<_> = expected.iter().map(|text| Some((*text).to_owned())).chain([None]).collect();
    assert_eq!(values, expected);
}

#[test]
fn hash_keys_may_have_several_columns() {
    let policy = policy("version: 1\ntable: a.b\npartition: {hash: [Tenant, '\"User\"'], modulus: 10000}");
    let Partitioning::Hash(hash) = policy.level.partitioning else { panic!("no hash") };
    assert_eq!(hash.key.iter().map(ToString::to_string).collect::<Vec<_>>(), ["tenant", "\"User\""]);
    assert_eq!(hash.modulus, 10_000);
}

#[test]
fn list_and_create_agree_about_the_default_partition() {
    let default = |text: &str| match policy(&format!("version: 1\ntable: a.b\n{text}")).level.partitioning {
        Partitioning::List(list) => list.default,
        other => panic!("{other:?}"),
    };
    assert_eq!(default("partition: {list: c, values: {x: [1]}}"), None);
    assert_eq!(default("partition: {list: c, values: {x: [1]}, default: other}"), Some("other".to_owned()));
    let required = "partition: {list: c, values: {x: [1]}}\ncreate: {default: require}";
    assert_eq!(default(required), Some("default".to_owned()));
}

#[test]
fn encodings_are_words_texts_and_maps() {
    for (written, meant) in [
        ("uuidv7", "uuidv7"),
        ("ulid", "ulid"),
        ("epoch_ns", "epoch_ns"),
        ("text:%Y%m%d", "text:%Y%m%d"),
        ("{text: '%Y-%m-%d'}", "text:%Y-%m-%d"),
        ("{snowflake: {shift: 22, epoch: 1288834974657}}", "snowflake {epoch: 1288834974657, shift: 22}"),
        ("'snowflake {epoch: 1288834974657, shift: 22}'", "snowflake {epoch: 1288834974657, shift: 22}"),
    ] {
        let policy = policy(&format!(
            "version: 1\ntable: a.b\npartition: {{range: k, every: 1 day, timezone: UTC, encoding: {written}}}"
        ));
        let Partitioning::Range(range) = policy.level.partitioning else { panic!("no range") };
        assert_eq!(range.encoding.unwrap().to_string(), meant, "{written}");
    }
}
