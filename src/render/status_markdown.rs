//! Where tables stand, for a wiki page or a report.

use std::io::{self, Write};

use super::amounts;
use super::findings;
use super::markdown::{code, fenced, row, text};
use super::plan_report::moment;
use super::status_table::{COLUMNS, NO_TABLE, cells, fate, timelines};
use super::style::{Colour, Screen, name};
use crate::diff::Overview;

/// Columns that a page shows without a scroll bar.
const TIMELINE_WIDTH: usize = 100;

/// Writes the overview as markdown.
///
/// # Errors
/// Those of `out`.
pub fn status_markdown(overview: &Overview, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## partctl status: {}\n\n{}\n", code(&overview.database), moment(overview.at))?;
    if overview.tables.is_empty() {
        writeln!(out, "{NO_TABLE}\n")?;
    } else {
        row(COLUMNS.map(|(title, _)| title.to_lowercase()), out)?;
        let right = [2, 3, 4, 7, 8];
        row((0..COLUMNS.len()).map(|column| if right.contains(&column) { "---:" } else { "---" }), out)?;
        for table in &overview.tables {
            let cells = cells(table, overview);
            row([code(&cells[0])].into_iter().chain(cells[1..].iter().map(|cell| text(cell))), out)?;
        }
        writeln!(out)?;
    }
    let timelines = timelines(overview, Screen { width: TIMELINE_WIDTH, colour: Colour::Never });
    if !timelines.is_empty() {
        writeln!(out, "{}", fenced("text", &timelines.join("\n")))?;
    }
    if !overview.detached.is_empty() {
        writeln!(out, "### detached\n")?;
        row(["table", "range", "size", ""], out)?;
        row(["---", "---", "---:", "---"], out)?;
        for detached in &overview.detached {
            let size = amounts::bytes(detached.bytes);
            row([code(&name(&detached.table)), text(&detached.range), size, text(&fate(detached, overview))], out)?;
        }
        writeln!(out)?;
    }
    for finding in findings::told(overview.errors.iter()) {
        writeln!(out, "- **error** {} {}", finding.id, text(&finding.text))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Finding, codes};
    use crate::render::samples;
    use crate::sql::QualifiedName;

    #[test]
    fn tables_stand_in_a_table_and_hostile_names_in_their_cell() {
        let mut overview = samples::overview();
        overview.tables[1].table = QualifiedName::new("a|b", "c`d");
        overview.errors =
            vec![Finding::about(codes::TABLE_MISSING, &QualifiedName::new("shop", "<gone>"), "does not exist")];
        let mut out = Vec::new();
        status_markdown(&overview, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        ## partctl status: `appdb`

        2026-11-21 03:00:00 UTC

        | table | key | parts | size | rows | first bound | last bound | runway | default | next to retire | last apply |
        | --- | --- | ---: | ---: | ---: | --- | --- | ---: | ---: | --- | --- |
        | `shop.orders` | range order_date | 31 | 412 GB | 904 M | 2024-10-01 | 2027-03-01 | 99 days | 1,204 ! | orders_2024_10, 2026-12-01 | 2 days ago |
        | ``"a\|b"."c`d"`` | list region | 4 | 2.1 GB | 8,211 | – | – | – | 0 | – | – |
        | `app.events` | hash user_id | 8 | 88.0 GB | – | – | – | – | – | – | – |

        ```text
        shop.orders  2024-10-01 ▁▂▂▂▃▃▃▃▄▄▄▅▅▅▅▆▆▆▇▇▇▇████│··· 2027-03-01
                                ~
                     │ now   · ahead   ~ expiring
        ```

        ### detached

        | table | range | size |  |
        | --- | --- | ---: | --- |
        | `shop.orders_2024_09` | 2024-09-01 … 2024-10-01 | 13.8 GB | dropped in 4 days, from 2026-11-25 03:00:00 UTC on |
        | `shop.orders_2024_08` | 2024-09-01 … 2024-10-01 | 13.8 GB | under a hold |

        - **error** PT101 shop."\<gone\>": does not exist
        "#);
    }
}
