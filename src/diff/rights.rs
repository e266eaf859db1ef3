//! Rights and the ledger, before the first change: what is missing is named, and the steps that need it are left out.
//!
//! A role that is no member of a table's owner looks on: it plans for others. Only where a plan is about to be carried
//! out is that an error.

use super::{Draft, Situation};
use crate::catalog::{Archives, CatalogSnapshot, Journal, Ledger, Partition, Server, Table};
use crate::plan::steps::{ArchiveTable, DropTable, RelocateTable};
use crate::plan::{Finding, Phase, Plan, Step, codes};
use crate::policy::{Retain, Then};
use crate::sql::{Identifier, since};

/// Takes out steps that the role may not carry out.
pub(super) fn require_rights(situation: &Situation<'_>, draft: &mut Draft) {
    let (table, server) = (situation.table, &situation.snapshot.server);
    if draft.steps.is_empty() {
        return;
    }
    if !table.role_is_member {
        draft.findings.push(looks_on(table, server));
    } else if !table.role_is_owner {
        draft.findings.push(not_the_owner(table, server));
        draft.steps.clear();
        return;
    } else {
        require_detach(situation, draft);
        require_drop(situation, draft);
        require_relocate(situation, draft);
        require_create(situation, draft);
    }
    require_ledger(situation, draft);
}

/// Takes out every step of tables whose owner this role is no member of: called before a plan is carried out.
pub fn refuse_onlookers(snapshot: &CatalogSnapshot, plan: &mut Plan) {
    for part in &mut plan.tables {
        let Some(table) = snapshot.table(&part.table).filter(|table| !table.role_is_member) else { continue };
        if !part.steps.is_empty() {
            part.steps.clear();
            part.findings.retain(|finding| finding.code != codes::REVIEW_ONLY);
            part.findings.push(not_the_owner(table, &snapshot.server));
        }
    }
}

fn looks_on(table: &Table, server: &Server) -> Finding {
    let message = format!("role {} looks on: it lacks the rights of its owner {}", server.role, table.owner);
    Finding::about(codes::REVIEW_ONLY, &table.name, message).hint("another role carries this plan out")
}

fn not_the_owner(table: &Table, server: &Server) -> Finding {
    let (role, owner) = (&server.role, &table.owner);
    let options = match server.version {
        since::MEMBERSHIP_OPTIONS.. => " WITH INHERIT TRUE, SET TRUE",
        _ => "",
    };
    Finding::about(codes::MISSING_RIGHT, &table.name, format!("role {role} lacks the rights of its owner {owner}"))
        .hint(format!("GRANT {owner} TO {role}{options}"))
}

/// A table that cannot get the partitions it needs keeps those that it has, as it does when making them fails.
fn require_create(situation: &Situation<'_>, draft: &mut Draft) {
    let (table, placement) = (situation.table, &situation.level.placement);
    if !draft.steps.iter().any(|step| step.phase() == Phase::Create) {
        return;
    }
    let owner = &table.owner;
    let schema = placement.schema.as_ref().unwrap_or(&table.name.schema);
    let tablespace = placement.tablespace.as_ref().or(table.tablespace.as_ref());
    let mut missing = Vec::new();
    if !table.owner_may_create_in.contains(schema) {
        missing.push((
            format!("its owner {owner} may not create in schema {schema}"),
            format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {owner}"),
        ));
    }
    if !table.owner_uses_schema && *schema != table.name.schema {
        let schema = &table.name.schema;
        missing.push((
            format!("its owner {owner} may not use schema {schema}"),
            format!("GRANT USAGE ON SCHEMA {schema} TO {owner}"),
        ));
    }
    if let Some(tablespace) = tablespace.filter(|tablespace| table.denied_tablespaces.contains(tablespace)) {
        missing.push((
            format!("its owner {owner} may not create in tablespace {tablespace}"),
            format!("GRANT CREATE ON TABLESPACE {tablespace} TO {owner}"),
        ));
    }
    if !missing.is_empty() {
        draft.steps.retain(|step| step.phase() == Phase::Finish);
    }
    let findings =
        missing.into_iter().map(|(what, grant)| Finding::about(codes::MISSING_RIGHT, &table.name, what).hint(grant));
    draft.findings.extend(findings);
}

