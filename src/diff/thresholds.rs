//! What a policy's `check` holds its table to, and `--min-runway` all tables. Decides what is beyond a threshold, from
//! what the overview shows; plans nothing.

use chrono::{DateTime, Utc};

use super::overview::{Overview, TableOverview};
use crate::plan::{Finding, Runway, codes};
use crate::policy::{Reach, Thresholds};
use crate::schedule::Interval;
use crate::sql::QualifiedName;

/// Adds to a check's findings what is beyond a threshold. Rows in DEFAULT that the policy allows are no finding any
/// more.
pub fn thresholds(overview: &Overview, min_runway: Option<Interval>, findings: &mut Vec<Finding>) {
    for table in &overview.tables {
        findings.extend(runway(table, overview.at, min_runway));
        findings.extend(partitions(&table.table, table.thresholds, table.partitions));
        let rows = table.default.as_ref().and_then(|default| default.rows);
        if let (Some(most), Some(rows)) = (table.thresholds.default_rows, rows) {
            let allowed = rows <= u64::from(most);
            findings.retain(|found| match found.code {
                _ if found.table.as_ref() != Some(&table.table) => true,
                code if code == codes::DEFAULT_HOLDS_ROWS => false,
                code if code == codes::BEYOND_HORIZON => !allowed,
                _ => true,
            });
            findings.extend(default_rows(table));
        }
    }
}

fn runway(table: &TableOverview, at: DateTime<Utc>, min_runway: Option<Interval>) -> Option<Finding> {
    const HINT: &str = "run `partctl apply`, or raise `create.ahead`";
    let found = |message: String, evidence: [String; 2]| {
        Some(Finding::about(codes::RUNWAY, &table.table, message).measured(evidence).hint(HINT))
    };
    match (table.runway, table.thresholds.min_runway) {
        (Runway::Until(until), own) => {
            let own = own.and_then(|reach| match reach {
                Reach::Time(interval) => Some((interval, "the policy's `check.min_runway`")),
                Reach::Partitions(_) => None,
            });
            let asked = own.into_iter().chain(min_runway.map(|interval| (interval, "`--min-runway`")));
            let asked = asked.filter_map(|(interval, by)| Some((interval.after(at)?, interval, by)));
            let (_, interval, by) =
                asked.max_by_key(|(needed, _, _)| *needed).filter(|(needed, _, _)| until < *needed)?;
            let ends = until.format("%Y-%m-%d %H:%M UTC");
            let left = until.signed_duration_since(at).num_hours();
            let left = format!("runway: {} days and {} hours", left.max(0) / 24, left.max(0) % 24);
            found(
                format!("coverage ends {ends}, sooner than {interval} from now"),
                [left, format!("asked for: {interval}, by {by}")],
            )
        }
        (Runway::Partitions(count), Some(Reach::Partitions(wanted))) if count < wanted as usize => found(
            format!("coverage is {count} partitions beyond the one in use, fewer than {wanted}"),
            [
                format!("runway: {count} partitions"),
                format!("asked for: {wanted} partitions, by the policy's `check.min_runway`"),
            ],
        ),
        (Runway::None | Runway::Endless | Runway::Partitions(_), _) => None,
    }
}

/// More partitions than the policy's `check` wants.
pub(super) fn partitions(table: &QualifiedName, thresholds: Thresholds, count: usize) -> Option<Finding> {
    let most = thresholds.max_partitions.filter(|most| (*most as usize) < count)?;
    let evidence = [format!("partitions: {count}"), format!("allowed by the policy's `check.max_partitions`: {most}")];
    Some(
        Finding::about(codes::PARTITION_LIMIT, table, format!("has {count} partitions, more than {most}"))
            .measured(evidence)
            .hint("retire more, make wider partitions, or raise `check.max_partitions`"),
    )
}

