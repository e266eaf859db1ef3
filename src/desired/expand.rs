//! Fits a policy to its table: the same strategy, the same key, a grid that suits the key's type.
//!
//! What does not fit is a finding, and then nothing of the table is planned.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use super::key::strategy;
use super::list::list_of;
use super::{Desired, DesiredHash, DesiredRange};
use crate::catalog::{CatalogSnapshot, KeyColumn, PartitionKey, RelationKind, Strategy, Table};
use crate::keys::{self, Axis, KeyCodec};
use crate::plan::{Finding, codes};
use crate::policy::{AxisValue, Every, Level, Partitioning, RangePolicy};
use crate::schedule::{Grid, Point, Unit, Zone};
use crate::sql::{KeyPart, same_expression};

/// A level of the policy in the terms of the table that it is for, or why it does not fit. The snapshot is for its clock
/// and its answers.
///
/// # Errors
/// Findings that end a run with exit 4.
pub fn expand(level: &Level, table: &Table, snapshot: &CatalogSnapshot) -> Result<Desired, Finding> {
    let key = own_key(table)?;
    same_key(table, key, &level.partitioning, strategy(level))?;
    match &level.partitioning {
        Partitioning::Range(range) => range_of(range, table, &key.columns, snapshot.server.now).map(Desired::Range),
        Partitioning::List(list) => list_of(list, table, &key.columns[0], &snapshot.answers).map(Desired::List),
        Partitioning::Hash(hash) => Ok(Desired::Hash(DesiredHash { modulus: hash.modulus })),
    }
}

fn own_key(table: &Table) -> Result<&PartitionKey, Finding> {
    let not_partitioned = |what: &str| {
        Finding::about(codes::NOT_PARTITIONED, &table.name, format!("is {what}, not a partitioned table"))
            .hint("create it with PARTITION BY and move the rows, or remove its policy")
    };
    match (table.kind, &table.key) {
        (RelationKind::Partitioned, Some(key)) => Ok(key),
        (RelationKind::Foreign, _) => Err(not_partitioned("a foreign table")),
        (RelationKind::Table, _) => Err(not_partitioned("an ordinary table")),
        (RelationKind::Partitioned | RelationKind::Other, _) => Err(not_partitioned("something else")),
    }
}

fn same_key(table: &Table, key: &PartitionKey, wish: &Partitioning, strategy: Strategy) -> Result<(), Finding> {
    let is_same = |(has, wants): (&KeyColumn, &KeyPart)| match (has.part(), wants) {
        (Some(KeyPart::Expression(has)), KeyPart::Expression(wants)) => same_expression(&has, wants),
        (has, wants) => has.as_ref() == Some(wants),
    };
    if key.strategy == strategy
        && key.columns.len() == wish.key().len()
        && key.columns.iter().zip(wish.key()).all(is_same)
    {
        return Ok(());
    }
    if key.columns.iter().any(|column| column.part().is_none()) {
        let message = "cannot tell the expression of its key: somebody holds it locked";
        return Err(Finding::about(codes::UNANSWERED, &table.name, message).hint("run again when their DDL is done"));
    }
    let parts: Vec<String> = key.columns.iter().map(ToString::to_string).collect();
    let has = format!("{} {}", key.strategy.as_str(), parts.join(", "));
    let message = format!("is partitioned by {has}, its policy says {}", wish.key_in_words());
    let quoted = |part: &String| format!("'{}'", part.replace('\'', "''"));
    let in_yaml = match parts.as_slice() {
        [part] if part.starts_with('"') => quoted(part),
        [part] => part.clone(),
        parts => format!("[{}]", parts.iter().map(quoted).collect::<Vec<_>>().join(", ")),
    };
    let hint = format!("make `partition` in the policy say what the table is: `{}: {in_yaml}`", key.strategy.as_str());
    Err(Finding::about(codes::OTHER_KEY, &table.name, message).hint(hint))
}

