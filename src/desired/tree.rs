//! The wish, per strategy, in the terms of the table's own key.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::catalog::{Bound, Datum, KeyColumn, Partition, Question};
use crate::keys::KeyCodec;
use crate::schedule::{Edge, Extent, Grid, Point, Window, Zone};

/// What should exist below one table.
#[derive(Debug)]
pub enum Desired {
    /// Windows on an axis.
    Range(DesiredRange),
    /// Groups of values.
    List(DesiredList),
    /// Remainders.
    Hash(DesiredHash),
}

/// A grid of windows.
#[derive(Debug)]
pub struct DesiredRange {
    /// The leading column of the key, which the grid is of.
    pub column: KeyColumn,
    /// How many columns the key has beside it: they split nothing in what partctl makes.
    pub further: usize,
    /// Between bounds and points.
    pub codec: Arc<dyn KeyCodec>,
    /// The calendar's zone.
    pub zone: Zone,
    /// The zone whose clock a key without a zone shows; UTC unless the policy says.
    pub clock: Zone,
    /// The grid.
    pub grid: Grid,
    /// Where "now" lies on the axis; `None` on a number axis: there the keys in use say.
    pub now: Option<Point>,
}

impl DesiredRange {
    /// What a partition covers on the axis; `None` when its bound cannot be read.
    pub fn extent(&self, bound: &Bound) -> Option<Extent> {
        let (from, to) = bound.ends()?;
        Some(Extent { from: self.edge(from.first()?)?, to: self.edge(to.first()?)? })
    }

    /// Whether a bound is exactly one window of the grid.
    pub fn is_on_grid(&self, bound: &Bound) -> bool {
        let Some((from, to)) = bound.ends() else { return false };
        let whole = |data: &[Datum]| data.iter().skip(1).all(|datum| *datum == Datum::MinValue);
        let window = self.window(bound).filter(|_| whole(from) && whole(to));
        window.is_some_and(|window| self.grid.window_at(window.start()) == Some(window))
    }

    /// The window of a bound that is finite on both sides.
    pub fn window(&self, bound: &Bound) -> Option<Window> {
        let Extent { from, to } = self.extent(bound)?;
        Window::new(from.point()?, to.point()?)
    }

    fn edge(&self, datum: &Datum) -> Option<Edge> {
        match datum {
            Datum::MinValue => Some(Edge::Below),
            Datum::MaxValue => Some(Edge::Above),
            Datum::Null => None,
            Datum::Value(text) => self.codec.decode(text),
        }
    }

    /// The bound of a window beside these partitions. Where a key holds more than its point, a bound that touches
    /// theirs is theirs: written anew it could lie before or behind it.
    pub fn bound_beside(&self, window: Window, placed: &[(Extent, &Partition)]) -> Bound {
        let written = |point| {
            let leading = Datum::Value(self.codec.encode(point, self.zone));
            [leading].into_iter().chain(vec![Datum::MinValue; self.further]).collect()
        };
        let (mut from, mut to) = (written(window.start()), written(window.end()));
        let has_touching = 0 < self.further || self.codec.holds_more();
        let bounds = || placed.iter().filter_map(|(extent, partition)| Some((extent, partition.bound.ends()?)));
        for (extent, (lower, upper)) in bounds().filter(|_| has_touching) {
            // Of several that meet at one point, the gap is beside the one that no other continues.
            let goes_on = bounds().any(|(_, (other, _))| other == upper);
            if extent.to == Edge::At(window.start()) && !goes_on {
                from = upper.to_vec();
            }
            let comes_from = bounds().any(|(_, (_, other))| other == lower);
            if extent.from == Edge::At(window.end()) && !comes_from {
                to = lower.to_vec();
            }
        }
        Bound::Range { from, to }
    }

    /// A bound of the grid that the key cannot hold, as its wall clock reads: a key of days has no hours. Looked for
    /// among the windows from now on.
    pub(super) fn bound_that_cannot_be_written(&self) -> Option<String> {
        /// A year of months, and one more.
        const WINDOWS: usize = 13;
        let bounds = self.grid.windows_from(self.now?).take(WINDOWS).map(Window::start);
        let within = bounds.filter(|bound| self.codec.limits().contains(*bound));
        let lost = |bound: &Point| self.codec.decode(&self.codec.encode(*bound, self.zone)) != Some(Edge::At(*bound));
        let local = self.zone.local(within.into_iter().find(lost)?)?;
        Some(local.format("%Y-%m-%d %H:%M").to_string())
    }

    /// For a key of text: what the server has to sort as it stands here, or bounds mean other rows than they say.
    pub fn texts_in_order(&self) -> Option<Vec<String>> {
        /// Two years apart and some, with every digit in every place.
        const TEXTS: i128 = 64;
        const STEP: i128 = 61_803_398_874_989;
        let texts = |n| self.codec.encode(Point(n * STEP), self.zone);
        self.codec.is_text().then(|| (1..=TEXTS).map(texts).collect())
    }

    /// The instant of a point, in microseconds since the Unix epoch; on a number axis the point itself.
    pub fn instant(&self, point: Point) -> Point {
        match self.zone {
            Zone::Named(_) => point,
            Zone::WallClock => self.zone.local(point).map_or(point, |local| self.clock.point(local)),
        }
    }

    /// A point for a person.
    pub fn describe(&self, point: Point) -> String {
        self.codec.describe(point, self.zone)
    }
}

/// Groups of values.
#[derive(Debug)]
pub struct DesiredList {
    /// The key column.
    pub column: KeyColumn,
    /// One per partition.
    pub groups: Vec<DesiredGroup>,
    /// The `{value}` of the DEFAULT partition, when one is asked for.
    pub default: Option<String>,
    /// What is to be asked before the values are spelled.
    pub questions: BTreeSet<Question>,
}

/// One list partition.
#[derive(Debug)]
pub struct DesiredGroup {
    /// The `{value}` in its name.
    pub name: String,
    /// Its values, spelled as Postgres spells them, each once.
    pub values: Vec<Datum>,
}

/// Remainders 0 to `modulus - 1`.
#[derive(Debug)]
pub struct DesiredHash {
    /// How many.
    pub modulus: u32,
}

fn describe_edge(range: &DesiredRange, edge: Edge) -> String {
    match edge {
        Edge::Below => "the beginning".to_owned(),
        Edge::At(point) => range.describe(point),
        Edge::Above => "the end".to_owned(),
    }
}

impl Desired {
    /// A bound for a person: decoded where the key has a codec.
    pub fn describe_bound(&self, bound: &Bound) -> String {
        match (self, bound) {
            (_, Bound::Default) => "DEFAULT".to_owned(),
            (Self::Range(range), Bound::Range { .. }) => match range.extent(bound) {
                Some(Extent { from, to }) => format!("{} … {}", describe_edge(range, from), describe_edge(range, to)),
                None => bound.to_string(),
            },
            (_, Bound::List(values)) => {
                let shown = values.iter().map(|value| match value {
                    Datum::Value(text) => text.clone(),
                    other => other.to_string().to_lowercase(),
                });
                shown.collect::<Vec<_>>().join(", ")
            }
            (_, Bound::Hash { modulus, remainder }) => format!("remainder {remainder} of {modulus}"),
            (_, Bound::Range { .. }) => bound.to_string(),
        }
    }

    /// The range wish, when it is one.
    pub fn as_range(&self) -> Option<&DesiredRange> {
        match self {
            Self::Range(range) => Some(range),
            Self::List(_) | Self::Hash(_) => None,
        }
    }
}
