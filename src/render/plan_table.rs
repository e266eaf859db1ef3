//! The plan for a person at a terminal: per table a headline and its steps, then findings, then what it comes to.

use std::io::{self, Write};

use super::plan_report::{PlanReport, headline};
use super::steps::{self, Naming};
use super::style::{Screen, Tone, joined, wrap};
use super::{findings, locks};
use crate::plan::{Step, TablePlan};

/// Writes the plan as aligned text.
///
/// # Errors
/// Those of `out`.
pub fn plan_table(report: &PlanReport<'_>, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    for table in &report.plan.tables {
        write_headline(report, table, screen, out)?;
        let steps: Vec<&Step> = table.steps.iter().collect();
        steps::write(&steps, Naming::Beside(&table.table), screen, out)?;
    }
    let told = findings::told(report.plan.findings());
    let paragraph = |out: &mut dyn Write| if report.plan.tables.is_empty() { Ok(()) } else { writeln!(out) };
    if !told.is_empty() {
        paragraph(out)?;
        findings::write(&told, screen, out)?;
    }
    paragraph(out)?;
    write_wrapped(&format!("{}{}", report.summary(), if report.plan.is_empty() { "." } else { "" }), screen, out)?;
    for sentence in locks::sentences(report.plan) {
        write_wrapped(&sentence, screen, out)?;
    }
    report.closing().map_or(Ok(()), |closing| write_wrapped(&closing, screen, out))
}

fn write_headline(report: &PlanReport<'_>, table: &TablePlan, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let parts = headline(table, report.plan.at);
    let lines = joined(parts.iter().map(String::as_str), " · ", screen.room(2));
    let rest = lines[0].strip_prefix(&parts[0]).unwrap_or_default();
    writeln!(out, "{}{rest}", screen.paint(Tone::Heading, &parts[0]))?;
    lines[1..].iter().try_for_each(|line| writeln!(out, "  {line}"))
}

