//! A plan as a JSON document: what `-o json` prints, and what a reviewer keeps until `apply` takes it up again.
//!
//! The SQL in the document is there to be read and compared. It is never executed: `apply` plans anew, and carries
//! that plan out only when it is the very same.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Action, Finding, Lock, Phase, Plan, Runway, Severity, Step, StepKind, TablePlan, Withheld};

const FORMAT: &str = "partctl-plan";
const VERSION: u64 = 1;

/// What the plan's moment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The server's clock when the catalog was read.
    Server,
    /// Another time, given with `--at`: a plan to look at, never to carry out.
    Simulated,
}

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    format: String,
    version: u64,
    partctl: String,
    database: String,
    server_version: u32,
    at: DateTime<Utc>,
    moment: Moment,
    summary: Summary,
    tables: Vec<SavedTable>,
    findings: Vec<SavedFinding>,
    withheld: Vec<SavedWithheld>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Summary {
    steps: BTreeMap<String, usize>,
    findings: BTreeMap<String, usize>,
    frees_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedTable {
    table: String,
    grid: String,
    fingerprint: String,
    partitions: usize,
    bytes: u64,
    runway: SavedRunway,
    lock_timeout_ms: u64,
    unattended: bool,
    steps: Vec<SavedStep>,
    findings: Vec<SavedFinding>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedRunway {
    kind: RunwayKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partitions: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RunwayKind {
    None,
    Until,
    Partitions,
    Endless,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedStep {
    kind: String,
    phase: SavedPhase,
    target: String,
    range: String,
    bound: Option<String>,
    reason: String,
    bytes: Option<u64>,
    rows: Option<u64>,
    locks: Vec<SavedLock>,
    actions: Vec<SavedAction>,
    undo: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SavedPhase {
    Finish,
    Create,
    Retire,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedLock {
    relation: String,
    mode: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedAction {
    transaction: bool,
    sql: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedFinding {
    code: String,
    name: String,
    severity: String,
    table: Option<String>,
    message: String,
    hint: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedWithheld {
    table: String,
    step: SavedStep,
}

/// Just enough to tell whose document it is.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u64,
}

/// Why a text is not a plan that can be read.
#[derive(Debug)]
pub enum SavedPlanError {
    /// No JSON object that says what it is.
    NotAPlan,
    /// Another format, such as a snapshot.
    OtherFormat(String),
    /// Written by another generation of partctl.
    OtherVersion(u64),
    /// Cut off or edited; with what is wrong and where.
    Damaged(serde_json::Error),
}

impl fmt::Display for SavedPlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAPlan => f.write_str("not a plan saved by partctl"),
            Self::OtherFormat(format) => write!(f, "format is `{}`, not `{FORMAT}`", format.escape_debug()),
            Self::OtherVersion(version) => {
                write!(f, "plan of version {version}, and this partctl reads version {VERSION}: plan again")
            }
            Self::Damaged(error) => write!(f, "saved plan is damaged: {error}"),
        }
    }
}

impl std::error::Error for SavedPlanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Damaged(error) => Some(error),
            Self::NotAPlan | Self::OtherFormat(_) | Self::OtherVersion(_) => None,
        }
    }
}

impl SavedPlan {
    /// The document of a plan, and of what was left out of it.
    pub fn from_plan(plan: &Plan, moment: Moment, withheld: &[Withheld]) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            partctl: env!("CARGO_PKG_VERSION").to_owned(),
            database: plan.database.clone(),
            server_version: plan.server_version,
            at: plan.at,
            moment,
            summary: Summary::of(plan),
            tables: plan.tables.iter().map(|table| SavedTable::of(table, plan.at)).collect(),
            findings: plan.findings.iter().map(SavedFinding::of).collect(),
            withheld: withheld.iter().map(SavedWithheld::of).collect(),
        }
    }

    /// Reads what [`SavedPlan::to_json`] wrote.
    ///
    /// # Errors
    /// When it is no such document, or of another version.
    pub fn from_json(text: &str) -> Result<Self, SavedPlanError> {
        let head: Head = match serde_json::from_str(text) {
            Ok(head) => head,
            Err(error) if error.is_data() => return Err(SavedPlanError::NotAPlan),
            Err(error) => return Err(SavedPlanError::Damaged(error)),
        };
        if head.format != FORMAT {
            return Err(SavedPlanError::OtherFormat(head.format));
        }
        if head.version != VERSION {
            return Err(SavedPlanError::OtherVersion(head.version));
        }
        serde_json::from_str(text).map_err(SavedPlanError::Damaged)
    }

    /// Indented JSON that ends with a newline.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("strings, numbers and lists always serialise");
        text.push('\n');
        text
    }

    /// The moment it was made for.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// Why it must not be carried out as it was read, one sentence each. Empty when the fresh plan takes exactly the
    /// same steps, with the same statements, in the same database, under the same policies.
    pub fn differences(&self, fresh: &Plan) -> Vec<String> {
        let mut moved = Vec::new();
        if self.moment == Moment::Simulated {
            moved.push(format!("it was simulated for {} with `--at`, and is only to be read", self.at));
        }
        if self.database != fresh.database {
            moved.push(format!("it is for database `{}`, and this is `{}`", self.database, fresh.database));
        }
        let fresh = Self::from_plan(fresh, Moment::Server, &[]);
        for table in &fresh.tables {
            match self.tables.iter().find(|saved| saved.table == table.table) {
                Some(saved) => saved.compare(table, &mut moved),
                None => {
                    moved.push(format!("{}: not in the saved plan", table.table));
                    moved.extend(table.steps.iter().map(|step| table.new_step(step)));
                }
            }
        }
        let gone = self.tables.iter().filter(|saved| fresh.tables.iter().all(|table| table.table != saved.table));
        moved.extend(gone.map(|saved| format!("{}: in the saved plan, and no policy manages it now", saved.table)));
        moved
    }
}

