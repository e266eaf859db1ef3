//! How partitions are named: the template that gives most of them the name that they have.

use chrono::NaiveDateTime;

use super::level::LevelDraft;
use super::write::{level_text, yaml};
use super::{Setting, is_on};
use crate::catalog::{Bound, CatalogSnapshot, Partition, Table};
use crate::desired::{Desired, Label, expand, partition_name};
use crate::keys::Axis;
use crate::policy::{Level, NameTemplate, Source, check};
use crate::schedule::Point;

/// Partitions whose names are looked at, newest first.
const LOOKED_AT: usize = 200;

/// Forms that people and tools write times in, the longer ones first.
const FORMATS: [&str; 22] = [
    "%Y_%m_%d_%H%M%S",
    "%Y%m%d_%H%M%S",
    "%Y_%m_%d_%H%M",
    "%Y%m%d_%H%M",
    "%Y_%m_%d_%H",
    "%Y%m%d_%H",
    "%Y%m%d%H%M",
    "%Y%m%d%H",
    "%Y_%m_%d",
    "%Y-%m-%d",
    "%Y%m%d",
    "%Yy%mm%dd",
    "%G_w%V",
    "%Gw%V",
    "%Y_q%q",
    "%Yq%q",
    "%Y_%m",
    "%Y-%m",
    "%Yy%mm",
    "%Y%m",
    "%y%m",
    "%Y",
];

/// Of drafts that fit alike the one that names most partitions as they are, with the `name` that does so, and `schema`
/// where partitions are not beside their table.
pub(super) fn complete(
    ways: Vec<LevelDraft>,
    table: &Table,
    snapshot: &CatalogSnapshot,
    remarks: &mut Vec<String>,
) -> LevelDraft {
    let named = ways.into_iter().map(|level| name(level, table, snapshot));
    let best = named.reduce(|best, next| if best.rank() < next.rank() { next } else { best });
    let Some(Named { mut level, template, alike, of, schema }) = best else { return LevelDraft::default() };
    if alike < of {
        let named = template.as_ref().map_or_else(|| "as by default".to_owned(), |template| format!("by {template}"));
        let others = of - alike;
        remarks.push(format!("{others} of its {of} partitions on the grid are not named {named}; new ones will be."));
    }
    level.settings.extend(schema.map(|schema| Setting::new("schema", yaml(&schema))));
    level.settings.extend(template.map(|template| Setting::new("name", yaml(&template))));
    level
}

/// A draft, and how well it names what there is.
struct Named {
    level: LevelDraft,
    /// `None`: the default.
    template: Option<String>,
    /// Partitions on the grid that have the name that they would get, of all that are on it.
    alike: usize,
    of: usize,
    schema: Option<String>,
}

impl Named {
    /// A name is hardly ever that of the end.
    fn rank(&self) -> (usize, bool) {
        (self.alike, !self.template.as_ref().is_some_and(|template| template.contains("{end")))
    }
}

fn name(level: LevelDraft, table: &Table, snapshot: &CatalogSnapshot) -> Named {
    let unknown = |level| Named { level, template: None, alike: 0, of: 0, schema: None };
    let Some((own, desired)) = understood(&level, table, snapshot) else { return unknown(level) };
    let labelled = labelled(&desired, table);
    let schema = schema(&labelled, table);
    if matches!(desired, Desired::List(_)) || labelled.is_empty() {
        return Named { schema, ..unknown(level) };
    }
    let alike = |level: &Level| {
        let is_named_so = |(partition, label): &&(&Partition, Label<'_>)| {
            partition_name(level, &table.name, *label).name == partition.name.name
        };
        labelled.iter().filter(is_named_so).count()
    };
    let mut best = Named { alike: alike(&own), of: labelled.len(), schema, ..unknown(level.clone()) };
    for template in candidates(&labelled, table.name.name.as_str()) {
        let mut with = level.clone();
        with.settings.push(Setting::new("name", yaml(&template)));
        // A template that would name two neighbours alike is refused.
        if let Some((own, _)) = understood(&with, table, snapshot)
            && best.alike < alike(&own)
        {
            best = Named { alike: alike(&own), template: Some(template), ..best };
        }
    }
    best
}

