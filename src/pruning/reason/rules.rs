//! The rules by which a condition prunes or does not, in the order in which they are tried, and the choice among what
//! they find for one table.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Value, visit_expressions};

use super::codes::{self, Reason};
use super::comparison::{comparison, literal, not_equal};
use super::facts::{Key, KeyPart, QueryFacts};
use super::reading::{self, Conjunct, Level, Owner, Place, Reading, conjuncts, read};
use super::rewrite;
use super::value::parameter;
use crate::catalog::Strategy;
use crate::policy::PruningStage;
use crate::pruning::{Condition, Outcome, PlanForm, Pruning, Verdict};
use crate::sql::{Identifier, QualifiedName};

/// A plan of a query, whose verdict on one table is to be explained.
#[derive(Debug, Clone, Copy)]
pub struct Inquiry<'a> {
    /// The query.
    pub sql: &'a str,
    /// What its names mean.
    pub facts: &'a QueryFacts,
    /// The table.
    pub table: &'a QualifiedName,
    /// Which plan.
    pub form: PlanForm,
    /// What it showed.
    pub outcome: &'a Outcome,
}

/// Why a verdict is worse than `plan`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The reason, with the way out of it.
    pub reason: &'static Reason,
    /// The same in words, about this query.
    pub why: String,
    /// What to write instead, not proven yet.
    pub rewrite: Option<Rewrite>,
}

/// Another way to write a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// The condition that takes the place of another.
    pub condition: String,
    /// The whole query with it.
    pub sql: String,
}

/// Bare names of the functions that these queries call, for [`QueryFacts::functions`].
pub fn functions_called<'a>(queries: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    reading::functions(queries)
}

/// Explains a verdict; `None` when there is nothing to explain.
///
/// Where the query itself says nothing, as when it cannot be read or only calls what reads the table, the conditions
/// in its plan speak for it.
pub fn diagnose(inquiry: &Inquiry<'_>) -> Option<Diagnosis> {
    let verdict = inquiry.outcome.verdict;
    if verdict == Verdict::Pruned(PruningStage::Plan) {
        return None;
    }
    let facts = inquiry.facts;
    if facts.pruning == Pruning::Off {
        return Some(told(Found::new(&codes::PRUNING_DISABLED, "")));
    }
    let from_query = read(inquiry.sql, facts).and_then(|reading| found(inquiry, &reading));
    if from_query.is_some() {
        return from_query;
    }
    let as_query = match &inquiry.outcome.condition {
        Some(Condition { alias, text }) => {
            format!("SELECT FROM {} AS {} WHERE {text}", inquiry.table, Identifier::new(alias.as_str()))
        }
        None => format!("SELECT FROM {}", inquiry.table),
    };
    let from_plan = read(&as_query, facts).and_then(|reading| found(inquiry, &reading));
    let from_plan = from_plan.map(|diagnosis| Diagnosis { rewrite: None, ..diagnosis });
    from_plan.or_else(|| Some(told(Found::new(&codes::UNKNOWN, "neither the query nor its plan tells why"))))
}

/// The reason that matters most among those of all places where the table is read.
fn found(inquiry: &Inquiry<'_>, reading: &Reading) -> Option<Diagnosis> {
    let facts = inquiry.facts;
    let relation = facts.relations.iter().position(|relation| relation.name == *inquiry.table)?;
    let key = facts.relations[relation].key.as_ref()?;
    let mut worst: Option<(Weight, Found, Option<&Conjunct>)> = None;
    for level in &reading.levels {
        let sources = level.sources.iter().enumerate().filter(|(_, source)| source.relation == Some(relation));
        for (source, _) in sources {
            let case = Case { facts, level, source, key, form: inquiry.form, merging: false };
            let found = case.explain(inquiry.outcome.verdict);
            if worst.as_ref().is_none_or(|(weight, ..)| *weight < found.0) {
                worst = Some(found);
            }
        }
    }
    let (_, found, conjunct) = worst?;
    let rewrite = found.instead.as_ref().zip(conjunct).and_then(|(condition, conjunct)| {
        let written = conjunct.place != Place::Derived;
        let sql = written.then(|| rewrite::replaced(&reading.statement, &conjunct.expr, condition)).flatten()?;
        Some(Rewrite { condition: condition.clone(), sql })
    });
    Some(Diagnosis { rewrite, ..told(found) })
}

