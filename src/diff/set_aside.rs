//! A DEFAULT partition that stands in the way of concurrent detaches: set aside where the policy allows it, and brought
//! back by the same plan, or by the next one when that was cut short.
//!
//! One partition is never worth it: setting DEFAULT aside takes the very lock that its plain detach takes. From two on
//! one such moment stands for all of them.

use std::borrow::Cow;

use super::create::SCANNED_IN_NO_TIME;
use super::{Draft, Situation};
use crate::catalog::{Answer, Bound, CatalogSnapshot, DetachedTable, Partition, Question, RelationKind, Table};
use crate::plan::steps::{Away, BringDefaultBack, DetachPartition, SetDefaultAside};
use crate::plan::{Finding, Step, Surroundings, codes};

/// The DEFAULT partition that an earlier run set aside. Retention never ends a DEFAULT, so an entry with its bound can
/// be nothing else.
pub(super) fn left_aside<'a>(table: &Table, snapshot: &'a CatalogSnapshot) -> Option<&'a DetachedTable> {
    let is_it = |entry: &&DetachedTable| {
        entry.parent == table.name && entry.bound == Bound::Default && !entry.attached && entry.detached_at.is_some()
    };
    snapshot.ledger.detached().iter().find(is_it)
}

/// The table as it stands once what comes before everything else is done: with DEFAULT in its place.
pub(super) fn as_if_back<'a>(table: &'a Table, snapshot: &CatalogSnapshot) -> Cow<'a, Table> {
    let Some(entry) = left_aside(table, snapshot).filter(|_| table.default_partition().is_none()) else {
        return Cow::Borrowed(table);
    };
    let mut table = table.clone();
    table.partitions.push(Partition {
        oid: entry.oid,
        name: entry.name.clone(),
        kind: entry.kind,
        owner: None,
        properties: None,
        storage: Default::default(),
        index_faults: Vec::new(),
        bound: Bound::Default,
        pending_detach: false,
        rows: None,
        analyzed_rows: None,
        bytes: entry.bytes,
        indexes: 0,
        leftover_checks: Vec::new(),
        split: None,
        table: None,
    });
    Cow::Owned(table)
}

/// Attaches a DEFAULT partition that an earlier run left aside.
pub(super) fn bring_back(situation: &Situation<'_>, draft: &mut Draft) {
    let Some(entry) = left_aside(situation.table, situation.snapshot) else { return };
    if let Some(obstacle) = obstacle_to_return(situation, entry, draft) {
        draft.findings.push(obstacle);
        return;
    }
    draft.steps.push(Step::BringBack(BringDefaultBack {
        around: situation.surroundings(),
        default: entry.name.clone(),
        oid: entry.oid,
        range: situation.desired.describe_bound(&entry.bound),
        away: Away::SinceAnEarlierRun,
    }));
}

fn obstacle_to_return(situation: &Situation<'_>, entry: &DetachedTable, draft: &mut Draft) -> Option<Finding> {
    let (table, name) = (&situation.table.name, &entry.name);
    let other = situation.table.default_partition().filter(|default| default.oid != entry.oid);
    if let Some(other) = other {
        let message = format!("{name} was set aside by a run that was stopped, and {} is DEFAULT now", other.name);
        let hint = format!("move its rows, if it has any, then drop {name}");
        return Some(Finding::about(codes::DEFAULT_ASIDE, table, message).hint(hint));
    }
    let question = Question::HoldRows { partitions: vec![name.clone()], enough: 1 };
    match situation.snapshot.answers.get(&question) {
        // Nobody knows better than Postgres, which looks when it is attached.
        Some(Answer::Unknown(_)) => return None,
        Some(Answer::Holders(holders)) if holders.is_empty() => return None,
        Some(_) => {}
        None => {
            draft.questions.insert(question);
            return None;
        }
    }
    // Somebody wrote to it while it was away.
    let partitions = situation.table.visible().filter(|partition| partition.bound != Bound::Default);
    for partition in partitions {
        let Some((_, question)) = situation.rows_in_default(&partition.bound) else { continue };
        match situation.snapshot.answers.get(&question) {
            Some(Answer::Rows(rows)) if 0 < *rows => {
                let message = format!(
                    "{name} was set aside by a run that was stopped, and holds rows of {} now: it cannot be attached",
                    partition.name.name
                );
                let hint =
                    format!("move them: they are the rows with {}", question.predicate_sql().unwrap_or_default());
                return Some(Finding::about(codes::DEFAULT_ASIDE, table, message).hint(hint));
            }
            Some(_) => {}
            None => drop(draft.questions.insert(question)),
        }
    }
    None
}

