//! Keys: columns, and expressions in parentheses.

use crate::policy::check::report::Report;
use crate::policy::check::rules;
use crate::policy::check::scalars::{identifier, shown, text, wrong_type};
use crate::policy::document::{Node, Value};
use crate::sql::KeyPart;

/// `PARTITION_MAX_KEYS` of Postgres.
const MOST_PARTS: usize = 32;

/// The key of range and hash partitions: one part, or a list of them.
pub(super) fn parts(node: &Node, report: &mut Report<'_>) -> Option<Vec<KeyPart>> {
    let Value::List(items) = &node.value else { return Some(vec![part(node, report)?]) };
    if items.is_empty() {
        wrong_type(node, "the key columns", report);
        return None;
    }
    if MOST_PARTS < items.len() {
        report.problem(rules::OUT_OF_RANGE, &node.span, format!("a key has at most {MOST_PARTS} columns"));
    }
    let mut parts: Vec<KeyPart> = Vec::new();
    for item in items {
        let Some(part) = part(item, report) else { continue };
        if parts.contains(&part) {
            let message = format!("{} is in the key already", shown(&part.to_string()));
            report.problem(rules::DUPLICATE_VALUE, &item.span, message);
        } else {
            parts.push(part);
        }
    }
    (!parts.is_empty()).then_some(parts)
}

/// The key of list partitions.
pub(super) fn single_part(node: &Node, report: &mut Report<'_>) -> Option<KeyPart> {
    match &node.value {
        Value::List(items) if items.len() == 1 => part(&items[0], report),
        Value::List(items) if 1 < items.len() => {
            // 42P17 in Postgres.
            let message = "a table is partitioned by lists of one column only";
            report.problem(rules::CONTRADICTION, &node.span, message);
            None
        }
        _ => part(node, report),
    }
}

fn part(node: &Node, report: &mut Report<'_>) -> Option<KeyPart> {
    let Value::Scalar(scalar) = &node.value else {
        wrong_type(node, "a column, or an expression in parentheses", report);
        return None;
    };
    let written = scalar.text.trim();
    if written.starts_with('"') || !written.contains('(') {
        return identifier(node, report).map(KeyPart::Column);
    }
    let part = KeyPart::parse(&text(node, report)?);
    if part.is_err() {
        let message = format!("{} is no expression in parentheses", shown(written));
        let hint = "write it as in `(date_trunc('day', created_at))`, and between quotes in a list";
        report.hinted(rules::NAME, &node.span, message, hint);
    }
    part.ok()
}
