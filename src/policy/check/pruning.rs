//! `pruning`: queries that must prune, with a sample value for each parameter.

use crate::policy::document::{Node, Value};
use crate::policy::model::{Location, PruningQuery, PruningStage};
use crate::policy::reference::{Key, Keys, POSITIVE, Shape};

use super::parameters::{self, Statement};
use super::query_file;
use super::report::Report;
use super::rules;
use super::scalars::{choice, count, scalar, shown, text, words, wrong_type};
use super::section::Section;

pub(super) static KEYS: Keys = Keys {
    section: "pruning",
    known: &[
        Key::new("name", Shape::Text, "what the query is called in reports").examples(&["one month of orders"]),
        Key::new("sql", Shape::Text, "one statement that EXPLAIN takes, with `$1` and so on for parameters")
            .examples(&["select * from shop.orders where order_date >= $1 and order_date < $2"])
            .required(),
        Key::new("with", Shape::List(&Shape::Scalar), "a sample value for each parameter")
            .examples(&["[\"2026-06-01\", \"2026-07-01\"]"]),
        Key::new("file", Shape::Text, "instead of `sql`: a `.sql` file or a glob, from the policy's folder")
            .examples(&["queries/*.sql"])
            .required(),
        Key::new("partitions", POSITIVE, "how many partitions may be scanned at most").examples(&["1"]),
        Key::new("locks", POSITIVE, "how many relations may be locked at most").examples(&["20"]),
        Key::new(
            "require",
            Shape::Choice(|| words(&STAGES)),
            "the latest moment at which the others may be left out: while planning, when execution starts, or during it",
        ),
    ],
    alternatives: &[&["sql", "name", "with"], &["file"]],
};

/// What EXPLAIN takes and can prune.
const COMMANDS: [&str; 8] = ["select", "with", "insert", "update", "delete", "merge", "values", "table"];

/// The words for [`PruningStage`].
pub(super) const STAGES: [(&str, PruningStage); 3] =
    [("plan", PruningStage::Plan), ("startup", PruningStage::Startup), ("execution", PruningStage::Execution)];

/// What a query is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Limits {
    pub partitions: Option<u32>,
    pub locks: Option<u32>,
    pub require: Option<PruningStage>,
}

/// Reads the list.
pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Option<Vec<PruningQuery>> {
    let Value::List(items) = &node.value else {
        wrong_type(node, "a list of queries", report);
        return None;
    };
    let queries = items.iter().enumerate().flat_map(|(index, item)| entry(index, item, report));
    Some(queries.collect())
}

fn entry(index: usize, node: &Node, report: &mut Report<'_>) -> Vec<PruningQuery> {
    let Some(section) = Section::open(node, &KEYS, report) else { return Vec::new() };
    let limits = Limits {
        partitions: section.optional("partitions", report, at_least_one),
        locks: section.optional("locks", report, at_least_one),
        require: section.optional("require", report, |node, report| choice(node, &STAGES, report)),
    };
    match section.get("file") {
        Some(_) => of_file(&section, &limits, report),
        None => query(index, &section, limits, report).into_iter().collect(),
    }
}

/// The queries of the files that an entry names, each with its own place and problems.
fn of_file(section: &Section<'_>, limits: &Limits, report: &mut Report<'_>) -> Vec<PruningQuery> {
    for key in ["name", "sql", "with"] {
        if let Some(entry) = section.get(key) {
            let hint = format!("write `-- partctl: {key}=...` above a query of the file");
            let message = format!("`{key}` does not go with `file`");
            match key {
                "sql" => report.problem(rules::CONTRADICTION, &entry.key_span, message),
                _ => report.hinted(rules::CONTRADICTION, &entry.key_span, message, hint),
            }
        }
    }
    let Some(pattern) = section.optional("file", report, text) else { return Vec::new() };
    let Some(span) = section.get("file").map(|entry| &entry.value.span) else { return Vec::new() };
    let sources = match report.files().matching(report.path(), &pattern) {
        Ok([]) => {
            let message = format!("no file is called {}", shown(&pattern));
            report.hinted(rules::QUERY_FILE, span, message, "the path is relative to the policy file");
            return Vec::new();
        }
        Ok(sources) => sources,
        Err(why) => {
            report.problem(rules::QUERY_FILE, span, format!("cannot read {}: {why}", shown(&pattern)));
            return Vec::new();
        }
    };
    let mut queries = Vec::new();
    for source in sources {
        let (mut found, problems) = query_file::read(source, limits);
        queries.append(&mut found);
        report.add_elsewhere(problems);
    }
    queries
}

fn query(index: usize, section: &Section<'_>, limits: Limits, report: &mut Report<'_>) -> Option<PruningQuery> {
    let name = section.optional("name", report, text);
    let sql = section.required("sql", report, statement);
    let with = section.optional("with", report, values);
    if let (Some((_, statement)), Some(entry)) = (&sql, section.get("sql")) {
        let given = with.as_ref().map_or(0, Vec::len);
        let readable = with.is_some() || section.get("with").is_none();
        if readable && let Some(message) = parameter_count(statement.parameters, given) {
            let span = section.get("with").map_or(&entry.value.span, |with| &with.value.span);
            let hint = "list one sample value for each of $1, $2, ...";
            report.hinted(rules::PRUNING_QUERY, span, message, hint);
        }
    }
    let line = section.get("sql").map_or(1, |entry| report.line(entry.key_span.start));
    Some(PruningQuery {
        name: name.unwrap_or_else(|| format!("pruning[{index}]")),
        sql: sql?.0,
        with: with.unwrap_or_default(),
        partitions: limits.partitions,
        locks: limits.locks,
        require: limits.require,
        location: Location { path: report.path().to_owned(), line },
    })
}

/// What to say when a query has not one value for each of its parameters.
pub(super) fn parameter_count(parameters: usize, given: usize) -> Option<String> {
    (given != parameters)
        .then(|| format!("the query has {}, `with` has {}", counted(parameters, "parameter"), counted(given, "value")))
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// What to say of a text that is not one statement which can prune.
pub(super) fn fault(statement: &Statement) -> Option<&'static str> {
    if statement.statements != 1 {
        return Some("expected exactly one SQL statement");
    }
    let known = COMMANDS.iter().any(|command| statement.first_word.eq_ignore_ascii_case(command));
    (!known).then_some("expected a query, or another statement that EXPLAIN takes")
}

/// Whether a text is one statement that EXPLAIN takes and that can prune, as far as its first word tells.
pub fn is_query(sql: &str) -> bool {
    fault(&parameters::scan(sql)).is_none()
}

/// One statement, without the semicolon at its end.
fn statement(node: &Node, report: &mut Report<'_>) -> Option<(String, Statement)> {
    let sql = text(node, report)?;
    let statement = parameters::scan(&sql);
    if let Some(message) = fault(&statement) {
        report.problem(rules::PRUNING_QUERY, &node.span, message);
        return None;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_explain_takes_is_a_query() {
        for sql in [
            "select 1;",
            " (SELECT 1)",
            "/* a /* b */ */ (select 1)",
            "/* app */ -- x\n delete from a",
            "WITH a as (select) select",
            "merge into a",
        ] {
            assert!(is_query(sql), "{sql}");
        }
        for sql in [
            "",
            "begin",
            "explain select 1",
            "prepare x as select 1",
            "/* select",
            "selectx",
            "copy a to stdout",
            "select 1; select 2",
        ] {
            assert!(!is_query(sql), "{sql}");
        }
    }
}
