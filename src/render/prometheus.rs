//! A run as Prometheus metrics, in the text format that node_exporter's textfile collector reads.
//!
//! Every series names its command, so that the files of `check` and of `apply` can lie in one folder. Of tables that
//! nobody saw there is no series: the exit code and the last success tell that, and nothing old is shown as new.

use std::io::{self, Write};

use chrono::{DateTime, Utc};

use super::run_report::{RunReport, Seen};
use crate::diff::{AxisEnd, Position, TableOverview, missing};
use crate::plan::{Runway, Severity, TablePlan};
use crate::policy::Reach;
use crate::sql::QualifiedName;

/// One metric; all of them are gauges.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it says, and in which unit.
    pub help: &'static str,
    of: Of,
}

/// What a metric has a series for.
#[derive(Debug, Clone, Copy)]
enum Of {
    /// The run.
    Run(fn(&RunReport) -> Option<f64>),
    /// Every table.
    Table(fn(&Row<'_>) -> Option<f64>),
    /// Every value of some further labels.
    Series(fn(&RunReport) -> Vec<Series>),
}

/// Further labels, and the value.
type Series = (Vec<(&'static str, String)>, f64);

/// One table.
struct Row<'a> {
    seen: &'a Seen,
    table: &'a TableOverview,
    plan: Option<&'a TablePlan>,
}

const LAST_SUCCESS: &str = "partctl_last_success_timestamp_seconds";

/// Every metric, in the order in which they are written.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "partctl_build_info",
        help: "The version of partctl that ran.",
        of: Of::Series(|_| vec![(vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0)]),
    },
    Metric {
        name: "partctl_last_run_timestamp_seconds",
        help: "When the last run ended, in seconds since 1970.",
        of: Of::Run(|run| Some(seconds(run.started_at) + run.took.as_secs_f64())),
    },
    Metric {
        name: LAST_SUCCESS,
        help: "When a run last ended with exit code 0, in seconds since 1970; 0 when none is known.",
        of: Of::Run(|run| Some(run.last_success.map_or(0.0, seconds))),
    },
    Metric {
        name: "partctl_last_run_duration_seconds",
        help: "How long the last run took.",
        of: Of::Run(|run| Some(run.took.as_secs_f64())),
    },
    Metric {
        name: "partctl_last_run_exit_code",
        help: "The exit code of the last run: 0 done, 3 findings, 4 policy, 5 unreachable, 6 busy, 7 refused, 8 locks.",
        of: Of::Run(|run| Some(run.exit_code().into())),
    },
    Metric {
        name: "partctl_last_run_steps",
        help: "Steps of the last run, by what became of them.",
        of: Of::Series(steps),
    },
    Metric {
        name: "partctl_findings",
        help: "What was found about a table, by severity; about the database as a whole where the table is empty.",
        of: Of::Series(findings),
    },
    Metric {
        name: "partctl_partitions",
        help: "Partitions, those pending detach left out.",
        of: Of::Table(|row| Some(row.table.partitions as f64)),
    },
    Metric {
        name: "partctl_max_partitions",
        help: "Most partitions that the policy allows.",
        of: Of::Table(|row| row.table.thresholds.max_partitions.map(f64::from)),
    },
    Metric {
        name: "partctl_bytes",
        help: "Estimated bytes of all partitions, with indexes and TOAST.",
        of: Of::Table(|row| Some(row.table.bytes as f64)),
    },
    Metric {
        name: "partctl_rows",
        help: "Estimated rows of the partitions that were ever counted.",
        of: Of::Table(|row| row.table.rows.map(|rows| rows as f64)),
    },
    Metric {
        name: "partctl_runway_seconds",
        help: "How long contiguous coverage lasted from the run on; less than 0: rows of now had no partition.",
        of: Of::Table(|row| match row.table.runway {
            Runway::Until(until) => Some(seconds(until) - seconds(row.seen.overview.at)),
            Runway::Endless => Some(f64::INFINITY),
            Runway::None | Runway::Partitions(_) => None,
        }),
    },
    Metric {
        name: "partctl_coverage_end_timestamp_seconds",
        help: "When contiguous coverage ends, in seconds since 1970: true also when partctl has not run for long.",
        of: Of::Table(|row| match row.table.runway {
            Runway::Until(until) => Some(seconds(until)),
            Runway::Endless => Some(f64::INFINITY),
            Runway::None | Runway::Partitions(_) => None,
        }),
    },
    Metric {
        name: "partctl_min_runway_seconds",
        help: "The shortest coverage that the policy allows.",
        of: Of::Table(|row| match row.table.thresholds.min_runway {
            Some(Reach::Time(interval)) => {
                let at = row.seen.overview.at;
                interval.after(at).map(|after| seconds(after) - seconds(at))
            }
            Some(Reach::Partitions(_)) | None => None,
        }),
    },
    Metric {
        name: "partctl_runway_partitions",
        help: "On a number axis: partitions beyond the highest key in use.",
        of: Of::Table(|row| match row.table.runway {
            Runway::Partitions(count) => Some(count as f64),
            Runway::Until(_) | Runway::Endless | Runway::None => None,
        }),
    },
    Metric {
        name: "partctl_min_runway_partitions",
        help: "On a number axis: the shortest coverage that the policy allows.",
        of: Of::Table(|row| match row.table.thresholds.min_runway {
            Some(Reach::Partitions(count)) => Some(count.into()),
            Some(Reach::Time(_)) | None => None,
        }),
    },
    Metric {
        name: "partctl_missing_partitions",
        help: "Partitions whose rows are refused, or land in DEFAULT.",
        of: Of::Table(|row| row.plan.map(|plan| missing(plan).count() as f64)),
    },
    Metric {
        name: "partctl_pending_steps",
        help: "Steps that the next apply would take.",
        of: Of::Table(|row| row.plan.map(|plan| plan.steps.len() as f64)),
    },
    Metric {
        name: "partctl_default_rows",
        help: "Estimated rows in the DEFAULT partition.",
        of: Of::Table(|row| row.table.default.as_ref().and_then(|found| found.rows).map(|rows| rows as f64)),
    },
    Metric {
        name: "partctl_max_default_rows",
        help: "Most rows in the DEFAULT partition that the policy allows.",
        of: Of::Table(|row| row.table.thresholds.default_rows.map(f64::from)),
    },
    Metric {
        name: "partctl_pending_detaches",
        help: "Partitions whose concurrent detach was interrupted.",
        of: Of::Table(|row| Some(row.table.pending_detaches as f64)),
    },
    Metric {
        name: "partctl_held_partitions",
        help: "Partitions under a hold.",
        of: Of::Table(|row| Some(row.table.held as f64)),
    },
    Metric {
        name: "partctl_detached_tables",
        help: "Tables that were detached from it by partctl, and still exist.",
        of: Of::Table(|row| Some(row.detached().count() as f64)),
    },
    Metric {
        name: "partctl_detached_bytes",
        help: "Their estimated bytes.",
        of: Of::Table(|row| Some(row.detached().map(|detached| detached.bytes).sum::<u64>() as f64)),
    },
    Metric {
        name: "partctl_oldest_bound_timestamp_seconds",
        help: "Where the oldest partition begins, in seconds since 1970.",
        of: Of::Table(|row| moment(row.table.oldest.as_ref())),
    },
    Metric {
        name: "partctl_newest_bound_timestamp_seconds",
        help: "Where the newest partition ends, in seconds since 1970.",
        of: Of::Table(|row| moment(row.table.newest.as_ref())),
    },
    Metric {
        name: "partctl_oldest_bound_key",
        help: "On a number axis: where the oldest partition begins.",
        of: Of::Table(|row| number(row.table.oldest.as_ref())),
    },
    Metric {
        name: "partctl_newest_bound_key",
        help: "On a number axis: where the newest partition ends.",
        of: Of::Table(|row| number(row.table.newest.as_ref())),
    },
    Metric {
        name: "partctl_pruning_queries",
        help: "Queries that were checked for pruning; none where nothing asked.",
        of: Of::Table(|row| row.queries(|_| true)),
    },
    Metric {
        name: "partctl_pruning_failures",
        help: "Queries that do not prune as they must.",
        of: Of::Table(|row| row.queries(|result| matches!(result.judgement, crate::pruning::Judgement::Failed(_)))),
    },
];

impl Row<'_> {
    fn detached(&self) -> impl Iterator<Item = &crate::diff::DetachedState> {
        self.seen.overview.detached.iter().filter(|detached| detached.parent == self.table.table)
    }

