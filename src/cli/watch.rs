//! How others get to know of a run, however it ends: metrics, a report, a heartbeat.
//!
//! Wires only. Whatever goes wrong here is told and changes nothing that was done.

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;

use super::carry_out::invocation;
use super::progress::remark;
use super::report::{in_words, report as tell};
use super::save_file::save_file;
use super::terminal::Terminal;
use super::{Ended, Global};
use crate::db::conninfo::{ConnSpec, Host};
use crate::failure::{Failure, FailureKind};
use crate::render::{RunReport, ServiceState, Target, last_success, nagios, prometheus, run_report_json};
use crate::run::{Recipient, heartbeat, http_url, notify};

/// Who is told of a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Telling others")]
pub(super) struct Telling {
    /// Write metrics of this run for node_exporter's textfile collector; whole or not at all, and also when the run
    /// fails
    #[arg(long, value_name = "FILE")]
    prometheus_textfile: Option<PathBuf>,
    /// When the run fails, or detaches or drops something: POST a report as JSON to this URL, or give it to this
    /// command on its standard input; may be given several times
    #[arg(long, value_name = "URL|COMMAND", env = "PARTCTL_NOTIFY", hide_env_values = true)]
    notify: Vec<String>,
    /// GET this URL when the run ends with 0
    #[arg(long, value_name = "URL", env = "PARTCTL_HEARTBEAT", hide_env_values = true)]
    heartbeat: Option<String>,
}

/// What standard output shows of the run itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nothing: the command writes its own report.
    Nothing,
    /// The report that is sent to others.
    Json,
    /// The metrics.
    Prometheus,
    /// A line for a monitoring system, and its exit code.
    Nagios,
}

/// A run that is watched from its beginning to its end.
pub(super) struct Watch {
    textfile: Option<PathBuf>,
    notify: Vec<Recipient>,
    heartbeat: Option<reqwest::Url>,
    shown: Shown,
    started: Instant,
    /// What is known of it so far.
    pub(super) report: RunReport,
}

impl Telling {
    /// Begins to watch.
    ///
    /// # Errors
    /// [`FailureKind::Usage`] for a URL that is none; it is not repeated, as it may hold a secret.
    pub(super) fn watch(&self, command: &'static str, shown: Shown) -> Result<Watch> {
        let usage = |option: &str, why: String| Failure::new(FailureKind::Usage, format!("`{option}`: {why}"));
        // A variable that is set to nothing is as good as none.
        let given = self.notify.iter().filter(|text| !text.trim().is_empty());
        let notify: Result<Vec<_>, _> =
            given.map(|text| Recipient::parse(text).map_err(|why| usage("--notify", why))).collect();
        let url = self.heartbeat.as_deref().filter(|text| !text.trim().is_empty());
        let heartbeat = url.map(|text| http_url(text).map_err(|why| usage("--heartbeat", why)));
        Ok(Watch {
            textfile: self.prometheus_textfile.clone(),
            notify: notify?,
            heartbeat: heartbeat.transpose()?,
            shown,
            ..Watch::alone(command)
        })
    }
}

impl Watch {
    /// A run that nobody else is told of.
    pub(super) fn alone(command: &'static str) -> Self {
        Self {
            textfile: None,
            notify: Vec::new(),
            heartbeat: None,
            shown: Shown::Nothing,
            started: Instant::now(),
            report: RunReport::begin(command, invocation().client(), clock()),
        }
    }

    /// Since when.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// Whether the command itself shows a report to a person.
    pub(super) fn shows_nothing(&self) -> bool {
        self.shown == Shown::Nothing
    }

    /// Notes where the run connects to.
    pub(super) fn connects_to(&mut self, spec: &ConnSpec) {
        let servers = spec.servers.iter().map(|server| match &server.host {
            Host::Socket(folder) => format!("{}:{}", folder.display(), server.port),
            Host::Name(name) | Host::Address { name: Some(name), .. } => format!("{name}:{}", server.port),
            Host::Address { name: None, address } => format!("{address}:{}", server.port),
        });
        let server = servers.collect::<Vec<_>>().join(",");
        self.report.target = Some(Target { database: spec.database.clone(), server });
    }

    /// Tells everybody how the run ended, and returns how the process does. An error is told to the person here.
    pub(super) async fn end(mut self, ended: Ended, global: &Global, terminal: &mut Terminal) -> Ended {
        let mut kind = self.take_in(ended, global, terminal);
        let report = &mut self.report;
        report.took = self.started.elapsed();
        report.failure = kind;
        if let Some(path) = &self.textfile {
            // A file that cannot be read tells of no success; that it cannot be written either is told below. What is
            // no file, such as /dev/stdout, would be read for ever.
            let earlier =
                if path.is_file() { std::fs::read_to_string(path).unwrap_or_default() } else { String::new() };
            report.last_success = last_success(&earlier, report);
        }
        if kind.is_none() && !report.standby {
            report.last_success = Some(clock());
        }
        if let Some(path) = &self.textfile {
            let mut metrics = Vec::new();
            prometheus(report, &mut metrics)?;
            if let Err(error) = save_file(path, &metrics) {
                let told = tell(&error, global.log_format, &mut terminal.err);
                kind = kind.or(Some(told));
                report.failure = kind;
                report.error.get_or_insert_with(|| in_words(&error));
            }
        }
        match self.shown {
            Shown::Nothing => {}
            Shown::Json => run_report_json(report, &mut terminal.out)?,
            Shown::Prometheus => prometheus(report, &mut terminal.out)?,
            Shown::Nagios => {
                nagios(report, &mut terminal.out)?;
                terminal.service_state = Some(ServiceState::of(report));
            }
        }
        // The reader does not wait for others to be told.
        terminal.out.flush()?;
        self.tell_others(global, terminal).await?;
        Ok(kind)
    }

    /// Notes how the command ended.
    fn take_in(&mut self, ended: Ended, global: &Global, terminal: &mut Terminal) -> Option<FailureKind> {
        match ended {
            Ok(kind) => kind,
            Err(error) => {
                self.report.error = Some(in_words(&error));
                Some(tell(&error, global.log_format, &mut terminal.err))
            }
        }
    }

    async fn tell_others(&self, global: &Global, terminal: &mut Terminal) -> Result<()> {
        let mut wrong = Vec::new();
        if self.report.needs_telling() && !self.notify.is_empty() {
            let mut json = Vec::new();
            run_report_json(&self.report, &mut json)?;
            let told = notify(&self.notify, &String::from_utf8_lossy(&json)).await;
            wrong.extend(told.into_iter().map(|why| format!("`--notify`: {why}")));
        }
        // One of a standby would say that all is well while the primary's runs fail.
        if let Some(url) = self.heartbeat.as_ref().filter(|_| self.report.failure.is_none() && !self.report.standby) {
            wrong.extend(heartbeat(url).await.err().map(|why| format!("`--heartbeat`: {why}")));
        }
        for why in wrong {
            remark(&format!("warning: {why}"), global.log_format, &mut terminal.err);
        }
        Ok(())
    }
}

/// This machine's clock: what is compared with it later is compared by others.
fn clock() -> DateTime<Utc> {
    DateTime::<Utc>::from(SystemTime::now())
}
