//! A command line that is wrong: for people as clap says it, for collectors as one line like any other failure.

use std::io::Write;

use clap::error::{ContextKind, ContextValue};

use super::progress::LogFormat;
use super::report::report;
use crate::failure::{Failure, FailureKind};

/// Tells what is wrong, and returns how the process ends; help and the version are no failure.
pub(super) fn tell(error: &clap::Error, arguments: &[String], err: &mut dyn Write) -> Option<FailureKind> {
    if !error.use_stderr() || !wants_json(arguments) {
        // clap prints help and version to stdout and errors to stderr; a closed pipe there is nobody's loss.
        let _ = error.print();
        return error.use_stderr().then_some(FailureKind::Usage);
    }
    Some(report(&in_words(error).into(), LogFormat::Json, err))
}

/// `--log-format json`, as far as that can be told of what cannot be read.
fn wants_json(arguments: &[String]) -> bool {
    let pairs = arguments.iter().zip(arguments.iter().skip(1));
    arguments.iter().any(|argument| argument == "--log-format=json")
        || pairs.into_iter().any(|(option, value)| option == "--log-format" && value == "json")
}

fn in_words(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    // The message, then what is possible or near, then the usage, each apart.
    let mut parts = text.split("\n\n");
    let message = parts.next().unwrap_or_default().trim_start_matches("error: ");
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let near = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let near = near.into_iter().find_map(|kind| match error.get(kind)? {
        ContextValue::String(near) => Some(near.clone()),
        ContextValue::Strings(near) => near.first().cloned(),
        _ => None,
    });
    let hint = near.map_or_else(
        || "`partctl help` tells of every command and option".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    Failure::new(FailureKind::Usage, message).hint(hint)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    fn told(arguments: &[&str]) -> serde_json::Value {
        let arguments: Vec<String> = ["partctl"].iter().chain(arguments).map(ToString::to_string).collect();
        let error = Cli::try_parse_from(&arguments).unwrap_err();
        let mut text = Vec::new();
        assert_eq!(tell(&error, &arguments, &mut text), Some(FailureKind::Usage));
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_collector_gets_one_line_with_the_next_step() {
        let line = told(&["--log-format=json", "aply"]);
        assert_eq!((&line["event"], &line["exit"]), (&"error".into(), &64.into()));
        assert_eq!(
            (&line["message"], &line["hint"]),
            (&"unrecognized subcommand 'aply'".into(), &"did you mean `apply`?".into())
        );
        let line = told(&["plan", "--log-format", "json", "--at", "soon"]);
        assert!(line["message"].as_str().unwrap().contains("not a time: write `2027-06-01`"), "{line}");
        assert!(line["hint"].as_str().unwrap().contains("partctl help"), "{line}");
        let line = told(&["--log-format", "json"]);
        assert!(line["message"].as_str().unwrap().contains("requires a subcommand"), "{line}");
    }
}
