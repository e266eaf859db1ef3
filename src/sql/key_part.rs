//! One part of a partition key: a column or an expression, and when two spellings of an expression are one.

use std::fmt;
use std::ops::ControlFlow;

use sqlparser::ast::{CastKind, DataType, Expr, Ident, ObjectNamePart, Value, visit_expressions_mut};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::{Identifier, NameError};

/// One part of a partition key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyPart {
    /// A column.
    Column(Identifier),
    /// An expression, without the parentheses around it.
    Expression(String),
}

impl KeyPart {
    /// Reads a name by SQL's rules, or an expression in parentheses.
    ///
    /// # Errors
    /// As [`Identifier::parse`]; [`NameError::Malformed`] also for what is no expression.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        if !text.starts_with('(') {
            return Identifier::parse(text).map(Self::Column);
        }
        let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).map(str::trim);
        // `(a) + (b)` begins and ends with a parenthesis, and they are no pair.
        let whole = inner.filter(|inner| is_expression(text) && is_expression(inner));
        whole.map(|inner| Self::Expression(inner.to_owned())).ok_or(NameError::Malformed)
    }
}

/// As `PARTITION BY` and conditions take it.
impl fmt::Display for KeyPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(name) => name.fmt(f),
            Self::Expression(text) => write!(f, "({text})"),
        }
    }
}

/// Whether two spellings are one expression: white space, parentheses, the case of bare names, how a cast is written and
/// the casts that Postgres adds to texts do not matter.
pub fn same_expression(one: &str, other: &str) -> bool {
    match (plain(one), plain(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// The expressions of a list such as `lower(a), (b || 'x, y'::text)`, as Postgres writes it.
pub fn split_expressions(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_usize, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            // A quote inside of a quoted text is doubled: it ends and begins again.
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            (None, _) => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

/// Longer ones are no key: trees are walked by recursion.
const LONGEST: usize = 10_000;

fn is_expression(text: &str) -> bool {
    parsed(text).is_some()
}

fn parsed(text: &str) -> Option<Expr> {
    if LONGEST < text.len() {
        return None;
    }
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(text).ok()?;
    let expression = parser.parse_expr().ok()?;
    matches!(parser.peek_token().token, sqlparser::tokenizer::Token::EOF).then_some(expression)
}

fn plain(text: &str) -> Option<Expr> {
    let mut expression = parsed(text)?;
    let _ = visit_expressions_mut(&mut expression, |expression| {
        loop {
            let inner = match expression {
                Expr::Nested(inner) => inner,
                Expr::Cast { expr, data_type: DataType::Text, .. } if is_text(expr) => expr,
                _ => break,
            };
            *expression = (**inner).clone();
        }
        match expression {
            Expr::Identifier(name) => fold(name),
            Expr::CompoundIdentifier(names) => names.iter_mut().for_each(fold),
            Expr::Cast { kind, .. } => *kind = CastKind::DoubleColon,
            Expr::Function(function) => {
                let names = function.name.0.iter_mut().filter_map(|part| match part {
                    ObjectNamePart::Identifier(name) => Some(name),
                    ObjectNamePart::Function(_) => None,
                });
                names.for_each(fold);
            }
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    Some(expression)
}

fn is_text(expression: &Expr) -> bool {
    matches!(expression, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)))
}

fn fold(name: &mut Ident) {
    if name.quote_style.take().is_none() {
        name.value.make_ascii_lowercase();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_a_name_or_an_expression_in_parentheses() {
        let parsed = |text| KeyPart::parse(text).map(|part| part.to_string());
        assert_eq!(parsed("Order_Date"), Ok("order_date".to_owned()));
        assert_eq!(parsed("\"Order (Date)\""), Ok("\"Order (Date)\"".to_owned()));
        assert_eq!(parsed("( date_trunc('day', ts) )"), Ok("(date_trunc('day', ts))".to_owned()));
        for malformed in ["lower(region)", "(", "()", "(a", "(a) + (b)", "(a b)", "(a, b)", "(a); drop table x", "((a)"]
        {
            assert_eq!(parsed(malformed), Err(NameError::Malformed), "{malformed}");
        }
    }

    #[test]
    fn a_list_is_split_at_its_own_commas() {
        let text = "lower(a), (b || 'it''s, (so'::text), f(ARRAY[1, 2], \"x, y\")";
        assert_eq!(split_expressions(text), ["lower(a)", "(b || 'it''s, (so'::text)", "f(ARRAY[1, 2], \"x, y\")"]);
    }

    #[test]
    fn spellings_of_one_expression_meet() {
        for (one, other) in [
            ("date_trunc('day', ts)", "date_trunc('day'::text, ts)"),
            ("DATE_TRUNC ( 'day' , \"ts\" )", "date_trunc('day'::text, ts)"),
            ("k % 10", "(k % 10)"),
            ("lower(a) || b", "(lower(a) || b)"),
            ("cast(ts as date)", "(ts)::date"),
            ("ts at time zone 'UTC'", "(ts AT TIME ZONE 'UTC'::text)"),
            ("extract(year from ts)", "EXTRACT(year FROM ts)"),
            ("coalesce(region, 'none')", "COALESCE(region, 'none'::text)"),
            ("Shop.Bucket(ts)", "shop.bucket(ts)"),
        ] {
            assert!(same_expression(one, other), "{one} / {other}");
        }
        for (one, other) in [
            ("date_trunc('day', ts)", "date_trunc('month'::text, ts)"),
            ("lower(a)", "lower(\"A\")"),
            ("(a + b) * c", "a + (b * c)"),
            ("a - b - c", "a - (b - c)"),
            ("'A'", "'a'"),
        ] {
            assert!(!same_expression(one, other), "{one} / {other}");
        }
    }
}
