//! Reads a statement into the tables it reads, each with the conditions that reach it: through joins, derived tables,
//! CTEs, views and set operations, with what stands between. Knows SQL; judges nothing.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Cte, CteAsMaterialized, Delete, Expr, FromTable, Ident, JoinConstraint, JoinOperator, ObjectName,
    Query, Select, SetExpr, Statement, TableFactor, TableWithJoins, UpdateTableFromKind, visit_relations,
};

use super::facts::QueryFacts;
use super::inward::{moved_in, output_names, own_fence, turned_inward};
use super::level::{Conjunct, Level, Place, Source};
use super::syntax::{conjuncts, folded, last_name, parse, subqueries};

/// A statement with the levels on which tables are joined.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) statement: Statement,
    pub(super) levels: Vec<Level>,
}

/// Reads a statement.
pub(super) fn read(sql: &str, facts: &QueryFacts) -> Option<Reading> {
    let statement = parse(sql)?;
    let mut walk = Walk { facts, levels: Vec::new() };
    walk.statement(&statement, &Vec::new());
    Some(Reading { levels: walk.levels, statement })
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
                let bare = last_name(name);
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
