//! `severity`: how much findings about the table matter, kind by kind.
//!
//! What keeps a policy from being read is an error for everybody, and nothing is lowered to silence.

use crate::codes::{FINDING_CODES, Severities, Severity};
use crate::policy::document::{Node, Value};
use crate::policy::reference::{Key, Keys, Shape};

use super::RULES;
use super::nearest::{did_you_mean, nearest};
use super::report::Report;
use super::rules;
use super::scalars::{choice, shown, words, wrong_type};
use super::section::repeated;

const LEVELS: [(&str, Severity); 3] =
    [("error", Severity::Error), ("warning", Severity::Warning), ("info", Severity::Info)];

const LEVEL: Shape = Shape::Choice(|| words(&LEVELS));

const LINTS: usize = {
    let (mut count, mut at) = (0, 0);
    while at < RULES.len() {
        count += RULES[at].is_lint() as usize;
        at += 1;
    }
    count
};

/// What it means is a sentence there and a fragment here.
const fn key(id: &'static str, meaning: &'static str) -> Key {
    Key::new(id, LEVEL, meaning.split_at(meaning.len() - 1).0).examples(&["warning"])
}

/// A key for each kind of finding and each lint.
const CODES: [Key; FINDING_CODES.len() + LINTS] = {
    let mut keys = [Key::new("", LEVEL, ""); FINDING_CODES.len() + LINTS];
    let (mut at, mut filled) = (0, 0);
    while at < RULES.len() {
        if RULES[at].is_lint() {
            keys[filled] = key(RULES[at].id, RULES[at].explanation);
            filled += 1;
        }
        at += 1;
    }
    at = 0;
    while at < FINDING_CODES.len() {
        keys[filled] = key(FINDING_CODES[at].id, FINDING_CODES[at].meaning);
        filled += 1;
        at += 1;
    }
    keys
};

pub(super) static KEYS: Keys = Keys::of("severity", &CODES);

/// The id that somebody may say the severity of.
///
/// # Errors
/// What is wrong with it, and what to write.
pub fn code_of_severity(word: &str) -> Result<&'static str, (String, Option<String>)> {
    if let Some(key) = CODES.iter().find(|key| key.name == word) {
        return Ok(key.name);
    }
    if let Some(rule) = RULES.iter().find(|rule| rule.id == word || rule.name == word) {
        let why = format!("{} {} keeps a policy from being read: it stays an error", rule.id, rule.name);
        return Err((why, None));
    }
    let why = format!("there is no finding {}", shown(word));
    let mut names =
        RULES.iter().map(|rule| (rule.id, rule.name)).chain(FINDING_CODES.iter().map(|code| (code.id, code.name)));
    let named = names.find(|(id, name)| [id, name].iter().any(|one| one.eq_ignore_ascii_case(word)));
    let near = || nearest(word, CODES.iter().map(|key| key.name));
    let hint = match named {
        Some((id, _)) => Some(format!("write its id, `{id}`")),
        None => near().map(did_you_mean),
    };
    Err((why, Some(hint.unwrap_or_else(|| "`partctl check --explain` lists them".to_owned()))))
}

/// `error`, `warning` or `info`.
pub fn severity_called(word: &str) -> Option<Severity> {
    LEVELS.iter().find(|(level, _)| *level == word).map(|(_, severity)| *severity)
}

/// Reads the section.
pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Option<Severities> {
    let Value::Map(entries) = &node.value else {
        wrong_type(node, "a map of ids to `error`, `warning` or `info`", report);
        return None;
    };
    repeated(entries, report);
    let mut severities = Severities::default();
    for entry in entries {
        match code_of_severity(&entry.key) {
            Ok(id) => {
                if let Some(severity) = choice(&entry.value, &LEVELS, report) {
                    severities.set(id, severity);
                }
            }
            Err((message, Some(hint))) => report.hinted(rules::UNKNOWN_KEY, &entry.key_span, message, hint),
            Err((message, None)) => report.problem(rules::CONTRADICTION, &entry.key_span, message),
        }
    }
    Some(severities)
}
