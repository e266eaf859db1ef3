//! What the months to come bring: the planner, asked day by day on a catalog that moves on as if every plan were
//! carried out. Nothing here decides anything; growth is the only guess, and it is said which tables it is made for.

mod growth;
mod rehearse;

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::{plan, thresholds};
use crate::catalog::{Answer, Answers, CatalogSnapshot, Ledger, Question, Table};
use crate::plan::{Finding, Plan, Severity};
use crate::policy::Policy;
use crate::sql::QualifiedName;
use growth::Growth;
use rehearse::rehearse;

/// Longest time that is looked ahead.
pub const FARTHEST: TimeDelta = TimeDelta::days(3_653);
/// Up to here plans are made for every day, beyond it for every week.
const DAY_BY_DAY: TimeDelta = TimeDelta::days(400);

/// The time to come, week by week.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// The database.
    pub database: String,
    /// Where it begins.
    pub from: DateTime<Utc>,
    /// Where it ends.
    pub until: DateTime<Utc>,
    /// One entry a week, from the Monday it begins on.
    pub weeks: Vec<Week>,
    /// When the disk budget is reached.
    pub disk_full: Option<DateTime<Utc>>,
    /// When a query that does not prune takes more locks than the server has promised, table by table.
    pub too_many: Vec<TooMany>,
    /// What the planner will refuse or complain about that it does not yet, from when on.
    pub trouble: Vec<(DateTime<Utc>, Finding)>,
    /// Tables whose growth nothing tells: they count with the bytes of now.
    pub not_forecast: Vec<QualifiedName>,
}

/// One week.
#[derive(Debug, Clone, PartialEq)]
pub struct Week {
    /// Its Monday.
    pub monday: NaiveDate,
    /// What happens in it, table by table; tables without events are left out.
    pub events: Vec<Events>,
    /// Partitions at its end, leaves of all tables together.
    pub partitions: usize,
    /// Bytes at its end: partitions, and what was detached and still exists.
    pub bytes: u64,
}

/// What happens to one table in one week.
#[derive(Debug, Clone, PartialEq)]
pub struct Events {
    /// The table.
    pub table: QualifiedName,
    /// Partitions that are made.
    pub created: Vec<QualifiedName>,
    /// Partitions that are retired.
    pub retired: Vec<QualifiedName>,
    /// Bytes that dropping frees.
    pub freed: u64,
    /// Archives that are deleted.
    pub archives_deleted: usize,
}

/// A table that outgrows the lock table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooMany {
    /// The table.
    pub table: QualifiedName,
    /// From when on.
    pub at: DateTime<Utc>,
    /// Locks that a query takes which does not prune.
    pub locks: u64,
    /// Locks that the server promises.
    pub slots: u64,
}

/// Plays the time until then, from the snapshot's moment.
pub fn simulate(
    policies: &[Policy],
    snapshot: &CatalogSnapshot,
    until: DateTime<Utc>,
    disk: Option<u64>,
) -> Simulation {
    let mut catalog = snapshot.clone();
    if matches!(catalog.ledger, Ledger::Missing { installable: true }) {
        catalog.ledger = Ledger::default();
    }
    let from = snapshot.server.now;
    let growth = Growth::of(policies, snapshot);
    let mut simulation = Simulation {
        database: snapshot.server.database.clone(),
        from,
        until,
        weeks: Vec::new(),
        disk_full: None,
        too_many: Vec::new(),
        trouble: Vec::new(),
        not_forecast: growth.unknown().to_vec(),
    };
    let mut complained = BTreeSet::new();
    for now in moments(from, until) {
        growth.advance(policies, &mut catalog, now);
        let planned = plan_at(policies, &mut catalog, snapshot);
        let beyond = planned.tables.iter().filter_map(|table| {
            let policy = policies.iter().find(|policy| policy.table == table.table)?;
            thresholds::partitions(&table.table, policy.thresholds, table.partitions)
        });
        let worse = planned.findings().filter(|finding| finding.severity != Severity::Info).cloned();
        for finding in worse.chain(beyond) {
            if complained.insert((finding.table.clone(), finding.code.id)) && from < now {
                simulation.trouble.push((now, finding));
            }
        }
        let monday = monday(now);
        if simulation.weeks.last().is_none_or(|week| week.monday < monday) {
            simulation.weeks.push(Week { monday, events: Vec::new(), partitions: 0, bytes: 0 });
        }
        let week = simulation.weeks.last_mut().expect("just pushed");
        for table in &planned.tables {
            let events = rehearse(table, &mut catalog);
            week.add(events);
        }
        week.partitions = catalog.tables.iter().map(Table::leaf_count).sum();
        let detached = catalog.ledger.detached().iter().map(|entry| entry.bytes);
        week.bytes = catalog.tables.iter().map(Table::bytes).chain(detached).sum();
        if disk.is_some_and(|disk| disk <= week.bytes) {
            simulation.disk_full.get_or_insert(now);
        }
        simulation.outgrown(&catalog, now);
    }
    simulation
}

