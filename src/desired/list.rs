//! Groups of values in the spelling of the catalog: only then is what a policy says and what a partition holds the same
//! when it is the same.
//!
//! A value that some partition holds is spelled as the catalog spells it. About others the server is asked, where their
//! type has more than one spelling; what it refuses is a misfit.

use std::collections::{BTreeMap, BTreeSet};

use super::{DesiredGroup, DesiredList};
use crate::catalog::{Answer, Answers, Bound, Datum, KeyColumn, Question, Table};
use crate::keys::{canonical, certain_spelling};
use crate::plan::{Finding, codes, first_few};
use crate::policy::{Groups, ListPolicy};

/// The wish in the catalog's spelling.
///
/// # Errors
/// A finding when a value is none of the key's type, or stands twice in two spellings.
pub(super) fn list_of(
    policy: &ListPolicy,
    table: &Table,
    column: &KeyColumn,
    answers: &Answers,
) -> Result<DesiredList, Finding> {
    let policy_groups = match &policy.groups {
        Groups::Named(groups) => groups,
        Groups::Each(query) => return list_of_rows(policy, query, table, column, answers),
    };
    let mut speller = Speller::new(table, column, answers);
    let mut homes: BTreeMap<Datum, (&str, Option<&str>)> = BTreeMap::new();
    let mut groups = Vec::new();
    for group in policy_groups {
        let mut values = Vec::new();
        for text in &group.values {
            let value = text.as_ref().map_or(Datum::Null, |text| Datum::Value(speller.spelled(text)));
            match homes.insert(value.clone(), (&group.name, text.as_deref())) {
                None => values.push(value),
                Some((home, _)) if home == group.name => {}
                Some((home, first)) => {
                    let shown = |text: Option<&str>| text.unwrap_or("null").to_owned();
                    speller.twice.push(format!(
                        "`{}` of {home} and `{}` of {}",
                        shown(first),
                        shown(text.as_deref()),
                        group.name
                    ));
                }
            }
        }
        groups.push(DesiredGroup { name: group.name.clone(), values });
    }
    speller.misfit()?;
    let questions = speller.questions;
    Ok(DesiredList { column: column.clone(), groups, default: policy.default.clone(), questions })
}

/// A group for every row of the policy's query, named by its value.
fn list_of_rows(
    policy: &ListPolicy,
    query: &str,
    table: &Table,
    column: &KeyColumn,
    answers: &Answers,
) -> Result<DesiredList, Finding> {
    let question = Question::EachValue { query: query.to_owned(), type_name: column.type_name.clone() };
    let about = |code, message: String| Finding::about(code, &table.name, message);
    let mut list = DesiredList {
        column: column.clone(),
        groups: Vec::new(),
        default: policy.default.clone(),
        questions: BTreeSet::new(),
    };
    let values = match answers.get(&question) {
        Some(Answer::Values(values)) => values,
        Some(Answer::Refused(why)) => {
            return Err(about(codes::EACH_REFUSED, format!("`each` gives no values of key {column}: {why}"))
                .hint("try it by hand: one column, with schemas before the names of tables"));
        }
        Some(Answer::Unknown(why)) => {
            return Err(about(codes::UNANSWERED, format!("cannot tell which rows `each` has: {why}"))
                .hint("grant SELECT on what it reads, or look at what holds it up, and run again"));
        }
        Some(_) | None => {
            list.questions.insert(question);
            return Ok(list);
        }
    };
    if Answers::VALUE_LIMIT < values.len() {
        let message = format!("`each` has more than {} rows, and each would be a partition", Answers::VALUE_LIMIT);
        return Err(about(codes::TOO_MANY, message).hint("Postgres plans slowly long before: hash the key instead"));
    }
    let group = |value: &Option<String>| match value {
        None => DesiredGroup { name: "null".to_owned(), values: vec![Datum::Null] },
        Some(text) => {
            let text = canonical(&column.type_name, text);
            DesiredGroup { name: text.clone(), values: vec![Datum::Value(text)] }
        }
    };
    list.groups = values.iter().map(group).collect();
    Ok(list)
}

fn held(table: &Table, column: &KeyColumn) -> BTreeSet<String> {
    let lists = table.partitions.iter().filter_map(|partition| match &partition.bound {
        Bound::List(values) => Some(values),
        _ => None,
    });
    let texts = lists.flatten().filter_map(|value| match value {
        Datum::Value(text) => Some(canonical(&column.type_name, text)),
        Datum::Null | Datum::MinValue | Datum::MaxValue => None,
    });
    texts.collect()
}

/// Spells values, and gathers what came of it.
struct Speller<'a> {
    table: &'a Table,
    column: &'a KeyColumn,
    answers: &'a Answers,
    /// What the partitions hold.
    held: BTreeSet<String>,
    questions: BTreeSet<Question>,
    refused: Vec<String>,
    unanswered: Vec<String>,
    twice: Vec<String>,
}

impl<'a> Speller<'a> {
    fn new(table: &'a Table, column: &'a KeyColumn, answers: &'a Answers) -> Self {
        let (questions, refused, unanswered, twice) = (BTreeSet::new(), Vec::new(), Vec::new(), Vec::new());
        Self { table, column, answers, held: held(table, column), questions, refused, unanswered, twice }
    }

    /// The value as the catalog spells it, as far as that is known.
    fn spelled(&mut self, text: &str) -> String {
        let type_name = &self.column.type_name;
        if let Some(spelled) = certain_spelling(type_name, text) {
            return spelled;
        }
        if self.held.contains(text) {
            return text.to_owned();
        }
        let question = Question::Spelling { type_name: type_name.clone(), text: text.to_owned() };
        match self.answers.get(&question) {
            Some(Answer::Spelled(spelled)) => return canonical(type_name, spelled),
            Some(Answer::Refused(why)) => self.refused.push(format!("`{text}` ({why})")),
            Some(Answer::Unknown(why)) => self.unanswered.push(format!("`{text}` ({why})")),
            Some(_) | None => drop(self.questions.insert(question)),
        }
        text.to_owned()
    }

    fn misfit(&self) -> Result<(), Finding> {
        const SHOWN: usize = 3;
        let key = self.column;
        let about = |code, message: String| Finding::about(code, &self.table.name, message);
        if !self.refused.is_empty() {
            let message = format!("key {key} is a {} and cannot be {}", key.type_name, first_few(&self.refused, SHOWN));
            return Err(about(codes::LIST_VALUE, message).hint("mend the values of the policy's groups"));
        }
        if !self.twice.is_empty() {
            let message = format!("one value of key {key} twice: {}", first_few(&self.twice, SHOWN));
            return Err(about(codes::LIST_VALUE, message).hint("leave it to one of the groups"));
        }
        if !self.unanswered.is_empty() {
            let message = format!("cannot tell what values of key {key} are {}", first_few(&self.unanswered, SHOWN));
            return Err(about(codes::UNANSWERED, message).hint("write them as Postgres does"));
        }
        Ok(())
    }
}
