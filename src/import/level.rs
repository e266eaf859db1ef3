//! One level of a draft: `partition`, as the partitions of one relation show it.

use chrono_tz::Tz;

use super::grid::{self, COMMON};
use super::write::yaml;
use super::{Setting, Wish, names};
use crate::catalog::{Bound, CatalogSnapshot, Datum, KeyColumn, PartitionKey, Strategy, Table};
use crate::plan::first_few;

/// The keys of `partition`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct LevelDraft {
    pub settings: Vec<Setting>,
    /// `values`
    pub groups: Vec<(String, Vec<Option<String>>)>,
    /// `subpartition`
    pub below: Option<Box<LevelDraft>>,
}

/// What the partitions of a table show.
///
/// # Errors
/// Why a policy cannot say it, as a sentence.
pub(super) fn draft(
    table: &Table,
    wish: &Wish,
    snapshot: &CatalogSnapshot,
    zones: &[Tz],
    remarks: &mut Vec<String>,
) -> Result<LevelDraft, String> {
    let Some(key) = &table.key else { return Err("How it is partitioned is not known.".to_owned()) };
    let ways = match key.strategy {
        Strategy::Range => range(table, key, wish, zones, remarks)?,
        Strategy::List => vec![list(table, key, remarks)?],
        Strategy::Hash => vec![hash(table, key, remarks)?],
    };
    let mut level = names::complete(ways, table, snapshot, remarks);
    let partitioned = table.visible().filter_map(|partition| Some((partition, partition.table.as_deref()?)));
    if let Some((partition, inside)) = partitioned.last() {
        match draft(inside, &Wish::default(), snapshot, zones, &mut Vec::new()) {
            Ok(below) => level.below = Some(Box::new(below)),
            Err(why) => remarks
                .push(format!("{} has partitions of its own, which this leaves alone. {why}", partition.name.name)),
        }
    }
    Ok(level)
}

fn column<'k>(key: &'k PartitionKey, what: &str) -> Result<&'k KeyColumn, String> {
    let [column] = key.columns.as_slice() else {
        let columns: Vec<String> = key.columns.iter().map(ToString::to_string).collect();
        return Err(format!(
            "It is partitioned by {what} of several columns ({}), which a policy cannot say yet.",
            columns.join(", ")
        ));
    };
    match column.name {
        Some(_) => Ok(column),
        None => Err(format!("It is partitioned by {what} of an expression, which a policy cannot say yet.")),
    }
}

fn name_of(column: &KeyColumn) -> String {
    column.name.as_ref().map_or_else(String::new, |name| yaml(&name.to_string()))
}

fn range(
    table: &Table,
    key: &PartitionKey,
    wish: &Wish,
    zones: &[Tz],
    remarks: &mut Vec<String>,
) -> Result<Vec<LevelDraft>, String> {
    let column = column(key, "range")?;
    if let (Some(wanted), Some(name)) = (&wish.key, &column.name)
        && wanted != name.as_str()
    {
        remarks.push(format!("{} names {wanted} as its column, and the table is partitioned by {name}.", wish.tool));
    }
    let mut settings = vec![Setting::new("range", name_of(column))];
    let found = grid::find(table, column, wish.every.as_deref(), wish.encoding.as_deref(), zones)?;
    settings.push(Setting::new("every", found.every));
    if found.zones.is_empty() && column.type_name.starts_with("timestamp") {
        remarks.push(
            "Its key shows no time zone: `timezone` says whose clock it shows, UTC as long as nobody does.".to_owned(),
        );
    }
    settings.extend(found.encoding.map(|encoding| Setting::new("encoding", yaml(&encoding))));
    settings.extend(found.anchor.map(|anchor| Setting::new("anchor", anchor)));
    if found.on_grid < found.of {
        let (off, of) = (found.of - found.on_grid, found.of);
        remarks.push(format!(
            "{off} of its {of} newest partitions are off this grid: they count as coverage and are never retired."
        ));
    }
    let draft = |zone: Option<&Tz>| {
        let mut settings = settings.clone();
        settings.extend(zone.map(|zone| timezone(*zone, &found.zones, zones, found.of)));
        LevelDraft { settings, ..LevelDraft::default() }
    };
    if found.zones.is_empty() {
        return Ok(vec![draft(None)]);
    }
    let likely = |zone: &&Tz| zones.contains(*zone) || COMMON.contains(*zone);
    let likely: Vec<&Tz> = found.zones.iter().filter(likely).collect();
    let tried = if likely.is_empty() { found.zones.iter().take(1).collect() } else { likely };
    Ok(tried.into_iter().map(|zone| draft(Some(zone))).collect())
}

