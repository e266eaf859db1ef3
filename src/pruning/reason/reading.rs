//! Reads a statement into the tables it reads, each with the conditions that reach it: through joins, derived tables,
//! CTEs, views and set operations, with what stands between. Knows SQL; judges nothing.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Cte, CteAsMaterialized, Delete, Distinct, Expr, FromTable, Ident, JoinConstraint, JoinOperator,
    LimitClause, ObjectName, Query, Select, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins,
    UpdateTableFromKind, Visit, Visitor, WindowType, visit_expressions, visit_expressions_mut, visit_relations,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::facts::QueryFacts;

/// Longer statements are not read: the parser's trees are walked by recursion.
const MOST_TOKENS: usize = 8_000;

/// Stands before a column of a derived table while a condition moves into it.
const INWARD: char = '\u{1}';
/// Stands for whatever such a condition compares with.
const OUTSIDE: &str = "\u{2}";

/// A statement with the levels on which tables are joined.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) statement: Statement,
    pub(super) levels: Vec<Level>,
}

/// One FROM clause with the conditions that reach it.
#[derive(Debug, Default)]
pub(super) struct Level {
    pub(super) sources: Vec<Source>,
    pub(super) conjuncts: Vec<Conjunct>,
    /// Whether an outer join may make columns null that never are.
    pub(super) outer: bool,
}

/// Something that rows come from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) alias: String,
    /// Index of the relation in the facts; `None`: not a table.
    pub(super) relation: Option<usize>,
    columns: Vec<String>,
}

/// A condition that all rows have to meet.
#[derive(Debug, Clone)]
pub(super) struct Conjunct {
    pub(super) expr: Expr,
    /// As the statement has it.
    pub(super) text: String,
    pub(super) place: Place,
    /// What keeps it from reaching the tables of this level.
    pub(super) fence: Option<&'static str>,
    /// Sources whose rows survive when it is false: the preserved side of an outer join.
    preserved: BTreeSet<usize>,
}

/// Where a condition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Where it works: in the statement, or in a view that it reads.
    Written,
    /// Further out, around a derived table, a CTE or a view; or it is not written at all.
    Derived,
    /// It is the ON of a MERGE.
    Merge,
}

/// Whose a column is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// The source's own.
    Own(String),
    /// Of another source beside it, by index.
    Beside(usize, String),
    /// Of a query around it.
    Outside,
}

impl Level {
    /// The conditions that name a column of this source, with whether its rows survive them.
    pub(super) fn conditions_of(&self, source: usize) -> impl Iterator<Item = (&Conjunct, bool)> {
        let about = move |conjunct: &&Conjunct| !self.columns_of(source, &conjunct.expr).is_empty();
        self.conjuncts.iter().filter(about).map(move |conjunct| (conjunct, conjunct.preserved.contains(&source)))
    }

    /// The columns of this source that an expression names, those in its subqueries left out.
    pub(super) fn columns_of(&self, source: usize, expr: &Expr) -> BTreeSet<String> {
        let own = |names: &[Ident]| match self.owner(source, names) {
            Owner::Own(column) => Some(column),
            Owner::Beside(..) | Owner::Outside => None,
        };
        columns(expr).iter().filter_map(|names| own(names)).collect()
    }

    /// Whose column this is, seen from a source.
    pub(super) fn owner(&self, source: usize, names: &[Ident]) -> Owner {
        let Some((column, qualifiers)) = names.split_last() else { return Owner::Outside };
        let column = folded(column);
        let found = match qualifiers.last().map(folded) {
            Some(alias) => self.sources.iter().position(|source| source.alias == alias),
            // Two sources with the same column were joined by it, and its bare name is the first one's.
            None => self.sources.iter().position(|source| source.columns.contains(&column)),
        };
        match found {
            Some(found) if found == source => Owner::Own(column),
            Some(found) => Owner::Beside(found, column),
            None => Owner::Outside,
        }
    }
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
                names.extend(function.name.0.last().and_then(|part| part.as_ident()).map(folded));
            }
            ControlFlow::<()>::Continue(())
        });
    }
    names
}

/// Reads a statement.
pub(super) fn read(sql: &str, facts: &QueryFacts) -> Option<Reading> {
    let statement = parse(sql)?;
    let mut walk = Walk { facts, levels: Vec::new() };
    walk.statement(&statement, &Vec::new());
    Some(Reading { levels: walk.levels, statement })
}

