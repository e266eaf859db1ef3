//! One report in every format, with names that try to break out of each.

use serde_json::Value;

use super::*;
use crate::policy::PruningStage;
use crate::pruning::{Judged, Outcome, Source, Statement, TableVerdict, Tried, Verdict};
use crate::render::samples::{plan, table};
use crate::render::{Colour, check_github, check_junit, check_markdown, check_sarif};

const HOSTILE: &str = "a\"b'<c>&]]>\u{1}\n::error::x, %0A `d` | \u{ffff}";

fn planned(verdict: Verdict, scanned: usize, locks: usize) -> Tried {
    let scanned = (0..scanned).map(|number| QualifiedName::new("shop", format!("days_{number}"))).collect();
    Tried::Planned(Outcome { scanned, removed: 0, never_executed: None, locks, verdict, condition: None })
}

fn with_report<T>(show: impl FnOnce(&CheckReport<'_>) -> T) -> T {
    let text = "version: 1\ntable: 'shop.\"a\"\"<b>&\"'\npartition: {hash: id, modulus: 4}\n";
    let source = crate::policy::Source { path: "policies/größe 1.yaml".to_owned(), text: text.to_owned() };
    let policies = crate::policy::check(&[source]).policies;
    let name = &policies[0].table;
    let place = Location { path: "queries/a,b:c.sql".to_owned(), line: 12 };
    let passed = PruningResult {
        table: name.clone(),
        query: "good".to_owned(),
        source: Source::Policy,
        sql: "select 1".to_owned(),
        total: 4,
        custom: planned(Verdict::Pruned(PruningStage::Plan), 1, 3),
        generic: planned(Verdict::Pruned(PruningStage::Startup), 1, 9),
        judgement: Judgement::Passed,
        hint: None,
        notes: Vec::new(),
        location: Some(place.clone()),
        advice: None,
    };
    let failed = PruningResult {
        query: HOSTILE.to_owned(),
        custom: planned(Verdict::Unpruned, 4, 9),
        judgement: Judgement::Failed("reads 4 of 4 partitions; locks 9 relations, at most 3 allowed".to_owned()),
        hint: Some(HOSTILE.to_owned()),
        ..passed.clone()
    };
    let untried = PruningResult {
        query: "locked".to_owned(),
        judgement: Judgement::NotTried("lock timeout (55P03)".to_owned()),
        ..passed.clone()
    };
    let results = vec![passed, failed, untried];
    let mut findings = vec![
        Finding::about(codes::DEFAULT_HOLDS_ROWS, name, HOSTILE).hint("look"),
        Finding::about(codes::UNMANAGED_TABLE, &QualifiedName::new("app", HOSTILE), "no policy manages it"),
    ];
    findings.extend(crate::pruning::findings(&results));
    let verdict = TableVerdict {
        table: name.clone(),
        total: 4,
        lockable: 9,
        read: true,
        custom: planned(Verdict::Unpruned, 4, 9),
        generic: planned(Verdict::Unpruned, 4, 9),
        analyzed: None,
        planning: None,
        custom_advice: None,
        generic_advice: None,
        notes: Vec::new(),
    };
    let statement = |sql: &str| Statement { sql: sql.to_owned(), role: "app".to_owned(), calls: 4_000, total_ms: 6e5 };
    let workload = Workload {
        statements: vec![
            Judged { statement: statement(&format!("select {HOSTILE}")), tables: Ok(vec![verdict]) },
            Judged { statement: statement("select $1 + extract($2 from at)"), tables: Err("syntax".to_owned()) },
        ],
        hidden: 2,
        obstacle: None,
    };
    findings.extend(workload.findings());
    let plan = plan(vec![table(name.clone(), "hash id, 4", Vec::new())]);
    let (findings, pruning, policies) = (&findings, &results, &policies);
    let scope = Scope::Everything;
    show(&CheckReport { plan: &plan, findings, pruning, policies, scope, workload: Some(&workload) })
}

fn shown(show: impl Fn(&CheckReport<'_>, &mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    with_report(|report| show(report, &mut out)).unwrap();
    String::from_utf8(out).unwrap()
}

/// Elements nest and close, attributes are quoted, and no character stands where XML 1.0 has none.
fn assert_well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
    let text_is_fine = |text: &str| {
        for (at, _) in text.match_indices('&') {
            let entity = &text[at..at + text[at..].find(';').unwrap_or_else(|| panic!("{text}")) + 1];
            assert!(["&amp;", "&lt;", "&gt;", "&quot;", "&apos;"].contains(&entity), "{entity}");
        }
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{ffff}'), "{text:?}");
    };
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "{rest}");
        text_is_fine(&rest[..at]);
        let end = at + rest[at..].find('>').unwrap();
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        text_is_fine(tag);
        assert!(tag.matches('"').count().is_multiple_of(2) && !tag.contains(['<', '\'', '\n']), "{tag}");
        match (tag.strip_prefix('/'), tag.strip_suffix('/')) {
            (Some(name), _) => assert_eq!(open.pop(), Some(name)),
            (None, Some(_)) => {}
            (None, None) => open.push(tag.split(' ').next().unwrap()),
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
}

#[test]
fn junit_has_a_case_for_each_table_and_query_and_is_well_formed() {
    let xml = shown(check_junit);
    assert_well_formed(&xml);
    insta::assert_snapshot!(xml, @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="partctl check" tests="6" failures="1" errors="0" skipped="1">
      <testsuite name="shop.&quot;a&quot;&quot;&lt;b&gt;&amp;&quot;" tests="5" failures="1" errors="0" skipped="1" timestamp="2026-11-21T03:00:00" time="0">
        <testcase classname="shop.&quot;a&quot;&quot;&lt;b&gt;&amp;&quot;" name="coverage" time="0" file="policies/größe 1.yaml" line="1">
          <system-out>warning PT116: a&quot;b&apos;&lt;c&gt;&amp;]]&gt;\u{1}\n::error::x, %0A `d` | \u{ffff}
    remedy: look
    </system-out>
        </testcase>
        <testcase classname="shop.&quot;a&quot;&quot;&lt;b&gt;&amp;&quot;" name="good" time="0" file="queries/a,b:c.sql" line="12"/>
        <testcase classname="shop.&quot;a&quot;&quot;&lt;b&gt;&amp;&quot;" name="a&quot;b&apos;&lt;c&gt;&amp;]]&gt;\u{1}\n::error::x, %0A `d` | \u{ffff}" time="0" file="queries/a,b:c.sql" line="12">
          <failure type="PT118 pruning" message="`a&quot;b&apos;&lt;c&gt;&amp;]]&gt;\u{1}\n::error::x, %0A `d` | \u{ffff}` reads 4 of 4 partitions; locks 9 relations, at most 3 allowed">error PT118: `a&quot;b&apos;&lt;c&gt;&amp;]]&gt;\u{1}\n::error::x, %0A `d` | \u{ffff}` reads 4 of 4 partitions; locks 9 relations, at most 3 allowed
    custom plan: does not prune, 4 of 4 partitions, 9 locks
    generic plan: prunes when execution starts, 1 of 4 partitions, 9 locks
    query: select 1
    remedy: a&quot;b&apos;&lt;c&gt;&amp;]]&gt;\u{1}\n::error::x, %0A `d` | \u{ffff}
    at queries/a,b:c.sql:12</failure>
        </testcase>
        <testcase classname="shop.&quot;a&quot;&quot;&lt;b&gt;&amp;&quot;" name="locked" time="0" file="queries/a,b:c.sql" line="12">
          <skipped message="`locked` was not tried: lock timeout (55P03)"/>
          <system-out>warning PT119: `locked` was not tried: lock timeout (55P03)
    custom plan: prunes when planned, 1 of 4 partitions, 3 locks
    generic plan: prunes when execution starts, 1 of 4 partitions, 9 locks
    query: select 1
    </system-out>
        </testcase>
        <testcase classname="shop.&quot;a&quot;&quot;&lt;b&gt;&amp;&quot;" name="workload" time="0" file="policies/größe 1.yaml" line="1">
          <system-out>warning PT139: `select a&quot;b&apos;&lt;c&gt;&amp;]]&gt;\u{1} ::error::x, %0A `d` | \u{ffff}` reads 4 of 4 partitions and locks 9 relations a call (4000 calls, 600000 ms in all)
    </system-out>
        </testcase>
      </testsuite>
      <testsuite name="database appdb" tests="1" failures="0" errors="0" skipped="0" timestamp="2026-11-21T03:00:00" time="0">
        <testcase classname="database appdb" name="database" time="0">
          <system-out>info PT120: app.&quot;a&quot;&quot;b&apos;&lt;c&gt;&amp;]]&gt;\u{1}\n::error::x, %0A `d` | \u{ffff}&quot; no policy manages it
    warning PT140: the text of 2 statements of other roles is hidden from this role
    remedy: grant it pg_read_all_stats
    </system-out>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
}

