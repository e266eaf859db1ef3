//! The time to come, for a person and for a pull request: weeks in which something happens, and what to prepare for.

use std::io::{self, Write};

use tabled::settings::Alignment;

use super::grid::grid;
use super::markdown::{row, text};
use super::style::{Screen, Tone, first_few, name, plain, plural, wrap};
use super::{amounts, markdown};
use crate::diff::Simulation;
use crate::sql::QualifiedName;

const COLUMNS: [(&str, Alignment); 7] = [
    ("WEEK OF", Alignment::left()),
    ("TABLE", Alignment::left()),
    ("CREATED", Alignment::left()),
    ("RETIRED", Alignment::left()),
    ("FREED", Alignment::right()),
    ("PARTS", Alignment::right()),
    ("SIZE", Alignment::right()),
];

/// What a narrow screen gives up, step by step: the bytes freed, then the number of partitions.
const GIVEN_UP: [&[usize]; 3] = [&[], &[4], &[4, 5]];

/// Writes the simulation as aligned text.
///
/// # Errors
/// Those of `out`.
pub fn simulation_table(simulation: &Simulation, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}\n", heading(simulation))?;
    let rows = rows(simulation);
    if !rows.is_empty() {
        let lines = grid(&COLUMNS, &GIVEN_UP, &rows, screen.room(0));
        writeln!(out, "{}", screen.paint(Tone::Quiet, &lines[0]))?;
        lines[1..].iter().try_for_each(|line| writeln!(out, "{line}"))?;
        writeln!(out)?;
    }
    for sentence in sentences(simulation) {
        writeln!(out, "{}", wrap(&sentence, screen.room(2)).join("\n  "))?;
    }
    Ok(())
}

/// Writes the simulation as markdown.
///
/// # Errors
/// Those of `out`.
pub fn simulation_markdown(simulation: &Simulation, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## partctl simulate: {}\n\n{}\n", markdown::code(&simulation.database), text(&heading(simulation)))?;
    row(COLUMNS.map(|(title, _)| title.to_lowercase()), out)?;
    row(["---", "---", "---", "---", "---:", "---:", "---:"], out)?;
    rows(simulation).iter().try_for_each(|cells| row(cells.iter().map(|cell| text(cell)), out))?;
    writeln!(out)?;
    sentences(simulation).iter().try_for_each(|sentence| writeln!(out, "- {}", text(sentence)))
}

fn heading(simulation: &Simulation) -> String {
    let (from, until) = (simulation.from.date_naive(), simulation.until.date_naive());
    format!("{}, {from} to {until}, as if `partctl apply` ran all the while", plain(&simulation.database))
}

/// A line for each table to which something happens in a week; of the week's end the first line tells.
fn rows(simulation: &Simulation) -> Vec<[String; 7]> {
    let mut rows = Vec::new();
    for week in &simulation.weeks {
        for (at, events) in week.events.iter().enumerate() {
            let first = |text: String| if at == 0 { text } else { String::new() };
            let freed = if events.freed == 0 { String::new() } else { amounts::bytes(events.freed) };
            rows.push([
                first(week.monday.to_string()),
                name(&events.table),
                few(&events.created),
                few(&events.retired),
                freed,
                first(amounts::in_full(week.partitions as u64)),
                first(amounts::bytes(week.bytes)),
            ]);
        }
    }
    rows
}

fn few(partitions: &[QualifiedName]) -> String {
    let names: Vec<String> = partitions.iter().map(|partition| plain(&partition.name.to_string())).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first, .., last] => format!("{first} … {last} ({})", names.len()),
    }
}

/// What it comes to, and what to prepare for.
fn sentences(simulation: &Simulation) -> Vec<String> {
    let (created, retired, freed) = simulation.totals();
    let mut sentences = vec![format!(
        "{created} created, {retired} retired, {} freed.",
        if freed == 0 { "nothing".to_owned() } else { amounts::bytes(freed) }
    )];
    let deleted: usize =
        simulation.weeks.iter().flat_map(|week| &week.events).map(|events| events.archives_deleted).sum();
    if 0 < deleted {
        sentences.push(format!("{} deleted, as `archive.keep` says.", plural(deleted, "archive")));
    }
    if let Some((first, last)) = simulation.weeks.first().zip(simulation.weeks.last()) {
        sentences.push(format!(
            "{} and {} at the end of the first week, {} and {} at the end of the last.",
            plural(first.partitions, "partition"),
            amounts::bytes(first.bytes),
            plural(last.partitions, "partition"),
            amounts::bytes(last.bytes)
        ));
    }
    if let Some(at) = simulation.disk_full {
        sentences.push(format!("! The disk budget is reached on {}.", at.date_naive()));
    }
    for outgrown in &simulation.too_many {
        sentences.push(format!(
            "! {}: from {} on, a query that does not prune takes {} locks, and the server promises {}: \
             raise max_locks_per_transaction, or make partitions larger.",
            name(&outgrown.table),
            outgrown.at.date_naive(),
            amounts::in_full(outgrown.locks),
            amounts::in_full(outgrown.slots)
        ));
    }
    for (at, finding) in &simulation.trouble {
        let table = finding.table.as_ref().map(|table| format!("{}: ", name(table))).unwrap_or_default();
        sentences.push(format!("? {} {} {table}{}", at.date_naive(), finding.code.id, plain(&finding.message)));
    }
    if !simulation.not_forecast.is_empty() {
        let names: Vec<String> = simulation.not_forecast.iter().map(name).collect();
        sentences.push(format!(
            "Growth is forecast along time axes, as the partitions that ended last grew; {} {} with the bytes of now.",
            first_few(&names, 5),
            if names.len() == 1 { "counts" } else { "count" }
        ));
    }
    sentences
}
