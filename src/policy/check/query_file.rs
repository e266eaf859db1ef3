//! A file of queries: statements that end in `;`, each with comments above it that say what must hold.
//!
//! ```sql
//! -- partctl: name=one month, partitions=1, require=plan, with=('2026-06-01', '2026-07-01')
//! select * from shop.orders where order_date >= $1 and order_date < $2;
//! ```
//!
//! Statements are found without parsing SQL: only quotes, dollar quotes and comments are understood.

use std::ops::Range;

use crate::policy::model::{Location, PruningQuery, PruningStage};
use crate::policy::problem::{Lines, Problem, Rule, Source};

use super::nearest::{did_you_mean, nearest};
use super::parameters::{self, Token};
use super::pruning::{Limits, STAGES, fault, parameter_count};
use super::rules;
use super::scalars::shown;

/// What a comment for partctl begins with, after its `--`.
const MARK: &str = "partctl:";
const KEYS: [&str; 5] = ["name", "with", "partitions", "locks", "require"];
/// Largest file that is read.
const MAX_BYTES: usize = 8 << 20;

/// The queries of a file, and all that is wrong with it. `limits` hold where a query has none of its own.
pub(super) fn read(source: &Source, limits: &Limits) -> (Vec<PruningQuery>, Vec<Problem>) {
    let mut reader = Reader { source, lines: Lines::of(&source.text), problems: Vec::new() };
    if MAX_BYTES < source.text.len() {
        reader.problem(rules::TOO_LARGE, 0..0, format!("the file is larger than {} MB", MAX_BYTES >> 20), None);
    } else if let Some((at, found)) = source.text.match_indices([char::REPLACEMENT_CHARACTER, '\0']).next() {
        reader.problem(rules::SYNTAX, at..at + found.len(), "not UTF-8 text", Some("save the file as UTF-8"));
    } else {
        let queries = reader.queries(limits);
        return (queries, reader.problems);
    }
    (Vec::new(), reader.problems)
}

/// A statement, its semicolon excluded, and the comments for partctl above it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Piece {
    statement: Range<usize>,
    comments: Vec<Range<usize>>,
}

/// The statements of a text, and comments for partctl that stand above none.
fn split(text: &str) -> (Vec<Piece>, Vec<Range<usize>>) {
    let (mut pieces, mut stray): (Vec<Piece>, Vec<Range<usize>>) = (Vec::new(), Vec::new());
    let mut piece = Piece::default();
    let mut ended = None;
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    while let Some(token) = parameters::token(&text[at..]) {
        let range = at..at + token.len();
        at = range.end;
        match token {
            Token::Blank(_) => {
                let comment = text[range.clone()].strip_prefix("--").unwrap_or_default().trim_start();
                if comment.starts_with(MARK) {
                    let beside = ended.is_some_and(|end| !text[end..range.start].contains('\n'));
                    let above = piece.statement.is_empty() && !beside;
                    let comments = if above { &mut piece.comments } else { &mut stray };
                    comments.push(range);
                }
            }
            Token::Semicolon => {
                if !piece.statement.is_empty() {
                    pieces.push(std::mem::take(&mut piece));
                }
                ended = Some(at);
            }
            Token::Parameter(..) | Token::Word(_) | Token::Other(_) => {
                let start = if piece.statement.is_empty() { range.start } else { piece.statement.start };
                piece.statement = start..range.end;
            }
        }
    }
    if piece.statement.is_empty() {
        stray.extend(piece.comments);
    } else {
        pieces.push(piece);
    }
    (pieces, stray)
}

struct Reader<'a> {
    source: &'a Source,
    lines: Lines<'a>,
    problems: Vec<Problem>,
}

/// What the comments above a statement say.
#[derive(Debug, Default)]
struct Said {
    name: Option<String>,
    with: Option<Vec<String>>,
    limits: Limits,
    seen: Vec<&'static str>,
}

/// A value of a comment.
#[derive(Debug)]
enum Value {
    Text(String),
    List(Vec<String>),
}

