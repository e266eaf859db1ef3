//! The queries to ask about: probes made from the partitions that exist, and the policy's own.
//!
//! A probe compares the key with values of its own type, so nothing but broken pruning can make it read more than
//! one partition. Probes never pass null: a generic plan then drops everything and proves nothing.

use std::collections::BTreeSet;

use super::lock_budget::LockEstimate;
use crate::catalog::{Bound, CatalogSnapshot, Datum, KeyColumn, Partition, PartitionKey, Table, first_row};
use crate::desired::{Desired, DesiredRange, expand};
use crate::keys::{has_one_order, sample};
use crate::plan::first_few;
use crate::policy::{Location, Policy, PruningQuery, PruningStage};
use crate::schedule::{Edge, Extent, Point};
use crate::sql::QualifiedName;

/// One query to ask the planner about.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// The managed table it is about.
    pub table: QualifiedName,
    /// For people; unique within its table unless the policy repeats itself.
    pub name: String,
    /// Whether it is ours or the policy's.
    pub source: Source,
    /// One statement, with `$1` and so on for parameters.
    pub sql: String,
    /// Its parameters, in order.
    pub parameters: Vec<Parameter>,
    /// What must hold.
    pub expect: Expectation,
    /// The locks that planning it may take; `None`: the database is asked what it could reach.
    pub locks: Option<LockEstimate>,
    /// Why it cannot be tried at all.
    pub obstacle: Option<String>,
    /// Where it is written, if it is.
    pub location: Option<Location>,
}

/// Where a query comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Made from the partitions that exist; its SQL is ours.
    Grid,
    /// The policy's `pruning`; its SQL is anyone's.
    Policy,
}

/// A parameter with its sample value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The type to declare; `None`: Postgres infers it from the query.
    pub type_name: Option<String>,
    /// The value's text.
    pub value: String,
}

/// What must hold for a query to pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// It reads this direct partition, or leaves below it, and no other.
    Only {
        /// The partition.
        partition: QualifiedName,
        /// What it means when nothing is read.
        nothing: Emptiness,
    },
    /// It reads each of these direct partitions, or leaves below them, and no other.
    Each(Vec<QualifiedName>),
    /// It reads one direct partition at most, whichever.
    One,
    /// The policy's own limits.
    Limits {
        /// Leaves read at most; `None`: fewer than there are.
        partitions: Option<u32>,
        /// Relations locked at most.
        locks: Option<u32>,
        /// The worst verdict that passes, also of the generic plan.
        require: Option<PruningStage>,
    },
}

/// What it means when a probe reads no partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emptiness {
    /// A constraint may rule the value out, such as `CHECK (0 < id)` the lower bound 0, or NOT NULL the null.
    Fine,
    /// Rows that the partition holds by its bound cannot be found.
    Wrong,
}

/// Every query to ask about these tables: probes of the grid, then the policy's own.
///
/// Tables that do not exist or do not fit their policy have none; the plan says why.
pub fn probes(policies: &[Policy], snapshot: &CatalogSnapshot) -> Vec<Probe> {
    let version = snapshot.server.version;
    let mut probes = Vec::new();
    for policy in policies {
        let Some(table) = snapshot.table(&policy.table) else { continue };
        let (Ok(desired), Some(key)) = (expand(&policy.level, table, snapshot), &table.key) else {
            continue;
        };
        let grid = GridProbes { table, key, version };
        probes.extend(match &desired {
            Desired::Range(range) => grid.of_range(range),
            Desired::List(_) => grid.of_list(),
            Desired::Hash(_) => grid.of_hash(),
        });
        probes.extend(policy.pruning.iter().map(|query| own_query(table, query)));
    }
    probes
}

/// New partitions that one query asks for: enough to make asking cheap, and few enough to lock.
const ASKED_TOGETHER: usize = 16;

