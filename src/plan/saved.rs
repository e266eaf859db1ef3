//! A plan as a JSON document: what `-o json` prints, and what a reviewer keeps until `apply` takes it up again.
//!
//! The SQL in the document is there to be read and compared. It is never executed: `apply` plans anew, and carries
//! that plan out only when it is the very same.

mod document;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Plan;
use crate::json_document::{DocumentError, Format};
use document::{SavedFinding, SavedTable, Summary};

const FORMAT: Format = Format { name: "partctl-plan", version: 1, noun: "plan" };

/// What the plan's moment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The server's clock when the catalog was read.
    Server,
    /// Another time, given with `--at`: a plan to look at, never to carry out.
    Simulated,
}

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    #[schemars(extend("const" = FORMAT.name))]
    format: String,
    #[schemars(extend("const" = FORMAT.version))]
    version: u64,
    partctl: String,
    database: String,
    server_version: u32,
    at: DateTime<Utc>,
    moment: Moment,
    summary: Summary,
    tables: Vec<SavedTable>,
    findings: Vec<SavedFinding>,
}

impl SavedPlan {
    /// The document of a plan.
    pub fn from_plan(plan: &Plan, moment: Moment) -> Self {
        Self {
            format: FORMAT.name.to_owned(),
            version: FORMAT.version,
            partctl: env!("CARGO_PKG_VERSION").to_owned(),
            database: plan.database.clone(),
            server_version: plan.server_version,
            at: plan.at,
            moment,
            summary: Summary::of(plan),
            tables: plan.tables.iter().map(|table| SavedTable::of(table, plan.at)).collect(),
            findings: plan.findings.iter().map(SavedFinding::of).collect(),
        }
    }

    /// Reads what [`SavedPlan::to_json`] wrote.
    ///
    /// # Errors
    /// When it is no such document, or of another version.
    pub fn from_json(text: &str) -> Result<Self, DocumentError> {
        FORMAT.read(text)
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
        let fresh = Self::from_plan(fresh, Moment::Server);
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
