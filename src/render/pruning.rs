//! Results of the pruning check, for a person and as JSON. Shows what was judged; judges nothing.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::style::{Screen, joined, name, plain, plural, wrap};
use crate::policy::PruningStage;
use crate::pruning::{Advice, Judgement, Outcome, PruningResult, Source, Tried, Verdict};

/// Writes a line for each table; below it the queries that fail, that were not tried, or that have a note.
///
/// Expects the results of one table to stand together, as `judge` returns them.
pub(super) fn write(results: &[PruningResult], screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    for results in results.chunk_by(|a, b| a.table == b.table) {
        let passed = results.iter().filter(|result| result.passed()).count();
        let proven =
            if passed == results.len() { passed.to_string() } else { format!("{passed} of {}", results.len()) };
        let proven = format!("pruning proven on {proven} {}", if results.len() == 1 { "query" } else { "queries" });
        let parts = [name(&results[0].table), proven, partitions(results[0].total)];
        let lines = joined(parts.iter().map(String::as_str), " · ", screen.room(2));
        writeln!(out, "{}", lines.join("\n  "))?;
        for result in results {
            query(result, screen, out)?;
        }
    }
    Ok(())
}

fn query(result: &PruningResult, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |label: &str, text: &str| labelled(label, text, screen, out);
    match &result.judgement {
        Judgement::Passed if result.notes.is_empty() => return Ok(()),
        Judgement::Passed => line("    ", &result.query)?,
        Judgement::Failed(why) => line("  ! ", &format!("{}: {why}", result.query))?,
        Judgement::NotTried(why) => line("  ? ", &format!("{}: not tried: {why}", result.query))?,
    }
    if matches!(result.judgement, Judgement::Failed(_)) {
        for (form, tried) in [("custom", &result.custom), ("generic", &result.generic)] {
            if let Tried::Planned(outcome) = tried {
                let verdict = outcome.verdict.as_str();
                line(&format!("      {form:8} {verdict:8} "), &in_words(outcome, result.total))?;
            }
        }
    }
    if let Some(advice) = &result.advice {
        self::advice(advice, result.total, "      ", screen, out)?;
    }
    let mut line = |label: &str, text: &str| labelled(label, text, screen, out);
    for note in &result.notes {
        line("      note     ", note)?;
    }
    result.hint.iter().try_for_each(|hint| line("      hint     ", hint))
}

/// The plans of a query, line by line, and its SQL.
pub(super) fn evidence(result: &PruningResult) -> Vec<String> {
    let forms = [("custom plan", &result.custom), ("generic plan", &result.generic)];
    let mut lines: Vec<String> = forms
        .into_iter()
        .filter_map(|(form, tried)| {
            let outcome = tried.outcome()?;
            Some(format!("{form}: {}, {}", verdict(outcome), in_words(outcome, result.total)))
        })
        .collect();
    lines.push(format!("query: {}", result.sql.split_whitespace().collect::<Vec<_>>().join(" ")));
    lines
}

/// A text behind its label, and below itself.
pub(super) fn labelled(label: &str, text: &str, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let indent = label.chars().count();
    let lines = wrap(&plain(text), screen.room(indent));
    writeln!(out, "{label}{}", lines.join(&format!("\n{:indent$}", "")))
}

/// Why, and what instead.
pub(super) fn advice(
    advice: &Advice,
    total: usize,
    indent: &str,
    screen: Screen,
    out: &mut dyn Write,
) -> io::Result<()> {
    labelled(&format!("{indent}why      "), &format!("{} ({})", advice.why, advice.reason.code), screen, out)?;
    let Some(instead) = &advice.instead else {
        return labelled(&format!("{indent}instead  "), advice.reason.way_out, screen, out);
    };
    labelled(&format!("{indent}instead  "), &instead.condition, screen, out)?;
    let tried = format!("{}: {} (tried)", verdict(&instead.outcome), in_words(&instead.outcome, total));
    labelled(&format!("{indent}         "), &tried, screen, out)
}

