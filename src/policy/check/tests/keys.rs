//! Problems of documents, keys and types.

use super::*;

#[test]
fn every_problem_is_told_in_one_run_in_order_of_place() {
    let text = "version: 2\ntable: orders\npartition:\n  range: order date\n  every: 1 mnth\n  timezone: Europe/Berln\nretain:\n  for: 24\n  then: drp\n  grace: soon\n  per_run: 0\nlocks: {timeout: 2 minutes}\n";
    insta::assert_snapshot!(drawn(text), @r#"
        error[PT006]: version 2 of the policy language is not known
         --> a.yaml:1:10
          |
        1 | version: 2
          |          ^ this partctl reads `version: 1`
        error[PT007]: `orders` names no schema
         --> a.yaml:2:8
          |
        2 | table: orders
          |        ^^^^^^ write `schema.table`
        error[PT007]: `order date` is not a name
         --> a.yaml:4:10
          |
        4 |   range: order date
          |          ^^^^^^^^^^ quote it as in SQL where needed: '"Order Date"'
        error[PT014]: unknown unit `mnth`
         --> a.yaml:5:12
          |
        5 |   every: 1 mnth
          |            ^^^^ did you mean `month`?
        error[PT011]: unknown time zone `Europe/Berln`
         --> a.yaml:6:13
          |
        6 |   timezone: Europe/Berln
          |             ^^^^^^^^^^^^ did you mean `Europe/Berlin`?
        error[PT012]: `24` has no unit
         --> a.yaml:8:8
          |
        8 |   for: 24
          |        ^^ write `24 days` or `24 months`
        error[PT020]: unknown choice `drp`
         --> a.yaml:9:9
          |
        9 |   then: drp
          |         ^^^ did you mean `drop`?
        error[PT004]: expected a whole number and a unit, found `soon`
          --> a.yaml:10:10
           |
        10 |   grace: soon
           |          ^^^^ write it as in `3 days`
        error[PT010]: 0 is less than 1
          --> a.yaml:11:12
           |
        11 |   per_run: 0
           |            ^
        error[PT010]: one attempt would make other sessions queue behind it for too long
          --> a.yaml:12:18
           |
        12 | locks: {timeout: 2 minutes}
           |                  ^^^^^^^^^ at most 1 minute; `retry_for` is the patience over all attempts
        "#);
}

#[test]
fn pt001_syntax() {
    insta::assert_snapshot!(with_range("create:\n\tahead: 1 month"), @"
        error[PT001]: a tab where YAML wants spaces
         --> a.yaml:5:2
          |
        5 |     ahead: 1 month
          |     ^ indent with spaces
        ");
}

#[test]
fn pt002_unknown_key() {
    insta::assert_snapshot!(with_range("retian: {for: 1 year}\nevery: 1 month\ncolour: red"), @"
        error[PT002]: unknown key `retian`
         --> a.yaml:4:1
          |
        4 | retian: {for: 1 year}
          | ^^^^^^ did you mean `retain`?
        error[PT002]: unknown key `every`
         --> a.yaml:5:1
          |
        5 | every: 1 month
          | ^^^^^ `every` belongs under `partition`
        error[PT002]: unknown key `colour`
         --> a.yaml:6:1
          |
        6 | colour: red
          | ^^^^^^
        ");
}

#[test]
fn a_misspelt_key_is_not_missed_as_well() {
    insta::assert_snapshot!(with_range("retain: {fro: 1 year, thn: drop}"), @"
        error[PT002]: unknown key `fro`
         --> a.yaml:4:10
          |
        4 | retain: {fro: 1 year, thn: drop}
          |          ^^^ did you mean `for`?
        error[PT002]: unknown key `thn`
         --> a.yaml:4:23
          |
        4 | retain: {fro: 1 year, thn: drop}
          |                       ^^^ did you mean `then`?
        ");
}

#[test]
fn pt003_duplicate_key() {
    insta::assert_snapshot!(with_range("locks: {timeout: 1 s, timeout: 2 s}\ntable: a.b"), @"
        error[PT003]: duplicate key `timeout`, first on line 4
         --> a.yaml:4:23
          |
        4 | locks: {timeout: 1 s, timeout: 2 s}
          |                       ^^^^^^^
        error[PT003]: duplicate key `table`, first on line 2
         --> a.yaml:5:1
          |
        5 | table: a.b
          | ^^^^^
        ");
    insta::assert_snapshot!(with_partition("  list: c\n  values:\n    x: [1]\n    x: [2]"), @"
        error[PT003]: duplicate key `x`, first on line 6
         --> a.yaml:7:5
          |
        7 |     x: [2]
          |     ^
        ");
}

#[test]
fn pt004_wrong_type() {
    insta::assert_snapshot!(drawn("just text"), @"
        error[PT004]: expected a map of keys, found `just text`
         --> a.yaml:1:1
          |
        1 | just text
          | ^^^^^^^^^
        ");
    insta::assert_snapshot!(drawn("- version: 1"), @"
        error[PT004]: expected a map of keys, found a list
         --> a.yaml:1:1
          |
        1 | - version: 1
          | ^
        ");
    insta::assert_snapshot!(with_range("create: {fill_gaps: yes, ahead: [3 months], behind: 1e3}\nretain: {for: 1.5 months, newest: 1e1, at_least: \"2\", per_run: 2.5, unattended: 'true', then: {drop: 1}}\nhold: orders_1\npruning: {sql: select 1}"), @r#"
        error[PT004]: expected `true` or `false`, found `yes`
         --> a.yaml:4:21
          |
        4 | create: {fill_gaps: yes, ahead: [3 months], behind: 1e3}
          |                     ^^^
        error[PT004]: expected a time with its unit, or a number of partitions, found a list
         --> a.yaml:4:33
          |
        4 | create: {fill_gaps: yes, ahead: [3 months], behind: 1e3}
          |                                 ^
        error[PT004]: expected a time with its unit, or a number of partitions, found `1e3`
         --> a.yaml:4:53
          |
        4 | create: {fill_gaps: yes, ahead: [3 months], behind: 1e3}
          |                                                     ^^^
        error[PT004]: expected a whole number and a unit, found `1.5 months`
         --> a.yaml:5:15
          |
        5 | retain: {for: 1.5 months, newest: 1e1, at_least: "2", per_run: 2.5, unattended: 'true', then: {drop: 1}}
          |               ^^^^^^^^^^ write it as in `3 days`
        error[PT004]: expected a whole number, found `1e1`
         --> a.yaml:5:35
          |
        5 | retain: {for: 1.5 months, newest: 1e1, at_least: "2", per_run: 2.5, unattended: 'true', then: {drop: 1}}
          |                                   ^^^
        error[PT004]: expected a whole number, found text
         --> a.yaml:5:50
          |
        5 | retain: {for: 1.5 months, newest: 1e1, at_least: "2", per_run: 2.5, unattended: 'true', then: {drop: 1}}
          |                                                  ^^^ leave the quotes out
        error[PT004]: expected a whole number, found `2.5`
         --> a.yaml:5:64
          |
        5 | retain: {for: 1.5 months, newest: 1e1, at_least: "2", per_run: 2.5, unattended: 'true', then: {drop: 1}}
          |                                                                ^^^
        error[PT004]: expected `true` or `false`, found text
         --> a.yaml:5:81
          |
        5 | retain: {for: 1.5 months, newest: 1e1, at_least: "2", per_run: 2.5, unattended: 'true', then: {drop: 1}}
          |                                                                                 ^^^^^^ leave the quotes out
        error[PT004]: expected a word, found a map
         --> a.yaml:5:96
          |
        5 | retain: {for: 1.5 months, newest: 1e1, at_least: "2", per_run: 2.5, unattended: 'true', then: {drop: 1}}
          |                                                                                                ^^^^
        error[PT004]: expected a list of holds, found `orders_1`
         --> a.yaml:6:7
          |
        6 | hold: orders_1
          |       ^^^^^^^^
        error[PT004]: expected a list of queries, found a map
         --> a.yaml:7:11
          |
        7 | pruning: {sql: select 1}
          |           ^^^
        "#);
    insta::assert_snapshot!(with_partition("  range: ~\n  every: month\n  anchor: 24-01-01\n  name: ''"), @"
    error[PT004]: expected a column, or an expression in parentheses, found nothing
     --> a.yaml:4:10
      |
    4 |   range: ~
      |          ^
    error[PT004]: expected a whole number and a unit, found `month`
     --> a.yaml:5:10
      |
    5 |   every: month
      |          ^^^^^ write it as in `3 months`
    error[PT004]: expected a date or a number, found `24-01-01`
     --> a.yaml:6:11
      |
    6 |   anchor: 24-01-01
      |           ^^^^^^^^ write it as in `2024-01-31` or `2024-01-31 06:00`
    error[PT004]: expected text, found an empty one
     --> a.yaml:7:9
      |
    7 |   name: ''
      |         ^^
    ");
    insta::assert_snapshot!(with_partition("  list: c\n  values: [a, b]"), @"
        error[PT004]: expected a map of names to lists of values, found a list
         --> a.yaml:5:11
          |
        5 |   values: [a, b]
          |           ^
        ");
    insta::assert_snapshot!(with_partition("  list: c\n  values: {a: US, b: [[x]], c: }"), @"
        error[PT004]: expected a list of values, found `US`
         --> a.yaml:5:15
          |
        5 |   values: {a: US, b: [[x]], c: }
          |               ^^
        error[PT004]: expected a value, found a list
         --> a.yaml:5:23
          |
        5 |   values: {a: US, b: [[x]], c: }
          |                       ^
        error[PT004]: expected a list of values, found nothing
         --> a.yaml:5:30
          |
        5 |   values: {a: US, b: [[x]], c: }
          |                              ^
        ");
    insta::assert_snapshot!(with_partition("  range: id\n  every: '1000'\n  anchor: '5'"), @"
        error[PT004]: expected a time with its unit, or a whole number for an integer key, found text
         --> a.yaml:5:10
          |
        5 |   every: '1000'
          |          ^^^^^^ leave the quotes out
        error[PT004]: expected a date or a number, found text
         --> a.yaml:6:11
          |
        6 |   anchor: '5'
          |           ^^^ leave the quotes out
        ");
}

#[test]
fn pt005_missing_key() {
    insta::assert_snapshot!(drawn("# nothing but a table\n\ntable: a.b\n"), @"
        error[PT005]: missing key `version`
         --> a.yaml:3:1
          |
        3 | table: a.b
          | ^^^^^
        error[PT005]: missing key `partition`
         --> a.yaml:3:1
          |
        3 | table: a.b
          | ^^^^^
        ");
    insta::assert_snapshot!(with_range("retain: {at_least: 2}\nhold: [{reason: x}, {from: 2024-01-01}]\npruning: [{name: x}]"), @"
    error[PT005]: missing key `then` in `retain`
     --> a.yaml:4:10
      |
    4 | retain: {at_least: 2}
      |          ^^^^^^^^
    error[PT005]: `retain` does not say how long
     --> a.yaml:4:10
      |
    4 | retain: {at_least: 2}
      |          ^^^^^^^^ write `for: 24 months`, `newest: 12` or `max_size: 2 TB`
    error[PT005]: a hold that holds nothing
     --> a.yaml:5:9
      |
    5 | hold: [{reason: x}, {from: 2024-01-01}]
      |         ^^^^^^ write `partition: NAME`, or `from` and `to`
    error[PT005]: missing key `to` in `hold`
     --> a.yaml:5:22
      |
    5 | hold: [{reason: x}, {from: 2024-01-01}]
      |                      ^^^^
    error[PT005]: missing key `sql` in `pruning`
     --> a.yaml:6:12
      |
    6 | pruning: [{name: x}]
      |            ^^^^
    ");
    insta::assert_snapshot!(with_partition("  hash: c"), @"
        error[PT005]: missing key `modulus` in `partition`
         --> a.yaml:4:3
          |
        4 |   hash: c
          |   ^^^^
        ");
    insta::assert_snapshot!(with_partition("  list: c"), @"
        error[PT005]: missing key `values` in `partition`
         --> a.yaml:4:3
          |
        4 |   list: c
          |   ^^^^
        ");
}

#[test]
fn pt006_version() {
    insta::assert_snapshot!(drawn("version: 7\ntable: a.b\npartition: {hash: id, modulus: 2}\n"), @"
        error[PT006]: version 7 of the policy language is not known
         --> a.yaml:1:10
          |
        1 | version: 7
          |          ^ this partctl reads `version: 1`
        ");
}
