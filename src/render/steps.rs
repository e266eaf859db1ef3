//! Steps as aligned lines: everything on one line where the screen is wide enough, the reason beside or below it
//! where it is not.

use std::io::{self, Write};

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Padding, Style};

use super::amounts;
use super::plan_report::{Shown, more, shortened};
use super::style::{Screen, Tone, name, name_beside, plain, width, wrap};
use crate::plan::steps::{AttachPartition, CreatePartition, DropTable, Published, SetDefaultAside};
use crate::plan::{Step, StepKind, Surroundings};
use crate::sql::QualifiedName;

/// How the steps' targets are named.
#[derive(Debug, Clone, Copy)]
pub(super) enum Naming<'a> {
    /// Beside the table that they belong to.
    Beside(&'a QualifiedName),
    /// In full.
    Full,
}

/// Longest list of values that a range shows.
const RANGE_WIDTH: usize = 48;
const INDENT: usize = 2;
/// The columns of bytes and rows.
const AMOUNTS: [usize; 2] = [2, 3];

/// What a line shows, one text per column.
struct Cells {
    verb: String,
    texts: [String; 5],
}

impl Cells {
    fn of(step: &Step, naming: Naming<'_>) -> Self {
        let target = match naming {
            Naming::Beside(table) => name_beside(step.target(), table),
            Naming::Full => name(step.target()),
        };
        let (bytes, rows) = step.volume();
        Self {
            verb: format!("{} {}", step.kind().sign(), step.kind().as_str()),
            texts: [
                target,
                range(step),
                bytes.map(amounts::bytes).unwrap_or_default(),
                rows.map(amounts::count).unwrap_or_default(),
                plain(&step.reason()),
            ],
        }
    }

    fn reason(&self) -> &str {
        &self.texts[4]
    }
}

/// The step's range for a person, a long list of values cut short.
pub(super) fn range(step: &Step) -> String {
    let range = plain(&step.range());
    if width(&range) <= RANGE_WIDTH {
        return range;
    }
    let mut cut = String::new();
    for c in range.chars() {
        if RANGE_WIDTH - 2 < width(&cut) + width(c.encode_utf8(&mut [0; 4])) {
            break;
        }
        cut.push(c);
    }
    format!("{} …", cut.trim_end_matches([',', ' ']))
}

