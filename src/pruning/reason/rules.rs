//! The rules by which a condition prunes or does not, in the order in which they are tried, and what they come to for
//! one table in one FROM clause.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, visit_expressions};

use super::codes::{self, Reason};
use super::facts::{Key, KeyPart, QueryFacts};
use super::level::{Conjunct, Level, Owner, Place};
use super::syntax::{columns, folded, parse_expression};
use super::{comparison, predicates};
use crate::catalog::Strategy;
use crate::policy::PruningStage;
use crate::pruning::{PlanForm, Verdict};

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
    pub(super) fn good(part: usize) -> Self {
        Self { part, stage: Stage::Plan, found: None }
    }

    pub(super) fn startup(part: usize, found: Found) -> Self {
        Self { part, stage: Stage::Startup, found: Some(found) }
    }

    pub(super) fn never(part: usize, found: Found) -> Self {
        Self { part, stage: Stage::Never, found: Some(found) }
    }
}

/// How well a reason explains; what says that all is as it should be explains least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    Nothing,
    /// Another condition of the same table prunes well enough.
    HinderedBesides,
    Missing,
    Hindered,
}

type Rule = fn(&Case<'_>, &Expr) -> Option<Effect>;

/// The first that knows a condition decides.
const RULES: &[Rule] = &[
    predicates::or_branches,
    predicates::row_comparison,
    predicates::pattern,
    predicates::range_operator,
    comparison::in_subquery,
    comparison::any_array,
    comparison::not_equal,
    comparison::comparison,
    predicates::anything_else,
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
        let owners = columns(expr).into_iter().map(|names| self.level.owner(self.source, &names));
        owners.filter(|owner| !matches!(owner, Owner::Own(_))).collect()
    }

    pub(super) fn effect(&self, expr: &Expr) -> Option<Effect> {
        RULES.iter().find_map(|rule| rule(self, expr))
    }

    /// The reason for a verdict on this table here, the condition behind it, and how well that explains.
    pub(super) fn explain(&self, verdict: Verdict) -> (Weight, Found, Option<&'a Conjunct>) {
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
                [.., qualifier, column] if folded(qualifier) == *alias => {
                    let column = folded(column);
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
            let names = parse_expression(expression).map(|expr| columns(&expr)).unwrap_or_default();
            names.iter().filter_map(|names| names.last().map(folded)).collect()
        }
        (None, None) => Vec::new(),
    }
}
