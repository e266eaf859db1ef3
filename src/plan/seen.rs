//! What partctl saw and refused to guess about.

use crate::codes::{FindingCode, Severities, Severity};
use crate::failure::FailureKind;
use crate::policy::Location;
use crate::sql::QualifiedName;

/// The first names of a list that may be long: `a, b, c and 9 more`.
pub fn first_few(names: &[String], shown: usize) -> String {
    match names.len().checked_sub(shown) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..shown].join(", ")),
    }
}

/// What few findings have; apart from them, so that the others stay small.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Behind {
    /// What was measured, line by line.
    pub evidence: Vec<String>,
    /// Where what it is about is written, when that is not the table's policy.
    pub location: Option<Location>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub code: &'static FindingCode,
    /// How much it matters here.
    pub severity: Severity,
    /// The table it is about.
    pub table: Option<QualifiedName>,
    /// What was seen, as a fragment.
    pub message: String,
    /// What to do, as a fragment.
    pub hint: Option<String>,
    /// What few findings have.
    pub behind: Option<Box<Behind>>,
}

impl Finding {
    /// A finding about no table.
    pub fn new(code: &'static FindingCode, message: impl Into<String>) -> Self {
        Self { code, severity: code.severity, table: None, message: message.into(), hint: None, behind: None }
    }

    /// A finding about a table.
    pub fn about(code: &'static FindingCode, table: &QualifiedName, message: impl Into<String>) -> Self {
        Self { table: Some(table.clone()), ..Self::new(code, message) }
    }

    /// The same finding with what was measured; of many lines the first are kept and the rest counted.
    #[must_use]
    pub fn measured(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        const KEPT: usize = 20;
        let mut lines: Vec<String> = lines.into_iter().collect();
        let rest = lines.len().saturating_sub(KEPT);
        if 0 < rest {
            lines.truncate(KEPT);
            lines.push(format!("and {rest} more"));
        }
        self.behind.get_or_insert_default().evidence = lines;
        self
    }

    /// Makes it matter as much as these say.
    pub fn weigh(&mut self, severities: &Severities) {
        self.severity = severities.of(self.code.id, self.code.severity);
    }

    /// How a run that has it ends. What was refused stays refused, however little it is said to matter.
    pub fn failure(&self) -> Option<FailureKind> {
        match (self.severity, self.code.failure) {
            (_, Some(FailureKind::Refused)) => Some(FailureKind::Refused),
            (Severity::Error, usual) => usual.or(Some(FailureKind::Findings)),
            _ => None,
        }
    }

    /// What was measured, line by line.
    pub fn evidence(&self) -> &[String] {
        self.behind.as_ref().map_or(&[], |behind| &behind.evidence)
    }

    /// The same finding with where what it is about is written, when that is not the table's policy.
    #[must_use]
    pub fn written_at(mut self, location: Option<Location>) -> Self {
        if location.is_some() {
            self.behind.get_or_insert_default().location = location;
        }
        self
    }

    /// Where what it is about is written, when that is not the table's policy.
    pub fn location(&self) -> Option<&Location> {
        self.behind.as_ref().and_then(|behind| behind.location.as_ref())
    }

    /// The same finding with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
