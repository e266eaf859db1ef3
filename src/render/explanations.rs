//! Every rule and every kind of finding explained: what it means, why it matters, what to do.
//!
//! The ids and what they mean stand where they are declared ([`RULES`], [`FINDING_CODES`]); here stands the rest, a
//! file for each subject. A test proves that nothing lacks its explanation and none outlives its code.

mod archives;
mod coverage;
mod levels;
mod lints;
mod moves;
mod policy;
mod properties;
mod pruning;
mod retirement;
mod running;

use std::io::{self, Write};

use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Value, json};

use super::schemas::schema_of;
use super::style::{Screen, Tone, wrap};
use crate::plan::{FINDING_CODES, Severity};
use crate::policy::RULES;

/// What there is to say of an id besides its name and its meaning.
struct Explanation {
    id: &'static str,
    /// What comes of it when nothing is done.
    matters: &'static str,
    /// What a person does about it.
    next: &'static str,
    /// Lines worth seeing; may be empty.
    example: &'static str,
}

const fn explain(id: &'static str, matters: &'static str, next: &'static str) -> Explanation {
    Explanation { id, matters, next, example: "" }
}

impl Explanation {
    const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }
}

/// A new id needs its explanation in one of these.
const EXPLANATIONS: &[&[Explanation]] = &[
    policy::EXPLANATIONS,
    lints::EXPLANATIONS,
    coverage::EXPLANATIONS,
    levels::EXPLANATIONS,
    moves::EXPLANATIONS,
    properties::EXPLANATIONS,
    retirement::EXPLANATIONS,
    archives::EXPLANATIONS,
    running::EXPLANATIONS,
    pruning::EXPLANATIONS,
];

/// The id of a rule or of a kind of finding, with all there is to say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Code {
    /// `PT014`
    pub id: &'static str,
    /// `unknown-unit`
    pub name: &'static str,
    /// `error`, `warning` or `info`, unless the policy says otherwise.
    pub severity: &'static str,
    /// The command that tells of it: `validate` for rules, `check` for findings, which `plan` and `apply` show too.
    pub found_by: &'static str,
    /// What it means, as a sentence.
    pub meaning: &'static str,
    /// What comes of it when nothing is done.
    pub matters: &'static str,
    /// What to do.
    pub next: &'static str,
    /// Lines worth seeing; may be empty.
    pub example: &'static str,
}

/// Every id, in order.
pub fn every_code() -> Vec<Code> {
    let rules = RULES.iter().map(|rule| code(rule.id, rule.name, rule.severity, "validate", rule.explanation));
    let findings =
        FINDING_CODES.iter().map(|code| self::code(code.id, code.name, code.severity, "check", code.meaning));
    let mut codes: Vec<Code> = rules.chain(findings).collect();
    codes.sort_by_key(|code| code.id);
    codes
}

/// The code of that id or name, in whatever case.
pub fn find_code(word: &str) -> Option<Code> {
    every_code().into_iter().find(|code| code.id.eq_ignore_ascii_case(word) || code.name.eq_ignore_ascii_case(word))
}

fn code(
    id: &'static str,
    name: &'static str,
    severity: Severity,
    found_by: &'static str,
    meaning: &'static str,
) -> Code {
    let (matters, next, example) =
        explanation(id).map_or(("", "", ""), |found| (found.matters, found.next, found.example));
    Code { id, name, severity: severity.as_str(), found_by, meaning, matters, next, example }
}

fn explanation(id: &str) -> Option<&'static Explanation> {
    EXPLANATIONS.iter().copied().flatten().find(|explanation| explanation.id == id)
}

/// One code for a person.
///
/// # Errors
/// Those of `out`.
pub fn explain_code(code: &Code, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let title = format!("{} {}", code.id, code.name);
    writeln!(out, "{} · {}, found by `{}`", screen.paint(Tone::Heading, &title), code.severity, code.found_by)?;
    writeln!(out)?;
    const LABEL: usize = 14;
    for (label, text) in [("means", code.meaning), ("why", code.matters), ("what to do", code.next)] {
        for (line, text) in wrap(text, screen.room(LABEL)).iter().enumerate() {
            let label = if line == 0 { label } else { "" };
            writeln!(out, "  {label:<width$}{text}", width = LABEL - 2)?;
        }
    }
    if !code.example.is_empty() {
        writeln!(out)?;
        code.example.lines().try_for_each(|line| writeln!(out, "    {line}"))?;
    }
    Ok(())
}

