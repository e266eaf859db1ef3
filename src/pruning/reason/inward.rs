//! Moves a condition into the derived table whose columns it names, and knows what keeps it out (Postgres 14-18).

use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, Ident, LimitClause, Query, Select, SelectItem, SetExpr, WindowType, visit_expressions,
    visit_expressions_mut,
};

use super::level::{Level, Owner};
use super::syntax::{columns, folded, last_name};

/// Stands before a column of a derived table while a condition moves into it.
const INWARD: char = '\u{1}';
/// Stands for whatever such a condition compares with.
const OUTSIDE: &str = "\u{2}";

/// A condition from outside, its columns of the derived table marked by name.
pub(super) fn turned_inward(expr: &Expr, level: &Level, source: usize, renamed: &[String], query: &Query) -> Expr {
    let mut expr = expr.clone();
    let names = output_names(&query.body);
    let _ = visit_expressions_mut(&mut expr, |expr| {
        let owner = match &*expr {
            Expr::Identifier(name) => level.owner(source, std::slice::from_ref(name)),
            Expr::CompoundIdentifier(names) => level.owner(source, names),
            _ => return ControlFlow::<()>::Continue(()),
        };
        *expr = match owner {
            Owner::Own(column) => {
                let at = renamed.iter().position(|renamed| *renamed == column);
                let inner = at.and_then(|at| names.as_ref()?.get(at).cloned()).unwrap_or(column);
                Expr::Identifier(Ident::with_quote('"', format!("{INWARD}{inner}")))
            }
            Owner::Beside(_, column) => {
                Expr::CompoundIdentifier(vec![Ident::with_quote('"', OUTSIDE), Ident::with_quote('"', column)])
            }
            Owner::Outside => return ControlFlow::Continue(()),
        };
        ControlFlow::Continue(())
    });
    expr
}

/// The condition with the marked columns replaced by what the query computes them from.
pub(super) fn moved_in(expr: &Expr, select: &Select, names: Option<&[String]>) -> Option<Expr> {
    let mut expr = expr.clone();
    let broken = visit_expressions_mut(&mut expr, |expr| {
        let Expr::Identifier(name) = &*expr else { return ControlFlow::Continue(()) };
        let Some(column) = name.value.strip_prefix(INWARD) else { return ControlFlow::Continue(()) };
        let by_place = names.and_then(|names| names.iter().position(|name| name == column));
        let item = match by_place {
            Some(at) => select.projection.get(at),
            None => select.projection.iter().find(|item| output_name(item).as_deref() == Some(column)),
        };
        *expr = match item {
            Some(SelectItem::ExprWithAlias { expr, .. } | SelectItem::UnnamedExpr(expr)) => expr.clone(),
            _ if select.projection.iter().any(|item| output_name(item).is_none()) => {
                Expr::Identifier(Ident::with_quote('"', column))
            }
            _ => return ControlFlow::Break(()),
        };
        ControlFlow::Continue(())
    });
    broken.is_continue().then_some(expr)
}

/// What in a derived table keeps a condition out of it.
pub(super) fn own_fence(query: &Query, condition: &Expr) -> Option<&'static str> {
    let limited = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => limit.is_some() || offset.is_some(),
        Some(LimitClause::OffsetCommaLimit { .. }) => true,
        None => query.fetch.is_some(),
    };
    if limited {
        return Some("a subquery with LIMIT");
    }
    let SetExpr::Select(select) = &*query.body else { return None };
    let wanted: Vec<String> = columns(condition)
        .iter()
        .filter_map(|names| Some(names.last()?.value.strip_prefix(INWARD)?.to_owned()))
        .collect();
    let among = |exprs: &[Expr]| {
        let names: Vec<String> = exprs.iter().flat_map(columns).filter_map(|names| names.last().map(folded)).collect();
        wanted.iter().all(|column| names.contains(column))
    };
    if let Some(Distinct::On(exprs)) = &select.distinct
        && !among(exprs)
    {
        return Some("a subquery with DISTINCT ON other columns");
    }
    let windows = visit_expressions(&select.projection, |expr| match expr {
        Expr::Function(function) => match &function.over {
            Some(WindowType::WindowSpec(window)) if !among(&window.partition_by) => ControlFlow::Break(()),
            Some(WindowType::NamedWindow(_)) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        },
        _ => ControlFlow::Continue(()),
    });
    windows.is_break().then_some("a window function that is not partitioned by the key")
}

/// The names of a query's columns; `None`: they are not all written.
pub(super) fn output_names(body: &SetExpr) -> Option<Vec<String>> {
    match body {
        SetExpr::Select(select) => select.projection.iter().map(output_name).collect(),
        SetExpr::Query(query) => output_names(&query.body),
        SetExpr::SetOperation { left, .. } => output_names(left),
        _ => None,
    }
}

fn output_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(folded(name)),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => names.last().map(folded),
        SelectItem::UnnamedExpr(Expr::Function(function)) => Some(last_name(&function.name).unwrap_or_default()),
        SelectItem::UnnamedExpr(_) => Some(String::new()),
        _ => None,
    }
}