/// Whether new partitions can be reached: queries for what they hold by their bounds, several partitions by each.
///
/// Hash partitions are not among them: nobody but the server can say which keys they hold.
pub fn reach_probes(policies: &[Policy], snapshot: &CatalogSnapshot, made: &BTreeSet<QualifiedName>) -> Vec<Probe> {
    let version = snapshot.server.version;
    let tables = policies.iter().filter_map(|policy| snapshot.table(&policy.table));
    let tables = tables.filter_map(|table| Some((table, table.key.as_ref()?)));
    let of = |(table, key)| {
        let grid = GridProbes { table, key, version };
        let new: Vec<&Partition> = table.visible().filter(|partition| made.contains(&partition.name)).collect();
        // By rows of several columns, joined by OR, Postgres prunes, and keeps DEFAULT all the same (14-18).
        let together = if 1 < key.columns.len() { 1 } else { ASKED_TOGETHER };
        new.chunks(together).filter_map(|new| grid.of_new(new)).collect::<Vec<_>>()
    };
    tables.flat_map(of).collect()
}

fn own_query(table: &Table, query: &PruningQuery) -> Probe {
    Probe {
        table: table.name.clone(),
        name: query.name.clone(),
        source: Source::Policy,
        sql: query.sql.clone(),
        parameters: query.with.iter().map(|value| Parameter { type_name: None, value: value.clone() }).collect(),
        expect: Expectation::Limits { partitions: query.partitions, locks: query.locks, require: query.require },
        locks: None,
        obstacle: None,
        location: Some(query.location.clone()),
    }
}

struct GridProbes<'a> {
    table: &'a Table,
    key: &'a PartitionKey,
    version: u32,
}

