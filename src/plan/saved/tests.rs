use std::collections::BTreeSet;

use super::*;
use crate::catalog::FarEnd;
use crate::plan::steps::{DropTable, RecordDetach};
use crate::plan::{Finding, Runway, Step, TablePlan, codes};
use crate::policy::Locks;
use crate::sql::QualifiedName;

fn name(table: &str) -> QualifiedName {
    QualifiedName::new("shop", table)
}

fn drop_step(table: &str, oid: u32) -> Step {
    Step::Drop(DropTable {
        table: name(table),
        oid,
        kind: crate::catalog::RelationKind::Table,
        range: "2024-09-01 … 2024-10-01".to_owned(),
        reason: "grace over".to_owned(),
        bytes: 4_096,
        foreign_keys: vec![FarEnd {
            constraint: crate::sql::Identifier::new("orders_customer_fkey"),
            table: name("customers"),
            columns: Vec::new(),
            lockable: true,
        }],
        condition: crate::plan::steps::Condition::None,
        unless: None,
    })
}

fn plan() -> Plan {
    let at = "2026-11-21T03:00:00Z".parse().unwrap();
    let orders = TablePlan {
        table: name("orders"),
        fingerprint: "f00d".to_owned(),
        grid: "range at, 1 month".to_owned(),
        partitions: 31,
        leaves: 31,
        bytes: 8_192,
        runway: Runway::Until("2026-11-22T03:00:00Z".parse().unwrap()),
        steps: vec![
            Step::Record(RecordDetach {
                table: name("orders_2024_08"),
                oid: 7,
                range: String::new(),
                change: crate::plan::steps::RecordedChange::Detached,
            }),
            drop_step("orders_2024_09", 8),
        ],
        findings: vec![Finding::about(codes::HELD, &name("orders"), "orders_2023_01 is over, and held")],
        locks: Locks::default(),
        retires_after: Vec::new(),
        severities: crate::codes::Severities::default(),
        unattended: false,
    };
    Plan {
        database: "appdb".to_owned(),
        at,
        server_version: 150_020,
        tables: vec![orders],
        findings: Vec::new(),
        severities: crate::codes::Severities::default(),
        questions: BTreeSet::new(),
    }
}

fn saved(plan: &Plan) -> SavedPlan {
    SavedPlan::from_json(&SavedPlan::from_plan(plan, Moment::Server).to_json()).unwrap()
}

