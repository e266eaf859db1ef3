//! Problems of single values.

use super::*;

#[test]
fn pt007_sql_name() {
    for (table, message) in [
        ("orders", "`orders` names no schema"),
        ("a.b.c", "`a.b.c` has more than two parts"),
        ("a.b c", "`a.b c` is not a table name"),
        ("1.b", "`1.b` is not a table name"),
    ] {
        let problems =
            check(&[source("a.yaml", &format!("version: 1\ntable: {table}\npartition: {{hash: a, modulus: 1}}"))])
                .problems;
        assert_eq!(
            problems.iter().map(|problem| (problem.rule.id, problem.message.as_str())).collect::<Vec<_>>(),
            [("PT007", message)]
        );
    }
    insta::assert_snapshot!(with_partition("  range: a.b\n  every: 1 day\n  schema: a b\n  tablespace: '\"'"), @r#"
        error[PT007]: `a.b` is not a name
         --> a.yaml:4:10
          |
        4 |   range: a.b
          |          ^^^ leave the schema out
        error[PT007]: `a b` is not a name
         --> a.yaml:6:11
          |
        6 |   schema: a b
          |           ^^^ quote it as in SQL where needed: '"Order Date"'
        error[PT007]: `"` is not a name
         --> a.yaml:7:15
          |
        7 |   tablespace: '"'
          |               ^^^ quote it as in SQL where needed: '"Order Date"'
        "#);
    insta::assert_snapshot!(drawn(&format!("version: 1\ntable: a.{}\npartition: {{hash: a, modulus: 1}}", "x".repeat(64))), @"
        error[PT007]: the table name is too long
         --> a.yaml:2:8
          |
        2 | table: a.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
          |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ Postgres keeps 63 bytes of a name
        ");
}

#[test]
fn pt008_table_twice() {
    let policy = "version: 1\ntable: a.b\npartition: {hash: a, modulus: 1}\n";
    let other = format!("# again\n---\n{}---\n{}", policy.replace("a.b", "A.\"b\""), policy.replace("a.b", "a.B"));
    insta::assert_snapshot!(drawn_of(&[source("a.yaml", policy), source("b.yaml", &other)]), @r#"
        error[PT008]: second policy for `a.b`, the first is at a.yaml:1
         --> b.yaml:4:8
          |
        4 | table: A."b"
          |        ^^^^^
        error[PT008]: second policy for `a.b`, the first is at a.yaml:1
         --> b.yaml:8:8
          |
        8 | table: a.B
          |        ^^^
        "#);
}

#[test]
fn pt009_strategy() {
    insta::assert_snapshot!(with_partition("  every: 1 month"), @"
        error[PT009]: no partitioning strategy
         --> a.yaml:4:3
          |
        4 |   every: 1 month
          |   ^^^^^ write the key columns under one of `range`, `list` and `hash`
        ");
    insta::assert_snapshot!(with_partition("  range: a\n  every: 1 month\n  hash: b"), @"
        error[PT009]: `range` and `hash` in one policy
         --> a.yaml:6:3
          |
        6 |   hash: b
          |   ^^^^ a table has one partitioning strategy
        ");
}

#[test]
fn pt010_out_of_range() {
    insta::assert_snapshot!(with_range("create: {ahead: 99999999999 partitions, behind: 0 months}\nretain: {newest: 0, at_least: 9999999999, per_run: -1, then: drop}\nlocks: {timeout: 61 s, retry_for: 0 ms}"), @"
        error[PT010]: `99999999999 partitions` is out of range
         --> a.yaml:4:17
          |
        4 | create: {ahead: 99999999999 partitions, behind: 0 months}
          |                 ^^^^^^^^^^^^^^^^^^^^^^
        error[PT010]: `0 months` is out of range
         --> a.yaml:4:49
          |
        4 | create: {ahead: 99999999999 partitions, behind: 0 months}
          |                                                 ^^^^^^^^ it must be more than zero
        error[PT010]: 0 is less than 1
         --> a.yaml:5:18
          |
        5 | retain: {newest: 0, at_least: 9999999999, per_run: -1, then: drop}
          |                  ^
        error[PT010]: 9999999999 is not between 1 and 4294967295
         --> a.yaml:5:31
          |
        5 | retain: {newest: 0, at_least: 9999999999, per_run: -1, then: drop}
          |                               ^^^^^^^^^^
        error[PT010]: -1 is less than 1
         --> a.yaml:5:52
          |
        5 | retain: {newest: 0, at_least: 9999999999, per_run: -1, then: drop}
          |                                                    ^^
        error[PT010]: one attempt would make other sessions queue behind it for too long
         --> a.yaml:6:18
          |
        6 | locks: {timeout: 61 s, retry_for: 0 ms}
          |                  ^^^^ at most 1 minute; `retry_for` is the patience over all attempts
        error[PT010]: `0 ms` is out of range
         --> a.yaml:6:35
          |
        6 | locks: {timeout: 61 s, retry_for: 0 ms}
          |                                   ^^^^ it must be more than zero
        ");
    insta::assert_snapshot!(with_partition("  hash: c\n  modulus: 10001"), @"
        error[PT010]: 10001 is not between 1 and 10000
         --> a.yaml:5:12
          |
        5 |   modulus: 10001
          |            ^^^^^
        ");
    insta::assert_snapshot!(with_partition("  range: c\n  every: 0"), @"
        error[PT010]: `0` is out of range
         --> a.yaml:5:10
          |
        5 |   every: 0
          |          ^ a partition is at least 1 wide
        ");
    insta::assert_snapshot!(with_partition("  list: c\n  values: {a: [\"x\\0y\"], b: []}"), @r#"
        error[PT010]: a NUL character, which Postgres cannot hold
         --> a.yaml:5:16
          |
        5 |   values: {a: ["x\0y"], b: []}
          |                ^^^^^^
        error[PT010]: a partition without values
         --> a.yaml:5:28
          |
        5 |   values: {a: ["x\0y"], b: []}
          |                            ^
        "#);
}

#[test]
fn pt011_unknown_time_zone() {
    insta::assert_snapshot!(["Europe/Berln", "berlin", "europe/berlin", "+02:00"].map(|zone| with_partition(&format!("  range: a\n  every: 1 day\n  timezone: {zone}"))).join("\n"), @"
        error[PT011]: unknown time zone `Europe/Berln`
         --> a.yaml:6:13
          |
        6 |   timezone: Europe/Berln
          |             ^^^^^^^^^^^^ did you mean `Europe/Berlin`?
        error[PT011]: unknown time zone `berlin`
         --> a.yaml:6:13
          |
        6 |   timezone: berlin
          |             ^^^^^^ did you mean `Europe/Berlin`?
        error[PT011]: unknown time zone `europe/berlin`
         --> a.yaml:6:13
          |
        6 |   timezone: europe/berlin
          |             ^^^^^^^^^^^^^ did you mean `Europe/Berlin`?
        error[PT011]: unknown time zone `+02:00`
         --> a.yaml:6:13
          |
        6 |   timezone: +02:00
          |             ^^^^^^ write an IANA name such as `Europe/Berlin` or `UTC`
        ");
}

#[test]
fn pt012_missing_unit() {
    insta::assert_snapshot!(with_range("create: {ahead: 3, behind: '2'}\nretain: {for: 24, then: drop, grace: 0}\nlocks: {timeout: 50}"), @"
        error[PT012]: `3` has no unit
         --> a.yaml:4:17
          |
        4 | create: {ahead: 3, behind: '2'}
          |                 ^ write `3 partitions` or `3 months`
        error[PT012]: `2` has no unit
         --> a.yaml:4:28
          |
        4 | create: {ahead: 3, behind: '2'}
          |                            ^^^ write `2 partitions` or `2 months`
        error[PT012]: `24` has no unit
         --> a.yaml:5:15
          |
        5 | retain: {for: 24, then: drop, grace: 0}
          |               ^^ write `24 days` or `24 months`
        error[PT012]: `0` has no unit
         --> a.yaml:5:38
          |
        5 | retain: {for: 24, then: drop, grace: 0}
          |                                      ^ write `0 days` or `0 weeks`
        error[PT012]: `50` has no unit
         --> a.yaml:6:18
          |
        6 | locks: {timeout: 50}
          |                  ^^ write `50 ms` or `50 minutes`
        ");
}

#[test]
fn pt014_unknown_unit() {
    insta::assert_snapshot!(with_range("create: {ahead: 3 partitons, behind: 3 fortnights}\nretain: {for: '24  moths', then: drop, grace: \"7\\x20d\"}\nlocks: {timeout: 50ns}"), @r#"
        error[PT014]: unknown unit `partitons`
         --> a.yaml:4:19
          |
        4 | create: {ahead: 3 partitons, behind: 3 fortnights}
          |                   ^^^^^^^^^ did you mean `partitions`?
        error[PT014]: unknown unit `fortnights`
         --> a.yaml:4:40
          |
        4 | create: {ahead: 3 partitons, behind: 3 fortnights}
          |                                        ^^^^^^^^^^ the units are minutes, hours, days, weeks, months, quarters, years
        error[PT014]: unknown unit `moths`
         --> a.yaml:5:20
          |
        5 | retain: {for: '24  moths', then: drop, grace: "7\x20d"}
          |                    ^^^^^ did you mean `months`?
        error[PT014]: unknown unit `d`
         --> a.yaml:5:47
          |
        5 | retain: {for: '24  moths', then: drop, grace: "7\x20d"}
          |                                               ^^^^^^^^ did you mean `day`?
        error[PT014]: unknown unit `ns`
         --> a.yaml:6:20
          |
        6 | locks: {timeout: 50ns}
          |                    ^^ the units are ms, seconds, minutes, hours
        "#);
}

#[test]
fn pt020_unknown_choice() {
    insta::assert_snapshot!(with_range("create: {default: requires}\nretain: {newest: 1, then: delete}"), @"
    error[PT020]: unknown choice `requires`
     --> a.yaml:4:19
      |
    4 | create: {default: requires}
      |                   ^^^^^^^^ did you mean `require`?
    error[PT020]: unknown choice `delete`
     --> a.yaml:5:27
      |
    5 | retain: {newest: 1, then: delete}
      |                           ^^^^^^ it is one of `detach`, `drop`, `archive`, `move`
    ");
}

#[test]
fn how_rows_leave_default_is_a_word_and_a_time_of_at_most_an_hour() {
    let create = policy("version: 1\ntable: a.b\npartition: {list: c, values: {x: [1]}}\ncreate: {move_rows: never, writers_wait: 90 s}").level.create;
    assert_eq!((create.move_rows, create.writers_wait), (MoveRule::Never, std::time::Duration::from_secs(90)));
    insta::assert_snapshot!(with_range("create: {move_rows: sometimes, writers_wait: 2 hours}"), @"
    error[PT020]: unknown choice `sometimes`
     --> a.yaml:4:21
      |
    4 | create: {move_rows: sometimes, writers_wait: 2 hours}
      |                     ^^^^^^^^^ it is one of `at_once`, `in_batches`, `always_in_batches`, `never`
    error[PT010]: writers would wait for longer than an hour
     --> a.yaml:4:46
      |
    4 | create: {move_rows: sometimes, writers_wait: 2 hours}
      |                                              ^^^^^^^
    ");
    let hash =
        "version: 1\ntable: a.b\npartition: {hash: c, modulus: 2}\ncreate: {move_rows: in_batches, writers_wait: 2 s}";
    assert_eq!(policy(hash).level.create.move_rows, MoveRule::InBatches);
    insta::assert_snapshot!(with_partition("  list: c\n  values: {x: [1]}\n  subpartition: {hash: d, modulus: 2, create: {move_rows: in_batches}}"), @"
        error[PT017]: `move_rows` does not go with `hash` below the first level
         --> a.yaml:6:48
          |
        6 |   subpartition: {hash: d, modulus: 2, create: {move_rows: in_batches}}
          |                                                ^^^^^^^^^ there is no DEFAULT partition, and partitions keep the modulus that they were made with
        ");
}

#[test]
fn thresholds_of_a_check_fit_their_grid() {
    let days = "version: 1\ntable: a.b\npartition: {range: at, every: 1 day}\ncheck: {min_runway: 2 weeks, max_partitions: 400, default_rows: 0}\n";
    let thresholds = policy(days).thresholds;
    assert_eq!(thresholds.min_runway, Some(Reach::Time("2 weeks".parse().unwrap())));
    assert_eq!((thresholds.max_partitions, thresholds.default_rows), (Some(400), Some(0)));
    let numbers = days.replace("1 day", "1000").replace("2 weeks", "2 partitions");
    assert_eq!(policy(&numbers).thresholds.min_runway, Some(Reach::Partitions(2)));
    // Defaults need not fit every policy below them.
    let defaults = "version: 1\nkind: defaults\ncheck: {min_runway: 14 days, default_rows: 0}\n---\n";
    let hash = policy(&format!("{defaults}version: 1\ntable: a.b\npartition: {{hash: id, modulus: 2}}\n"));
    assert_eq!(hash.thresholds, Thresholds::default());
    insta::assert_snapshot!(with_range("check: {min_runway: 14, max_partitions: 0, default_row: 1}"), @"
    error[PT012]: `14` has no unit
     --> a.yaml:4:21
      |
    4 | check: {min_runway: 14, max_partitions: 0, default_row: 1}
      |                     ^^ write `14 partitions` or `14 months`
    error[PT010]: 0 is less than 1
     --> a.yaml:4:41
      |
    4 | check: {min_runway: 14, max_partitions: 0, default_row: 1}
      |                                         ^
    error[PT002]: unknown key `default_row`
     --> a.yaml:4:44
      |
    4 | check: {min_runway: 14, max_partitions: 0, default_row: 1}
      |                                            ^^^^^^^^^^^ did you mean `default_rows`?
    ");
    insta::assert_snapshot!(with_range("check: {min_runway: 3 partitions}"), @"
    error[PT017]: `min_runway` is a number where `every` is a time
     --> a.yaml:4:21
      |
    4 | check: {min_runway: 3 partitions}
      |                     ^^^^^^^^^^^^ write it as in `14 days`
    ");
    insta::assert_snapshot!(with_partition("  range: id\n  every: 1000\ncheck: {min_runway: 3 days}"), @"
    error[PT017]: `min_runway` is a time where `every` is a number
     --> a.yaml:6:21
      |
    6 | check: {min_runway: 3 days}
      |                     ^^^^^^ write it as in `3 partitions`
    ");
    insta::assert_snapshot!(with_partition("  hash: id\n  modulus: 2\ncheck: {min_runway: 3 days, default_rows: 9}"), @"
    error[PT017]: `min_runway` does not go with `hash`
     --> a.yaml:6:21
      |
    6 | check: {min_runway: 3 days, default_rows: 9}
      |                     ^^^^^^ it belongs to `range` partitions
    error[PT017]: a hash-partitioned table cannot have a DEFAULT partition
     --> a.yaml:6:43
      |
    6 | check: {min_runway: 3 days, default_rows: 9}
      |                                           ^ leave it out
    ");
}