/// The level as a policy has it, and what it means for the table.
fn understood(level: &LevelDraft, table: &Table, snapshot: &CatalogSnapshot) -> Option<(Level, Desired)> {
    let alone = LevelDraft { below: None, ..level.clone() };
    let text = format!("version: 1\ntable: {}\npartition:\n{}", yaml(&table.name.to_string()), level_text(&alone, 2));
    let mut checked = check(&[Source { path: table.name.to_string(), text }]);
    let policy = checked.policies.pop().filter(|_| checked.problems.is_empty())?;
    let desired = expand(&policy.level, table, snapshot).ok()?;
    Some((policy.level, desired))
}

/// The partitions that the policy would have made so, oldest first, with what their names are made from.
fn labelled<'a>(desired: &'a Desired, table: &'a Table) -> Vec<(&'a Partition, Label<'a>)> {
    let mut labelled: Vec<(&Partition, Label<'_>)> = Vec::new();
    for partition in table.visible() {
        let label = match (desired, &partition.bound) {
            (Desired::Range(range), bound) => range
                .window(bound)
                .filter(|window| is_on(&range.grid, *window))
                .map(|window| Label::Range(range, window)),
            (Desired::Hash(_), Bound::Hash { modulus, remainder }) => {
                Some(Label::Hash { modulus: *modulus, remainder: *remainder })
            }
            (Desired::List(_), Bound::List(_)) => Some(Label::List("")),
            _ => None,
        };
        labelled.extend(label.map(|label| (partition, label)));
    }
    labelled.sort_by_key(|(_, label)| match label {
        Label::Range(_, window) => window.start(),
        _ => Point(0),
    });
    let older = labelled.len().saturating_sub(LOOKED_AT);
    labelled.split_off(older)
}

/// The schema of the newest partition, where that is not its table's.
fn schema(labelled: &[(&Partition, Label<'_>)], table: &Table) -> Option<String> {
    let (newest, _) = labelled.last()?;
    (newest.name.schema != table.name.schema).then(|| newest.name.schema.to_string())
}

/// Templates that give the newest partition its name.
fn candidates(labelled: &[(&Partition, Label<'_>)], table: &str) -> Vec<String> {
    let Some((newest, label)) = labelled.last() else { return Vec::new() };
    let name = newest.name.name.as_str();
    match label {
        Label::Range(range, window) => {
            let mut found = Vec::new();
            for (placeholder, point) in [("start", window.start()), ("end", window.end())] {
                if range.codec.axis() == Axis::Integer {
                    found.extend(around(name, &point.0.to_string(), &format!("{{{placeholder}}}"), table));
                    continue;
                }
                let Some(local) = range.zone.local(point) else { continue };
                for format in FORMATS {
                    let placeholder = format!("{{{placeholder}:{format}}}");
                    found.extend(around(name, &in_format(local, format), &placeholder, table));
                }
            }
            found
        }
        Label::Hash { remainder, .. } => {
            around(name, &remainder.to_string(), "{remainder}", table).into_iter().collect()
        }
        Label::List(_) | Label::Default(_) => Vec::new(),
    }
}

fn in_format(local: NaiveDateTime, format: &str) -> String {
    local.format(format).to_string()
}

/// The name with its last occurrence of a text as a placeholder, and the table's name as one.
fn around(name: &str, text: &str, placeholder: &str, table: &str) -> Option<String> {
    let at = name.rfind(text)?;
    let literal = |part: &str| part.replace('{', "{{").replace('}', "}}");
    let (before, after) = (&name[..at], &name[at + text.len()..]);
    let before = match before.strip_prefix(table) {
        Some(rest) => format!("{{table}}{}", literal(rest)),
        None => literal(before),
    };
    let template = format!("{before}{placeholder}{}", literal(after));
    NameTemplate::parse(&template).ok().map(|_| template)
}

/// What list partitions' names begin with, and the template that says so where it is not the default.
pub(super) fn of_lists(names: &[&str], table: &str) -> (String, Option<String>) {
    let default = format!("{table}_");
    let is_prefix = |prefix: &str| names.iter().all(|name| name.len() > prefix.len() && name.starts_with(prefix));
    if is_prefix(&default) {
        return (default, None);
    }
    let first = names.first().copied().unwrap_or_default();
    let mut ends = first.char_indices().filter(|(_, c)| *c == '_').map(|(at, _)| &first[..=at]);
    let prefix = ends.rfind(|prefix| is_prefix(prefix)).unwrap_or_default();
    let literal = prefix.replace('{', "{{").replace('}', "}}");
    (prefix.to_owned(), Some(format!("{literal}{{value}}")))
}
