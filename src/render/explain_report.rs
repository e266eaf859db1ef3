//! One query explained, for a person and as JSON.

use std::io::{self, Write};
use std::time::Duration;

use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::pruning::{WireAdvice, WirePlan, advice, in_words, labelled, verdict, wire_advice, wire_plan};
use super::schemas::schema_of;
use super::style::{Screen, Tone, first_few, name, name_beside, plain, plural};
use crate::policy::PruningStage;
use crate::pruning::{Advice, Explained, Outcome, TableVerdict, Tried, Verdict};

/// The verdicts for a person.
///
/// # Errors
/// When `out` cannot be written to.
pub fn explain_human(explained: &Explained, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    if explained.tables.is_empty() {
        writeln!(out, "The query touches no partitioned table by name.")?;
    }
    for table in &explained.tables {
        one(table, screen, out)?;
    }
    explained.notes.iter().try_for_each(|note| labelled("note  ", note, screen, out))
}

fn one(table: &TableVerdict, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let heading = screen.paint(Tone::Heading, &name(&table.table));
    let outcome = match (&table.custom, table.outcome()) {
        _ if !table.read => {
            writeln!(out, "{heading}: rows are inserted")?;
            return notes(table, screen, out);
        }
        (Tried::Not(why), _) => {
            writeln!(out, "{heading}: not tried")?;
            return labelled("  why      ", why, screen, out);
        }
        (Tried::Planned(_), None) => return Ok(()),
        (Tried::Planned(_), Some(outcome)) => outcome,
    };
    let tone = if table.fails() { Tone::Error } else { Tone::Create };
    let took = table.planning.map(|took| format!(", planned in {}", milliseconds(took))).unwrap_or_default();
    let of = format!("{} of {}", outcome.locks, plural(usize::try_from(table.lockable).unwrap_or(usize::MAX), "lock"));
    let numbers = numbers(outcome, table.total);
    writeln!(out, "{heading}: {} · {numbers}, {of}{took}", screen.paint(tone, verdict(outcome)))?;
    if !outcome.scanned.is_empty() && outcome.scanned.len() < table.total {
        let names: Vec<String> = outcome.scanned.iter().map(|leaf| name_beside(leaf, &table.table)).collect();
        labelled("  reads    ", &first_few(&names, 5), screen, out)?;
    }
    if let Some(Tried::Not(why)) = &table.analyzed {
        labelled("  analyze  ", &format!("not executed: {why}"), screen, out)?;
    }
    if let Some(found) = &table.custom_advice {
        advice(found, table.total, "  ", screen, out)?;
    }
    match &table.generic {
        Tried::Not(why) => labelled("  generic  ", &format!("not tried: {why}"), screen, out)?,
        Tried::Planned(generic) if table.generic != table.custom => {
            let text = format!("{}: {}", verdict(generic), in_words(generic, table.total));
            labelled("  generic  ", &text, screen, out)?;
            // At start-up is the best that a plan for all values can do.
            if let Some(found) =
                table.generic_advice.as_ref().filter(|_| Verdict::Pruned(PruningStage::Startup) < generic.verdict)
            {
                advice(found, table.total, "           ", screen, out)?;
            }
        }
        Tried::Planned(_) => {}
    }
    notes(table, screen, out)
}

/// The generic plan's advice, where it is not the custom plan's.
fn other_advice(table: &TableVerdict) -> Option<&Advice> {
    table.generic_advice.as_ref().filter(|_| table.generic_advice != table.custom_advice)
}

fn numbers(outcome: &Outcome, total: usize) -> String {
    let words = in_words(outcome, total);
    let locks = format!(", {}", plural(outcome.locks, "lock"));
    words.replacen(&locks, "", 1)
}

fn notes(table: &TableVerdict, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    table.notes.iter().try_for_each(|note| labelled("  note     ", &plain(note), screen, out))
}

fn milliseconds(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1_000.0)
}

#[derive(Serialize, JsonSchema)]
struct Wire<'a> {
    #[schemars(extend("const" = "partctl-explain"))]
    format: &'static str,
    #[schemars(extend("const" = 1))]
    version: u32,
    sql: &'a str,
    parameters: Vec<WireParameter<'a>>,
    /// The worst of all tables; null: there is none, or it is not known.
    verdict: Option<&'static str>,
    reason: Option<&'static str>,
    tables: Vec<WireTable<'a>>,
    notes: &'a [String],
}

#[derive(Serialize, JsonSchema)]
struct WireParameter<'a> {
    r#type: Option<&'a str>,
    value: &'a str,
}

#[derive(Serialize, JsonSchema)]
struct WireTable<'a> {
    table: String,
    partitions: usize,
    verdict: Option<&'static str>,
    #[serde(flatten)]
    advice: Option<WireAdvice<'a>>,
    locks: Option<usize>,
    lockable: u64,
    planning_ms: Option<f64>,
    custom: WirePlan<'a>,
    generic: WirePlan<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generic_advice: Option<WireAdvice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    analyzed: Option<WirePlan<'a>>,
    notes: &'a [String],
}

/// The schema of what [`explain_json`] writes.
pub(in crate::render) fn schema() -> Schema {
    schema_of::<Wire<'static>>()
}

/// The verdicts for a machine.
///
/// # Errors
/// When `out` cannot be written to.
pub fn explain_json(explained: &Explained, out: &mut dyn Write) -> io::Result<()> {
    let worst =
        explained.tables.iter().filter(|table| 1 < table.total && table.read).max_by_key(|table| table.verdict());
    let wire = Wire {
        format: "partctl-explain",
        version: 1,
        sql: &explained.sql,
        parameters: explained
            .parameters
            .iter()
            .map(|parameter| WireParameter { r#type: parameter.type_name.as_deref(), value: &parameter.value })
            .collect(),
        verdict: worst.and_then(|table| table.verdict()).map(Verdict::as_str),
        reason: worst.and_then(|table| table.custom_advice.as_ref()).map(|advice| advice.reason.code),
        tables: explained.tables.iter().map(wire_table).collect(),
        notes: &explained.notes,
    };
    serde_json::to_writer_pretty(&mut *out, &wire)?;
    writeln!(out)
}

fn wire_table(table: &TableVerdict) -> WireTable<'_> {
    WireTable {
        table: table.table.to_string(),
        partitions: table.total,
        verdict: table.verdict().map(Verdict::as_str),
        advice: table.custom_advice.as_ref().map(wire_advice),
        locks: table.outcome().map(|outcome| outcome.locks),
        lockable: table.lockable,
        planning_ms: table.planning.map(|took| took.as_secs_f64() * 1_000.0),
        custom: wire_plan(&table.custom),
        generic: wire_plan(&table.generic),
        generic_advice: other_advice(table).map(wire_advice),
        analyzed: table.analyzed.as_ref().map(wire_plan),
        notes: &table.notes,
    }
}