/// When it prunes, for a person.
pub(super) fn verdict(outcome: &Outcome) -> &'static str {
    match outcome.verdict {
        Verdict::Pruned(PruningStage::Plan) => "prunes when planned",
        Verdict::Pruned(PruningStage::Startup) => "prunes when execution starts",
        Verdict::Pruned(PruningStage::Execution) => "prunes during execution",
        Verdict::Unpruned => "does not prune",
    }
}

pub(super) fn in_words(outcome: &Outcome, total: usize) -> String {
    let removed =
        if outcome.removed == 0 { String::new() } else { format!(", {} left out at start-up", outcome.removed) };
    let idle = outcome.never_executed.filter(|idle| 0 < *idle);
    let idle = idle.map(|idle| format!(", {idle} never executed")).unwrap_or_default();
    format!("{} of {}, {}{removed}{idle}", outcome.scanned.len(), partitions(total), plural(outcome.locks, "lock"))
}

fn partitions(number: usize) -> String {
    plural(number, "partition")
}

/// One query, as JSON carries it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WireQuery<'a> {
    table: String,
    query: &'a str,
    source: &'static str,
    sql: &'a str,
    partitions: usize,
    result: &'static str,
    verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
    #[serde(flatten)]
    advice: Option<WireAdvice<'a>>,
    custom: WirePlan<'a>,
    generic: WirePlan<'a>,
}

/// Why a query prunes late or not at all.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct WireAdvice<'a> {
    reason: &'static str,
    reason_text: &'a str,
    way_out: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rewrite: Option<WireRewrite<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct WireRewrite<'a> {
    condition: &'a str,
    sql: &'a str,
    verdict: &'static str,
    scanned: usize,
    locks: usize,
}

/// A reason and the rewrite that was tried.
pub(super) fn wire_advice(advice: &Advice) -> WireAdvice<'_> {
    WireAdvice {
        reason: advice.reason.code,
        reason_text: &advice.why,
        way_out: advice.reason.way_out,
        rewrite: advice.instead.as_ref().map(|instead| WireRewrite {
            condition: &instead.condition,
            sql: &instead.sql,
            verdict: instead.outcome.verdict.as_str(),
            scanned: instead.outcome.scanned.len(),
            locks: instead.outcome.locks,
        }),
    }
}

/// One plan, or why there is none.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum WirePlan<'a> {
    NotTried {
        not_tried: &'a str,
    },
    Planned {
        verdict: &'static str,
        scanned: Vec<String>,
        removed_at_startup: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        never_executed: Option<usize>,
        locks: usize,
    },
}

/// Every result, in the same order.
pub fn wire(results: &[PruningResult]) -> Vec<WireQuery<'_>> {
    results.iter().map(wire_query).collect()
}

fn wire_query(result: &PruningResult) -> WireQuery<'_> {
    let (judgement, why) = match &result.judgement {
        Judgement::Passed => ("passed", None),
        Judgement::Failed(why) => ("failed", Some(why.as_str())),
        Judgement::NotTried(why) => ("not_tried", Some(why.as_str())),
    };
    WireQuery {
        table: result.table.to_string(),
        query: &result.query,
        source: match result.source {
            Source::Grid => "grid",
            Source::Policy => "policy",
        },
        sql: &result.sql,
        partitions: result.total,
        result: judgement,
        verdict: result.verdict().map(|verdict| verdict.as_str()),
        why,
        hint: result.hint.as_deref(),
        path: result.location.as_ref().map(|at| at.path.as_str()),
        line: result.location.as_ref().map(|at| at.line),
        notes: &result.notes,
        advice: result.advice.as_ref().map(wire_advice),
        custom: wire_plan(&result.custom),
        generic: wire_plan(&result.generic),
    }
}

