//! One run of a command, for whoever is told about it: what was seen, what was done, and how it ended.
//!
//! There is such a report of every run, also of one that never reached its database; each format says what is known.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::diff::Overview;
use crate::failure::FailureKind;
use crate::plan::{FailedStep, Finding, Plan, Severity, Step, Withheld};
use crate::pruning::PruningResult;
use crate::sql::QualifiedName;

/// What is known of a run.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// `check` or `apply`.
    pub command: &'static str,
    /// Where it connects to; `None`: what was given cannot be understood.
    pub target: Option<Target>,
    /// Who runs it, and where: `ada@db1.example`.
    pub client: Option<String>,
    /// When it began, by this machine's clock.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub took: Duration,
    /// How it ended; `None`: with 0.
    pub failure: Option<FailureKind>,
    /// Why it was given up.
    pub error: Option<ErrorReport>,
    /// Whether a person who was asked said no.
    pub declined: bool,
    /// Whether this server is a standby, so that there was nothing to do.
    pub standby: bool,
    /// When a run of this command last ended with 0, this one included; `None`: never, as far as anybody knows.
    pub last_success: Option<DateTime<Utc>>,
    /// How the tables stand at its end; `None`: nobody saw them.
    pub seen: Option<Seen>,
    /// What it changed; `None`: it came to no change, or was never to make one.
    pub work: Option<Work>,
}

/// What is connected to, as far as it is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The database.
    pub database: String,
    /// The hosts to try and their ports: `db1:5432,db2:5432`.
    pub server: String,
}

/// How the tables stand.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Table by table.
    pub overview: Overview,
    /// What would be done next.
    pub plan: Plan,
    /// What was found.
    pub findings: Vec<Finding>,
    /// The queries that were asked about.
    pub pruning: Vec<PruningResult>,
}

/// What a run did and did not.
#[derive(Debug, Clone, Default)]
pub struct Work {
    /// Its number in the ledger; `None`: nobody recorded it.
    pub run: Option<i64>,
    /// What is done, and stands.
    pub done: Vec<(QualifiedName, Step)>,
    /// What failed.
    pub failed: Vec<FailedStep>,
    /// How many steps were not tried.
    pub left_out: usize,
    /// What nobody allowed.
    pub withheld: Vec<Withheld>,
    /// What this run was told to leave to another.
    pub put_off: Vec<Withheld>,
}

/// Why a run was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorReport {
    /// What failed.
    pub message: String,
    /// Why, the nearest cause first.
    pub causes: Vec<String>,
    /// SQLSTATE, when the server said it.
    pub sqlstate: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl RunReport {
    /// A run that begins.
    pub fn begin(command: &'static str, client: Option<String>, started_at: DateTime<Utc>) -> Self {
        Self {
            command,
            target: None,
            client,
            started_at,
            took: Duration::ZERO,
            failure: None,
            error: None,
            declined: false,
            standby: false,
            last_success: None,
            seen: None,
            work: None,
        }
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        self.failure.map_or(0, FailureKind::exit_code)
    }

    /// `done`, or the kind of failure.
    pub fn outcome(&self) -> &'static str {
        self.failure.map_or("done", FailureKind::as_str)
    }

    /// The steps that took something away from the table or the disk. What a retirement only sets aside for a moment is
    /// none of them.
    pub fn destroyed(&self) -> impl Iterator<Item = &(QualifiedName, Step)> {
        let done = self.work.iter().flat_map(|work| &work.done);
        done.filter(|(_, step)| matches!(step, Step::Detach(_) | Step::Drop(_) | Step::DeleteArchive(_)))
    }

    /// Whether somebody who was not there wants to know: it failed, or something is gone.
    pub fn needs_telling(&self) -> bool {
        // Whoever interrupts a run, or says no to it, was there.
        let failed = self.failure.is_some_and(|failure| failure != FailureKind::Interrupted) && !self.declined;
        failed || self.destroyed().next().is_some()
    }

    pub(super) fn count(&self, severity: Severity) -> usize {
        let findings = self.seen.iter().flat_map(|seen| &seen.findings);
        findings.filter(|finding| finding.severity == severity).count()
    }

    /// The whole run in one line, for a chat or a subject line.
    pub fn in_words(&self) -> String {
        let target = match &self.target {
            Some(Target { database, server }) => format!(" of {database} on {server}"),
            None => String::new(),
        };
        let ended = match self.failure {
            None => "done".to_owned(),
            Some(failure) => format!("ended with exit {} ({})", failure.exit_code(), failure.as_str()),
        };
        let mut text = format!("partctl {}{target}: {ended}", self.command);
        if let Some(error) = &self.error {
            text.push_str(&format!(", {}", error.message.lines().next().unwrap_or_default()));
        }
        let gone: Vec<String> =
            self.destroyed().map(|(_, step)| format!("{} {}", step.kind().as_str(), step.target())).collect();
        if !gone.is_empty() {
            text.push_str(&format!("; {}", crate::plan::first_few(&gone, 5)));
        }
        let failed = self.work.iter().flat_map(|work| &work.failed);
        for failed in failed.take(3) {
            let FailedStep { step, error, .. } = failed;
            text.push_str(&format!("; {} {} failed: {}", step.kind().as_str(), step.target(), error.message));
        }
        let findings = self.seen.iter().flat_map(|seen| &seen.findings);
        let errors: Vec<String> = findings
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| match &finding.table {
                Some(table) => format!("{} {table}: {}", finding.code.id, finding.message),
                None => format!("{} {}", finding.code.id, finding.message),
            })
            .collect();
        if !errors.is_empty() {
            text.push_str(&format!("; {}", crate::plan::first_few(&errors, 3)));
        }
        super::style::plain(&text)
    }
}
