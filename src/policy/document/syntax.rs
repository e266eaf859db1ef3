//! What the YAML parser refused, told to somebody who writes policies rather than parsers.

use std::ops::Range;

use serde_saphyr::Error;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::granit_parser::{ErrorKind, Marker, Parser};

use super::{MAX_DEPTH, Refusal};
use crate::policy::check::rules;

/// The refusal of the document that occupies this range of the text.
pub(super) fn refusal(error: &Error, text: &str, document: Range<usize>) -> Refusal {
    let span = place(error, text, document.clone());
    let too_large = |message: String| Refusal::new(rules::TOO_LARGE, span.clone(), message);
    let syntax = |message: &str| Refusal::new(rules::SYNTAX, span.clone(), message);
    match error.without_snippet() {
        Error::AliasError { error, .. } => refusal(error, text, document),
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            too_large(format!("nested more than {MAX_DEPTH} levels deep"))
        }
        Error::Budget { .. } => too_large("too many values in one file".to_owned()).hint("split it into several files"),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => too_large("aliases make too many values out of a few".to_owned()),
        Error::UnknownAnchor { .. } => {
            let alias = text[span.start..].split([' ', '\t', '\r', '\n', ',', ']', '}']).next().unwrap_or_default();
            let span = span.start..span.start + alias.len();
            Refusal::new(rules::SYNTAX, span, "an alias to something that is not defined above it in this document")
                .hint(format!("define it with `&{}`", alias.trim_start_matches('*').escape_debug()))
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => syntax("an alias inside what it stands for"),
        Error::MergeValueNotMapOrSeqOfMaps { .. } => syntax("`<<` takes a map or a list of maps"),
        Error::UnsupportedTag { .. } => syntax("a tag that means nothing here").hint("leave the `!...` out"),
        Error::InvalidScalar { .. }
        | Error::InvalidBooleanStrict { .. }
        | Error::InvalidBinaryBase64 { .. }
        | Error::BinaryNotUtf8 { .. }
        | Error::TaggedScalarCannotDeserializeIntoString { .. }
        | Error::SerdeInvalidType { .. }
        | Error::Unexpected { .. } => syntax("the value does not fit its tag").hint("leave the `!!...` out"),
        _ => scanned(text, document).unwrap_or_else(|| syntax("not YAML")),
    }
}

/// The parser's own error with its kind, which comes through serde as a text only.
fn scanned(text: &str, document: Range<usize>) -> Option<Refusal> {
    let chunk = &text[document.clone()];
    let limits = serde_saphyr::granit_parser::options! { flow_nesting_limit: MAX_DEPTH };
    let error = Parser::new_from_str_with_options(chunk, limits).find_map(Result::err)?;
    let span = character_at(text, document.start + byte_of(chunk, error.marker()), &document);
    let (message, hint) = wording(error.kind());
    if *error.kind() == ErrorKind::RecursionLimitExceeded {
        let message = format!("nested more than {MAX_DEPTH} levels deep");
        return Some(Refusal::new(rules::TOO_LARGE, span, message));
    }
    let refusal = Refusal::new(rules::SYNTAX, span, message);
    Some(if hint.is_empty() { refusal } else { refusal.hint(hint) })
}

