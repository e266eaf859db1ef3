//! What a plan means for a check that changes nothing: what is missing already, what is merely pending, and how long
//! coverage lasts.

use chrono::{DateTime, Utc};

use crate::plan::{Finding, Plan, Runway, Step, StepKind, TablePlan, codes};
use crate::schedule::Interval;

/// The plan's own findings, and what its steps and runways say. A runway shorter than `min_runway` fails.
pub fn coverage(plan: &Plan, min_runway: Option<Interval>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = plan.findings().cloned().collect();
    for table in &plan.tables {
        findings.extend(missing(table));
        findings.extend(runway(table, plan.at, min_runway));
        findings.extend(pending(table));
    }
    findings
}

/// Only whether policies and tables fit, for a check that looks at nothing else.
pub fn fit(plan: &Plan) -> Vec<Finding> {
    let misfits =
        [codes::TABLE_MISSING, codes::NOT_PARTITIONED, codes::OTHER_KEY, codes::KEY_TYPE, codes::UNREADABLE_BOUND];
    plan.findings().filter(|finding| misfits.contains(&finding.code)).cloned().collect()
}

fn missing(table: &TablePlan) -> Option<Finding> {
    let missing: Vec<&Step> = table.steps.iter().filter(|step| is_urgent(step)).collect();
    let first = missing.first()?;
    let more = match missing.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let message = format!("no partition for {}{more}: rows of it are refused, or land in DEFAULT", first.range());
    Some(Finding::about(codes::MISSING, &table.table, message).hint("`partctl apply` makes it"))
}

fn runway(table: &TablePlan, at: DateTime<Utc>, min_runway: Option<Interval>) -> Option<Finding> {
    let Runway::Until(until) = table.runway else { return None };
    let min_runway = min_runway?;
    (until < min_runway.after(at)?).then(|| {
        let message =
            format!("coverage ends {}, sooner than {min_runway} from now", until.format("%Y-%m-%d %H:%M UTC"));
        Finding::about(codes::RUNWAY, &table.table, message).hint("run `partctl apply`, or raise `create.ahead`")
    })
}

fn pending(table: &TablePlan) -> Option<Finding> {
    let count = |kind| table.steps.iter().filter(|step| step.kind() == kind && !is_urgent(step)).count();
    let pending = StepKind::ALL.into_iter().map(|kind| (count(kind), kind.as_str())).filter(|(count, _)| 0 < *count);
    let pending: Vec<String> = pending.map(|(count, verb)| format!("{count} to {verb}")).collect();
    (!pending.is_empty())
        .then(|| Finding::about(codes::PENDING, &table.table, format!("pending: {}", pending.join(", "))))
}

/// Whether rows may be refused, or lie where they do not belong, for the lack of what it makes.
fn is_urgent(step: &Step) -> bool {
    step.made().iter().any(|create| create.reason.is_urgent())
}
