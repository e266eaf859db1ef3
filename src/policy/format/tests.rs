//! What is laid out anew says the same, keeps its comments, and stays as it is the next time.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::policy::{check, fingerprint};

fn source(text: &str) -> Source {
    Source { path: "a.yaml".to_owned(), text: text.to_owned() }
}

fn formatted(text: &str) -> String {
    let formatted = format(&source(text)).unwrap();
    assert_eq!(formatted.left, [], "{text}");
    assert_eq!(format(&source(&formatted.text)).unwrap().text, formatted.text, "the second time");
    formatted.text
}

fn left(text: &str) -> Vec<(usize, &'static str)> {
    let formatted = format(&source(text)).unwrap();
    assert_eq!(formatted.text.trim_end(), text.trim_end());
    formatted.left
}

fn prints(text: &str) -> Vec<String> {
    check(&[source(text)]).policies.iter().map(fingerprint).collect()
}

/// Comments, each with the entry that it shares its line with or stands above.
fn comments(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(hash) = line.find('#') else { continue };
        let entry = match line[..hash].trim() {
            "" => lines[at..].iter().find(|line| !line.starts_with('#')).copied().unwrap_or_default(),
            entry => entry,
        };
        let entry = entry.split(':').next().unwrap_or_default().trim_start_matches("- ");
        found.push((line[hash..].to_owned(), entry.to_owned()));
    }
    found.sort();
    found
}

