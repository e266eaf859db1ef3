//! `partctl validate`: policies, checked without a database.

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::explain_code::{Answered, Explaining, Written};
use super::{Global, context, policy_files};
use crate::failure::FailureKind;
use crate::plan::{Severities, Severity};
use crate::policy::{Checked, Problem, Source, check_with};
use crate::render::{Screen, problems};

/// Check policies without a database
///
/// Reports every problem of every file in one run, each with its file, line and column and the id of the rule, and
/// exits with 4 when there is any.
#[derive(Debug, Clone, Args)]
pub struct Validate {
    /// Files, or folders of *.yaml and *.yml files [default: those of --policies]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// What the ids in messages mean
    #[command(flatten)]
    pub explaining: Explaining,

    /// How problems are written
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: ValidateOutput,
}

/// The formats of `validate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ValidateOutput {
    /// Each problem under the line it is in
    #[default]
    Human,
    /// One document with every problem
    Json,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// Annotations in the log of a GitHub workflow
    Github,
}

/// Checks the policies of `args`, or those of `--policies` when it names none, and writes what is wrong with them, or
/// unwise.
///
/// Returns [`FailureKind::Policy`] when there are errors, or with `--strict` warnings; they are the result, so nothing is
/// left to be said.
///
/// # Errors
/// A [`Failure`](crate::failure::Failure) of kind [`FailureKind::Policy`] when a path is missing or holds no policy; any other error when the
/// output cannot be written.
pub(super) fn run(
    args: &Validate,
    global: &Global,
    screen: Screen,
    out: &mut dyn io::Write,
) -> anyhow::Result<Option<FailureKind>> {
    let written = match args.output {
        ValidateOutput::Human => Written::ForPeople,
        ValidateOutput::Json => Written::AsJson,
        ValidateOutput::Sarif | ValidateOutput::Github => Written::NotAtAll,
    };
    if args.explaining.answer(written, screen, out)? == Answered::Explained {
        return Ok(None);
    }
    let paths = if args.paths.is_empty() { context::policy_paths(global) } else { args.paths.clone() };
    let sources = policy_files::read(&paths)?;
    let queries = policy_files::query_files(&sources);
    let checked = check_with(&sources, &queries);
    if checked.policies.is_empty() && checked.problems.is_empty() {
        return Err(policy_files::no_policy(&paths).into());
    }
    let sources = [sources, queries.sources()].concat();
    let found = everything_of(&checked, &sources, &global.severities());
    match args.output {
        ValidateOutput::Human => {
            problems::draw(&found, &sources, screen, out)?;
            writeln!(out, "{}", problems::summary(&found, checked.policies.len(), &sources))?;
            if let Some(first) = found.first() {
                writeln!(out, "hint: `partctl validate --explain {}` says what a rule is for", first.rule.id)?;
            }
        }
        ValidateOutput::Json => problems::json(&found, &sources, out)?,
        ValidateOutput::Sarif => problems::sarif(&found, &sources, out)?,
        ValidateOutput::Github => problems::github(&found, &sources, out)?,
    }
    let fails = if global.strict { Severity::Warning } else { Severity::Error };
    Ok(found.iter().any(|problem| fails <= problem.severity).then_some(FailureKind::Policy))
}

