//! Sample values for the parameters of a statement whose constants are gone: what each parameter is compared with, and
//! a value of that column, or of its type.
//!
//! Two ends of a range get neighbouring values, so that the range is as narrow as real ones are and never empty.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Statement, TableFactor, Value,
    Visit, Visitor,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::reason::{QueryFacts, Relation};
use crate::catalog::{Bound, CatalogSnapshot, Datum, Partition};
use crate::keys::sample;
use crate::sql::QualifiedName;

/// Longer statements are not looked into.
const LONGEST: usize = 32_768;

/// A column that a parameter is compared with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComparedColumn {
    /// Its table.
    pub table: QualifiedName,
    /// Its name.
    pub column: String,
}

/// Values of a column, as text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnSample {
    /// A common one.
    pub common: Option<String>,
    /// One from the middle, and its neighbour above.
    pub middle: Option<(String, String)>,
}

/// How a parameter is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Equal,
    From,
    To,
}

/// What is known about one parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Use {
    Compared(ComparedColumn, Side),
    /// The unit of `date_trunc` or `date_part`.
    Unit,
    Zone,
}

/// The parameters of one statement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters {
    uses: BTreeMap<usize, Use>,
}

impl Parameters {
    /// What each parameter of a statement is compared with, as far as its text tells.
    pub fn of(sql: &str, facts: &QueryFacts) -> Self {
        let Some(statements) = parse(sql) else { return Self::default() };
        let mut seen = Seen::default();
        let _ = statements.visit(&mut seen);
        let mut uses = BTreeMap::new();
        for (parameter, found) in seen.found {
            let found = match found {
                Found::Unit => Some(Use::Unit),
                Found::Zone => Some(Use::Zone),
                Found::Column(names, side) => {
                    column(&names, &seen.aliases, facts).map(|column| Use::Compared(column, side))
                }
            };
            if let Some(found) = found {
                uses.entry(parameter).or_insert(found);
            }
        }
        Self { uses }
    }

    /// The columns whose values are wanted.
    pub fn columns(&self) -> Vec<&ComparedColumn> {
        let columns = self.uses.values().filter_map(|found| match found {
            Use::Compared(column, _) => Some(column),
            Use::Unit | Use::Zone => None,
        });
        columns.collect()
    }

    /// A value for each parameter, or the type that there is none for.
    pub fn values(
        &self,
        facts: &QueryFacts,
        known: &BTreeMap<ComparedColumn, ColumnSample>,
    ) -> Result<Vec<String>, String> {
        let types = facts.parameters.iter().zip(1..);
        types
            .map(|(type_name, number)| {
                let own = self.uses.get(&number).and_then(|found| found.value(type_name, facts, known));
                own.or_else(|| any(type_name)).ok_or_else(|| type_name.clone())
            })
            .collect()
    }
}

impl Use {
    fn value(
        &self,
        type_name: &str,
        facts: &QueryFacts,
        known: &BTreeMap<ComparedColumn, ColumnSample>,
    ) -> Option<String> {
        match self {
            Self::Unit => (type_name == "text").then(|| "month".to_owned()),
            Self::Zone => (type_name == "text").then(|| "UTC".to_owned()),
            Self::Compared(column, side) => {
                let relation = facts.relations.iter().find(|relation| relation.name == column.table)?;
                let of = &relation.columns.iter().find(|known| known.name == column.column)?.type_name;
                let found = known.get(column)?;
                let middle = found.middle.as_ref();
                let value = match side {
                    Side::Equal => found.common.as_ref().or(middle.map(|(from, _)| from)),
                    Side::From => middle.map(|(from, _)| from).or(found.common.as_ref()),
                    Side::To => middle.map(|(_, to)| to).or(found.common.as_ref()),
                }?;
                match type_name.strip_suffix("[]") {
                    Some(element) if element == of => Some(format!("{{{}}}", quoted_element(value))),
                    _ => (type_name == of).then(|| value.clone()),
                }
            }
        }
    }
}

/// Any value of a type.
fn any(type_name: &str) -> Option<String> {
    match type_name.strip_suffix("[]") {
        Some(element) => Some(format!("{{{}}}", quoted_element(&sample(element)?))),
        None => sample(type_name),
    }
}