#[test]
fn keys_take_their_order_and_comments_go_with_them() {
    let text = "\
# Orders, by month.
table: shop.orders
version: 1


retain:
    then: drop        # after grace
    # two years, says the law
    for: 24 months
    # nothing destroys unasked:
    # unattended: true
partition:
    every: 1 month
    timezone :   UTC
    range: order_date   # a timestamptz
";
    insta::assert_snapshot!(formatted(text), @"
    # Orders, by month.
    version: 1
    table: shop.orders
    partition:
      range: order_date     # a timestamptz
      every: 1 month
      timezone: UTC

    retain:
      # two years, says the law
      for: 24 months
      then: drop          # after grace
      # nothing destroys unasked:
      # unattended: true
    ");
    assert_eq!(prints(&formatted(text)), prints(text));
}

#[test]
fn lists_blocks_and_brackets_keep_their_lines() {
    let text = "\
version: 1
table: a.b
partition:
   list: region
   values:
    na: [US,  CA,
      MX]      # three
    eu:
    - DE
    -   FR # two
hold:
-   partition: x   # one
    reason: >-
       a long
         story

    until: 2027-01-01
- {partition: y}
pruning:
- sql: |
    select *

      from a.b
  name: all
-
    # of one
    name: one
    sql:
      select 1
      from a.b
";
    insta::assert_snapshot!(formatted(text), @"
    version: 1
    table: a.b
    partition:
      list: region
      values:
        na: [US,  CA,
          MX]      # three
        eu:
          - DE
          - FR # two
    hold:
      - partition: x   # one
        reason: >-
           a long
             story

        until: 2027-01-01
      - {partition: y}
    pruning:
      - name: all
        sql: |
          select *

            from a.b
      -
        # of one
        name: one
        sql:
          select 1
          from a.b
    ");
    assert_eq!(prints(&formatted(text)), prints(text));
}

#[test]
fn comments_that_could_belong_to_either_key_keep_all_in_their_order() {
    let text = "table: a.b\n\n# Hard to say.\n\nversion: 1\npartition: {hash: id, modulus: 4}\n";
    assert_eq!(formatted(text), text);
    let text = "colour: red\nversion: 1\ntable: a.b\n";
    assert_eq!(formatted(text), text, "an unknown key");
    let text = "table: a.b\nlocks: &l {timeout: 1 s}\nversion: 1\n";
    assert_eq!(formatted(text), text, "a name for an alias below");
}

#[test]
fn documents_are_laid_out_one_by_one() {
    let text = "# first\n\n\n\n---\r\nkind:  defaults\r\nversion: 1\r\n\n\n---   # second\n---\n  table: a.b\n  version: 1\n...\n# end\n\n\n";
    insta::assert_snapshot!(formatted(text), @"
    # first

    ---
    version: 1
    kind: defaults

    ---   # second
    ---
    version: 1
    table: a.b
    ...
    # end
    ");
    assert_eq!(formatted(""), "");
    assert_eq!(formatted("\n\n# nothing\n\n\n# yet"), "# nothing\n\n# yet\n");
}

#[test]
fn what_is_not_understood_is_left_alone_and_said_so() {
    assert_eq!(left("[a,  b]\n"), [(1, "it is no map with a key on each line")]);
    assert_eq!(left("{version:  1}\n"), [(1, "it is no map with a key on each line")]);
    assert_eq!(left("version: 1\n---\n? table\n:   a.b\n"), [(2, "a key shares its line with something else")]);
    assert_eq!(left("a:\n- - b\n"), [(1, "a list begins on the line of another")]);
    assert_eq!(left("%YAML 1.2\n---\na:   1\n"), [(1, "something stands before its first key")]);
    let broken = format(&source("table: [\n")).unwrap_err();
    assert_eq!((broken[0].rule.id, broken[0].path.as_str()), ("PT001", "a.yaml"));
}

fn policies() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let inside = |folder: &str| fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let scenarios = inside("tests/scenarios").map(|folder| folder.join("policy.yaml"));
    inside("policies").filter(|path| path.extension().is_some_and(|found| found == "yaml")).chain(scenarios).collect()
}

#[test]
fn the_examples_of_the_project_are_laid_out_already() {
    for path in policies().into_iter().filter(|path| path.parent().is_some_and(|folder| folder.ends_with("policies"))) {
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(formatted(&text), text, "{}", path.display());
    }
}

#[test]
fn every_policy_means_the_same_afterwards() {
    for path in policies() {
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(prints(&formatted(&text)), prints(&text), "{}", path.display());
    }
}

/// A policy with its keys in any order, deeper than it need be, with comments everywhere.
fn scrambled() -> impl Strategy<Value = String> {
    let sections = vec![
        vec!["version: 1"],
        vec!["table: shop.orders"],
        vec!["partition:", "range: at", "every: 1 month", "timezone: UTC", "name: '{table}_{start:%Y_%m}'"],
        vec!["create:", "ahead: 3 months", "behind: 0 partitions", "fill_gaps: true"],
        vec!["retain:", "for: 24 months", "then: drop", "grace: 7 days", "at_least: 2"],
        vec!["locks:", "timeout: 50 ms", "retry_for: 10 minutes"],
        vec!["hold: [{partition: x}, {from: 2024-01-01,\n   to: 2024-02-01}]"],
    ];
    let keys = Just(sections).prop_shuffle();
    let decoration = prop::collection::vec((0..4_usize, any::<u32>(), 1..5_usize), 40);
    (keys, decoration).prop_map(|(sections, decoration)| {
        let mut text = String::new();
        for (at, (section, (_, seed, depth))) in sections.into_iter().zip(&decoration).enumerate() {
            let mut inside: Vec<&str> = section[1..].to_vec();
            if !inside.is_empty() {
                let by = *seed as usize % inside.len();
                inside.rotate_left(by);
            }
            for (key, line) in std::iter::once(section[0]).chain(inside).enumerate() {
                let indent = if key == 0 { 0 } else { *depth };
                let (kind, number, gap) = decoration[(at * 7 + key * 3) % decoration.len()];
                match kind {
                    0 => text.push_str(&format!("{:indent$}# above {number}\n{:indent$}{line}\n", "", "")),
                    1 => text.push_str(&format!("{:indent$}{line}{:gap$}# beside {number}\n", "", "")),
                    2 => text.push_str(&format!("\n{:indent$}{line}\n", "")),
                    _ => text.push_str(&format!("{:indent$}{line}\n", "")),
                }
            }
        }
        text
    })
}

#[test]
fn a_byte_order_mark_that_would_come_to_stand_first_stays_where_it_is() {
    let text = "\r\n\u{feff}";
    let formatted = format(&source(text)).unwrap();
    assert_eq!((formatted.text.as_str(), formatted.left.len()), (text, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_it_looked_like_it_says_the_same_and_keeps_its_comments(text in scrambled()) {
        prop_assert_eq!(prints(&text).len(), 1);
        let formatted = formatted(&text);
        prop_assert_eq!(prints(&formatted), prints(&text));
        prop_assert_eq!(comments(&formatted).len(), comments(&text).len());
        if !text.starts_with('#') {
            prop_assert_eq!(comments(&formatted), comments(&text));
        }
    }

    #[test]
    fn no_text_panics_and_twice_is_once(text in crate::policy::check::tests::laws::yamlish()) {
        if let Ok(formatted) = format(&source(&text)) {
            prop_assert!(formatted.left.is_empty() || !formatted.text.is_empty());
            let again = format(&source(&formatted.text)).unwrap();
            prop_assert_eq!(again.text, formatted.text);
        }
    }
}
