//! A step: one thing done to one partition, in a DBA's language. The arms below only forward; each kind is a file
//! in `steps/`.

use std::borrow::Cow;

use super::steps::{
    AnalyzeParent, AnalyzeReason, ArchiveTable, AttachPartition, Away, BringDefaultBack, CreatePartition,
    DeleteArchive, DetachPartition, DiscardBranch, DiscardSplit, DropTable, FinalizeDetach, MatchProperties, MoveRows,
    RecordDetach, RecordedChange, RelocateTable, RemoveCheck, SetDefaultAside, SplitPartition,
};
use super::{Action, Lock};
use crate::sql::QualifiedName;

/// What is done.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Ends a concurrent detach that was interrupted.
    Finalize(FinalizeDetach),
    /// Writes down a detach whose end was not recorded.
    Record(RecordDetach),
    /// Takes away a constraint that was left behind.
    Remove(RemoveCheck),
    /// Takes away a branch that was left half built.
    Discard(DiscardBranch),
    /// Takes back a split that was not ended.
    DiscardSplit(DiscardSplit),
    /// Makes a partition.
    Create(CreatePartition),
    /// Makes a partition and moves rows into it.
    Move(MoveRows),
    /// Makes several partitions out of one.
    Split(Box<SplitPartition>),
    /// Puts a table back in its place.
    Attach(AttachPartition),
    /// Takes DEFAULT away for a moment.
    SetAside(SetDefaultAside),
    /// Takes a partition out of its table.
    Detach(DetachPartition),
    /// Attaches DEFAULT again.
    BringBack(BringDefaultBack),
    /// Takes a detached table's rows into an archive.
    Archive(ArchiveTable),
    /// Puts a detached table into another place.
    Relocate(RelocateTable),
    /// Drops a detached table.
    Drop(DropTable),
    /// Deletes an archive.
    DeleteArchive(DeleteArchive),
    /// Gives an old partition what it lacks.
    Match(MatchProperties),
    /// Gathers the statistics of the table as a whole.
    Analyze(AnalyzeParent),
}

/// The kinds, in the order of their usual [`Phase`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepKind {
    /// [`Step::Finalize`]
    Finalize,
    /// [`Step::Record`]
    Record,
    /// [`Step::Remove`]
    Remove,
    /// [`Step::Discard`]
    Discard,
    /// [`Step::Create`]
    Create,
    /// [`Step::Move`]
    Move,
    /// [`Step::Split`]
    Split,
    /// [`Step::Attach`]
    Attach,
    /// [`Step::SetAside`]
    SetAside,
    /// [`Step::Detach`]
    Detach,
    /// [`Step::BringBack`]
    BringBack,
    /// [`Step::Archive`]
    Archive,
    /// [`Step::Relocate`]
    Relocate,
    /// [`Step::Drop`]
    Drop,
    /// [`Step::DeleteArchive`]
    DeleteArchive,
    /// [`Step::Match`]
    Match,
    /// [`Step::Analyze`]
    Analyze,
}

/// When a step is carried out: every table's earlier phase comes before any table's later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// What an earlier run left unfinished.
    Finish,
    /// What is missing.
    Create,
    /// What is over.
    Retire,
    /// What is better done on a table that stands as it shall.
    Maintain,
}

impl StepKind {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::Finalize,
        Self::Record,
        Self::Remove,
        Self::Discard,
        Self::Create,
        Self::Move,
        Self::Split,
        Self::Attach,
        Self::SetAside,
        Self::Detach,
        Self::BringBack,
        Self::Archive,
        Self::Relocate,
        Self::Drop,
        Self::DeleteArchive,
        Self::Match,
        Self::Analyze,
    ];

    /// The verb.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finalize => "finalize",
            Self::Record => "record",
            Self::Remove => "remove",
            Self::Discard => "discard",
            Self::Create => "create",
            Self::Move => "move",
            Self::Split => "split",
            Self::Attach => "attach",
            Self::SetAside => "set aside",
            Self::Detach => "detach",
            Self::BringBack => "bring back",
            Self::Archive => "archive",
            Self::Relocate => "relocate",
            Self::Drop => "drop",
            Self::DeleteArchive => "delete archive",
            Self::Match => "match",
            Self::Analyze => "analyze",
        }
    }

    /// The sign that carries the meaning without colour.
    pub fn sign(self) -> char {
        match self {
            Self::Finalize | Self::Record | Self::Remove | Self::Discard => '*',
            Self::Move | Self::Split | Self::Match | Self::Analyze => '*',
            Self::Create | Self::Attach | Self::BringBack => '+',
            Self::SetAside | Self::Detach | Self::Relocate => '~',
            Self::Archive => '=',
            Self::Drop | Self::DeleteArchive => '-',
        }
    }
}