fn range_of(
    policy: &RangePolicy,
    table: &Table,
    columns: &[KeyColumn],
    now: DateTime<Utc>,
) -> Result<DesiredRange, Finding> {
    let (column, further) = columns.split_first().expect("a table has a key");
    let type_name = &column.type_name;
    let misfit = |message: String, hint: &str| Finding::about(codes::KEY_TYPE, &table.name, message).hint(hint);
    let codec = codec_of(policy, table, column)?;
    let zone = match (codec.axis(), policy.timezone) {
        (Axis::Instant, Some(zone)) => Zone::Named(zone),
        (Axis::Instant, None) => {
            return Err(misfit(
                format!("key {} holds instants and the policy names no `timezone`", column),
                "add `timezone: Europe/Berlin` or the zone whose midnights the partitions should have",
            ));
        }
        (Axis::Day, Some(_)) => {
            return Err(misfit(format!("key {} is a date, which has no time zone", column), "remove `timezone`"));
        }
        (Axis::WallClock | Axis::Day | Axis::Integer, _) => Zone::WallClock,
    };
    let grid = match (codec.axis(), policy.every) {
        (Axis::Integer, Every::Integer(every)) => Grid::Integer {
            every,
            anchor: policy.anchor.map_or(0, |anchor| integer(anchor).expect("checked with `every`")),
        },
        (Axis::Integer, Every::Time(every)) => {
            return Err(misfit(
                format!("key {} is a number ({type_name}) and `every` is {every}", column),
                "write a number: `every: 1000000`",
            ));
        }
        (_, Every::Integer(every)) => {
            return Err(misfit(
                format!("key {} is a {type_name} and `every` is the number {every}", column),
                "write an interval: `every: 1 month`",
            ));
        }
        (_, Every::Time(every)) => {
            let anchor = policy.anchor.map(|anchor| time(anchor).expect("checked with `every`"));
            Grid::Time { every, anchor: anchor.unwrap_or_else(|| default_anchor(every.unit())), zone }
        }
    };
    let clock = policy.timezone.unwrap_or(chrono_tz::UTC);
    let now = match codec.axis() {
        Axis::Instant => Some(Point(i128::from(now.timestamp_micros()))),
        Axis::WallClock | Axis::Day => Some(Zone::WallClock.point(now.with_timezone(&clock).naive_local())),
        Axis::Integer => None,
    };
    let clock = Zone::Named(clock);
    let range = DesiredRange { column: column.clone(), further: further.len(), codec, zone, clock, grid, now };
    match range.bound_that_cannot_be_written() {
        None => Ok(range),
        Some(bound) => Err(misfit(
            format!("key {} ({}) cannot hold {bound}, a bound of the grid", column, held_by(policy, type_name)),
            "make `every` and `anchor` as coarse as the key is",
        )),
    }
}

fn held_by(policy: &RangePolicy, type_name: &str) -> String {
    policy.encoding.as_ref().map_or_else(|| type_name.to_owned(), ToString::to_string)
}

/// The codec of the key: by its type alone, or by what the policy says of the type.
fn codec_of(policy: &RangePolicy, table: &Table, key: &KeyColumn) -> Result<Arc<dyn KeyCodec>, Finding> {
    let (type_name, encoding) = (&key.type_name, policy.encoding.as_ref());
    keys::codec_for(type_name, encoding).ok_or_else(|| {
        let known: Vec<String> = keys::encodings_for(type_name).iter().map(|word| format!("`encoding: {word}`")).collect();
        let (message, hint) = match encoding {
            Some(encoding) => (
                format!("key {key} has type {type_name}, and `{}` is for {}", encoding.word(), encoding.types().join(", ")),
                "leave `encoding` out where the type shows the time".to_owned(),
            ),
            None if known.is_empty() => (
                format!("key {key} has type {type_name}, which has no grid"),
                "range policies manage timestamptz, timestamp, date, smallint, int, bigint and numeric keys, and uuid, \
                 bigint and text ones that carry a time"
                    .to_owned(),
            ),
            None => (
                format!("key {key} has type {type_name}, which does not say what time it carries"),
                format!("say it: {}", known.join(", ")),
            ),
        };
        Finding::about(codes::KEY_TYPE, &table.name, message).hint(hint)
    })
}

/// Weeks start on a Monday, everything else with the century.
fn default_anchor(unit: Unit) -> NaiveDateTime {
    let day = if unit == Unit::Week { 3 } else { 1 };
    NaiveDate::from_ymd_opt(2000, 1, day).expect("a day").and_hms_opt(0, 0, 0).expect("midnight")
}

/// The number, when it is one.
pub(crate) fn integer(value: AxisValue) -> Option<i128> {
    match value {
        AxisValue::Integer(value) => Some(value),
        AxisValue::Time(_) => None,
    }
}

/// The wall-clock time, when it is one.
pub(crate) fn time(value: AxisValue) -> Option<NaiveDateTime> {
    match value {
        AxisValue::Time(value) => Some(value),
        AxisValue::Integer(_) => None,
    }
}
