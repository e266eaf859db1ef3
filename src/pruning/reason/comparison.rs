//! Comparisons of the bare key: what it is compared with decides when a plan can prune by it.

use sqlparser::ast::{BinaryOperator, Expr, FunctionArguments, UnaryOperator, Value};

use super::codes;
use super::facts::{KeyPart, Volatility};
use super::level::Owner;
use super::rewrite;
use super::rules::{Case, Effect, Found};
use super::syntax::{columns, parse_expression};
use super::value::{Fit, fit, has_subquery, parameter, type_name, type_of, volatility};
use super::wrapped::wrapped;
use crate::catalog::Strategy;
use crate::pruning::PlanForm;

/// `=`, `<`, `BETWEEN`, `IN (...)`, `IS NULL`, and a boolean by itself.
pub(super) fn comparison(case: &Case<'_>, expr: &Expr) -> Option<Effect> {
    match expr {
        Expr::BinaryOp { left, op, right } if is_order(op) => compare(case, expr, left, op, right),
        Expr::Between { expr: key, negated: false, low, high } => {
            let low = compare(case, expr, key, &BinaryOperator::GtEq, low)?;
            let high = compare(case, expr, key, &BinaryOperator::LtEq, high)?;
            let better = if high.stage < low.stage { high } else { low };
            // What would take the place of one side must not replace both.
            Some(Effect { found: better.found.map(|found| found.instead(None)), ..better })
        }
        Expr::InList { expr: key, list, negated: false } => {
            let effects = list.iter().filter_map(|value| compare(case, expr, key, &BinaryOperator::Eq, value));
            let worst = effects.max_by_key(|effect| effect.stage)?;
            Some(Effect { found: worst.found.map(|found| found.instead(None)), ..worst })
        }
        Expr::IsNull(key)
        | Expr::IsNotNull(key)
        | Expr::IsTrue(key)
        | Expr::IsNotTrue(key)
        | Expr::IsFalse(key)
        | Expr::IsNotFalse(key)
        | Expr::UnaryOp { op: UnaryOperator::Not, expr: key } => Some(Effect::good(key_part(case, key)?)),
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => Some(Effect::good(key_part(case, expr)?)),
        _ => None,
    }
}

fn is_order(op: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    matches!(op, Op::Eq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq)
}

fn flipped(op: &BinaryOperator) -> BinaryOperator {
    match op {
        BinaryOperator::Lt => BinaryOperator::Gt,
        BinaryOperator::LtEq => BinaryOperator::GtEq,
        BinaryOperator::Gt => BinaryOperator::Lt,
        BinaryOperator::GtEq => BinaryOperator::LtEq,
        other => other.clone(),
    }
}

/// Ranges and hashes have nothing to leave out for `<>`; a list has.
pub(super) fn not_equal(case: &Case<'_>, expr: &Expr) -> Option<Effect> {
    let key = match expr {
        Expr::BinaryOp { left, op: BinaryOperator::NotEq, right } => {
            if case.parts_in(left).is_empty() {
                right
            } else {
                left
            }
        }
        Expr::InList { expr, negated: true, .. } | Expr::InSubquery { expr, negated: true, .. } => expr,
        Expr::AllOp { left, compare_op: BinaryOperator::NotEq, .. } => left,
        Expr::IsDistinctFrom(left, _) => left,
        _ => return None,
    };
    let part = *case.parts_in(key).first()?;
    let prunes = case.key.strategy == Strategy::List && key_part(case, key).is_some();
    let prunes = prunes && !matches!(expr, Expr::IsDistinctFrom(..) | Expr::InSubquery { .. });
    let never = Effect::never(part, Found::new(&codes::NOT_EQUAL, expr));
    Some(if prunes { Effect::good(part) } else { never })
}

/// `key IN (SELECT ...)`
pub(super) fn in_subquery(case: &Case<'_>, expr: &Expr) -> Option<Effect> {
    let Expr::InSubquery { expr: key, negated: false, .. } = expr else { return None };
    Some(Effect::never(*case.parts_in(key).first()?, Found::new(&codes::IN_SUBQUERY, expr)))
}

