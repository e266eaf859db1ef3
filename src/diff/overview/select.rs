//! Which tables a reader wants to see, and in which order. Changes nothing about them.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use super::{Overview, TableOverview};
use crate::plan::Runway;
use crate::schedule::Interval;
use crate::sql::QualifiedName;

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selection {
    /// What stands first.
    pub order: Order,
    /// Only tables whose coverage ends sooner than this.
    pub runway_below: Option<Interval>,
    /// Whether only tables are shown that something is wrong with.
    pub trouble_only: bool,
    /// At most so many tables, the first of the order.
    pub limit: Option<usize>,
}

/// The order of tables; where it says nothing, their names do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By name.
    #[default]
    Name,
    /// The largest first.
    Size,
    /// The one with the most rows first.
    Rows,
    /// The one with the most partitions first.
    Partitions,
    /// The one whose coverage ends first.
    Runway,
    /// The one with the most rows in DEFAULT first.
    DefaultRows,
    /// The one that was worked on last first.
    LastApply,
}

impl Overview {
    /// What the selection leaves: tables, and what belongs to them.
    #[must_use]
    pub fn select(mut self, selection: &Selection) -> Self {
        let before = self.tables.len();
        let below = selection.runway_below.and_then(|interval| interval.after(self.at));
        let troubled: Vec<QualifiedName> = self.troubled().cloned().collect();
        self.tables.retain(|table| {
            below.is_none_or(|below| ends_before(table, below))
                && (!selection.trouble_only || troubled.contains(&table.table))
        });
        match selection.order {
            Order::Name => {}
            Order::Size => self.tables.sort_by_key(|table| Reverse(table.bytes)),
            Order::Rows => self.tables.sort_by_key(|table| Reverse(table.rows)),
            Order::Partitions => self.tables.sort_by_key(|table| Reverse(table.partitions)),
            Order::Runway => self.tables.sort_by_key(|table| soonest(table.runway)),
            Order::DefaultRows => self.tables.sort_by_key(|table| Reverse(default_rows(table))),
            Order::LastApply => {
                self.tables.sort_by_key(|table| Reverse(table.last_apply.as_ref().map(|last| last.at)));
            }
        }
        self.tables.truncate(selection.limit.unwrap_or(usize::MAX));
        if self.tables.len() < before {
            let shown = |table: &QualifiedName| self.tables.iter().any(|shown| shown.table == *table);
            self.detached.retain(|detached| shown(&detached.parent));
            self.errors.retain(|finding| finding.table.as_ref().is_none_or(shown));
        }
        self
    }

    /// Tables with an error, without a partition for now, with a detach that was interrupted, with rows in DEFAULT that
    /// nobody asked for, or whose last step failed.
    fn troubled(&self) -> impl Iterator<Item = &QualifiedName> {
        let wrong = |table: &&TableOverview| {
            let unwanted = table.default.as_ref().is_some_and(|default| !default.asked_for);
            self.errors.iter().any(|finding| finding.table.as_ref() == Some(&table.table))
                || ends_before(table, self.at)
                || 0 < table.pending_detaches
                || unwanted && 0 < default_rows(table)
                || table.last_apply.as_ref().is_some_and(|last| last.failed)
        };
        self.tables.iter().filter(wrong).map(|table| &table.table)
    }
}

fn ends_before(table: &TableOverview, moment: DateTime<Utc>) -> bool {
    match table.runway {
        Runway::Until(until) => until <= moment,
        Runway::Partitions(left) => left == 0,
        Runway::None | Runway::Endless => false,
    }
}

/// Coverage that ends by the clock comes first, then numbers, then what never ends, then what has no end.
fn soonest(runway: Runway) -> (u8, Option<DateTime<Utc>>, usize) {
    match runway {
        Runway::Until(until) => (0, Some(until), 0),
        Runway::Partitions(left) => (1, None, left),
        Runway::Endless => (2, None, 0),
        Runway::None => (3, None, 0),
    }
}

fn default_rows(table: &TableOverview) -> u64 {
    table.default.as_ref().and_then(|default| default.rows).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::overview::tests::bare;
    use crate::diff::{DefaultState, LastApply};
    use crate::plan::{Finding, codes};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Four tables: one that runs out, one of numbers with rows in DEFAULT, one that never ends, one of another kind.
    fn overview() -> Overview {
        let table = |name: &str, bytes: u64, runway: Runway| TableOverview {
            bytes,
            runway,
            ..bare(QualifiedName::new("shop", name))
        };
        let name = QualifiedName::new("shop", "rest");
        let default = Some(DefaultState { name, rows: Some(12), asked_for: false });
        Overview {
            database: "appdb".to_owned(),
            server_version: 150_020,
            at: at("2026-11-21T00:00:00Z"),
            tables: vec![
                TableOverview { rows: Some(5), ..table("a", 1, Runway::None) },
                TableOverview { default, partitions: 9, ..table("b", 3, Runway::Partitions(2)) },
                table("c", 4, Runway::Until(at("2026-12-01T00:00:00Z"))),
                TableOverview {
                    last_apply: Some(LastApply { at: at("2026-11-20T00:00:00Z"), run: 1, failed: false }),
                    ..table("d", 2, Runway::Endless)
                },
            ],
            detached: Vec::new(),
            errors: Vec::new(),
        }
    }

    fn names(overview: Overview, selection: Selection) -> String {
        let tables = overview.select(&selection).tables;
        tables.iter().map(|table| table.table.name.as_str().to_owned()).collect()
    }

    #[test]
    fn every_order_puts_first_what_it_is_about_and_then_the_names() {
        let orders = [
            (Order::Name, "abcd"),
            (Order::Size, "cbda"),
            (Order::Rows, "abcd"),
            (Order::Partitions, "bacd"),
            (Order::Runway, "cbda"),
            (Order::DefaultRows, "bacd"),
            (Order::LastApply, "dabc"),
        ];
        for (order, expected) in orders {
            assert_eq!(names(overview(), Selection { order, ..Selection::default() }), expected, "{order:?}");
        }
        let largest = Selection { order: Order::Size, limit: Some(2), ..Selection::default() };
        assert_eq!(names(overview(), largest), "cb");
    }

    #[test]
    fn a_short_runway_is_one_by_the_clock_or_none_at_all() {
        let below = |text: &str| Selection { runway_below: text.parse().ok(), ..Selection::default() };
        assert_eq!(names(overview(), below("9 days")), "");
        assert_eq!(names(overview(), below("10 days")), "c");
        let mut used_up = overview();
        used_up.tables[1].runway = Runway::Partitions(0);
        assert_eq!(names(used_up, below("10 days")), "bc");
    }

    #[test]
    fn trouble_is_what_somebody_should_look_at() {
        let trouble = Selection { trouble_only: true, ..Selection::default() };
        assert_eq!(names(overview(), trouble), "b");
        let mut worse = overview();
        worse.tables[3].last_apply.as_mut().unwrap().failed = true;
        worse.errors = vec![Finding::about(codes::TABLE_MISSING, &worse.tables[0].table, "does not exist")];
        worse.tables[2].pending_detaches = 1;
        assert_eq!(names(worse.clone(), trouble), "abcd");
        let left = worse.select(&Selection { runway_below: "10 days".parse().ok(), ..Selection::default() });
        assert_eq!(left.errors, [], "an error of a table that is not shown");
    }
}
