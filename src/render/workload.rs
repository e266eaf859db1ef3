//! The statements that the server has counted, for a person and as JSON.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::amounts::in_full;
use super::pruning::{WireAdvice, WirePlan, advice, in_words, labelled, verdict, wire_advice, wire_plan};
use super::style::{Screen, name, plural};
use crate::pruning::{Judged, Outcome, TableVerdict, Tried, Workload, shortened};

/// Writes those that do not prune, with what they cost; the others are counted.
pub(super) fn write(workload: &Workload, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    if workload.obstacle.is_some() && workload.statements.is_empty() {
        return Ok(());
    }
    let planned = workload.statements.iter().filter(|judged| judged.tables.is_ok()).count();
    let unknown = workload.statements.len() - planned;
    let bad = workload.statements.iter().filter(|judged| judged.unpruned().next().is_some()).count();
    let mut heading = format!("workload · {} looked at · {bad} without pruning", plural(planned, "statement"));
    if 0 < unknown {
        heading.push_str(&format!(" · {unknown} could not be prepared (`-o json` says why)"));
    }
    labelled("", &heading, screen, out)?;
    workload.statements.iter().try_for_each(|judged| one(judged, screen, out))
}

fn one(judged: &Judged, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let sign = match (judged.unpruned().next(), judged.is_doubtful()) {
        (Some(_), _) => "  ! ",
        (None, true) => "  ? ",
        (None, false) => return Ok(()),
    };
    let statement = &judged.statement;
    labelled(sign, &shortened(&statement.sql), screen, out)?;
    let cost = format!(
        "{} calls, {} in all, {} each, role {}",
        in_full(statement.calls),
        milliseconds(statement.total_ms),
        milliseconds(statement.mean_ms()),
        statement.role,
    );
    labelled("      costs    ", &cost, screen, out)?;
    for table in judged.tables.iter().flatten().filter(|table| table.fails() || table.generic_fails()) {
        let (form, outcome, found) = match (table.fails(), &table.custom, &table.generic) {
            (true, Tried::Planned(outcome), _) => ("", outcome, &table.custom_advice),
            (false, _, Tried::Planned(outcome)) => ("with a generic plan ", outcome, &table.generic_advice),
            _ => continue,
        };
        let numbers = in_words(outcome, table.total);
        let text = format!("{}: {form}{}: {numbers} a call", name(&table.table), verdict(outcome));
        labelled("      table    ", &text, screen, out)?;
        if let Some(found) = found {
            advice(found, table.total, "      ", screen, out)?;
        }
    }
    Ok(())
}

fn milliseconds(amount: f64) -> String {
    match amount {
        small if small < 1_000.0 => format!("{small:.1} ms"),
        medium if medium < 120_000.0 => format!("{:.1} s", medium / 1_000.0),
        large => format!("{:.0} min", large / 60_000.0),
    }
}

/// The workload, as JSON carries it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct WireWorkload<'a> {
    statements: Vec<WireStatement<'a>>,
    hidden: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_known: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct WireStatement<'a> {
    sql: &'a str,
    role: &'a str,
    calls: u64,
    total_ms: f64,
    mean_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_tried: Option<&'a str>,
    tables: Vec<WireTable<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct WireTable<'a> {
    table: String,
    partitions: usize,
    verdict: Option<&'static str>,
    locks: Option<usize>,
    prunes: bool,
    #[serde(flatten)]
    advice: Option<WireAdvice<'a>>,
    custom: WirePlan<'a>,
    generic: WirePlan<'a>,
}

/// Every statement looked at, the dearest first.
pub(super) fn wire(workload: &Workload) -> WireWorkload<'_> {
    let statements = workload.statements.iter().map(|judged| WireStatement {
        sql: &judged.statement.sql,
        role: &judged.statement.role,
        calls: judged.statement.calls,
        total_ms: judged.statement.total_ms,
        mean_ms: judged.statement.mean_ms(),
        not_tried: judged.tables.as_ref().err().map(String::as_str),
        tables: judged.tables.iter().flatten().map(wire_table).collect(),
    });
    let not_known = workload.obstacle.as_ref().map(|(message, _)| message.as_str());
    WireWorkload { statements: statements.collect(), hidden: workload.hidden, not_known }
}

fn wire_table(table: &TableVerdict) -> WireTable<'_> {
    WireTable {
        table: table.table.to_string(),
        partitions: table.total,
        verdict: table.verdict().map(|verdict| verdict.as_str()),
        locks: table.outcome().map(|outcome: &Outcome| outcome.locks),
        prunes: !table.fails(),
        advice: table.custom_advice.as_ref().map(wire_advice),
        custom: wire_plan(&table.custom),
        generic: wire_plan(&table.generic),
    }
}
