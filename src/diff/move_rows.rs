//! Rows in DEFAULT that belong to a partition to be made: moved with it where that is safe and writers need not wait for
//! long; otherwise the partition is not made, and the reason told.

use super::{Draft, Situation};
use crate::catalog::{Answer, Bound, Partition, PartitionFacts, Question, RelationKind, TriggerState};
use crate::plan::steps::{AttachOrder, CreatePartition, Firing, MoveRows, Published, SilencedTrigger};
use crate::plan::{Finding, Step, codes, first_few};
use crate::policy::MoveRule;
use crate::sql::{Identifier, since};

/// Names that a reason lists before it counts the rest.
pub(super) const NAMED: usize = 3;

/// Why rows stay, and what would change that; both as fragments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Obstacle {
    pub why: String,
    pub hint: String,
}

impl Obstacle {
    pub fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hint: hint.into() }
    }
}

/// How DEFAULT lets rows go.
struct Way {
    silenced_there: Vec<SilencedTrigger>,
    silenced_here: Vec<SilencedTrigger>,
    published: Published,
    firing: Firing,
}

/// What DEFAULT holds of a partition to be made.
pub(super) enum InDefault<'a> {
    /// No row, or there is no DEFAULT, or nobody has looked yet.
    Nothing,
    /// Rows.
    Rows {
        /// The DEFAULT partition.
        default: &'a Partition,
        /// Which ones they are.
        condition: String,
        /// How many.
        rows: u64,
    },
    /// The database would not say, which has been told.
    NobodyKnows,
}

