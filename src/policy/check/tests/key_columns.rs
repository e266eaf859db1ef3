//! Keys of tables: how they carry a time, how many columns they have.

use super::*;

#[test]
fn keys_are_columns_and_expressions_in_parentheses() {
    let keys = |section: &str| {
        let policy = policy(&format!("version: 1\ntable: a.b\npartition:\n{section}\n"));
        policy.level.partitioning.key_in_words()
    };
    assert_eq!(keys("  range: [day, '\"Tenant Id\"']\n  every: 1 day"), "range day, \"Tenant Id\"");
    assert_eq!(keys("  range: (date_trunc('day', at))\n  every: 1 day"), "range (date_trunc('day', at))");
    assert_eq!(keys("  list: (lower(region))\n  values: {a: [x]}"), "list (lower(region))");
    assert_eq!(keys("  hash: [a, (b % 10)]\n  modulus: 2"), "hash a, (b % 10)");
    insta::assert_snapshot!(with_partition("  range: date_trunc('day', at)\n  every: 1 day"), @"
    error[PT007]: `date_trunc('day', at)` is no expression in parentheses
     --> a.yaml:4:10
      |
    4 |   range: date_trunc('day', at)
      |          ^^^^^^^^^^^^^^^^^^^^^ write it as in `(date_trunc('day', created_at))`, and between quotes in a list
    ");
    insta::assert_snapshot!(with_partition("  list: [a, b]\n  values: {x: [1]}"), @"
    error[PT017]: a table is partitioned by lists of one column only
     --> a.yaml:4:9
      |
    4 |   list: [a, b]
      |         ^
    ");
    insta::assert_snapshot!(with_partition("  range: []\n  every: 1 day"), @"
    error[PT004]: expected the key columns, found a list
     --> a.yaml:4:10
      |
    4 |   range: []
      |          ^
    ");
    insta::assert_snapshot!(with_partition("  hash: [a, A, (b +)]\n  modulus: 2"), @"
    error[PT016]: `a` is in the key already
     --> a.yaml:4:13
      |
    4 |   hash: [a, A, (b +)]
      |             ^
    error[PT007]: `(b +)` is no expression in parentheses
     --> a.yaml:4:16
      |
    4 |   hash: [a, A, (b +)]
      |                ^^^^^ write it as in `(date_trunc('day', created_at))`, and between quotes in a list
    ");
}

#[test]
fn pt040_encoding() {
    let encoding =
        |text: &str| with_partition(&format!("  range: k\n  every: 1 day\n  timezone: UTC\n  encoding: {text}"));
    insta::assert_snapshot!(encoding("uuid7"), @"
    error[PT040]: unknown encoding `uuid7`
     --> a.yaml:7:13
      |
    7 |   encoding: uuid7
      |             ^^^^^ did you mean `uuidv7`?
    ");
    insta::assert_snapshot!(encoding("base64"), @"
    error[PT040]: unknown encoding `base64`
     --> a.yaml:7:13
      |
    7 |   encoding: base64
      |             ^^^^^^ it is one of `uuidv7`, `ulid`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`, `snowflake`, `text`
    ");
    insta::assert_snapshot!(encoding("text:%d.%m.%Y"), @"
    error[PT040]: `%d.%m.%Y` is no format of dates that sort as text
     --> a.yaml:7:13
      |
    7 |   encoding: text:%d.%m.%Y
      |             ^^^^^^^^^^^^^ the larger first, each with all its digits: `%Y-%m-%d`, `%Y%m%d%H`
    ");
    insta::assert_snapshot!(encoding("snowflake"), @"
    error[PT040]: `snowflake` lacks its `epoch`
     --> a.yaml:7:13
      |
    7 |   encoding: snowflake
      |             ^^^^^^^^^ write it as in `encoding: {snowflake: {epoch: 1288834974657, shift: 22}}`
    ");
    insta::assert_snapshot!(encoding("{snowflake: {epoch: 1288834974657, shift: 64}}"), @"
    error[PT040]: `shift` is not between 1 and 62
     --> a.yaml:7:48
      |
    7 |   encoding: {snowflake: {epoch: 1288834974657, shift: 64}}
      |                                                ^^^^^ it is the number of bits behind the milliseconds
    ");
    insta::assert_snapshot!(encoding("{snowflake: {epoch: soon, shft: 22}}"), @"
    error[PT004]: expected a whole number, found `soon`
     --> a.yaml:7:33
      |
    7 |   encoding: {snowflake: {epoch: soon, shft: 22}}
      |                                 ^^^^
    ");
    insta::assert_snapshot!(encoding("{snowflake: {epoch: 1, shft: 22}}"), @"
    error[PT040]: `snowflake` has no parameter `shft`
     --> a.yaml:7:36
      |
    7 |   encoding: {snowflake: {epoch: 1, shft: 22}}
      |                                    ^^^^ write it as in `encoding: {snowflake: {epoch: 1288834974657, shift: 22}}`
    ");
    insta::assert_snapshot!(encoding("[ulid]"), @"
    error[PT004]: expected text, found a list
     --> a.yaml:7:13
      |
    7 |   encoding: [ulid]
      |             ^
    ");
    insta::assert_snapshot!(with_partition("  range: k\n  every: 1 day\n  encoding: ulid"), @"
    error[PT005]: missing key `timezone` in `partition`
     --> a.yaml:4:3
      |
    4 |   range: k
      |   ^^^^^
    ");
    insta::assert_snapshot!(with_partition("  range: k\n  every: 1000\n  encoding: epoch_s"), @"
    error[PT017]: `encoding` says how a key carries a time, and `every` is a number
     --> a.yaml:6:3
      |
    6 |   encoding: epoch_s
      |   ^^^^^^^^ leave it out, or write `every: 1 month`
    ");
    insta::assert_snapshot!(with_partition("  hash: k\n  modulus: 4\n  encoding: epoch_s"), @"
    error[PT017]: `encoding` does not go with `hash`
     --> a.yaml:6:3
      |
    6 |   encoding: epoch_s
      |   ^^^^^^^^ it belongs to `range` partitions
    ");
}
