//! Reads the JSON of `EXPLAIN (VERBOSE, FORMAT JSON, COSTS OFF)`: which relations a plan scans, and whether it leaves
//! some out when it starts.
//!
//! Facts that shape this (Postgres 14-18): with one survivor there is no `Append`, the scan stands alone; with none
//! there is a `Result` without a relation, or an `Append` without children. `ModifyTable` lists partitions that are
//! never touched (14-17), so only scans count. Sub-partitions are flattened into one `Append`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;

use crate::sql::QualifiedName;

/// What one plan says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanFacts {
    /// Every relation that a node reads, once, wherever it stands: CTE, InitPlan, join or below a `Gather`.
    pub scanned: BTreeSet<QualifiedName>,
    /// Sub-plans left out when execution starts, over all `Append` and `Merge Append` nodes of the plan. It does not
    /// say of which table: an `Append` that lost all its children names none.
    pub removed: u64,
    /// Whether rows are inserted. Where they go is not in a plan.
    pub inserts: bool,
    /// The tables that rows are inserted into, those of a MERGE left out.
    pub targets: BTreeSet<QualifiedName>,
    /// Whether a node belongs to an extension: what it reads is not in the plan.
    pub opaque: bool,
    /// Whether executing it needs more than a read-only transaction: rows are changed or locked.
    pub writes: bool,
    /// How long planning took; `None`: not told.
    pub planning: Option<Duration>,
    /// What ANALYZE showed; `None`: it was not executed.
    pub execution: Option<Execution>,
    /// The condition that a scan of a relation checks, of those that check any.
    pub conditions: BTreeMap<QualifiedName, Condition>,
}

/// A condition as a plan shows it: names resolved, casts written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What it calls the relation.
    pub alias: String,
    /// The condition, in SQL but for what only a plan knows.
    pub text: String,
}

/// What executing a plan showed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Execution {
    /// Scanned relations in the plan that no node ever touched.
    pub idle: BTreeSet<QualifiedName>,
    /// Those among them that pruning spared: an `Append` ran and left them alone. Below a `Limit` it may just have
    /// been satisfied early, so those do not count.
    pub spared: BTreeSet<QualifiedName>,
    /// How long it took.
    pub took: Option<Duration>,
}

#[derive(Deserialize)]
struct Statement {
    #[serde(rename = "Plan")]
    plan: Node,
    #[serde(rename = "Planning Time")]
    planning: Option<f64>,
    #[serde(rename = "Execution Time")]
    execution: Option<f64>,
}

#[derive(Deserialize)]
struct Node {
    #[serde(rename = "Node Type")]
    node_type: String,
    #[serde(rename = "Operation")]
    operation: Option<String>,
    #[serde(rename = "Schema")]
    schema: Option<String>,
    #[serde(rename = "Relation Name")]
    relation: Option<String>,
    /// Stands on an `Append` that removed nothing as well, as 0.
    #[serde(rename = "Subplans Removed", default)]
    removed: u64,
    #[serde(rename = "Alias")]
    alias: Option<String>,
    #[serde(rename = "Filter")]
    filter: Option<String>,
    #[serde(rename = "Index Cond")]
    index: Option<String>,
    #[serde(rename = "Recheck Cond")]
    recheck: Option<String>,
    /// Fractional from Postgres 18 on.
    #[serde(rename = "Actual Loops")]
    loops: Option<f64>,
    #[serde(rename = "Plans", default)]
    plans: Vec<Node>,
}

/// What stands above a node.
#[derive(Clone, Copy, Default)]
struct Above {
    limited: bool,
    running_append: bool,
}

/// Reads a plan.
///
/// # Errors
/// Text that is not such JSON, among it plans nested deeper than about 60 nodes.
pub fn read(json: &str) -> Result<PlanFacts, String> {
    // A query that rewrite rules split has several plans.
    let statements: Vec<Statement> =
        serde_json::from_str(json).map_err(|error| format!("cannot read the plan: {error}"))?;
    let mut facts = PlanFacts::default();
    let mut execution = Execution::default();
    let (mut touched, mut unsure) = (BTreeSet::new(), BTreeSet::new());
    let mut executed = false;
    let mut nodes: Vec<(Node, Above)> = Vec::new();
    for statement in statements {
        add(&mut facts.planning, statement.planning);
        add(&mut execution.took, statement.execution);
        nodes.push((statement.plan, Above::default()));
    }
    while let Some((node, above)) = nodes.pop() {
        let runs = node.loops.map(|loops| 0.0 < loops);
        executed |= runs.is_some();
        let below = Above {
            limited: above.limited || node.node_type == "Limit",
            running_append: above.running_append || (node.node_type.ends_with("Append") && runs == Some(true)),
        };
        nodes.extend(node.plans.into_iter().map(|node| (node, below)));
        facts.removed += node.removed;
        facts.opaque |= node.node_type == "Custom Scan";
        facts.writes |= matches!(node.node_type.as_str(), "ModifyTable" | "LockRows");
        let relation = node.schema.zip(node.relation).map(|(schema, relation)| QualifiedName::new(schema, relation));
        if node.node_type == "ModifyTable" {
            facts.inserts |= matches!(node.operation.as_deref(), Some("Insert" | "Merge"));
            facts.targets.extend(relation.filter(|_| node.operation.as_deref() == Some("Insert")));
        } else if let Some(relation) = relation {
            match runs {
                Some(true) => touched.insert(relation.clone()),
                Some(false) if above.limited || !above.running_append => unsure.insert(relation.clone()),
                Some(false) | None => false,
            };
            let texts: Vec<String> = [node.filter, node.index, node.recheck].into_iter().flatten().collect();
            if let Some(alias) = node.alias.filter(|_| !texts.is_empty()) {
                facts.conditions.insert(relation.clone(), Condition { alias, text: texts.join(" AND ") });
            }
            facts.scanned.insert(relation);
        }
    }
    if executed {
        execution.idle = facts.scanned.difference(&touched).cloned().collect();
        execution.spared = execution.idle.difference(&unsure).cloned().collect();
        facts.execution = Some(execution);
    }
    Ok(facts)
}

