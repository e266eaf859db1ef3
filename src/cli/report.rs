//! How a command that failed says so: the whole chain of causes and the hint nearest to the reader, for people or as
//! one line for collectors.

use std::io::Write;

use serde_json::json;

use super::progress::{LogFormat, now};
use crate::db::connect::{describe, is_lost};
use crate::failure::{Failure, FailureKind};
use crate::render::{ErrorReport, plain};

/// Tells why, and returns how the process ends.
pub(super) fn report(error: &anyhow::Error, format: LogFormat, err: &mut dyn Write) -> FailureKind {
    let kind = kind(error);
    let ErrorReport { message, causes, sqlstate, hint } = in_words(error);
    let said = match format {
        LogFormat::Human => {
            let causes: String = causes.iter().map(|cause| format!("\n  caused by: {cause}")).collect();
            let hint = hint.map_or(String::new(), |hint| format!("\n  hint: {hint}"));
            format!("error: {message}{causes}{hint}").lines().map(plain).collect::<Vec<_>>().join("\n")
        }
        LogFormat::Json => {
            json!({"time": now(), "event": "error", "message": message, "causes": causes, "sqlstate": sqlstate,
                   "hint": hint, "kind": kind.as_str(), "exit": kind.exit_code()})
            .to_string()
        }
    };
    // With standard error gone there is nobody left to tell.
    let _ = writeln!(err, "{said}");
    kind
}

/// The same as data.
pub(super) fn in_words(error: &anyhow::Error) -> ErrorReport {
    let mut causes = causes(error).into_iter();
    ErrorReport {
        message: causes.next().unwrap_or_default(),
        causes: causes.collect(),
        sqlstate: by_server(error).and_then(tokio_postgres::Error::code).map(|code| code.code().to_owned()),
        hint: error.downcast_ref::<Failure>().and_then(|failure| failure.hint.clone()),
    }
}

fn by_server(error: &anyhow::Error) -> Option<&tokio_postgres::Error> {
    error.chain().find_map(|cause| cause.downcast_ref::<tokio_postgres::Error>())
}

fn kind(error: &anyhow::Error) -> FailureKind {
    match (error.downcast_ref::<Failure>(), by_server(error)) {
        (Some(failure), _) => failure.kind,
        (None, Some(error)) if is_lost(error) => FailureKind::Unreachable,
        (None, _) => FailureKind::Unexpected,
    }
}

/// Outermost first. Many causes repeat what their context has quoted already: those are left out.
fn causes(error: &anyhow::Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    for cause in error.chain() {
        let (cause, is_last) = match cause.downcast_ref::<tokio_postgres::Error>() {
            Some(error) => (describe(error), true),
            None => (cause.to_string(), false),
        };
        if !causes.iter().any(|said| said.contains(&cause)) {
            causes.push(cause);
        }
        if is_last {
            break;
        }
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_to_people_and_as_one_line_to_collectors() {
        let failure = Failure::new(FailureKind::Refused, "the plan is stale:\n  - a").hint("make it again");
        let error = anyhow::anyhow!("a file\x1b[2J").context(failure);
        let said = |format| {
            let mut text = Vec::new();
            assert_eq!(report(&error, format, &mut text), FailureKind::Refused);
            String::from_utf8(text).unwrap()
        };
        let human = said(LogFormat::Human);
        assert!(human.starts_with("error: the plan is stale:\n  - a\n  caused by: a file"), "{human}");
        assert!(human.ends_with("\n  hint: make it again\n") && !human.contains('\x1b'), "{human}");
        let line = said(LogFormat::Json);
        assert_eq!(line.lines().count(), 1);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["message"], "the plan is stale:\n  - a");
        assert_eq!(object["causes"], json!(["a file\x1b[2J"]));
        assert_eq!((&object["exit"], &object["kind"]), (&json!(7), &json!("refused")));
    }
}