impl<'a> Reader<'a> {
    fn problem(&mut self, rule: Rule, span: Range<usize>, message: impl Into<String>, hint: Option<&str>) {
        let (path, hint) = (self.source.path.clone(), hint.map(str::to_owned));
        self.problems.push(Problem { rule, severity: rule.severity, message: message.into(), path, span, hint });
    }

    fn queries(&mut self, limits: &Limits) -> Vec<PruningQuery> {
        let (pieces, stray) = split(&self.source.text);
        if pieces.is_empty() {
            self.problem(rules::QUERY_FILE, 0..0, "the file holds no statement", None);
        }
        for comment in stray {
            let hint = "write it on a line of its own above the statement that it is about";
            self.problem(rules::PRUNING_QUERY, comment, "a comment for partctl above no statement", Some(hint));
        }
        pieces.into_iter().filter_map(|piece| self.query(&piece, limits)).collect()
    }

    fn query(&mut self, piece: &Piece, limits: &Limits) -> Option<PruningQuery> {
        let before = self.problems.len();
        let mut said = Said::default();
        for comment in &piece.comments {
            self.comment(comment.clone(), &mut said);
        }
        let sql = &self.source.text[piece.statement.clone()];
        let statement = parameters::scan(sql);
        if let Some(message) = fault(&statement) {
            self.problem(rules::PRUNING_QUERY, piece.statement.clone(), message, None);
        }
        let readable = said.with.is_some() || !said.seen.contains(&"with");
        let given = said.with.as_ref().map_or(0, Vec::len);
        if readable && let Some(message) = parameter_count(statement.parameters, given) {
            let hint = "write `-- partctl: with=('a', 'b')` above it, one sample value for each of $1, $2, ...";
            self.problem(rules::PRUNING_QUERY, piece.statement.clone(), message, Some(hint));
        }
        let line = self.lines.line_of(piece.statement.start);
        let file = self.source.path.rsplit('/').next().unwrap_or(&self.source.path);
        (self.problems.len() == before).then(|| PruningQuery {
            name: said.name.unwrap_or_else(|| format!("{file}:{line}")),
            sql: sql.to_owned(),
            with: said.with.unwrap_or_default(),
            partitions: said.limits.partitions.or(limits.partitions),
            locks: said.limits.locks.or(limits.locks),
            require: said.limits.require.or(limits.require),
            location: Location { path: self.source.path.clone(), line },
        })
    }

    /// `-- partctl: key=value, key=value`
    fn comment(&mut self, comment: Range<usize>, said: &mut Said) {
        let text = &self.source.text[comment.clone()];
        let mark = text.find(MARK).map_or(text.len(), |at| at + MARK.len());
        let mut cursor = Cursor { text, at: mark };
        loop {
            cursor.skip_blanks();
            if cursor.rest().is_empty() {
                return;
            }
            let key_at = cursor.at;
            let key = cursor.take_while(|c| c.is_alphanumeric() || c == '_');
            let key_span = comment.start + key_at..comment.start + cursor.at;
            cursor.skip_blanks();
            if key.is_empty() || !cursor.eat('=') {
                let span = comment.start + key_at..comment.end;
                let hint = "write `-- partctl: name=..., partitions=1, locks=20, require=plan, with=('a', 'b')`";
                return self.problem(rules::PRUNING_QUERY, span, "expected `key=value`", Some(hint));
            }
            cursor.skip_blanks();
            let value_at = cursor.at;
            let value = cursor.value();
            let span = comment.start + value_at..comment.start + cursor.at.max(value_at);
            match value {
                Ok(value) => self.key(key, key_span, value, span, said),
                Err(message) => {
                    said.seen.extend(KEYS.into_iter().find(|known| *known == key));
                    return self.problem(rules::PRUNING_QUERY, span, message, None);
                }
            }
            cursor.skip_blanks();
            if !cursor.eat(',') && !cursor.rest().is_empty() {
                let span = comment.start + cursor.at..comment.end;
                return self.problem(rules::PRUNING_QUERY, span, "expected a comma", None);
            }
        }
    }