impl<'a> Situation<'a> {
    /// What DEFAULT holds of a partition with this bound; puts the question.
    pub(super) fn in_default(&self, draft: &mut Draft, bound: &Bound, range: &str) -> InDefault<'a> {
        let Some((default, question)) = self.rows_in_default(bound) else { return InDefault::Nothing };
        match self.snapshot.answers.get(&question) {
            Some(Answer::Rows(0)) => InDefault::Nothing,
            Some(Answer::Rows(rows) | Answer::RowsAbout(rows)) => {
                InDefault::Rows { default, condition: question.predicate_sql().unwrap_or_default(), rows: *rows }
            }
            Some(Answer::Unknown(why)) => {
                let message = format!("cannot tell whether DEFAULT {} holds rows of {range}: {why}", default.name);
                let finding = Finding::about(codes::UNANSWERED, &self.table.name, message);
                draft.findings.push(finding.hint("grant SELECT on it, or look at what holds it up, and run again"));
                InDefault::NobodyKnows
            }
            _ => {
                draft.questions.insert(question);
                InDefault::Nothing
            }
        }
    }

    /// Adds the partition and the move of the rows that DEFAULT holds of it.
    pub(super) fn move_rows(
        &self,
        draft: &mut Draft,
        create: CreatePartition,
        default: &Partition,
        condition: String,
        rows: u64,
    ) {
        let (name, range) = (&default.name, &create.range);
        let about = |code, message: String| Finding::about(code, &self.table.name, message);
        if self.level.create.move_rows == MoveRule::Never {
            draft.findings.push(self.rows_stay(default, rows, range, &condition));
            return;
        }
        let (Some(facts), Some(scanned)) = (self.facts_about(draft, default), self.heap_bytes(draft, default)) else {
            return;
        };
        let way = match self.way_out(draft, default, facts) {
            Some(Ok(way)) => way,
            Some(Err(Obstacle { why, hint })) => {
                let message = format!("DEFAULT {name} holds {rows} rows of {range}, and they cannot be moved: {why}");
                draft.findings.push(about(codes::MOVE_REFUSED, message).hint(hint));
                return;
            }
            None => return,
        };
        let Way { silenced_there, silenced_here, mut published, firing } = way;
        if let Some(branch) = &create.branch {
            // Postgres 14 silences the trigger of a partitioned table without those of its partitions.
            if !silenced_here.is_empty() {
                let message = format!(
                    "DEFAULT {name} holds {rows} rows of {range}, and they cannot be moved: triggers would have to be \
                     silenced on each partition of {}",
                    create.partition.name
                );
                let hint = format!("move or delete them by hand: they are the rows with {condition}");
                draft.findings.push(about(codes::MOVE_REFUSED, message).hint(hint));
                return;
            }
            // What is below it takes rows only once it is attached.
            if branch.order == AttachOrder::BranchFirst {
                published = Published::DeletedAndInserted;
            }
        }
        let step = MoveRows {
            create,
            parent_oid: self.table.oid,
            default: name.clone(),
            default_oid: default.oid,
            scanned,
            rows,
            condition,
            columns: facts.columns.clone(),
            silenced_there,
            silenced_here,
            published,
            firing,
            limit: self.level.create.writers_wait,
        };
        if step.fits() && self.level.create.move_rows != MoveRule::AlwaysInBatches {
            draft.steps.push(Step::Move(step));
        } else {
            draft.to_split.push(step);
        }
    }

    /// Why a partition is not made whose rows stay in DEFAULT.
    pub(super) fn rows_stay(&self, default: &Partition, rows: u64, range: &str, condition: &str) -> Finding {
        let message =
            format!("DEFAULT {} holds {rows} rows of {range}, so that partition cannot be made", default.name);
        Finding::about(codes::ROWS_IN_DEFAULT, &self.table.name, message)
            .hint(format!("move or delete them: they are the rows with {condition}"))
    }

    pub(super) fn facts_about(&self, draft: &mut Draft, default: &Partition) -> Option<&'a PartitionFacts> {
        let question = Question::PartitionFacts(default.name.clone());
        match self.snapshot.answers.get(&question) {
            Some(Answer::Facts(facts)) => Some(facts),
            Some(other) => {
                let why = if let Answer::Unknown(why) = other { why.as_str() } else { "another answer came" };
                let message =
                    format!("cannot tell what hangs on {}, which holds rows to be moved: {why}", default.name);
                draft.findings.push(Finding::about(codes::UNANSWERED, &self.table.name, message));
                None
            }
            None => {
                draft.questions.insert(question);
                None
            }
        }
    }

    pub(super) fn heap_bytes(&self, draft: &mut Draft, default: &Partition) -> Option<u64> {
        let question = Question::HeapBytes(default.name.clone());
        match self.snapshot.answers.get(&question) {
            Some(Answer::Bytes(bytes)) => Some(*bytes),
            Some(_) => Some(default.bytes),
            None => {
                draft.questions.insert(question);
                None
            }
        }
    }

    /// How rows can leave this DEFAULT partition, or why they cannot; `None` while the database has not been asked.
    fn way_out(&self, draft: &mut Draft, default: &Partition, facts: &PartitionFacts) -> Option<Result<Way, Obstacle>> {
        if let Some(obstacle) = nothing_leaves(default, facts) {
            return Some(Err(obstacle));
        }
        let published = match published(facts) {
            Ok(published) => published,
            Err(obstacle) => return Some(Err(obstacle)),
        };
        let referrers: Vec<String> = facts.referenced_by.iter().map(|referrer| referrer.table.to_string()).collect();
        let stuck: Vec<String> = facts
            .triggers
            .iter()
            .filter(|trigger| trigger.on_delete && !trigger.switchable && trigger.fires.does_on(Firing::AsUsual))
            .map(|trigger| trigger.name.to_string())
            .collect();
        let firing = if referrers.is_empty() && stuck.is_empty() { Firing::AsUsual } else { Firing::AsOnReplica };
        if firing == Firing::AsOnReplica {
            match self.snapshot.answers.get(&Question::MaySkipTriggers) {
                Some(Answer::May(true)) => {}
                Some(_) => return Some(Err(self.needs_the_right(&referrers, &stuck))),
                None => {
                    draft.questions.insert(Question::MaySkipTriggers);
                    return None;
                }
            }
        }
        let silenced = |name: &Identifier, state: TriggerState| {
            state.does_on(firing).then(|| SilencedTrigger { name: name.clone(), state })
        };
        let there = facts.triggers.iter().filter(|trigger| trigger.on_delete);
        let here = facts.triggers.iter().filter(|trigger| trigger.on_insert && published != Published::Nothing);
        let (silenced_there, silenced_here): (Vec<_>, Vec<_>) = (
            there.filter_map(|trigger| silenced(&trigger.name, trigger.fires)).collect(),
            here.filter_map(|trigger| silenced(&trigger.name, trigger.above?)).collect(),
        );
        Some(Ok(Way { silenced_there, silenced_here, published, firing }))
    }

    fn needs_the_right(&self, referrers: &[String], stuck: &[String]) -> Obstacle {
        let server = &self.snapshot.server;
        let why = match referrers.is_empty() {
            false => format!(
                "{} references them, and what it references would be deleted, with ON DELETE CASCADE its own rows as well",
                first_few(referrers, NAMED)
            ),
            true => format!("trigger {} would take them for deleted", first_few(stuck, NAMED)),
        };
        let hint = match server.version {
            since::PARAMETER_RIGHTS.. => {
                format!("GRANT SET ON PARAMETER session_replication_role TO {}", server.role)
            }
            _ => {
                "a superuser may move them: `session_replication_role` keeps foreign keys and triggers still".to_owned()
            }
        };
        Obstacle::new(why, hint)
    }
}

