//! Past runs for a person at a terminal: one line per run, or one run with its steps.

use std::io::{self, Write};

use tabled::settings::Alignment;

use super::amounts::{elapsed, in_full};
use super::grid::grid;
use super::plan_report::moment;
use super::style::{Screen, Tone, plain, wrap};
use crate::plan::{Blocker, History, PastRun, PastStep, RunEnd, StepKind};

/// The columns, and which are aligned right.
pub(super) const COLUMNS: [(&str, Alignment); 9] = [
    ("RUN", Alignment::right()),
    ("STARTED", Alignment::left()),
    ("ROLE", Alignment::left()),
    ("FROM", Alignment::left()),
    ("VERSION", Alignment::left()),
    ("OUTCOME", Alignment::left()),
    ("DONE", Alignment::right()),
    ("FAILED", Alignment::right()),
    ("TOOK", Alignment::right()),
];

/// What a narrow screen gives up: the version, then where it ran.
const GIVEN_UP: [&[usize]; 3] = [&[], &[4], &[4, 3]];

pub(super) const NO_LEDGER: &str = "No run is remembered: this database has no ledger. \
                                    `partctl init` installs one, and so does `partctl apply` when it may.";
pub(super) const NO_RUNS: &str = "The ledger remembers no such run yet: `partctl apply` records what it does.";
pub(super) const NEVER_ENDED: &str = "A run that never ended was killed or lost its connection, unless it is still \
                                      running out of sight; what it did is recorded with its steps.";

/// Writes the runs as aligned text.
///
/// # Errors
/// Those of `out`.
pub fn history_table(history: &History, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let History::Runs(runs) = history else { return sentence(NO_LEDGER, screen, out) };
    if runs.is_empty() {
        return sentence(NO_RUNS, screen, out);
    }
    let rows: Vec<[String; 9]> = runs.iter().map(cells).collect();
    let lines = grid(&COLUMNS, &GIVEN_UP, &rows, screen.room(0));
    writeln!(out, "{}", screen.paint(Tone::Quiet, &lines[0]))?;
    lines[1..].iter().try_for_each(|line| writeln!(out, "{line}"))?;
    if runs.iter().any(|run| run.end == RunEnd::Unknown) {
        writeln!(out)?;
        sentence(NEVER_ENDED, screen, out)?;
    }
    Ok(())
}

