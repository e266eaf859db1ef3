//! A check as GitHub workflow commands. What is only worth knowing makes no annotation.

use std::io::{self, Write};

use super::check_report::CheckReport;
use super::problems::{data, property};
use super::style::plain;
use crate::plan::Severity;

/// Writes one `::error file=...::message` line for each error, and `::warning` for each warning, what was measured
/// below the message.
///
/// # Errors
/// When `out` cannot be written to.
pub fn check_github(report: &CheckReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    for case in report.cases() {
        let place = case.place.map(|place| format!("file={},line={},", property(&place.path), place.line));
        let table = case.table.map(|table| format!("{table}: ")).unwrap_or_default();
        for said in &case.said {
            let command = match said.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => continue,
            };
            let title = property(&format!("{} {}", said.code.id, said.code.name));
            let text = data(&plain(&format!("{table}{}", said.sentence())));
            let evidence: String = said.evidence.iter().map(|line| format!("%0A{}", data(&plain(line)))).collect();
            writeln!(out, "::{command} {}title={title}::{text}{evidence}", place.as_deref().unwrap_or_default())?;
        }
    }
    Ok(())
}
