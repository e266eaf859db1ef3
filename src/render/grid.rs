//! Columns under headings that fit the screen: on a narrow one some are given up, and at last the widest cells are
//! cut short.

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::peaker::Priority;
use tabled::settings::{Alignment, Padding, Style, Width};

use super::style::width;

/// The lines, headings first. `given_up` names the columns that a narrower and narrower screen goes without; its first
/// entry is none of them.
pub(super) fn grid<const N: usize>(
    headings: &[(&str, Alignment); N],
    given_up: &[&[usize]],
    rows: &[[String; N]],
    room: usize,
) -> Vec<String> {
    let fitting = given_up.iter().find_map(|given_up| {
        [3, 2]
            .into_iter()
            .map(|gap| columns(headings, given_up, rows, gap, usize::MAX))
            .find(|lines| lines.iter().all(|line| width(line) <= room))
    });
    fitting.unwrap_or_else(|| columns(headings, given_up.last().copied().unwrap_or_default(), rows, 2, room))
}

/// The table without the columns that are given up; the widest cells are cut short where it is wider than the room.
fn columns<const N: usize>(
    headings: &[(&str, Alignment); N],
    given_up: &[usize],
    rows: &[[String; N]],
    gap: usize,
    room: usize,
) -> Vec<String> {
    let kept: Vec<usize> = (0..N).filter(|column| !given_up.contains(column)).collect();
    let mut builder = Builder::default();
    builder.push_record(kept.iter().map(|column| headings[*column].0));
    for row in rows {
        builder.push_record(kept.iter().map(|column| row[*column].as_str()));
    }
    let mut table = builder.build();
    table.with(Style::empty()).with(Padding::new(0, gap, 0, 0));
    for (position, column) in kept.iter().enumerate() {
        table.modify(Columns::one(position), headings[*column].1);
    }
    if room < usize::MAX {
        table.with(Width::truncate(room).suffix("…").priority(Priority::max(true)));
    }
    table.to_string().lines().map(|line| line.trim_end().to_owned()).collect()
}