/// What makes room for concurrent detaches of so many partitions, and what ends it; `None` where DEFAULT stays, and they
/// are detached plainly.
pub(super) fn make_room(
    situation: &Situation<'_>,
    detaches: &mut [DetachPartition],
    draft: &mut Draft,
) -> Option<(Step, Step)> {
    let default = situation.table.default_partition()?;
    if !situation.policy.locks.set_default_aside || detaches.len() < 2 {
        return None;
    }
    if let Some(why) = why_it_stays(situation, default, draft) {
        let message = format!("DEFAULT {} is not set aside: {why}", default.name);
        draft.findings.push(Finding::about(codes::DEFAULT_STAYS, &situation.table.name, message));
        return None;
    }
    let around = situation.surroundings();
    let range = situation.desired.describe_bound(&default.bound);
    for detach in detaches.iter_mut() {
        detach.around = Surroundings { default: None, ..around.clone() };
    }
    let aside = SetDefaultAside {
        around: around.clone(),
        parent_oid: situation.table.oid,
        default: default.name.clone(),
        oid: default.oid,
        range: range.clone(),
        detaches: detaches.len(),
    };
    let back =
        BringDefaultBack { around, default: default.name.clone(), oid: default.oid, range, away: Away::InThisPlan };
    Some((Step::SetAside(aside), Step::BringBack(back)))
}

fn why_it_stays(situation: &Situation<'_>, default: &Partition, draft: &mut Draft) -> Option<String> {
    if default.kind == RelationKind::Foreign {
        return Some("it is a foreign table".to_owned());
    }
    // Attached again it would lock what its foreign keys reference exclusively, which a plain detach never does, and
    // the tables that reference it are locked exclusively by a concurrent detach as well (Postgres 14-18).
    if situation.surroundings().has_foreign_keys() {
        return Some("foreign keys begin or end here, and their other ends would be locked harder for it".to_owned());
    }
    // ATTACH asks for the owner of both.
    if let Some(owner) = default.owner.as_ref().filter(|owner| **owner != situation.table.owner) {
        return Some(format!("it belongs to {owner}, who does not own the table"));
    }
    let holds_rows = Question::HoldRows { partitions: vec![default.name.clone()], enough: 1 };
    let bytes = Question::HeapBytes(default.name.clone());
    match (situation.snapshot.answers.get(&holds_rows), situation.snapshot.answers.get(&bytes)) {
        (Some(Answer::Holders(holders)), _) if !holders.is_empty() => Some("it holds rows".to_owned()),
        (Some(Answer::Unknown(why)), _) => Some(format!("cannot tell whether it holds rows: {why}")),
        (Some(_), Some(Answer::Bytes(bytes))) if *bytes <= SCANNED_IN_NO_TIME => None,
        // What was deleted is read as well, under its lock.
        (Some(_), Some(_)) => Some("it holds no rows, and yet is not small: VACUUM it".to_owned()),
        (rows, bytes_known) => {
            draft.questions.extend(rows.is_none().then_some(holds_rows));
            draft.questions.extend(bytes_known.is_none().then_some(bytes));
            None
        }
    }
}
