//! Where tables stand, for machines.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::schemas::schema_of;
use crate::diff::{DetachedFate, DetachedState, Fate, NextToRetire, Overview, Place, Stretch, TableOverview, When};
use crate::plan::{Finding, Runway};

#[derive(Serialize, JsonSchema)]
struct Document {
    #[schemars(extend("const" = "partctl-status"))]
    format: &'static str,
    #[schemars(extend("const" = 1))]
    version: u32,
    database: String,
    server_version: u32,
    at: DateTime<Utc>,
    tables: Vec<WireTable>,
    detached: Vec<WireDetached>,
    errors: Vec<WireError>,
}

#[derive(Serialize, JsonSchema)]
struct WireTable {
    table: String,
    key: String,
    partitions: usize,
    bytes: u64,
    rows: Option<u64>,
    first_bound: Option<String>,
    last_bound: Option<String>,
    runway: WireRunway,
    default: Option<WireDefault>,
    pending_detaches: usize,
    held: usize,
    next_to_retire: Option<WireNext>,
    last_apply: Option<WireLastApply>,
    timeline: Vec<WireStretch>,
}

#[derive(Serialize, JsonSchema)]
struct WireRunway {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partitions: Option<usize>,
}

#[derive(Serialize, JsonSchema)]
struct WireDefault {
    partition: String,
    rows: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
struct WireNext {
    partition: String,
    due: bool,
    at: Option<DateTime<Utc>>,
    keys_reach: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct WireLastApply {
    at: DateTime<Utc>,
    run: i64,
    failed: bool,
}

#[derive(Serialize, JsonSchema)]
struct WireStretch {
    partition: Option<String>,
    from: String,
    to: String,
    bytes: u64,
    rows: Option<u64>,
    place: &'static str,
    fate: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct WireDetached {
    table: String,
    parent: String,
    range: String,
    bytes: u64,
    detached_at: Option<DateTime<Utc>>,
    fate: &'static str,
    drops_at: Option<DateTime<Utc>>,
}

#[derive(Serialize, JsonSchema)]
struct WireError {
    code: &'static str,
    table: Option<String>,
    message: String,
    hint: Option<String>,
}

/// The schema of what [`status_json`] writes.
pub(in crate::render) fn schema() -> Schema {
    schema_of::<Document>()
}

/// Writes the overview as indented JSON of format `partctl-status`.
///
/// # Errors
/// Those of `out`.
pub fn status_json(overview: &Overview, out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        format: "partctl-status",
        version: 1,
        database: overview.database.clone(),
        server_version: overview.server_version,
        at: overview.at,
        tables: overview.tables.iter().map(|wire| table(wire, overview.at)).collect(),
        detached: overview.detached.iter().map(detached).collect(),
        errors: overview.errors.iter().map(error).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn table(table: &TableOverview, at: DateTime<Utc>) -> WireTable {
    WireTable {
        table: table.table.to_string(),
        key: table.key.clone(),
        partitions: table.partitions,
        bytes: table.bytes,
        rows: table.rows,
        first_bound: table.oldest.as_ref().map(|end| end.shown.clone()),
        last_bound: table.newest.as_ref().map(|end| end.shown.clone()),
        runway: runway(table.runway, at),
        default: table
            .default
            .as_ref()
            .map(|default| WireDefault { partition: default.name.to_string(), rows: default.rows }),
        pending_detaches: table.pending_detaches,
        held: table.held,
        next_to_retire: table.next_to_retire.as_ref().map(next),
        last_apply: table.last_apply.as_ref().map(|last| WireLastApply {
            at: last.at,
            run: last.run,
            failed: last.failed,
        }),
        timeline: table.timeline.iter().map(stretch).collect(),
    }
}

/// The same shape as in a plan.
fn runway(runway: Runway, at: DateTime<Utc>) -> WireRunway {
    let kind = |kind| WireRunway { kind, until: None, seconds: None, partitions: None };
    match runway {
        Runway::None => kind("none"),
        Runway::Endless => kind("endless"),
        Runway::Partitions(count) => WireRunway { partitions: Some(count), ..kind("partitions") },
        Runway::Until(until) => {
            let seconds = until.signed_duration_since(at).num_seconds();
            WireRunway { until: Some(until), seconds: Some(seconds), ..kind("until") }
        }
    }
}

fn next(next: &NextToRetire) -> WireNext {
    let partition = next.partition.to_string();
    match &next.when {
        When::Due => WireNext { partition, due: true, at: None, keys_reach: None },
        When::At { moment, .. } => WireNext { partition, due: false, at: Some(*moment), keys_reach: None },
        When::KeysReach(key) => WireNext { partition, due: false, at: None, keys_reach: Some(key.clone()) },
    }
}

fn stretch(stretch: &Stretch) -> WireStretch {
    WireStretch {
        partition: stretch.partition.as_ref().map(ToString::to_string),
        from: stretch.from.clone(),
        to: stretch.to.clone(),
        bytes: stretch.bytes,
        rows: stretch.rows,
        place: match stretch.place {
            Place::Past => "past",
            Place::Current => "current",
            Place::Ahead => "ahead",
        },
        fate: match stretch.fate {
            Fate::Stays => "stays",
            Fate::Held => "held",
            Fate::Expiring => "expiring",
            Fate::PendingDetach => "pending_detach",
        },
    }
}

fn detached(detached: &DetachedState) -> WireDetached {
    let (fate, drops_at) = match detached.fate {
        DetachedFate::DropsAt(end) => ("drops_at", Some(end)),
        DetachedFate::Aside => ("aside", None),
        DetachedFate::Due => ("due", None),
        DetachedFate::Unarchived => ("unarchived", None),
        DetachedFate::Held => ("held", None),
        DetachedFate::Kept => ("kept", None),
        DetachedFate::Unmanaged => ("unmanaged", None),
        DetachedFate::Unrecorded => ("unrecorded", None),
        DetachedFate::Changed => ("changed", None),
    };
    WireDetached {
        table: detached.table.to_string(),
        parent: detached.parent.to_string(),
        range: detached.range.clone(),
        bytes: detached.bytes,
        detached_at: detached.detached_at,
        fate,
        drops_at,
    }
}

fn error(finding: &Finding) -> WireError {
    WireError {
        code: finding.code.id,
        table: finding.table.as_ref().map(ToString::to_string),
        message: finding.message.clone(),
        hint: finding.hint.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;

    #[test]
    fn numbers_are_plain_and_moments_are_rfc_3339() {
        let mut overview = samples::overview();
        overview.tables[0].timeline.truncate(1);
        overview.tables.truncate(1);
        let mut out = Vec::new();
        status_json(&overview, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
        insta::assert_snapshot!(text, @r#"
        {
          "format": "partctl-status",
          "version": 1,
          "database": "appdb",
          "server_version": 150020,
          "at": "2026-11-21T03:00:00Z",
          "tables": [
            {
              "table": "shop.orders",
              "key": "range order_date",
              "partitions": 31,
              "bytes": 442381631488,
              "rows": 904331020,
              "first_bound": "2024-10-01",
              "last_bound": "2027-03-01",
              "runway": {
                "kind": "until",
                "until": "2027-02-28T23:00:00Z",
                "seconds": 8625600
              },
              "default": {
                "partition": "shop.orders_default",
                "rows": 1204
              },
              "pending_detaches": 0,
              "held": 0,
              "next_to_retire": {
                "partition": "shop.orders_2024_10",
                "due": false,
                "at": "2026-11-30T23:00:00Z",
                "keys_reach": null
              },
              "last_apply": {
                "at": "2026-11-19T03:00:00Z",
                "run": 12,
                "failed": false
              },
              "timeline": [
                {
                  "partition": "shop.orders_2024_10",
                  "from": "2024-10-01",
                  "to": "2024-11-01",
                  "bytes": 0,
                  "rows": 0,
                  "place": "past",
                  "fate": "expiring"
                }
              ]
            }
          ],
          "detached": [
            {
              "table": "shop.orders_2024_09",
              "parent": "shop.orders",
              "range": "2024-09-01 … 2024-10-01",
              "bytes": 14817637171,
              "detached_at": "2026-11-18T03:00:00Z",
              "fate": "drops_at",
              "drops_at": "2026-11-25T03:00:00Z"
            },
            {
              "table": "shop.orders_2024_08",
              "parent": "shop.orders",
              "range": "2024-09-01 … 2024-10-01",
              "bytes": 14817637171,
              "detached_at": "2026-11-18T03:00:00Z",
              "fate": "held",
              "drops_at": null
            }
          ],
          "errors": []
        }
        "#);
    }
}
