//! A check as Markdown, for pull requests and job summaries: a table of tables, then what is wrong and what to do.

use std::io::{self, Write};

use super::check_report::{Case, CheckReport};
use super::markdown::{code, row, text};
use super::style::plural;
use crate::plan::Severity;

/// Writes the report.
///
/// # Errors
/// When `out` cannot be written to.
pub fn check_markdown(report: &CheckReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let cases = report.cases();
    let errors = plural(report.count(Severity::Error), "error");
    let warnings = plural(report.count(Severity::Warning), "warning");
    writeln!(out, "## Check of {}: {errors}, {warnings}\n", code(&report.plan.database))?;
    row(["Table", "Partitions", "Queries that prune", "Errors", "Warnings"], out)?;
    row(["---"; 5], out)?;
    for plan in &report.plan.tables {
        let results: Vec<_> = report.pruning.iter().filter(|result| result.table == plan.table).collect();
        let passed = results.iter().filter(|result| result.passed()).count();
        let own: Vec<&Case<'_>> = cases.iter().filter(|case| case.table == Some(&plan.table)).collect();
        let count = |severity| {
            own.iter().flat_map(|case| &case.said).filter(|said| said.severity == severity).count().to_string()
        };
        let proven = format!("{passed} of {}", results.len());
        let cells = [
            code(&plan.table.to_string()),
            plan.partitions.to_string(),
            proven,
            count(Severity::Error),
            count(Severity::Warning),
        ];
        row(cells, out)?;
    }
    for (severity, heading) in [(Severity::Error, "Errors"), (Severity::Warning, "Warnings")] {
        let found: Vec<_> = cases
            .iter()
            .flat_map(|case| case.said.iter().map(move |said| (case, said)))
            .filter(|(_, said)| said.severity == severity)
            .collect();
        if found.is_empty() {
            continue;
        }
        writeln!(out, "\n### {heading}\n")?;
        for (case, said) in found {
            let table = case.table.map(|table| format!(" {}", code(&table.to_string()))).unwrap_or_default();
            let place = case.place.map(|place| format!(" at {}", code(&format!("{}:{}", place.path, place.line))));
            let message = text(&said.message);
            writeln!(out, "- **{}**{table}{}: {message}", said.code.id, place.unwrap_or_default())?;
            for line in &said.evidence {
                writeln!(out, "  - {}", text(line))?;
            }
            if let Some(remedy) = &said.remedy {
                writeln!(out, "  - *What to do:* {}", text(remedy))?;
            }
        }
    }
    Ok(())
}
