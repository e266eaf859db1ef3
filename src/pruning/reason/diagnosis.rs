//! Why a plan's verdict on a table is what it is: the reason that matters most among those of all places where the
//! query reads the table, with a rewrite that is not proven yet.

use std::collections::BTreeSet;

use super::codes::{self, Reason};
use super::facts::QueryFacts;
use super::level::{Conjunct, Place};
use super::reading::{Reading, read};
use super::rewrite;
use super::rules::{Case, Found, Weight};
use super::syntax::functions;
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
    functions(queries)
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