/// Takes out steps that change old partitions, unless they are another role's to carry out.
pub(super) fn require_match(situation: &Situation<'_>, draft: &mut Draft, steps: Vec<Step>) -> Vec<Step> {
    let (table, server) = (situation.table, &situation.snapshot.server);
    if steps.is_empty() || table.role_is_owner {
        return steps;
    }
    let finding = if table.role_is_member { not_the_owner(table, server) } else { looks_on(table, server) };
    if !draft.findings.contains(&finding) {
        draft.findings.push(finding);
    }
    if table.role_is_member { Vec::new() } else { steps }
}

/// Detaching asks the tables that reference this one whether they reference a row of the partition, with the session's
/// own rights (42501).
fn require_detach(situation: &Situation<'_>, draft: &mut Draft) {
    let (table, server) = (situation.table, &situation.snapshot.server);
    let role = &server.role;
    let detaches = |step: &Step| matches!(step, Step::Detach(_));
    if !draft.steps.iter().any(detaches) {
        return;
    }
    let concurrent = |step: &Step| matches!(step, Step::Detach(step) if step.is_concurrent());
    if !server.sees_sessions && draft.steps.iter().any(concurrent) {
        let message = format!(
            "role {role} cannot see since when other roles' transactions run: an old one may hold a detach up between \
             its two phases, with the rows of the partition invisible"
        );
        let finding = Finding::about(codes::BLIND, &table.name, message);
        draft.findings.push(finding.hint(format!("GRANT pg_read_all_stats TO {role}")));
    }
    if !table.denied_referrers.is_empty() {
        draft.steps.retain(|step| !detaches(step));
    }
    draft.findings.extend(table.denied_referrers.iter().map(|referrer| {
        let message = format!("role {role} may not read {referrer}, which references it: nothing is detached");
        Finding::about(codes::MISSING_RIGHT, &table.name, message).hint(format!("GRANT SELECT ON {referrer} TO {role}"))
    }));
}

/// A detached table keeps its own owner, who need not be the parent's.
fn require_drop(situation: &Situation<'_>, draft: &mut Draft) {
    let detached = situation.snapshot.ledger.detached();
    let out_of_reach = |step: &Step| match step {
        Step::Drop(DropTable { oid, .. })
        | Step::Archive(ArchiveTable { oid, .. })
        | Step::Relocate(RelocateTable { oid, .. }) => {
            detached.iter().find(|entry| entry.oid == *oid)?.owner_out_of_reach.as_ref()
        }
        _ => None,
    };
    let (table, role) = (&situation.table.name, &situation.snapshot.server.role);
    let findings = draft.steps.iter().filter_map(|step| {
        let owner = out_of_reach(step)?;
        let done = match step {
            Step::Drop(_) => "dropped",
            Step::Relocate(_) => "moved",
            _ => "archived",
        };
        let message = format!("{} belongs to {owner}, whose rights role {role} lacks: it is not {done}", step.target());
        let grant = format!("ALTER TABLE {} OWNER TO {}", step.target(), situation.table.owner);
        Some(Finding::about(codes::MISSING_RIGHT, table, message).hint(grant))
    });
    draft.findings.extend(findings);
    draft.steps.retain(|step| out_of_reach(step).is_none());
}