fn write_wrapped(text: &str, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    wrap(text, screen.room(0)).iter().try_for_each(|line| writeln!(out, "{line}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Bound;
    use crate::plan::steps::DropTable;
    use crate::plan::{Finding, Moment, Plan, Runway, codes};
    use crate::render::Colour;
    use crate::render::samples::{self, name, plan, report, table};
    use crate::sql::QualifiedName;

    fn shown(report: &PlanReport<'_>, width: usize, colour: Colour) -> String {
        let mut out = Vec::new();
        plan_table(report, Screen { width, colour }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn plainly(plan: &Plan, width: usize) -> String {
        shown(&report(plan), width, Colour::Never)
    }

    #[test]
    fn a_wide_screen_shows_a_step_on_one_line() {
        insta::assert_snapshot!(plainly(&samples::life_of_orders(), 200), @"
        shop.orders · range order_date, 1 month, Europe/Berlin · 31 partitions, 412 GB · runway 92 days
          + create   orders_2027_03   2027-03-01 … 2027-04-01                      3 ahead
          ~ detach   orders_2024_10   2024-10-01 … 2024-11-01   14.2 GB   31.0 M   older than 24 months
          - drop     orders_2024_09   2024-09-01 … 2024-10-01   13.8 GB            detached 2026-11-07, grace over
        crm.customers · list region · 4 partitions, 2.1 GB · converged
        app.events · hash user_id, 8 · 8 partitions, 2.1 GB · converged

        1 to create, 1 to detach, 1 to drop · frees 13.8 GB
        Strongest lock: SHARE ROW EXCLUSIVE on shop.customers (foreign key), also SHARE UPDATE EXCLUSIVE on shop.orders, 50 ms a try at most
        Only on what is retired: ACCESS EXCLUSIVE on shop.orders_2024_09, shop.orders_2024_10
        Nothing was changed. `partctl apply` carries this out; `partctl plan --save FILE` keeps it for review.
        ");
    }

    #[test]
    fn eighty_columns_break_between_words_and_no_line_is_longer() {
        let mut plan = samples::life_of_orders();
        plan.tables[0].findings.push(
            Finding::about(
                codes::ROWS_IN_DEFAULT,
                &name("orders"),
                "DEFAULT shop.orders_default holds 1204 rows of 2027-04-01 … 2027-05-01, so that partition cannot be made",
            )
            .hint("move them out: select them with order_date >= '2027-04-01'::date"),
        );
        let shown = plainly(&plan, 80);
        assert!(shown.lines().all(|line| crate::render::style::width(line) <= 80), "{shown}");
        insta::assert_snapshot!(shown, @"
        shop.orders · range order_date, 1 month, Europe/Berlin · 31 partitions, 412 GB
          · runway 92 days · see PT102
          + create  orders_2027_03  2027-03-01 … 2027-04-01  3 ahead
          ~ detach  orders_2024_10  2024-10-01 … 2024-11-01  14.2 GB  31.0 M
                    older than 24 months
          - drop    orders_2024_09  2024-09-01 … 2024-10-01  13.8 GB
                    detached 2026-11-07, grace over
        crm.customers · list region · 4 partitions, 2.1 GB · converged
        app.events · hash user_id, 8 · 8 partitions, 2.1 GB · converged

        ! PT102 shop.orders: DEFAULT shop.orders_default holds 1204 rows of 2027-04-01 …
                2027-05-01, so that partition cannot be made
                hint: move them out: select them with order_date >= '2027-04-01'::date

        1 to create, 1 to detach, 1 to drop · frees 13.8 GB
        Strongest lock: SHARE ROW EXCLUSIVE on shop.customers (foreign key), also SHARE
        UPDATE EXCLUSIVE on shop.orders, 50 ms a try at most
        Only on what is retired: ACCESS EXCLUSIVE on shop.orders_2024_09,
        shop.orders_2024_10
        Nothing was changed. `partctl apply` carries this out; `partctl plan --save
        FILE` keeps it for review.
        ");
    }

    #[test]
    fn a_long_list_shows_its_ends_and_where_the_rest_is() {
        insta::assert_snapshot!(plainly(&plan(vec![samples::table_with_creates("events", 48)]), 100), @"
        shop.events · range at, 1 day · 4 partitions, 2.1 GB
          + create   events_2026_11_21   2026-11-21 … 2026-11-22   0 ahead
          + create   events_2026_11_22   2026-11-22 … 2026-11-23   1 ahead
          + create   events_2026_11_23   2026-11-23 … 2026-11-24   2 ahead
          … 44 more to create (`-o json` and `-o sql` have all)
          + create   events_2027_01_07   2027-01-07 … 2027-01-08   47 ahead

        48 to create
        Strongest lock: SHARE UPDATE EXCLUSIVE on shop.events, 50 ms a try at most
        Nothing was changed. `partctl apply` carries this out; `partctl plan --save FILE` keeps it for
        review.
        ");
        let twenty = plainly(&plan(vec![samples::table_with_creates("events", 20)]), 100);
        assert_eq!(twenty.lines().filter(|line| line.starts_with("  + create")).count(), 20);
    }

    #[test]
    fn wide_characters_align_and_hostile_names_stay_in_their_cell() {
        let orders = QualifiedName::new("店", "注文");
        let steps = vec![
            samples::create(
                &orders,
                "注文_2027_03",
                "2027-03-01",
                "2027-04-01",
                crate::plan::steps::CreateReason::Ahead(1),
            ),
            samples::create(
                &orders,
                "x\n- drop\x1b[31m",
                "2027-04-01",
                "2027-05-01",
                crate::plan::steps::CreateReason::Ahead(2),
            ),
            Step::Drop(DropTable {
                table: QualifiedName::new("archive", "A b"),
                oid: 1,
                kind: crate::catalog::RelationKind::Table,
                range: "a, b, 'c'\u{202e}".to_owned(),
                reason: "no grace".to_owned(),
                bytes: 8_192,
                foreign_keys: Vec::new(),
                condition: crate::plan::steps::Condition::None,
                unless: None,
            }),
        ];
        insta::assert_snapshot!(plainly(&plan(vec![table(orders, "range 日付, 1 month", steps)]), 120), @r#"
        "店"."注文" · range 日付, 1 month · 4 partitions, 2.1 GB
          + create   "注文_2027_03"          2027-03-01 … 2027-04-01            1 ahead
          + create   "x\n- drop\u{1b}[31m"   2027-04-01 … 2027-05-01            2 ahead
          - drop     archive."A b"           a, b, 'c'\u{202e}         8.0 kB   no grace

        2 to create, 1 to drop · frees 8.0 kB
        Strongest lock: SHARE UPDATE EXCLUSIVE on "店"."注文", 50 ms a try at most
        Only on what is retired: ACCESS EXCLUSIVE on archive."A b"
        Nothing was changed. `partctl apply` carries this out; `partctl plan --save FILE` keeps it for review.
        "#);
    }

    #[test]
    fn names_too_long_for_the_screen_stand_alone_on_their_line() {
        let long = QualifiedName::new("shop", "a".repeat(63));
        let mut create = samples::create(
            &long,
            &"b".repeat(63),
            "2027-03-01",
            "2027-04-01",
            crate::plan::steps::CreateReason::Ahead(1),
        );
        if let Step::Create(create) = &mut create {
            create.bound = Bound::Default;
            create.range = "AT, BE, BG, CY, CZ, DE, DK, EE, ES, FI, FR, GR, HR, HU, IE, IT, LT, LU".to_owned();
        }
        insta::assert_snapshot!(plainly(&plan(vec![table(long, "list region", vec![create])]), 80), @"
        shop.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
          · list region · 4 partitions, 2.1 GB
          + create  bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
                    AT, BE, BG, CY, CZ, DE, DK, EE, ES, FI, FR, GR … · 1 ahead

        1 to create
        Strongest lock: SHARE UPDATE EXCLUSIVE on
        shop.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, 50 ms a
        try at most
        Nothing was changed. `partctl apply` carries this out; `partctl plan --save
        FILE` keeps it for review.
        ");
    }

    #[test]
    fn a_detach_that_blocks_readers_says_so_once() {
        let orders = name("orders");
        let steps = vec![
            samples::detach(&orders, "orders_2024_09", Some("orders_default")),
            samples::detach(&orders, "orders_2024_10", Some("orders_default")),
        ];
        insta::assert_snapshot!(plainly(&plan(vec![table(orders, "range order_date, 1 month", steps)]), 120), @"
        shop.orders · range order_date, 1 month · 4 partitions, 2.1 GB
          ~ detach   orders_2024_09   2024-10-01 … 2024-11-01   14.2 GB   31.0 M   older than 24 months
                     ! not CONCURRENTLY, which Postgres refuses beside DEFAULT orders_default: readers of shop.orders wait while
                     it is locked
          ~ detach   orders_2024_10   2024-10-01 … 2024-11-01   14.2 GB   31.0 M   older than 24 months

        2 to detach
        Strongest lock: ACCESS EXCLUSIVE on shop.orders, shop.orders_default (DEFAULT), also SHARE ROW EXCLUSIVE on
        shop.customers (foreign key), 50 ms a try at most
        Only on what is retired: ACCESS EXCLUSIVE on shop.orders_2024_09, shop.orders_2024_10
        Nothing was changed. `partctl apply` carries this out; `partctl plan --save FILE` keeps it for review.
        ");
    }

    #[test]
    fn nothing_to_do_is_one_line_after_the_tables() {
        let mut plan = samples::life_of_orders();
        plan.tables[0].steps.clear();
        insta::assert_snapshot!(plainly(&plan, 120), @"
        shop.orders · range order_date, 1 month, Europe/Berlin · 31 partitions, 412 GB · runway 92 days · converged
        crm.customers · list region · 4 partitions, 2.1 GB · converged
        app.events · hash user_id, 8 · 8 partitions, 2.1 GB · converged

        Nothing to do: 3 tables converged.
        ");
        plan.tables.clear();
        assert_eq!(plainly(&plan, 80), "Nothing to do: no table has a policy.\n");
    }

    #[test]
    fn a_table_with_errors_is_never_called_converged() {
        let mut missing = table(name("gone"), "range at, 1 month", Vec::new());
        (missing.partitions, missing.bytes) = (0, 0);
        missing.findings.push(
            Finding::about(codes::TABLE_MISSING, &name("gone"), "does not exist")
                .hint("create it, or mend the name in its policy"),
        );
        let logs = table(name("logs"), "range at, 1 day", Vec::new());
        insta::assert_snapshot!(plainly(&plan(vec![missing, logs]), 120), @"
        shop.gone · range at, 1 month · no partitions · see PT101
        shop.logs · range at, 1 day · 4 partitions, 2.1 GB · converged

        ! PT101 shop.gone: does not exist
                hint: create it, or mend the name in its policy

        Nothing to do: 1 table converged, 1 with errors.
        ");
    }

    #[test]
    fn the_headline_says_how_long_coverage_lasts() {
        let mut plan = plan(vec![samples::table_with_creates("logs", 1)]);
        let mut headline = |runway| {
            plan.tables[0].runway = runway;
            plainly(&plan, 200).lines().next().unwrap().to_owned()
        };
        let bare = "shop.logs · range at, 1 day · 4 partitions, 2.1 GB";
        assert_eq!(headline(Runway::None), bare);
        assert_eq!(headline(Runway::Endless), format!("{bare} · runway endless"));
        assert_eq!(headline(Runway::Partitions(1)), format!("{bare} · runway 1 partition"));
        assert_eq!(headline(Runway::Partitions(0)), format!("{bare} · no runway"));
        let until = |text| Runway::Until(samples::at(text));
        assert_eq!(headline(until("2026-11-21T09:00:00Z")), format!("{bare} · runway 6 h"));
        assert_eq!(headline(until("2026-11-21T03:00:00Z")), format!("{bare} · no partition for now"));
    }

    #[test]
    fn a_simulation_says_so_instead_of_how_to_apply_it() {
        let plan = samples::life_of_orders();
        let report = PlanReport { moment: Moment::Simulated, ..report(&plan) };
        let shown = shown(&report, 200, Colour::Never);
        assert_eq!(
            shown.lines().last(),
            Some(
                "Simulated for 2026-11-21 03:00:00 UTC on the catalog of now. Nothing was changed, and this plan cannot be applied."
            )
        );
    }

    #[test]
    fn colour_repeats_what_the_signs_say_and_nothing_else() {
        let plan = samples::life_of_orders();
        for width in [80, 200] {
            let coloured = shown(&report(&plan), width, Colour::Always);
            assert!(coloured.contains("\x1b[31m- drop\x1b[0m"), "{coloured:?}");
            let mut bare = coloured.clone();
            for code in ["0", "1", "2", "31", "32", "33", "1;31"] {
                bare = bare.replace(&format!("\x1b[{code}m"), "");
            }
            assert_eq!(bare, shown(&report(&plan), width, Colour::Never));
        }
    }
}
