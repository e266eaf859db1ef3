//! The whole picture as one page that needs nothing else: no script, font or image from anywhere. Every name and value
//! in it passes through the template's escaping; the page's own script only moves the focus.

mod lanes;

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::check_report::{Case, CheckReport};
use super::plan_report::{moment, runway};
use super::style::{name, name_beside, plain};
use super::{amounts, locks, pruning, status_table, steps};
use crate::catalog::CatalogSnapshot;
use crate::diff::{Overview, Place, TableOverview};
use crate::plan::{Severity, Step, TablePlan};
use crate::pruning::{Judgement, PruningResult, Tried};
use lanes::{Block, State};

/// Everything that the page tells.
#[derive(Debug, Clone, Copy)]
pub struct PageReport<'a> {
    /// Where the tables stand.
    pub overview: &'a Overview,
    /// The pending plan, the findings, the verdicts.
    pub check: CheckReport<'a>,
    /// The facts that both were made from.
    pub catalog: &'a CatalogSnapshot,
}

/// Height of the largest partition's block, in pixels.
const HIGHEST: u64 = 56;
/// Height of a block that holds nothing, in pixels.
const LOWEST: u64 = 6;

/// Writes the page.
///
/// # Errors
/// Those of `out`.
pub fn report_html(report: &PageReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(page(report).into_string().as_bytes())
}

fn page(report: &PageReport<'_>) -> Markup {
    let overview = report.overview;
    let title = format!("Partitions of {}", plain(&overview.database));
    let errors = report.check.count(Severity::Error);
    let warnings = report.check.count(Severity::Warning);
    let bytes: u64 = overview.tables.iter().map(|table| table.bytes).sum();
    let partitions: usize = overview.tables.iter().map(|table| table.partitions).sum();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(include_str!("report_html/page.css"))) }
            }
            body {
                header {
                    h1 { (title) }
                    p { "PostgreSQL " (overview.server_version / 10_000) " · " (moment(overview.at)) }
                    ul.facts {
                        li { b { (overview.tables.len()) } " " (noun(overview.tables.len(), "table")) }
                        li { b { (amounts::in_full(partitions as u64)) } " " (noun(partitions, "partition")) }
                        li { b { (amounts::bytes(bytes)) } }
                        li.bad[0 < errors] { b { (errors) } " " (noun(errors, "error")) }
                        li.odd[0 < warnings] { b { (warnings) } " " (noun(warnings, "warning")) }
                    }
                }
                main {
                    (tables(report))
                    (detached(overview))
                    (plan(report))
                    (findings(&report.check))
                    (verdicts(report.check.pruning))
                }
                script { (PreEscaped(include_str!("report_html/page.js"))) }
            }
        }
    }
}

fn noun(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

fn tables(report: &PageReport<'_>) -> Markup {
    let drawn: Vec<(&TableOverview, Vec<Block>)> = report
        .overview
        .tables
        .iter()
        .map(|table| {
            let listed = || report.catalog.table(&table.table).map(lanes::of_partitions).unwrap_or_default();
            (table, if table.timeline.is_empty() { listed() } else { lanes::of_timeline(&table.timeline) })
        })
        .collect();
    let used = |state| drawn.iter().any(|(_, blocks)| blocks.iter().any(|block| block.state == state));
    html! {
        section aria-labelledby="tables" {
            h2 #tables { "Tables" }
            ul.legend aria-label="What the colours mean" {
                @for (state, class, legend) in State::ALL {
                    @if used(state) { li { span.swatch.(class) aria-hidden="true" {} (legend) } }
                }
            }
            @for (table, blocks) in &drawn { (lane(report, table, blocks)) }
        }
    }
}

fn lane(report: &PageReport<'_>, table: &TableOverview, blocks: &[Block]) -> Markup {
    let shown = name(&table.table);
    let cells = status_table::cells(table, report.overview);
    let largest = blocks.iter().map(|block| block.bytes).max().unwrap_or_default().max(1);
    let height = |bytes: u64| LOWEST + (u128::from(bytes) * u128::from(HIGHEST - LOWEST) / u128::from(largest)) as u64;
    let ends = table.timeline.first().zip(table.timeline.last());
    html! {
        article.lane {
            h3 { (shown) }
            dl.facts {
                @for ((heading, _), cell) in status_table::COLUMNS.iter().zip(&cells).skip(1) {
                    @if cell != "–" { div { dt { (heading.to_lowercase()) } dd { (cell) } } }
                }
                @if let Some(growth) = growth(table) { div { dt { "growth" } dd { (growth) } } }
            }
            ol.blocks aria-label={ "Partitions of " (shown) ", oldest first; arrow keys move" } {
                @for (at, block) in blocks.iter().enumerate() {
                    li.block.(block.state.words().0) style={ "flex-grow:" (format!("{:.2}", block.grow)) }
                        tabindex=(if at == 0 { "0" } else { "-1" }) aria-label=(block.label) title=(block.label) {
                        span style={ "height:" (height(block.bytes)) "px" } {}
                    }
                }
            }
            @if let Some((first, last)) = ends {
                p.axis aria-hidden="true" { span { (plain(&first.from)) } span { (plain(&last.to)) } }
            }
            p.told role="status" aria-live="polite" {}
        }
    }
}

/// What a partition takes lately: the last three that are over.
fn growth(table: &TableOverview) -> Option<String> {
    let over = table
        .timeline
        .iter()
        .rev()
        .filter(|stretch| stretch.partition.is_some() && stretch.place == Place::Past && 0 < stretch.bytes);
    let lately: Vec<u64> = over.take(3).map(|stretch| stretch.bytes).collect();
    let mean = lately.iter().sum::<u64>().checked_div(lately.len() as u64)?;
    Some(format!("{} a partition lately", amounts::bytes(mean)))
}

fn detached(overview: &Overview) -> Markup {
    if overview.detached.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="detached" {
            h2 #detached { "Detached" }
            (table(["table", "was", "size", "detached", "what becomes of it"], overview.detached.iter().map(|table| html! {
                td { code { (name(&table.table)) } }
                td { (plain(&table.range)) }
                td.number { (amounts::bytes(table.bytes)) }
                td { (table.detached_at.map(moment).unwrap_or_default()) }
                td { (status_table::fate(table, overview)) }
            })))
        }
    }
}

