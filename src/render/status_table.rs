//! Where tables stand, for a person at a terminal: one line per table, their timelines, and what waits to be dropped.

use std::io::{self, Write};

use tabled::settings::Alignment;

use super::amounts;
use super::grid::grid;
use super::style::{Screen, Tone, name, plain, width, wrap};
use super::{findings, timeline};
use crate::catalog::Answers;
use crate::diff::{DefaultState, DetachedFate, DetachedState, LastApply, Overview, TableOverview, When};
use crate::plan::Runway;

/// The columns, and which are aligned right.
pub(super) const COLUMNS: [(&str, Alignment); 11] = [
    ("TABLE", Alignment::left()),
    ("KEY", Alignment::left()),
    ("PARTS", Alignment::right()),
    ("SIZE", Alignment::right()),
    ("ROWS", Alignment::right()),
    ("FIRST BOUND", Alignment::left()),
    ("LAST BOUND", Alignment::left()),
    ("RUNWAY", Alignment::right()),
    ("DEFAULT", Alignment::right()),
    ("NEXT TO RETIRE", Alignment::left()),
    ("LAST APPLY", Alignment::left()),
];

/// What a narrow screen gives up, step by step: the first bound, which the timeline shows, the last apply, which
/// `history` tells, rows, the key, and the last bound, which the timeline shows as well.
const GIVEN_UP: [&[usize]; 6] = [&[], &[5], &[5, 10], &[5, 10, 4], &[5, 10, 4, 1], &[5, 10, 4, 1, 6]];

/// Said instead of an empty table.
pub(super) const NO_TABLE: &str = "No table to show.";

const NOTHING: &str = "–";