/// What is wrong, and what to do about it (empty when there is nothing to add).
fn wording(kind: &ErrorKind) -> (String, &'static str) {
    use ErrorKind as K;
    let (message, hint) = match kind {
        K::MappingValueNotAllowed => (
            "a `:` that starts a value where none can stand",
            "quote a text that contains `: `, and indent the keys of one map alike",
        ),
        K::SimpleKeyExpected | K::InvalidSimpleKey | K::ExpectedBlockMappingKey => {
            ("this line is not a `key: value`", "keys of one map are indented alike and end with `: `")
        }
        K::ExpectedBlockSequenceEntry | K::BlockSequenceEntryNotAllowed | K::InvalidBlockEntryWhitespace => {
            ("a list entry (`- ...`) was expected, or cannot stand here", "entries of one list are indented alike")
        }
        K::TabInBlockIndentation
        | K::TabNotAllowed
        | K::TabInIndentation
        | K::TabInPlainScalar
        | K::TabAtBlockScalarStart => ("a tab where YAML wants spaces", "indent with spaces"),
        K::UnclosedQuotedScalar | K::InvalidQuotedScalarIndent | K::DocumentIndicatorInQuotedScalar => {
            ("a quoted text is not closed, or goes on without indentation", "")
        }
        K::InvalidTrailingSingleQuotedScalar | K::InvalidTrailingDoubleQuotedScalar => {
            ("something follows a closing quote", "quote the whole value, and double a `'` inside '...'")
        }
        K::UnknownQuotedScalarEscape
        | K::InvalidQuotedScalarHexEscape
        | K::InvalidUnicodeEscape
        | K::InvalidLowSurrogateHexEscape
        | K::InvalidLowSurrogate
        | K::MissingLowSurrogate
        | K::UnpairedLowSurrogate => ("an unknown `\\` escape in \"...\"", "in '...' a backslash is only a backslash"),
        K::UnclosedFlowCollection { open: '[' } | K::UnexpectedEofFlowSequence | K::ExpectedFlowSequenceSeparator => {
            ("a list `[...]` with a `,` or the closing `]` missing", "")
        }
        K::UnclosedFlowCollection { .. }
        | K::UnexpectedEofFlowMapping
        | K::UnexpectedEofImplicitFlowMapping
        | K::ExpectedFlowMappingSeparator
        | K::InvalidColonPlacement
        | K::FlowMappingValueAdjacentCollection
        | K::InvalidFlowScalarIndent => ("a `,`, `]` or `}` is missing, or a `:` stands where none can", ""),
        K::MisplacedFlowCollectionEnd => ("a closing bracket without its opening one", ""),
        K::MismatchedFlowCollectionEnd { .. } => ("brackets that do not match", ""),
        K::UnexpectedCharacter { character: '@' | '`' | '%' | '|' | '>' } => {
            ("a value cannot begin with this character", "quote the value")
        }
        K::UnexpectedCharacter { .. } => ("a character that YAML does not allow", ""),
        K::CommentNotSeparated => ("a comment needs a space before its `#`", ""),
        K::CommentInterceptedScalar => ("a comment in the middle of a text", ""),
        K::InvalidIndentation
        | K::ZeroBlockScalarIndent
        | K::InvalidBlockScalarHeader
        | K::InvalidBlockScalarIndent => ("the indentation does not fit", ""),
        K::MissingAnchorOrAliasName => ("`&` and `*` need a name", "quote a value that begins with them"),
        K::ExpectedDocumentStart | K::InvalidDocumentEnd | K::MissingDocumentEndBeforeDirective => {
            ("something stands between two documents", "documents are divided by lines of `---`")
        }
        K::UnexpectedEof | K::UnexpectedEofBlockMapping | K::UnexpectedEofBlockSequence | K::ExpectedNodeContent => {
            ("a value is missing or cannot stand here", "")
        }
        other => return (format!("not YAML: {other}"), ""),
    };
    (message.to_owned(), hint)
}

fn place(error: &Error, text: &str, document: Range<usize>) -> Range<usize> {
    let Some(location) = error.location() else { return document.start..document.start };
    match (location.span().byte_offset(), location.span().byte_len()) {
        (Some(offset), Some(len)) if 0 < len => {
            let start = document.start + offset as usize;
            let range = start..start + len as usize;
            match text.get(range) {
                Some(found) => start..start + found.split(['\r', '\n']).next().unwrap_or_default().len(),
                None => document.start..document.start,
            }
        }
        _ => {
            let chunk = &text[document.clone()];
            let offset = byte_of_line_and_column(chunk, location.line() as usize, location.column() as usize);
            character_at(text, document.start + offset, &document)
        }
    }
}

/// The character at an offset, nothing at a line break; at the end of a document, the last one that is not blank.
fn character_at(text: &str, offset: usize, document: &Range<usize>) -> Range<usize> {
    let chunk = &text[document.clone()];
    let last = document.start + chunk.trim_end().char_indices().next_back().map_or(0, |(at, _)| at);
    let start = offset.min(last);
    let character = text[start..].chars().next().filter(|c| !matches!(c, '\r' | '\n'));
    start..start + character.map_or(0, char::len_utf8)
}

fn byte_of(chunk: &str, marker: &Marker) -> usize {
    marker.byte_offset().unwrap_or_else(|| byte_of_line_and_column(chunk, marker.line(), marker.col() + 1))
}

/// The offset of a line and a column in characters, both from 1. YAML ends a line at `\n`, `\r\n` and a lone `\r`.
fn byte_of_line_and_column(chunk: &str, line: usize, column: usize) -> usize {
    let mut start = 0;
    for _ in 1..line {
        let Some(at) = chunk[start..].find(['\r', '\n']) else { break };
        let width = if chunk[start + at..].starts_with("\r\n") { 2 } else { 1 };
        start += at + width;
    }
    chunk[start..].char_indices().nth(column.saturating_sub(1)).map_or(chunk.len(), |(at, _)| start + at)
}
