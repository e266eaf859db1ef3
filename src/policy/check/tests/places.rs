//! Limits, queries, and where problems are shown.

use super::*;

#[test]
fn pt018_too_large() {
    insta::assert_snapshot!(with_partition("  range: a\n  every: 1 minute\ncreate: {ahead: 10 years}"), @"
        error[PT018]: this asks for at least 5256000 partitions, more than 10000
         --> a.yaml:6:17
          |
        6 | create: {ahead: 10 years}
          |                 ^^^^^^^^
        ");
    insta::assert_snapshot!(with_range("create: {ahead: 1 partitions, behind: 10000 partitions}"), @"
        error[PT018]: this asks for at least 10001 partitions, more than 10000
         --> a.yaml:4:39
          |
        4 | create: {ahead: 1 partitions, behind: 10000 partitions}
          |                                       ^^^^^^^^^^^^^^^^
        ");
    insta::assert_snapshot!(drawn(&format!("a: {}{}", "[".repeat(40), "]".repeat(40))), @"
        error[PT018]: nested more than 32 levels deep
         --> a.yaml:1:36
          |
        1 | a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
          |                                    ^
        ");
}

#[test]
fn pt019_pruning_query() {
    insta::assert_snapshot!(with_range("pruning:\n  - {sql: \"select $1, '$2'\"}\n  - {sql: select $2, with: [1]}\n  - {sql: select 1; drop table a}\n  - {sql: drop table a}\n  - sql: |\n      select *\n      from a\n    with: [x]\n  - {sql: select 1, partitions: 0, require: always}"), @r#"
        error[PT019]: the query has 1 parameter, `with` has 0 values
         --> a.yaml:5:11
          |
        5 |   - {sql: "select $1, '$2'"}
          |           ^^^^^^^^^^^^^^^^^ list one sample value for each of $1, $2, ...
        error[PT019]: the query has 2 parameters, `with` has 1 value
         --> a.yaml:6:28
          |
        6 |   - {sql: select $2, with: [1]}
          |                            ^ list one sample value for each of $1, $2, ...
        error[PT019]: expected exactly one SQL statement
         --> a.yaml:7:11
          |
        7 |   - {sql: select 1; drop table a}
          |           ^^^^^^^^^^^^^^^^^^^^^^
        error[PT019]: expected a query, or another statement that EXPLAIN takes
         --> a.yaml:8:11
          |
        8 |   - {sql: drop table a}
          |           ^^^^^^^^^^^^
        error[PT019]: the query has 0 parameters, `with` has 1 value
          --> a.yaml:12:11
           |
        12 |     with: [x]
           |           ^ list one sample value for each of $1, $2, ...
        error[PT010]: 0 is less than 1
          --> a.yaml:13:33
           |
        13 |   - {sql: select 1, partitions: 0, require: always}
           |                                 ^
        error[PT020]: unknown choice `always`
          --> a.yaml:13:45
           |
        13 |   - {sql: select 1, partitions: 0, require: always}
           |                                             ^^^^^^ it is one of `plan`, `startup`, `execution`
        "#);
}

#[test]
fn an_alias_is_shown_where_it_is_used_and_a_merge_where_it_is_written() {
    let text = "version: 1\ntable: a.b\npartition: {range: at, every: &unit 1 mnth}\ncreate: {ahead: *unit}\n";
    insta::assert_snapshot!(drawn(text), @"
        error[PT014]: unknown unit `mnth`
         --> a.yaml:3:39
          |
        3 | partition: {range: at, every: &unit 1 mnth}
          |                                       ^^^^ did you mean `month`?
        error[PT014]: unknown unit `mnth`
         --> a.yaml:4:17
          |
        4 | create: {ahead: *unit}
          |                 ^^^^^ did you mean `month`?
        ");
    let text = "version: 1\ntable: a.b\npartition: {range: at, every: 1 day}\nhold:\n  - &h {reason: x, until: soon, partition: p}\n  - {<<: *h, partition: q}\n";
    insta::assert_snapshot!(drawn(text), @"
        error[PT004]: expected a date, found `soon`
         --> a.yaml:5:27
          |
        5 |   - &h {reason: x, until: soon, partition: p}
          |                           ^^^^ write it as in `2024-01-31`
        ");
}

#[test]
fn what_a_file_holds_reaches_no_terminal_as_an_escape() {
    let drawn = with_range("retain: {for: \"1 \\e[31m\\u202e\", then: \"\\a\"}\n\"\\e]0;x\": 1 # \u{202e}");
    assert!(!drawn.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{}", drawn.escape_debug());
    insta::assert_snapshot!(drawn, @r#"
    error[PT014]: unknown unit `\u{1b}[31m\u{202e}`
     --> a.yaml:4:15
      |
    4 | retain: {for: "1 \e[31m\u202e", then: "\a"}
      |               ^^^^^^^^^^^^^^^^ the units are minutes, hours, days, weeks, months, quarters, years
    error[PT020]: unknown choice `\u{7}`
     --> a.yaml:4:39
      |
    4 | retain: {for: "1 \e[31m\u202e", then: "\a"}
      |                                       ^^^^ it is one of `detach`, `drop`, `archive`, `move`
    error[PT002]: unknown key `\u{1b}]0;x`
     --> a.yaml:5:1
      |
    5 | "\e]0;x": 1 # �
      | ^^^^^^^^
    "#);
}

#[test]
fn a_file_with_too_many_problems_is_cut_short() {
    let text = format!("version: 1\n{}", (0..12_000).map(|key| format!("key{key}: 1\n")).collect::<String>());
    let problems = check(&[source("a.yaml", &text)]).problems;
    assert_eq!(problems.len(), 10_001);
    assert_eq!(problems.last().unwrap().rule, rules::TOO_LARGE);
}
