//! Names of new partitions. A name is a label for people: nothing is ever read back from it.

use chrono::format::{Item, StrftimeItems};
use chrono::{Datelike, NaiveDateTime, NaiveTime, Timelike};

use super::DesiredRange;
use crate::keys::Axis;
use crate::policy::{Level, NameTemplate, Segment};
use crate::schedule::{Grid, Point, Unit, Window};
use crate::sql::{Identifier, QualifiedName};

/// What a partition's name is made from.
#[derive(Debug, Clone, Copy)]
pub enum Label<'a> {
    /// A window of a grid.
    Range(&'a DesiredRange, Window),
    /// A group of values.
    List(&'a str),
    /// A remainder.
    Hash {
        /// Of this modulus.
        modulus: u32,
        /// The remainder.
        remainder: u32,
    },
    /// The DEFAULT partition.
    Default(&'a str),
}

/// The name of a partition to be made of `parent`, at most 63 bytes.
pub fn partition_name(level: &Level, parent: &QualifiedName, label: Label<'_>) -> QualifiedName {
    let placement = &level.placement;
    // A DEFAULT partition has no start, end or remainder to put into a template of ranges.
    let template = placement.name.as_ref().filter(|_| !matches!(label, Label::Default(_)));
    let name = match template {
        Some(template) => filled(template, parent, label),
        None => format!("{}_{}", parent.name.as_str(), suffix(label)),
    };
    QualifiedName {
        schema: placement.schema.clone().unwrap_or_else(|| parent.schema.clone()),
        name: Identifier::new(name).shortened(),
    }
}

fn filled(template: &NameTemplate, parent: &QualifiedName, label: Label<'_>) -> String {
    let table = parent.name.as_str();
    let segment = |segment: &Segment| match (segment, label) {
        (Segment::Text(text), _) => text.clone(),
        (Segment::Table | Segment::Parent, _) => table.to_owned(),
        (Segment::Value, Label::List(value) | Label::Default(value)) => value.to_owned(),
        (Segment::Remainder, Label::Hash { remainder, .. }) => remainder.to_string(),
        (Segment::Modulus, Label::Hash { modulus, .. }) => modulus.to_string(),
        (Segment::Start(format), Label::Range(range, window)) => point(range, window.start(), format.as_deref()),
        (Segment::End(format), Label::Range(range, window)) => point(range, window.end(), format.as_deref()),
        // The policy's check refuses placeholders that the strategy has no value for.
        _ => String::new(),
    };
    template.segments().iter().map(segment).collect()
}

fn suffix(label: Label<'_>) -> String {
    match label {
        Label::Range(range, window) => point(range, window.start(), None),
        Label::List(value) | Label::Default(value) => value.to_owned(),
        Label::Hash { remainder, .. } => format!("p{remainder}"),
    }
}

fn point(range: &DesiredRange, point: Point, format: Option<&str>) -> String {
    if range.codec.axis() == Axis::Integer {
        return if point.0 < 0 { format!("m{}", point.0.unsigned_abs()) } else { point.0.to_string() };
    }
    let Some(local) = range.zone.local(point) else { return point.0.to_string() };
    let text = match format {
        Some(format) => strftime(local, format),
        None => shortest(range, point, local),
    };
    // The hour that a clock set back repeats has two starts that read alike: the later one is marked.
    if range.zone.point(local) < point { format!("{text}b") } else { text }
}

fn strftime(local: NaiveDateTime, format: &str) -> String {
    let items: Vec<Item<'_>> = StrftimeItems::new(format).collect();
    // A format that chrono cannot write was refused with its policy.
    if items.contains(&Item::Error) {
        format.to_owned()
    } else {
        local.format_with_items(items.into_iter()).to_string()
    }
}

/// The shortest form that tells neighbours apart: by the unit on the grid, by day or minute for a bridge beside it.
fn shortest(range: &DesiredRange, point: Point, local: NaiveDateTime) -> String {
    let unit = match &range.grid {
        Grid::Time { every, .. } if range.grid.is_boundary(point) => every.unit(),
        _ if local.time() == NaiveTime::MIN => Unit::Day,
        _ => Unit::Minute,
    };
    match unit {
        Unit::Year => local.format("%Y").to_string(),
        Unit::Quarter => format!("{}_q{}", local.format("%Y"), local.month0() / 3 + 1),
        Unit::Month => local.format("%Y_%m").to_string(),
        Unit::Week => local.format("%G_w%V").to_string(),
        Unit::Day => local.format("%Y_%m_%d").to_string(),
        Unit::Hour if local.minute() == 0 => local.format("%Y_%m_%d_%H").to_string(),
        Unit::Hour | Unit::Minute => local.format("%Y_%m_%d_%H%M").to_string(),
    }
}