/// The conditions that AND joins.
pub(super) fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut rest = vec![expr];
    while let Some(expr) = rest.pop() {
        match expr {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => rest.extend([&**right, &**left]),
            Expr::Nested(inner) => rest.push(inner),
            other => found.push(other),
        }
    }
    found
}

/// CTEs in sight, nearest last, each with how often it is read.
type Ctes = Vec<(String, Cte, usize)>;

/// A condition on its way into a derived table.
#[derive(Clone)]
struct Inward {
    expr: Expr,
    text: String,
    fence: Option<&'static str>,
    preserved: bool,
}

struct Derived {
    source: usize,
    query: Query,
    fence: Option<&'static str>,
    renamed: Vec<String>,
}

struct Walk<'a> {
    facts: &'a QueryFacts,
    levels: Vec<Level>,
}

impl Walk<'_> {
    fn statement(&mut self, statement: &Statement, ctes: &Ctes) {
        let mut level = Level::default();
        let mut derived = Vec::new();
        match statement {
            Statement::Query(query) => return self.query(query, ctes, &[]),
            Statement::Insert(insert) => {
                return insert.source.iter().for_each(|source| self.query(source, ctes, &[]));
            }
            Statement::Update(update) => {
                self.joined(&update.table, ctes, &mut level, &mut derived);
                match &update.from {
                    Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) => {
                        from.iter().for_each(|from| self.joined(from, ctes, &mut level, &mut derived));
                    }
                    None => {}
                }
                Self::add(&mut level, update.selection.as_ref(), Place::Written, &BTreeSet::new());
            }
            Statement::Delete(Delete { from, using, selection, .. }) => {
                let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = from;
                let all = from.iter().chain(using.iter().flatten());
                all.for_each(|from| self.joined(from, ctes, &mut level, &mut derived));
                Self::add(&mut level, selection.as_ref(), Place::Written, &BTreeSet::new());
            }
            Statement::Merge(merge) => {
                self.factor(&merge.table, ctes, &mut level, &mut derived);
                self.factor(&merge.source, ctes, &mut level, &mut derived);
                Self::add(&mut level, Some(&merge.on), Place::Merge, &BTreeSet::new());
            }
            _ => return,
        }
        let subqueries = subqueries(statement);
        self.finish(level, derived, ctes);
        subqueries.iter().for_each(|query| self.query(query, ctes, &[]));
    }

    fn query(&mut self, query: &Query, around: &Ctes, inward: &[Inward]) {
        let mut ctes = around.clone();
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let name = folded(&cte.alias.name);
            let mut uses = 0;
            let _ = visit_relations(query, |relation: &ObjectName| {
                uses += usize::from(single(relation).as_deref() == Some(&name));
                ControlFlow::<()>::Continue(())
            });
            if let SetExpr::Insert(statement)
            | SetExpr::Update(statement)
            | SetExpr::Delete(statement)
            | SetExpr::Merge(statement) = &*cte.query.body
            {
                self.statement(statement, &ctes);
            }
            // A recursive CTE is never merged into the query.
            let recursive = query.with.as_ref().is_some_and(|with| with.recursive);
            let uses = if recursive { uses.max(2) } else { uses };
            ctes.push((name, cte.clone(), uses));
        }
        self.body(&query.body, &ctes, inward, None);
    }

    fn body(&mut self, body: &SetExpr, ctes: &Ctes, inward: &[Inward], names: Option<&[String]>) {
        match body {
            SetExpr::Select(select) => self.select(select, ctes, inward, names),
            SetExpr::Query(query) => self.query(query, ctes, inward),
            SetExpr::SetOperation { left, right, .. } => {
                let own = output_names(left);
                let names = names.or(own.as_deref());
                self.body(left, ctes, inward, names);
                self.body(right, ctes, inward, names);
            }
            SetExpr::Insert(statement)
            | SetExpr::Update(statement)
            | SetExpr::Delete(statement)
            | SetExpr::Merge(statement) => self.statement(statement, ctes),
            SetExpr::Values(_) | SetExpr::Table(_) => {}
        }
    }

    fn select(&mut self, select: &Select, ctes: &Ctes, inward: &[Inward], names: Option<&[String]>) {
        let mut level = Level::default();
        let mut derived = Vec::new();
        select.from.iter().for_each(|from| self.joined(from, ctes, &mut level, &mut derived));
        Self::add(&mut level, select.selection.as_ref(), Place::Written, &BTreeSet::new());
        for condition in inward {
            let Some(expr) = moved_in(&condition.expr, select, names) else { continue };
            let all = (0..level.sources.len()).filter(|_| condition.preserved).collect();
            let (text, fence) = (condition.text.clone(), condition.fence);
            level.conjuncts.push(Conjunct { expr, text, place: Place::Derived, fence, preserved: all });
        }
        self.finish(level, derived, ctes);
        subqueries(select).iter().for_each(|query| self.query(query, ctes, &[]));
    }

    /// Moves conditions into the derived tables of a level, and keeps it.
    fn finish(&mut self, level: Level, derived: Vec<Derived>, ctes: &Ctes) {
        for Derived { source, query, fence, renamed } in derived {
            let about = level.conditions_of(source);
            let inward: Vec<Inward> = about
                .map(|(conjunct, preserved)| {
                    let expr = turned_inward(&conjunct.expr, &level, source, &renamed, &query);
                    let fence = conjunct.fence.or(fence).or_else(|| own_fence(&query, &expr));
                    Inward { expr, text: conjunct.text.clone(), fence, preserved }
                })
                .collect();
            self.query(&query, ctes, &inward);
        }
        self.levels.push(level);
    }

    fn add(level: &mut Level, condition: Option<&Expr>, place: Place, preserved: &BTreeSet<usize>) {
        level.conjuncts.extend(condition.into_iter().flat_map(conjuncts).map(|expr| Conjunct {
            expr: expr.clone(),
            text: expr.to_string(),
            place,
            fence: None,
            preserved: preserved.clone(),
        }));
    }

    fn joined(&mut self, from: &TableWithJoins, ctes: &Ctes, level: &mut Level, derived: &mut Vec<Derived>) {
        let first = level.sources.len();
        self.factor(&from.relation, ctes, level, derived);
        for join in &from.joins {
            let second = level.sources.len();
            self.factor(&join.relation, ctes, level, derived);
            let (left, right) = (first..second, second..level.sources.len());
            use JoinOperator as J;
            let (constraint, preserved): (_, BTreeSet<usize>) = match &join.join_operator {
                J::Left(constraint) | J::LeftOuter(constraint) => (constraint, left.collect()),
                J::Right(constraint) | J::RightOuter(constraint) => (constraint, right.collect()),
                J::FullOuter(constraint) => (constraint, left.chain(right).collect()),
                J::Join(constraint) | J::Inner(constraint) | J::CrossJoin(constraint) => (constraint, BTreeSet::new()),
                _ => continue,
            };
            level.outer |= !preserved.is_empty();
            match constraint {
                JoinConstraint::On(on) => Self::add(level, Some(on), Place::Written, &preserved),
                JoinConstraint::Using(columns) => {
                    let columns = columns.iter().filter_map(|column| Some(folded(column.0.last()?.as_ident()?)));
                    merge(level, first, second, columns.collect(), &preserved);
                }
                JoinConstraint::Natural => {
                    let columns = level.sources[second].columns.clone();
                    merge(level, first, second, columns, &preserved);
                }
                JoinConstraint::None => {}
            }
        }
    }

    fn factor(&mut self, factor: &TableFactor, ctes: &Ctes, level: &mut Level, derived: &mut Vec<Derived>) {
        let (alias, renamed) = match factor {
            TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } => alias.as_ref(),
            TableFactor::NestedJoin { table_with_joins, .. } => {
                return self.joined(table_with_joins, ctes, level, derived);
            }
            _ => None,
        }
        .map_or((None, Vec::new()), |alias| {
            (Some(folded(&alias.name)), alias.columns.iter().map(|column| folded(&column.name)).collect())
        });
        let source = level.sources.len();
        let mut push = |alias: Option<String>, relation: Option<usize>, columns: Vec<String>| {
            level.sources.push(Source { alias: alias.unwrap_or_default(), relation, columns });
        };
        match factor {
            TableFactor::Table { name, args: None, .. } => {
                let cte = single(name).and_then(|name| ctes.iter().rev().find(|(cte, ..)| *cte == name));
                let bare = name.0.last().and_then(|part| part.as_ident()).map(folded);
                if let Some((_, cte, uses)) = cte {
                    let modifies = !matches!(
                        *cte.query.body,
                        SetExpr::Select(_) | SetExpr::SetOperation { .. } | SetExpr::Query(_)
                    );
                    let fence = match cte.materialized {
                        Some(CteAsMaterialized::Materialized) => Some("a MATERIALIZED CTE"),
                        Some(CteAsMaterialized::NotMaterialized) => None,
                        None if 1 < *uses => Some("a CTE that is read more than once"),
                        None => None,
                    };
                    let own = cte.alias.columns.iter().map(|column| folded(&column.name)).collect::<Vec<_>>();
                    let renamed = if renamed.is_empty() { own } else { renamed };
                    push(alias.or(bare), None, self.outputs(&cte.query, &renamed));
                    if !modifies && 1 <= *uses && self.levels.len() < 1_000 {
                        derived.push(Derived { source, query: (*cte.query).clone(), fence, renamed });
                    }
                    return;
                }
                let schema = (1 < name.0.len()).then(|| name.0[name.0.len() - 2].as_ident().map(folded)).flatten();
                let found = bare.as_deref().and_then(|bare| self.facts.named(schema.as_deref(), bare));
                let facts = found.map(|found| &self.facts.relations[found]);
                let columns = facts.into_iter().flat_map(|facts| &facts.columns).map(|column| column.name.clone());
                push(alias.or(bare), found, columns.collect());
                let view = facts.and_then(|facts| facts.view.as_deref());
                if let Some(Statement::Query(query)) = view.and_then(parse) {
                    let renamed = level.sources[source].columns.clone();
                    derived.push(Derived { source, query: *query, fence: None, renamed });
                }
            }
            TableFactor::Derived { subquery, .. } => {
                push(alias, None, self.outputs(subquery, &renamed));
                derived.push(Derived { source, query: (**subquery).clone(), fence: None, renamed });
            }
            _ => push(alias, None, Vec::new()),
        }
    }

    /// The columns of a derived table; a wildcard gives those of the tables below it.
    fn outputs(&self, query: &Query, renamed: &[String]) -> Vec<String> {
        if !renamed.is_empty() {
            return renamed.to_vec();
        }
        if let Some(names) = output_names(&query.body) {
            return names;
        }
        let mut names = Vec::new();
        let _ = visit_relations(query, |relation: &ObjectName| {
            let part = |at: usize| relation.0.get(at).and_then(|part| part.as_ident()).map(folded);
            let last = relation.0.len() - 1;
            let schema = last.checked_sub(1).and_then(part);
            let found = part(last).and_then(|name| self.facts.named(schema.as_deref(), &name));
            names.extend(found.into_iter().flat_map(|at| &self.facts.relations[at].columns).map(|c| c.name.clone()));
            ControlFlow::<()>::Continue(())
        });
        names
    }
}