/// Problems and what is unwise, by file and place. The command line goes before what policies say of severities.
fn everything_of(checked: &Checked, sources: &[Source], severities: &Severities) -> Vec<Problem> {
    let lints = checked.lints.iter().map(|lint| {
        let severity = severities.of(lint.rule.id, lint.severity);
        Problem { severity, ..lint.clone() }
    });
    let mut found: Vec<Problem> = checked.problems.iter().cloned().chain(lints).collect();
    let file = |problem: &Problem| sources.iter().position(|source| source.path == problem.path);
    found.sort_by_key(|problem| (file(problem), problem.span.start));
    found
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::failure::Failure;
    use crate::render::Colour;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        validate: Validate,
        #[command(flatten)]
        global: Global,
    }

    const GOOD: &str = "version: 1\ntable: a.b\npartition: {hash: id, modulus: 4}\n";

    fn validate(files: &[(&str, &str)], options: &[&str]) -> (anyhow::Result<Option<FailureKind>>, String) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let CommandLine { validate, mut global } = CommandLine::parse_from(["validate"].iter().chain(options));
        global.policies = vec![folder.path().to_owned()];
        let mut out = Vec::new();
        let result = run(&validate, &global, Screen { width: 80, colour: Colour::Never }, &mut out);
        let text = String::from_utf8(out).unwrap().replace(&format!("{}/", folder.path().display()), "");
        (result, text)
    }

    #[test]
    fn good_policies_are_counted_and_succeed() {
        let two = format!("{GOOD}---\n{}", GOOD.replace("a.b", "a.c"));
        let (result, text) = validate(&[("a.yaml", &two), ("b.yml", &GOOD.replace("a.b", "a.d"))], &[]);
        assert_eq!(result.unwrap(), None);
        assert_eq!(text, "3 policies in 2 files are fine\n");
        let (result, text) = validate(&[("a.yaml", GOOD)], &["-o", "github"]);
        assert_eq!((result.unwrap(), text.as_str()), (None, ""));
    }

    #[test]
    fn problems_of_all_files_are_shown_and_fail() {
        let files = [("a.yaml", "version: 2\n"), ("b.yaml", GOOD), ("c.yaml", "table: [\n")];
        let (result, text) = validate(&files, &[]);
        assert_eq!(result.unwrap(), Some(FailureKind::Policy));
        for part in ["error[PT006]", " --> a.yaml:1:10", " --> c.yaml:1:8", "4 errors in 2 files, 1 file is fine\n"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        for output in ["json", "sarif", "github"] {
            let (result, text) = validate(&files, &["-o", output]);
            assert_eq!(result.unwrap(), Some(FailureKind::Policy));
            assert!(text.contains("PT006") && text.contains("a.yaml"), "{text}");
        }
    }

    #[test]
    fn what_is_unwise_is_told_and_fails_where_it_is_asked_to() {
        let unwise = "version: 1\ntable: a.b\npartition: {range: d, every: 1 month}\ncreate: {ahead: 0 partitions}\n";
        let (result, text) = validate(&[("a.yaml", unwise)], &[]);
        assert_eq!(result.unwrap(), None);
        assert!(
            text.contains("warning[PT062]: ") && text.contains("\n1 policy in 1 file is valid, with 1 warning\nhint: "),
            "{text}"
        );
        let (result, _) = validate(&[("a.yaml", unwise)], &["--strict"]);
        assert_eq!(result.unwrap(), Some(FailureKind::Policy));
        let (result, text) = validate(&[("a.yaml", unwise)], &["--severity", "PT062=error", "-o", "github"]);
        assert_eq!(result.unwrap(), Some(FailureKind::Policy));
        assert!(text.starts_with("::error file=a.yaml,line=4,"), "{text}");
        let excused = format!("{unwise}severity: {{PT062: info}}\n");
        let (result, text) = validate(&[("a.yaml", &excused)], &["--strict", "-o", "sarif"]);
        assert_eq!(result.unwrap(), None);
        assert!(text.contains("\"level\": \"note\""), "{text}");
        let (result, _) = validate(&[("a.yaml", &excused)], &["--severity", "PT062=warning", "--strict"]);
        assert_eq!(result.unwrap(), Some(FailureKind::Policy));
    }

    #[test]
    fn a_severity_that_nobody_can_say_is_no_command_line() {
        for (said, part) in [
            ("PT062", "write it as in `PT120=error`"),
            ("PT062=off", "`off` is no severity"),
            ("PT14=info", "there is no finding `PT14`: did you mean `PT1"),
            ("rows-in-default=info", "write its id, `PT102`"),
            ("PT014=info", "PT014 unknown-unit keeps a policy from being read: it stays an error"),
        ] {
            let error = CommandLine::try_parse_from(["validate", "--severity", said]).err().unwrap().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn files_of_queries_are_checked_with_the_policy_that_names_them() {
        let policy = format!("{GOOD}pruning: [{{file: '*.sql'}}]\n");
        let (result, text) = validate(&[("a.yaml", &policy), ("q.sql", "select 1;")], &[]);
        assert_eq!(result.unwrap(), None, "{text}");
        assert_eq!(text, "1 policy in 2 files is fine\n");
        let broken = "select 1;\n\n-- partctl: partition=1\nselect $1;\n";
        let files = [("a.yaml", policy.as_str()), ("b.yaml", "version: 2\n"), ("q.sql", broken)];
        let (result, text) = validate(&files, &[]);
        assert_eq!(result.unwrap(), Some(FailureKind::Policy));
        for part in ["error[PT006]", "error[PT002]", " --> q.sql:3:13", "did you mean `partitions`?", "error[PT019]"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        let (_, text) = validate(&files, &["-o", "github"]);
        assert!(text.contains("file=q.sql,line=4,endLine=4,col=1"), "{text}");
    }

    #[test]
    fn a_code_is_explained_without_a_policy() {
        let (result, text) = validate(&[], &["--explain", "PT014"]);
        assert_eq!(result.unwrap(), None);
        assert!(text.starts_with("PT014 unknown-unit · error, found by `validate`\n"), "{text}");
        let (_, list) = validate(&[], &["--explain"]);
        assert!(list.lines().count() > 60 && list.contains("PT102 rows-in-default"), "{list}");
        let (_, json) = validate(&[], &["--explain", "rows-in-default", "-o", "json"]);
        assert!(json.contains("\"PT102\""), "{json}");
        let (result, _) = validate(&[], &["--explain", "-o", "sarif"]);
        assert_eq!(result.unwrap_err().downcast_ref::<Failure>().unwrap().kind, FailureKind::Usage);
        assert!(CommandLine::try_parse_from(["validate", "--explain", "PT999"]).is_err());
    }

    #[test]
    fn the_examples_of_the_project_are_policies() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
        let CommandLine { validate, global } = CommandLine::parse_from(["validate", "--strict", "--policies", folder]);
        let mut out = Vec::new();
        let result = run(&validate, &global, Screen { width: 80, colour: Colour::Never }, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "3 policies in 3 files are fine\n");
        assert_eq!(result.unwrap(), None);
    }

    #[test]
    fn no_policy_at_all_is_a_failure() {
        for files in [&[][..], &[("a.yaml", "# later\n")], &[("readme.md", GOOD)]] {
            let error = validate(files, &[]).0.unwrap_err();
            assert_eq!(error.downcast_ref::<Failure>().unwrap().kind, FailureKind::Policy);
        }
    }
}