/// `key = ANY (array)`
pub(super) fn any_array(case: &Case<'_>, expr: &Expr) -> Option<Effect> {
    let Expr::AnyOp { left, compare_op, right, .. } = expr else { return None };
    let part = *case.parts_in(left).first()?;
    if matches!(**right, Expr::Subquery(_)) || has_subquery(right) || is_array_subquery(right) {
        // `= ANY (SELECT ...)` is IN.
        let plain = matches!(strip(right), Expr::Subquery(_));
        let reason = if plain { &codes::IN_SUBQUERY } else { &codes::ARRAY_SUBQUERY };
        return Some(Effect::never(part, Found::new(reason, expr)));
    }
    if key_part(case, left).is_none() {
        return wrapped(case, expr, left, compare_op, right);
    }
    if case.key.strategy == Strategy::Hash && *compare_op != BinaryOperator::Eq {
        return Some(Effect::never(part, Found::new(&codes::HASH_NEEDS_EQUALITY, expr)));
    }
    if case.form == PlanForm::Generic
        && let Some(name) = parameter(right)
    {
        return Some(Effect::never(part, Found::new(&codes::ARRAY_PARAMETER, name)));
    }
    if let Some(other) = type_of(right, case.facts).and_then(|name| name.strip_suffix("[]").map(str::to_owned))
        && fit(&case.key.parts[part].type_name, &other, case.key.strategy) != Fit::Good
    {
        return Some(Effect::never(part, Found::new(&codes::TYPE_MISMATCH, right)));
    }
    Some(by_moment(case, part, right).unwrap_or_else(|| Effect::good(part)))
}

fn is_array_subquery(expr: &Expr) -> bool {
    matches!(strip(expr), Expr::Function(function) if matches!(function.args, FunctionArguments::Subquery(_)))
}

pub(super) fn strip(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => strip(inner),
        other => other,
    }
}

/// Which part of the key an expression is, when it is nothing but that.
pub(super) fn key_part(case: &Case<'_>, expr: &Expr) -> Option<usize> {
    let expr = match strip(expr) {
        // Only relabels: text and varchar are one.
        Expr::Cast { expr: inner, data_type, .. } => {
            let part = key_part(case, inner)?;
            let is_text = |name: &str| matches!(name, "text" | "character varying");
            let relabels = is_text(&type_name(data_type)) && is_text(&case.key.parts[part].type_name);
            let same = type_name(data_type) == case.key.parts[part].type_name;
            return (relabels || same).then_some(part);
        }
        expr => expr,
    };
    if case.parts_in(expr).is_empty() {
        return None;
    }
    let is = |part: &KeyPart| match (&part.column, &part.expression) {
        (Some(column), _) => {
            matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
                && case.level.columns_of(case.source, expr).contains(column)
        }
        (None, Some(text)) => parse_expression(text).is_some_and(|key| rewrite::bare(&key) == rewrite::bare(expr)),
        (None, None) => false,
    };
    case.key.parts.iter().position(is)
}

fn compare(case: &Case<'_>, whole: &Expr, left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Effect> {
    let (lefts, rights) = (case.parts_in(left), case.parts_in(right));
    let (key, op, value) = match (key_part(case, left), key_part(case, right)) {
        (Some(_), _) => (left, op.clone(), right),
        (None, Some(_)) => (right, flipped(op), left),
        (None, None) if !lefts.is_empty() => return wrapped(case, whole, left, op, right),
        (None, None) if !rights.is_empty() => return wrapped(case, whole, right, &flipped(op), left),
        (None, None) => return None,
    };
    let part = key_part(case, key)?;
    let equality = op == BinaryOperator::Eq;
    let never = |reason, text: &Expr| Some(Effect::never(part, Found::new(reason, text)));
    if case.key.strategy == Strategy::Hash && !equality {
        return never(&codes::HASH_NEEDS_EQUALITY, whole);
    }
    let own = case.level.columns_of(case.source, value);
    if !own.is_empty() {
        let optional = parameter(value).is_some() && !case.parts_in(value).is_empty();
        return never(if optional { &codes::OPTIONAL_FILTER } else { &codes::COMPARED_WITH_COLUMN }, whole);
    }
    if has_subquery(value) || is_array_subquery(value) {
        return never(&codes::SCALAR_SUBQUERY, value);
    }
    if let Some(found) = from_elsewhere(case, whole, key, equality, value) {
        return Some(Effect::never(part, found));
    }
    let (certainty, culprit) = volatility(value, case.facts);
    if certainty == Volatility::Volatile {
        return Some(Effect::never(part, Found::new(&codes::VOLATILE_FUNCTION, culprit)));
    }
    if let Some(found) = other_collation(case, whole, part, equality, key, value) {
        return Some(Effect::never(part, found));
    }
    let key_type = &case.key.parts[part].type_name;
    let fits = type_of(value, case.facts).map_or(Fit::Good, |value| fit(key_type, &value, case.key.strategy));
    if fits != Fit::Good {
        let instead = rewrite::same_type(key, &op, value, key_type);
        let reason = if fits == Fit::Never { &codes::TYPE_MISMATCH } else { &codes::STABLE_COMPARISON };
        let found = Found::new(reason, value).instead(instead);
        return Some(if fits == Fit::Never { Effect::never(part, found) } else { Effect::startup(part, found) });
    }
    Some(by_moment(case, part, value).unwrap_or_else(|| Effect::good(part)))
}