pub(super) fn wire_plan(tried: &Tried) -> WirePlan<'_> {
    match tried {
        Tried::Not(why) => WirePlan::NotTried { not_tried: why },
        Tried::Planned(outcome) => WirePlan::Planned {
            verdict: outcome.verdict.as_str(),
            scanned: outcome.scanned.iter().map(ToString::to_string).collect(),
            removed_at_startup: outcome.removed,
            never_executed: outcome.never_executed,
            locks: outcome.locks,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::style::Colour;
    use super::*;
    use crate::sql::QualifiedName;

    fn results() -> Vec<PruningResult> {
        let table = QualifiedName::new("shop", "days");
        let planned = |verdict, scanned: &[&str], removed, locks| {
            let scanned = scanned.iter().map(|name| QualifiedName::new("shop", *name)).collect();
            Tried::Planned(Outcome { scanned, removed, never_executed: None, locks, verdict, condition: None })
        };
        let passed = PruningResult {
            table,
            query: "one day".to_owned(),
            source: Source::Grid,
            sql: "SELECT 1".to_owned(),
            total: 3,
            custom: planned(Verdict::Pruned(PruningStage::Plan), &["days_1"], 0, 3),
            generic: planned(Verdict::Pruned(PruningStage::Startup), &["days_1"], 2, 7),
            judgement: Judgement::Passed,
            hint: None,
            notes: Vec::new(),
            location: None,
            advice: None,
        };
        let failed = PruningResult {
            query: "mine".to_owned(),
            source: Source::Policy,
            custom: planned(Verdict::Unpruned, &["days_1", "days_2", "days_3"], 0, 7),
            judgement: Judgement::Failed("reads 3 of 3 partitions".to_owned()),
            hint: Some("mend it".to_owned()),
            ..passed.clone()
        };
        let untried = PruningResult {
            query: "other".to_owned(),
            custom: Tried::Not("locked (55P03)".to_owned()),
            generic: Tried::Not("locked (55P03)".to_owned()),
            judgement: Judgement::NotTried("locked (55P03)".to_owned()),
            ..passed.clone()
        };
        vec![passed, failed, untried]
    }

    #[test]
    fn a_person_sees_what_fails_and_a_count_of_the_rest() {
        let mut out = Vec::new();
        write(&results(), Screen { width: 80, colour: Colour::Never }, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        shop.days · pruning proven on 1 of 3 queries · 3 partitions
          ! mine: reads 3 of 3 partitions
              custom   none     3 of 3 partitions, 7 locks
              generic  startup  1 of 3 partitions, 7 locks, 2 left out at start-up
              hint     mend it
          ? other: not tried: locked (55P03)
        ");
    }

    #[test]
    fn json_carries_both_plans_or_why_there_is_none() {
        insta::assert_json_snapshot!(wire(&results()[1..]), @r#"
        [
          {
            "table": "shop.days",
            "query": "mine",
            "source": "policy",
            "sql": "SELECT 1",
            "partitions": 3,
            "result": "failed",
            "verdict": "none",
            "why": "reads 3 of 3 partitions",
            "hint": "mend it",
            "custom": {
              "verdict": "none",
              "scanned": [
                "shop.days_1",
                "shop.days_2",
                "shop.days_3"
              ],
              "removed_at_startup": 0,
              "locks": 7
            },
            "generic": {
              "verdict": "startup",
              "scanned": [
                "shop.days_1"
              ],
              "removed_at_startup": 2,
              "locks": 7
            }
          },
          {
            "table": "shop.days",
            "query": "other",
            "source": "grid",
            "sql": "SELECT 1",
            "partitions": 3,
            "result": "not_tried",
            "verdict": null,
            "why": "locked (55P03)",
            "custom": {
              "not_tried": "locked (55P03)"
            },
            "generic": {
              "not_tried": "locked (55P03)"
            }
          }
        ]
        "#);
    }
}
