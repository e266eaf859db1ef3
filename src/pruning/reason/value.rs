//! What the key is compared with: its type, and when Postgres knows its value.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, DataType, Expr, UnaryOperator, Value, visit_expressions};

use super::facts::{QueryFacts, Volatility};
use super::syntax::last_name;
use crate::catalog::Strategy;

/// What a type does to a comparison with the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It prunes when planned.
    Good,
    /// By a stable operator: when execution starts.
    Stable,
    /// The key is cast, and nothing prunes.
    Never,
}

pub(super) const TIMESTAMPTZ: &str = "timestamp with time zone";
pub(super) const TIMESTAMP: &str = "timestamp without time zone";
const INTEGERS: &[&str] = &["smallint", "integer", "bigint"];
const FLOATS: &[&str] = &["real", "double precision"];

/// How values of a type compare with a key of another (Postgres 14-18).
pub(super) fn fit(key: &str, value: &str, strategy: Strategy) -> Fit {
    let is = |name: &str, of: &[&str]| of.contains(&name);
    let fit = match (key, value) {
        _ if key == value => Fit::Good,
        (key, "numeric") if is(key, INTEGERS) || is(key, FLOATS) => Fit::Never,
        (key, value) if is(key, INTEGERS) && is(value, FLOATS) => Fit::Never,
        ("numeric", value) if is(value, FLOATS) => Fit::Never,
        (TIMESTAMPTZ, TIMESTAMP | "date") | (TIMESTAMP | "date", TIMESTAMPTZ) => Fit::Stable,
        ("character varying" | "character", "name") | ("uuid", "text") => Fit::Never,
        _ => Fit::Good,
    };
    // A hash family holds no operators between these types.
    if strategy == Strategy::Hash && fit == Fit::Stable { Fit::Never } else { fit }
}

/// Postgres' own name of a type.
pub(super) fn type_name(written: &DataType) -> String {
    let text = written.to_string().to_ascii_lowercase();
    let bare = text.split('(').next().unwrap_or_default().trim();
    let rest = text.split_once(')').map_or("", |(_, rest)| rest.trim());
    let bare = bare.trim_start_matches("pg_catalog.");
    match bare {
        "timestamptz" => TIMESTAMPTZ.to_owned(),
        "timestamp" if rest == "with time zone" => TIMESTAMPTZ.to_owned(),
        "timestamp" => TIMESTAMP.to_owned(),
        "int" | "int4" => "integer".to_owned(),
        "int8" => "bigint".to_owned(),
        "int2" => "smallint".to_owned(),
        "decimal" | "dec" => "numeric".to_owned(),
        "float4" => "real".to_owned(),
        "float8" | "float" | "double" => "double precision".to_owned(),
        "varchar" => "character varying".to_owned(),
        "char" | "bpchar" => "character".to_owned(),
        "bool" => "boolean".to_owned(),
        other => other.to_owned(),
    }
}

/// The type of an expression; `None`: not known, or a bare literal that takes the key's.
pub(super) fn type_of(expr: &Expr, facts: &QueryFacts) -> Option<String> {
    let owned = |name: &str| Some(name.to_owned());
    match expr {
        Expr::Nested(inner) => type_of(inner, facts),
        Expr::Collate { expr, .. } => type_of(expr, facts),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => type_of(expr, facts),
        Expr::Cast { data_type, .. } => Some(type_name(data_type)),
        Expr::TypedString(typed) => Some(type_name(&typed.data_type)),
        Expr::Interval(_) => owned("interval"),
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) if text.contains(['.', 'e', 'E']) => owned("numeric"),
            Value::Number(..) => owned("integer"),
            Value::Placeholder(name) => {
                let number: usize = name.strip_prefix('$')?.parse().ok()?;
                facts.parameters.get(number.checked_sub(1)?).cloned()
            }
            _ => None,
        },
        Expr::AtTimeZone { timestamp, .. } => match type_of(timestamp, facts)?.as_str() {
            TIMESTAMPTZ => owned(TIMESTAMP),
            _ => owned(TIMESTAMPTZ),
        },
        Expr::Function(function) => {
            let name = last_name(&function.name)?;
            match name.as_str() {
                "now" | "current_timestamp" => owned(TIMESTAMPTZ),
                "localtimestamp" => owned(TIMESTAMP),
                "current_date" => owned("date"),
                name => facts.functions.get(name)?.result.clone(),
            }
        }
        Expr::BinaryOp { left, op: BinaryOperator::Plus | BinaryOperator::Minus, right } => {
            let (left, right) = (type_of(left, facts), type_of(right, facts));
            match (left.as_deref()?, right.as_deref()) {
                ("date", Some("interval")) => owned(TIMESTAMP),
                _ => left,
            }
        }
        _ => None,
    }
}

