//! The rules for conditions that are no plain comparison: OR, rows, patterns, ranges, and whatever is left.

use sqlparser::ast::{BinaryOperator, Expr, Value};

use super::codes;
use super::comparison::literal;
use super::rewrite;
use super::rules::{Case, Effect, Found};
use super::syntax::{conjuncts, operands};
use super::value::parameter;
use crate::pruning::PlanForm;

/// OR prunes when each branch does.
pub(super) fn or_branches(case: &Case<'_>, expr: &Expr) -> Option<Effect> {
    let Expr::BinaryOp { op: BinaryOperator::Or, .. } = expr else { return None };
    let part = *case.parts_in(expr).first()?;
    let mut worst: Option<Effect> = None;
    for branch in operands(expr, &BinaryOperator::Or) {
        let effects = conjuncts(branch).into_iter().filter_map(|expr| case.effect(expr));
        let best = effects.filter(|effect| effect.part == part).min_by_key(|effect| effect.stage);
        let Some(mut best) = best else {
            let optional = matches!(branch, Expr::IsNull(inner) if is_parameter(inner));
            if optional && case.form == PlanForm::Custom {
                continue;
            }
            let reason = if optional { &codes::OPTIONAL_FILTER } else { &codes::OR_WITH_OTHER_COLUMN };
            return Some(Effect::never(part, Found::new(reason, expr)));
        };
        // What would take the place of one branch must not replace all.
        best.found = best.found.map(|found| found.instead(None));
        if worst.as_ref().is_none_or(|worst| worst.stage < best.stage) {
            worst = Some(best);
        }
    }
    worst
}

fn is_parameter(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_parameter(inner),
        Expr::Value(value) => matches!(value.value, Value::Placeholder(_)),
        _ => false,
    }
}

/// `(a, b) = (1, 2)` is two equalities; other row comparisons prune nothing.
pub(super) fn row_comparison(case: &Case<'_>, expr: &Expr) -> Option<Effect> {
    let Expr::BinaryOp { left, op, right } = expr else { return None };
    let (Expr::Tuple(lefts), Expr::Tuple(rights)) = (&**left, &**right) else { return None };
    let part = *case.parts_in(expr).first()?;
    if *op == BinaryOperator::Eq {
        let pairs = lefts.iter().zip(rights).map(|(left, right)| Expr::BinaryOp {
            left: Box::new(left.clone()),
            op: BinaryOperator::Eq,
            right: Box::new(right.clone()),
        });
        return pairs.filter_map(|pair| case.effect(&pair)).find(|effect| effect.part == part);
    }
    let first = match op {
        BinaryOperator::Gt | BinaryOperator::GtEq => Some(">="),
        BinaryOperator::Lt | BinaryOperator::LtEq => Some("<="),
        _ => None,
    };
    let instead = first.zip(lefts.first().zip(rights.first()));
    let instead = instead.map(|(op, (left, right))| format!("{left} {op} {right} AND {expr}"));
    Some(Effect::never(part, Found::new(&codes::ROW_COMPARISON, expr).instead(instead)))
}

/// LIKE, regular expressions and their kin.
pub(super) fn pattern(case: &Case<'_>, expr: &Expr) -> Option<Effect> {
    let subject = match expr {
        Expr::Like { expr, .. }
        | Expr::ILike { expr, .. }
        | Expr::SimilarTo { expr, .. }
        | Expr::RLike { expr, .. } => expr,
        Expr::BinaryOp { left, op, .. } if matches_pattern(op) => left,
        _ => return None,
    };
    let part = *case.parts_in(subject).first()?;
    Some(Effect::never(part, Found::new(&codes::PATTERN_MATCH, expr)))
}

fn matches_pattern(op: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    matches!(
        op,
        Op::PGRegexMatch
            | Op::PGRegexIMatch
            | Op::PGRegexNotMatch
            | Op::PGRegexNotIMatch
            | Op::PGLikeMatch
            | Op::PGILikeMatch
            | Op::PGNotLikeMatch
            | Op::PGNotILikeMatch
            | Op::PGStartsWith
    )
}

/// `range @> key`, and `key <@ range`.
pub(super) fn range_operator(case: &Case<'_>, expr: &Expr) -> Option<Effect> {
    let Expr::BinaryOp { left, op, right } = expr else { return None };
    let (range, key) = match op {
        BinaryOperator::AtArrow => (&**left, &**right),
        BinaryOperator::ArrowAt => (&**right, &**left),
        _ => return None,
    };
    let part = *case.parts_in(key).first()?;
    let bounds = match range {
        Expr::Function(function) if function.name.to_string().to_ascii_lowercase().ends_with("range") => {
            rewrite::plain_arguments(function)
        }
        _ => None,
    };
    // Two arguments make a range with its lower end and without its upper one; a null would be no end at all.
    let instead = bounds
        .filter(|bounds| bounds.len() == 2 && bounds.iter().all(|bound| is_constant(bound)))
        .map(|bounds| format!("{key} >= {} AND {key} < {}", bounds[0], bounds[1]));
    Some(Effect::never(part, Found::new(&codes::RANGE_OPERATOR, expr).instead(instead)))
}

fn is_constant(expr: &Expr) -> bool {
    let number = matches!(expr, Expr::Value(value) if matches!(value.value, Value::Number(..)));
    number || literal(expr).is_some()
}

/// Whatever names the key and no other rule knows.
pub(super) fn anything_else(case: &Case<'_>, expr: &Expr) -> Option<Effect> {
    let part = *case.parts_in(expr).first()?;
    // A subquery that names the key from inside says nothing about it here.
    if matches!(expr, Expr::Exists { .. }) {
        return None;
    }
    let reason = if parameter(expr).is_some() && matches!(expr, Expr::Case { .. }) {
        &codes::OPTIONAL_FILTER
    } else {
        &codes::NOT_A_COMPARISON
    };
    Some(Effect::never(part, Found::new(reason, expr)))
}
