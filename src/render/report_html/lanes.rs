//! What is drawn of a table: blocks along its axis, as wide as they are long and as high as they are large.

use crate::catalog::{Bound, Partition, RelationKind, Table};
use crate::diff::{Fate, Place, Stretch};
use crate::render::{amounts, style};
use crate::schedule::Extent;

/// Most blocks of one table: more cannot be told apart on a screen, so neighbours that are alike share one.
const MOST_BLOCKS: usize = 240;
/// Widest and narrowest block, in parts of a usual one.
const WIDTHS: std::ops::RangeInclusive<f64> = 0.5..=4.0;

/// One block.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Block {
    /// What colours it.
    pub(super) state: State,
    /// All that is known of it, in one line.
    pub(super) label: String,
    /// Its share of the lane.
    pub(super) grow: f64,
    /// Bytes of one partition in it.
    pub(super) bytes: u64,
}

/// What a block is, for colour and legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Past,
    Current,
    Ahead,
    Expiring,
    Held,
    Pending,
    Gap,
    Default,
    Plain,
}

impl State {
    pub(super) const ALL: [(Self, &'static str, &'static str); 9] = [
        (Self::Past, "past", "past"),
        (Self::Current, "current", "current"),
        (Self::Ahead, "ahead", "ahead"),
        (Self::Expiring, "expiring", "retires next"),
        (Self::Held, "held", "held"),
        (Self::Pending, "pending", "detach was interrupted"),
        (Self::Gap, "gap", "gap"),
        (Self::Default, "default", "DEFAULT"),
        (Self::Plain, "plain", "partition"),
    ];

    /// Its class in the page, and its name in the legend.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        let (_, class, legend) = Self::ALL[self as usize];
        (class, legend)
    }

    fn of(stretch: &Stretch) -> Self {
        match (&stretch.partition, stretch.fate, stretch.place) {
            (None, ..) => Self::Gap,
            (_, Fate::PendingDetach, _) => Self::Pending,
            (_, Fate::Held, _) => Self::Held,
            (_, Fate::Expiring, _) => Self::Expiring,
            (_, Fate::Stays, Place::Past) => Self::Past,
            (_, Fate::Stays, Place::Current) => Self::Current,
            (_, Fate::Stays, Place::Ahead) => Self::Ahead,
        }
    }
}

/// The blocks of a table along its axis.
pub(super) fn of_timeline(timeline: &[Stretch]) -> Vec<Block> {
    let mut lengths: Vec<f64> = timeline.iter().filter_map(length).collect();
    lengths.sort_by(f64::total_cmp);
    let usual = lengths.get(lengths.len() / 2).copied().unwrap_or(1.0).max(1.0);
    let per_block = timeline.len().div_ceil(MOST_BLOCKS).max(1);
    let alike = timeline.chunk_by(|a, b| State::of(a) == State::of(b) && State::of(a) != State::Current);
    alike.flat_map(|run| run.chunks(per_block)).map(|run| block(run, usual)).collect()
}

fn block(run: &[Stretch], usual: f64) -> Block {
    let (first, last) = (&run[0], &run[run.len() - 1]);
    let state = State::of(first);
    let name = match (&first.partition, run.len()) {
        (None, _) => "gap".to_owned(),
        (Some(partition), 1) => style::plain(&partition.name.to_string()),
        (Some(_), count) => style::plural(count, "partition"),
    };
    let bytes: u64 = run.iter().map(|stretch| stretch.bytes).sum();
    let rows = run.iter().filter_map(|stretch| stretch.rows).reduce(|sum, rows| sum + rows);
    let mut parts = vec![name, style::plain(&format!("{} … {}", first.from, last.to)), state.words().1.to_owned()];
    if state != State::Gap {
        parts.push(amounts::bytes(bytes));
        parts.extend(rows.map(|rows| format!("{} rows", amounts::count(rows))));
    }
    let grow = run.iter().map(|stretch| length(stretch).map_or(1.0, |length| length / usual));
    let grow = grow.map(|part| part.clamp(*WIDTHS.start(), *WIDTHS.end())).sum();
    Block { state, label: parts.join(", "), grow, bytes: bytes / run.len() as u64 }
}

/// Its length on the axis, where it has two ends.
fn length(stretch: &Stretch) -> Option<f64> {
    let Extent { from, to } = stretch.extent;
    Some((to.point()?.0 - from.point()?.0) as f64)
}

/// The blocks of a table that has no axis: one after the other, DEFAULT last.
pub(super) fn of_partitions(table: &Table) -> Vec<Block> {
    let mut partitions: Vec<&Partition> = table.partitions.iter().collect();
    partitions.sort_by(|a, b| (&a.bound, &a.name).cmp(&(&b.bound, &b.name)));
    let block = |partition: &&Partition| {
        let state = match (&partition.bound, partition.pending_detach) {
            (_, true) => State::Pending,
            (Bound::Default, _) => State::Default,
            _ => State::Plain,
        };
        let kind = if partition.kind == RelationKind::Foreign { ", foreign table" } else { "" };
        let rows = partition.rows.map(|rows| format!(", {} rows", amounts::count(rows))).unwrap_or_default();
        let label = format!(
            "{}, {}, {}{rows}{kind}",
            style::plain(&partition.name.name.to_string()),
            style::plain(&partition.bound.to_string()),
            amounts::bytes(partition.bytes)
        );
        Block { state, label, grow: 1.0, bytes: partition.bytes }
    };
    partitions.iter().take(MOST_BLOCKS).map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Edge, Point};
    use crate::sql::QualifiedName;

    fn stretch(n: i128, length: i128, place: Place) -> Stretch {
        Stretch {
            partition: Some(QualifiedName::new("shop", format!("p{n}"))),
            from: n.to_string(),
            to: (n + length).to_string(),
            extent: Extent { from: Edge::At(Point(n)), to: Edge::At(Point(n + length)) },
            bytes: 1_000_000,
            rows: Some(10),
            place,
            fate: Fate::Stays,
        }
    }

    #[test]
    fn a_block_is_as_wide_as_its_time_within_reason() {
        let timeline = [(0, 10), (10, 10), (20, 10), (30, 20), (50, 100_000)].map(|(n, l)| stretch(n, l, Place::Past));
        let grow: Vec<f64> = of_timeline(&timeline).iter().map(|block| block.grow).collect();
        assert_eq!(grow, [1.0, 1.0, 1.0, 2.0, 4.0]);
    }

    #[test]
    fn ten_thousand_partitions_share_blocks_with_their_like() {
        let place = |n| {
            if n < 9_000 {
                Place::Past
            } else if n == 9_000 {
                Place::Current
            } else {
                Place::Ahead
            }
        };
        let timeline: Vec<Stretch> = (0..10_000).map(|n| stretch(n, 1, place(n))).collect();
        let blocks = of_timeline(&timeline);
        assert!(blocks.len() <= MOST_BLOCKS + 3, "{}", blocks.len());
        assert_eq!(blocks.iter().filter(|block| block.state == State::Current).count(), 1);
        assert!(blocks[0].label.starts_with("42 partitions, 0 … 42, past, "), "{}", blocks[0].label);
        assert_eq!(blocks[0].bytes, 1_000_000);
    }
}