fn plan(report: &PageReport<'_>) -> Markup {
    let plan = report.check.plan;
    let busy: Vec<&TablePlan> = plan.tables.iter().filter(|table| !table.steps.is_empty()).collect();
    html! {
        section aria-labelledby="plan" {
            h2 #plan { "Pending plan" }
            @if busy.is_empty() { p { "Nothing to do." } }
            @for planned in busy {
                h3 { (name(&planned.table)) @if let Some(runway) = runway(planned.runway, plan.at) { " · " (runway) } }
                (table(["", "partition", "range", "size", "why", "locks"], planned.steps.iter().map(|step| {
                    row(step, planned)
                })))
            }
            @for sentence in locks::sentences(plan) { p { (sentence) } }
        }
    }
}

fn row(step: &Step, planned: &TablePlan) -> Markup {
    let bytes = step.volume().0.map(amounts::bytes).unwrap_or_default();
    html! {
        td { span.sign aria-hidden="true" { (step.kind().sign()) } " " (step.kind().as_str()) }
        td { code { (name_beside(step.target(), &planned.table)) } }
        td { (steps::range(step)) }
        td.number { (bytes) }
        td { (plain(&step.reason())) }
        td { (locks::of_step(step)) }
    }
}

fn findings(check: &CheckReport<'_>) -> Markup {
    let cases = check.cases();
    let of = |severity| {
        let said = cases.iter().flat_map(|case| case.said.iter().map(move |said| (case, said)));
        said.filter(move |(_, said)| said.severity == severity)
    };
    html! {
        section aria-labelledby="findings" {
            h2 #findings { "Findings" }
            @if cases.iter().all(|case| case.said.is_empty()) { p { "None." } }
            ul.findings {
                @for (severity, class, word) in [(Severity::Error, "bad", "error"), (Severity::Warning, "odd", "warning"),
                    (Severity::Info, "fine", "info")] {
                    @for (case, said) in of(severity) {
                        li.(class) {
                            b { (word) " " (said.code.id) } " " (about(case)) (plain(&said.message))
                            @for line in &said.evidence { div.evidence { (plain(line)) } }
                            @if let Some(remedy) = &said.remedy { div.remedy { "What to do: " (plain(remedy)) } }
                        }
                    }
                }
            }
        }
    }
}

fn about(case: &Case<'_>) -> Markup {
    html! { @if let Some(table) = case.table { code { (name(table)) } ": " } }
}

fn verdicts(results: &[PruningResult]) -> Markup {
    if results.is_empty() {
        return html! {};
    }
    let word = |tried: &Tried, total| match tried {
        Tried::Planned(outcome) => pruning::in_words(outcome, total),
        Tried::Not(why) => plain(why),
    };
    let passed = results.iter().filter(|result| result.passed()).count();
    html! {
        section aria-labelledby="pruning" {
            h2 #pruning { "Pruning" }
            p { "Proven on " (passed) " of " (results.len()) " " (if results.len() == 1 { "query" } else { "queries" }) "." }
            (table(["table", "query", "", "with these values", "with any values"], results.iter().map(|result| html! {
                td { code { (name(&result.table)) } }
                td { (plain(&result.query)) }
                td {
                    @match &result.judgement {
                        Judgement::Passed => span.good { "prunes" },
                        Judgement::Failed(why) => span.bad { (plain(why)) },
                        Judgement::NotTried(why) => span.odd { "not tried: " (plain(why)) },
                    }
                }
                td { (word(&result.custom, result.total)) }
                td { (word(&result.generic, result.total)) }
            })))
        }
    }
}

fn table<const N: usize>(headings: [&str; N], rows: impl Iterator<Item = Markup>) -> Markup {
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { @for heading in headings { th scope="col" { (heading) } } } }
                tbody { @for row in rows { tr { (row) } } }
            }
        }
    }
}