fn told(found: Found) -> Diagnosis {
    let text = found.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let why = found.reason.why.replace("{}", &text);
    Diagnosis { reason: found.reason, why: why.trim_end_matches([' ', ':']).to_owned(), rewrite: None }
}

/// One table in one FROM clause, and the plan that is explained.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) facts: &'a QueryFacts,
    pub(super) level: &'a Level,
    pub(super) source: usize,
    pub(super) key: &'a Key,
    pub(super) form: PlanForm,
    /// Whether the condition is the ON of a MERGE.
    pub(super) merging: bool,
}

/// What a condition does.
#[derive(Debug, Clone)]
pub(super) struct Effect {
    /// On which part of the key.
    pub(super) part: usize,
    pub(super) stage: Stage,
    pub(super) equality: bool,
    /// Why it is not the best stage.
    pub(super) found: Option<Found>,
}

/// When a condition prunes, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Plan,
    Startup,
    Never,
}

/// A reason, what it is about, and what could take the condition's place.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) reason: &'static Reason,
    pub(super) text: String,
    pub(super) instead: Option<String>,
}

impl Found {
    pub(super) fn new(reason: &'static Reason, text: impl ToString) -> Self {
        Self { reason, text: text.to_string(), instead: None }
    }

    #[must_use]
    pub(super) fn instead(self, instead: Option<String>) -> Self {
        Self { instead, ..self }
    }
}

impl Effect {
    pub(super) fn good(part: usize, equality: bool) -> Self {
        Self { part, stage: Stage::Plan, equality, found: None }
    }

    pub(super) fn startup(part: usize, found: Found) -> Self {
        Self { part, stage: Stage::Startup, equality: true, found: Some(found) }
    }

    pub(super) fn never(part: usize, found: Found) -> Self {
        Self { part, stage: Stage::Never, equality: true, found: Some(found) }
    }
}

/// How well a reason explains; what says that all is as it should be explains least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Nothing,
    /// Another condition of the same table prunes well enough.
    HinderedBesides,
    Missing,
    Hindered,
}

