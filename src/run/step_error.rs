//! Why a step was not done, in words: what the server said, what to do about it, and whether the table's other steps
//! are worth trying all the same.

use std::time::Duration;

use tokio_postgres::error::DbError;

use super::attempt::UNDER_LOCK;
use super::patience::Patience;
use super::signals::StopSignal;
use crate::db::connect::Session;
use crate::failure::{Failure, FailureKind};
use crate::plan::steps::ArchiveTable;
use crate::plan::steps::SetDefaultAside;
use crate::plan::{Action, Blocker, Step, StepError};
use crate::render::elapsed;

/// The server refused.
pub(super) fn refused(session: &Session, error: &tokio_postgres::Error, step: &Step, action: &Action) -> StepError {
    let Some(refusal) = error.as_db_error() else { return lost(session, error, step) };
    let sqlstate = refusal.code().code();
    let (kind, next) = match sqlstate {
        "42501" => (FailureKind::Findings, "grant the right that is missing, then run again"),
        "25006" => (FailureKind::Refused, "connect to the primary"),
        "23514" => (FailureKind::Findings, "rows are in the way, perhaps since the plan: plan again to see which"),
        "23503" => (FailureKind::Findings, "rows elsewhere still reference this partition: retire those first"),
        "2BP01" => (FailureKind::Findings, "drop what depends on it, or point it at another table, then run again"),
        "57014" if matches!(action, Action::Batches(_)) => {
            (FailureKind::Findings, "run again: what was copied is not copied anew")
        }
        "57014" if matches!(step, Step::Move(_) | Step::Split(_)) => (
            FailureKind::Findings,
            "moving took longer than writers may wait, so it was rolled back: allow more by `create.writers_wait`, or \
             try in a quieter hour",
        ),
        "57014" => (
            FailureKind::Findings,
            "it took too long under a lock that others wait for, so it was rolled back: an index on the referencing \
             columns, or less to scan, makes it quick",
        ),
        "42P17" | "42P07" | "42809" | "42P01" | "55000" => {
            (FailureKind::Findings, "the table changed since it was planned: run again")
        }
        "53100" => (FailureKind::Findings, "the disk is full: make room, then run again"),
        "53200" => (FailureKind::Findings, "the lock table is full: raise max_locks_per_transaction"),
        _ if sqlstate.starts_with("57P") => {
            (FailureKind::Unreachable, "the server is going away: run again when it is back")
        }
        _ => (FailureKind::Findings, "nothing of this step was done; mend the cause and run again"),
    };
    let detail = refusal.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
    let message = match sqlstate {
        "57014" if matches!(action, Action::Batches(_)) => "cancelled, or the run's deadline came".to_owned(),
        "57014" => {
            let limit = action.limit().unwrap_or(UNDER_LOCK);
            format!("cancelled, or not done within {} under its locks", elapsed(limit))
        }
        _ => format!("{}{detail}", refusal.message()),
    };
    StepError {
        kind,
        message,
        sqlstate: Some(sqlstate.to_owned()),
        doing: doing(step, action),
        blockers: Vec::new(),
        next: next.to_owned(),
    }
}

/// The connection is gone.
pub(super) fn lost(session: &Session, error: &tokio_postgres::Error, step: &Step) -> StepError {
    let why = session.ended_by().unwrap_or_else(|| error.to_string());
    StepError {
        kind: FailureKind::Unreachable,
        message: format!("the connection was lost: {why}"),
        sqlstate: None,
        doing: briefly(step),
        blockers: Vec::new(),
        next: "run again when the server is back: what was not committed did not happen".to_owned(),
    }
}

/// The archive was not made, or is not what was read: the table is kept.
pub(super) fn not_archived(error: &anyhow::Error, step: &ArchiveTable) -> StepError {
    let server = error.chain().find_map(|cause| cause.downcast_ref::<tokio_postgres::Error>());
    let failure = error.downcast_ref::<Failure>();
    let lost = server.is_some_and(|error| error.as_db_error().is_none());
    StepError {
        kind: match failure {
            Some(failure) => failure.kind,
            None if lost => FailureKind::Unreachable,
            None => FailureKind::Findings,
        },
        message: causes(error),
        sqlstate: server.and_then(|error| error.code()).map(|code| code.code().to_owned()),
        doing: format!("archive {} to {}", step.table, step.archive.to),
        blockers: Vec::new(),
        next: match failure.and_then(|failure| failure.hint.clone()) {
            Some(hint) => format!("{hint}; nothing was dropped"),
            None => "nothing was dropped; mend the cause, and the next run begins this archive again".to_owned(),
        },
    }
}

/// The archive was not deleted, or not wholly.
pub(super) fn not_deleted(error: &anyhow::Error, step: &Step) -> StepError {
    let failure = error.downcast_ref::<Failure>();
    StepError {
        kind: failure.map_or(FailureKind::Findings, |failure| failure.kind),
        message: causes(error),
        sqlstate: None,
        doing: briefly(step),
        blockers: Vec::new(),
        next: failure.and_then(|failure| failure.hint.clone()).unwrap_or_else(|| "run again".to_owned()),
    }
}