/// Whether this role may do what the policy says of a partition once it is detached; a finding when not. Detaching is the
/// right of the parent's owner alone, and the rest that of the partition's own.
pub(super) fn reaches(situation: &Situation<'_>, retain: &Retain, partition: &Partition, draft: &mut Draft) -> bool {
    let (table, role) = (situation.table, &situation.snapshot.server.role);
    let is_anothers = partition.properties.as_ref().is_some_and(|own| !own.role_is_owner);
    // Who looks on plans for another role.
    let Some(owner) = partition.owner.as_ref().filter(|_| is_anothers && table.role_is_owner) else { return true };
    let then = match retain.then {
        Then::Detach => return true,
        Then::Drop => "dropped",
        Then::Archive => "archived",
        Then::Move => "moved",
    };
    let name = &partition.name;
    let message = format!(
        "{} is over, and kept: it belongs to {owner}, without whose rights role {role} cannot have it {then}",
        name.name
    );
    let grant = format!("ALTER TABLE {name} OWNER TO {}", table.owner);
    draft.findings.push(Finding::about(codes::MISSING_RIGHT, &table.name, message).hint(grant));
    false
}

/// What moves into a schema or a tablespace is made there, by the rights of its owner.
fn require_relocate(situation: &Situation<'_>, draft: &mut Draft) {
    let (table, owner) = (situation.table, &situation.table.owner);
    let relocates = |step: &Step| matches!(step, Step::Relocate(_));
    let Some(to) = situation.level.retain.as_ref().and_then(|retain| retain.move_to.as_ref()) else { return };
    if !draft.steps.iter().any(relocates) {
        return;
    }
    let schema = to.schema.as_ref().filter(|schema| !table.owner_may_create_in.contains(schema)).map(|schema| {
        let hint = format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {owner}, when there is such a schema");
        (format!("its owner {owner} may not create in schema {schema}"), hint)
    });
    let denied = |tablespace: &&Identifier| table.denied_tablespaces.contains(tablespace);
    let tablespace = to.tablespace.as_ref().filter(denied).map(|tablespace| {
        let hint = format!("GRANT CREATE ON TABLESPACE {tablespace} TO {owner}");
        (format!("its owner {owner} may not create in tablespace {tablespace}"), hint)
    });
    let missing: Vec<Finding> = schema
        .into_iter()
        .chain(tablespace)
        .map(|(what, hint)| Finding::about(codes::MISSING_RIGHT, &table.name, what).hint(hint))
        .collect();
    if !missing.is_empty() {
        draft.steps.retain(|step| !relocates(step));
    }
    draft.findings.extend(missing);
}

/// Without the ledger nobody would know what was detached, when, and whether its grace is over.
fn require_ledger(situation: &Situation<'_>, draft: &mut Draft) {
    let server = &situation.snapshot.server;
    let looks_on = !situation.table.role_is_member;
    let (role, usage) = (&server.role, format!("GRANT USAGE ON SCHEMA partctl TO {}", server.role));
    let archives = draft.steps.iter().any(|step| matches!(step, Step::Archive(_) | Step::DeleteArchive(_)));
    let hint = match &situation.snapshot.ledger {
        Ledger::Installed { archives: Archives::Denied, .. } if archives && !looks_on => {
            format!("{usage}; GRANT SELECT, INSERT, UPDATE ON partctl.archives TO {role}")
        }
        Ledger::Installed { archives: Archives::Missing, journal: Journal::Outdated { upgradable: false }, .. }
            if archives && !looks_on =>
        {
            "run `partctl init` as the role that owns the ledger".to_owned()
        }
        Ledger::Installed { writable: true, .. } | Ledger::Missing { installable: true } => return,
        Ledger::Installed { .. } | Ledger::Missing { .. } if looks_on => return,
        Ledger::Denied if looks_on => format!("{usage}; GRANT SELECT ON partctl.detached_tables TO {role}"),
        Ledger::Missing { .. } => format!(
            "run `partctl init` as a role that may, or GRANT CREATE ON DATABASE {} TO {role}",
            crate::sql::Identifier::new(&server.database),
        ),
        Ledger::Installed { .. } | Ledger::Denied => format!(
            "{usage}; GRANT SELECT, INSERT, UPDATE ON partctl.runs, partctl.detached_tables, partctl.archives TO {role}; \
             GRANT SELECT, INSERT ON partctl.steps TO {role}"
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
