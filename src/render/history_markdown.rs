//! Past runs for a wiki page, a ticket or a report.

use std::io::{self, Write};

use super::history_table::{COLUMNS, NEVER_ENDED, NO_LEDGER, NO_RUNS, about, blocked_by, cells, ended, outcome};
use super::markdown::{code, fenced, row, text};
use crate::plan::{History, PastRun, PastStep, RunEnd};

/// Writes the runs as a table.
///
/// # Errors
/// Those of `out`.
pub fn history_markdown(history: &History, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## partctl history\n")?;
    let History::Runs(runs) = history else { return writeln!(out, "{}", text(NO_LEDGER)) };
    if runs.is_empty() {
        return writeln!(out, "{}", text(NO_RUNS));
    }
    row(COLUMNS.map(|(title, _)| title.to_lowercase()), out)?;
    let right = [0, 6, 7, 8];
    row((0..COLUMNS.len()).map(|column| if right.contains(&column) { "---:" } else { "---" }), out)?;
    runs.iter().try_for_each(|run| row(cells(run).iter().map(|cell| text(cell)), out))?;
    if runs.iter().any(|run| run.end == RunEnd::Unknown) {
        writeln!(out, "\n{}", text(NEVER_ENDED))?;
    }
    Ok(())
}

/// Writes a run with its steps.
///
/// # Errors
/// Those of `out`.
pub fn run_markdown(run: &PastRun, steps: &[PastStep], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## partctl run {}: {}\n", run.id, text(&outcome(run)))?;
    about(run).iter().try_for_each(|(label, what)| writeln!(out, "- {label}: {}", text(what)))?;
    for step in steps {
        writeln!(out, "\n### {} {}\n\n{}", text(&step.kind), code(&step.target), text(&ended(step)))?;
        step.error.iter().try_for_each(|error| writeln!(out, "\n**error** {}", text(error)))?;
        for blocker in &step.blockers {
            writeln!(out, "\n- blocked {}: {}", text(&blocked_by(blocker)), code(&blocker.query))?;
        }
        step.sql.iter().try_for_each(|sql| write!(out, "\n{}", fenced("sql", sql)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;

    #[test]
    fn runs_stand_in_a_table_and_steps_below_their_run() {
        let mut out = Vec::new();
        history_markdown(&History::Runs(samples::past_runs()), &mut out).unwrap();
        run_markdown(&samples::past_runs()[1], &samples::past_steps(), &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        ## partctl history

        | run | started | role | from | version | outcome | done | failed | took |
        | ---: | --- | --- | --- | --- | --- | ---: | ---: | ---: |
        | 12 | 2026-11-21 03:00Z | partctl | ada@db1.example | 0.1.0 | running | 3 | 0 | 3 min 10 s |
        | 11 | 2026-11-21 03:00Z | partctl | ada@db1.example | 0.1.0 | lock timeout | 1 | 1 | 10 min |
        | 10 | 2026-11-21 03:00Z | partctl | ada@db1.example | 0.1.0 | never ended | 1,204 | 0 | – |
        | 9 | 2026-11-21 03:00Z | shop\|\\u{1b}\[2J | – | 0.1.0 | done | 3 | 0 | 500 ms |

        A run that never ended was killed or lost its connection, unless it is still running out of sight; what it did is recorded with its steps.
        ## partctl run 11: lock timeout

        - started: 2026-11-21 03:00:00 UTC, partctl 0.1.0
        - by: role partctl
        - from: ada@db1.example
        - told: --allow-destroy --deadline '1200 seconds'
        - ended: 2026-11-21 03:10:00 UTC after 10 min: lock timeout
        - steps: 1 done, 1 failed, 1 left out

        ### create `shop.orders_2027_03`

        done in 7 ms

        ```sql
        CREATE TABLE shop.orders_2027_03 (LIKE shop.orders INCLUDING ALL EXCLUDING IDENTITY);
        ALTER TABLE shop.orders ATTACH PARTITION shop.orders_2027_03 FOR VALUES FROM ('2027-03-01') TO ('2027-04-01');
        ```

        ### detach `shop.orders_2024_10`

        failed after 10 min (55P03)

        **error** locks not granted within 10 min

        - blocked by pid 4711, role report, application "reporting", idle in transaction since 2026-11-21 02:41:07 UTC, held ACCESS SHARE on shop.orders: `select * from shop.orders order by order_date`

        ```sql
        ALTER TABLE shop.orders DETACH PARTITION shop.orders_2024_10 CONCURRENTLY;
        ```
        "#);
    }
}
