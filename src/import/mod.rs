//! Policies for tables that have none yet: from what their partitions show, and from what another tool was told.
//!
//! Decides what a first policy says, and which setting of the other tool it cannot say. Reads no database and no file:
//! facts arrive as a snapshot, settings as data. What the policy would do is planned like any other.

mod explain;
mod grid;
mod level;
mod names;
mod partman;
mod ppm;
mod write;

use chrono_tz::Tz;

use crate::catalog::{CatalogSnapshot, RelationKind, Table};
use crate::desired::{Desired, expand};
use crate::policy::{Level, Policy, Source, check};
use crate::schedule::{Grid, Window};
use crate::sql::QualifiedName;

pub use explain::explain;
pub use partman::{PartConfig, partman_wishes};
pub use ppm::ppm_wishes;
pub use write::unwritten;

use level::LevelDraft;

/// What another tool was told about a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Wish {
    /// Whose wish it is, such as `pg_partman`.
    pub tool: &'static str,
    /// The key column.
    pub key: Option<String>,
    /// The width of partitions, as a policy writes it.
    pub every: Option<String>,
    /// How the key carries a time, as a policy writes it.
    pub encoding: Option<String>,
    /// Partitions beyond the current one.
    pub ahead: Option<u32>,
    /// What becomes of old ones.
    pub retain: Vec<Setting>,
    /// How patient it was.
    pub locks: Vec<Setting>,
    /// What a policy cannot say, a sentence each.
    pub remarks: Vec<String>,
    /// What it was told of the partitions of its partitions.
    pub below: Option<Box<Wish>>,
}

/// `key: value # remark`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    key: &'static str,
    /// As YAML.
    value: String,
    remark: Option<String>,
}

impl Setting {
    fn new(key: &'static str, value: impl Into<String>) -> Self {
        Self { key, value: value.into(), remark: None }
    }

    fn remark(mut self, remark: impl Into<String>) -> Self {
        self.remark = Some(remark.into());
        self
    }
}

/// A policy in the making.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Its table.
    pub table: QualifiedName,
    level: LevelDraft,
    create: Vec<Setting>,
    retain: Vec<Setting>,
    locks: Vec<Setting>,
    remarks: Vec<String>,
}

/// A draft, or why there is none.
pub type Drafted = Result<Draft, Unwritten>;

/// A table that gets no policy, and why: a sentence or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwritten {
    /// The table.
    pub table: QualifiedName,
    /// Why.
    pub why: Vec<String>,
}

/// A draft for every partitioned table of the snapshot.
pub fn from_database(snapshot: &CatalogSnapshot, zones: &[Tz]) -> Vec<Drafted> {
    let partitioned = snapshot.tables.iter().filter(|table| table.kind == RelationKind::Partitioned);
    partitioned.map(|table| draft(table, &Wish::default(), snapshot, zones)).collect()
}

/// A draft for every wish. A table that is itself a partition of another one is told of there.
pub fn from_wishes(wishes: &[(QualifiedName, Wish)], snapshot: &CatalogSnapshot, zones: &[Tz]) -> Vec<Drafted> {
    let is_below = |name: &QualifiedName| snapshot.tables.iter().any(|table| is_partition_of(name, table));
    let own = wishes.iter().filter(|(name, _)| !is_below(name));
    own.map(|(name, wish)| match snapshot.table(name) {
        Some(table) if table.kind == RelationKind::Partitioned => draft(table, wish, snapshot, zones),
        found => {
            let what = if found.is_some() { "is not a partitioned table" } else { "does not exist in this database" };
            let mut why = vec![format!("It {what}, so there is nothing that a policy could look after.")];
            why.extend(wish.remarks.iter().cloned());
            Err(Unwritten { table: name.clone(), why })
        }
    })
    .collect()
}

fn is_partition_of(name: &QualifiedName, table: &Table) -> bool {
    let below = |partition: &crate::catalog::Partition| {
        partition.name == *name || partition.table.as_ref().is_some_and(|table| is_partition_of(name, table))
    };
    table.partitions.iter().any(below)
}

