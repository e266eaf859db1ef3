//! The plan as a script that psql runs unchanged and that does what `apply` does: the same statements, in the same
//! order, in the same transactions, under the same settings.
//!
//! What it cannot do: wait its turn. A lock that is not granted in time ends the script; it may be run again only
//! from a new plan.

use std::io::{self, Write};
use std::time::Duration;

use super::locks;
use super::plan_report::{PlanReport, moment};
use super::steps::{caution, range};
use super::style::{name, plain};
use crate::plan::{Action, Moment, Step, TablePlan};
use crate::sql::{SqlLiteral, pin_script};

/// Writes the script; for an empty plan, comments only.
///
/// # Errors
/// Those of `out`.
pub fn plan_sql(report: &PlanReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_header(report, out)?;
    let steps: Vec<(&TablePlan, &Step)> = report.in_order().collect();
    if steps.is_empty() {
        return Ok(());
    }
    write_settings(report.plan.server_version, out)?;
    if report.moment == Moment::Simulated {
        let message = format!("this plan was simulated for {} and is only to be read", moment(report.plan.at));
        refuse(out, "true", &message, "run `partctl plan -o sql` without `--at`")?;
    }
    if steps.iter().any(|(_, step)| needs_ledger(step)) {
        let missing = "pg_catalog.to_regclass('partctl.detached_tables') IS NULL";
        refuse(out, missing, "partctl's ledger is not installed in this database", "run `partctl init` first")?;
    }
    for (number, (table, step)) in steps.iter().enumerate() {
        write_step(table, step, &format!("{}/{}", number + 1, steps.len()), out)?;
    }
    Ok(())
}

fn write_header(report: &PlanReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let plan = report.plan;
    let (major, minor) = (plan.server_version / 10_000, plan.server_version % 10_000);
    writeln!(
        out,
        "-- partctl {}, database {}, PostgreSQL {major}.{minor}",
        env!("CARGO_PKG_VERSION"),
        plain(&plan.database)
    )?;
    let simulated = if report.moment == Moment::Simulated { ", simulated" } else { "" };
    writeln!(out, "-- planned for {}{simulated}: {}", moment(plan.at), report.summary())?;
    if !plan.is_empty() {
        writeln!(out, "-- run with psql -X -f; it stops at the first error, and what was committed stays")?;
    }
    Ok(())
}

fn write_settings(server_version: u32, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n\\set ON_ERROR_STOP on\n\\set AUTOCOMMIT on\n")?;
    // Other sessions get it from the driver when they connect.
    writeln!(out, "SET client_encoding = 'UTF8';")?;
    pin_script(server_version / 10_000).try_for_each(|statement| writeln!(out, "{statement}"))
}

/// Ends the script when the condition holds.
fn refuse(out: &mut dyn Write, condition: &str, message: &str, hint: &str) -> io::Result<()> {
    writeln!(
        out,
        "\nDO $partctl$BEGIN IF {condition} THEN RAISE EXCEPTION USING ERRCODE = '55000',\n    \
         MESSAGE = {}, HINT = {}; END IF; END$partctl$;",
        SqlLiteral(message),
        SqlLiteral(hint),
    )
}

fn needs_ledger(step: &Step) -> bool {
    match step {
        Step::Finalize(step) => step.ours,
        Step::Record(_)
        | Step::Attach(_)
        | Step::SetAside(_)
        | Step::Detach(_)
        | Step::BringBack(_)
        | Step::Archive(_)
        | Step::Relocate(_)
        | Step::Drop(_)
        | Step::DeleteArchive(_) => true,
        Step::Remove(_)
        | Step::Discard(_)
        | Step::DiscardSplit(_)
        | Step::Create(_)
        | Step::Match(_)
        | Step::Move(_)
        | Step::Split(_) => false,
        Step::Analyze(_) => false,
    }
}