fn sentence(text: &str, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    wrap(text, screen.room(0)).iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// A run's cells, in the order of [`COLUMNS`].
pub(super) fn cells(run: &PastRun) -> [String; 9] {
    [
        run.id.to_string(),
        run.started_at.format("%Y-%m-%d %H:%MZ").to_string(),
        plain(&run.role),
        run.client().map_or("–".to_owned(), |client| plain(&client)),
        plain(&run.version),
        outcome(run),
        in_full(run.done),
        in_full(run.failed),
        run.took().map_or("–".to_owned(), elapsed),
    ]
}

pub(super) fn outcome(run: &PastRun) -> String {
    match &run.end {
        RunEnd::Ended { outcome, .. } => plain(outcome),
        RunEnd::Running { .. } => "running".to_owned(),
        RunEnd::Unknown => "never ended".to_owned(),
    }
}

/// What is known of a run, label and text.
pub(super) fn about(run: &PastRun) -> Vec<(&'static str, String)> {
    let mut about = vec![
        ("started", format!("{}, partctl {}", moment(run.started_at), plain(&run.version))),
        ("by", format!("role {}", plain(&run.role))),
    ];
    about.extend(run.client().map(|client| ("from", plain(&client))));
    if let Some(options) = &run.options {
        let options = if options.is_empty() { "no options that matter".to_owned() } else { options.join(" ") };
        about.push(("told", options));
    }
    let ended = match &run.end {
        RunEnd::Ended { at, outcome } => {
            let took = run.took().map(|took| format!(" after {}", elapsed(took))).unwrap_or_default();
            format!("{}{took}: {}", moment(*at), plain(outcome))
        }
        RunEnd::Running { pid, since } => format!("not yet: running for {}, pid {pid}", elapsed(*since)),
        RunEnd::Unknown => "never: killed, or still running".to_owned(),
    };
    about.push(("ended", ended));
    let left_out = run.left_out.map(|count| format!(", {} left out", in_full(count))).unwrap_or_default();
    about.push(("steps", format!("{} done, {} failed{left_out}", in_full(run.done), in_full(run.failed))));
    about
}

/// Writes a run with its steps.
///
/// # Errors
/// Those of `out`.
pub fn run_table(run: &PastRun, steps: &[PastStep], screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", screen.paint(Tone::Heading, &format!("run {} · {}", run.id, outcome(run))))?;
    for (label, text) in about(run) {
        labelled(&format!("  {label:<8} "), &text, screen, out)?;
    }
    for step in steps {
        writeln!(out)?;
        let (sign, tone) = sign(&step.kind);
        let head = format!("{sign} {} {}", plain(&step.kind), plain(&step.target));
        writeln!(out, "{} {}", screen.paint(tone, &head), ended(step))?;
        if let Some(error) = &step.error {
            labelled("    error    ", &plain(error), screen, out)?;
        }
        for blocker in &step.blockers {
            labelled("    blocked  ", &blocked_by(blocker), screen, out)?;
            labelled("    its SQL  ", &plain(&blocker.query), screen, out)?;
        }
        for statement in step.sql.iter().flat_map(|sql| sql.lines()) {
            labelled("    ", &plain(statement), screen, out)?;
        }
    }
    Ok(())
}

/// A text beside its label; what follows stands below it.
fn labelled(label: &str, text: &str, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let indent = label.len();
    for (line, text) in wrap(text, screen.room(indent)).iter().enumerate() {
        match line {
            0 => writeln!(out, "{}{text}", screen.paint(Tone::Quiet, label))?,
            _ => writeln!(out, "{:indent$}{text}", "")?,
        }
    }
    Ok(())
}

/// `done in 7 ms`, `failed after 10 min (55P03)`.
pub(super) fn ended(step: &PastStep) -> String {
    let took = step.took.map(elapsed).unwrap_or_else(|| "a time that nobody measured".to_owned());
    match &step.error {
        None => format!("done in {took}"),
        Some(_) => {
            let sqlstate = step.sqlstate.as_ref().map(|code| format!(" ({})", plain(code))).unwrap_or_default();
            format!("failed after {took}{sqlstate}")
        }
    }
}

pub(super) fn blocked_by(blocker: &Blocker) -> String {
    let Blocker { pid, role, application, state, since, holds, query: _ } = blocker;
    let visible = |text: &str| if text.is_empty() { "?".to_owned() } else { plain(text) };
    format!(
        "by pid {pid}, role {}, application \"{}\", {} since {}, held {}",
        visible(role),
        plain(application),
        visible(state),
        visible(since),
        visible(holds)
    )
}

/// The sign of a kind as it is written in the ledger; versions to come may know others.
fn sign(kind: &str) -> (char, Tone) {
    let known = StepKind::ALL;
    match known.into_iter().find(|known| known.as_str() == kind) {
        Some(kind @ (StepKind::Create | StepKind::Attach | StepKind::BringBack)) => (kind.sign(), Tone::Create),
        Some(kind @ (StepKind::SetAside | StepKind::Detach | StepKind::Archive)) => (kind.sign(), Tone::Detach),
        Some(kind @ (StepKind::Drop | StepKind::DeleteArchive)) => (kind.sign(), Tone::Drop),
        Some(kind) => (kind.sign(), Tone::Fix),
        None => ('·', Tone::Quiet),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;
    use crate::render::style::{Colour, width};

    fn shown(write: impl Fn(Screen, &mut dyn Write) -> io::Result<()>, width: usize) -> String {
        let mut out = Vec::new();
        write(Screen { width, colour: Colour::Never }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn runs_stand_newest_first_and_one_that_never_ended_is_told_as_such() {
        let history = History::Runs(samples::past_runs());
        let narrow = shown(|screen, out| history_table(&history, screen, out), 80);
        insta::assert_snapshot!(narrow, @r#"
        RUN  STARTED            ROLE            OUTCOME        DONE  FAILED        TOOK
         12  2026-11-21 03:00Z  partctl         running           3       0  3 min 10 s
         11  2026-11-21 03:00Z  partctl         lock timeout      1       1      10 min
         10  2026-11-21 03:00Z  partctl         never ended   1,204       0           –
          9  2026-11-21 03:00Z  shop|\u{1b}[2J  done              3       0      500 ms

        A run that never ended was killed or lost its connection, unless it is still
        running out of sight; what it did is recorded with its steps.
        "#);
        let wide = shown(|screen, out| history_table(&history, screen, out), 120);
        insta::assert_snapshot!(wide.lines().nth(2).unwrap(), @" 11   2026-11-21 03:00Z   partctl          ada@db1.example   0.1.0     lock timeout       1        1       10 min");
        assert!(narrow.lines().all(|line| width(line) <= 80));
    }

    #[test]
    fn a_run_is_told_with_its_sql_and_whoever_was_in_the_way() {
        let (runs, steps) = (samples::past_runs(), samples::past_steps());
        let text = shown(|screen, out| run_table(&runs[1], &steps, screen, out), 80);
        insta::assert_snapshot!(text, @r#"
        run 11 · lock timeout
          started  2026-11-21 03:00:00 UTC, partctl 0.1.0
          by       role partctl
          from     ada@db1.example
          told     --allow-destroy --deadline '1200 seconds'
          ended    2026-11-21 03:10:00 UTC after 10 min: lock timeout
          steps    1 done, 1 failed, 1 left out

        + create shop.orders_2027_03 done in 7 ms
            CREATE TABLE shop.orders_2027_03 (LIKE shop.orders INCLUDING ALL EXCLUDING
            IDENTITY);
            ALTER TABLE shop.orders ATTACH PARTITION shop.orders_2027_03 FOR VALUES FROM
            ('2027-03-01') TO ('2027-04-01');

        ~ detach shop.orders_2024_10 failed after 10 min (55P03)
            error    locks not granted within 10 min
            blocked  by pid 4711, role report, application "reporting", idle in
                     transaction since 2026-11-21 02:41:07 UTC, held ACCESS SHARE on
                     shop.orders
            its SQL  select * from shop.orders order by order_date
            ALTER TABLE shop.orders DETACH PARTITION shop.orders_2024_10 CONCURRENTLY;
        "#);
        assert!(text.lines().all(|line| width(line) <= 80));
    }

    #[test]
    fn without_a_ledger_it_is_said_how_to_get_one() {
        let text = shown(|screen, out| history_table(&History::NoLedger, screen, out), 80);
        assert!(text.contains("no ledger") && text.contains("`partctl init`"), "{text}");
    }
}