/// Joins by columns of the same name, as far as both sides have them.
fn merge(level: &mut Level, first: usize, second: usize, columns: Vec<String>, preserved: &BTreeSet<usize>) {
    for column in columns {
        let of =
            |at: usize| Box::new(Expr::CompoundIdentifier(vec![spelled(&level.sources[at].alias), spelled(&column)]));
        let has = |at: &usize| level.sources[*at].columns.contains(&column);
        let (Some(left), true) = ((first..second).find(has), has(&second)) else { continue };
        let expr = Expr::BinaryOp { left: of(left), op: BinaryOperator::Eq, right: of(second) };
        let text = expr.to_string();
        level.conjuncts.push(Conjunct { expr, text, place: Place::Derived, fence: None, preserved: preserved.clone() });
    }
}

/// A name with quotes only where it needs them.
fn spelled(name: &str) -> Ident {
    let bare = crate::sql::Identifier::new(name).to_string() == name;
    if bare { Ident::new(name) } else { Ident::with_quote('"', name) }
}

fn single(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [only] => only.as_ident().map(folded),
        _ => None,
    }
}

/// The names of a query's columns; `None`: they are not all written.
fn output_names(body: &SetExpr) -> Option<Vec<String>> {
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
        SelectItem::UnnamedExpr(Expr::Function(function)) => {
            Some(function.name.0.last().and_then(|part| part.as_ident()).map(folded).unwrap_or_default())
        }
        SelectItem::UnnamedExpr(_) => Some(String::new()),
        _ => None,
    }
}

/// A condition from outside, its columns of the derived table marked by name.
fn turned_inward(expr: &Expr, level: &Level, source: usize, renamed: &[String], query: &Query) -> Expr {
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
fn moved_in(expr: &Expr, select: &Select, names: Option<&[String]>) -> Option<Expr> {
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

/// What in a derived table keeps a condition out of it (Postgres 14-18).
fn own_fence(query: &Query, condition: &Expr) -> Option<&'static str> {
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

/// The subqueries inside the expressions of this, not those in its FROM, and not those inside them.
fn subqueries<N: Visit>(node: &N) -> Vec<Query> {
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