#[test]
fn sarif_points_at_a_file_and_line_for_each_finding() {
    let log: Value = serde_json::from_str(&shown(check_sarif)).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
    }
    let places: Vec<String> = results
        .iter()
        .map(|result| {
            let at = &result["locations"][0]["physicalLocation"];
            let uri = at["artifactLocation"]["uri"].as_str().unwrap_or("-");
            format!("{} {uri} {}", result["ruleId"].as_str().unwrap(), at["region"]["startLine"])
        })
        .collect();
    insta::assert_snapshot!(places.join("\n"), @"
    PT116 policies/gr%C3%B6%C3%9Fe%201.yaml 1
    PT118 queries/a%2Cb%3Ac.sql 12
    PT119 queries/a%2Cb%3Ac.sql 12
    PT139 policies/gr%C3%B6%C3%9Fe%201.yaml 1
    PT120 policies/gr%C3%B6%C3%9Fe%201.yaml 1
    PT140 policies/gr%C3%B6%C3%9Fe%201.yaml 1
    ");
    // The schema takes no empty address of the tool.
    assert_eq!(run["tool"]["driver"]["informationUri"], Value::Null);
}

#[test]
fn github_annotations_are_one_line_each_whatever_names_hold() {
    insta::assert_snapshot!(shown(check_github), @r#"
    ::warning file=policies/größe 1.yaml,line=1,title=PT116 default-holds-rows::shop."a""<b>&": a"b'<c>&]]>\u{1}\n::error::x, %250A `d` | ￿: look
    ::error file=queries/a%2Cb%3Ac.sql,line=12,title=PT118 pruning::shop."a""<b>&": `a"b'<c>&]]>\u{1}\n::error::x, %250A `d` | ￿` reads 4 of 4 partitions; locks 9 relations, at most 3 allowed: a"b'<c>&]]>\u{1}\n::error::x, %250A `d` | ￿%0Acustom plan: does not prune, 4 of 4 partitions, 9 locks%0Ageneric plan: prunes when execution starts, 1 of 4 partitions, 9 locks%0Aquery: select 1
    ::warning file=queries/a%2Cb%3Ac.sql,line=12,title=PT119 pruning-not-tried::shop."a""<b>&": `locked` was not tried: lock timeout (55P03)%0Acustom plan: prunes when planned, 1 of 4 partitions, 3 locks%0Ageneric plan: prunes when execution starts, 1 of 4 partitions, 9 locks%0Aquery: select 1
    ::warning file=policies/größe 1.yaml,line=1,title=PT139 workload::shop."a""<b>&": `select a"b'<c>&]]>\u{1} ::error::x, %250A `d` | ￿` reads 4 of 4 partitions and locks 9 relations a call (4000 calls, 600000 ms in all)
    ::warning title=PT140 workload-unknown::the text of 2 statements of other roles is hidden from this role: grant it pg_read_all_stats
    "#);
}

#[test]
fn markdown_tells_errors_before_warnings() {
    insta::assert_snapshot!(shown(check_markdown), @r#"
    ## Check of `appdb`: 1 error, 4 warnings

    | Table | Partitions | Queries that prune | Errors | Warnings |
    | --- | --- | --- | --- | --- |
    | `shop."a""<b>&"` | 4 | 1 of 3 | 1 | 3 |

    ### Errors

    - **PT118** `shop."a""<b>&"` at `queries/a,b:c.sql:12`: `a"b'<c>&]]>\u{1}\n::error::x, %0A `d` | ￿` reads 4 of 4 partitions; locks 9 relations, at most 3 allowed
      - custom plan: does not prune, 4 of 4 partitions, 9 locks
      - generic plan: prunes when execution starts, 1 of 4 partitions, 9 locks
      - query: select 1
      - *What to do:* a"b'\<c\>\&\]\]\>\\u{1}\\n::error::x, %0A `d` | ￿

    ### Warnings

    - **PT116** `shop."a""<b>&"` at `policies/größe 1.yaml:1`: a"b'\<c\>\&\]\]\>\\u{1}\\n::error::x, %0A `d` | ￿
      - *What to do:* look
    - **PT119** `shop."a""<b>&"` at `queries/a,b:c.sql:12`: `locked` was not tried: lock timeout (55P03)
      - custom plan: prunes when planned, 1 of 4 partitions, 3 locks
      - generic plan: prunes when execution starts, 1 of 4 partitions, 9 locks
      - query: select 1
    - **PT139** `shop."a""<b>&"` at `policies/größe 1.yaml:1`: `select a"b'<c>&]]>\u{1} ::error::x, %0A `d` | ￿` reads 4 of 4 partitions and locks 9 relations a call (4000 calls, 600000 ms in all)
    - **PT140**: the text of 2 statements of other roles is hidden from this role
      - *What to do:* grant it pg_read_all_stats
    "#);
}

#[test]
fn a_person_sees_what_the_workload_costs_and_where_a_query_is_written() {
    let text = shown(|report, out| check_human(report, Screen { width: 100, colour: Colour::Never }, out));
    insta::assert_snapshot!(text, @r#"
    shop."a""<b>&" · pruning proven on 1 of 3 queries · 4 partitions
      ! a"b'<c>&]]>\u{1}\n::error::x, %0A `d` | ￿: reads 4 of 4 partitions; locks 9 relations, at most 3
        allowed
          custom   none     4 of 4 partitions, 9 locks
          generic  startup  1 of 4 partitions, 9 locks
          hint     a"b'<c>&]]>\u{1}\n::error::x, %0A `d` | ￿
      ? locked: not tried: lock timeout (55P03)
    workload · 1 statement looked at · 1 without pruning · 1 could not be prepared (`-o json` says why)
      ! select a"b'<c>&]]>\u{1} ::error::x, %0A `d` | ￿
          costs    4,000 calls, 10 min in all, 150.0 ms each, role app
          table    shop."a""<b>&": does not prune: 4 of 4 partitions, 9 locks a call
    ! PT118 shop."a""<b>&": `a"b'<c>&]]>\u{1}\n::error::x, %0A `d` | ￿` reads 4 of 4 partitions; locks 9
            relations, at most 3 allowed
            at queries/a,b:c.sql:12
            hint: a"b'<c>&]]>\u{1}\n::error::x, %0A `d` | ￿
    ? PT116 shop."a""<b>&": a"b'<c>&]]>\u{1}\n::error::x, %0A `d` | ￿
            hint: look
    ? PT119 shop."a""<b>&": `locked` was not tried: lock timeout (55P03)
            at queries/a,b:c.sql:12
    ? PT139 shop."a""<b>&": `select a"b'<c>&]]>\u{1} ::error::x, %0A `d` | ￿` reads 4 of 4 partitions
            and locks 9 relations a call (4000 calls, 600000 ms in all)
    ? PT140 the text of 2 statements of other roles is hidden from this role
            hint: grant it pg_read_all_stats
    i PT120 app."a""b'<c>&]]>\u{1}\n::error::x, %0A `d` | ￿": no policy manages it
    1 table checked: 1 error, 4 warnings
    "#);
}

#[test]
fn machines_are_told_as_the_schema_says() {
    let document: Value = serde_json::from_str(&shown(check_json)).unwrap();
    // Some findings measured something, and one did not.
    assert_ne!(document["findings"][2]["evidence"], Value::Null);
    assert_eq!(document["findings"][0]["evidence"], Value::Null);
    jsonschema::validate(&schema().to_value(), &document).unwrap();
}
