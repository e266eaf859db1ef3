//! Other ways to write a condition, and to put one in the place of another. Only what means the same for every row is
//! offered; where that depends on a time zone's night of change, or on a value that nobody sees, nothing is.

use std::ops::ControlFlow;

use chrono::NaiveTime;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Statement, Value,
    visit_expressions_mut,
};

use super::comparison::{literal, strip};
use super::syntax::{folded, parse_expression};
use super::value::{TIMESTAMP, TIMESTAMPTZ, type_name};
use super::wrapped::moment;

/// The statement with one condition in the place of another; `None` when it does not stand there.
pub(super) fn replaced(statement: &Statement, from: &Expr, condition: &str) -> Option<String> {
    let to = Expr::Nested(Box::new(parse_expression(condition)?));
    let mut statement = statement.clone();
    let found = visit_expressions_mut(&mut statement, |expr| {
        if expr != from {
            return ControlFlow::Continue(());
        }
        *expr = to.clone();
        ControlFlow::Break(())
    });
    found.is_break().then(|| statement.to_string())
}

/// The arguments of a call without names, wildcards and clauses.
pub(super) fn plain_arguments(function: &Function) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let plain = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expr)) => Some(expr),
        _ => None,
    };
    list.args.iter().map(plain).collect()
}

/// An expression's text without what Postgres adds when it shows one: parentheses, casts of literals, qualifiers.
pub(super) fn bare(expr: &Expr) -> String {
    let mut expr = strip(expr).clone();
    let _ = visit_expressions_mut(&mut expr, |expr| {
        let plain = match &*expr {
            Expr::Nested(inner) => (**inner).clone(),
            Expr::Cast { expr: inner, .. } if literal(inner).is_some() => (**inner).clone(),
            Expr::CompoundIdentifier(names) => names.last().cloned().map_or_else(|| expr.clone(), Expr::Identifier),
            _ => return ControlFlow::<()>::Continue(()),
        };
        *expr = plain;
        ControlFlow::Continue(())
    });
    expr.to_string().to_ascii_lowercase()
}

/// Whether a condition is a range; equality with a constant is carried through joins by itself.
pub(super) fn is_range(expr: &Expr) -> bool {
    use BinaryOperator as Op;
    match expr {
        Expr::BinaryOp { op, .. } => matches!(op, Op::Lt | Op::LtEq | Op::Gt | Op::GtEq),
        Expr::Between { negated, .. } => !negated,
        Expr::InList { negated, .. } => !negated,
        _ => false,
    }
}

/// The condition about another column.
pub(super) fn with_column(condition: &Expr, column: &Expr) -> String {
    with(condition, |expr| matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)).then(|| column.clone()))
}

/// The expression with every mention of a column replaced by a value.
pub(super) fn with_value(expr: &Expr, column: &str, value: &str) -> Option<String> {
    let value = parse_expression(value)?;
    Some(with(expr, |expr| match expr {
        Expr::Identifier(name) if folded(name) == column => Some(value.clone()),
        _ => None,
    }))
}

fn with(expr: &Expr, replacement: impl Fn(&Expr) -> Option<Expr>) -> String {
    let mut expr = expr.clone();
    let _ = visit_expressions_mut(&mut expr, |expr| {
        if let Some(new) = replacement(expr) {
            *expr = new;
        }
        ControlFlow::<()>::Continue(())
    });
    expr.to_string()
}

/// The comparison with the value in the key's own type.
///
/// A timestamp is compared with a timestamptz by the session's zone, where an hour may be missing or there twice;
/// with midnight both comparisons agree.
pub(super) fn same_type(key: &Expr, op: &BinaryOperator, value: &Expr, key_type: &str) -> Option<String> {
    if key_type == TIMESTAMP && moment(value).is_none_or(|at| at.time() != NaiveTime::MIN) {
        return None;
    }
    Some(format!("{key} {op} {}", in_type(strip(value), key_type)?))
}

fn in_type(value: &Expr, key_type: &str) -> Option<String> {
    let is_number = matches!(key_type, "smallint" | "integer" | "bigint");
    let is_moment = matches!(key_type, TIMESTAMP | TIMESTAMPTZ);
    match value {
        Expr::Value(value) if is_number => match &value.value {
            Value::Number(text, _) => whole(text),
            _ => None,
        },
        Expr::Cast { expr, .. } => match strip(expr) {
            number @ Expr::Value(value) if is_number && matches!(value.value, Value::Number(..)) => {
                in_type(number, key_type)
            }
            // A driver that is told so binds a whole number.
            Expr::Value(value) if is_number && matches!(value.value, Value::Placeholder(_)) => {
                Some(format!("{}::bigint", value.value))
            }
            moment if is_moment => Some(format!("{}{}", without_zone(literal(moment)?, key_type)?, suffix(key_type))),
            _ => None,
        },
        Expr::TypedString(typed) if is_moment && type_name(&typed.data_type) != "interval" => {
            let Value::SingleQuotedString(text) = &typed.value.value else { return None };
            Some(format!("{}{}", without_zone(text, key_type)?, suffix(key_type)))
        }
        _ => None,
    }
}

fn suffix(key_type: &str) -> &'static str {
    if key_type == TIMESTAMPTZ { "::timestamptz" } else { "::timestamp" }
}

/// A date, with a time or without, that says nothing of a zone: then the session's applies, cast or not.
fn without_zone(text: &str, key_type: &str) -> Option<String> {
    let plain = text.chars().all(|c| c.is_ascii_digit() || "-: .".contains(c)) && text.len() < 40;
    // A timestamptz that a date is compared with may have a time of day.
    (plain && key_type != "date").then(|| format!("'{text}'"))
}

/// `5` for `5`, `5.0` and `5.`.
pub(super) fn whole(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = !whole.is_empty() && whole.chars().all(|c| c.is_ascii_digit());
    (digits && fraction.chars().all(|c| c == '0')).then(|| whole.to_owned())
}
