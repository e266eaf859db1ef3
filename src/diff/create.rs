//! A partition to be made: whether its name is to be had, what it is given, and what becomes of rows that DEFAULT holds of
//! it. Which ones are wanted, the rules decide.

use super::branch::NewPartition;
use super::move_rows::InDefault;
use super::properties::carried;
use super::{Draft, Situation};
use crate::catalog::{Answer, Bound, Partition, Question};
use crate::desired::{Label, partition_name};
use crate::keys::has_one_order;
use crate::plan::steps::{CheckAhead, CreatePartition, CreateReason};
use crate::plan::{Finding, Step, codes};
use crate::sql::{Identifier, QualifiedName};

/// Bytes of a table that are read within some milliseconds even from a slow disk.
pub(super) const SCANNED_IN_NO_TIME: u64 = 1 << 20;

impl<'a> Situation<'a> {
    /// Adds the creation of a partition, with the move of rows that DEFAULT holds of it, unless its name is taken or the
    /// rows must stay; puts the questions that decide this.
    pub fn create(&self, draft: &mut Draft, label: Label<'_>, bound: Bound, reason: CreateReason) {
        let name = partition_name(self.level, &self.table.name, label);
        if let Some(taken) = self.name_is_taken(draft, &name, &bound) {
            draft.findings.push(taken);
            return;
        }
        let range = self.desired.describe_bound(&bound);
        let in_default = self.in_default(draft, &bound, &range);
        let spares_default = match in_default {
            InDefault::NobodyKnows => return,
            InDefault::Rows { .. } => None,
            InDefault::Nothing => self.check_ahead(draft, &name, &bound),
        };
        let create = self.new_leaf(name, bound, reason);
        let name = &create.partition;
        draft.new_names.insert(name.clone());
        let branch = match self.new_partition(draft, name, create.tablespace.clone(), &create.bound) {
            NewPartition::Leaf => None,
            NewPartition::Branch(branch) => Some(branch),
            NewPartition::Obstructed => return,
        };
        let create = CreatePartition { spares_default, branch, ..create };
        match in_default {
            InDefault::Rows { default, condition, rows } => self.move_rows(draft, create, default, condition, rows),
            _ => draft.steps.push(Step::Create(create)),
        }
    }

    /// A new partition as the policy wants it, without partitions of its own.
    pub(super) fn new_leaf(&self, name: QualifiedName, bound: Bound, reason: CreateReason) -> CreatePartition {
        let table = self.table;
        CreatePartition {
            around: self.surroundings(),
            root: self.root.name.clone(),
            found_by: self.found_by(&bound),
            range: self.desired.describe_bound(&bound),
            carried: carried(self, &name.schema),
            partition: name,
            bound,
            reason,
            owner: self.owner_if_another(),
            tablespace: self.level.placement.tablespace.clone().or_else(|| table.tablespace.clone()),
            access_method: table.access_method.clone(),
            spares_default: None,
            branch: None,
        }
    }

    /// The table's owner, when the session's role is another.
    pub(super) fn owner_if_another(&self) -> Option<Identifier> {
        (self.table.owner != self.snapshot.server.role).then(|| self.table.owner.clone())
    }

    /// A condition by which a partition with this bound is found while planning, whatever the collations.
    fn found_by(&self, bound: &Bound) -> Option<String> {
        let key = &self.table.key.as_ref()?.columns;
        bound.found_by(key).filter(|_| key.iter().all(|column| has_one_order(&column.type_name)))
    }

    /// What keeps a partition with this bound from having this name; puts the question.
    pub(super) fn name_is_taken(&self, draft: &mut Draft, name: &QualifiedName, bound: &Bound) -> Option<Finding> {
        let taken = if draft.new_names.contains(name) {
            "another new partition gets the same name"
        } else if self.is_known_free(name) {
            return None;
        } else {
            let question = Question::NameTaken(name.clone());
            match self.snapshot.answers.get(&question) {
                Some(Answer::Taken(true)) => "something else has that name already",
                Some(_) => return None,
                None => {
                    draft.questions.insert(question);
                    return None;
                }
            }
        };
        let message = format!("cannot make {name} ({}): {taken}", self.desired.describe_bound(bound));
        let finding = Finding::about(codes::NAME_TAKEN, &self.table.name, message);
        Some(finding.hint("rename what has that name, or set another `name` in the policy"))
    }

    /// Whether what has the name now is partctl's own: what was left half built is taken away by this plan, and a split
    /// that an earlier run has begun goes on, or is taken back first.
    fn is_known_free(&self, name: &QualifiedName) -> bool {
        let mut splits = self.table.partitions.iter().filter_map(|partition| partition.split.as_ref());
        self.is_discarded(name) || splits.any(|split| split.partitions.contains(name))
    }

    /// Whether this plan takes away what has the name now: what was left half built, and is empty.
    fn is_discarded(&self, name: &QualifiedName) -> bool {
        let mut left = self.snapshot.unfinished.iter();
        left.any(|branch| (branch.name == *name || branch.below.contains(name)) && self.is_known_empty(branch))
    }

    /// Which rows belong to a partition with this bound, put to the DEFAULT partition; `None` when there is none.
    pub(super) fn rows_in_default(&self, bound: &Bound) -> Option<(&'a Partition, Question)> {
        let (default, key) = (self.table.default_partition()?, self.table.key.as_ref()?);
        bound.predicate(&key.columns)?;
        let question =
            Question::RowsInDefault { default: default.name.clone(), key: key.columns.clone(), bound: bound.clone() };
        Some((default, question))
    }

    /// What spares the scan of DEFAULT under its lock, unless that scan is over in no time.
    pub(super) fn check_ahead(
        &self,
        draft: &mut Draft,
        partition: &QualifiedName,
        bound: &Bound,
    ) -> Option<CheckAhead> {
        let (default, rows) = self.rows_in_default(bound)?;
        let question = Question::HeapBytes(default.name.clone());
        match self.snapshot.answers.get(&question) {
            Some(Answer::Bytes(bytes)) if *bytes <= SCANNED_IN_NO_TIME => return None,
            Some(_) => {}
            None => drop(draft.questions.insert(question)),
        }
        Some(CheckAhead::excluding(&default.name, partition, &rows.predicate_sql()?))
    }
}
