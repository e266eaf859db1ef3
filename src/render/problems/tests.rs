use super::*;
use crate::codes::Severity;
use crate::policy::RULES;
use crate::render::{Colour, Screen};

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

/// A problem with the only occurrence of `at` in the text.
fn problem(source: &Source, at: &str, hint: Option<&str>) -> Problem {
    let start = source.text.find(at).unwrap();
    Problem {
        rule: RULES.iter().copied().find(|rule| rule.id == "PT014").unwrap(),
        severity: Severity::Error,
        message: format!("unknown unit `{at}`"),
        path: source.path.clone(),
        span: start..start + at.len(),
        hint: hint.map(str::to_owned),
    }
}

fn drawn(problems: &[Problem], sources: &[Source], screen: Screen) -> String {
    let mut out = Vec::new();
    draw(problems, sources, screen, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn plain(text: &str, at: &str) -> String {
    let source = source("policies/orders.yaml", text);
    let problem = problem(&source, at, Some("did you mean `month`?"));
    drawn(&[problem], &[source], Screen { width: 80, colour: Colour::Never })
}

fn written(write: fn(&[Problem], &[Source], &mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let sources = [source("policies/größe, a: 1%.yaml", "# 表\n\nevery: 1 mnth\nahead: 3 mnths")];
    let problems = [problem(&sources[0], "mnth\n", Some("did you mean `month`?")), problem(&sources[0], "mnths", None)];
    let problems = problems.map(|problem| Problem { message: problem.message.replace("\n", "\r\n"), ..problem });
    let mut out = Vec::new();
    write(&problems, &sources, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_problem_is_drawn_under_its_line_with_what_to_do() {
    insta::assert_snapshot!(plain("version: 1\ntable: a.b\npartition:\n  range: at\n  every: 1 mnth\n", "mnth"), @"
    error[PT014]: unknown unit `mnth`
     --> policies/orders.yaml:5:12
      |
    5 |   every: 1 mnth
      |            ^^^^ did you mean `month`?
    ");
}

#[test]
fn the_caret_is_right_below_wide_characters_tabs_and_in_windows_files() {
    insta::assert_snapshot!(plain("表: {größe: x, every:\t1 mnth} # 表\r\nb: 1\r\n", "mnth"), @"
    error[PT014]: unknown unit `mnth`
     --> policies/orders.yaml:1:24
      |
    1 | 表: {größe: x, every:    1 mnth} # 表
      |                            ^^^^ did you mean `month`?
    ");
    insta::assert_snapshot!(plain("e\u{301}🦀: 1 mnth", "mnth"), @"
    error[PT014]: unknown unit `mnth`
     --> policies/orders.yaml:1:8
      |
    1 | é🦀: 1 mnth
      |        ^^^^ did you mean `month`?
    ");
}

#[test]
fn a_place_without_width_and_one_at_the_end_are_drawn() {
    let source = source("a.yaml", "a:\nb: 1");
    let at = |span: std::ops::Range<usize>| Problem { span, ..problem(&source, "1", None) };
    let problems = [at(0..0), at(2..2), at(7..7), at(99..120), at(3..7)];
    insta::assert_snapshot!(drawn(&problems, &[source], Screen { width: 80, colour: Colour::Never }), @"
    error[PT014]: unknown unit `1`
     --> a.yaml:1:1
      |
    1 | a:
      | ^

    error[PT014]: unknown unit `1`
     --> a.yaml:1:3
      |
    1 | a:
      |   ^

    error[PT014]: unknown unit `1`
     --> a.yaml:2:5
      |
    2 | b: 1
      |     ^

    error[PT014]: unknown unit `1`
     --> a.yaml:2:5
      |
    2 | b: 1
      |     ^

    error[PT014]: unknown unit `1`
     --> a.yaml:2:1
      |
    2 | b: 1
      | ^^^^
    ");
}

#[test]
fn a_long_line_is_cut_around_the_problem() {
    let text = format!("a: [{}1 mnth{}]", "ü, ".repeat(30), ", ö".repeat(300));
    insta::assert_snapshot!(plain(&text, "mnth"), @"
    error[PT014]: unknown unit `mnth`
     --> policies/orders.yaml:1:97
      |
    1 | ..., ü, ü, ü, ü, ü, ü, 1 mnth, ö, ö, ö, ö, ö, ö, ö, ö, ö, ö, ö, ö, ö, ö, ...
      |                          ^^^^ did you mean `month`?
    ");
    let text = format!("a: [{}1 mnth{}]", "ü, ".repeat(30_000), ", ö".repeat(30_000));
    insta::assert_snapshot!(plain(&text, "mnth"), @"
    error[PT014]: unknown unit `mnth`
     --> policies/orders.yaml:1:90007
      |
     ::: 
    1 | ..., ü, ü, ü, ü, ü, ü, 1 mnth, ö, ö, ö, ö, ö, ö, ö, ö, ö, ö, ö, ö, ö, ö, ...
      |                          ^^^^ did you mean `month`?
    ");
}

#[test]
fn colour_is_used_only_where_it_is_asked_for() {
    let source = source("a.yaml", "every: 1 mnth");
    let problems = [problem(&source, "mnth", None)];
    let drawn = |colour| drawn(&problems, std::slice::from_ref(&source), Screen { width: usize::MAX, colour });
    assert!(!drawn(Colour::Never).contains('\u{1b}'));
    assert!(drawn(Colour::Always).contains("\u{1b}["));
}

#[test]
fn escape_sequences_in_paths_and_lines_are_made_visible() {
    let source = source("\u{1b}[2Ja.yaml", "a: 1 mnth # \u{1b}]0;x\u{7}\u{202e}");
    let problem = Problem { message: "\u{1b}[31m".to_owned(), ..problem(&source, "mnth", Some("\u{1b}[0m")) };
    let screen = Screen { width: 80, colour: Colour::Never };
    for sources in [&[source][..], &[]] {
        let drawn = drawn(std::slice::from_ref(&problem), sources, screen);
        assert!(!drawn.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{}", drawn.escape_debug());
    }
}

#[test]
fn json_is_versioned_and_counts_characters() {
    insta::assert_snapshot!(written(json), @r#"
    {
      "format": "partctl-problems",
      "version": 1,
      "problems": [
        {
          "path": "policies/größe, a: 1%.yaml",
          "line": 3,
          "column": 10,
          "end_line": 4,
          "end_column": 1,
          "rule": "PT014",
          "name": "unknown-unit",
          "severity": "error",
          "message": "unknown unit `mnth\r\n`",
          "hint": "did you mean `month`?"
        },
        {
          "path": "policies/größe, a: 1%.yaml",
          "line": 4,
          "column": 10,
          "end_line": 4,
          "end_column": 15,
          "rule": "PT014",
          "name": "unknown-unit",
          "severity": "error",
          "message": "unknown unit `mnths`",
          "hint": null
        }
      ]
    }
    "#);
}

#[test]
fn github_annotations_escape_what_divides_them() {
    insta::assert_snapshot!(written(github), @"
    ::error file=policies/größe%2C a%3A 1%25.yaml,line=3,endLine=4,col=10,endColumn=1,title=PT014::unknown unit `mnth%0D%0A`: did you mean `month`?
    ::error file=policies/größe%2C a%3A 1%25.yaml,line=4,endLine=4,col=10,endColumn=15,title=PT014::unknown unit `mnths`
    ");
}

#[test]
fn sarif_describes_every_rule_and_places_every_result() {
    let log: serde_json::Value = serde_json::from_str(&written(sarif)).unwrap();
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), RULES.len());
    assert_eq!(log["version"], "2.1.0");
    assert_eq!(rules[run["results"][0]["ruleIndex"].as_u64().unwrap() as usize]["id"], "PT014");
    insta::assert_json_snapshot!(rules[13], @r#"
    {
      "defaultConfiguration": {
        "level": "error"
      },
      "fullDescription": {
        "text": "The name template of partitions is well-formed, fits the strategy, and gives neighbours different names. Two partitions with one name cannot both be made: the second fails when it is needed."
      },
      "help": {
        "markdown": "Two partitions with one name cannot both be made: the second fails when it is needed.\n\nUse the placeholders of the strategy, and a format as fine as `every`: {start:%Y_%m_%d} for days.\n\n```\nevery: 1 day\nname: \"{table}_{start:%Y_%m}\"       # the same for every day of a month\n```",
        "text": "Two partitions with one name cannot both be made: the second fails when it is needed. Use the placeholders of the strategy, and a format as fine as `every`: {start:%Y_%m_%d} for days."
      },
      "id": "PT015",
      "name": "name-template",
      "shortDescription": {
        "text": "The name template of partitions is well-formed, fits the strategy, and gives neighbours different names."
      }
    }
    "#);
    insta::assert_json_snapshot!(run["results"][1], @r#"
    {
      "level": "error",
      "locations": [
        {
          "physicalLocation": {
            "artifactLocation": {
              "uri": "policies/gr%C3%B6%C3%9Fe%2C%20a%3A%201%25.yaml"
            },
            "region": {
              "endColumn": 15,
              "endLine": 4,
              "startColumn": 10,
              "startLine": 4
            }
          }
        }
      ],
      "message": {
        "text": "unknown unit `mnths`"
      },
      "ruleId": "PT014",
      "ruleIndex": 12
    }
    "#);
    let absolute = source("/srv/a b.yaml", "every: 1 mnth");
    let mut out = Vec::new();
    sarif(&[problem(&absolute, "mnth", None)], &[absolute], &mut out).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("\"file:///srv/a%20b.yaml\""));
}

#[test]
fn the_closing_line_counts() {
    let sources = ["a", "b", "c", "d"].map(|path| source(path, "every: 1 mnth"));
    let in_first = problem(&sources[0], "mnth", None);
    let in_second = problem(&sources[1], "mnth", None);
    assert_eq!(summary(&vec![in_first.clone(); 5], 3, &sources), "5 errors in 1 file, 3 files are fine");
    assert_eq!(summary(&[in_first.clone(), in_second], 0, &sources[..3]), "2 errors in 2 files, 1 file is fine");
    assert_eq!(summary(&[in_first], 0, &sources[..1]), "1 error in 1 file");
    assert_eq!(summary(&[], 3, &sources), "3 policies in 4 files are fine");
    assert_eq!(summary(&[], 1, &sources[..1]), "1 policy in 1 file is fine");
}