impl SavedTable {
    fn of(table: &TablePlan, at: DateTime<Utc>) -> Self {
        Self {
            table: table.table.to_string(),
            grid: table.grid.clone(),
            fingerprint: table.fingerprint.clone(),
            partitions: table.partitions,
            bytes: table.bytes,
            runway: SavedRunway::of(table.runway, at),
            lock_timeout_ms: u64::try_from(table.locks.timeout.as_millis()).unwrap_or(u64::MAX),
            unattended: table.unattended,
            steps: table.steps.iter().map(SavedStep::of).collect(),
            findings: table.findings.iter().map(SavedFinding::of).collect(),
        }
    }

    fn compare(&self, fresh: &Self, moved: &mut Vec<String>) {
        if self.fingerprint != fresh.fingerprint {
            moved.push(format!("policy of {} changed", self.table));
        }
        let mut left: Vec<&SavedStep> = self.steps.iter().collect();
        for step in &fresh.steps {
            match left.iter().position(|saved| saved.kind == step.kind && saved.target == step.target) {
                Some(at) if left.remove(at).actions == step.actions => {}
                Some(_) => moved.push(format!("{}: step {step} would run other statements", self.table)),
                None => moved.push(self.new_step(step)),
            }
        }
        moved.extend(left.iter().map(|step| format!("{}: step {step} is no longer needed", self.table)));
    }

    fn new_step(&self, step: &SavedStep) -> String {
        format!("{}: new step {step}", self.table)
    }
}

