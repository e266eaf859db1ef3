//! `pruning`: queries that must prune, with a sample value for each parameter.

use crate::policy::document::{Node, Value};
use crate::policy::model::{PruningQuery, PruningStage};

use super::parameters::{self, Statement};
use super::report::Report;
use super::rules;
use super::scalars::{choice, count, scalar, text, wrong_type};
use super::section::{Keys, Section};

pub(super) const KEYS: Keys =
    Keys { section: "pruning", known: &["name", "sql", "with", "partitions", "locks", "require"], later: &[] };

/// What EXPLAIN takes and can prune.
const COMMANDS: [&str; 8] = ["select", "with", "insert", "update", "delete", "merge", "values", "table"];

/// Reads the list.
pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Option<Vec<PruningQuery>> {
    let Value::List(items) = &node.value else {
        wrong_type(node, "a list of queries", report);
        return None;
    };
    Some(items.iter().enumerate().filter_map(|(index, item)| query(index, item, report)).collect())
}

fn query(index: usize, node: &Node, report: &mut Report<'_>) -> Option<PruningQuery> {
    let section = Section::open(node, &KEYS, report)?;
    let name = section.optional("name", report, text);
    let sql = section.required("sql", report, statement);
    let with = section.optional("with", report, values);
    if let (Some((_, statement)), Some(entry)) = (&sql, section.get("sql")) {
        let given = with.as_ref().map_or(0, Vec::len);
        let readable = with.is_some() || section.get("with").is_none();
        if readable && given != statement.parameters {
            let span = section.get("with").map_or(&entry.value.span, |with| &with.value.span);
            let message = format!(
                "the query has {}, `with` has {}",
                counted(statement.parameters, "parameter"),
                counted(given, "value")
            );
            let hint = "list one sample value for each of $1, $2, ...";
            report.hinted(rules::PRUNING_QUERY, span, message, hint);
        }
    }
    let partitions = section.optional("partitions", report, at_least_one);
    let locks = section.optional("locks", report, at_least_one);
    let require = section.optional("require", report, stage);
    Some(PruningQuery {
        name: name.unwrap_or_else(|| format!("pruning[{index}]")),
        sql: sql?.0,
        with: with.unwrap_or_default(),
        partitions,
        locks,
        require,
    })
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// One statement, without the semicolon at its end.
fn statement(node: &Node, report: &mut Report<'_>) -> Option<(String, Statement)> {
    let sql = text(node, report)?;
    let statement = parameters::scan(&sql);
    let mut refuse = |message: &str| {
        report.problem(rules::PRUNING_QUERY, &node.span, message);
        None
    };
    if statement.statements != 1 {
        return refuse("expected exactly one SQL statement");
    }
    if !COMMANDS.iter().any(|command| statement.first_word.eq_ignore_ascii_case(command)) {
        return refuse("expected a query, or another statement that EXPLAIN takes");
    }
    Some((sql[..statement.end].trim().to_owned(), statement))
}

fn values(node: &Node, report: &mut Report<'_>) -> Option<Vec<String>> {
    let Value::List(items) = &node.value else {
        wrong_type(node, "a list of sample values", report);
        return None;
    };
    let values = items.iter().map(|item| scalar(item, "a sample value", report).map(|scalar| scalar.text.clone()));
    // All of them are looked at before one that is wrong ends it.
    values.collect::<Vec<_>>().into_iter().collect()
}

fn at_least_one(node: &Node, report: &mut Report<'_>) -> Option<u32> {
    count(node, 1..=u32::MAX, report)
}

fn stage(node: &Node, report: &mut Report<'_>) -> Option<PruningStage> {
    let words = [
        ("plan", Some(PruningStage::Plan)),
        ("startup", Some(PruningStage::Startup)),
        ("execution", Some(PruningStage::Execution)),
    ];
    choice(node, &words, report)
}
