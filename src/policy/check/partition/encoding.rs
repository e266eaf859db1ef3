//! `encoding`: a word, `text:FORMAT`, or a map of the word to its parameters.

use crate::keys::{Encoding, EncodingError, Fault, Parameters};
use crate::policy::check::nearest::{did_you_mean, nearest};
use crate::policy::check::report::Report;
use crate::policy::check::rules;
use crate::policy::check::scalars::{integer, text, wrong_type};
use crate::policy::check::section::repeated;
use crate::policy::document::{Entry, Node, Value};

/// Reads the key.
pub(super) fn encoding(node: &Node, report: &mut Report<'_>) -> Option<Encoding> {
    let Value::Map(entries) = &node.value else {
        let written = text(node, report)?;
        return written.parse().map_err(|error| refuse(node, None, error, report)).ok();
    };
    let [entry] = entries.as_slice() else {
        wrong_type(node, "one encoding", report);
        return None;
    };
    let parameters = match &entry.value.value {
        Value::Map(numbers) => {
            repeated(numbers, report);
            let numbers = numbers.iter().map(|entry| Some((entry.key.clone(), integer(&entry.value, report)?)));
            Parameters::Numbers(numbers.collect::<Option<_>>()?)
        }
        _ => Parameters::Text(text(&entry.value, report)?),
    };
    Encoding::new(&entry.key, parameters).map_err(|error| refuse(node, Some(entry), error, report)).ok()
}

/// Points at the parameter that is at fault, else at all of it.
fn refuse(node: &Node, entry: Option<&Entry>, error: EncodingError, report: &mut Report<'_>) {
    let (mut span, mut hint) = (&node.span, error.hint);
    match (error.fault, entry.map(|entry| &entry.value.value)) {
        (Fault::Word(word), _) => hint = nearest(&word, Encoding::words()).map(did_you_mean).or(hint),
        (Fault::Parameter(name), Some(Value::Map(parameters))) => {
            span = parameters.iter().find(|parameter| parameter.key == name).map_or(span, |found| &found.key_span);
        }
        (Fault::Parameter(_) | Fault::Parameters, _) => {}
    }
    match hint {
        Some(hint) => report.hinted(rules::ENCODING, span, error.message, hint),
        None => report.problem(rules::ENCODING, span, error.message),
    }
}