/// When the value is known, its columns and types apart.
fn by_moment(case: &Case<'_>, part: usize, value: &Expr) -> Option<Effect> {
    let (certainty, culprit) = volatility(value, case.facts);
    match certainty {
        Volatility::Volatile => Some(Effect::never(part, Found::new(&codes::VOLATILE_FUNCTION, culprit))),
        Volatility::Stable => Some(Effect::startup(part, Found::new(&codes::STABLE_FUNCTION, culprit))),
        Volatility::Immutable => match parameter(value) {
            Some(name) if case.form == PlanForm::Generic => {
                Some(Effect::startup(part, Found::new(&codes::PARAMETER, name)))
            }
            _ => None,
        },
    }
}

/// Values of other tables: known row by row only, unless an equality ties them to a constant.
fn from_elsewhere(case: &Case<'_>, whole: &Expr, key: &Expr, equality: bool, value: &Expr) -> Option<Found> {
    let others = case.others_in(value);
    let beside = others.iter().find_map(|owner| match owner {
        Owner::Beside(source, column) => Some((source, column)),
        Owner::Own(_) | Owner::Outside => None,
    });
    let Some((source, column)) = beside else {
        return (!others.is_empty()).then(|| Found::new(&codes::CORRELATED, whole));
    };
    if equality && matches!(strip(value), Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
        let mut carried = Vec::new();
        for (conjunct, preserved) in case.level.conditions_of(*source) {
            let owners = columns(&conjunct.expr).into_iter().map(|names| case.level.owner(*source, &names));
            let only = owners.into_iter().all(|owner| owner == Owner::Own(column.clone()));
            let constant = rewrite::is_range(&conjunct.expr)
                && !has_subquery(&conjunct.expr)
                && volatility(&conjunct.expr, case.facts).0 < Volatility::Volatile;
            if only && constant && !preserved && conjunct.fence.is_none() {
                carried.push(rewrite::with_column(&conjunct.expr, key));
            }
        }
        if !carried.is_empty() {
            let instead = is_same_type(case, key, *source, column);
            let instead = instead.then(|| format!("{whole} AND {}", carried.join(" AND ")));
            return Some(Found::new(&codes::RANGE_NOT_CARRIED, whole).instead(instead));
        }
    }
    let reason = if case.merging { &codes::MERGE_ON_SOURCE } else { &codes::JOIN_ON_KEY };
    Some(Found::new(reason, whole))
}

/// Whether a literal means the same beside both columns, and both sort alike.
fn is_same_type(case: &Case<'_>, key: &Expr, source: usize, column: &str) -> bool {
    let Some(part) = key_part(case, key) else { return false };
    let part = &case.key.parts[part];
    let relation = case.level.sources[source].relation.map(|at| &case.facts.relations[at]);
    let other = relation.and_then(|relation| relation.columns.iter().find(|facts| facts.name == column));
    part.collation.is_none() && other.is_some_and(|other| other.type_name == part.type_name)
}

/// A comparison by a collation other than the key's finds no bound.
fn other_collation(
    case: &Case<'_>,
    whole: &Expr,
    part: usize,
    equality: bool,
    key: &Expr,
    value: &Expr,
) -> Option<Found> {
    let part = &case.key.parts[part];
    let by = part.collation.as_deref()?;
    match strip(value) {
        Expr::Collate { expr, collation } => {
            let named = collation.0.last().and_then(|part| part.as_ident()).map(|name| name.value.clone())?;
            // Equality is the same by every deterministic collation, and these two are.
            let safe = equality && matches!(named.as_str(), "C" | "POSIX") && by == "default";
            (named != by).then(|| Found::new(&codes::COLLATION, whole).instead(safe.then(|| format!("{key} = {expr}"))))
        }
        _ => {
            let own = part.column_collation.as_deref().filter(|own| *own != by)?;
            let safe = equality && own == "default" && matches!(by, "C" | "POSIX");
            let instead = safe.then(|| format!("{key} = {value} COLLATE \"{by}\""));
            Some(Found::new(&codes::COLLATION, whole).instead(instead))
        }
    }
}

/// Whether an expression is a literal.
pub(super) fn literal(expr: &Expr) -> Option<&str> {
    match strip(expr) {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}
