//! The plan as a comment under a pull request: what a reviewer decides by stands open, the SQL is folded away.

use std::io::{self, Write};

use super::findings;
use super::locks;
use super::markdown::{code, fenced, row, text};
use super::plan_report::{PlanReport, Shown, headline, moment, more, shortened};
use super::plan_sql;
use super::steps::{caution, range};
use super::style::{name, name_beside};
use super::{amounts, style};
use crate::plan::{Moment, Severity, Step, TablePlan};
use crate::sql::QualifiedName;

/// Longest script that is folded into the comment, in bytes: comments end at 65,536 characters.
const SCRIPT_LIMIT: usize = 40_000;

/// Writes the plan as markdown.
///
/// # Errors
/// Those of `out`.
pub fn plan_markdown(report: &PlanReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let plan = report.plan;
    let simulated = if report.moment == Moment::Simulated { ", simulated" } else { "" };
    writeln!(out, "## partctl plan: {}\n", code(&plan.database))?;
    writeln!(out, "**{}**  \n{}{simulated}\n", text(&report.summary()), moment(plan.at))?;
    for table in plan.tables.iter().filter(|table| !table.steps.is_empty()) {
        write_table(report, table, out)?;
    }
    write_rest(report, out)?;
    write_findings(report, out)?;
    for sentence in locks::sentences(plan) {
        writeln!(out, "{}\n", text(&sentence))?;
    }
    if !plan.is_empty() {
        write_script(report, out)?;
    }
    Ok(())
}

fn write_table(report: &PlanReport<'_>, table: &TablePlan, out: &mut dyn Write) -> io::Result<()> {
    let parts = headline(table, report.plan.at);
    writeln!(out, "### {}\n\n{}\n", code(&parts[0]), text(&parts[1..].join(" · ")))?;
    let steps: Vec<&Step> = table.steps.iter().collect();
    write_steps(&steps, |target| name_beside(target, &table.table), out)?;
    if let Some(caution) = table.steps.iter().find_map(caution) {
        writeln!(out, "⚠ {}\n", text(&caution))?;
    }
    Ok(())
}

fn write_steps(steps: &[&Step], named: impl Fn(&QualifiedName) -> String, out: &mut dyn Write) -> io::Result<()> {
    row(["", "partition", "range", "size", "rows", "why"], out)?;
    row(["---", "---", "---", "---:", "---:", "---"], out)?;
    for shown in shortened(steps) {
        match shown {
            Shown::Step(step) => {
                let (bytes, rows) = step.volume();
                let verb = format!("{} {}", code(&step.kind().sign().to_string()), step.kind().as_str());
                let cells = [
                    verb,
                    code(&named(step.target())),
                    text(&range(step)),
                    bytes.map(amounts::bytes).unwrap_or_default(),
                    rows.map(amounts::count).unwrap_or_default(),
                    text(&step.reason()),
                ];
                row(cells, out)?;
            }
            Shown::More { count, kind } => row(["", &text(&more(count, kind)), "", "", "", ""], out)?,
        }
    }
    writeln!(out)
}

/// The tables without steps, in one paragraph.
fn write_rest(report: &PlanReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rest: Vec<&TablePlan> = report.plan.tables.iter().filter(|table| table.steps.is_empty()).collect();
    let (blocked, converged): (Vec<&TablePlan>, Vec<&TablePlan>) =
        rest.into_iter().partition(|table| super::plan_report::has_errors(table));
    for (word, tables) in [("Converged", converged), ("With errors", blocked)] {
        let names: Vec<String> = tables.iter().map(|table| code(&name(&table.table))).collect();
        if !names.is_empty() {
            writeln!(out, "{word}: {}\n", style::first_few(&names, 20))?;
        }
    }
    Ok(())
}

fn write_findings(report: &PlanReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let told = findings::told(report.plan.findings());
    for finding in &told {
        let word = match finding.severity {
            Severity::Error => "**error**",
            Severity::Warning => "**warning**",
            Severity::Info => "info",
        };
        let hint = finding.hint.as_ref().map(|hint| format!("  \n  hint: {}", text(hint))).unwrap_or_default();
        writeln!(out, "- {word} {} {}{hint}", finding.id, text(&finding.text))?;
    }
    if told.is_empty() { Ok(()) } else { writeln!(out) }
}

