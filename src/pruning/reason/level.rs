//! One FROM clause: where its rows come from, which conditions they meet, and whose its columns are.

use std::collections::BTreeSet;

use sqlparser::ast::{Expr, Ident};

use super::syntax::{columns, folded};

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
    pub(super) columns: Vec<String>,
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
    pub(super) preserved: BTreeSet<usize>,
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