fn write_step(table: &TablePlan, step: &Step, number: &str, out: &mut dyn Write) -> io::Result<()> {
    let range = if step.range().is_empty() { String::new() } else { format!(": {}", range(step)) };
    writeln!(out, "\n-- {number} {} {}{range}", step.kind().as_str(), name(step.target()))?;
    let mut comment = |label: &str, text: &str| writeln!(out, "--   {label:<7} {}", plain(text));
    comment("reason", &step.reason())?;
    comment("locks", &locks::of_step(step))?;
    if let Some(caution) = caution(step) {
        comment("note", &caution)?;
    }
    comment("undo", &step.undo())?;
    let literal = |timeout: Duration| SqlLiteral(&format!("{}ms", timeout.as_millis())).to_string();
    for action in step.actions() {
        let timeout = literal(action.lock_timeout(table.locks.timeout, Duration::ZERO));
        let statements: String = action.statements().iter().map(|statement| format!("{statement};\n")).collect();
        match &action {
            Action::Transaction(_) => {
                write!(out, "BEGIN;\nSET LOCAL lock_timeout = {timeout};\n{statements}COMMIT;\n")?;
            }
            Action::CopyOut(_) | Action::Remove { .. } => write!(out, "{statements}")?,
            Action::Alone(_) | Action::Batches(_) => write!(out, "SET lock_timeout = {timeout};\n{statements}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::render::samples::{self, report};
    use crate::sql::QualifiedName;

    fn script(report: &PlanReport<'_>) -> String {
        let mut out = Vec::new();
        plan_sql(report, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn settled() -> insta::Settings {
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(env!("CARGO_PKG_VERSION"), "VERSION");
        settings
    }

    #[test]
    fn the_script_is_what_apply_does() {
        let plan = samples::life_of_orders();
        settled().bind(|| insta::assert_snapshot!(script(&report(&plan)), @r"
        -- partctl VERSION, database appdb, PostgreSQL 15.20
        -- planned for 2026-11-21 03:00:00 UTC: 1 to create, 1 to detach, 1 to drop · frees 13.8 GB
        -- run with psql -X -f; it stops at the first error, and what was committed stays

        \set ON_ERROR_STOP on
        \set AUTOCOMMIT on

        SET client_encoding = 'UTF8';
        SET TimeZone = 'UTC';
        SET DateStyle = 'ISO, YMD';
        SET IntervalStyle = 'iso_8601';
        SET bytea_output = 'hex';
        SET standard_conforming_strings = 'on';
        SET extra_float_digits = '1';
        SET search_path = '';
        SET quote_all_identifiers = 'off';
        SET jit = 'off';
        SET default_transaction_isolation = 'read committed';
        SET client_min_messages = 'warning';
        SET statement_timeout = '0';
        SET idle_session_timeout = '0';

        DO $partctl$BEGIN IF pg_catalog.to_regclass('partctl.detached_tables') IS NULL THEN RAISE EXCEPTION USING ERRCODE = '55000',
            MESSAGE = 'partctl''s ledger is not installed in this database', HINT = 'run `partctl init` first'; END IF; END$partctl$;

        -- 1/3 create shop.orders_2027_03: 2027-03-01 … 2027-04-01
        --   reason  3 ahead
        --   locks   SHARE UPDATE EXCLUSIVE on shop.orders
        --   undo    DROP TABLE shop.orders_2027_03
        BEGIN;
        SET LOCAL lock_timeout = '50ms';
        CREATE TABLE shop.orders_2027_03 (LIKE shop.orders INCLUDING ALL EXCLUDING IDENTITY);
        LOCK TABLE ONLY shop.orders IN SHARE UPDATE EXCLUSIVE MODE;
        ALTER TABLE shop.orders ATTACH PARTITION shop.orders_2027_03 FOR VALUES FROM ('2027-03-01') TO ('2027-04-01');
        COMMIT;

        -- 2/3 detach shop.orders_2024_10: 2024-10-01 … 2024-11-01
        --   reason  older than 24 months
        --   locks   SHARE ROW EXCLUSIVE on shop.customers, SHARE UPDATE EXCLUSIVE on shop.orders, ACCESS EXCLUSIVE on shop.orders_2024_10
        --   undo    ALTER TABLE shop.orders ATTACH PARTITION shop.orders_2024_10 FOR VALUES FROM ('2024-10-01') TO ('2024-11-01')
        BEGIN;
        SET LOCAL lock_timeout = '50ms';
        DO $partctl$BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = 124 AND c.relname = 'orders_2024_10' AND c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'shop') AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid AND i.inhparent = 100) AND pg_catalog.replace(pg_catalog.pg_get_expr(c.relpartbound, 0), '''', '') = 'FOR VALUES FROM (2024-10-01) TO (2024-11-01)') THEN RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = 'partctl: shop.orders_2024_10 (oid 124) is no longer what was planned'; END IF; END$partctl$;
        INSERT INTO partctl.detached_tables (relation, schema_name, table_name, parent_schema, parent_name, bound) VALUES (124, 'shop', 'orders_2024_10', 'shop', 'orders', 'FOR VALUES FROM (''2024-10-01'') TO (''2024-11-01'')') ON CONFLICT (relation) WHERE ended_at IS NULL DO UPDATE SET begun_at = clock_timestamp(), detached_at = NULL, bound = EXCLUDED.bound, schema_name = EXCLUDED.schema_name, table_name = EXCLUDED.table_name, parent_schema = EXCLUDED.parent_schema, parent_name = EXCLUDED.parent_name;
        COMMIT;
        SET lock_timeout = '50ms';
        DO $partctl$BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = 124 AND c.relname = 'orders_2024_10' AND c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'shop') AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid AND i.inhparent = 100) AND pg_catalog.replace(pg_catalog.pg_get_expr(c.relpartbound, 0), '''', '') = 'FOR VALUES FROM (2024-10-01) TO (2024-11-01)') THEN RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = 'partctl: shop.orders_2024_10 (oid 124) is no longer what was planned'; END IF; END$partctl$;
        ALTER TABLE shop.orders DETACH PARTITION shop.orders_2024_10 CONCURRENTLY;
        BEGIN;
        SET LOCAL lock_timeout = '50ms';
        UPDATE partctl.detached_tables SET detached_at = clock_timestamp() WHERE relation = 124 AND ended_at IS NULL;
        COMMIT;

        -- 3/3 drop shop.orders_2024_09: 2024-09-01 … 2024-10-01
        --   reason  detached 2026-11-07, grace over
        --   locks   ACCESS EXCLUSIVE on shop.orders_2024_09
        --   undo    none: restore from a backup
        BEGIN;
        SET LOCAL lock_timeout = '50ms';
        LOCK TABLE shop.orders_2024_09 IN ACCESS EXCLUSIVE MODE;
        DO $partctl$BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = 123 AND c.relname = 'orders_2024_09' AND c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'shop') AND NOT c.relispartition) THEN RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = 'partctl: shop.orders_2024_09 (oid 123) is no longer what was planned'; END IF; END$partctl$;
        DROP TABLE shop.orders_2024_09;
        UPDATE partctl.detached_tables SET ended_at = clock_timestamp() WHERE relation = 123 AND ended_at IS NULL;
        COMMIT;
        "));
    }

    #[test]
    fn all_tables_are_created_for_before_any_is_retired_from() {
        let mut plan = samples::life_of_orders();
        plan.tables.push(samples::table_with_creates("visits", 1));
        let script = script(&report(&plan));
        let steps: Vec<&str> = script.lines().filter(|line| line.starts_with("-- ") && line.contains("/4 ")).collect();
        insta::assert_snapshot!(steps.join("\n"), @"
        -- 1/4 create shop.orders_2027_03: 2027-03-01 … 2027-04-01
        -- 2/4 create shop.visits_2026_11_21: 2026-11-21 … 2026-11-22
        -- 3/4 detach shop.orders_2024_10: 2024-10-01 … 2024-11-01
        -- 4/4 drop shop.orders_2024_09: 2024-09-01 … 2024-10-01
        ");
    }

    #[test]
    fn an_empty_plan_is_comments_only() {
        let plan = Plan { tables: Vec::new(), ..samples::life_of_orders() };
        let script = script(&report(&plan));
        assert!(script.lines().all(|line| line.starts_with("--")), "{script}");
        assert!(script.contains("Nothing to do"), "{script}");
    }

    #[test]
    fn creations_alone_do_not_need_the_ledger() {
        let plan = samples::plan(vec![samples::table_with_creates("visits", 1)]);
        assert!(!script(&report(&plan)).contains("ledger"));
    }

    #[test]
    fn a_simulated_plan_refuses_to_run() {
        let plan = samples::plan(vec![samples::table_with_creates("visits", 1)]);
        let script = script(&PlanReport { moment: Moment::Simulated, ..report(&plan) });
        let refusal = script.find("IF true THEN RAISE EXCEPTION").unwrap();
        assert!(refusal < script.find("BEGIN;").unwrap());
    }

    #[test]
    fn names_cannot_break_out_of_a_comment() {
        let parent = QualifiedName::new("shop", "x\nDROP TABLE y; --\r");
        let step = samples::create(
            &parent,
            "p\n\\! rm",
            "2027-03-01",
            "2027-04-01",
            crate::plan::steps::CreateReason::Group("because\nof this".to_owned()),
        );
        let mut plan = samples::plan(vec![samples::table(parent, "range at", vec![step])]);
        plan.database = "app\ndb".to_owned();
        let mut script = script(&report(&plan));
        for (_, step) in plan.steps() {
            for statement in step.actions().iter().flat_map(Action::statements) {
                script = script.replace(&format!("{statement};\n"), "");
            }
        }
        let known = ["--", "BEGIN;", "COMMIT;", "SET ", "\\set "];
        let outside: Vec<&str> = script
            .split(['\n', '\r'])
            .filter(|line| !line.is_empty() && !known.iter().any(|start| line.starts_with(start)))
            .collect();
        assert_eq!(outside, [""; 0]);
    }
}
