//! List partitions: which values go where. A value is its text, whatever YAML would make of it.

use std::collections::HashMap;

use crate::policy::check::report::Report;
use crate::policy::check::scalars::{scalar, shown, text, wrong_type};
use crate::policy::check::section::{Section, repeated};
use crate::policy::check::{parameters, rules};
use crate::policy::document::{Entry, Node, Value};
use crate::policy::model::{Groups, ListGroup, ListPolicy, Partitioning};

use super::MAX_PARTITIONS;
use super::key::single_part;

/// Reads a list policy.
pub(super) fn read(section: &Section<'_>, report: &mut Report<'_>) -> Option<Partitioning> {
    let key = section.required("list", report, single_part);
    if !section.has_any(&["values", "each"]) {
        section.missing("values", report);
    }
    let groups = section.optional("values", report, groups);
    let query = section.optional("each", report, each);
    let default = section.optional("default", report, text);
    if let (Some(groups), Some(name), Some(entry)) = (&groups, &default, section.get("default"))
        && groups.iter().any(|group| group.name == *name)
    {
        let message = format!("{} is the name of another partition in `values`", shown(name));
        report.problem(rules::DUPLICATE_VALUE, &entry.value.span, message);
    }
    if let (Some(_), Some(entry)) = (section.get("values"), section.get("each")) {
        let message = "`values` and `each` in one policy";
        let hint = "the partitions are either the policy's or a query's";
        report.hinted(rules::CONTRADICTION, &entry.key_span, message, hint);
        return None;
    }
    let groups = groups.map(Groups::Named).or(query.map(Groups::Each));
    Some(Partitioning::List(ListPolicy { key: key?, groups: groups?, default }))
}

/// `each`: one query, without the semicolon at its end. It is put into a query of ours.
pub(super) fn each(node: &Node, report: &mut Report<'_>) -> Option<String> {
    const COMMANDS: [&str; 4] = ["select", "with", "values", "table"];
    let sql = text(node, report)?;
    let statement = parameters::scan(&sql);
    let is_query = COMMANDS.iter().any(|command| statement.first_word.eq_ignore_ascii_case(command));
    if statement.statements != 1 || !is_query || statement.parameters != 0 {
        let message = if statement.parameters == 0 { "`each` is not one query" } else { "`each` has parameters" };
        report.hinted(rules::EACH, &node.span, message, "write it as in `select id from app.tenants`");
        return None;
    }
    Some(sql[..statement.end].trim().to_owned())
}

/// `values`: names and the values of each.
pub(super) fn groups(node: &Node, report: &mut Report<'_>) -> Option<Vec<ListGroup>> {
    let Value::Map(entries) = &node.value else {
        wrong_type(node, "a map of names to lists of values", report);
        return None;
    };
    repeated(entries, report);
    if entries.is_empty() {
        wrong_type(node, "a map of names to lists of values", report);
    }
    if (MAX_PARTITIONS as usize) < entries.len() {
        let message = format!("{} partitions, more than {MAX_PARTITIONS}", entries.len());
        report.problem(rules::TOO_LARGE, &node.span, message);
        return None;
    }
    let mut homes = Homes::default();
    Some(entries.iter().map(|entry| group(entry, &mut homes, report)).collect())
}

/// The partition of each value so far.
#[derive(Default)]
struct Homes<'n>(HashMap<Option<&'n str>, (&'n str, usize)>);

fn group<'n>(entry: &'n Entry, homes: &mut Homes<'n>, report: &mut Report<'_>) -> ListGroup {
    if entry.key.trim().is_empty() || entry.key.contains('\0') {
        report.problem(rules::WRONG_TYPE, &entry.key_span, "a partition needs a name");
    }
    let mut values = Vec::new();
    match &entry.value.value {
        Value::List(items) if !items.is_empty() => {
            for item in items {
                let value = match &item.value {
                    Value::Null => None,
                    _ => match scalar(item, "a value", report) {
                        Some(scalar) => Some(scalar.text.as_str()),
                        None => continue,
                    },
                };
                if let Some((home, line)) = homes.0.get(&value) {
                    let message =
                        format!("{} is already in `{home}` on line {line}", value.map_or("null".to_owned(), shown));
                    report.problem(rules::DUPLICATE_VALUE, &item.span, message);
                    continue;
                }
                homes.0.insert(value, (&entry.key, report.line(item.span.start)));
                values.push(value.map(str::to_owned));
            }
        }
        Value::List(_) => {
            report.problem(rules::OUT_OF_RANGE, &entry.value.span, "a partition without values");
        }
        _ => wrong_type(&entry.value, "a list of values", report),
    }
    ListGroup { name: entry.key.clone(), values }
}
