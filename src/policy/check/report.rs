//! Gathers the problems of one file, each once, however many documents share the text that causes it.

use std::collections::HashSet;
use std::ops::Range;

use crate::codes::Severity;
use crate::policy::document::{Node, Refusal};
use crate::policy::problem::{Lines, Problem, Rule, Source};
use crate::policy::query_files::QueryFiles;

use super::rules;

/// After so many problems the rest of a file is not worth naming: it is no policy file.
const MAX_PROBLEMS: usize = 10_000;

/// Whether required keys must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wholeness {
    /// A policy.
    Whole,
    /// Defaults, which say only some of it.
    Part,
}

/// The problems of one file so far.
pub(super) struct Report<'a> {
    source: &'a Source,
    files: &'a QueryFiles,
    elsewhere: Vec<Problem>,
    lines: Lines<'a>,
    problems: Vec<Problem>,
    lints: Vec<Problem>,
    seen: HashSet<(Range<usize>, &'static str, String)>,
    wholeness: Wholeness,
    document: Range<usize>,
    sound: bool,
}

/// What there was to say of a file.
pub(super) struct Told {
    /// Its own problems.
    pub problems: Vec<Problem>,
    /// Those of files that it names.
    pub elsewhere: Vec<Problem>,
    /// What is unwise.
    pub lints: Vec<Problem>,
}

impl<'a> Report<'a> {
    pub fn new(source: &'a Source, files: &'a QueryFiles) -> Self {
        let (lines, problems, seen) = (Lines::of(&source.text), Vec::new(), HashSet::new());
        Self {
            source,
            files,
            elsewhere: Vec::new(),
            lines,
            problems,
            lints: Vec::new(),
            seen,
            wholeness: Wholeness::Whole,
            document: 0..0,
            sound: true,
        }
    }

    /// Begins a document; `place` is what a message about the document as a whole points at.
    pub fn begin(&mut self, wholeness: Wholeness, place: Range<usize>) {
        self.wholeness = wholeness;
        self.document = place;
        self.sound = true;
    }

    /// Whether nothing was wrong since the document began.
    pub fn is_sound(&self) -> bool {
        self.sound
    }

    pub fn wholeness(&self) -> Wholeness {
        self.wholeness
    }

    /// What a message about the document as a whole points at.
    pub fn document(&self) -> Range<usize> {
        self.document.clone()
    }

    pub fn is_full(&self) -> bool {
        MAX_PROBLEMS <= self.problems.len() + self.elsewhere.len()
    }

    pub fn problem(&mut self, rule: Rule, span: &Range<usize>, message: impl Into<String>) {
        self.add(rule, span, message.into(), None);
    }

    pub fn hinted(&mut self, rule: Rule, span: &Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.add(rule, span, message.into(), Some(hint.into()));
    }

    pub fn refuse(&mut self, refusal: Refusal) {
        self.add(refusal.rule, &refusal.span, refusal.message, refusal.hint);
    }

    /// Tells of what is unwise, and no problem.
    pub fn lint(&mut self, rule: Rule, severity: Severity, span: &Range<usize>, message: String, hint: String) {
        if !self.is_full() && self.seen.insert((span.clone(), rule.id, message.clone())) {
            let path = self.source.path.clone();
            self.lints.push(Problem { rule, severity, message, path, span: span.clone(), hint: Some(hint) });
        }
    }

    fn add(&mut self, rule: Rule, span: &Range<usize>, message: String, hint: Option<String>) {
        self.sound = false;
        if self.is_full() || !self.seen.insert((span.clone(), rule.id, message.clone())) {
            return;
        }
        let path = self.source.path.clone();
        self.problems.push(Problem { rule, severity: rule.severity, message, path, span: span.clone(), hint });
        if self.is_full() {
            let message = format!("{MAX_PROBLEMS} problems in one file; the rest is not shown");
            let path = self.source.path.clone();
            let rule = rules::TOO_LARGE;
            let problem = Problem { rule, severity: rule.severity, message, path, span: span.clone(), hint: None };
            self.problems.push(problem);
        }
    }

    /// Adds problems of files that this one names, once each.
    pub fn add_elsewhere(&mut self, problems: Vec<Problem>) {
        self.sound &= problems.is_empty();
        for problem in problems {
            if !self.is_full() && !self.elsewhere.contains(&problem) {
                self.elsewhere.push(problem);
            }
        }
    }

    /// The files of queries that were found.
    pub fn files(&self) -> &'a QueryFiles {
        self.files
    }

    /// The file, as the user gave it.
    pub fn path(&self) -> &'a str {
        &self.source.path
    }

    /// The line of a byte of the file, from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.lines.line_of(offset)
    }

    /// Where a part of a scalar's text stands, when it is written as it is read; else the whole scalar.
    pub fn part(&self, node: &Node, text: &str, part: Range<usize>) -> Range<usize> {
        let written = &self.source.text[node.span.clone()];
        match written.find(text) {
            Some(at) if text.get(part.clone()).is_some_and(|part| !part.is_empty()) => {
                node.span.start + at + part.start..node.span.start + at + part.end
            }
            _ => node.span.clone(),
        }
    }

    /// All of it, in order of place.
    pub fn into_told(mut self) -> Told {
        self.problems.sort_by_key(|problem| problem.span.start);
        self.lints.sort_by_key(|lint| lint.span.start);
        Told { problems: self.problems, elsewhere: self.elsewhere, lints: self.lints }
    }
}