fn draft(table: &Table, wish: &Wish, snapshot: &CatalogSnapshot, zones: &[Tz]) -> Drafted {
    let refused = |mut why: Vec<String>| {
        why.extend(wish.remarks.iter().cloned());
        Err(Unwritten { table: table.name.clone(), why })
    };
    let mut remarks = Vec::new();
    let level = match level::draft(table, wish, snapshot, zones, &mut remarks) {
        Ok(level) => level,
        Err(why) => return refused(vec![why]),
    };
    remarks.extend(wish.remarks.iter().cloned());
    let mut draft = Draft {
        table: table.name.clone(),
        level,
        create: Vec::new(),
        retain: wish.retain.clone(),
        locks: wish.locks.clone(),
        remarks,
    };
    match draft.policy() {
        Ok(policy) => {
            draft.create = create(&policy.level, table, wish, snapshot);
            draft.level.reach(&policy.level, table, wish, snapshot);
        }
        Err(why) => return refused(why),
    }
    // The settings that were added are partctl's own; a draft that they spoil is one without them.
    if draft.policy().is_err() {
        draft.create.clear();
        draft.level.forget_reach();
    }
    Ok(draft)
}

impl Draft {
    /// The policy that the draft says, or all that is wrong with it.
    ///
    /// # Errors
    /// When the language cannot say what the table is.
    pub fn policy(&self) -> Result<Policy, Vec<String>> {
        let text = self.text(&[]);
        let mut checked = check(&[Source { path: self.table.to_string(), text }]);
        let said = |problem: &crate::policy::Problem| format!("A policy cannot say it: {}.", problem.message);
        match checked.policies.pop() {
            Some(policy) if checked.problems.is_empty() => Ok(policy),
            _ => Err(checked.problems.iter().map(said).collect()),
        }
    }
}

impl LevelDraft {
    /// How far ahead the levels below are made, and when theirs end; `level` is this one, as a policy has it.
    fn reach(&mut self, level: &Level, table: &Table, wish: &Wish, snapshot: &CatalogSnapshot) {
        let inside = table.visible().filter_map(|partition| partition.table.as_deref()).last();
        let (Some(below), Some(level), Some(inside)) = (&mut self.below, &level.subpartition, inside) else { return };
        let nothing = Wish::default();
        let wish = wish.below.as_deref().unwrap_or(&nothing);
        below.create = create(level, inside, wish, snapshot);
        below.retain.clone_from(&wish.retain);
        below.reach(level, inside, wish, snapshot);
    }

    fn forget_reach(&mut self) {
        if let Some(below) = &mut self.below {
            below.create.clear();
            below.forget_reach();
        }
    }
}

/// How far ahead partitions are made: as the tool was told, else as far as they reach today.
fn create(level: &Level, table: &Table, wish: &Wish, snapshot: &CatalogSnapshot) -> Vec<Setting> {
    let partitions = |count: u32| if count == 1 { "1 partition".to_owned() } else { format!("{count} partitions") };
    if let Some(ahead) = wish.ahead {
        return vec![Setting::new("ahead", partitions(ahead))];
    }
    let Ok(Desired::Range(range)) = expand(level, table, snapshot) else { return Vec::new() };
    let Some(current) = range.now.and_then(|now| range.grid.window_at(now)) else { return Vec::new() };
    let extents: Vec<_> = table.visible().filter_map(|partition| range.extent(&partition.bound)).collect();
    let covered = |window: &Window| window.uncovered_by(extents.iter().copied()).is_empty();
    let ahead = range.grid.windows_from(current.end()).take_while(covered).take(10_000).count();
    match u32::try_from(ahead) {
        Ok(ahead) if 0 < ahead => {
            vec![Setting::new("ahead", partitions(ahead)).remark("as far as partitions reach today")]
        }
        _ => Vec::new(),
    }
}

/// Windows of a table's partitions that are finite on both sides, in order.
fn windows(table: &Table, window: impl Fn(&crate::catalog::Bound) -> Option<Window>) -> Vec<Window> {
    let mut windows: Vec<Window> = table.visible().filter_map(|partition| window(&partition.bound)).collect();
    windows.sort_by_key(|window| window.start());
    windows
}

/// The window of a grid, exactly.
fn is_on(grid: &Grid, window: Window) -> bool {
    grid.window_at(window.start()) == Some(window)
}