fn default_rows(table: &TableOverview) -> Option<Finding> {
    let (default, most) = (table.default.as_ref()?, table.thresholds.default_rows?);
    let rows = default.rows.filter(|rows| u64::from(most) < *rows)?;
    let message = format!("DEFAULT {} holds about {rows} rows, more than {most}", default.name);
    let evidence = [
        format!("rows in {}: about {rows}", default.name),
        format!("allowed by the policy's `check.default_rows`: {most}"),
    ];
    Some(
        Finding::about(codes::DEFAULT_LIMIT, &table.table, message)
            .measured(evidence)
            .hint("rows that no other partition wanted: look at them before they block a partition to be made"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::DefaultState;
    use crate::diff::overview::tests::bare;
    use crate::plan::Severity;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// A table that lasts ten more days and has 12 rows in DEFAULT.
    fn overview(thresholds: Thresholds) -> Overview {
        let name = QualifiedName::new("shop", "orders");
        let rest = DefaultState { name: QualifiedName::new("shop", "rest"), rows: Some(12), asked_for: false };
        let orders = TableOverview {
            partitions: 31,
            runway: Runway::Until(at("2026-12-01T00:00:00Z")),
            default: Some(rest),
            thresholds,
            ..bare(name)
        };
        Overview {
            database: "appdb".to_owned(),
            server_version: 150_020,
            at: at("2026-11-21T00:00:00Z"),
            tables: vec![orders],
            detached: Vec::new(),
            errors: Vec::new(),
        }
    }

    fn found(overview: &Overview, min_runway: Option<&str>) -> Vec<Finding> {
        let table = &overview.tables[0].table;
        let mut findings =
            vec![Finding::about(codes::DEFAULT_HOLDS_ROWS, table, "DEFAULT shop.rest holds about 12 rows")];
        thresholds(overview, min_runway.map(|text| text.parse().unwrap()), &mut findings);
        findings
    }

    #[test]
    fn without_thresholds_nothing_is_added() {
        let found = found(&overview(Thresholds::default()), None);
        assert_eq!(found.iter().map(|finding| finding.code).collect::<Vec<_>>(), [codes::DEFAULT_HOLDS_ROWS]);
    }

    #[test]
    fn the_longer_of_two_runways_counts_and_says_who_asked_for_it() {
        let days = |text: &str| Some(Reach::Time(text.parse().unwrap()));
        let seen = overview(Thresholds { min_runway: days("14 days"), ..Thresholds::default() });
        for (flag, says) in
            [(None, "the policy's"), (Some("7 days"), "the policy's"), (Some("1 month"), "`--min-runway`")]
        {
            let found = found(&seen, flag);
            assert_eq!((found[1].code, found.len()), (codes::RUNWAY, 2), "{flag:?}");
            assert_eq!(found[1].evidence()[0], "runway: 10 days and 0 hours");
            assert!(found[1].evidence()[1].contains(says), "{flag:?}: {:?}", found[1].evidence());
        }
        let enough = overview(Thresholds { min_runway: days("10 days"), ..Thresholds::default() });
        assert_eq!(found(&enough, Some("3 days")).len(), 1);
    }

    #[test]
    fn on_a_number_axis_partitions_are_counted() {
        let mut seen = overview(Thresholds { min_runway: Some(Reach::Partitions(3)), ..Thresholds::default() });
        seen.tables[0].runway = Runway::Partitions(2);
        assert_eq!(
            found(&seen, Some("10 years"))[1].message,
            "coverage is 2 partitions beyond the one in use, fewer than 3"
        );
        seen.tables[0].runway = Runway::Partitions(3);
        assert_eq!(found(&seen, None).len(), 1);
    }

    #[test]
    fn rows_in_default_are_fine_up_to_the_limit_and_an_error_beyond_it() {
        let limited = |most| overview(Thresholds { default_rows: Some(most), ..Thresholds::default() });
        assert_eq!(found(&limited(12), None), []);
        let found = found(&limited(11), None);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].code, found[0].code.severity), (codes::DEFAULT_LIMIT, Severity::Error));
    }

    #[test]
    fn more_partitions_than_allowed_are_an_error() {
        let limited = |most| overview(Thresholds { max_partitions: Some(most), ..Thresholds::default() });
        assert_eq!(found(&limited(31), None).len(), 1);
        assert_eq!(found(&limited(30), None)[1].message, "has 31 partitions, more than 30");
    }
}
