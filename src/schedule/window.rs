//! Points, edges and half-open windows on the axis of a partition key, and what a set of them leaves uncovered.
//!
//! An axis is a line of integers: microseconds since 1970-01-01 00:00 UTC for `timestamptz`, the same in local
//! (wall clock) time for `timestamp` and `date`, the value itself for integers. Codecs translate; nothing here does.

use std::fmt;

/// A position on the axis of a partition key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point(pub i128);

impl fmt::Debug for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One end of what a partition covers: `MINVALUE` and `-infinity` are [`Edge::Below`], `MAXVALUE` and `infinity`
/// are [`Edge::Above`]. The derived order is the order on the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edge {
    /// Before every point.
    Below,
    /// At this point.
    At(Point),
    /// After every point.
    Above,
}

impl Edge {
    /// The point, when the edge is finite.
    pub fn point(self) -> Option<Point> {
        match self {
            Self::At(point) => Some(point),
            Self::Below | Self::Above => None,
        }
    }
}

/// What an existing partition covers: `from` inclusive, `to` exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Extent {
    /// Inclusive lower edge.
    pub from: Edge,
    /// Exclusive upper edge.
    pub to: Edge,
}

/// A finite half-open window, never empty: `start < end`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    start: Point,
    end: Point,
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:?}, {:?})", self.start, self.end)
    }
}

impl Window {
    /// The window between two points, or `None` when it would be empty.
    pub fn new(start: Point, end: Point) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// Inclusive start.
    pub fn start(self) -> Point {
        self.start
    }

    /// Exclusive end.
    pub fn end(self) -> Point {
        self.end
    }

    /// Whether the point lies inside.
    pub fn contains(self, point: Point) -> bool {
        self.start <= point && point < self.end
    }

    /// The part of the window that lies inside the other one.
    pub fn intersect(self, other: Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// The same window as an extent.
    pub fn extent(self) -> Extent {
        Extent { from: Edge::At(self.start), to: Edge::At(self.end) }
    }

    /// The parts of this window that none of the extents covers, in order.
    ///
    /// The extents may come in any order and may overlap or be empty.
    pub fn uncovered_by(self, extents: impl IntoIterator<Item = Extent>) -> Vec<Self> {
        let mut extents: Vec<Extent> = extents.into_iter().filter(|extent| extent.from < extent.to).collect();
        extents.sort();
        let mut gaps = Vec::new();
        let mut covered_to = self.start;
        for extent in extents {
            if let Edge::At(from) = extent.from {
                gaps.extend(Self::new(covered_to, from.min(self.end)));
            } else if extent.from == Edge::Above {
                break;
            }
            covered_to = match extent.to {
                Edge::At(to) => covered_to.max(to),
                Edge::Above => return gaps,
                Edge::Below => covered_to,
            };
        }
        gaps.extend(Self::new(covered_to, self.end));
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start: i128, end: i128) -> Window {
        Window::new(Point(start), Point(end)).unwrap()
    }

    #[test]
    fn an_empty_or_inverted_window_cannot_be_made() {
        assert_eq!(Window::new(Point(3), Point(3)), None);
        assert_eq!(Window::new(Point(4), Point(3)), None);
    }

    #[test]
    fn gaps_lie_before_between_and_after_the_extents() {
        let gaps = window(0, 100).uncovered_by([window(40, 50).extent(), window(10, 20).extent()]);
        assert_eq!(gaps, [window(0, 10), window(20, 40), window(50, 100)]);
    }

    #[test]
    fn overlapping_and_nested_extents_leave_one_gap_each_side() {
        let gaps = window(0, 10).uncovered_by([window(2, 8).extent(), window(3, 4).extent(), window(7, 9).extent()]);
        assert_eq!(gaps, [window(0, 2), window(9, 10)]);
    }

    #[test]
    fn unbounded_extents_cover_to_their_end() {
        let below = Extent { from: Edge::Below, to: Edge::At(Point(5)) };
        let above = Extent { from: Edge::At(Point(7)), to: Edge::Above };
        assert_eq!(window(0, 10).uncovered_by([above, below]), [window(5, 7)]);
        let beyond = Extent { from: Edge::Above, to: Edge::Above };
        assert_eq!(window(0, 10).uncovered_by([beyond]), [window(0, 10)]);
    }

    #[test]
    fn extents_outside_the_window_do_not_matter() {
        assert_eq!(window(10, 20).uncovered_by([window(0, 5).extent(), window(25, 30).extent()]), [window(10, 20)]);
    }
}
