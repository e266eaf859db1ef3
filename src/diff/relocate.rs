//! Where detached tables are kept, when the policy says `then: move`: found out by what the catalog says of them, so a
//! run that was stopped between the detach and the move is made up for by the next.

use super::{Draft, Situation};
use crate::catalog::{Answer, DetachedTable, Partition, Question, RelationKind};
use crate::plan::steps::RelocateTable;
use crate::plan::{Finding, Step, codes};
use crate::policy::{MoveTo, Retain};
use crate::sql::QualifiedName;

/// Whether a table that was detached is where the policy wants it, under its own name.
pub(super) fn is_at_home(retain: &Retain, entry: &DetachedTable) -> bool {
    let Some(to) = &retain.move_to else { return false };
    let schema = to.schema.as_ref().unwrap_or(&entry.recorded.schema);
    entry.name.name == entry.recorded.name && entry.name.schema == *schema && is_stored_at_home(to, entry)
}

fn is_stored_at_home(to: &MoveTo, entry: &DetachedTable) -> bool {
    let has_files = entry.kind != RelationKind::Foreign;
    to.tablespace.is_none() || !has_files || entry.tablespace.is_none() || to.tablespace == entry.tablespace
}

/// The move of a partition that this plan detaches; nothing while its new name is not free.
pub(super) fn after_detach(
    situation: &Situation<'_>,
    retain: &Retain,
    partition: &Partition,
    draft: &mut Draft,
) -> Option<Step> {
    let to = retain.move_to.clone()?;
    is_free(situation, &to, &partition.name, draft).then(|| {
        Step::Relocate(RelocateTable {
            table: partition.name.clone(),
            oid: partition.oid,
            kind: partition.kind,
            range: situation.desired.describe_bound(&partition.bound),
            to,
            bytes: partition.bytes,
            rows: partition.rows,
        })
    })
}

/// The move of a table that was detached before.
pub(super) fn of_detached(
    situation: &Situation<'_>,
    retain: &Retain,
    entry: &DetachedTable,
    draft: &mut Draft,
) -> Option<Step> {
    let to = retain.move_to.clone()?;
    is_free(situation, &to, &entry.name, draft).then(|| {
        Step::Relocate(RelocateTable {
            table: entry.name.clone(),
            oid: entry.oid,
            kind: entry.kind,
            range: situation.desired.describe_bound(&entry.bound),
            to,
            bytes: entry.bytes,
            rows: entry.rows,
        })
    })
}

fn is_free(situation: &Situation<'_>, to: &MoveTo, name: &QualifiedName, draft: &mut Draft) -> bool {
    let Some(schema) = to.schema.as_ref().filter(|schema| **schema != name.schema) else { return true };
    let there = QualifiedName { schema: schema.clone(), name: name.name.clone() };
    let question = Question::NameTaken(there.clone());
    match situation.snapshot.answers.get(&question) {
        Some(Answer::Taken(false)) => true,
        None => {
            draft.questions.insert(question);
            false
        }
        Some(_) => {
            let message = format!("{} cannot be moved: there is a {there} already", name.name);
            let hint = "rename one of the two";
            draft.findings.push(Finding::about(codes::NAME_TAKEN, &situation.table.name, message).hint(hint));
            false
        }
    }
}
