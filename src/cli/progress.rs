//! Shows events: a bar with finished steps above it on a terminal, one line per finished step without one.
//!
//! A hidden bar drops what is printed through it, so without a terminal lines are written here.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::plan::{Blocker, Event, Listener, Step, StepError};
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
        LogFormat::Json => Arc::new(Mutex::new(JsonLines { verbosity })),
        LogFormat::Human if interactive => Arc::new(Mutex::new(Bar::new(verbosity))),
        LogFormat::Human => Arc::new(Mutex::new(Lines { verbosity })),
    }
}

/// Standard error may be closed; progress is not worth failing for.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn now() -> String {
    DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Secs, true)
}

struct Lines {
    verbosity: Verbosity,
}

impl Listener for Lines {
    fn hear(&mut self, event: &Event) {
        if let Some(line) = line(event, self.verbosity) {
            say(&format!("{} {line}", now()));
        }
    }
}

fn line(event: &Event, verbosity: Verbosity) -> Option<String> {
    match event {
        Event::StepDone { table, step, took } if verbosity == Verbosity::Steps => {
            Some(format!("{} done in {}", doing(table, step), in_words(*took)))
        }
        Event::Waiting { table, step, waited, blockers } => Some(waiting(table, step, *waited, blockers)),
        Event::StepFailed { table, step, error } => Some(failed(table, step, error)),
        Event::Notice(text) => Some(text.clone()),
        Event::Started { .. } | Event::StepStarted { .. } | Event::StepDone { .. } | Event::Finished => None,
    }
}

fn doing(table: &QualifiedName, step: &Step) -> String {
    format!("{table} {} {}", step.kind().as_str(), step.target().name)
}

fn waiting(table: &QualifiedName, step: &Step, waited: Duration, blockers: &[Blocker]) -> String {
    let who = blockers.first().map_or("another session".to_owned(), |blocker| {
        let since = if blocker.since.is_empty() { String::new() } else { format!(" since {}", blocker.since) };
        let state = if blocker.state.is_empty() { "state not visible" } else { &blocker.state };
        format!("pid {} ({state}{since}) holds {}", blocker.pid, blocker.holds)
    });
    let more = match blockers.len() {
        0 | 1 => String::new(),
        many => format!(", and {} more", many - 1),
    };
    format!("{} waiting {}: {who}{more}", doing(table, step), in_words(waited))
}

fn failed(table: &QualifiedName, step: &Step, error: &StepError) -> String {
    let sqlstate = error.sqlstate.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    let mut lines = vec![format!("error: {} failed: {}{sqlstate}", doing(table, step), error.message)];
    lines.push(format!("  doing      {}", error.doing));
    for blocker in &error.blockers {
        lines.push(format!(
            "  blocked by pid {}, role {}, application \"{}\", {} since {}, holds {}",
            blocker.pid, blocker.role, blocker.application, blocker.state, blocker.since, blocker.holds
        ));
        lines.push(format!("             last query: {}", blocker.query));
    }
    lines.push(format!("  next       {}", error.next));
    lines.join("\n")
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds @ 1..120 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

struct Bar {
    bar: ProgressBar,
    verbosity: Verbosity,
}

impl Bar {
    fn new(verbosity: Verbosity) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:24} {pos} of {len} steps, {elapsed}  {wide_msg}");
        bar.set_style(style.expect("the template is fixed"));
        Self { bar, verbosity }
    }
}

impl Listener for Bar {
    fn hear(&mut self, event: &Event) {
        match event {
            Event::Started { steps } => self.bar.set_length(*steps as u64),
            Event::StepStarted { table, step } => self.bar.set_message(doing(table, step)),
            Event::Waiting { table, step, waited, blockers } => {
                self.bar.set_message(waiting(table, step, *waited, blockers));
            }
            Event::StepDone { .. } => self.bar.inc(1),
            Event::Finished => self.bar.finish_and_clear(),
            Event::StepFailed { .. } | Event::Notice(_) => {}
        }
        if !matches!(event, Event::Waiting { .. })
            && let Some(line) = line(event, self.verbosity)
        {
            self.bar.suspend(|| say(&line));
        }
    }
}

struct JsonLines {
    verbosity: Verbosity,
}

impl Listener for JsonLines {
    fn hear(&mut self, event: &Event) {
        let step_fields = |name: &str, table: &QualifiedName, step: &Step| {
            json!({"time": now(), "event": name, "table": table.to_string(), "step": step.kind().as_str(),
                   "target": step.target().to_string()})
        };
        let mut object = match event {
            Event::StepDone { table, step, took } if self.verbosity == Verbosity::Steps => {
                let mut object = step_fields("done", table, step);
                object["milliseconds"] = json!(took.as_millis());
                object
            }
            Event::Waiting { table, step, waited, .. } => {
                let mut object = step_fields("waiting", table, step);
                object["milliseconds"] = json!(waited.as_millis());
                object
            }
            Event::StepFailed { table, step, error } => {
                let mut object = step_fields("failed", table, step);
                object["error"] = json!({"message": error.message, "sqlstate": error.sqlstate, "doing": error.doing,
                                         "next": error.next});
                object
            }
            Event::Notice(text) => json!({"time": now(), "event": "notice", "message": text}),
            Event::Started { .. } | Event::StepStarted { .. } | Event::StepDone { .. } | Event::Finished => return,
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