/// As sentences quote it.
impl fmt::Display for SavedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{} {}`", self.kind, self.target)
    }
}

impl Summary {
    fn of(plan: &Plan) -> Self {
        let kinds = [StepKind::Finalize, StepKind::Record, StepKind::Create, StepKind::Detach, StepKind::Drop];
        let severities = [Severity::Error, Severity::Warning, Severity::Info];
        let having = |severity| plan.findings().filter(|finding| finding.code.severity == severity).count();
        Self {
            steps: kinds.map(|kind| (kind.as_str().to_owned(), plan.count(kind))).into(),
            findings: severities.map(|severity| (severity.as_str().to_owned(), having(severity))).into(),
            frees_bytes: plan.frees_bytes(),
        }
    }
}

impl SavedRunway {
    fn of(runway: Runway, at: DateTime<Utc>) -> Self {
        let none = Self { kind: RunwayKind::None, until: None, seconds: None, partitions: None };
        match runway {
            Runway::None => none,
            Runway::Endless => Self { kind: RunwayKind::Endless, ..none },
            Runway::Partitions(count) => Self { kind: RunwayKind::Partitions, partitions: Some(count), ..none },
            Runway::Until(until) => Self {
                kind: RunwayKind::Until,
                until: Some(until),
                seconds: Some(until.signed_duration_since(at).num_seconds()),
                ..none
            },
        }
    }
}

impl SavedStep {
    fn of(step: &Step) -> Self {
        let (bytes, rows) = step.volume().map_or((None, None), |(bytes, rows)| (Some(bytes), rows));
        Self {
            kind: step.kind().as_str().to_owned(),
            phase: match step.phase() {
                Phase::Finish => SavedPhase::Finish,
                Phase::Create => SavedPhase::Create,
                Phase::Retire => SavedPhase::Retire,
            },
            target: step.target().to_string(),
            range: step.range().to_owned(),
            bound: match step {
                Step::Create(step) => Some(step.bound.to_string()),
                Step::Detach(step) => Some(step.bound.to_string()),
                Step::Finalize(_) | Step::Record(_) | Step::Drop(_) => None,
            },
            reason: step.reason().into_owned(),
            bytes,
            rows,
            locks: step.locks().iter().map(SavedLock::of).collect(),
            actions: step.actions().iter().map(SavedAction::of).collect(),
            undo: step.undo(),
        }
    }
}

impl SavedLock {
    fn of(lock: &Lock) -> Self {
        Self { relation: lock.relation.to_string(), mode: lock.mode.to_string() }
    }
}

impl SavedAction {
    fn of(action: &Action) -> Self {
        Self { transaction: matches!(action, Action::Transaction(_)), sql: action.statements().to_vec() }
    }
}

impl SavedFinding {
    fn of(finding: &Finding) -> Self {
        Self {
            code: finding.code.id.to_owned(),
            name: finding.code.name.to_owned(),
            severity: finding.code.severity.as_str().to_owned(),
            table: finding.table.as_ref().map(ToString::to_string),
            message: finding.message.clone(),
            hint: finding.hint.clone(),
        }
    }
}

impl SavedWithheld {
    fn of(withheld: &Withheld) -> Self {
        Self { table: withheld.table.to_string(), step: SavedStep::of(&withheld.step) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::plan::codes;
    use crate::plan::steps::{DropTable, RecordDetach};
    use crate::policy::Locks;
    use crate::sql::QualifiedName;

    fn name(table: &str) -> QualifiedName {
        QualifiedName::new("shop", table)
    }

    fn drop_step(table: &str, oid: u32) -> Step {
        Step::Drop(DropTable {
            table: name(table),
            oid,
            range: "2024-09-01 … 2024-10-01".to_owned(),
            reason: "grace over".to_owned(),
            bytes: 4_096,
            references: vec![name("customers")],
        })
    }

    fn plan() -> Plan {
        let at = "2026-11-21T03:00:00Z".parse().unwrap();
        let orders = TablePlan {
            table: name("orders"),
            fingerprint: "f00d".to_owned(),
            grid: "range at, 1 month".to_owned(),
            partitions: 31,
            bytes: 8_192,
            runway: Runway::Until("2026-11-22T03:00:00Z".parse().unwrap()),
            steps: vec![
                Step::Record(RecordDetach { table: name("orders_2024_08"), oid: 7, range: String::new() }),
                drop_step("orders_2024_09", 8),
            ],
            findings: vec![Finding::about(codes::HELD, &name("orders"), "orders_2023_01 is over, and held")],
            locks: Locks { timeout: Duration::from_millis(50), retry_for: Duration::from_secs(600) },
            unattended: false,
        };
        Plan {
            database: "appdb".to_owned(),
            at,
            server_version: 150_020,
            tables: vec![orders],
            findings: Vec::new(),
            questions: BTreeSet::new(),
        }
    }

    fn saved(plan: &Plan) -> SavedPlan {
        SavedPlan::from_json(&SavedPlan::from_plan(plan, Moment::Server, &[]).to_json()).unwrap()
    }

    #[test]
    fn the_document_says_what_it_is_and_all_that_a_reader_needs() {
        let document = SavedPlan::from_plan(&plan(), Moment::Server, &[]).to_json();
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
              "create": 0,
              "detach": 0,
              "drop": 1,
              "finalize": 0,
              "record": 1
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
                        "UPDATE partctl.detached_tables SET detached_at = clock_timestamp() WHERE relation = 7 AND dropped_at IS NULL"
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
                      "relation": "shop.orders_2024_09",
                      "mode": "ACCESS EXCLUSIVE"
                    },
                    {
                      "relation": "shop.customers",
                      "mode": "ACCESS EXCLUSIVE"
                    }
                  ],
                  "actions": [
                    {
                      "transaction": true,
                      "sql": [
                        "LOCK TABLE shop.orders_2024_09 IN ACCESS EXCLUSIVE MODE",
                        "DO $partctl$BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = 8 AND c.relname = 'orders_2024_09' AND c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'shop') AND NOT c.relispartition) THEN RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = 'partctl: shop.orders_2024_09 (oid 8) is no longer what was planned'; END IF; END$partctl$",
                        "DROP TABLE shop.orders_2024_09",
                        "UPDATE partctl.detached_tables SET dropped_at = clock_timestamp() WHERE relation = 8 AND dropped_at IS NULL"
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
          "findings": [],
          "withheld": []
        }
        "#);
    }

    #[test]
    fn what_was_saved_reads_back_whole() {
        let mut plan = plan();
        let withheld = plan.withhold(|_| false);
        for moment in [Moment::Server, Moment::Simulated] {
            let saved = SavedPlan::from_plan(&plan, moment, &withheld);
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
        let saved = SavedPlan::from_plan(&plan(), Moment::Simulated, &[]);
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
            "plan of version 2, and this partctl reads version 1: plan again"
        );
        assert_eq!(error(""), "saved plan is damaged: EOF while parsing a value at line 1 column 0");
        let document = SavedPlan::from_plan(&plan(), Moment::Server, &[]).to_json();
        let cut = &document[..document.len() / 2];
        assert!(error(cut).starts_with("saved plan is damaged: EOF while parsing"), "{}", error(cut));
        let edited = document.replacen("\"database\"", "\"datebase\"", 1);
        assert!(error(&edited).starts_with("saved plan is damaged: unknown field `datebase`"), "{}", error(&edited));
    }
}
