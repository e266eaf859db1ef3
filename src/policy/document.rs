//! One file's text as a list of documents, each a tree whose every key and value knows its place.
//!
//! Decides how the text is cut into documents, how much of it is read at most, and what a syntax error is called.
//! Knows nothing of what a policy may say.

mod split;
mod syntax;
mod tree;

use std::ops::Range;

use serde_saphyr::{DuplicateKeyPolicy, NonFiniteFloatPolicy, Options, Spanned};

pub(super) use self::split::documents as ranges;
pub(super) use self::tree::{Entry, Form, Node, Origin, Scalar, Value};
use super::check::rules;
use super::problem::{Problem, Rule};

/// Largest file that is read: 20,000 policies take 5.6 MB.
pub(super) const MAX_FILE_BYTES: usize = 8 << 20;
/// Most keys, values, lists and maps of one file, aliases expanded.
const MAX_FILE_NODES: usize = 2_000_000;
/// Most of them in one document.
const MAX_DOCUMENT_NODES: usize = 250_000;
/// Most parser events that aliases may repeat in one document.
const MAX_REPLAYED: usize = 50_000;
/// Deepest nesting; a policy needs five levels.
const MAX_DEPTH: usize = 32;

/// Why a piece of text is not taken as YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub rule: Rule,
    pub message: String,
    pub hint: Option<String>,
    pub span: Range<usize>,
}

impl Refusal {
    fn new(rule: Rule, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { rule, message: message.into(), hint: None, span }
    }

    /// The same as a problem of the file that the text is of.
    pub fn in_file(self, path: &str) -> Problem {
        Problem {
            rule: self.rule,
            severity: self.rule.severity,
            message: self.message,
            path: path.to_owned(),
            span: self.span,
            hint: self.hint,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Reads the documents of a text in turn, so that only one tree is in memory at a time.
///
/// A document that is not YAML is refused alone, except when it is too large: then the rest of the file is refused too.
pub(super) struct Documents<'a> {
    text: &'a str,
    rest: std::vec::IntoIter<Range<usize>>,
    nodes_left: usize,
}

/// One document: its tree (`None` when it is empty or no YAML) and what is wrong with its spelling.
pub(super) struct Document {
    pub root: Option<Node>,
    pub refusals: Vec<Refusal>,
    /// Where it stands in the text.
    pub range: Range<usize>,
}

impl<'a> Documents<'a> {
    /// The documents of a text; of one that is too large or not UTF-8, a single one that says so.
    pub fn of(text: &'a str) -> Result<Self, Refusal> {
        if MAX_FILE_BYTES < text.len() {
            let message = format!("the file is larger than {} MB", MAX_FILE_BYTES >> 20);
            return Err(Refusal::new(rules::TOO_LARGE, 0..0, message).hint("split it into several files"));
        }
        if let Some(at) = text.find(char::REPLACEMENT_CHARACTER) {
            let span = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
            return Err(Refusal::new(rules::SYNTAX, span, "not UTF-8 text").hint("save the file as UTF-8"));
        }
        Ok(Self { text, rest: split::documents(text).into_iter(), nodes_left: MAX_FILE_NODES })
    }

    fn read(&mut self, range: Range<usize>) -> Document {
        let chunk = &self.text[range.clone()];
        let most = MAX_DOCUMENT_NODES.min(self.nodes_left);
        match serde_saphyr::from_str_with_options::<Spanned<tree::Raw>>(chunk, options(most)) {
            Ok(raw) => {
                let mut builder = tree::Builder::new(self.text, range.start);
                let root = builder.node(raw);
                self.nodes_left = self.nodes_left.saturating_sub(builder.nodes);
                Document { root: (root.value != Value::Null).then_some(root), refusals: builder.refusals, range }
            }
            Err(error) => {
                let refusal = syntax::refusal(&error, self.text, range.clone());
                if refusal.rule == rules::TOO_LARGE {
                    self.rest = Vec::new().into_iter();
                }
                Document { root: None, refusals: vec![refusal], range }
            }
        }
    }
}

impl Iterator for Documents<'_> {
    type Item = Document;

    fn next(&mut self) -> Option<Document> {
        let range = self.rest.next()?;
        Some(self.read(range))
    }
}

fn options(nodes: usize) -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: nodes,
            max_events: 4 * MAX_DOCUMENT_NODES,
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_total_scalar_bytes: MAX_FILE_BYTES,
            max_recorded_anchor_events: nodes,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_REPLAYED.min(nodes),
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

#[cfg(test)]
mod tests;
