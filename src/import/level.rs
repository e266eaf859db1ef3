//! One level of a draft: `partition`, as the partitions of one relation show it.

use chrono_tz::Tz;

use super::grid::{self, COMMON};
use super::write::yaml;
use super::{Setting, Wish, names};
use crate::catalog::{Bound, CatalogSnapshot, Datum, PartitionKey, Strategy, Table};
use crate::plan::first_few;

/// The keys of `partition`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct LevelDraft {
    pub settings: Vec<Setting>,
    /// `values`
    pub groups: Vec<(String, Vec<Option<String>>)>,
    /// `subpartition`
    pub below: Option<Box<LevelDraft>>,
    /// `create`, of a level below another; that of the outermost one is the draft's.
    pub create: Vec<Setting>,
    /// `retain`, likewise.
    pub retain: Vec<Setting>,
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
        let nothing = Wish::default();
        let below = wish.below.as_deref().unwrap_or(&nothing);
        match draft(inside, below, snapshot, zones, &mut Vec::new()) {
            Ok(below) => level.below = Some(Box::new(below)),
            Err(why) => remarks
                .push(format!("{} has partitions of its own, which this leaves alone. {why}", partition.name.name)),
        }
    }
    Ok(level)
}

/// The key as a policy writes it.
///
/// # Errors
/// When an expression could not be read for somebody's lock.
fn key_text(key: &PartitionKey) -> Result<String, String> {
    let parts = key.columns.iter().map(|column| Some(yaml(&column.part()?.to_string()))).collect::<Option<Vec<_>>>();
    match parts.as_deref() {
        Some([part]) => Ok(part.clone()),
        Some(parts) => Ok(format!("[{}]", parts.join(", "))),
        None => Err("An expression of its key could not be read: try again when nobody changes the table.".to_owned()),
    }
}

fn range(
    table: &Table,
    key: &PartitionKey,
    wish: &Wish,
    zones: &[Tz],
    remarks: &mut Vec<String>,
) -> Result<Vec<LevelDraft>, String> {
    let Some(column) = key.columns.first() else { return Err("Its key is not known.".to_owned()) };
    if let (Some(wanted), Some(name)) = (&wish.key, &column.name)
        && wanted != name.as_str()
    {
        remarks.push(format!("{} names {wanted} as its column, and the table is partitioned by {name}.", wish.tool));
    }
    let mut settings = vec![Setting::new("range", key_text(key)?)];
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
    let lists = table.visible().filter_map(|partition| match &partition.bound {
        Bound::List(values) => Some((partition, values)),
        _ => None,
    });
    let lists: Vec<_> = lists.collect();
    if lists.is_empty() {
        return Err("It has no partition that shows which values belong together.".to_owned());
    }
    let mut settings = vec![Setting::new("list", key_text(key)?)];
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
    Ok(LevelDraft { settings, groups, ..LevelDraft::default() })
}

fn hash(table: &Table, key: &PartitionKey, remarks: &mut Vec<String>) -> Result<LevelDraft, String> {
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
    let settings = vec![Setting::new("hash", key_text(key)?), Setting::new("modulus", modulus.to_string())];
    Ok(LevelDraft { settings, ..LevelDraft::default() })
}
