//! Archiving: what stands between a detach and a drop where the policy says `then: archive`. A table is dropped only
//! once an archive of it was verified, its grace is over, and nobody has written to it since.

use std::time::Duration;

use super::detached::grace_is_over;
use super::retire::drop_at_once;
use super::{Draft, Situation};
use crate::catalog::{Answer, ArchiveEntry, DetachedTable, Partition, Question, RelationKind};
use crate::plan::steps::{ArchiveTable, Condition};
use crate::plan::{Finding, Step, codes};
use crate::policy::{Retain, Then};
use crate::sql::QualifiedName;

/// Archives that an estimate is made from: the newest so many.
const ESTIMATED_FROM: usize = 10;

/// What a drop needs besides the end of the grace.
pub(super) fn condition(situation: &Situation<'_>) -> Condition {
    let archives = situation.level.retain.as_ref().is_some_and(|retain| retain.then == Then::Archive);
    if archives { Condition::Archived } else { Condition::None }
}

/// Whether rows of such a relation can be archived; a finding when not.
pub(super) fn is_archivable(
    situation: &Situation<'_>,
    kind: RelationKind,
    name: &QualifiedName,
    draft: &mut Draft,
) -> bool {
    let what = match kind {
        _ if condition(situation) == Condition::None => return true,
        RelationKind::Table | RelationKind::Partitioned => return true,
        RelationKind::Foreign => "a foreign table, whose rows are elsewhere",
        RelationKind::Other => "no table",
    };
    let message = format!("{} is over, and kept: it is {what}", name.name);
    let hint = "detach it by hand when it may go";
    draft.findings.push(Finding::about(codes::NOT_ARCHIVABLE, &situation.table.name, message).hint(hint));
    false
}

/// The steps after the detach of a partition.
pub(super) fn after_detach(situation: &Situation<'_>, retain: &Retain, partition: &Partition) -> Vec<Step> {
    let archive = situation.policy.archive.as_ref().map(|archive| {
        Step::Archive(ArchiveTable {
            parent: situation.table.name.clone(),
            table: partition.name.clone(),
            oid: partition.oid,
            bound: partition.bound.clone(),
            range: situation.desired.describe_bound(&partition.bound),
            archive: archive.clone(),
            bytes: partition.bytes,
            rows: partition.rows,
            estimate: estimate(situation, partition.rows),
        })
    });
    let drop = retain.grace.is_none().then(|| drop_at_once(situation, partition));
    archive.into_iter().chain(drop).collect()
}

/// Archives a table that was detached before.
fn archive_step(situation: &Situation<'_>, entry: &DetachedTable) -> Option<Step> {
    let archive = situation.policy.archive.clone()?;
    Some(Step::Archive(ArchiveTable {
        parent: entry.parent.clone(),
        table: entry.name.clone(),
        oid: entry.oid,
        bound: entry.bound.clone(),
        range: situation.desired.describe_bound(&entry.bound),
        archive,
        bytes: entry.bytes,
        rows: entry.rows,
        estimate: estimate(situation, entry.rows),
    }))
}

/// What comes next for a detached table: an archive of it, or why it is due to be dropped.
pub(super) fn next_for(
    situation: &Situation<'_>,
    retain: &Retain,
    entry: &DetachedTable,
    archives: &mut Vec<Step>,
    draft: &mut Draft,
) -> Option<String> {
    if !is_archivable(situation, entry.kind, &entry.name, draft) {
        return None;
    }
    match progress(situation, retain, entry, draft) {
        Progress::Unarchived => {
            archives.extend(archive_step(situation, entry));
            retain.grace.is_none().then(|| "no grace".to_owned())
        }
        Progress::Waits | Progress::Asked => None,
        Progress::Due(archive) => Some(format!("archived {}, grace over", archive.verified_at.format("%Y-%m-%d"))),
        Progress::Written(rows) => {
            let rows = if rows == 1 { "a row".to_owned() } else { format!("{rows} rows") };
            let message = format!("{} was written to since it was archived, by {rows}", entry.name.name);
            draft.findings.push(
                Finding::about(codes::WRITTEN_SINCE, &situation.table.name, message)
                    .hint("it is archived again, and its grace begins anew"),
            );
            archives.extend(archive_step(situation, entry));
            None
        }
    }
}

/// How far a detached table is on its way.
enum Progress<'a> {
    /// There is no archive of it.
    Unarchived,
    /// It is archived, and its grace lasts.
    Waits,
    /// It is archived, and may go.
    Due(&'a ArchiveEntry),
    /// It is archived, and was written to since: by how many rows.
    Written(u64),
    /// The database is being asked.
    Asked,
}

/// How far a detached table is on its way; asks whether it was written to only when it would be dropped.
fn progress<'a>(situation: &Situation<'a>, retain: &Retain, entry: &DetachedTable, draft: &mut Draft) -> Progress<'a> {
    let Some(archive) = situation.snapshot.ledger.archives().of(entry) else { return Progress::Unarchived };
    if !grace_is_over(retain.grace, archive.verified_at, situation.now()) {
        return Progress::Waits;
    }
    let question = Question::WrittenSinceArchived { table: entry.name.clone(), oid: entry.oid };
    match situation.snapshot.answers.get(&question) {
        Some(Answer::Rows(0)) => Progress::Due(archive),
        Some(Answer::Rows(rows)) => Progress::Written(*rows),
        // The drop itself looks again, and takes its time.
        Some(_) => Progress::Due(archive),
        None => {
            draft.questions.insert(question);
            Progress::Asked
        }
    }
}

/// How long so many rows take, by what the newest archives took: those of the same table, else all.
fn estimate(situation: &Situation<'_>, rows: Option<u64>) -> Option<Duration> {
    let archives = situation.snapshot.ledger.archives().known();
    let own = || archives.iter().rev().filter(|entry| entry.parent == situation.table.name);
    let took = |entries: &mut dyn Iterator<Item = &ArchiveEntry>| {
        let sum = |(rows, time): (u64, u64), entry: &ArchiveEntry| (rows + entry.rows, time + entry.milliseconds);
        Some(entries.take(ESTIMATED_FROM).fold((0, 0), sum)).filter(|(rows, _)| 0 < *rows)
    };
    let (past_rows, milliseconds) = took(&mut own()).or_else(|| took(&mut archives.iter().rev()))?;
    let milliseconds = u128::from(milliseconds) * u128::from(rows?) / u128::from(past_rows);
    Some(Duration::from_millis(u64::try_from(milliseconds).ok()?))
}