/// Every code on a line of its own.
///
/// # Errors
/// Those of `out`.
pub fn list_codes(codes: &[Code], screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let longest = codes.iter().map(|code| code.name.len()).max().unwrap_or_default();
    for code in codes {
        let label = format!("{} {:<longest$}  {:<8} ", code.id, code.name, code.severity);
        for (line, text) in wrap(code.meaning, screen.room(label.len())).iter().enumerate() {
            if line == 0 {
                writeln!(out, "{}{text}", screen.paint(Tone::Heading, &label))?;
            } else {
                writeln!(out, "{:1$}{text}", "", label.len())?;
            }
        }
    }
    Ok(())
}

#[derive(Serialize, JsonSchema)]
struct Wire<'a> {
    #[schemars(extend("const" = "partctl-codes"))]
    format: &'static str,
    #[schemars(extend("const" = 1))]
    version: u32,
    codes: &'a [Code],
}

/// The schema of what [`codes_json`] writes.
pub(super) fn schema() -> Schema {
    schema_of::<Wire<'static>>()
}

/// Codes as indented JSON of format `partctl-codes`.
///
/// # Errors
/// Those of `out`.
pub fn codes_json(codes: &[Code], out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Wire { format: "partctl-codes", version: 1, codes })?;
    writeln!(out)
}

/// A rule of SARIF's, as `reportingDescriptor` has it.
pub(super) fn sarif_rule(id: &str) -> Value {
    let Some(code) = every_code().into_iter().find(|code| code.id == id) else { return json!({"id": id}) };
    let level = if code.severity == "info" { "note" } else { code.severity };
    let help = format!("{} {}", code.matters, code.next);
    let example = if code.example.is_empty() { String::new() } else { format!("\n\n```\n{}\n```", code.example) };
    json!({
        "id": code.id,
        "name": code.name,
        "shortDescription": {"text": code.meaning},
        "fullDescription": {"text": format!("{} {}", code.meaning, code.matters)},
        "help": {"text": help, "markdown": format!("{}\n\n{}{example}", code.matters, code.next)},
        "defaultConfiguration": {"level": level},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Colour;

    #[test]
    fn everything_is_explained_and_no_explanation_outlives_its_code() {
        for code in every_code() {
            let id = code.id;
            assert!(explanation(id).is_some(), "{id} has no explanation: add it in src/render/explanations/");
            for text in [code.meaning, code.matters, code.next] {
                let first = text.chars().next().unwrap();
                let begins = !first.is_lowercase() || text.starts_with("partctl ");
                assert!(text.ends_with('.') && begins, "{id} is explained in whole sentences: {text}");
                assert!(text.len() < 600, "{id} is explained in a few sentences");
            }
        }
        let ids: Vec<&str> = EXPLANATIONS.iter().copied().flatten().map(|explanation| explanation.id).collect();
        for id in &ids {
            assert!(find_code(id).is_some(), "{id} is explained in src/render/explanations/ and is no code");
            assert_eq!(ids.iter().filter(|other| *other == id).count(), 1, "{id} is explained twice");
        }
        assert!(every_code().windows(2).all(|pair| pair[0].id < pair[1].id && pair[0].name != pair[1].name));
    }

    #[test]
    fn a_code_is_found_by_id_and_by_name_and_told_in_the_room_there_is() {
        assert_eq!(find_code("pt014"), find_code("unknown-unit"));
        assert_eq!(find_code("PT999"), None);
        let code = find_code("PT014").unwrap();
        let mut out = Vec::new();
        explain_code(&code, Screen { width: 72, colour: Colour::Never }, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @"
        PT014 unknown-unit · error, found by `validate`

          means       Units are spelled out: minutes, hours, days, weeks,
                      months, quarters, years.
          why         `m` is minutes to one reader and months to another.
          what to do  Spell the unit out: minutes, hours, days, weeks, months,
                      quarters, years.

            every: 1 mnth      # did you mean `month`?
        ");
    }
}
