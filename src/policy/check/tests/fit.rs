//! Problems between values, and what is not carried out yet.

use super::*;

#[test]
fn pt013_not_supported_yet() {
    insta::assert_snapshot!(with_range("retain: {max_size: 2 TB, then: move}"), @"
    error[PT013]: `move` is not supported by this version of partctl yet
     --> a.yaml:4:32
      |
    4 | retain: {max_size: 2 TB, then: move}
      |                                ^^^^
    ");
}

#[test]
fn pt051_each() {
    let each = |query: &str| drawn(&format!("version: 1\ntable: a.b\npartition: {{list: c, each: \"{query}\"}}"));
    let texts = ["select 1; drop table x", "delete from x returning id", "select id from x where id < $1", ";"];
    insta::assert_snapshot!(texts.map(each).join("\n"), @r#"
    error[PT051]: `each` is not one query
     --> a.yaml:3:28
      |
    3 | partition: {list: c, each: "select 1; drop table x"}
      |                            ^^^^^^^^^^^^^^^^^^^^^^^^ write it as in `select id from app.tenants`
    error[PT051]: `each` is not one query
     --> a.yaml:3:28
      |
    3 | partition: {list: c, each: "delete from x returning id"}
      |                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ write it as in `select id from app.tenants`
    error[PT051]: `each` has parameters
     --> a.yaml:3:28
      |
    3 | partition: {list: c, each: "select id from x where id < $1"}
      |                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ write it as in `select id from app.tenants`
    error[PT051]: `each` is not one query
     --> a.yaml:3:28
      |
    3 | partition: {list: c, each: ";"}
      |                            ^^^ write it as in `select id from app.tenants`
    "#);
    assert_eq!(each("select ';' from x -- all of them"), "");
}

#[test]
fn what_goes_with_each() {
    let with = |more: &str| drawn(&format!("version: 1\ntable: a.b\npartition: {{list: c, {more}"));
    insta::assert_snapshot!(
        [
            "each: select 1, values: {x: [a]}}",
            "default: rest}",
            "values: {x: [a]}}\nretain: {then: drop}",
            "each: select 1}\nretain: {for: 2 years, newest: 3}",
            "each: select 1}\nhold: [{from: 1, to: 2}]",
        ]
        .map(with)
        .join("\n"),
        @"
    error[PT017]: `values` and `each` in one policy
     --> a.yaml:3:22
      |
    3 | partition: {list: c, each: select 1, values: {x: [a]}}
      |                      ^^^^ the partitions are either the policy's or a query's
    error[PT005]: missing key `values` in `partition`
     --> a.yaml:3:13
      |
    3 | partition: {list: c, default: rest}
      |             ^^^^
    error[PT017]: `retain` does not go with `values`: their partitions do not age
     --> a.yaml:4:1
      |
    4 | retain: {then: drop}
      | ^^^^^^ it goes with `each`, whose partitions are over when their row is gone
    error[PT017]: `for` does not go with `each`: rows have no age
     --> a.yaml:4:10
      |
    4 | retain: {for: 2 years, newest: 3}
      |          ^^^ a partition is over when its row is gone, and `grace` says how long it is kept then
    error[PT005]: missing key `then` in `retain`
     --> a.yaml:4:10
      |
    4 | retain: {for: 2 years, newest: 3}
      |          ^^^
    error[PT017]: `newest` does not go with `each`: rows have no age
     --> a.yaml:4:24
      |
    4 | retain: {for: 2 years, newest: 3}
      |                        ^^^^^^ a partition is over when its row is gone, and `grace` says how long it is kept then
    error[PT017]: `from` does not go with `list`
     --> a.yaml:4:15
      |
    4 | hold: [{from: 1, to: 2}]
      |               ^
    error[PT017]: `to` does not go with `list`
     --> a.yaml:4:22
      |
    4 | hold: [{from: 1, to: 2}]
      |                      ^
    "
    );
}

#[test]
fn pt015_name_template() {
    let range = |name: &str| with_partition(&format!("  range: a\n  every: 1 day\n  name: \"{name}\""));
    insta::assert_snapshot!(["{tabel}", "{table}_{start:%Y_%Q}", "{table", "{table}_x", "{table}_{value}", "{start:%Y_%m}", "{start:%m_%d}"].map(range).join("\n"), @r#"
        error[PT015]: unknown placeholder `{tabel}`
         --> a.yaml:6:10
          |
        6 |   name: "{tabel}"
          |          ^^^^^^^ the placeholders are {table} {parent} {start} {end} {value} {remainder} {modulus}
        error[PT015]: `%Y_%Q` is not a strftime format
         --> a.yaml:6:25
          |
        6 |   name: "{table}_{start:%Y_%Q}"
          |                         ^^^^^ year %Y, month %m, day %d, hour %H, minute %M, ISO year and week %G and %V
        error[PT015]: a `{` that is not closed
         --> a.yaml:6:10
          |
        6 |   name: "{table"
          |          ^
        error[PT015]: all partitions would have the same name
         --> a.yaml:6:9
          |
        6 |   name: "{table}_x"
          |         ^^^^^^^^^^^ write it as in `{table}_{start:%Y_%m}`
        error[PT015]: `{value}` does not go with `range`
         --> a.yaml:6:9
          |
        6 |   name: "{table}_{value}"
          |         ^^^^^^^^^^^^^^^^^ write it as in `{table}_{start:%Y_%m}`
        error[PT015]: the partitions of 2000-01-01 00:00 and 2000-01-02 00:00 would have the same name
         --> a.yaml:6:9
          |
        6 |   name: "{start:%Y_%m}"
          |         ^^^^^^^^^^^^^^^ let the format write all that differs, down to the unit of `every`
        error[PT015]: the partitions of 2000-01-01 00:00 and 2001-01-01 00:00 would have the same name
         --> a.yaml:6:9
          |
        6 |   name: "{start:%m_%d}"
          |         ^^^^^^^^^^^^^^^ let the format write all that differs, down to the unit of `every`
        "#);
    insta::assert_snapshot!(with_partition("  range: a\n  every: 100\n  name: '{table}_{start:%Y}'"), @"
        error[PT015]: a number takes no format in `{start}`
         --> a.yaml:6:9
          |
        6 |   name: '{table}_{start:%Y}'
          |         ^^^^^^^^^^^^^^^^^^^^ write it as in `{table}_{start}`
        ");
    insta::assert_snapshot!(with_partition("  range: a\n  every: 1 week\n  name: '{table}_{start:%Y_w%V}'"), @"
        error[PT015]: the partitions of 2001-01-01 00:00 and 2001-12-31 00:00 would have the same name
         --> a.yaml:6:9
          |
        6 |   name: '{table}_{start:%Y_w%V}'
          |         ^^^^^^^^^^^^^^^^^^^^^^^^ let the format write all that differs, down to the unit of `every`
        ");
    insta::assert_snapshot!(with_partition("  hash: a\n  modulus: 2\n  name: '{table}_{modulus}'"), @"
        error[PT015]: all partitions would have the same name
         --> a.yaml:6:9
          |
        6 |   name: '{table}_{modulus}'
          |         ^^^^^^^^^^^^^^^^^^^ write it as in `{table}_p{remainder}`
        ");
    insta::assert_snapshot!(with_partition("  list: a\n  values: {x: [1]}\n  name: '{table}_{start}'"), @"
        error[PT015]: `{start}` does not go with `list`
         --> a.yaml:6:9
          |
        6 |   name: '{table}_{start}'
          |         ^^^^^^^^^^^^^^^^^ write it as in `{table}_{value}`
        ");
}

#[test]
fn pt016_duplicate_value() {
    insta::assert_snapshot!(with_partition("  list: a\n  default: eu\n  values:\n    na: [US, ~, 1]\n    eu: [DE, \"US\", null, '1', DE]"), @r#"
        error[PT016]: `eu` is the name of another partition in `values`
         --> a.yaml:5:12
          |
        5 |   default: eu
          |            ^^
        error[PT016]: `US` is already in `na` on line 7
         --> a.yaml:8:14
          |
        8 |     eu: [DE, "US", null, '1', DE]
          |              ^^^^
        error[PT016]: null is already in `na` on line 7
         --> a.yaml:8:20
          |
        8 |     eu: [DE, "US", null, '1', DE]
          |                    ^^^^
        error[PT016]: `1` is already in `na` on line 7
         --> a.yaml:8:26
          |
        8 |     eu: [DE, "US", null, '1', DE]
          |                          ^^^
        error[PT016]: `DE` is already in `eu` on line 8
         --> a.yaml:8:31
          |
        8 |     eu: [DE, "US", null, '1', DE]
          |                               ^^
        "#);
    insta::assert_snapshot!(with_partition("  hash: [a, b, A]\n  modulus: 2"), @"
        error[PT016]: `a` is in the key already
         --> a.yaml:4:16
          |
        4 |   hash: [a, b, A]
          |                ^
        ");
}

#[test]
fn pt017_contradiction() {
    insta::assert_snapshot!(with_partition("  hash: a\n  modulus: 2\n  every: 1 day\n  values: {x: [1]}"), @"
        error[PT017]: `every` does not go with `hash`
         --> a.yaml:6:3
          |
        6 |   every: 1 day
          |   ^^^^^ it belongs to `range` partitions
        error[PT017]: `values` does not go with `hash`
         --> a.yaml:7:3
          |
        7 |   values: {x: [1]}
          |   ^^^^^^ it belongs to `list` partitions
        ");
    insta::assert_snapshot!(with_partition("  range: a\n  every: 100\n  timezone: UTC\n  anchor: 2024-01-01\ncreate: {ahead: 3 months}\nretain: {for: 2 years, then: drop}\nhold: [{from: 2024-01-01, to: 5}]"), @"
    error[PT017]: `timezone` does not go with a grid of numbers
     --> a.yaml:6:3
      |
    6 |   timezone: UTC
      |   ^^^^^^^^ leave it out, or write `every: 1 month`
    error[PT017]: `anchor` is a date where `every` is a number
     --> a.yaml:7:11
      |
    7 |   anchor: 2024-01-01
      |           ^^^^^^^^^^
    error[PT017]: `ahead` is a time where `every` is a number
     --> a.yaml:8:17
      |
    8 | create: {ahead: 3 months}
      |                 ^^^^^^^^ write it as in `3 partitions`
    error[PT017]: `for` is a time where `every` is a number
     --> a.yaml:9:15
      |
    9 | retain: {for: 2 years, then: drop}
      |               ^^^^^^^ write it as in `distance: 50000000`
    error[PT017]: `from` is a date where `every` is a number
      --> a.yaml:10:15
       |
    10 | hold: [{from: 2024-01-01, to: 5}]
       |               ^^^^^^^^^^
    ");
    insta::assert_snapshot!(with_partition("  range: a\n  every: 1 day\n  anchor: 100\nhold: [{from: 2024-02-01, to: 2024-02-01}, {partition: x, from: 2024-02-01}]"), @"
        error[PT017]: `anchor` is a number where `every` is a time
         --> a.yaml:6:11
          |
        6 |   anchor: 100
          |           ^^^
        error[PT017]: `to` is not after `from`
         --> a.yaml:7:31
          |
        7 | hold: [{from: 2024-02-01, to: 2024-02-01}, {partition: x, from: 2024-02-01}]
          |                               ^^^^^^^^^^
        error[PT017]: `from` beside `partition`
         --> a.yaml:7:59
          |
        7 | hold: [{from: 2024-02-01, to: 2024-02-01}, {partition: x, from: 2024-02-01}]
          |                                                           ^^^^ write two holds
        ");
    insta::assert_snapshot!(with_range("create: {behind: 3 years}\nretain: {for: 24 months, then: drop}"), @"
        error[PT017]: `behind` reaches beyond what `retain` keeps: its partitions would be made to be retired
         --> a.yaml:4:18
          |
        4 | create: {behind: 3 years}
          |                  ^^^^^^^
        ");
    insta::assert_snapshot!(with_range("create: {behind: 3 partitions}\nretain: {newest: 3, at_least: 4, then: drop}"), @"
        error[PT017]: `behind` reaches beyond what `retain` keeps: its partitions would be made to be retired
         --> a.yaml:4:18
          |
        4 | create: {behind: 3 partitions}
          |                  ^^^^^^^^^^^^
        error[PT017]: `newest: 3` can never hold where `at_least` keeps 4
         --> a.yaml:5:31
          |
        5 | retain: {newest: 3, at_least: 4, then: drop}
          |                               ^
        ");
    insta::assert_snapshot!(with_partition("  hash: a\n  modulus: 2\ncreate: {ahead: 3 months, default: require}\nretain: {newest: 3, then: drop}"), @"
        error[PT017]: `ahead` does not go with `hash`
         --> a.yaml:6:10
          |
        6 | create: {ahead: 3 months, default: require}
          |          ^^^^^ it belongs to `range` partitions
        error[PT017]: a hash-partitioned table cannot have a DEFAULT partition
         --> a.yaml:6:36
          |
        6 | create: {ahead: 3 months, default: require}
          |                                    ^^^^^^^
        error[PT017]: `retain` does not go with `hash`: its partitions do not age
         --> a.yaml:7:1
          |
        7 | retain: {newest: 3, then: drop}
          | ^^^^^^
        ");
    insta::assert_snapshot!(with_partition("  list: a\n  values: {x: [1]}\n  default: other\ncreate: {behind: 1 day, default: forbid}\nhold: [{from: 1, to: 2}]"), @"
        error[PT017]: `behind` does not go with `list`
         --> a.yaml:7:10
          |
        7 | create: {behind: 1 day, default: forbid}
          |          ^^^^^^ it belongs to `range` partitions
        error[PT017]: `create` forbids the DEFAULT partition that `partition.default` asks for
         --> a.yaml:7:10
          |
        7 | create: {behind: 1 day, default: forbid}
          |          ^^^^^^
        error[PT017]: `from` does not go with `list`
         --> a.yaml:8:15
          |
        8 | hold: [{from: 1, to: 2}]
          |               ^
        error[PT017]: `to` does not go with `list`
         --> a.yaml:8:22
          |
        8 | hold: [{from: 1, to: 2}]
          |                      ^
        ");
}

#[test]
fn what_only_looks_like_a_contradiction_is_taken() {
    for lines in [
        "create: {behind: 24 months}\nretain: {for: 24 months, then: drop}",
        "create: {behind: 12 months}\nretain: {for: 365 days, then: drop}",
        "create: {behind: 2 partitions}\nretain: {newest: 3, then: drop}",
        "create: {behind: 9 partitions}\nretain: {for: 1 month, newest: 10, then: drop}",
        "retain: {for: 1 month, then: detach, grace: 1 day}",
    ] {
        assert_eq!(with_range(lines), "", "{lines}");
    }
}

#[test]
fn pt055_archive_destination() {
    let archive = |to: &str| with_range(&format!("retain: {{for: 1 year, then: archive}}\narchive: {{to: \"{to}\"}}"));
    for fine in ["s3://acme-archive/orders", "gs://b", "az://c/d/", "file:///var/archive"] {
        assert_eq!(archive(fine), "", "{fine}");
    }
    insta::assert_snapshot!([archive("/var/archive"), archive("s4://x"), archive("s3://key:secret@bucket"), archive("file://x/y"), archive("s3:///x"), archive("s3://x/../y")].join("\n"), @r#"
    error[PT055]: `/var/archive` is no destination
     --> a.yaml:5:15
      |
    5 | archive: {to: "/var/archive"}
      |               ^^^^^^^^^^^^^^ write s3://bucket/folder, gs://…, az://…, file:///folder
    error[PT055]: unknown kind of destination `s4`
     --> a.yaml:5:15
      |
    5 | archive: {to: "s4://x"}
      |               ^^^^^^^^ did you mean `s3`?
    error[PT055]: credentials in a destination, where everybody reads them
     --> a.yaml:5:15
      |
    5 | archive: {to: "s3://key:secret@bucket"}
      |               ^^^^^^^^^^^^^^^^^^^^^^^^ leave them to the environment, as the cloud's own tools take them
    error[PT055]: `file://x/y` is no folder
     --> a.yaml:5:15
      |
    5 | archive: {to: "file://x/y"}
      |               ^^^^^^^^^^^^ write it as in `file:///var/archive`
    error[PT055]: `s3:///x` names no bucket
     --> a.yaml:5:15
      |
    5 | archive: {to: "s3:///x"}
      |               ^^^^^^^^^ write s3://bucket/folder, gs://…, az://…, file:///folder
    error[PT055]: `s3://x/../y` is no plain path
     --> a.yaml:5:15
      |
    5 | archive: {to: "s3://x/../y"}
      |               ^^^^^^^^^^^^^ write s3://bucket/folder, gs://…, az://…, file:///folder
    "#);
}

#[test]
fn archive_says_how() {
    let archive =
        |more: &str| with_range(&format!("retain: {{for: 1 year, then: archive}}\narchive: {{to: s3://x, {more}}}"));
    assert_eq!(archive("format: csv, compression: \"zstd:19\", split: 2 GB, connections: 4"), "");
    insta::assert_snapshot!([
        archive("format: orc"), archive("compression: lz4"), archive("compression: \"zstd:23\""), archive("split: 2"),
        archive("split: 2 GiB"), archive("split: 0 GB"), archive("connections: 17"), archive("keep: 7"),
        with_range("retain: {for: 1 year, then: archive}"),
        with_range("retain: {for: 1 year, then: drop}\narchive: {to: s3://x}"),
    ].join("\n"), @r#"
    error[PT020]: unknown choice `orc`
     --> a.yaml:5:31
      |
    5 | archive: {to: s3://x, format: orc}
      |                               ^^^ it is one of `parquet`, `csv`, `binary`
    error[PT020]: unknown compression `lz4`
     --> a.yaml:5:36
      |
    5 | archive: {to: s3://x, compression: lz4}
      |                                    ^^^ it is `zstd`, `zstd:` and a level, `gzip` or `none`
    error[PT020]: unknown compression `zstd:23`
     --> a.yaml:5:36
      |
    5 | archive: {to: s3://x, compression: "zstd:23"}
      |                                    ^^^^^^^^^ levels of zstd go from 1 to 22
    error[PT012]: `2` has no unit
     --> a.yaml:5:30
      |
    5 | archive: {to: s3://x, split: 2}
      |                              ^ write it as in `500 MB` or `2 GB`
    error[PT014]: unknown unit `GiB`
     --> a.yaml:5:30
      |
    5 | archive: {to: s3://x, split: 2 GiB}
      |                              ^^^^^ write it as in `500 MB` or `2 GB`
    error[PT010]: `0 GB` is out of range
     --> a.yaml:5:30
      |
    5 | archive: {to: s3://x, split: 0 GB}
      |                              ^^^^ write it as in `500 MB` or `2 GB`
    error[PT010]: 17 is not between 1 and 16
     --> a.yaml:5:36
      |
    5 | archive: {to: s3://x, connections: 17}
      |                                    ^^
    error[PT012]: `7` has no unit
     --> a.yaml:5:29
      |
    5 | archive: {to: s3://x, keep: 7}
      |                             ^ write `7 days` or `7 months`
    error[PT005]: `then: archive` without an `archive` that says where to
     --> a.yaml:1:1
      |
    1 | version: 1
      | ^^^^^^^ write `archive: {to: s3://bucket/folder}`, or `file:///folder`
    error[PT017]: `archive` says where to, and nothing is archived
     --> a.yaml:5:1
      |
    5 | archive: {to: s3://x}
      | ^^^^^^^ write `then: archive` under `retain`
    "#);
}

#[test]
fn pt035_sub_partition() {
    insta::assert_snapshot!(with_partition("  hash: [b, a]\n  modulus: 2\n  subpartition: {hash: [b, a], modulus: 4}"), @"
    error[PT035]: the level above is by hash of the same key
     --> a.yaml:6:24
      |
    6 |   subpartition: {hash: [b, a], modulus: 4}
      |                        ^ name another column
    ");
    insta::assert_snapshot!(with_partition("  range: at\n  every: 1 month\n  subpartition:\n    list: a\n    values: {x: [1]}\n    subpartition: {list: a, values: {y: [1]}}"), @"
    error[PT035]: the level above is by list of the same key
     --> a.yaml:9:26
      |
    9 |     subpartition: {list: a, values: {y: [1]}}
      |                          ^ name another column
    ");
}

#[test]
fn levels_have_their_own_create_and_retain() {
    let policy = policy(
        "version: 1\ntable: a.b\ncreate: {default: forbid}\npartition:\n  list: region\n  values: {eu: [DE], na: [US]}\n  \
         subpartition:\n    range: at\n    every: 1 month\n    create: {ahead: 2 months}\n    retain: {for: 1 year, then: drop}\n    \
         subpartition: {hash: id, modulus: 4, name: '{parent}_h{remainder}'}\nhold: [{from: 2026-01-01, to: 2026-02-01}]\ncheck: {min_runway: 14 days}\n",
    );
    let levels: Vec<&Level> = policy.levels().collect();
    let [list, range, hash] = levels.as_slice() else { panic!("{levels:?}") };
    assert_eq!((list.create.default, list.retain.is_some()), (DefaultRule::Forbid, false));
    assert_eq!(
        (range.create.ahead, range.create.default),
        (Reach::Time("2 months".parse().unwrap()), DefaultRule::Allow)
    );
    assert!(range.retain.is_some() && matches!(&hash.partitioning, Partitioning::Hash(hash) if hash.modulus == 4));
    assert!(hash.placement.name.is_some() && hash.subpartition.is_none());
    assert_eq!(policy.thresholds.min_runway, Some(Reach::Time("14 days".parse().unwrap())));
    insta::assert_snapshot!(with_partition("  list: region\n  values: {eu: [DE]}\n  subpartition:\n    range: at\n    every: 1 month\n    retain: {for: 1 year}\n    archive: x\n    modlus: 3\nretain: {for: 1 year, then: drop}\ncreate: {ahead: 3 months}"), @"
    error[PT005]: missing key `then` in `retain`
     --> a.yaml:9:14
      |
    9 |     retain: {for: 1 year}
      |              ^^^
    error[PT002]: unknown key `archive`
      --> a.yaml:10:5
       |
    10 |     archive: x
       |     ^^^^^^^ `archive` stands at the top of the document
    error[PT002]: unknown key `modlus`
      --> a.yaml:11:5
       |
    11 |     modlus: 3
       |     ^^^^^^ did you mean `modulus`?
    error[PT017]: `retain` does not go with `list`: its partitions do not age
      --> a.yaml:12:1
       |
    12 | retain: {for: 1 year, then: drop}
       | ^^^^^^ write it under `subpartition`, beside the grid whose partitions do
    error[PT017]: `ahead` does not go with `list`
      --> a.yaml:13:10
       |
    13 | create: {ahead: 3 months}
       |          ^^^^^ it belongs to `range` partitions
    ");
    insta::assert_snapshot!(with_partition("  range: at\n  every: 1 month\n  subpartition: {hash: id, modulus: 4, name: 'p{remainder}', retain: {newest: 3, then: drop}}"), @"
    error[PT015]: partitions of different parents would have the same name
     --> a.yaml:6:46
      |
    6 |   subpartition: {hash: id, modulus: 4, name: 'p{remainder}', retain: {newest: 3, then: drop}}
      |                                              ^^^^^^^^^^^^^^ write `{table}` for the name of the partition above, as in `{table}_p{remainder}`
    error[PT017]: `retain` does not go with `hash`: its partitions do not age
     --> a.yaml:6:62
      |
    6 |   subpartition: {hash: id, modulus: 4, name: 'p{remainder}', retain: {newest: 3, then: drop}}
      |                                                              ^^^^^^
    ");
    insta::assert_snapshot!(with_partition("  range: at\n  every: 1 month\n  subpartition: 4"), @"
    error[PT004]: expected a map of keys, found `4`
     --> a.yaml:6:17
      |
    6 |   subpartition: 4
      |                 ^
    ");
}

#[test]
fn what_is_inherited_is_named_once_and_storage_parameters_are_postgres_own() {
    insta::assert_snapshot!(with_range("inherit: [owner, row_securty, owner]\nstorage: {fillfactor: 101, filfactor: 90, autovacuum_enabled: maybe, toast.vacuum_truncate: yes}"), @"
    error[PT020]: unknown choice `row_securty`
     --> a.yaml:4:18
      |
    4 | inherit: [owner, row_securty, owner]
      |                  ^^^^^^^^^^^ did you mean `row_security`?
    error[PT016]: `owner` stands twice in the list
     --> a.yaml:4:31
      |
    4 | inherit: [owner, row_securty, owner]
      |                               ^^^^^
    error[PT050]: `fillfactor` takes a whole number from 10 to 100, not `101`
     --> a.yaml:5:23
      |
    5 | storage: {fillfactor: 101, filfactor: 90, autovacuum_enabled: maybe, toast.vacuum_truncate: yes}
      |                       ^^^
    error[PT002]: unknown key `filfactor`
     --> a.yaml:5:28
      |
    5 | storage: {fillfactor: 101, filfactor: 90, autovacuum_enabled: maybe, toast.vacuum_truncate: yes}
      |                            ^^^^^^^^^ did you mean `fillfactor`?
    error[PT050]: `autovacuum_enabled` takes `true` or `false`, not `maybe`
     --> a.yaml:5:63
      |
    5 | storage: {fillfactor: 101, filfactor: 90, autovacuum_enabled: maybe, toast.vacuum_truncate: yes}
      |                                                               ^^^^^
    ");
    insta::assert_snapshot!(with_range("inherit: owner"), @"
    error[PT004]: expected a list, found `owner`
     --> a.yaml:4:10
      |
    4 | inherit: owner
      |          ^^^^^
    ");
}

#[test]
fn pt030_unless() {
    let retain = |condition: &str| with_range(&format!("retain: {{for: 1 year, then: drop, unless: \"{condition}\"}}"));
    let conditions =
        ["open", "exists (select from {partition}); drop table x", "{partition} is null -- always", "{partition} = $1"];
    insta::assert_snapshot!(conditions.map(retain).join("\n"), @r#"
    error[PT030]: `unless` does not name the partition
     --> a.yaml:4:43
      |
    4 | retain: {for: 1 year, then: drop, unless: "open"}
      |                                           ^^^^^^ write `{partition}` where its name stands
    error[PT030]: `unless` holds a `;`, a `$` or a comment
     --> a.yaml:4:43
      |
    4 | retain: {for: 1 year, then: drop, unless: "exists (select from {partition}); drop table x"}
      |                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ write one expression, as in `exists (select from {partition} where open)`
    error[PT030]: `unless` holds a `;`, a `$` or a comment
     --> a.yaml:4:43
      |
    4 | retain: {for: 1 year, then: drop, unless: "{partition} is null -- always"}
      |                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ write one expression, as in `exists (select from {partition} where open)`
    error[PT030]: `unless` holds a `;`, a `$` or a comment
     --> a.yaml:4:43
      |
    4 | retain: {for: 1 year, then: drop, unless: "{partition} = $1"}
      |                                           ^^^^^^^^^^^^^^^^^^ write one expression, as in `exists (select from {partition} where open)`
    "#);
}

#[test]
fn retention_by_distance_and_size_fits_its_grid() {
    let numbers = "version: 1\ntable: a.b\npartition: {range: id, every: 1000}\n";
    let texts = [
        with_range("retain: {distance: 5, then: drop}"),
        with_range("create: {behind: 2 partitions}\nretain: {max_size: 1 TB, then: drop}"),
        with_range("retain: {max_size: 10, then: drop}"),
        with_range("retain: {max_size: 10 TiB, then: drop}"),
        drawn(&format!("{numbers}retain: {{distance: 0, then: drop}}")),
    ];
    insta::assert_snapshot!(texts.join("\n"), @"
    error[PT017]: `distance` is a number where `every` is a time
     --> a.yaml:4:20
      |
    4 | retain: {distance: 5, then: drop}
      |                    ^ write it as in `for: 24 months`
    error[PT017]: `behind` beside `max_size`: what leaves for its size would be made again
     --> a.yaml:4:18
      |
    4 | create: {behind: 2 partitions}
      |                  ^^^^^^^^^^^^
    error[PT012]: `10` has no unit
     --> a.yaml:4:20
      |
    4 | retain: {max_size: 10, then: drop}
      |                    ^^ write `10 GB` or `10 TB`
    error[PT014]: unknown unit `TiB`
     --> a.yaml:4:23
      |
    4 | retain: {max_size: 10 TiB, then: drop}
      |                       ^^^ the units are kB, MB, GB, TB, PB
    error[PT010]: 0 is less than 1
     --> a.yaml:4:20
      |
    4 | retain: {distance: 0, then: drop}
      |                    ^
    ");
    assert_eq!(drawn(&format!("{numbers}create: {{behind: 2 partitions}}\nretain: {{distance: 5, then: drop}}")), "");
}