/// The worst volatility of anything in an expression, and what it is.
pub(super) fn volatility(expr: &Expr, facts: &QueryFacts) -> (Volatility, String) {
    let mut worst = (Volatility::Immutable, String::new());
    let _ = visit_expressions(expr, |part| {
        let volatility = own_volatility(part, facts);
        if worst.0 < volatility {
            worst = (volatility, part.to_string());
        }
        ControlFlow::<()>::Continue(())
    });
    worst
}

fn own_volatility(expr: &Expr, facts: &QueryFacts) -> Volatility {
    let is_moment = |name: &str| matches!(name, TIMESTAMPTZ | TIMESTAMP | "date");
    match expr {
        Expr::Function(function) => {
            let name = last_name(&function.name).unwrap_or_default();
            match name.as_str() {
                "current_date" | "current_time" | "current_timestamp" | "localtime" | "localtimestamp"
                | "current_user" | "session_user" | "current_role" | "current_schema" => Volatility::Stable,
                name => facts.functions.get(name).map_or(Volatility::Immutable, |function| function.volatility),
            }
        }
        // Text becomes a moment by the session's settings, one kind of moment another by its TimeZone.
        Expr::Cast { expr, data_type, .. } => match (type_of(expr, facts), type_name(data_type)) {
            (Some(from), to) if is_moment(&to) && (from == "text" || from == "character varying") => Volatility::Stable,
            (Some(from), to) if from != to && is_moment(&from) && is_moment(&to) => {
                if from == TIMESTAMPTZ || to == TIMESTAMPTZ { Volatility::Stable } else { Volatility::Immutable }
            }
            _ => Volatility::Immutable,
        },
        Expr::BinaryOp { left, op: BinaryOperator::Plus | BinaryOperator::Minus, right } => {
            let moves = matches!(type_of(right, facts).as_deref(), None | Some("interval"));
            if moves && type_of(left, facts).as_deref() == Some(TIMESTAMPTZ) {
                Volatility::Stable
            } else {
                Volatility::Immutable
            }
        }
        _ => Volatility::Immutable,
    }
}

/// The first parameter in an expression.
pub(super) fn parameter(expr: &Expr) -> Option<String> {
    let mut found = None;
    let _ = visit_expressions(expr, |part| match part {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(name) => {
                found = Some(name.clone());
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        },
        _ => ControlFlow::Continue(()),
    });
    found
}

/// Whether an expression holds a subquery.
pub(super) fn has_subquery(expr: &Expr) -> bool {
    visit_expressions(expr, |part| match part {
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => ControlFlow::Break(()),
        Expr::Function(function) if matches!(function.args, sqlparser::ast::FunctionArguments::Subquery(_)) => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pruning::reason::syntax::parse_expression;

    #[test]
    fn types_fit_as_postgres_compares_them() {
        use Strategy::{Hash, Range};
        for (key, value, strategy, wanted) in [
            ("bigint", "integer", Range, Fit::Good),
            ("bigint", "numeric", Range, Fit::Never),
            ("numeric", "integer", Range, Fit::Good),
            (TIMESTAMPTZ, "date", Range, Fit::Stable),
            (TIMESTAMPTZ, "date", Hash, Fit::Never),
            (TIMESTAMP, "date", Range, Fit::Good),
            ("date", TIMESTAMP, Range, Fit::Good),
            ("text", "character varying", Range, Fit::Good),
        ] {
            assert_eq!(fit(key, value, strategy), wanted, "{key} {value}");
        }
    }

    #[test]
    fn written_types_get_postgres_own_names() {
        for (written, name) in [
            ("1::int8", "bigint"),
            ("1::numeric(10, 2)", "numeric"),
            ("x::timestamp(3) with time zone", TIMESTAMPTZ),
            ("x::timestamptz", TIMESTAMPTZ),
            ("x::timestamp", TIMESTAMP),
            ("cast(x as varchar(10))", "character varying"),
            ("date '2024-01-01'", "date"),
            ("1.5", "numeric"),
            ("-5", "integer"),
            ("current_date", "date"),
            ("current_date - interval '1 day'", TIMESTAMP),
            ("now() at time zone 'UTC'", TIMESTAMP),
        ] {
            let facts = QueryFacts {
                relations: Vec::new(),
                parameters: Vec::new(),
                functions: Default::default(),
                pruning: crate::pruning::Pruning::On,
            };
            assert_eq!(type_of(&parse_expression(written).unwrap(), &facts).as_deref(), Some(name), "{written}");
        }
    }
}