impl Step {
    /// Its kind.
    pub fn kind(&self) -> StepKind {
        match self {
            Self::Finalize(_) => StepKind::Finalize,
            Self::Record(_) => StepKind::Record,
            Self::Remove(_) => StepKind::Remove,
            Self::Discard(_) | Self::DiscardSplit(_) => StepKind::Discard,
            Self::Create(_) => StepKind::Create,
            Self::Move(_) => StepKind::Move,
            Self::Split(_) => StepKind::Split,
            Self::Attach(_) => StepKind::Attach,
            Self::SetAside(_) => StepKind::SetAside,
            Self::Detach(_) => StepKind::Detach,
            Self::BringBack(_) => StepKind::BringBack,
            Self::Archive(_) => StepKind::Archive,
            Self::Relocate(_) => StepKind::Relocate,
            Self::Drop(_) => StepKind::Drop,
            Self::DeleteArchive(_) => StepKind::DeleteArchive,
            Self::Match(_) => StepKind::Match,
            Self::Analyze(_) => StepKind::Analyze,
        }
    }

    /// When it is carried out.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Finalize(_) | Self::Record(_) | Self::Remove(_) | Self::Discard(_) | Self::DiscardSplit(_) => {
                Phase::Finish
            }
            Self::BringBack(step) if step.away == Away::SinceAnEarlierRun => Phase::Finish,
            Self::Create(_) | Self::Move(_) | Self::Split(_) | Self::Attach(_) => Phase::Create,
            Self::SetAside(_)
            | Self::Detach(_)
            | Self::BringBack(_)
            | Self::Archive(_)
            | Self::Relocate(_)
            | Self::Drop(_)
            | Self::DeleteArchive(_) => Phase::Retire,
            Self::Match(_) | Self::Analyze(_) => Phase::Maintain,
        }
    }

    /// Whether it retires something, or only makes sense after that.
    pub fn goes_with_retirement(&self) -> bool {
        match self {
            Self::Analyze(step) => step.why == AnalyzeReason::Retirement,
            _ => self.phase() == Phase::Retire,
        }
    }

    /// The partition or table it is about.
    pub fn target(&self) -> &QualifiedName {
        match self {
            Self::Finalize(step) => &step.partition,
            Self::Record(step) => &step.table,
            Self::Remove(step) => step.table(),
            Self::Discard(step) => &step.table,
            Self::DiscardSplit(step) => &step.old,
            Self::Create(step) => &step.partition,
            Self::Move(step) => &step.create.partition,
            Self::Split(step) => &step.old,
            Self::Attach(step) => &step.table,
            Self::SetAside(step) => &step.default,
            Self::Detach(step) => &step.partition,
            Self::BringBack(step) => &step.default,
            Self::Archive(step) => &step.table,
            Self::Relocate(step) => &step.table,
            Self::Drop(step) => &step.table,
            Self::DeleteArchive(step) => &step.table,
            Self::Match(step) => &step.partition,
            Self::Analyze(step) => &step.table,
        }
    }

    /// What the target holds, for a person: `2027-03-01 … 2027-04-01`.
    pub fn range(&self) -> Cow<'_, str> {
        let range = match self {
            Self::Finalize(step) => &step.range,
            Self::Record(step) => &step.range,
            Self::Remove(step) => &step.range,
            Self::Discard(_) => "half built",
            Self::Create(step) => return step.range(),
            Self::Move(step) => return step.create.range(),
            Self::DiscardSplit(step) => &step.into,
            Self::Split(step) => &step.into,
            Self::Attach(step) => &step.range,
            Self::SetAside(step) => &step.range,
            Self::Detach(step) => &step.range,
            Self::BringBack(step) => &step.range,
            Self::Archive(step) => &step.range,
            Self::Relocate(step) => &step.range,
            Self::Drop(step) => &step.range,
            Self::DeleteArchive(step) => &step.range,
            Self::Match(step) => &step.range,
            Self::Analyze(step) => step.range(),
        };
        Cow::Borrowed(range)
    }

    /// The partitions that it makes.
    pub fn made(&self) -> &[CreatePartition] {
        match self {
            Self::Create(step) => std::slice::from_ref(step),
            Self::Move(step) => std::slice::from_ref(&step.create),
            Self::Split(step) => &step.partitions,
            _ => &[],
        }
    }

    /// Why, as a fragment.
    pub fn reason(&self) -> Cow<'_, str> {
        match self {
            Self::Finalize(_) => "a concurrent detach was interrupted".into(),
            Self::Record(step) => match step.change {
                RecordedChange::Detached => "its detach was not recorded".into(),
                RecordedChange::AttachedAgain => "attached again: its grace is forgotten".into(),
            },
            Self::Remove(_) => "a constraint that a run left behind".into(),
            Self::Discard(_) => "a run that was stopped left it behind".into(),
            Self::DiscardSplit(_) => "a split that was not ended, and is not wanted like this any more".into(),
            Self::Create(step) => step.reason.to_string().into(),
            Self::Move(step) => step.reason().into(),
            Self::Split(step) => step.reason().into(),
            Self::Attach(step) => step.reason.as_str().into(),
            Self::SetAside(step) => format!("empty, and {} leave", step.detaches).into(),
            Self::Detach(step) => step.reason.as_str().into(),
            Self::BringBack(step) => step.reason().into(),
            Self::Archive(step) => step.reason().into(),
            Self::Relocate(step) => step.reason().into(),
            Self::Drop(step) => step.reason.as_str().into(),
            Self::DeleteArchive(step) => step.reason.as_str().into(),
            Self::Match(step) => step.reason().into(),
            Self::Analyze(step) => step.reason().into(),
        }
    }

    /// Bytes and rows that leave their place, estimated, as far as known.
    pub fn volume(&self) -> (Option<u64>, Option<u64>) {
        match self {
            Self::Finalize(_)
            | Self::Record(_)
            | Self::Remove(_)
            | Self::Discard(_)
            | Self::DiscardSplit(_)
            | Self::Create(_)
            | Self::SetAside(_)
            | Self::BringBack(_)
            | Self::Match(_)
            | Self::Analyze(_) => (None, None),
            Self::Move(step) => (None, Some(step.rows)),
            Self::Split(step) => (Some(step.bytes), step.rows),
            Self::Attach(step) => (Some(step.bytes), None),
            Self::Detach(step) => (Some(step.bytes), step.rows),
            Self::Archive(step) => (Some(step.bytes), step.rows),
            Self::Relocate(step) => (Some(step.bytes), step.rows),
            Self::Drop(step) => (Some(step.bytes), None),
            Self::DeleteArchive(step) => (Some(step.bytes), Some(step.rows)),
        }
    }

    /// Every lock on a relation that exists before the step, its strongest mode, in the order in which they are taken.
    pub fn locks(&self) -> Vec<Lock> {
        let mut locks: Vec<Lock> = Vec::new();
        for lock in self.actions().iter().flat_map(Action::locks) {
            match locks.iter_mut().find(|known| known.relation == lock.relation) {
                Some(known) => known.mode = known.mode.max(lock.mode),
                None => locks.push(lock.clone()),
            }
        }
        locks
    }

    /// What the executor does.
    pub fn actions(&self) -> Vec<Action> {
        match self {
            Self::Finalize(step) => step.actions(),
            Self::Record(step) => step.actions(),
            Self::Remove(step) => step.actions(),
            Self::Discard(step) => step.actions(),
            Self::DiscardSplit(step) => step.actions(),
            Self::Create(step) => step.actions(),
            Self::Move(step) => step.actions(),
            Self::Split(step) => step.actions(),
            Self::Attach(step) => step.actions(),
            Self::SetAside(step) => step.actions(),
            Self::Detach(step) => step.actions(),
            Self::BringBack(step) => step.actions(),
            Self::Archive(step) => step.actions(),
            Self::Relocate(step) => step.actions(),
            Self::Drop(step) => step.actions(),
            Self::DeleteArchive(step) => step.actions(),
            Self::Match(step) => step.actions(),
            Self::Analyze(step) => step.actions(),
        }
    }

    /// What takes away the traces of a step that failed after some of its actions were done.
    pub fn clean_up(&self) -> Vec<Action> {
        match self {
            Self::Create(step) => step.clean_up(),
            Self::Attach(step) => step.clean_up(),
            Self::Split(step) => step.clean_up(),
            Self::Finalize(_)
            | Self::Record(_)
            | Self::Remove(_)
            | Self::Discard(_)
            | Self::DiscardSplit(_)
            | Self::Move(_)
            | Self::SetAside(_)
            | Self::Detach(_)
            | Self::BringBack(_)
            | Self::Archive(_)
            | Self::Relocate(_)
            | Self::Drop(_)
            | Self::DeleteArchive(_)
            | Self::Match(_)
            | Self::Analyze(_) => Vec::new(),
        }
    }

    /// How to take it back, as SQL or a fragment.
    pub fn undo(&self) -> String {
        match self {
            Self::Match(step) => step.undo(),
            Self::Finalize(_)
            | Self::Record(_)
            | Self::Remove(_)
            | Self::Discard(_)
            | Self::DiscardSplit(_)
            | Self::Analyze(_) => "nothing to take back".to_owned(),
            Self::Attach(step) => format!("ALTER TABLE {} DETACH PARTITION {}", step.around.parent, step.table),
            Self::Create(step) => format!("DROP TABLE {}", step.partition),
            Self::Move(step) => step.undo(),
            Self::Split(step) => step.undo(),
            Self::SetAside(step) => {
                format!("ALTER TABLE {} ATTACH PARTITION {} DEFAULT", step.around.parent, step.default)
            }
            Self::BringBack(step) => format!("ALTER TABLE {} DETACH PARTITION {}", step.around.parent, step.default),
            Self::Detach(step) => {
                format!("ALTER TABLE {} ATTACH PARTITION {} {}", step.around.parent, step.partition, step.bound)
            }
            Self::Archive(_) => "nothing to take back: the table stays as it is".to_owned(),
            Self::Relocate(step) => step.undo(),
            Self::Drop(step) => step.undo().to_owned(),
            Self::DeleteArchive(_) => "none: an archive that is deleted is gone".to_owned(),
        }
    }
}