/// What went wrong, from the outside in, each cause once: many repeat the one below them.
fn causes(error: &anyhow::Error) -> String {
    let mut told: Vec<String> = Vec::new();
    for cause in error.chain() {
        let refusal = cause.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::as_db_error);
        let text = match refusal.or_else(|| cause.downcast_ref::<DbError>()) {
            Some(refusal) => refusal.message().to_owned(),
            None => cause.to_string(),
        };
        if told.iter().all(|said| !said.contains(&text)) {
            told.push(text);
        }
    }
    told.join(": ")
}

/// The session that holds the run lock is gone, and the lock with it.
pub(super) fn lock_lost(step: &Step) -> StepError {
    StepError {
        kind: FailureKind::Unreachable,
        message: "the connection that holds the run lock was lost".to_owned(),
        sqlstate: None,
        doing: briefly(step),
        blockers: Vec::new(),
        next: "run again: nothing of this step was begun".to_owned(),
    }
}

/// The new partition would not be found by its own bounds.
pub(super) fn not_found(why: String, step: &Step, action: &Action) -> StepError {
    StepError {
        kind: FailureKind::Findings,
        message: format!("rolled back: {why}"),
        sqlstate: None,
        doing: doing(step, action),
        blockers: Vec::new(),
        next: "a CHECK constraint of the table may rule out what this partition is for: compare it with the bounds"
            .to_owned(),
    }
}

/// Patience has ended.
pub(super) fn locks_not_granted(
    step: &Step,
    action: &Action,
    patience: &Patience,
    blockers: Vec<Blocker>,
    error: Option<&tokio_postgres::Error>,
) -> StepError {
    let waited: Duration = patience.waited();
    let said = error.and_then(refused_by_partctl);
    let why = said.map(|said| format!(": {said}")).unwrap_or_default();
    let next = match step {
        Step::Move(_) if said.is_some() => {
            "end those transactions, or try in a quieter hour; `create: {move_rows: always_in_batches}` copies the rows beside \
             transactions of any isolation level"
        }
        _ => "end those transactions, or let the next run try again",
    };
    StepError {
        kind: FailureKind::LockTimeout,
        message: if patience.is_cut_short() {
            format!("locks not granted when the run's deadline came, after {}{why}", elapsed(waited))
        } else {
            format!("locks not granted within {}{why}", elapsed(waited))
        },
        sqlstate: error.and_then(tokio_postgres::Error::code).map(|code| code.code().to_owned()),
        doing: doing(step, action),
        blockers,
        next: next.to_owned(),
    }
}

/// What a statement of a plan said when it was to be tried again, as a fragment: somebody keeps a snapshot. What the server
/// itself says of locks is in its own words.
pub(super) fn refused_by_partctl(error: &tokio_postgres::Error) -> Option<&str> {
    error.as_db_error()?.message().strip_prefix("partctl: ")
}

/// A signal came.
pub(super) fn stopped(signal: StopSignal, step: &Step) -> StepError {
    let next = match step {
        Step::Detach(_) => "run again: a detach that had begun is finished first",
        _ => "run again: this step was not done, or rolled back",
    };
    StepError {
        kind: signal.failure(),
        message: "interrupted".to_owned(),
        sqlstate: None,
        doing: briefly(step),
        blockers: Vec::new(),
        next: next.to_owned(),
    }
}

/// The same error of a concurrent detach that is between its two phases.
pub(super) fn error_of_trapped(error: StepError) -> StepError {
    let next = format!("its rows are invisible from now on, and the next run ends the detach; {}", error.next);
    StepError { next, ..error }
}

/// The same error of a DEFAULT partition that did not come back.
pub(super) fn error_of_absent(error: StepError) -> StepError {
    let next = format!(
        "DEFAULT is away, and rows that fit no partition are refused, until the next run brings it back; {}",
        error.next
    );
    StepError { next, ..error }
}

/// DEFAULT has been away for as long as it may be.
pub(super) fn away_too_long(step: &Step) -> StepError {
    StepError {
        kind: FailureKind::LockTimeout,
        message: format!("left for another run: DEFAULT was away for {}", elapsed(SetDefaultAside::LONGEST)),
        sqlstate: None,
        doing: briefly(step),
        blockers: Vec::new(),
        next: "run again for the rest".to_owned(),
    }
}

/// What the next step would meet as well, by how SQLSTATE begins: the connection (08), a session that may not write (25),
/// who it is (28), deadlocks (40), a full disk or lock table (53), locks that are not granted, a server that is going away.
const ABOUT_ALL: &[&str] = &["08", "25", "28", "40", "53", "55P03", "57P"];

/// Whether the failure is about the step's own target, so that other steps of the table may well succeed.
pub(super) fn is_about_its_target(error: &StepError) -> bool {
    match error.sqlstate.as_deref() {
        Some(code) => !ABOUT_ALL.iter().any(|class| code.starts_with(class)),
        // Not the server's verdict, but that of a proof.
        None => error.kind == FailureKind::Findings,
    }
}

/// The DDL of an action, without the guards and records around it; of one that only guards and records, the step.
fn doing(step: &Step, action: &Action) -> String {
    let ddl = |statement: &String| ["ALTER ", "CREATE ", "DROP "].iter().any(|verb| statement.starts_with(verb));
    let statements: Vec<String> = action.statements().into_iter().filter(ddl).collect();
    if statements.is_empty() { briefly(step) } else { statements.join("; ") }
}

fn briefly(step: &Step) -> String {
    format!("{} {}", step.kind().as_str(), step.target())
}
