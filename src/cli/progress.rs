//! Shows events: a bar with finished steps above it on a terminal, one line per finished step without one. Waiting is
//! told once it lasts, and then from time to time.
//!
//! A hidden bar drops what is printed through it, so without a terminal lines are written here. Names, queries and
//! messages come from the database: none reaches the terminal unescaped.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::terminal::width;
use crate::plan::{Blocker, Event, Listener, Pass, Step, StepError};
use crate::render::{archived, archiving, elapsed, plain, wrap};
use crate::sql::QualifiedName;

/// `--log-format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people
    Human,
    /// One JSON object per line
    Json,
}

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verbosity {
    /// Every finished step.
    Steps,
    /// Only what needs a person.
    Quiet,
}

/// The listener that talks on standard error.
pub(super) fn listener(format: LogFormat, verbosity: Verbosity) -> Arc<Mutex<dyn Listener>> {
    let interactive = std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    match format {
        LogFormat::Json => Arc::new(Mutex::new(JsonLines { verbosity, waits: Waits::default() })),
        LogFormat::Human if interactive => Arc::new(Mutex::new(Bar::new(verbosity))),
        LogFormat::Human => Arc::new(Mutex::new(Lines { verbosity, waits: Waits::default() })),
    }
}

/// Standard error may be closed; progress is not worth failing for.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A line of the conversation that is about no step.
pub(super) fn remark(text: &str, format: LogFormat, err: &mut dyn Write) {
    let line = match format {
        LogFormat::Human => plain(text),
        LogFormat::Json => json!({"time": now(), "event": "notice", "message": text}).to_string(),
    };
    // As for progress.
    let _ = writeln!(err, "{line}");
}

/// One line of a log: what happened, in fields of its own.
pub(super) fn note(event: &str, fields: &Value, err: &mut dyn Write) {
    let mut line = json!({"time": now(), "event": event});
    if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
        line.extend(fields.clone());
    }
    let _ = writeln!(err, "{line}");
}