fn write_script(report: &PlanReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut script = Vec::new();
    plan_sql(report, &mut script)?;
    let script = String::from_utf8_lossy(&script);
    if SCRIPT_LIMIT < script.len() {
        return writeln!(out, "The SQL is too long for a comment: `partctl plan -o sql` prints it.");
    }
    writeln!(out, "<details><summary>SQL</summary>\n\n{}\n</details>", fenced("sql", &script))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Finding, codes};
    use crate::render::samples::{self, report};

    fn shown(report: &PlanReport<'_>) -> String {
        let mut out = Vec::new();
        plan_markdown(report, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn without_script(text: &str) -> &str {
        text.split("<details>").next().unwrap()
    }

    #[test]
    fn the_decision_stands_open_and_the_sql_is_folded() {
        let mut plan = samples::life_of_orders();
        plan.findings.push(
            Finding::about(
                codes::UNMANAGED_TABLE,
                &QualifiedName::new("app", "log"),
                "is partitioned and no policy manages it",
            )
            .hint("write a policy for it, or leave it"),
        );
        let shown = shown(&report(&plan));
        insta::assert_snapshot!(without_script(&shown), @"
        ## partctl plan: `appdb`

        **1 to create, 1 to detach, 1 to drop · frees 13.8 GB**  
        2026-11-21 03:00:00 UTC

        ### `shop.orders`

        range order_date, 1 month, Europe/Berlin · 31 partitions, 412 GB · runway 92 days

        |  | partition | range | size | rows | why |
        | --- | --- | --- | ---: | ---: | --- |
        | `+` create | `orders_2027_03` | 2027-03-01 … 2027-04-01 |  |  | 3 ahead |
        | `~` detach | `orders_2024_10` | 2024-10-01 … 2024-11-01 | 14.2 GB | 31.0 M | older than 24 months |
        | `-` drop | `orders_2024_09` | 2024-09-01 … 2024-10-01 | 13.8 GB |  | detached 2026-11-07, grace over |

        Converged: `crm.customers`, `app.events`

        - info PT120 app.log: is partitioned and no policy manages it

        Strongest lock: SHARE ROW EXCLUSIVE on shop.customers (foreign key), also SHARE UPDATE EXCLUSIVE on shop.orders, 50 ms a try at most

        Only on what is retired: ACCESS EXCLUSIVE on shop.orders_2024_09, shop.orders_2024_10
        ");
        let script = shown.split("<details>").nth(1).unwrap();
        assert!(script.starts_with("<summary>SQL</summary>\n\n```sql\n-- partctl "), "{script}");
        assert!(script.ends_with("COMMIT;\n```\n\n</details>\n"), "{script}");
    }

    #[test]
    fn pipes_backticks_and_tags_in_names_stay_text() {
        let parent = QualifiedName::new("shop", "a|b`c");
        let detach = samples::detach(&parent, "p|`<b>", Some("d|e"));
        let plan = samples::plan(vec![samples::table(parent, "range <at>", vec![detach])]);
        insta::assert_snapshot!(without_script(&shown(&report(&plan))), @r#"
        ## partctl plan: `appdb`

        **1 to detach**  
        2026-11-21 03:00:00 UTC

        ### ``shop."a|b`c"``

        range \<at\> · 4 partitions, 2.1 GB

        |  | partition | range | size | rows | why |
        | --- | --- | --- | ---: | ---: | --- |
        | `~` detach | ``"p\|`<b>"`` | 2024-10-01 … 2024-11-01 | 14.2 GB | 31.0 M | older than 24 months |

        ⚠ not CONCURRENTLY, which Postgres refuses beside DEFAULT "d|e": readers of shop."a|b\`c" wait while it is locked

        Strongest lock: ACCESS EXCLUSIVE on shop."a|b\`c", shop."d|e" (DEFAULT), also SHARE ROW EXCLUSIVE on shop.customers (foreign key), 50 ms a try at most

        Only on what is retired: ACCESS EXCLUSIVE on shop."p|\`\<b\>"
        "#);
    }

    #[test]
    fn a_script_too_long_for_a_comment_is_left_out() {
        let plan = samples::plan(vec![samples::table_with_creates("visits", 400)]);
        let shown = shown(&report(&plan));
        assert!(shown.len() < 4_000 && shown.contains("partctl plan -o sql"), "{shown}");
    }
}
