//! Branches that a run left half built when it was killed: taken away while they are empty, and built anew.

use super::{Draft, Situation};
use crate::catalog::{Answer, Question, UnfinishedBranch};
use crate::plan::steps::DiscardBranch;
use crate::plan::{Finding, Step, codes};

fn question(branch: &UnfinishedBranch) -> Question {
    Question::HoldRows { partitions: vec![branch.name.clone()], enough: 1 }
}

impl Situation<'_> {
    /// Whether the database was asked, and found no row in it.
    pub(super) fn is_known_empty(&self, branch: &UnfinishedBranch) -> bool {
        matches!(self.snapshot.answers.get(&question(branch)), Some(Answer::Holders(found)) if found.is_empty())
    }
}

/// Takes away what was never attached.
pub(super) fn discard(situation: &Situation<'_>, draft: &mut Draft) {
    let table = &situation.table.name;
    for branch in situation.snapshot.unfinished.iter().filter(|branch| branch.parent == *table) {
        let name = &branch.name;
        let question = question(branch);
        let finding = match situation.snapshot.answers.get(&question) {
            Some(Answer::Holders(found)) if found.is_empty() => {
                draft.steps.push(Step::Discard(DiscardBranch { table: name.clone(), parent: table.clone() }));
                continue;
            }
            Some(Answer::Unknown(why)) => {
                let message = format!("cannot tell whether {name}, which was left half built, holds rows: {why}");
                Finding::about(codes::UNANSWERED, table, message)
                    .hint("grant SELECT on it, or look at what holds it up, and run again")
            }
            Some(_) => {
                let message = format!("{name} was left half built, and somebody wrote rows to it: it is left alone");
                Finding::about(codes::HALF_BUILT, table, message)
                    .hint(format!("attach it by hand, or look at its rows and drop it; `COMMENT ON TABLE {name} IS NULL` makes it yours"))
            }
            None => {
                draft.questions.insert(question);
                continue;
            }
        };
        draft.findings.push(finding);
    }
}