/// Writes the overview as aligned text.
///
/// # Errors
/// Those of `out`.
pub fn status_table(overview: &Overview, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    if overview.tables.is_empty() {
        writeln!(out, "{NO_TABLE}")?;
    } else {
        let rows: Vec<[String; 11]> = overview.tables.iter().map(|table| cells(table, overview)).collect();
        let lines = grid(&COLUMNS, &GIVEN_UP, &rows, screen.room(0));
        writeln!(out, "{}", screen.paint(Tone::Quiet, &lines[0]))?;
        lines[1..].iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    write_timelines(overview, screen, out)?;
    write_detached(overview, screen, out)?;
    let told = findings::told(overview.errors.iter());
    if !told.is_empty() {
        writeln!(out)?;
        findings::write(&told, screen, out)?;
    }
    Ok(())
}

/// A table's cells, in the order of [`COLUMNS`].
pub(super) fn cells(table: &TableOverview, overview: &Overview) -> [String; 11] {
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
    let next = table.next_to_retire.as_ref().map(|next| {
        let partition = plain(&next.partition.name.to_string());
        match &next.when {
            When::Due => format!("{partition}, due"),
            When::At { shown, .. } => format!("{partition}, {}", plain(shown)),
            When::KeysReach(key) => format!("{partition}, at {}", plain(key)),
        }
    });
    [
        name(&table.table),
        plain(&table.key),
        amounts::in_full(table.partitions as u64),
        amounts::bytes(table.bytes),
        or_nothing(table.rows.map(amounts::count)),
        or_nothing(table.oldest.as_ref().map(|end| plain(&end.shown))),
        or_nothing(table.newest.as_ref().map(|end| plain(&end.shown))),
        or_nothing(runway(table.runway, overview)),
        or_nothing(table.default.as_ref().map(default)),
        or_nothing(next),
        or_nothing(table.last_apply.as_ref().map(|last| last_apply(last, overview))),
    ]
}

fn runway(runway: Runway, overview: &Overview) -> Option<String> {
    match runway {
        Runway::None => None,
        Runway::Endless => Some("endless".to_owned()),
        Runway::Partitions(0) => Some("none !".to_owned()),
        Runway::Partitions(count) => Some(format!("{} parts", amounts::in_full(count as u64))),
        Runway::Until(until) if overview.at < until => Some(amounts::span(until.signed_duration_since(overview.at))),
        Runway::Until(_) => Some("none !".to_owned()),
    }
}

/// `2 h ago`; a `!` where it failed.
fn last_apply(last: &LastApply, overview: &Overview) -> String {
    let ago = amounts::span(overview.at.signed_duration_since(last.at));
    if last.failed { format!("{ago} ago, failed !") } else { format!("{ago} ago") }
}

fn default(default: &DefaultState) -> String {
    let rows = match default.rows {
        None => return "?".to_owned(),
        Some(rows) if rows < Answers::COUNT_LIMIT => amounts::in_full(rows),
        Some(rows) => amounts::count(rows),
    };
    if default.asked_for || default.rows == Some(0) { rows } else { format!("{rows} !") }
}

/// The timelines of range tables, and what their signs mean.
pub(super) fn timelines(overview: &Overview, screen: Screen) -> Vec<String> {
    let drawn: Vec<&TableOverview> = overview.tables.iter().filter(|table| !table.timeline.is_empty()).collect();
    let Some(name_width) = drawn.iter().map(|table| width(&name(&table.table))).max() else { return Vec::new() };
    let of_table = |table: &&TableOverview| timeline::lines(&name(&table.table), name_width, &table.timeline, screen);
    let mut lines: Vec<String> = drawn.iter().flat_map(of_table).collect();
    let legend = timeline::legend(drawn.iter().flat_map(|table| &table.timeline));
    lines.push(format!("{:indent$}{}", "", screen.paint(Tone::Quiet, &legend), indent = name_width + 2));
    lines
}

fn write_timelines(overview: &Overview, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let lines = timelines(overview, screen);
    if !lines.is_empty() {
        writeln!(out)?;
    }
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn write_detached(overview: &Overview, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    if overview.detached.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", screen.paint(Tone::Quiet, "DETACHED"))?;
    for detached in &overview.detached {
        let size = amounts::bytes(detached.bytes);
        let text =
            format!("{} · {} · {size} · {}", name(&detached.table), plain(&detached.range), fate(detached, overview));
        for (line, text) in wrap(&text, screen.room(2)).iter().enumerate() {
            writeln!(out, "{:indent$}{text}", "", indent = if line == 0 { 0 } else { 2 })?;
        }
    }
    Ok(())
}

/// What becomes of a detached table, in words.
pub(super) fn fate(detached: &DetachedState, overview: &Overview) -> String {
    match &detached.fate {
        DetachedFate::DropsAt(end) => {
            let left = amounts::span(end.signed_duration_since(overview.at));
            format!("dropped in {left}, from {} on", super::plan_report::moment(*end))
        }
        DetachedFate::Aside => "set aside: the next apply attaches it again".to_owned(),
        DetachedFate::Due => "grace over: the next apply drops it".to_owned(),
        DetachedFate::Unarchived => "not archived yet: the next apply does that, then its grace starts".to_owned(),
        DetachedFate::Held => "under a hold".to_owned(),
        DetachedFate::Kept => "kept: its policy drops nothing".to_owned(),
        DetachedFate::Unmanaged => format!("kept: {} has no policy", name(&detached.parent)),
        DetachedFate::Unrecorded => {
            "its detach is not recorded: the next apply does that, then its grace starts".to_owned()
        }
        DetachedFate::Changed => "left alone: renamed or attached since it was detached".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Finding, codes};
    use crate::render::Colour;
    use crate::render::samples::{self, name as relation};

    fn shown(overview: &Overview, width: usize) -> String {
        let mut out = Vec::new();
        status_table(overview, Screen { width, colour: Colour::Never }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_wide_screen_shows_every_column() {
        insta::assert_snapshot!(shown(&samples::overview(), 200), @"
        TABLE           KEY                PARTS      SIZE    ROWS   FIRST BOUND   LAST BOUND    RUNWAY   DEFAULT   NEXT TO RETIRE               LAST APPLY
        shop.orders     range order_date      31    412 GB   904 M   2024-10-01    2027-03-01   99 days   1,204 !   orders_2024_10, 2026-12-01   2 days ago
        crm.customers   list region            4    2.1 GB   8,211   –             –                  –         0   –                            –
        app.events      hash user_id           8   88.0 GB       –   –             –                  –         –   –                            –

        shop.orders  2024-10-01 ▁▂▂▂▃▃▃▃▄▄▄▅▅▅▅▆▆▆▇▇▇▇████│··· 2027-03-01
                                ~
                     │ now   · ahead   ~ expiring

        DETACHED
        shop.orders_2024_09 · 2024-09-01 … 2024-10-01 · 13.8 GB · dropped in 4 days, from 2026-11-25 03:00:00 UTC on
        shop.orders_2024_08 · 2024-09-01 … 2024-10-01 · 13.8 GB · under a hold
        ");
    }

    #[test]
    fn eighty_columns_give_up_what_is_told_elsewhere() {
        let shown = shown(&samples::overview(), 80);
        assert!(shown.lines().all(|line| width(line) <= 80), "{shown}");
        insta::assert_snapshot!(shown, @"
        TABLE           PARTS      SIZE    RUNWAY   DEFAULT   NEXT TO RETIRE
        shop.orders        31    412 GB   99 days   1,204 !   orders_2024_10, 2026-12-01
        crm.customers       4    2.1 GB         –         0   –
        app.events          8   88.0 GB         –         –   –

        shop.orders  2024-10-01 ▁▂▂▂▃▃▃▃▄▄▄▅▅▅▅▆▆▆▇▇▇▇████│··· 2027-03-01
                                ~
                     │ now   · ahead   ~ expiring

        DETACHED
        shop.orders_2024_09 · 2024-09-01 … 2024-10-01 · 13.8 GB · dropped in 4 days,
          from 2026-11-25 03:00:00 UTC on
        shop.orders_2024_08 · 2024-09-01 … 2024-10-01 · 13.8 GB · under a hold
        ");
    }

    #[test]
    fn long_names_are_cut_short_rather_than_broken() {
        let mut overview = samples::overview();
        overview.tables[0].table = relation(&"注".repeat(21));
        overview.tables[0].timeline.clear();
        overview.tables[1].next_to_retire = overview.tables[0].next_to_retire.clone();
        overview.detached.clear();
        let shown = shown(&overview, 60);
        assert!(shown.lines().all(|line| width(line) <= 60), "{shown}");
        insta::assert_snapshot!(shown, @r#"
        TABLE        PARTS     SIZE   RUNWAY  DEFAULT  NEXT TO RE…
        shop."注注…     31   412 GB  99 days  1,204 !  orders_202…
        crm.custom…      4   2.1 GB        –        0  orders_202…
        app.events       8  88.0 GB        –        –  –
        "#);
    }

    #[test]
    fn no_policies_and_tables_that_do_not_fit_are_said_in_words() {
        let mut overview = samples::overview();
        overview.tables.clear();
        overview.detached.clear();
        overview.errors = vec![Finding::about(codes::TABLE_MISSING, &relation("gone"), "does not exist")];
        assert_eq!(shown(&overview, 80), "No table to show.\n\n! PT101 shop.gone: does not exist\n");
    }
}
