//! What a plan means for a check that changes nothing: what is missing already, and what is merely pending.

use crate::plan::{Finding, Plan, Step, StepKind, TablePlan, codes};

/// The plan's own findings, and what its steps say.
pub fn coverage(plan: &Plan) -> Vec<Finding> {
    let mut findings: Vec<Finding> = plan.findings().cloned().collect();
    for table in &plan.tables {
        findings.extend(missing_finding(table));
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

/// The steps that make what is missing already: rows of it are refused, or land in DEFAULT.
pub fn missing(table: &TablePlan) -> impl Iterator<Item = &Step> {
    table.steps.iter().filter(|step| is_urgent(step))
}

fn is_urgent(step: &Step) -> bool {
    step.made().iter().any(|create| create.reason.is_urgent())
}

fn missing_finding(table: &TablePlan) -> Option<Finding> {
    let missing: Vec<&Step> = missing(table).collect();
    let first = match missing.first()? {
        // On a level below the outermost one the same range is missing from this parent only.
        Step::Create(create) if create.around.parent != table.table => {
            format!("{} of {}", create.range, create.around.parent.name)
        }
        Step::Create(create) => create.range.clone(),
        other => other.range().into_owned(),
    };
    let more = match missing.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let message = format!("no partition for {first}{more}: rows of it are refused, or land in DEFAULT");
    let finding = Finding::about(codes::MISSING, &table.table, message).measured(missing.into_iter().map(in_words));
    Some(finding.hint("`partctl apply` makes it"))
}

fn pending(table: &TablePlan) -> Option<Finding> {
    let pending = || table.steps.iter().filter(|step| !is_urgent(step));
    let count = |kind| pending().filter(|step| step.kind() == kind).count();
    let counts = StepKind::ALL.into_iter().map(|kind| (count(kind), kind.as_str())).filter(|(count, _)| 0 < *count);
    let counts: Vec<String> = counts.map(|(count, verb)| format!("{count} to {verb}")).collect();
    (!counts.is_empty()).then(|| {
        Finding::about(codes::PENDING, &table.table, format!("pending: {}", counts.join(", ")))
            .measured(pending().map(in_words))
    })
}

/// `create shop.orders_2027_03, 2027-03-01 … 2027-04-01: 3 ahead`
fn in_words(step: &Step) -> String {
    format!("{} {}, {}: {}", step.kind().as_str(), step.target(), step.range(), step.reason())
}