/// What keeps every row where it is.
pub(super) fn nothing_leaves(default: &Partition, facts: &PartitionFacts) -> Option<Obstacle> {
    let names = |names: Vec<String>| first_few(&names, NAMED);
    if matches!(default.kind, RelationKind::Foreign | RelationKind::Other) {
        return Some(Obstacle::new("it is a foreign table", "move them by hand, on both servers"));
    }
    if !facts.rules.is_empty() {
        let rules = names(facts.rules.iter().map(ToString::to_string).collect());
        let why = format!("rule {rules} may turn the move into something else");
        return Some(Obstacle::new(why, "drop the rule, or move them by hand"));
    }
    let to_itself: Vec<String> =
        facts.referenced_by.iter().filter(|by| by.to_itself).map(|by| by.table.to_string()).collect();
    if !to_itself.is_empty() {
        let why = format!("a foreign key of {} wants them in this very table", names(to_itself));
        return Some(Obstacle::new(why, "let it reference the partitioned table instead"));
    }
    let fires = facts.triggers.iter().any(|trigger| trigger.on_delete && trigger.fires != TriggerState::Disabled);
    if default.kind == RelationKind::Partitioned && fires {
        let why = "it is partitioned itself and has triggers, which may differ from one part to the next";
        return Some(Obstacle::new(why, "move them by hand"));
    }
    None
}

/// What subscribers are to see, or why they would see what is not true.
fn published(facts: &PartitionFacts) -> Result<Published, Obstacle> {
    let named = |inserts: bool| {
        let found = facts.publications.iter().filter(move |p| p.deletes && p.inserts == inserts);
        found.map(|publication| publication.name.to_string()).collect::<Vec<_>>()
    };
    let (whole, half) = (named(true), named(false));
    if !half.is_empty() {
        let why = format!("publication {} publishes DELETE and not INSERT: subscribers would lose them", half[0]);
        return Err(Obstacle::new(why, "take the table out of it, or let it publish both"));
    }
    let inserts_only = facts.publications.iter().find(|publication| publication.inserts && !publication.deletes);
    match (whole.first(), inserts_only) {
        (None, _) => Ok(Published::Nothing),
        (Some(_), None) => Ok(Published::DeletedAndInserted),
        (Some(whole), Some(other)) => {
            let other = &other.name;
            let why = format!(
                "publication {whole} needs them deleted and inserted again, and {other}, which publishes no DELETE, would \
                 double them"
            );
            Err(Obstacle::new(why, format!("take the table out of {other}, or let it publish DELETE")))
        }
    }
}

impl TriggerState {
    fn does_on(self, firing: Firing) -> bool {
        match self {
            Self::Origin => firing == Firing::AsUsual,
            Self::Replica => firing == Firing::AsOnReplica,
            Self::Always => true,
            Self::Disabled => false,
        }
    }
}