    fn key(&mut self, key: &str, key_span: Range<usize>, value: Value, span: Range<usize>, said: &mut Said) {
        let Some(known) = KEYS.into_iter().find(|known| *known == key) else {
            let hint = nearest(key, KEYS).map(did_you_mean);
            return self.problem(rules::UNKNOWN_KEY, key_span, format!("unknown key {}", shown(key)), hint.as_deref());
        };
        if said.seen.contains(&known) {
            return self.problem(rules::DUPLICATE_KEY, key_span, format!("duplicate key `{known}`"), None);
        }
        said.seen.push(known);
        match (known, value) {
            ("with", Value::List(values)) => said.with = Some(values),
            ("with", Value::Text(_)) => {
                self.problem(rules::WRONG_TYPE, span, "expected a list of sample values", Some("write `with=('a')`"));
            }
            (_, Value::List(_)) => self.problem(rules::WRONG_TYPE, span, "expected one value, found a list", None),
            ("name", Value::Text(name)) if name.is_empty() => {
                self.problem(rules::WRONG_TYPE, span, "expected text, found an empty one", None);
            }
            ("name", Value::Text(name)) => said.name = Some(name),
            ("partitions", Value::Text(text)) => said.limits.partitions = self.count(&text, span),
            ("locks", Value::Text(text)) => said.limits.locks = self.count(&text, span),
            (_, Value::Text(text)) => said.limits.require = self.stage(&text, span),
        }
    }

    fn count(&mut self, text: &str, span: Range<usize>) -> Option<u32> {
        let count = text.parse().ok().filter(|count: &u32| 1 <= *count);
        if count.is_none() {
            let message = format!("expected a whole number from 1 on, found {}", shown(text));
            self.problem(rules::WRONG_TYPE, span, message, None);
        }
        count
    }

    fn stage(&mut self, text: &str, span: Range<usize>) -> Option<PruningStage> {
        let found = STAGES.into_iter().find(|(word, _)| *word == text).map(|(_, stage)| stage);
        if found.is_none() {
            let message = format!("expected `plan`, `startup` or `execution`, found {}", shown(text));
            let hint = nearest(text, STAGES.map(|(word, _)| word)).map(did_you_mean);
            self.problem(rules::UNKNOWN_CHOICE, span, message, hint.as_deref());
        }
        found
    }
}