/// The time, for logs.
pub(super) fn now() -> String {
    DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A wait is told when it has lasted so long,
const FIRST_TOLD: Duration = Duration::from_secs(1);
/// and again each time so much has been added.
const TOLD_AGAIN: Duration = Duration::from_secs(30);

/// When the wait of each step is told next.
#[derive(Default)]
struct Waits(BTreeMap<QualifiedName, Duration>);

impl Waits {
    /// Whether this is to be told: everything is, but not every pause between two tries.
    fn is_news(&mut self, event: &Event) -> bool {
        match event {
            Event::Waiting { step, waited, .. }
            | Event::Progress { step, running: waited, .. }
            | Event::Archiving { step, running: waited, .. } => {
                let next = self.0.entry(step.target().clone()).or_insert(FIRST_TOLD);
                let is_news = *next <= *waited;
                if is_news {
                    *next = *waited + TOLD_AGAIN;
                }
                is_news
            }
            Event::StepDone { step, .. } | Event::StepFailed { step, .. } => {
                self.0.remove(step.target());
                true
            }
            Event::Started { .. } | Event::StepStarted { .. } | Event::Notice(_) | Event::Finished => true,
        }
    }
}

struct Lines {
    verbosity: Verbosity,
    waits: Waits,
}

impl Listener for Lines {
    fn hear(&mut self, event: &Event) {
        if self.waits.is_news(event)
            && let Some(line) = line(event, self.verbosity)
        {
            say(&format!("{} {line}", now()));
        }
    }
}

fn line(event: &Event, verbosity: Verbosity) -> Option<String> {
    match event {
        Event::StepDone { table, step, took, archived: made } if verbosity == Verbosity::Steps => {
            let made = made.as_ref().map(|made| format!(": {}", archived(made))).unwrap_or_default();
            Some(format!("{} done in {}{made}", doing(table, step), elapsed(*took)))
        }
        Event::Waiting { table, step, waited, blockers } => Some(waiting(table, step, *waited, blockers)),
        Event::Progress { table, step, done, of, left, .. } if verbosity == Verbosity::Steps => {
            Some(format!("{} {}", doing(table, step), come_to(*done, *of, *left)))
        }
        Event::Archiving { table, step, pass, rows, bytes, took, .. } if verbosity == Verbosity::Steps => {
            Some(format!("{} {}", doing(table, step), archiving(step, *pass, (*rows, *bytes), *took)))
        }
        Event::StepFailed { table, step, error } => Some(failed(table, step, error)),
        Event::Notice(text) => Some(plain(text)),
        Event::Started { .. }
        | Event::StepStarted { .. }
        | Event::Archiving { .. }
        | Event::Progress { .. }
        | Event::StepDone { .. }
        | Event::Finished => None,
    }
}

/// `43 % copied, 4 min 12 s left`
fn come_to(done: u64, of: u64, left: Option<Duration>) -> String {
    let left = left.map(|left| format!(", {} left", elapsed(left))).unwrap_or_default();
    format!("{} % copied{left}", done.min(of) * 100 / of)
}

fn doing(table: &QualifiedName, step: &Step) -> String {
    plain(&format!("{table} {} {}", step.kind().as_str(), step.target().name))
}

fn waiting(table: &QualifiedName, step: &Step, waited: Duration, blockers: &[Blocker]) -> String {
    let who = blockers.first().map_or("another session".to_owned(), |blocker| {
        format!("pid {} ({}) holds {}", blocker.pid, state(blocker), blocker.holds)
    });
    let more = match blockers.len() {
        0 | 1 => String::new(),
        many => format!(", and {} more", many - 1),
    };
    format!("{} waiting {}: {}{more}", doing(table, step), elapsed(waited), plain(&who))
}

/// What a session does and since when, as far as this role may see.
fn state(blocker: &Blocker) -> String {
    match (blocker.state.as_str(), blocker.since.as_str()) {
        ("", _) => "state not visible without pg_read_all_stats".to_owned(),
        (state, "") => state.to_owned(),
        (state, since) => format!("{state} since {since}"),
    }
}

fn failed(table: &QualifiedName, step: &Step, error: &StepError) -> String {
    let sqlstate = error.sqlstate.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    let mut lines = vec![format!("error: {} failed: {}{sqlstate}", doing(table, step), error.message)];
    lines.push(format!("  doing      {}", error.doing));
    for blocker in &error.blockers {
        let mut who = vec![format!("pid {}", blocker.pid)];
        who.extend((!blocker.role.is_empty()).then(|| format!("role {}", blocker.role)));
        who.extend((!blocker.application.is_empty()).then(|| format!("application \"{}\"", blocker.application)));
        who.extend([state(blocker), format!("holds {}", blocker.holds)]);
        lines.push(format!("  blocked by {}", who.join(", ")));
        // The server's own words for what this role may not see.
        if !["", "<insufficient privilege>"].contains(&blocker.query.as_str()) {
            lines.push(format!("             last query: {}", blocker.query));
        }
    }
    lines.push(format!("  next       {}", error.next));
    lines.iter().map(|line| plain(line)).collect::<Vec<_>>().join("\n")
}

/// The lines, broken where the terminal ends; what follows stands below what it belongs to.
fn fitted(text: &str, width: usize) -> String {
    /// Where the texts of [`failed`] stand beside their labels.
    const LABELS: usize = 13;
    let fitted = text.lines().map(|line| {
        let labelled = line.split_at_checked(LABELS).filter(|(label, _)| label.starts_with("  "));
        let (label, text) = labelled.unwrap_or(("", line));
        let indent = label.len().max(2);
        format!("{label}{}", wrap(text, width.saturating_sub(indent).max(20)).join(&format!("\n{:indent$}", "")))
    });
    fitted.collect::<Vec<_>>().join("\n")
}

struct Bar {
    bar: ProgressBar,
    verbosity: Verbosity,
    waits: Waits,
}

impl Bar {
    fn new(verbosity: Verbosity) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:24} {pos} of {len} steps, {elapsed}  {wide_msg}");
        bar.set_style(style.expect("the template is fixed"));
        // The time goes on also while a step waits.
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { bar, verbosity, waits: Waits::default() }
    }
}

impl Listener for Bar {
    fn hear(&mut self, event: &Event) {
        match event {
            Event::Started { steps } => self.bar.set_length(*steps as u64),
            Event::StepStarted { table, step } => self.bar.set_message(doing(table, step)),
            Event::Waiting { table, step, .. } => self.bar.set_message(format!("{} waiting", doing(table, step))),
            Event::Archiving { table, step, pass, rows, bytes, took, .. } => {
                let far = archiving(step, *pass, (*rows, *bytes), *took);
                self.bar.set_message(format!("{}: {far}", doing(table, step)));
            }
            Event::Progress { table, step, done, of, left, .. } => {
                self.bar.set_message(format!("{} {}", doing(table, step), come_to(*done, *of, *left)));
            }
            Event::StepDone { .. } => self.bar.inc(1),
            Event::Finished => self.bar.finish_and_clear(),
            Event::StepFailed { .. } | Event::Notice(_) => {}
        }
        // The bar itself tells how far a step has come.
        if self.waits.is_news(event)
            && !matches!(event, Event::Progress { .. } | Event::Archiving { .. })
            && let Some(line) = line(event, self.verbosity)
        {
            self.bar.suspend(|| say(&fitted(&line, width(true))));
        }
    }
}

struct JsonLines {
    verbosity: Verbosity,
    waits: Waits,
}

