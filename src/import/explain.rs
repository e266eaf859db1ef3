//! What a drafted policy would do the first time, line by line, for whoever reads the draft.

use crate::plan::{Plan, Severity};
use crate::sql::QualifiedName;

/// Sentences about the table's part of the plan; none when there is nothing to do and nothing to say.
pub fn explain(plan: &Plan, table: &QualifiedName) -> Vec<String> {
    let Some(part) = plan.tables.iter().find(|part| part.table == *table) else { return Vec::new() };
    let mut lines = Vec::new();
    if !part.steps.is_empty() {
        lines.push("The first `partctl apply` would:".to_owned());
        for step in &part.steps {
            let kind = step.kind().as_str();
            lines.push(format!("- {kind} {} ({}): {}", step.target().name, step.range(), step.reason()));
        }
    }
    for finding in &part.findings {
        let hint = finding.hint.as_ref().filter(|_| finding.severity != Severity::Info);
        let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        lines.push(format!("{}: {}{hint}", finding.code.id, finding.message));
    }
    lines
}