impl GridProbes<'_> {
    /// Oldest, current and newest, those with both ends.
    fn of_range(&self, range: &DesiredRange) -> Vec<Probe> {
        let mut placed: Vec<(Extent, &Partition)> = self
            .table
            .visible()
            .filter_map(|partition| Some((range.extent(&partition.bound)?, partition)))
            .filter(|(extent, _)| matches!((extent.from, extent.to), (Edge::At(_), Edge::At(_))))
            .collect();
        placed.sort_by_key(|(extent, _)| *extent);
        let (Some((_, oldest)), Some((_, newest))) = (placed.first(), placed.last()) else { return Vec::new() };
        let mut chosen = vec![("oldest", *oldest)];
        for (role, partition) in [("current", current(range, &placed)), ("newest", Some(*newest))] {
            if let Some(partition) = partition.filter(|new| chosen.iter().all(|(_, known)| known.name != new.name)) {
                chosen.push((role, partition));
            }
        }
        if placed.len() == 1 {
            chosen[0].0 = "only";
        }
        chosen.into_iter().flat_map(|(role, partition)| self.of_range_partition(role, partition)).collect()
    }

    /// All that these partitions hold, in one query without parameters: one plan is enough.
    fn of_new(&self, new: &[&Partition]) -> Option<Probe> {
        let held = |partition: &Partition| partition.bound.found_by(&self.key.columns);
        let held = new.iter().filter_map(|partition| Some((*partition, held(partition)?)));
        let (asked, conditions): (Vec<&Partition>, Vec<String>) = held.unzip();
        let names: Vec<QualifiedName> = asked.iter().map(|partition| partition.name.clone()).collect();
        let shown: Vec<String> = names.iter().map(|name| name.name.to_string()).collect();
        let name = format!("new partitions {}", first_few(&shown, 3));
        let condition = conditions.join(" OR ");
        (!asked.is_empty()).then(|| self.probe(name, &condition, Vec::new(), Expectation::Each(names), asked))
    }

    fn of_range_partition(&self, role: &str, partition: &Partition) -> Vec<Probe> {
        let (Bound::Range { from, to }, [column, ..]) = (&partition.bound, self.key.columns.as_slice()) else {
            return Vec::new();
        };
        let what = format!("{role} partition {}", partition.name.name);
        let probe = |how: &str, condition: String, parameters: Vec<Parameter>, nothing| {
            let expect = Expectation::Only { partition: partition.name.clone(), nothing };
            self.probe(format!("{what}, {how}"), &condition, parameters, expect, [partition])
        };
        let by_equality = || {
            let (conditions, parameters) = self.equal_to(&first_row(&self.key.columns, from)?)?;
            Some(probe("by equality", conditions, parameters, Emptiness::Fine))
        };
        // Several columns are pruned by all of them: by the leading one Postgres keeps a neighbour, and DEFAULT.
        let by_range = || match (from.as_slice(), to.as_slice()) {
            ([Datum::Value(from)], [Datum::Value(to)]) => {
                let (key, parameters) = (column.part()?, vec![typed(column, from), typed(column, to)]);
                Some(probe("by range", format!("{key} >= $1 AND {key} < $2"), parameters, Emptiness::Wrong))
            }
            _ => None,
        };
        by_equality().into_iter().chain(by_range()).collect()
    }

    /// The condition that every part of the key has one of these values.
    fn equal_to(&self, values: &[String]) -> Option<(String, Vec<Parameter>)> {
        let parts =
            self.key.columns.iter().zip(1..).map(|(column, number)| Some(format!("{} = ${number}", column.part()?)));
        let parameters = self.key.columns.iter().zip(values).map(|(column, value)| typed(column, value));
        Some((parts.collect::<Option<Vec<_>>>()?.join(" AND "), parameters.collect()))
    }

    /// The first and the last partition by name, each by its first value, and the one that holds null.
    fn of_list(&self) -> Vec<Probe> {
        let [column] = self.key.columns.as_slice() else { return Vec::new() };
        let Some(key) = column.part() else { return Vec::new() };
        let mut lists: Vec<(&Partition, &[Datum])> = self
            .table
            .visible()
            .filter_map(|partition| match &partition.bound {
                Bound::List(values) => Some((partition, values.as_slice())),
                Bound::Range { .. } | Bound::Hash { .. } | Bound::Default => None,
            })
            .collect();
        lists.sort_by_key(|(partition, _)| &partition.name);
        let valued: Vec<Probe> =
            lists.iter().filter_map(|(partition, values)| self.of_value(partition, values)).collect();
        let last = valued.last().filter(|_| 1 < valued.len()).cloned();
        let by_value = valued.into_iter().take(1).chain(last);
        let nulls = lists.iter().filter(|(_, values)| values.contains(&Datum::Null)).map(|(partition, _)| {
            let expect = Expectation::Only { partition: partition.name.clone(), nothing: Emptiness::Fine };
            let name = format!("null in {}", partition.name.name);
            self.probe(name, &format!("{key} IS NULL"), Vec::new(), expect, [*partition])
        });
        by_value.chain(nulls).collect()
    }

    /// A list partition by its first value.
    fn of_value(&self, partition: &Partition, values: &[Datum]) -> Option<Probe> {
        let [column] = self.key.columns.as_slice() else { return None };
        let key = column.part()?;
        let value = first_value(values)?;
        let expect = Expectation::Only { partition: partition.name.clone(), nothing: Emptiness::Wrong };
        let name = format!("a value of {}", partition.name.name);
        Some(self.probe(name, &format!("{key} = $1"), vec![typed(column, value)], expect, [partition]))
    }

    /// One sample of each key column. Which partition holds it is the server's secret: only one may be read.
    fn of_hash(&self) -> Vec<Probe> {
        let mut conditions = Vec::new();
        let mut parameters = Vec::new();
        let mut obstacle = None;
        for (column, number) in self.key.columns.iter().zip(1..) {
            let Some(key) = column.part() else { return Vec::new() };
            conditions.push(format!("{key} = ${number}"));
            match sample(&column.type_name) {
                Some(value) => parameters.push(typed(column, &value)),
                None => obstacle = Some(format!("there is no sample value for {key} of type {}", column.type_name)),
            }
        }
        let partitions = self.table.visible();
        let name = "one value by equality".to_owned();
        let probe = self.probe(name, &conditions.join(" AND "), parameters, Expectation::One, partitions);
        vec![Probe { obstacle, ..probe }]
    }

    fn probe<'a>(
        &self,
        name: String,
        condition: &str,
        parameters: Vec<Parameter>,
        expect: Expectation,
        kept: impl IntoIterator<Item = &'a Partition>,
    ) -> Probe {
        let mut locks = LockEstimate::keeping(kept, self.table, self.version);
        if self.key.columns.iter().any(|column| !has_one_order(&column.type_name)) {
            locks.pruned = None;
        }
        Probe {
            table: self.table.name.clone(),
            name,
            source: Source::Grid,
            sql: format!("SELECT * FROM {} WHERE {condition}", self.table.name),
            parameters,
            expect,
            locks: Some(locks),
            obstacle: None,
            location: None,
        }
    }
}

