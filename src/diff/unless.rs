//! `unless`: the owner's own reason to keep a partition that is over. The database is asked when planning; the steps ask
//! again right before they detach, and once more under the lock under which they drop.
//!
//! Whatever is not a clear no keeps the partition: yes, null, an error, no answer in time.

use super::{Draft, Situation};
use crate::catalog::{Answer, Question};
use crate::plan::{Finding, codes};
use crate::sql::QualifiedName;

/// The condition for a table of this name.
pub(super) fn condition(situation: &Situation<'_>, table: &QualifiedName) -> Option<String> {
    situation.level.retain.as_ref()?.unless.as_ref().map(|unless| unless.of(table))
}

/// Whether it keeps this table, attached or detached; true also while the database is being asked.
pub(super) fn keeps(situation: &Situation<'_>, table: &QualifiedName, draft: &mut Draft) -> bool {
    let Some(condition) = condition(situation, table) else { return false };
    let question = Question::Keeps { condition };
    let finding = match situation.snapshot.answers.get(&question) {
        Some(Answer::Keeps(Some(false))) => return false,
        Some(Answer::Keeps(Some(true))) => {
            let message = format!("{} is over, and kept: `unless` holds for it", table.name);
            Finding::about(codes::KEPT_UNLESS, &situation.table.name, message)
        }
        Some(answer) => {
            let why = match answer {
                Answer::Unknown(why) => why.as_str(),
                _ => "it is null",
            };
            let message = format!("{} is over, and kept: `unless` says neither yes nor no: {why}", table.name);
            Finding::about(codes::UNLESS_UNKNOWN, &situation.table.name, message)
                .hint("try it by hand, with schemas before the names of tables")
        }
        None => {
            draft.questions.insert(question);
            return true;
        }
    };
    draft.findings.push(finding);
    true
}
