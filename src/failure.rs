//! Kinds of failure and the exit code of each (cli.md's table, and nothing else, decides them).
//!
//! Upstairs code attaches a [`Failure`] to an `anyhow` chain as context; `main` reads it once. Below the purity
//! line nothing fails this way: decisions return findings and problems as data.

use std::fmt;

/// Why a run ends with something other than 0. The order is the order of precedence when several apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// `plan --check`: changes are pending (exit 2).
    Pending,
    /// Findings of severity error, a failed pruning check, or some tables failed (exit 3).
    Findings,
    /// Locks were not granted within the patience given; nothing is half done (exit 8).
    LockTimeout,
    /// Stale plan, destruction not allowed, blast radius exceeded, standby (exit 7).
    Refused,
    /// A policy is invalid, or does not fit its table (exit 4).
    Policy,
    /// Another run holds the lock (exit 6).
    Busy,
    /// The database is unreachable or refused the credentials (exit 5).
    Unreachable,
    /// Anything that nobody foresaw (exit 1).
    Unexpected,
    /// The command line itself is wrong (exit 64).
    Usage,
    /// Ctrl-C (exit 130).
    Interrupted,
    /// SIGTERM (exit 143).
    Terminated,
}

impl FailureKind {
    /// A word for logs and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unexpected => "unexpected",
            Self::Pending => "pending",
            Self::Findings => "findings",
            Self::Policy => "policy",
            Self::Unreachable => "unreachable",
            Self::Busy => "busy",
            Self::Refused => "refused",
            Self::LockTimeout => "lock timeout",
            Self::Usage => "usage",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }

    /// The process exit code, as documented in the README.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Unexpected => 1,
            Self::Pending => 2,
            Self::Findings => 3,
            Self::Policy => 4,
            Self::Unreachable => 5,
            Self::Busy => 6,
            Self::Refused => 7,
            Self::LockTimeout => 8,
            Self::Usage => 64,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

/// A failure that its author understood: what kind it is, and what the reader can do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Decides the exit code.
    pub kind: FailureKind,
    /// What failed, as a lowercase fragment.
    pub message: String,
    /// What to do next, as a lowercase fragment.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// The same failure with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
