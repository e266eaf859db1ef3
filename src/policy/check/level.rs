//! A level of partitioning: its grid, how far it reaches and when it ends, and the level below it.
//!
//! The outermost level has its grid under `partition`, and `create` and `retain` at the top of the document; a level
//! below it has all of them in one place, under `subpartition`.

use crate::policy::model::{Create, Level, Partitioning, Retain, Then};
use crate::policy::name_template::{NameTemplate, Segment};

use super::partition::{self, Axis, Partition};
use super::report::Report;
use super::section::Section;
use super::{create, reach, retain, rules};

/// A level, as far as it could be read.
pub(super) struct ReadLevel {
    axis: Option<Axis>,
    partition: Option<Partition>,
    create: Create,
    retain: Option<Retain>,
    below: Option<Box<ReadLevel>>,
}

/// Reads the outermost level, and those below it.
pub(super) fn read(root: &Section<'_>, grid: Option<&Section<'_>>, report: &mut Report<'_>) -> ReadLevel {
    read_one(root, grid, report)
}

fn read_one(home: &Section<'_>, grid: Option<&Section<'_>>, report: &mut Report<'_>) -> ReadLevel {
    let mut partition = grid.map(|grid| partition::read(grid, report));
    let axis = partition.as_ref().and_then(|partition| partition.axis);
    let create = create::read(home, axis, report);
    if let Some(partition) = &mut partition {
        create::agree(home, &create, &mut partition.partitioning, report);
    }
    let retain = retain::read(home, axis, report);
    reach::judge(home, &create, retain.as_ref(), axis, report);
    let below = grid.and_then(|grid| {
        grid.optional("subpartition", report, |node, report| {
            let section = Section::open(node, &partition::SUBPARTITION, report)?;
            let below = read_one(&section, Some(&section), report);
            tell_apart(&section, &below, partition.as_ref(), report);
            Some(Box::new(below))
        })
    });
    let level = ReadLevel { axis, partition, create, retain, below };
    refuse_retain(home, &level, report);
    level
}

/// `retain` where partitions have no before and no after; from defaults it is merely of no use.
fn refuse_retain(home: &Section<'_>, level: &ReadLevel, report: &mut Report<'_>) {
    let (Some(axis), Some(entry)) = (level.axis.filter(|axis| !axis.ages()), home.own("retain")) else { return };
    let strategy = axis.strategy();
    if level.below().any(ReadLevel::ages) {
        let message = format!("`retain` does not go with `{strategy}`: its partitions do not age");
        let hint = "write it under `subpartition`, beside the grid whose partitions do";
        report.hinted(rules::CONTRADICTION, &entry.key_span, message, hint);
    } else if axis == Axis::Hash {
        let message = "`retain` does not go with `hash`: its partitions do not age";
        report.problem(rules::CONTRADICTION, &entry.key_span, message);
    } else {
        let message = "`retain` for list partitions is not supported by this version of partctl yet";
        report.problem(rules::NOT_YET, &entry.key_span, message);
    }
}

/// Partitions of different parents need different names, and a key that all rows of a parent have alike divides nothing.
fn tell_apart(section: &Section<'_>, below: &ReadLevel, above: Option<&Partition>, report: &mut Report<'_>) {
    let Some(partition) = &below.partition else { return };
    let names_parent = |template: &NameTemplate| {
        template.segments().iter().any(|segment| matches!(segment, Segment::Table | Segment::Parent))
    };
    if let (Some(template), Some(entry)) = (&partition.placement.name, section.get("name"))
        && !names_parent(template)
    {
        let message = "partitions of different parents would have the same name";
        let hint = "write `{table}` for the name of the partition above, as in `{table}_p{remainder}`";
        report.hinted(rules::NAME_TEMPLATE, &entry.value.span, message, hint);
    }
    let (Some(own), Some(above)) = (&partition.partitioning, above.and_then(|above| above.partitioning.as_ref()))
    else {
        return;
    };
    let repeats = match (above, own) {
        (Partitioning::Hash(above), Partitioning::Hash(own)) => above.key == own.key,
        (Partitioning::List(above), Partitioning::List(own)) => above.key == own.key,
        _ => false,
    };
    let strategy = below.axis.map_or("", Axis::strategy);
    if let Some(entry) = section.get(strategy).filter(|_| repeats) {
        let message = format!("the level above is by {strategy} of the same key");
        report.hinted(rules::SUBPARTITION, &entry.value.span, message, "name another column");
    }
}

impl ReadLevel {
    fn ages(&self) -> bool {
        self.axis.is_some_and(Axis::ages)
    }

    fn below(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(self.below.as_deref(), |level| level.below.as_deref())
    }

    /// The axis that holds and runways are reckoned on: that of the outermost level that has one. `None` while it is not
    /// known.
    pub fn reckoned_on(&self) -> Option<Axis> {
        let levels = || [self].into_iter().chain(self.below());
        if levels().any(|level| level.axis.is_none()) {
            return None;
        }
        levels().find(|level| level.ages()).unwrap_or(self).axis
    }

    /// What becomes of what this level and those below it retire.
    pub fn thens(&self) -> impl Iterator<Item = Then> {
        [self].into_iter().chain(self.below()).filter_map(|level| Some(level.retain.as_ref()?.then))
    }

    /// The level, when everything in it is in order.
    pub fn whole(self) -> Option<Level> {
        let partition = self.partition?;
        let subpartition = match self.below {
            Some(below) => Some(Box::new(below.whole()?)),
            None => None,
        };
        Some(Level {
            partitioning: partition.partitioning?,
            placement: partition.placement,
            create: self.create,
            retain: self.retain,
            subpartition,
        })
    }
}