fn quoted_element(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Values of the partition keys of these tables, from their bounds: better than nothing where there are no statistics,
/// as on a database without rows.
pub fn bounds(snapshot: &CatalogSnapshot) -> BTreeMap<ComparedColumn, ColumnSample> {
    let mut known = BTreeMap::new();
    for table in &snapshot.tables {
        let Some([column]) = table.key.as_ref().map(|key| key.columns.as_slice()) else { continue };
        let Some(name) = &column.name else { continue };
        let samples: Vec<ColumnSample> = table.visible().filter_map(of_bound).collect();
        if let Some(sample) = samples.get(samples.len() / 2) {
            let column = ComparedColumn { table: table.name.clone(), column: name.as_str().to_owned() };
            known.insert(column, sample.clone());
        }
    }
    known
}

fn of_bound(partition: &Partition) -> Option<ColumnSample> {
    match &partition.bound {
        Bound::Range { from, to } => match (from.as_slice(), to.as_slice()) {
            ([Datum::Value(from)], [Datum::Value(to)]) => {
                Some(ColumnSample { common: None, middle: Some((from.clone(), to.clone())) })
            }
            _ => None,
        },
        Bound::List(values) => values.iter().find_map(|value| match value {
            Datum::Value(text) => Some(ColumnSample { common: Some(text.clone()), middle: None }),
            Datum::MinValue | Datum::MaxValue | Datum::Null => None,
        }),
        Bound::Hash { .. } | Bound::Default => None,
    }
}

/// A statement as it can be prepared: `pg_stat_statements` writes `date $1` for `date '2026-06-01'`, which is no SQL.
pub fn preparable(sql: &str) -> String {
    const TYPES: [&str; 6] = ["date", "time", "timetz", "timestamp", "timestamptz", "interval"];
    let dialect = PostgreSqlDialect {};
    let tokens = if sql.len() < LONGEST { Tokenizer::new(&dialect, sql).tokenize() } else { Ok(Vec::new()) };
    let Ok(tokens) = tokens else { return sql.to_owned() };
    let type_name = |token: &Token| match token {
        Token::Word(word) if word.quote_style.is_none() => {
            TYPES.into_iter().find(|name| word.value.eq_ignore_ascii_case(name))
        }
        _ => None,
    };
    let mut text = String::new();
    let mut changed = false;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let next = tokens[at + 1..]
            .iter()
            .position(|token| !matches!(token, Token::Whitespace(_)))
            .map(|blanks| at + 1 + blanks);
        match (type_name(token), next.map(|next| (next, &tokens[next]))) {
            (Some(_), Some((next, Token::Placeholder(parameter)))) => {
                text.push_str(&format!("CAST({parameter} AS {token})"));
                changed = true;
                at = next + 1;
            }
            _ => {
                text.push_str(&token.to_string());
                at += 1;
            }
        }
    }
    if changed { text } else { sql.to_owned() }
}

fn parse(sql: &str) -> Option<Vec<Statement>> {
    if LONGEST < sql.len() {
        return None;
    }
    Parser::parse_sql(&PostgreSqlDialect {}, sql).ok()
}

#[derive(Debug)]
enum Found {
    Column(Vec<String>, Side),
    Unit,
    Zone,
}

#[derive(Default)]
struct Seen {
    /// Name or alias of a table to its bare name.
    aliases: BTreeMap<String, String>,
    found: Vec<(usize, Found)>,
}

impl Visitor for Seen {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, .. } = factor
            && let Some(table) = name.0.last().and_then(|part| part.as_ident())
        {
            let table = folded(table);
            let called = alias.as_ref().map_or_else(|| table.clone(), |alias| folded(&alias.name));
            self.aliases.insert(called, table);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::BinaryOp { left, op, right } => {
                if let Some((from_left, from_right)) = sides(op) {
                    self.compare(left, right, from_left);
                    self.compare(right, left, from_right);
                }
            }
            Expr::Between { expr, low, high, .. } => {
                self.compare(expr, low, Side::From);
                self.compare(expr, high, Side::To);
            }
            Expr::InList { expr, list, .. } => list.iter().for_each(|value| self.compare(expr, value, Side::Equal)),
            Expr::AnyOp { left, right, .. } => self.compare(left, right, Side::Equal),
            Expr::AtTimeZone { time_zone, .. } => {
                self.found.extend(parameter(time_zone).map(|number| (number, Found::Zone)));
            }
            Expr::Function(function) => self.function(function),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// What a value is to the column on the left, and to the column on the right.
fn sides(op: &BinaryOperator) -> Option<(Side, Side)> {
    match op {
        BinaryOperator::Eq => Some((Side::Equal, Side::Equal)),
        BinaryOperator::Gt | BinaryOperator::GtEq => Some((Side::From, Side::To)),
        BinaryOperator::Lt | BinaryOperator::LtEq => Some((Side::To, Side::From)),
        _ => None,
    }
}

impl Seen {
    fn compare(&mut self, column: &Expr, value: &Expr, side: Side) {
        let names = match bare(column) {
            Expr::Identifier(name) => vec![folded(name)],
            Expr::CompoundIdentifier(names) => names.iter().map(folded).collect(),
            _ => return,
        };
        self.found.extend(parameter(value).map(|number| (number, Found::Column(names, side))));
    }

    fn function(&mut self, function: &Function) {
        let name = function.name.0.last().and_then(|part| part.as_ident()).map(folded).unwrap_or_default();
        if let ("date_trunc" | "date_part", FunctionArguments::List(list)) = (name.as_str(), &function.args)
            && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(first))) = list.args.first()
        {
            self.found.extend(parameter(first).map(|number| (number, Found::Unit)));
        }
    }
}

fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => bare(inner),
        other => other,
    }
}

/// The number of `$1`.
fn parameter(expr: &Expr) -> Option<usize> {
    match bare(expr) {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(text) => text.strip_prefix('$')?.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

fn folded(name: &sqlparser::ast::Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

/// The table that has the column: the one that is named, else one of those in FROM. Below a view it is a table of that
/// view, since only tables have statistics.
fn column(names: &[String], aliases: &BTreeMap<String, String>, facts: &QueryFacts) -> Option<ComparedColumn> {
    let (column, qualifier) = names.split_last()?;
    let table = qualifier.last().and_then(|qualifier| aliases.get(qualifier));
    let has = |relation: &&Relation| relation.columns.iter().any(|known| known.name == *column);
    let named = |relation: &&Relation| match table {
        Some(table) => relation.name.name.as_str() == table,
        None => aliases.values().any(|table| relation.name.name.as_str() == table),
    };
    let of = |relation: &Relation| ComparedColumn { table: relation.name.clone(), column: column.clone() };
    let found = facts.relations.iter().filter(has).find(named)?;
    if found.view.is_none() {
        return Some(of(found));
    }
    let below = facts.relations.iter().filter(has).filter(|relation| relation.view.is_none());
    below.max_by_key(|relation| relation.key.is_some()).map(of)
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::super::lock_budget::Pruning;
    use super::super::reason::Column;
    use super::*;

    fn facts(parameters: &[&str]) -> QueryFacts {
        let column = |(name, type_name): &(&str, &str)| Column {
            name: (*name).to_owned(),
            type_name: (*type_name).to_owned(),
            not_null: false,
        };
        let relation = |name: &str, columns: &[(&str, &str)]| Relation {
            oid: 1,
            name: QualifiedName::new("shop", name),
            visible: true,
            columns: columns.iter().map(column).collect(),
            key: None,
            view: None,
            root: None,
        };
        QueryFacts {
            relations: vec![
                relation("days", &[("day", "date"), ("id", "bigint")]),
                relation("places", &[("id", "bigint"), ("place", "text")]),
            ],
            parameters: parameters.iter().map(|name| (*name).to_owned()).collect(),
            functions: BTreeMap::new(),
            pruning: Pruning::On,
        }
    }

    fn values(sql: &str, types: &[&str]) -> Vec<String> {
        let mut known = bounds(&fixture::snapshot());
        let id = ComparedColumn { table: QualifiedName::new("shop", "places"), column: "id".to_owned() };
        let sample = ColumnSample { common: Some("42".to_owned()), middle: Some(("7".to_owned(), "8".to_owned())) };
        known.insert(id, sample);
        let facts = facts(types);
        Parameters::of(sql, &facts).values(&facts, &known).unwrap()
    }

    #[test]
    fn a_range_gets_two_neighbours_and_an_equality_a_common_value() {
        let sql = "select * from days d join places p on p.id = d.id where d.day >= $1 and $2 > day and p.id = $3";
        assert_eq!(values(sql, &["date", "date", "bigint"]), ["2024-01-01", "2024-01-02", "42"]);
        let sql = "select * from places where id between $1 and ($2) and id in ($3) and id = any ($4)";
        assert_eq!(values(sql, &["bigint", "bigint", "bigint", "bigint[]"]), ["7", "8", "42", "{\"42\"}"]);
    }

    #[test]
    fn other_parameters_get_a_value_of_their_type() {
        let sql = "select date_trunc($1, day) from days where day > now() at time zone $2 - $3 and id = $4 limit $5";
        assert_eq!(values(sql, &["text", "text", "interval", "integer", "bigint"]), ["month", "UTC", "P1D", "1", "1"]);
        let facts = facts(&["shop.strange"]);
        let nothing = Parameters::of("select $1", &facts).values(&facts, &BTreeMap::new());
        assert_eq!(nothing, Err("shop.strange".to_owned()));
    }

    #[test]
    fn what_cannot_be_parsed_still_gets_values() {
        assert_eq!(values("selec $1", &["date"]).len(), 1);
        assert_eq!(values(&format!("select $1 {}", "(".repeat(40_000)), &["text"]), ["a"]);
    }

    #[test]
    fn typed_literals_that_lost_their_quotes_are_casts() {
        assert_eq!(
            preparable("select 'date $1' from a where b > date $1 - INTERVAL  $2 and date = $3"),
            "select 'date $1' from a where b > CAST($1 AS date) - CAST($2 AS INTERVAL) and date = $3"
        );
        assert_eq!(preparable("select $1::date"), "select $1::date");
        assert_eq!(preparable("select 'open"), "select 'open");
    }
}