/// A place in a comment.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn take_while(&mut self, takes: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !takes(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn skip_blanks(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        self.at += if found { c.len_utf8() } else { 0 };
        found
    }

    fn value(&mut self) -> Result<Value, &'static str> {
        if !self.eat('(') {
            return self.one(",").map(Value::Text);
        }
        let mut values = Vec::new();
        self.skip_blanks();
        while !self.eat(')') {
            values.push(self.one(",)")?);
            self.skip_blanks();
            if !self.eat(',') && !self.rest().starts_with(')') {
                return Err("the list is not closed");
            }
            self.skip_blanks();
        }
        Ok(Value::List(values))
    }

    /// Text in quotes, which are doubled inside, or up to one of the `ends`.
    fn one(&mut self, ends: &str) -> Result<String, &'static str> {
        if !self.eat('\'') {
            return Ok(self.take_while(|c| !ends.contains(c)).trim_end().to_owned());
        }
        let mut text = String::new();
        loop {
            text.push_str(self.take_while(|c| c != '\''));
            if !self.eat('\'') {
                return Err("the quote is not closed");
            }
            if !self.eat('\'') {
                return Ok(text);
            }
            text.push('\'');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Vec<PruningQuery>, Vec<String>) {
        let source = Source { path: "queries/orders.sql".to_owned(), text: text.to_owned() };
        let (queries, problems) = read(&source, &Limits::default());
        let told = problems.iter().map(|problem| {
            assert!(text.get(problem.span.clone()).is_some(), "{:?} cuts a character", problem.span);
            let (line, column) = source.position(problem.span.start);
            format!("{line}:{column} {} {}", problem.rule.id, problem.message)
        });
        (queries, told.collect())
    }

    #[test]
    fn a_file_holds_statements_with_comments_above_them() {
        let text = "\u{feff}-- Orders of a month.\n-- partctl: name=one month, partitions=1, locks=20\n\
            --   partctl:require=plan, with=('2026-06-01', 'it''s, (x)', 7,)\n\
            select ';' from a where b >= $1 and b < $2 and c = $$;$3$$ /* ; */ and d = $3;\n\n\
            -- plain\nselect 2 -- ; not here\n ; ; select E'\\';' from \"a;b\"";
        let (queries, problems) = read_text(text);
        assert_eq!(problems, [""; 0]);
        let shown: Vec<_> = queries.iter().map(|query| (query.name.as_str(), query.location.line)).collect();
        assert_eq!(shown, [("one month", 4), ("orders.sql:7", 7), ("orders.sql:8", 8)]);
        let first = &queries[0];
        assert_eq!(first.with, ["2026-06-01", "it's, (x)", "7"]);
        assert_eq!((first.partitions, first.locks, first.require), (Some(1), Some(20), Some(PruningStage::Plan)));
        assert!(first.sql.starts_with("select ';'") && first.sql.ends_with("d = $3"), "{}", first.sql);
        assert_eq!(queries[1].sql, "select 2");
    }

    #[test]
    fn limits_of_the_entry_hold_where_a_query_has_none() {
        let text = "select 1;\n-- partctl: partitions=9\nselect 2";
        let source = Source { path: "a.sql".to_owned(), text: text.to_owned() };
        let limits = Limits { partitions: Some(1), locks: Some(5), require: None };
        let (queries, _) = read(&source, &limits);
        let shown: Vec<_> = queries.iter().map(|query| (query.partitions, query.locks)).collect();
        assert_eq!(shown, [(Some(1), Some(5)), (Some(9), Some(5))]);
    }

    #[test]
    fn every_problem_is_told_at_its_place() {
        let text = "-- partctl: nmae=x, partitions=0, require=plna\nselect 1;\n\
            drop table a;\nselect $1; -- partctl: name=beside\n-- partctl: with='a'\nselect $1;\n\
            -- partctl: name='open\nselect 1;\n-- partctl: name\nselect 2;\n-- partctl: name=a, name=b\nselect 3;\n\
            -- partctl: with=(a\nselect $1;\nselect -- partctl: name=inside\n 4;\n-- partctl: name=nothing below\n";
        let (queries, problems) = read_text(text);
        assert_eq!(
            problems,
            [
                "4:12 PT019 a comment for partctl above no statement",
                "15:8 PT019 a comment for partctl above no statement",
                "17:1 PT019 a comment for partctl above no statement",
                "1:13 PT002 unknown key `nmae`",
                "1:32 PT004 expected a whole number from 1 on, found `0`",
                "1:43 PT020 expected `plan`, `startup` or `execution`, found `plna`",
                "3:1 PT019 expected a query, or another statement that EXPLAIN takes",
                "4:1 PT019 the query has 1 parameter, `with` has 0 values",
                "5:18 PT004 expected a list of sample values",
                "7:18 PT019 the quote is not closed",
                "9:13 PT019 expected `key=value`",
                "11:21 PT003 duplicate key `name`",
                "13:18 PT019 the list is not closed",
            ]
        );
        assert_eq!(queries.len(), 1, "{queries:?}");
    }

    #[test]
    fn a_file_without_a_statement_proves_nothing() {
        assert_eq!(read_text(" -- later\n;").1, ["1:1 PT021 the file holds no statement"]);
        assert_eq!(read_text("select '\u{fffd}'").1, ["1:9 PT001 not UTF-8 text"]);
    }
}
