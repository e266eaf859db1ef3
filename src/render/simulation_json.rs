//! The time to come, for machines.

use std::io::{self, Write};

use chrono::{DateTime, NaiveDate, Utc};
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::schemas::schema_of;
use crate::diff::{Events, Simulation, Week};
use crate::sql::QualifiedName;

#[derive(Serialize, JsonSchema)]
struct Document<'a> {
    #[schemars(extend("const" = "partctl-simulation"))]
    format: &'static str,
    #[schemars(extend("const" = 1))]
    version: u32,
    database: &'a str,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    weeks: Vec<WireWeek>,
    disk_full: Option<DateTime<Utc>>,
    too_many_partitions: Vec<WireTooMany>,
    findings: Vec<WireFinding<'a>>,
    growth_unknown: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct WireWeek {
    monday: NaiveDate,
    partitions: usize,
    bytes: u64,
    tables: Vec<WireEvents>,
}

#[derive(Serialize, JsonSchema)]
struct WireEvents {
    table: String,
    created: Vec<String>,
    retired: Vec<String>,
    freed_bytes: u64,
    archives_deleted: usize,
}

#[derive(Serialize, JsonSchema)]
struct WireTooMany {
    table: String,
    at: DateTime<Utc>,
    locks: u64,
    lock_slots: u64,
}

#[derive(Serialize, JsonSchema)]
struct WireFinding<'a> {
    at: DateTime<Utc>,
    code: &'static str,
    table: Option<String>,
    message: &'a str,
    hint: Option<&'a str>,
}

/// The schema of what [`simulation_json`] writes.
pub(super) fn schema() -> Schema {
    schema_of::<Document<'static>>()
}

/// Writes the simulation as JSON.
///
/// # Errors
/// Those of `out`.
pub fn simulation_json(simulation: &Simulation, out: &mut dyn Write) -> io::Result<()> {
    let too_many = simulation.too_many.iter().map(|outgrown| WireTooMany {
        table: outgrown.table.to_string(),
        at: outgrown.at,
        locks: outgrown.locks,
        lock_slots: outgrown.slots,
    });
    let findings = simulation.trouble.iter().map(|(at, finding)| WireFinding {
        at: *at,
        code: finding.code.id,
        table: finding.table.as_ref().map(ToString::to_string),
        message: &finding.message,
        hint: finding.hint.as_deref(),
    });
    let document = Document {
        format: "partctl-simulation",
        version: 1,
        database: &simulation.database,
        from: simulation.from,
        until: simulation.until,
        weeks: simulation.weeks.iter().map(week).collect(),
        disk_full: simulation.disk_full,
        too_many_partitions: too_many.collect(),
        findings: findings.collect(),
        growth_unknown: names(&simulation.not_forecast),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn week(week: &Week) -> WireWeek {
    let tables = week.events.iter().map(|Events { table, created, retired, freed, archives_deleted }| WireEvents {
        table: table.to_string(),
        created: names(created),
        retired: names(retired),
        freed_bytes: *freed,
        archives_deleted: *archives_deleted,
    });
    WireWeek { monday: week.monday, partitions: week.partitions, bytes: week.bytes, tables: tables.collect() }
}

fn names(names: &[QualifiedName]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}
