//! Rights and the ledger, before the first change: what is missing is named, and the steps that need it are left out.

use super::{Draft, Situation};
use crate::catalog::Ledger;
use crate::plan::{Finding, Phase, Step, codes};

/// Postgres 16 gave each membership its own INHERIT and SET; a second GRANT changes those that it names.
const MEMBERSHIP_OPTIONS_SINCE: u32 = 160_000;

/// Takes out steps that the role may not carry out. Last of the rules: it looks at all steps.
pub(super) fn require_rights(situation: &Situation<'_>, draft: &mut Draft) {
    let (table, role) = (situation.table, &situation.snapshot.server.role);
    if draft.steps.is_empty() {
        return;
    }
    if !table.role_is_owner {
        let options = match situation.snapshot.server.version {
            MEMBERSHIP_OPTIONS_SINCE.. => " WITH INHERIT TRUE, SET TRUE",
            _ => "",
        };
        draft.findings.push(
            Finding::about(
                codes::MISSING_RIGHT,
                &table.name,
                format!("role {role} lacks the rights of its owner {}", table.owner),
            )
            .hint(format!("GRANT {} TO {role}{options}", table.owner)),
        );
        draft.steps.clear();
        return;
    }
    require_create(situation, draft);
    require_ledger(situation, draft);
}

fn require_create(situation: &Situation<'_>, draft: &mut Draft) {
    let (table, policy) = (situation.table, situation.policy);
    let schema = policy.placement.schema.as_ref().unwrap_or(&table.name.schema);
    let creates = |step: &Step| step.phase() == Phase::Create;
    if draft.steps.iter().any(creates) && !table.owner_may_create_in.contains(schema) {
        draft.findings.push(
            Finding::about(
                codes::MISSING_RIGHT,
                &table.name,
                format!("its owner {} may not create in schema {schema}", table.owner),
            )
            .hint(format!("GRANT CREATE ON SCHEMA {schema} TO {}", table.owner)),
        );
        draft.steps.retain(|step| !creates(step));
    }
}

/// Without the ledger nobody would know what was detached, when, and whether its grace is over.
fn require_ledger(situation: &Situation<'_>, draft: &mut Draft) {
    let server = &situation.snapshot.server;
    let hint = match &situation.snapshot.ledger {
        Ledger::Installed { .. } | Ledger::Missing { installable: true } => return,
        Ledger::Missing { installable: false } => format!(
            "run `partctl init` as a role that may, or GRANT CREATE ON DATABASE {} TO {}",
            crate::sql::Identifier::new(&server.database),
            server.role
        ),
        Ledger::Denied => format!(
            "GRANT USAGE ON SCHEMA partctl TO {0}; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA partctl TO {0}",
            server.role
        ),
    };
    let retires = |step: &Step| step.phase() == Phase::Retire;
    let count = draft.steps.iter().filter(|step| retires(step)).count();
    if 0 < count {
        draft.findings.push(
            Finding::about(
                codes::NO_LEDGER,
                &situation.table.name,
                format!("retiring needs partctl's ledger: {count} left out"),
            )
            .hint(hint),
        );
        draft.steps.retain(|step| !retires(step));
    }
}