/// A zone, and which others fit as well.
fn timezone(zone: Tz, fitting: &[Tz], preferred: &[Tz], partitions: usize) -> Setting {
    let setting = Setting::new("timezone", zone.name());
    if partitions == 0 {
        return setting.remark("no partition shows whose midnights are meant");
    }
    let others: Vec<&Tz> = fitting.iter().filter(|other| **other != zone).collect();
    let named = others.iter().filter(|other| preferred.contains(**other) || COMMON.contains(**other)).take(3);
    let named: Vec<&str> = named.map(|other| other.name()).collect();
    let more = others.len() - named.len();
    match (others.is_empty(), named.is_empty(), more) {
        (true, ..) => setting,
        (_, true, _) => setting.remark(format!("{} others fit as well", others.len())),
        (_, _, 0) => setting.remark(format!("{} fit as well", named.join(", "))),
        _ => setting.remark(format!("{} and {more} more fit as well", named.join(", "))),
    }
}

fn list(table: &Table, key: &PartitionKey, remarks: &mut Vec<String>) -> Result<LevelDraft, String> {
    let column = column(key, "lists")?;
    let lists = table.visible().filter_map(|partition| match &partition.bound {
        Bound::List(values) => Some((partition, values)),
        _ => None,
    });
    let lists: Vec<_> = lists.collect();
    if lists.is_empty() {
        return Err("It has no partition that shows which values belong together.".to_owned());
    }
    let mut settings = vec![Setting::new("list", name_of(column))];
    let own: Vec<&str> = lists.iter().map(|(partition, _)| partition.name.name.as_str()).collect();
    let (prefix, template) = names::of_lists(&own, table.name.name.as_str());
    settings.extend(template.map(|template| Setting::new("name", yaml(&template))));
    let text = |value: &Datum| match value {
        Datum::Value(text) => Some(text.clone()),
        Datum::Null | Datum::MinValue | Datum::MaxValue => None,
    };
    let group = |(partition, values): &(&crate::catalog::Partition, &Vec<Datum>)| {
        let name = partition.name.name.as_str();
        (name.strip_prefix(prefix.as_str()).unwrap_or(name).to_owned(), values.iter().map(text).collect())
    };
    let mut groups: Vec<(String, Vec<Option<String>>)> = lists.iter().map(group).collect();
    groups.sort();
    if let Some(default) = table.default_partition() {
        let own = format!("{}_", table.name.name.as_str());
        match default.name.name.as_str().strip_prefix(own.as_str()) {
            Some(name) if groups.iter().all(|(group, _)| group != name) => {
                settings.push(Setting::new("default", yaml(name)))
            }
            _ => remarks.push(format!("{} is its DEFAULT partition, and may stay.", default.name.name)),
        }
    }
    Ok(LevelDraft { settings, groups, below: None })
}

fn hash(table: &Table, key: &PartitionKey, remarks: &mut Vec<String>) -> Result<LevelDraft, String> {
    let columns: Option<Vec<String>> =
        key.columns.iter().map(|column| Some(yaml(&column.name.as_ref()?.to_string()))).collect();
    let Some(columns) = columns else {
        return Err("It is partitioned by a hash of an expression, which a policy cannot say yet.".to_owned());
    };
    let mut moduli: Vec<u32> = table
        .visible()
        .filter_map(|partition| match partition.bound {
            Bound::Hash { modulus, .. } => Some(modulus),
            _ => None,
        })
        .collect();
    moduli.sort_unstable();
    moduli.dedup();
    let Some(modulus) = moduli.last() else {
        return Err("It has no partition that shows how many there should be.".to_owned());
    };
    if 1 < moduli.len() {
        let moduli: Vec<String> = moduli.iter().map(u32::to_string).collect();
        remarks.push(format!("Its partitions have several moduli: {}.", first_few(&moduli, 5)));
    }
    let key = if let [column] = columns.as_slice() { column.clone() } else { format!("[{}]", columns.join(", ")) };
    let settings = vec![Setting::new("hash", key), Setting::new("modulus", modulus.to_string())];
    Ok(LevelDraft { settings, ..LevelDraft::default() })
}