fn monday(now: DateTime<Utc>) -> NaiveDate {
    let date = now.date_naive();
    date - Days::new(date.weekday().num_days_from_monday().into())
}

/// The moment itself, then every midnight, far ahead every Monday's, and the end.
fn moments(from: DateTime<Utc>, until: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
    let step = if until - from <= DAY_BY_DAY { Days::new(1) } else { Days::new(7) };
    let first = if step == Days::new(1) { from.date_naive() } else { monday(from) } + step;
    let midnights = std::iter::successors(Some(first), move |day| day.checked_add_days(step));
    let midnights = midnights.map(|day| day.and_time(NaiveTime::MIN).and_utc());
    std::iter::once(from).chain(midnights.take_while(move |now| *now < until)).chain((from < until).then_some(until))
}

/// The plan of a moment, with the answers that the database would give if all went on as it does.
fn plan_at(policies: &[Policy], catalog: &mut CatalogSnapshot, today: &CatalogSnapshot) -> Plan {
    catalog.answers = Answers::default();
    loop {
        let mut planned = plan(policies, catalog);
        if planned.questions.is_empty() {
            return planned;
        }
        for question in std::mem::take(&mut planned.questions) {
            let answer = answer(&question, catalog, today);
            catalog.answers.add(question, answer);
        }
    }
}

fn answer(question: &Question, catalog: &CatalogSnapshot, today: &CatalogSnapshot) -> Answer {
    let holds = |name: &&QualifiedName| rehearse::partition(catalog, name).is_some_and(|p| p.is_known_to_hold_rows());
    match question {
        Question::HoldRows { partitions, enough } => {
            Answer::Holders(partitions.iter().filter(holds).take(*enough as usize).cloned().collect())
        }
        Question::HighestInUse(partitions) => Answer::Highest(partitions.iter().find(holds).cloned()),
        Question::Sizes(tables) => {
            let size = |table| rehearse::partition(catalog, table).map_or(0, |partition| partition.bytes);
            Answer::Sizes(tables.iter().map(size).collect())
        }
        Question::Keeps { .. } => Answer::Keeps(Some(false)),
        asked => today.answers.get(asked).cloned().unwrap_or(match asked {
            Question::NameTaken(_) => Answer::Taken(false),
            Question::HeapBytes(_) => Answer::Bytes(0),
            Question::RowsInDefault { .. }
            | Question::RowsReferencing { .. }
            | Question::WrittenSinceArchived { .. } => Answer::Rows(0),
            _ => Answer::Unknown("nobody knows what the database will say".to_owned()),
        }),
    }
}

impl Week {
    fn add(&mut self, events: Events) {
        if events.created.is_empty() && events.retired.is_empty() && events.freed == 0 && events.archives_deleted == 0 {
            return;
        }
        match self.events.iter_mut().find(|known| known.table == events.table) {
            Some(known) => {
                known.created.extend(events.created);
                known.retired.extend(events.retired);
                known.freed += events.freed;
                known.archives_deleted += events.archives_deleted;
            }
            None => self.events.push(events),
        }
    }
}

impl Simulation {
    fn outgrown(&mut self, catalog: &CatalogSnapshot, now: DateTime<Utc>) {
        let slots = catalog.server.lock_slots;
        for table in &catalog.tables {
            let leaves = table.visible().flat_map(|partition| partition.leaves());
            let locks = 1 + leaves.map(|leaf| 1 + u64::from(leaf.indexes)).sum::<u64>();
            if slots < locks && self.too_many.iter().all(|known| known.table != table.name) {
                self.too_many.push(TooMany { table: table.name.clone(), at: now, locks, slots });
            }
        }
    }

    /// Partitions made and retired, and bytes freed, over the whole time.
    pub fn totals(&self) -> (usize, usize, u64) {
        let events = self.weeks.iter().flat_map(|week| &week.events);
        events.fold((0, 0, 0), |(created, retired, freed), events| {
            (created + events.created.len(), retired + events.retired.len(), freed + events.freed)
        })
    }
}

#[cfg(test)]
mod tests;
