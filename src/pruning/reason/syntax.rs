//! From SQL text to syntax trees, and the names in them. Knows no table and no query around.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Ident, ObjectName, Query, Statement, TableFactor, Visit, Visitor, visit_expressions,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

/// Longer statements are not read: the parser's trees are walked by recursion.
const MOST_TOKENS: usize = 8_000;

/// The name of a table or function without its schema.
pub(super) fn last_name(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(|part| part.as_ident()).map(folded)
}

/// Parses one statement; `None`: the parser does not know it, or it is too long.
pub(super) fn parse(sql: &str) -> Option<Statement> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().ok()?;
    let words = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).count();
    if MOST_TOKENS < words {
        return None;
    }
    let mut statements = Parser::new(&PostgreSqlDialect {}).with_tokens(tokens).parse_statements().ok()?;
    if statements.len() == 1 { statements.pop() } else { None }
}

/// Parses an expression, such as that of a key.
pub(super) fn parse_expression(sql: &str) -> Option<Expr> {
    Parser::new(&PostgreSqlDialect {}).try_with_sql(sql).ok()?.parse_expr().ok()
}

/// Bare names of all functions that these texts call, in lower case.
pub(super) fn functions<'a>(texts: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for statement in texts.into_iter().filter_map(parse) {
        let _ = visit_expressions(&statement, |expr| {
            if let Expr::Function(function) = expr {
                names.extend(last_name(&function.name));
            }
            ControlFlow::<()>::Continue(())
        });
    }
    names
}

/// Every column that an expression names outside of its subqueries.
pub(super) fn columns(expr: &Expr) -> Vec<Vec<Ident>> {
    struct Columns(usize, Vec<Vec<Ident>>);
    impl Visitor for Columns {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.0 += 1;
            ControlFlow::Continue(())
        }
        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.0 -= 1;
            ControlFlow::Continue(())
        }
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Identifier(name) if self.0 == 0 => self.1.push(vec![name.clone()]),
                Expr::CompoundIdentifier(names) if self.0 == 0 => self.1.push(names.clone()),
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    let mut columns = Columns(0, Vec::new());
    let _ = expr.visit(&mut columns);
    columns.1
}

/// As Postgres folds it.
pub(super) fn folded(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_ascii_lowercase() }
}

/// The conditions that AND joins.
pub(super) fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    operands(expr, &BinaryOperator::And)
}

/// What one associative operator joins, parentheses looked through, from left to right.
pub(super) fn operands<'a>(expr: &'a Expr, joined_by: &BinaryOperator) -> Vec<&'a Expr> {
    let mut found = Vec::new();
    let mut rest = vec![expr];
    while let Some(expr) = rest.pop() {
        match expr {
            Expr::BinaryOp { left, op, right } if op == joined_by => rest.extend([&**right, &**left]),
            Expr::Nested(inner) => rest.push(inner),
            other => found.push(other),
        }
    }
    found
}

/// The subqueries inside the expressions of this, not those in its FROM, and not those inside them.
pub(super) fn subqueries<N: Visit>(node: &N) -> Vec<Query> {
    struct Subqueries(usize, usize, Vec<Query>);
    impl Visitor for Subqueries {
        type Break = ();
        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            if self.0 == 0 && self.1 == 0 {
                self.2.push(query.clone());
            }
            self.0 += 1;
            ControlFlow::Continue(())
        }
        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.0 -= 1;
            ControlFlow::Continue(())
        }
        fn pre_visit_table_factor(&mut self, _: &TableFactor) -> ControlFlow<()> {
            self.1 += 1;
            ControlFlow::Continue(())
        }
        fn post_visit_table_factor(&mut self, _: &TableFactor) -> ControlFlow<()> {
            self.1 -= 1;
            ControlFlow::Continue(())
        }
    }
    let mut found = Subqueries(0, 0, Vec::new());
    let _ = node.visit(&mut found);
    found.2
}