#[test]
fn the_document_says_what_it_is_and_all_that_a_reader_needs() {
    let document = SavedPlan::from_plan(&plan(), Moment::Server).to_json();
    let document = document.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!(document, @r#"
    {
      "format": "partctl-plan",
      "version": 1,
      "partctl": "VERSION",
      "database": "appdb",
      "server_version": 150020,
      "at": "2026-11-21T03:00:00Z",
      "moment": "server",
      "summary": {
        "steps": {
          "analyze": 0,
          "archive": 0,
          "attach": 0,
          "bring back": 0,
          "create": 0,
          "delete archive": 0,
          "detach": 0,
          "discard": 0,
          "drop": 1,
          "finalize": 0,
          "match": 0,
          "move": 0,
          "record": 1,
          "remove": 0,
          "set aside": 0,
          "split": 0
        },
        "findings": {
          "error": 0,
          "info": 1,
          "warning": 0
        },
        "frees_bytes": 4096
      },
      "tables": [
        {
          "table": "shop.orders",
          "grid": "range at, 1 month",
          "fingerprint": "f00d",
          "partitions": 31,
          "leaves": 31,
          "bytes": 8192,
          "runway": {
            "kind": "until",
            "until": "2026-11-22T03:00:00Z",
            "seconds": 86400
          },
          "lock_timeout_ms": 50,
          "unattended": false,
          "steps": [
            {
              "kind": "record",
              "phase": "finish",
              "target": "shop.orders_2024_08",
              "range": "",
              "bound": null,
              "reason": "its detach was not recorded",
              "bytes": null,
              "rows": null,
              "locks": [],
              "actions": [
                {
                  "transaction": true,
                  "sql": [
                    "UPDATE partctl.detached_tables SET detached_at = clock_timestamp() WHERE relation = 7 AND ended_at IS NULL"
                  ]
                }
              ],
              "undo": "nothing to take back"
            },
            {
              "kind": "drop",
              "phase": "retire",
              "target": "shop.orders_2024_09",
              "range": "2024-09-01 … 2024-10-01",
              "bound": null,
              "reason": "grace over",
              "bytes": 4096,
              "rows": null,
              "locks": [
                {
                  "relation": "shop.customers",
                  "mode": "ACCESS EXCLUSIVE"
                },
                {
                  "relation": "shop.orders_2024_09",
                  "mode": "ACCESS EXCLUSIVE"
                }
              ],
              "actions": [
                {
                  "transaction": true,
                  "sql": [
                    "LOCK TABLE shop.customers IN ACCESS EXCLUSIVE MODE",
                    "LOCK TABLE shop.orders_2024_09 IN ACCESS EXCLUSIVE MODE",
                    "DO $partctl$BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = 8 AND c.relname = 'orders_2024_09' AND c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'shop') AND NOT c.relispartition) THEN RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = 'partctl: shop.orders_2024_09 (oid 8) is no longer what was planned'; END IF; END$partctl$",
                    "ALTER TABLE shop.orders_2024_09 DROP CONSTRAINT IF EXISTS orders_customer_fkey"
                  ]
                },
                {
                  "transaction": true,
                  "sql": [
                    "LOCK TABLE shop.orders_2024_09 IN ACCESS EXCLUSIVE MODE",
                    "DO $partctl$BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = 8 AND c.relname = 'orders_2024_09' AND c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'shop') AND NOT c.relispartition) THEN RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = 'partctl: shop.orders_2024_09 (oid 8) is no longer what was planned'; END IF; END$partctl$",
                    "DROP TABLE shop.orders_2024_09",
                    "UPDATE partctl.detached_tables SET ended_at = clock_timestamp() WHERE relation = 8 AND ended_at IS NULL"
                  ]
                }
              ],
              "undo": "none: restore from a backup"
            }
          ],
          "findings": [
            {
              "code": "PT111",
              "name": "held",
              "severity": "info",
              "table": "shop.orders",
              "message": "orders_2023_01 is over, and held",
              "hint": null
            }
          ]
        }
      ],
      "findings": []
    }
    "#);
}

#[test]
fn what_was_saved_reads_back_whole() {
    let plan = plan();
    for moment in [Moment::Server, Moment::Simulated] {
        let saved = SavedPlan::from_plan(&plan, moment);
        assert_eq!(SavedPlan::from_json(&saved.to_json()).unwrap(), saved);
    }
}

#[test]
fn the_same_steps_at_another_moment_are_no_difference() {
    let mut fresh = plan();
    fresh.at += chrono::TimeDelta::hours(5);
    fresh.tables[0].partitions = 32;
    fresh.tables[0].bytes = 9_999;
    fresh.tables[0].findings.clear();
    assert_eq!(saved(&plan()).differences(&fresh), [""; 0]);
}

#[test]
fn everything_that_moved_is_named() {
    let mut fresh = plan();
    fresh.database = "other".to_owned();
    fresh.tables[0].fingerprint = "beef".to_owned();
    fresh.tables[0].steps = vec![drop_step("orders_2024_09", 9), drop_step("orders_2024_10", 10)];
    fresh.tables.push(TablePlan {
        table: name("visits"),
        steps: vec![drop_step("visits_1", 11)],
        ..plan().tables[0].clone()
    });
    insta::assert_snapshot!(saved(&plan()).differences(&fresh).join("\n"), @"
    it is for database `appdb`, and this is `other`
    policy of shop.orders changed
    shop.orders: step `drop shop.orders_2024_09` would run other statements
    shop.orders: new step `drop shop.orders_2024_10`
    shop.orders: step `record shop.orders_2024_08` is no longer needed
    shop.visits: not in the saved plan
    shop.visits: new step `drop shop.visits_1`
    ");
    fresh.tables.remove(0);
    fresh.tables.remove(0);
    assert_eq!(
        saved(&plan()).differences(&Plan { database: "appdb".to_owned(), ..fresh }),
        ["shop.orders: in the saved plan, and no policy manages it now"]
    );
}

#[test]
fn a_simulated_plan_differs_from_every_plan() {
    let saved = SavedPlan::from_plan(&plan(), Moment::Simulated);
    assert_eq!(
        saved.differences(&plan()),
        ["it was simulated for 2026-11-21 03:00:00 UTC with `--at`, and is only to be read"]
    );
}

#[test]
fn what_is_no_plan_of_this_version_is_refused_by_name() {
    let error = |text: &str| SavedPlan::from_json(text).unwrap_err().to_string();
    assert_eq!(error("[1]"), "not a plan saved by partctl");
    assert_eq!(error("{\"tables\": []}"), "not a plan saved by partctl");
    assert_eq!(
        error("{\"format\": \"partctl-status\", \"version\": 1}"),
        "format is `partctl-status`, not `partctl-plan`"
    );
    assert_eq!(
        error("{\"format\": \"partctl-plan\", \"version\": 2, \"new\": {}}"),
        "plan of version 2, and this partctl reads version 1: make a new one"
    );
    assert_eq!(error(""), "saved plan is damaged: EOF while parsing a value at line 1 column 0");
    let document = SavedPlan::from_plan(&plan(), Moment::Server).to_json();
    let cut = &document[..document.len() / 2];
    assert!(error(cut).starts_with("saved plan is damaged: EOF while parsing"), "{}", error(cut));
    let edited = document.replacen("\"database\"", "\"datebase\"", 1);
    assert!(error(&edited).starts_with("saved plan is damaged: unknown field `datebase`"), "{}", error(&edited));
}