impl Listener for JsonLines {
    fn hear(&mut self, event: &Event) {
        if !self.waits.is_news(event) {
            return;
        }
        let step_fields = |name: &str, table: &QualifiedName, step: &Step| {
            json!({"time": now(), "event": name, "table": table.to_string(), "step": step.kind().as_str(),
                   "target": step.target().to_string()})
        };
        let mut object = match event {
            Event::StepDone { table, step, took, archived } if self.verbosity == Verbosity::Steps => {
                let mut object = step_fields("done", table, step);
                object["milliseconds"] = json!(took.as_millis());
                if let Some(made) = archived {
                    object["archived"] = json!({"rows": made.rows, "raw_bytes": made.raw_bytes, "bytes": made.bytes});
                }
                object
            }
            Event::Waiting { table, step, waited, .. } => {
                let mut object = step_fields("waiting", table, step);
                object["milliseconds"] = json!(waited.as_millis());
                object
            }
            Event::Progress { table, step, done, of, running, .. } if self.verbosity == Verbosity::Steps => {
                let mut object = step_fields("progress", table, step);
                object["milliseconds"] = json!(running.as_millis());
                (object["done"], object["of"]) = (json!(done), json!(of));
                object
            }
            Event::Archiving { table, step, pass, rows, bytes, running, .. } if self.verbosity == Verbosity::Steps => {
                let mut object = step_fields("progress", table, step);
                object["milliseconds"] = json!(running.as_millis());
                (object["rows"], object["bytes"]) = (json!(rows), json!(bytes));
                object["pass"] = json!(match pass {
                    Pass::Out => "out",
                    Pass::Back => "back",
                });
                object
            }
            Event::StepFailed { table, step, error } => {
                let mut object = step_fields("failed", table, step);
                object["error"] = json!({"message": error.message, "sqlstate": error.sqlstate, "doing": error.doing,
                                         "next": error.next});
                object
            }
            Event::Notice(text) => json!({"time": now(), "event": "notice", "message": text}),
            Event::Started { .. }
            | Event::StepStarted { .. }
            | Event::Archiving { .. }
            | Event::Progress { .. }
            | Event::StepDone { .. }
            | Event::Finished => return,
        };
        let blockers = match event {
            Event::Waiting { blockers, .. } => blockers.as_slice(),
            Event::StepFailed { error, .. } => error.blockers.as_slice(),
            _ => &[],
        };
        if !blockers.is_empty() {
            let blockers = blockers.iter().map(|blocker| {
                json!({"pid": blocker.pid, "role": blocker.role, "application": blocker.application,
                       "state": blocker.state, "since": blocker.since, "holds": blocker.holds, "query": blocker.query})
            });
            object["blockers"] = blockers.collect();
        }
        say(&object.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::steps::RecordDetach;

    #[test]
    fn a_wait_is_told_when_it_lasts_and_then_from_time_to_time() {
        let table = QualifiedName::new("shop", "orders");
        let step = || {
            let range = String::new();
            Box::new(Step::Record(RecordDetach {
                table: QualifiedName::new("shop", "old"),
                oid: 1,
                range,
                change: crate::plan::steps::RecordedChange::Detached,
            }))
        };
        let waiting = |seconds| Event::Waiting {
            table: table.clone(),
            step: step(),
            waited: Duration::from_secs(seconds),
            blockers: Vec::new(),
        };
        let mut waits = Waits::default();
        let told: Vec<u64> = (0..100).filter(|seconds| waits.is_news(&waiting(*seconds))).collect();
        assert_eq!(told, [1, 31, 61, 91]);
        assert!(waits.is_news(&Event::StepDone {
            table: table.clone(),
            step: step(),
            took: Duration::ZERO,
            archived: None
        }));
        assert!(waits.is_news(&waiting(2)), "another wait for the same table");
    }

    #[test]
    fn long_lines_are_broken_below_what_they_belong_to() {
        let text = "error: it failed\n  doing      ALTER TABLE shop.orders DETACH PARTITION shop.orders_2025_06\n  next       wait";
        assert_eq!(
            fitted(text, 50),
            "error: it failed\n  doing      ALTER TABLE shop.orders DETACH\n             PARTITION shop.orders_2025_06\n  next       wait"
        );
    }

    #[test]
    fn what_the_database_says_cannot_play_tricks_on_a_terminal() {
        let blocker = Blocker {
            pid: 7,
            role: "a\x1b[2J".to_owned(),
            application: "\u{202e}b".to_owned(),
            state: "active".to_owned(),
            since: String::new(),
            holds: "ACCESS SHARE on \"x\ny\"".to_owned(),
            query: "select '\x1b]0;title\x07'".to_owned(),
        };
        let step = Step::Record(RecordDetach {
            table: QualifiedName::new("s", "a\nb"),
            oid: 1,
            range: String::new(),
            change: crate::plan::steps::RecordedChange::Detached,
        });
        let error = StepError {
            kind: crate::failure::FailureKind::LockTimeout,
            message: "no\x1b[31m".to_owned(),
            sqlstate: None,
            doing: "DROP TABLE s.\"a\nb\"".to_owned(),
            blockers: vec![blocker.clone()],
            next: "wait".to_owned(),
        };
        let table = QualifiedName::new("s", "t\u{9b}");
        let shown =
            [failed(&table, &step, &error), waiting(&table, &step, Duration::from_secs(2), &[blocker])].join("\n");
        assert!(!shown.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{shown:?}");
        assert_eq!(shown.lines().count(), 6);
    }
}