    fn queries(&self, counts: impl Fn(&crate::pruning::PruningResult) -> bool) -> Option<f64> {
        let mut own = self.seen.pruning.iter().filter(|result| result.table == self.table.table).peekable();
        own.peek()?;
        Some(own.filter(|result| counts(result)).count() as f64)
    }
}

fn seconds(moment: DateTime<Utc>) -> f64 {
    moment.timestamp_millis() as f64 / 1000.0
}

fn moment(end: Option<&AxisEnd>) -> Option<f64> {
    match end?.position? {
        Position::Time(moment) => Some(seconds(moment)),
        Position::Number(_) => None,
    }
}

fn number(end: Option<&AxisEnd>) -> Option<f64> {
    match end?.position? {
        Position::Number(number) => Some(number as f64),
        Position::Time(_) => None,
    }
}

fn steps(run: &RunReport) -> Vec<Series> {
    let Some(work) = &run.work else { return Vec::new() };
    let counts = [
        ("done", work.done.len()),
        ("failed", work.failed.len()),
        ("left_out", work.left_out),
        ("withheld", work.withheld.len()),
        ("put_off", work.put_off.len()),
    ];
    counts.into_iter().map(|(outcome, count)| (vec![("outcome", outcome.to_owned())], count as f64)).collect()
}