/// Writes the steps, indented, long series shortened.
pub(super) fn write(steps: &[&Step], naming: Naming<'_>, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let shown = shortened(steps);
    let cells: Vec<Cells> = shown
        .iter()
        .filter_map(|shown| match shown {
            Shown::Step(step) => Some(Cells::of(step, naming)),
            Shown::More { .. } => None,
        })
        .collect();
    let layout = layout(&cells, screen.room(INDENT));
    let mut lines = layout.lines.into_iter();
    let mut told: Vec<StepKind> = Vec::new();
    for shown in &shown {
        match shown {
            Shown::More { count, kind } => {
                writeln!(out, "{:INDENT$}{}", "", screen.paint(Tone::Quiet, &more(*count, *kind)))?;
            }
            Shown::Step(step) => {
                let lines = lines.next().expect("one per step");
                let (verb, rest) = lines[0].split_at(verb_length(step.kind()));
                writeln!(out, "{:INDENT$}{}{rest}", "", screen.paint(tone(step.kind()), verb))?;
                for line in &lines[1..] {
                    writeln!(out, "{:INDENT$}{}", "", screen.paint(Tone::Quiet, line))?;
                }
                if let (Some(caution), false) = (caution(step), told.contains(&step.kind())) {
                    told.push(step.kind());
                    let indent = INDENT + layout.target_at;
                    for line in wrap(&format!("! {caution}"), screen.room(indent)) {
                        writeln!(out, "{:indent$}{}", "", screen.paint(Tone::Warning, &line))?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// What others may notice of a step, when they may.
pub(super) fn caution(step: &Step) -> Option<String> {
    match step {
        Step::SetAside(step) => Some(format!(
            "until it is back, within {}, rows that fit no other partition are refused (23514); readers of {} wait \
             while it is taken away",
            amounts::timeout(SetDefaultAside::LONGEST),
            name(&step.around.parent)
        )),
        Step::Detach(step) => {
            let Surroundings { parent, default: Some(default), .. } = &step.around else { return None };
            Some(format!(
                "not CONCURRENTLY, which Postgres refuses beside DEFAULT {}: readers of {} wait while it is locked",
                name_beside(&default.name, parent),
                name(parent)
            ))
        }
        Step::Create(CreatePartition { around, spares_default: Some(check), .. })
        | Step::Attach(AttachPartition { around, spares_default: Some(check), .. }) => Some(format!(
            "DEFAULT {} is read first, beside readers and writers: it must hold no such row, and takes none meanwhile",
            name_beside(&check.table, &around.parent)
        )),
        Step::Move(step) => Some(format!(
            "their rows leave DEFAULT {} in the same transaction; {}",
            name_beside(&step.default, &step.create.around.parent),
            match step.published {
                Published::Nothing => "readers wait only while the partition is attached",
                Published::DeletedAndInserted => "they are published as deleted and inserted, so readers wait as well",
            }
        )),
        Step::Split(step) => Some(match step.rest {
            Some(_) => format!(
                "all of DEFAULT {} is copied, also what stays, and needs that room on the disk once more; a new DEFAULT takes \
                 its name",
                name_beside(&step.old, &step.around.parent)
            ),
            None => "all of it is copied, and needs that room on the disk once more".to_owned(),
        }),
        Step::Drop(DropTable { foreign_keys, .. }) if !foreign_keys.is_empty() => {
            let tables: Vec<String> = foreign_keys.iter().map(|key| name(&key.table)).collect();
            Some(format!(
                "its foreign keys go first, each by itself, so that at no time more than one of these is locked: {}",
                tables.join(", ")
            ))
        }
        _ => None,
    }
}

fn verb_length(kind: StepKind) -> usize {
    2 + kind.as_str().len()
}

fn tone(kind: StepKind) -> Tone {
    match kind {
        StepKind::Finalize | StepKind::Record | StepKind::Remove | StepKind::Discard => Tone::Fix,
        StepKind::Match | StepKind::Move | StepKind::Split | StepKind::Analyze => Tone::Fix,
        StepKind::Create | StepKind::Attach | StepKind::BringBack => Tone::Create,
        StepKind::SetAside | StepKind::Detach | StepKind::Archive | StepKind::Relocate => Tone::Detach,
        StepKind::Drop | StepKind::DeleteArchive => Tone::Drop,
    }
}

/// Every step's lines, and the column in which the targets stand.
struct Layout {
    lines: Vec<Vec<String>>,
    target_at: usize,
}

/// The widest layout that fits: all on one line, the reason beside or below, or everything below the target.
fn layout(cells: &[Cells], room: usize) -> Layout {
    let fits = |lines: &[String]| lines.iter().all(|line| width(line) <= room);
    let verbs = cells.iter().map(|cells| cells.verb.len()).max().unwrap_or_default();
    for gap in [3, 2] {
        let whole = grid(cells, 5, gap);
        if fits(&whole) {
            return Layout { lines: whole.into_iter().map(|line| vec![line]).collect(), target_at: verbs + gap };
        }
    }
    let indent = verbs + 2;
    let below = |text: &str| -> Vec<String> {
        let room = room.saturating_sub(indent).max(20);
        wrap(text, room).into_iter().map(|line| format!("{:indent$}{line}", "")).collect()
    };
    let with_reason = |(line, cells): (String, &Cells)| {
        let beside = format!("{line}  {}", cells.reason());
        if width(&beside) <= room { vec![beside] } else { [vec![line], below(cells.reason())].concat() }
    };
    let stacked = |cells: &Cells| {
        let rows = if cells.texts[3].is_empty() { String::new() } else { format!("{} rows", cells.texts[3]) };
        let facts = [&cells.texts[1], &cells.texts[2], &rows, &cells.texts[4]].map(String::as_str);
        let facts: Vec<&str> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
        let first = format!("{:<indent$}{}", cells.verb, cells.texts[0]);
        [vec![first], below(&facts.join(" · "))].concat()
    };
    let lean = grid(cells, 4, 2);
    let lines = if fits(&lean) {
        lean.into_iter().zip(cells).map(with_reason).collect()
    } else {
        cells.iter().map(stacked).collect()
    };
    Layout { lines, target_at: indent }
}

/// The first columns of every line, aligned; a column that is empty everywhere takes no room.
fn grid(cells: &[Cells], columns: usize, gap: usize) -> Vec<String> {
    let filled: Vec<usize> =
        (0..columns).filter(|column| cells.iter().any(|cells| !cells.texts[*column].is_empty())).collect();
    let mut builder = Builder::default();
    for cells in cells {
        let texts = filled.iter().map(|column| cells.texts[*column].as_str());
        builder.push_record(std::iter::once(cells.verb.as_str()).chain(texts));
    }
    let mut table = builder.build();
    table.with(Style::empty()).with(Padding::new(0, gap, 0, 0));
    for (position, column) in filled.iter().enumerate() {
        if AMOUNTS.contains(column) {
            table.modify(Columns::one(position + 1), Alignment::right());
        }
    }
    table.to_string().lines().map(|line| line.trim_end().to_owned()).collect()
}