type Rule = fn(&Case<'_>, &Expr) -> Option<Effect>;

/// The first that knows a condition decides.
const RULES: &[Rule] = &[
    or_branches,
    row_comparison,
    pattern,
    range_operator,
    super::comparison::in_subquery,
    super::comparison::any_array,
    not_equal,
    comparison,
    anything_else,
];

impl<'a> Case<'a> {
    /// The parts of the key that an expression names.
    pub(super) fn parts_in(&self, expr: &Expr) -> Vec<usize> {
        let own = self.level.columns_of(self.source, expr);
        let names = |part: &KeyPart| part_columns(part).iter().any(|column| own.contains(column));
        (0..self.key.parts.len()).filter(|part| names(&self.key.parts[*part])).collect()
    }

    /// Whose columns a value names, apart from this table's.
    pub(super) fn others_in(&self, expr: &Expr) -> Vec<Owner> {
        let owners = reading::columns(expr).into_iter().map(|names| self.level.owner(self.source, &names));
        owners.filter(|owner| !matches!(owner, Owner::Own(_))).collect()
    }

    pub(super) fn effect(&self, expr: &Expr) -> Option<Effect> {
        RULES.iter().find_map(|rule| rule(self, expr))
    }

    fn explain(&self, verdict: Verdict) -> (Weight, Found, Option<&'a Conjunct>) {
        let mut effects: Vec<(Effect, &'a Conjunct)> = Vec::new();
        for (conjunct, preserved) in self.level.conditions_of(self.source) {
            let case = Self { merging: conjunct.place == Place::Merge, ..*self };
            let Some(mut effect) = case.effect(&conjunct.expr) else { continue };
            if let Some(fence) = conjunct.fence {
                let text = format!("{fence} keeps `{}` out", conjunct.text);
                effect = Effect::never(effect.part, Found::new(&codes::OPTIMIZER_FENCE, text));
            } else if preserved {
                effect = Effect::never(effect.part, Found::new(&codes::OUTER_JOIN_CONDITION, &conjunct.text));
            }
            effects.push((effect, conjunct));
        }
        let plain = |found: Found| (Weight::Missing, found, None);
        let by_hash = self.key.strategy == Strategy::Hash;
        let counts = |effect: &Effect| by_hash || effect.part == 0;
        let worst = match verdict {
            Verdict::Unpruned | Verdict::Pruned(PruningStage::Execution) => Stage::Never,
            Verdict::Pruned(PruningStage::Plan | PruningStage::Startup) => Stage::Startup,
        };
        let prunes = effects.iter().any(|(effect, _)| effect.part == 0 && effect.stage == Stage::Plan);
        let weight = if prunes { Weight::HinderedBesides } else { Weight::Hindered };
        let hindered = |effect: &Effect, conjunct: &'a Conjunct| {
            let found = effect.found.clone().expect("only the best stage has no reason");
            (weight, found, Some(conjunct))
        };
        if let Some((effect, conjunct)) = effects.iter().find(|(effect, _)| counts(effect) && effect.stage == worst) {
            return hindered(effect, conjunct);
        }
        if effects.is_empty() {
            if let Some(conjunct) = self.level.conjuncts.iter().find(|conjunct| self.is_named_inside(&conjunct.expr)) {
                return (Weight::Hindered, Found::new(&codes::JOIN_ON_KEY, &conjunct.text), None);
            }
            return plain(Found::new(&codes::NO_KEY_PREDICATE, self.key_text()));
        }
        let missing = (0..self.key.parts.len()).find(|part| !effects.iter().any(|(effect, _)| effect.part == *part));
        match missing {
            Some(part) if by_hash => {
                return plain(Found::new(&codes::HASH_NEEDS_ALL_COLUMNS, self.part_text(part)));
            }
            Some(0) => return plain(Found::new(&codes::LEADING_COLUMN_MISSING, self.part_text(0))),
            _ => {}
        }
        let texts: Vec<&str> = effects.iter().map(|(_, conjunct)| conjunct.text.as_str()).collect();
        (Weight::Nothing, Found::new(&codes::MATCHES_ALL, texts.join(" AND ")), None)
    }

    /// Whether an EXISTS names the key of this table from inside.
    fn is_named_inside(&self, expr: &Expr) -> bool {
        let Expr::Exists { subquery, negated: false } = expr else { return false };
        let alias = &self.level.sources[self.source].alias;
        visit_expressions(&**subquery, |expr| match expr {
            Expr::CompoundIdentifier(names) => match names.as_slice() {
                [.., qualifier, column] if reading::folded(qualifier) == *alias => {
                    let column = reading::folded(column);
                    let of_key = self.key.parts.iter().any(|part| part_columns(part).contains(&column));
                    if of_key { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                }
                _ => ControlFlow::Continue(()),
            },
            _ => ControlFlow::Continue(()),
        })
        .is_break()
    }

    fn part_text(&self, part: usize) -> String {
        let part = &self.key.parts[part];
        part.column.clone().or_else(|| part.expression.clone()).unwrap_or_default()
    }

    fn key_text(&self) -> String {
        (0..self.key.parts.len()).map(|part| self.part_text(part)).collect::<Vec<_>>().join(", ")
    }
}

/// The columns that a part of a key is made of.
pub(super) fn part_columns(part: &KeyPart) -> Vec<String> {
    match (&part.column, &part.expression) {
        (Some(column), _) => vec![column.clone()],
        (None, Some(expression)) => {
            let names = reading::parse_expression(expression).map(|expr| reading::columns(&expr)).unwrap_or_default();
            names.iter().filter_map(|names| names.last().map(reading::folded)).collect()
        }
        (None, None) => Vec::new(),
    }
}

/// OR prunes when each branch does.
fn or_branches(case: &Case<'_>, expr: &Expr) -> Option<Effect> {
    let Expr::BinaryOp { op: BinaryOperator::Or, .. } = expr else { return None };
    let part = *case.parts_in(expr).first()?;
    let mut branches = Vec::new();
    let mut rest = vec![expr];
    while let Some(expr) = rest.pop() {
        match expr {
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => rest.extend([&**right, &**left]),
            Expr::Nested(inner) => rest.push(inner),
            branch => branches.push(branch),
        }
    }
    let mut worst: Option<Effect> = None;
    for branch in branches {
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
fn row_comparison(case: &Case<'_>, expr: &Expr) -> Option<Effect> {
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

fn pattern(case: &Case<'_>, expr: &Expr) -> Option<Effect> {
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

/// `range @> key`
fn range_operator(case: &Case<'_>, expr: &Expr) -> Option<Effect> {
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

fn anything_else(case: &Case<'_>, expr: &Expr) -> Option<Effect> {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::pruning::reason::{Function, Volatility};

    /// `s.r` by timestamptz, `s.n` by bigint, `s.far` not partitioned.
    fn facts() -> QueryFacts {
        let relations = json!([
            {"oid": 1, "name": "s.r", "visible": true,
             "columns": [{"name": "ts", "type": "timestamp with time zone", "not_null": true}, {"name": "id", "type": "integer"}],
             "key": {"strategy": "range", "parts": [{"column": "ts", "type": "timestamp with time zone"}]}},
            {"oid": 2, "name": "s.n",
             "columns": [{"name": "id", "type": "bigint"}, {"name": "on", "type": "date"}],
             "key": {"strategy": "range", "parts": [{"column": "id", "type": "bigint"}]}},
            {"oid": 3, "name": "s.far", "columns": [{"name": "ts", "type": "timestamp with time zone"}, {"name": "day", "type": "date"}]},
        ]);
        let function = |volatility| Function { volatility, result: None };
        QueryFacts {
            relations: serde_json::from_value(relations).unwrap(),
            parameters: vec!["bigint".to_owned()],
            functions: BTreeMap::from([
                ("random".to_owned(), function(Volatility::Volatile)),
                ("now".to_owned(), function(Volatility::Stable)),
            ]),
            pruning: Pruning::On,
        }
    }

    fn unpruned() -> Outcome {
        let verdict = Verdict::Unpruned;
        Outcome { scanned: Vec::new(), removed: 0, never_executed: None, locks: 0, verdict, condition: None }
    }

    /// Code and new condition for a query on `s.r`, or `s.n` where it reads only that.
    fn of(sql: &str) -> (&'static str, Option<String>) {
        let table = if sql.contains("s.r") { "r" } else { "n" };
        let (facts, table, outcome) = (facts(), QueryFacts::table(table), unpruned());
        let inquiry = Inquiry { sql, facts: &facts, table: &table, form: PlanForm::Custom, outcome: &outcome };
        let diagnosis = diagnose(&inquiry).unwrap();
        (diagnosis.reason.code, diagnosis.rewrite.map(|rewrite| rewrite.condition))
    }

    impl QueryFacts {
        fn table(name: &str) -> QualifiedName {
            QualifiedName::new("s", name)
        }
    }

    #[test]
    fn a_rewrite_is_offered_only_where_it_means_the_same() {
        let offered: &[(&str, Option<&str>)] = &[
            ("date_trunc('week', ts) = '2024-02-05'", Some("ts >= '2024-02-05' AND ts < '2024-02-12'")),
            ("date_trunc('week', ts) = '2024-02-06'", None),
            ("date_trunc('quarter', ts) > '2024-04-01'", Some("ts >= '2024-07-01'")),
            ("date_trunc('year', ts) <= '2024-01-01'", Some("ts < '2025-01-01'")),
            ("date_trunc('hour', ts) = '2024-01-01 05:00'", None),
            ("'2024-02-01' < date_trunc('month', ts)", Some("ts >= '2024-03-01'")),
            ("ts::date < '2024-02-05'", Some("ts < '2024-02-05'")),
            ("extract(month from ts) = 2", None),
            ("date_part('year', ts) = 2024", Some("ts >= '2024-01-01' AND ts < '2025-01-01'")),
            ("ts + '1 month' > '2024-02-01'", None),
            ("ts - interval '2 hours' > now()", Some("ts > now() + INTERVAL '2 hours'")),
            ("ts at time zone 'Asia/Tokyo' < '2024-02-01 05:00'", None),
            ("ts at time zone 'Asia/Tokyo' = '2024-02-01'", None),
            ("coalesce(ts, '-infinity') < '2024-02-01'", Some("ts < '2024-02-01'")),
            ("tstzrange(null, '2024-02-01') @> ts", None),
            ("tstzrange('2024-01-01', '2024-02-01', '[]') @> ts", None),
        ];
        for (condition, instead) in offered {
            let (_, found) = of(&format!("select * from s.r where {condition} and id = 5"));
            assert_eq!(found.as_deref(), *instead, "{condition}");
        }
        for (condition, instead) in [
            ("id = 5.5", None),
            ("id >= 5.00", Some("id >= 5")),
            ("5.0 > id", Some("id < 5")),
            ("id = $1::numeric", Some("id = $1::bigint")),
            ("id - 7 = 3", Some("id = 3 + 7")),
            ("id * 2 = 10", None),
            ("id::numeric = 10", Some("id = 10")),
        ] {
            assert_eq!(of(&format!("select * from s.n where {condition}")).1.as_deref(), instead, "{condition}");
        }
        // Here a null may come from the join, whatever the column says.
        let outer = "select * from s.far left join s.r on far.day = r.id where coalesce(r.ts, now()) > '2024-02-01'";
        assert_eq!(of(outer), ("function_on_key", None));
        // A date and a timestamptz read one literal differently.
        let other = "select * from s.r join s.far on r.ts = far.day where far.day >= '2024-02-01'";
        assert_eq!(of(other), ("range_not_carried", None));
        let random = "select * from s.r join s.far using (ts) where far.ts >= '2024-02-01'::date + random()";
        assert_eq!(of(random), ("join_on_key", None));
    }

    #[test]
    fn the_new_condition_stands_where_the_old_one_stood() {
        let facts = facts();
        let (table, outcome) = (QueryFacts::table("r"), unpruned());
        let sql = "select * from (select * from s.r where ts::date = '2024-02-01' or false) x, s.r where r.ts::date = '2024-02-02' and r.id = 1";
        let inquiry = Inquiry { sql, facts: &facts, table: &table, form: PlanForm::Custom, outcome: &outcome };
        let rewritten = diagnose(&inquiry).unwrap().rewrite;
        // The first place that hinders is the one that is told, and OR takes no replacement.
        assert_eq!(rewritten, None);
        let sql = "delete from s.r where r.ts::date = '2024-02-02' and r.id = 1";
        let rewritten = diagnose(&Inquiry { sql, ..inquiry }).unwrap().rewrite.unwrap();
        assert_eq!(rewritten.sql, "DELETE FROM s.r WHERE (r.ts >= '2024-02-02' AND r.ts < '2024-02-03') AND r.id = 1");
    }

    #[test]
    fn what_cannot_be_read_is_explained_by_its_plan() {
        let facts = facts();
        let table = QueryFacts::table("r");
        let with = |condition: Option<&str>| {
            let condition = condition.map(|text| Condition { alias: "r_1".to_owned(), text: text.to_owned() });
            let outcome = Outcome { condition, ..unpruned() };
            let sql = "select something that ; is no statement";
            let inquiry = Inquiry { sql, facts: &facts, table: &table, form: PlanForm::Custom, outcome: &outcome };
            diagnose(&inquiry).unwrap().reason.code
        };
        assert_eq!(with(Some("((r_1.ts)::date = '2024-02-01'::date)")), "cast_on_key");
        assert_eq!(with(Some("(r_1.ts = (InitPlan 1).col1)")), "unknown");
        assert_eq!(with(None), "no_key_predicate");
    }

    #[test]
    fn statements_of_any_length_and_depth_are_taken() {
        let deep = format!("select * from s.r where {}ts = now(){}", "(".repeat(5_000), ")".repeat(5_000));
        let long = format!("select * from s.r where {}", vec!["id = 1"; 2_500].join(" or "));
        let broad = format!("select * from s.r where id in ({})", vec!["1"; 3_000].join(", "));
        for sql in [deep, long, broad] {
            assert!(["no_key_predicate", "stable_function"].contains(&of(&sql).0), "{}", &sql[..80]);
        }
    }

    #[test]
    fn a_verdict_of_plan_needs_no_reason() {
        let facts = facts();
        let outcome = Outcome { verdict: Verdict::Pruned(PruningStage::Plan), ..unpruned() };
        let (sql, table) = ("select * from s.r", QueryFacts::table("r"));
        let inquiry = Inquiry { sql, facts: &facts, table: &table, form: PlanForm::Custom, outcome: &outcome };
        assert_eq!(diagnose(&inquiry), None);
    }
}