fn findings(run: &RunReport) -> Vec<Series> {
    let Some(seen) = &run.seen else { return Vec::new() };
    let tables = seen.overview.tables.iter().map(|table| Some(&table.table));
    let managed = |table: &QualifiedName| seen.overview.tables.iter().any(|managed| managed.table == *table);
    let mut series = Vec::new();
    for table in tables.chain([None]) {
        for severity in [Severity::Error, Severity::Warning, Severity::Info] {
            let about = seen.findings.iter().filter(|finding| finding.severity == severity);
            let count = about.filter(|finding| finding.table.as_ref().filter(|table| managed(table)) == table).count();
            let name = table.map(ToString::to_string).unwrap_or_default();
            series.push((vec![("table", name), ("severity", severity.as_str().to_owned())], count as f64));
        }
    }
    series
}

/// Writes the metrics of a run.
///
/// # Errors
/// Those of `out`.
pub fn prometheus(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    for metric in METRICS {
        let series = series(metric, report);
        if series.is_empty() {
            continue;
        }
        writeln!(out, "# HELP {} {}", metric.name, metric.help)?;
        writeln!(out, "# TYPE {} gauge", metric.name)?;
        for (further, value) in series {
            writeln!(out, "{}{} {}", metric.name, labels(report, &further), number_in_words(value))?;
        }
    }
    Ok(())
}

fn series(metric: &Metric, report: &RunReport) -> Vec<Series> {
    match metric.of {
        Of::Run(value) => value(report).map(|value| (Vec::new(), value)).into_iter().collect(),
        Of::Series(series) => series(report),
        Of::Table(value) => {
            let Some(seen) = &report.seen else { return Vec::new() };
            let row = |table: &TableOverview| {
                let plan = seen.plan.tables.iter().find(|plan| plan.table == table.table);
                Some((vec![("table", table.table.to_string())], value(&Row { seen, table, plan })?))
            };
            seen.overview.tables.iter().filter_map(row).collect()
        }
    }
}

fn labels(report: &RunReport, further: &[(&'static str, String)]) -> String {
    let (database, server) = report.target.as_ref().map_or(("", ""), |target| (&target.database, &target.server));
    let own = [("command", report.command), ("database", database), ("server", server)];
    let labels = own.into_iter().chain(further.iter().map(|(name, value)| (*name, value.as_str())));
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", labels.join(","))
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// To the millisecond, whole numbers without a point; Go's spelling of infinity.
fn number_in_words(value: f64) -> String {
    if value == f64::INFINITY { "+Inf".to_owned() } else { format!("{}", (value * 1000.0).round() / 1000.0) }
}

/// When a run of the same command on the same database last ended with 0, as metrics that were written before tell it.
pub fn last_success(earlier: &str, report: &RunReport) -> Option<DateTime<Utc>> {
    let series = format!("{LAST_SUCCESS}{} ", labels(report, &[]));
    let value = earlier.lines().find_map(|line| line.strip_prefix(&series))?;
    let seconds: f64 = value.trim().parse().ok().filter(|seconds| 0.0 < *seconds)?;
    DateTime::from_timestamp_millis((seconds * 1000.0) as i64)
}

#[cfg(test)]
mod tests;
