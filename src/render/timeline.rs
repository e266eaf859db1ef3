//! A table's partitions on one line: past ones as blocks by their size, now as a bar, those ahead as dots.

use super::style::{Screen, Tone, plain, width};
use crate::diff::{Fate, Place, Stretch};

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const NOW: char = '│';

/// One column of the line: a stretch, or several neighbours where the screen is too narrow.
struct Cell<'a>(&'a [Stretch]);

impl Cell<'_> {
    fn is_gap(&self) -> bool {
        self.0.iter().any(|stretch| stretch.partition.is_none())
    }

    fn fate(&self) -> Fate {
        self.0.iter().map(|stretch| stretch.fate).max().unwrap_or(Fate::Stays)
    }

    fn bytes(&self) -> u64 {
        self.0.iter().map(|stretch| stretch.bytes).sum::<u64>() / self.0.len().max(1) as u64
    }

    fn sign(&self, largest: u64) -> char {
        if self.is_gap() {
            '!'
        } else if self.fate() == Fate::PendingDetach {
            '*'
        } else if self.0.iter().all(|stretch| stretch.place == Place::Ahead) {
            '·'
        } else {
            BLOCKS[(u128::from(self.bytes()) * 7).div_ceil(u128::from(largest.max(1))).min(7) as usize]
        }
    }

    fn mark(&self) -> char {
        match self.fate() {
            Fate::Stays | Fate::PendingDetach => ' ',
            Fate::Held => 'h',
            Fate::Expiring => '~',
        }
    }
}

/// The timeline of a table beside its name, and below it the marks when there are any.
pub(super) fn lines(name: &str, name_width: usize, stretches: &[Stretch], screen: Screen) -> Vec<String> {
    let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else { return Vec::new() };
    let (from, to) = (plain(&first.from), plain(&last.to));
    let head = format!("{name}{:pad$}  {from} ", "", pad = name_width.saturating_sub(width(name)));
    let room = screen.room(width(&head) + 1 + width(&to) + 1);
    let ahead = stretches.iter().position(|stretch| stretch.place == Place::Ahead).unwrap_or(stretches.len());
    let (begun, ahead) = stretches.split_at(ahead);
    let cells = |per_cell: usize| (cells(begun, per_cell), cells(ahead, per_cell));
    let per_cell = (1..=stretches.len()).find(|per_cell| {
        let (begun, ahead) = cells(*per_cell);
        begun.len() + ahead.len() <= room
    });
    let (begun, ahead) = cells(per_cell.unwrap_or(stretches.len()));
    let largest = begun.iter().map(Cell::bytes).max().unwrap_or_default();
    let signs = |cells: &[Cell<'_>]| cells.iter().map(|cell| cell.sign(largest)).collect::<String>();
    let marks = |cells: &[Cell<'_>]| cells.iter().map(Cell::mark).collect::<String>();
    let mut lines = vec![format!("{head}{}{NOW}{} {to}", signs(&begun), signs(&ahead))];
    let marks = format!("{} {}", marks(&begun), marks(&ahead));
    if !marks.trim().is_empty() {
        let marks = format!("{:indent$}{}", "", marks.trim_end(), indent = width(&head));
        lines.push(screen.paint(Tone::Detach, &marks));
    }
    lines
}

fn cells(stretches: &[Stretch], per_cell: usize) -> Vec<Cell<'_>> {
    stretches.chunks(per_cell).map(Cell).collect()
}

/// What the signs mean that these timelines use.
pub(super) fn legend<'a>(stretches: impl Iterator<Item = &'a Stretch>) -> String {
    let stretches: Vec<&Stretch> = stretches.collect();
    let any = |holds: fn(&Stretch) -> bool| stretches.iter().any(|stretch| holds(stretch));
    let signs = [
        (true, "│ now"),
        (any(|stretch| stretch.place == Place::Ahead), "· ahead"),
        (any(|stretch| stretch.fate == Fate::Expiring), "~ expiring"),
        (any(|stretch| stretch.fate == Fate::Held), "h held"),
        (any(|stretch| stretch.partition.is_none()), "! gap"),
        (any(|stretch| stretch.fate == Fate::PendingDetach), "* pending detach"),
    ];
    let used: Vec<&str> = signs.into_iter().filter(|(used, _)| *used).map(|(_, sign)| sign).collect();
    used.join("   ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::style::Colour;
    use crate::schedule::{Edge, Extent};
    use crate::sql::QualifiedName;

    fn stretch(n: usize, bytes: u64, place: Place) -> Stretch {
        Stretch {
            partition: Some(QualifiedName::new("shop", format!("p{n}"))),
            from: format!("{n}"),
            to: format!("{}", n + 1),
            extent: Extent { from: Edge::Below, to: Edge::Above },
            bytes,
            rows: None,
            place,
            fate: Fate::Stays,
        }
    }

    fn growing(begun: usize, ahead: usize) -> Vec<Stretch> {
        let place = |n| if n < begun { Place::Past } else { Place::Ahead };
        (0..begun + ahead).map(|n| stretch(n, n as u64 * 1_000_000, place(n))).collect()
    }

    fn shown(stretches: &[Stretch], width: usize) -> String {
        lines("shop.orders", 13, stretches, Screen { width, colour: Colour::Never }).join("\n")
    }

    #[test]
    fn blocks_grow_with_size_and_marks_stand_below() {
        let mut stretches = growing(9, 3);
        stretches[0].fate = Fate::Expiring;
        stretches[2].fate = Fate::Held;
        stretches[3].fate = Fate::PendingDetach;
        stretches[5].partition = None;
        insta::assert_snapshot!(shown(&stretches, 80), @"
        shop.orders    0 ▁▂▃*▅!▇██│··· 12
                         ~ h
        ");
        assert_eq!(legend(stretches.iter()), "│ now   · ahead   ~ expiring   h held   ! gap   * pending detach");
    }

    #[test]
    fn a_narrow_screen_merges_neighbours_and_never_across_now() {
        let stretches = growing(400, 7);
        let line = shown(&stretches, 80);
        assert!(width(&line) <= 80, "{line}");
        insta::assert_snapshot!(line, @"shop.orders    0 ▂▂▂▂▂▂▂▃▃▃▃▃▃▃▄▄▄▄▄▄▄▅▅▅▅▅▅▅▆▆▆▆▆▆▆▇▇▇▇▇▇▇████████│· 407");
        assert_eq!(width(&shown(&stretches, 1000)), 13 + 2 + 2 + 400 + 1 + 7 + 4);
    }

    #[test]
    fn empty_partitions_and_no_partitions_are_drawn_without_harm() {
        assert_eq!(shown(&[], 80), "");
        assert_eq!(shown(&[stretch(0, 0, Place::Current), stretch(1, 0, Place::Ahead)], 80), "shop.orders    0 ▁│· 2");
    }
}