fn add(sum: &mut Option<Duration>, milliseconds: Option<f64>) {
    let more = milliseconds.and_then(|milliseconds| Duration::try_from_secs_f64(milliseconds / 1_000.0).ok());
    *sum = more.map(|more| sum.unwrap_or_default() + more).or(*sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plans of Postgres 15.20, other keys left out.
    const PLANS: &[(&str, &str, &[&str], u64)] = &[
        (
            "one survivor stands alone",
            r#"[{"Plan": {"Node Type": "Seq Scan", "Relation Name": "days_1", "Schema": "shop", "Alias": "days", "Filter": "(days.d = '2024-01-02'::date)"}}]"#,
            &["days_1"],
            0,
        ),
        ("no survivor when planned", r#"[{"Plan": {"Node Type": "Result", "One-Time Filter": "false"}}]"#, &[], 0),
        (
            "no survivor at start-up",
            r#"[{"Plan": {"Node Type": "Append", "Subplans Removed": 4, "Plans": []}}]"#,
            &[],
            4,
        ),
        (
            "a generic plan with an index",
            r#"[{"Plan": {"Node Type": "Append", "Subplans Removed": 6, "Plans": [{"Node Type": "Bitmap Heap Scan", "Parent Relationship": "Member", "Relation Name": "orders_2024_02", "Schema": "shop", "Alias": "orders_1", "Plans": [{"Node Type": "Bitmap Index Scan", "Parent Relationship": "Outer", "Index Name": "orders_2024_02_pkey"}]}]}}]"#,
            &["orders_2024_02"],
            6,
        ),
        (
            "an update lists targets that it never touches",
            r#"[{"Plan": {"Node Type": "ModifyTable", "Operation": "Update", "Relation Name": "days", "Schema": "shop", "Alias": "days", "Target Tables": [{"Relation Name": "days_0", "Schema": "shop", "Alias": "days"}, {"Relation Name": "days_1", "Schema": "shop", "Alias": "days"}], "Plans": [{"Node Type": "Append", "Parent Relationship": "Outer", "Subplans Removed": 1, "Plans": [{"Node Type": "Seq Scan", "Parent Relationship": "Member", "Relation Name": "days_1", "Schema": "shop", "Alias": "days_2"}]}]}}]"#,
            &["days_1"],
            1,
        ),
        (
            "an InitPlan reads too",
            r#"[{"Plan": {"Node Type": "Append", "Subplans Removed": 0, "Plans": [{"Node Type": "Result", "Parent Relationship": "InitPlan", "Subplan Name": "InitPlan 2 (returns $1)", "Plans": [{"Node Type": "Limit", "Parent Relationship": "InitPlan", "Subplan Name": "InitPlan 1 (returns $0)", "Plans": [{"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Relation Name": "days_1", "Schema": "shop", "Alias": "days_5"}]}]}, {"Node Type": "Seq Scan", "Parent Relationship": "Member", "Relation Name": "days_0", "Schema": "shop", "Alias": "days_1", "Filter": "(days_1.d = $1)"}]}}]"#,
            &["days_0", "days_1"],
            0,
        ),
        (
            "a CTE reads once, however often it is scanned",
            r#"[{"Plan": {"Node Type": "CTE Scan", "CTE Name": "x", "Alias": "x", "Plans": [{"Node Type": "Append", "Parent Relationship": "InitPlan", "Subplan Name": "CTE x", "Subplans Removed": 0, "Plans": [{"Node Type": "Seq Scan", "Parent Relationship": "Member", "Relation Name": "flags_f", "Schema": "shop", "Alias": "flags_1"}, {"Node Type": "Seq Scan", "Parent Relationship": "Member", "Relation Name": "flags_t", "Schema": "shop", "Alias": "flags_2"}]}, {"Node Type": "Aggregate", "Parent Relationship": "InitPlan", "Subplan Name": "InitPlan 2 (returns $1)", "Plans": [{"Node Type": "CTE Scan", "Parent Relationship": "Outer", "CTE Name": "x", "Alias": "x_1"}]}]}}]"#,
            &["flags_f", "flags_t"],
            0,
        ),
        (
            "samples and row locks",
            r#"[{"Plan": {"Node Type": "LockRows", "Plans": [{"Node Type": "Append", "Parent Relationship": "Outer", "Subplans Removed": 0, "Plans": [{"Node Type": "Sample Scan", "Parent Relationship": "Member", "Relation Name": "flags_f", "Schema": "shop", "Alias": "flags_1"}, {"Node Type": "Sample Scan", "Parent Relationship": "Member", "Relation Name": "flags_t", "Schema": "shop", "Alias": "flags_2"}]}]}}]"#,
            &["flags_f", "flags_t"],
            0,
        ),
        (
            "workers",
            r#"[{"Plan": {"Node Type": "Aggregate", "Plans": [{"Node Type": "Gather", "Parent Relationship": "Outer", "Plans": [{"Node Type": "Aggregate", "Parent Relationship": "Outer", "Plans": [{"Node Type": "Append", "Parent Relationship": "Outer", "Subplans Removed": 0, "Plans": [{"Node Type": "Seq Scan", "Parent Relationship": "Member", "Relation Name": "flags_t", "Schema": "shop", "Alias": "flags_2"}]}]}]}]}}]"#,
            &["flags_t"],
            0,
        ),
        (
            "a join partition by partition reads each leaf once",
            r#"[{"Plan": {"Node Type": "Append", "Subplans Removed": 0, "Plans": [{"Node Type": "Hash Join", "Parent Relationship": "Member", "Plans": [{"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Relation Name": "flags_f", "Schema": "shop", "Alias": "a_1"}, {"Node Type": "Hash", "Parent Relationship": "Inner", "Plans": [{"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Relation Name": "flags_f", "Schema": "shop", "Alias": "b_1"}]}]}]}}]"#,
            &["flags_f"],
            0,
        ),
    ];

    #[test]
    fn scans_count_wherever_they_stand_and_nothing_else_does() {
        for (what, json, scanned, removed) in PLANS {
            let facts = read(json).unwrap();
            let names: Vec<String> = facts.scanned.iter().map(|relation| relation.name.to_string()).collect();
            assert_eq!(
                (names, facts.removed),
                (scanned.iter().map(|name| (*name).to_owned()).collect(), *removed),
                "{what}"
            );
            assert!(facts.scanned.iter().all(|relation| relation.schema.as_str() == "shop"), "{what}");
        }
    }

    #[test]
    fn an_insert_is_known_as_one() {
        let insert = r#"[{"Plan": {"Node Type": "ModifyTable", "Operation": "Insert", "Relation Name": "days", "Schema": "shop", "Plans": [{"Node Type": "Result"}]}}]"#;
        let targets = [QualifiedName::new("shop", "days")].into();
        assert_eq!(read(insert).unwrap(), PlanFacts { inserts: true, writes: true, targets, ..PlanFacts::default() });
    }

    #[test]
    fn what_an_append_left_alone_was_spared_and_what_a_limit_cut_off_was_not() {
        let scan = |name: &str, loops: u8| {
            format!(
                r#"{{"Node Type": "Seq Scan", "Relation Name": "{name}", "Schema": "shop", "Actual Loops": {loops}}}"#
            )
        };
        let append =
            format!(r#"{{"Node Type": "Append", "Actual Loops": 1, "Plans": [{}, {}]}}"#, scan("a", 0), scan("b", 2));
        let names = |set: &BTreeSet<QualifiedName>| set.iter().map(|name| name.name.to_string()).collect::<Vec<_>>();
        let facts = read(&format!(r#"[{{"Plan": {append}, "Planning Time": 1.5, "Execution Time": 2}}]"#)).unwrap();
        assert_eq!(facts.planning, Some(Duration::from_micros(1_500)));
        let execution = facts.execution.unwrap();
        assert_eq!((names(&execution.idle), names(&execution.spared)), (vec!["a".to_owned()], vec!["a".to_owned()]));
        let limited = format!(r#"[{{"Plan": {{"Node Type": "Limit", "Actual Loops": 1, "Plans": [{append}]}}}}]"#);
        let execution = read(&limited).unwrap().execution.unwrap();
        assert_eq!((names(&execution.idle), names(&execution.spared)), (vec!["a".to_owned()], vec![]));
        assert_eq!(read(r#"[{"Plan": {"Node Type": "Result"}}]"#).unwrap().execution, None);
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        for text in ["", "[", "{}", r#"[{"Query": 1}]"#] {
            assert!(read(text).is_err_and(|error| error.starts_with("cannot read the plan")), "{text}");
        }
    }
}