/// The partition of now; on a number axis the highest that is known to hold rows, else the middle one.
fn current<'a>(range: &DesiredRange, placed: &[(Extent, &'a Partition)]) -> Option<&'a Partition> {
    let of_now = |now: Point| {
        let now = Edge::At(now);
        placed.iter().find(|(extent, _)| extent.from <= now && now < extent.to)
    };
    let found = match range.now {
        Some(now) => of_now(now),
        None => {
            placed.iter().rfind(|(_, partition)| partition.is_known_to_hold_rows()).or(placed.get(placed.len() / 2))
        }
    };
    found.map(|(_, partition)| *partition)
}

fn first_value(values: &[Datum]) -> Option<&String> {
    values.iter().find_map(|value| match value {
        Datum::Value(text) => Some(text),
        Datum::MinValue | Datum::MaxValue | Datum::Null => None,
    })
}

fn typed(column: &KeyColumn, value: &str) -> Parameter {
    // Empty where the type is polymorphic: then the server finds it out.
    let type_name = Some(column.type_name.clone()).filter(|name| !name.is_empty());
    Parameter { type_name, value: value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn shown(policy: Policy) -> Vec<String> {
        let probes = probes(&[policy], &fixture::snapshot());
        let values = |probe: &Probe| {
            let typed = probe
                .parameters
                .iter()
                .map(|parameter| format!("{} {}", parameter.type_name.as_deref().unwrap_or("?"), parameter.value));
            typed.collect::<Vec<_>>().join(", ")
        };
        probes.iter().map(|probe| format!("{}: {} [{}]", probe.name, probe.sql, values(probe))).collect()
    }

    #[test]
    fn a_range_table_is_probed_at_its_ends_and_now() {
        assert_eq!(
            shown(fixture::days(Vec::new())),
            [
                "oldest partition days_1, by equality: SELECT * FROM shop.days WHERE day = $1 [date 2024-01-01]",
                "oldest partition days_1, by range: SELECT * FROM shop.days WHERE day >= $1 AND day < $2 [date 2024-01-01, date 2024-01-02]",
                "current partition days_2, by equality: SELECT * FROM shop.days WHERE day = $1 [date 2024-01-02]",
                "current partition days_2, by range: SELECT * FROM shop.days WHERE day >= $1 AND day < $2 [date 2024-01-02, date 2024-01-03]",
                "newest partition days_3, by equality: SELECT * FROM shop.days WHERE day = $1 [date 2024-01-03]",
                "newest partition days_3, by range: SELECT * FROM shop.days WHERE day >= $1 AND day < $2 [date 2024-01-03, date 2024-01-04]",
            ]
        );
    }

    #[test]
    fn only_partitions_that_queries_see_and_that_have_two_ends_are_probed() {
        let mut snapshot = fixture::snapshot();
        let days = &mut snapshot.tables[0].partitions;
        days[0].pending_detach = true;
        days[1].bound = "FOR VALUES FROM (MINVALUE) TO ('2024-01-02')".parse().unwrap();
        let names = |snapshot: &CatalogSnapshot| -> Vec<String> {
            probes(&[fixture::days(Vec::new())], snapshot).into_iter().map(|probe| probe.name).collect()
        };
        assert_eq!(names(&snapshot), ["only partition days_2, by equality", "only partition days_2, by range"]);
        snapshot.tables[0].partitions.clear();
        assert!(names(&snapshot).is_empty());
        snapshot.tables.clear();
        assert!(names(&snapshot).is_empty());
    }

    #[test]
    fn new_partitions_are_asked_for_together_by_what_they_hold() {
        let snapshot = fixture::snapshot();
        let names = ["days_2", "days_3", "places_eu", "places_none", "places_other", "events_p1"];
        let names = names.map(|name| QualifiedName::new("shop", name));
        let policies = [fixture::days(Vec::new()), fixture::places(), fixture::events()];
        let probes = reach_probes(&policies, &snapshot, &names.into_iter().collect());
        let shown: Vec<String> = probes.iter().map(|probe| format!("{}: {}", probe.name, probe.sql)).collect();
        assert_eq!(
            shown,
            [
                "new partitions days_3, days_2: SELECT * FROM shop.days WHERE day >= '2024-01-03'::date AND day < '2024-01-04'::date \
                 OR day >= '2024-01-02'::date AND day < '2024-01-03'::date",
                "new partitions places_none, places_eu: SELECT * FROM shop.places WHERE place IS NULL OR place IN ('DE'::text, 'FR'::text) \
                 OR place IS NULL",
            ]
        );
        let each = |probe: &Probe| matches!(&probe.expect, Expectation::Each(_));
        assert!(probes.iter().all(each));
    }

    #[test]
    fn a_list_table_is_probed_by_value_and_by_null() {
        assert_eq!(
            shown(fixture::places()),
            [
                "a value of places_eu: SELECT * FROM shop.places WHERE place = $1 [text DE]",
                "a value of places_na: SELECT * FROM shop.places WHERE place = $1 [text US]",
                "null in places_eu: SELECT * FROM shop.places WHERE place IS NULL []",
                "null in places_none: SELECT * FROM shop.places WHERE place IS NULL []",
            ]
        );
    }

    #[test]
    fn a_hash_table_is_probed_by_one_sample_of_every_column() {
        assert_eq!(
            shown(fixture::events()),
            ["one value by equality: SELECT * FROM shop.events WHERE id = $1 AND \"to\" = $2 \
              [bigint 1, uuid 00000000-0000-4000-8000-000000000001]"]
        );
    }

    #[test]
    fn a_hash_key_without_a_sample_is_an_obstacle() {
        let mut snapshot = fixture::snapshot();
        snapshot.tables[2].key.as_mut().unwrap().columns[1].type_name = "shop.state".to_owned();
        let probes = probes(&[fixture::events()], &snapshot);
        assert!(probes[0].obstacle.as_ref().is_some_and(|obstacle| obstacle.contains("shop.state")));
    }

    #[test]
    fn locks_are_trusted_to_stay_few_only_where_values_compare_in_one_way() {
        let probes = |policy| probes(&[policy], &fixture::snapshot());
        assert_eq!(probes(fixture::days(Vec::new()))[0].locks, Some(LockEstimate { pruned: Some(3), unpruned: 7 }));
        assert_eq!(probes(fixture::places())[0].locks, Some(LockEstimate { pruned: None, unpruned: 5 }));
        assert_eq!(probes(fixture::events())[0].locks, Some(LockEstimate { pruned: Some(2), unpruned: 3 }));
    }

    #[test]
    fn the_policys_queries_come_with_untyped_values() {
        let query = PruningQuery { with: vec!["2024-01-01".to_owned()], ..fixture::query("select 1") };
        let probes = probes(&[fixture::days(vec![query])], &fixture::snapshot());
        let own = probes.last().unwrap();
        assert_eq!((own.source, own.name.as_str(), own.sql.as_str()), (Source::Policy, "mine", "select 1"));
        assert_eq!(own.parameters, [Parameter { type_name: None, value: "2024-01-01".to_owned() }]);
        assert_eq!(own.locks, None);
    }
}
