//! Past runs, as the ledger tells them: data for whoever shows them.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Blocker;

/// What is known of past runs.
#[derive(Debug, Clone, PartialEq)]
pub enum History {
    /// There is no ledger in this database.
    NoLedger,
    /// The runs that were asked for, newest first.
    Runs(Vec<PastRun>),
}

/// A run that began.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRun {
    /// Its number, from 1.
    pub id: i64,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Whether and how it ended.
    pub end: RunEnd,
    /// The role that logged in.
    pub role: String,
    /// The account that the client ran under.
    pub os_user: Option<String>,
    /// The machine that the client ran on.
    pub client_host: Option<String>,
    /// partctl's version.
    pub version: String,
    /// The options that mattered, as they are written; `None`: of a version that did not record them.
    pub options: Option<Vec<String>>,
    /// Steps that were done.
    pub done: u64,
    /// Steps that failed.
    pub failed: u64,
    /// Steps that were not tried; `None`: nobody recorded it.
    pub left_out: Option<u64>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEnd {
    /// By itself.
    Ended {
        /// When.
        at: DateTime<Utc>,
        /// `done`, or the kind of failure.
        outcome: String,
    },
    /// Not yet: its session holds the run lock.
    Running {
        /// Its backend's process id.
        pid: i32,
        /// For how long so far.
        since: Duration,
    },
    /// Its end was not recorded: it was killed, lost its connection, or is running where nobody can see it.
    Unknown,
}

impl PastRun {
    /// From its start to its end, or to now.
    pub fn took(&self) -> Option<Duration> {
        match &self.end {
            RunEnd::Ended { at, .. } => at.signed_duration_since(self.started_at).to_std().ok(),
            RunEnd::Running { since, .. } => Some(*since),
            RunEnd::Unknown => None,
        }
    }

    /// The client's account and machine, such as `ada@db1`.
    pub fn client(&self) -> Option<String> {
        client_in_words(self.os_user.as_deref(), self.client_host.as_deref())
    }
}

/// An account and a machine, such as `ada@db1`, as far as they are known.
pub fn client_in_words(user: Option<&str>, host: Option<&str>) -> Option<String> {
    match (user, host) {
        (None, None) => None,
        (Some(user), None) => Some(user.to_owned()),
        (user, Some(host)) => Some(format!("{}@{host}", user.unwrap_or_default())),
    }
}

/// A step that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct PastStep {
    /// Where it stood in its plan, from 1.
    pub position: Option<i64>,
    /// When it was done, or failed.
    pub finished_at: DateTime<Utc>,
    /// Its table.
    pub table: String,
    /// Fingerprint of the table's policy.
    pub fingerprint: String,
    /// Its kind, as [`super::StepKind::as_str`] has it in the version that ran it.
    pub kind: String,
    /// What it was about.
    pub target: String,
    /// From its start to its end, waiting included.
    pub took: Option<Duration>,
    /// Its statements.
    pub sql: Option<String>,
    /// Why it was not done; `None`: it was.
    pub error: Option<String>,
    /// SQLSTATE of the error.
    pub sqlstate: Option<String>,
    /// Who was in the way.
    pub blockers: Vec<Blocker>,
}
