//! The plan for machines: the same document that `plan --save` keeps.

use std::io::{self, Write};

use super::PlanReport;
use crate::plan::SavedPlan;

/// Writes the plan as indented JSON of format `partctl-plan`.
///
/// # Errors
/// Those of `out`.
pub fn plan_json(report: &PlanReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(SavedPlan::from_plan(report.plan, report.moment).to_json().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::{self, report};

    #[test]
    fn the_document_reads_back_as_a_saved_plan() {
        let plan = samples::life_of_orders();
        let mut out = Vec::new();
        plan_json(&report(&plan), &mut out).unwrap();
        let saved = SavedPlan::from_json(std::str::from_utf8(&out).unwrap()).unwrap();
        assert_eq!(saved.differences(&plan), [""; 0]);
    }
}
