//! JSON Schemas of what partctl reads and writes: policies for editors, outputs for those who read them by machine.
//!
//! A schema of an output is derived from the very structs that are written.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::{
    archives, check_report, explain_report, explanations, history_json, problems, run_json, simulation_json,
    status_json,
};
use crate::plan::SavedPlan;
use crate::policy;

/// Something that has a schema.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it is, as a fragment.
    pub about: &'static str,
    schema: fn() -> Value,
}

/// Everything that has a schema.
pub const SCHEMAS: &[Described] = &[
    Described { name: "policy", about: "a document of a policy file", schema: policy::schema },
    Described { name: "problems", about: "what `validate -o json` writes", schema: || output(problems::schema()) },
    Described { name: "plan", about: "what `plan -o json` and `plan --save` write", schema: plan },
    Described { name: "check", about: "what `check -o json` writes", schema: || output(check_report::schema()) },
    Described { name: "explain", about: "what `explain -o json` writes", schema: || output(explain_report::schema()) },
    Described { name: "status", about: "what `status -o json` writes", schema: || output(status_json::schema()) },
    Described { name: "history", about: "what `history -o json` writes", schema: || output(history_json::schema()) },
    Described {
        name: "run",
        about: "what `history RUN -o json` writes",
        schema: || output(history_json::run_schema()),
    },
    Described {
        name: "simulation",
        about: "what `simulate -o json` writes",
        schema: || output(simulation_json::schema()),
    },
    Described {
        name: "archives",
        about: "what `archive list -o json` and `archive verify -o json` write",
        schema: || output(archives::schema()),
    },
    Described {
        name: "codes",
        about: "what `check --explain -o json` writes",
        schema: || output(explanations::schema()),
    },
    Described {
        name: "report",
        about: "what `apply -o json` writes and `--notify` sends",
        schema: || output(run_json::schema()),
    },
];

impl Described {
    /// The schema, with a title.
    pub fn schema(&self) -> Value {
        let mut schema = (self.schema)();
        schema["title"] = format!("partctl {}", self.name).into();
        schema
    }
}

fn plan() -> Value {
    output(schema_of::<SavedPlan>())
}

/// The schema of a document as it is written: a key that may be left out is not required.
pub(super) fn schema_of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

fn output(schema: Schema) -> Value {
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::History;
    use crate::render::{history_json, plan_json, run_json, samples, status_json};

    fn of(name: &str) -> Value {
        SCHEMAS.iter().find(|described| described.name == name).unwrap().schema()
    }

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Value {
        let mut out = Vec::new();
        write(&mut out);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn every_schema_is_one_and_says_whose_format_it_is() {
        for described in SCHEMAS {
            let schema = described.schema();
            assert!(jsonschema::meta::is_valid(&schema), "{}", described.name);
            if described.name != "policy" {
                let format = schema["properties"]["format"]["const"].as_str();
                assert_eq!(format, Some(format!("partctl-{}", described.name).as_str()));
            }
            assert!(!jsonschema::is_valid(&schema, &serde_json::json!({})), "{}", described.name);
        }
    }

    #[test]
    fn what_is_written_is_as_its_schema_says() {
        let plan = samples::life_of_orders();
        let runs = samples::past_runs();
        for (name, document) in [
            ("plan", written(|out| plan_json(&samples::report(&plan), out).unwrap())),
            ("status", written(|out| status_json(&samples::overview(), out).unwrap())),
            ("run", written(|out| run_json(&runs[1], &samples::past_steps(), out).unwrap())),
            ("history", written(|out| history_json(&History::Runs(runs), out).unwrap())),
        ] {
            if let Err(error) = jsonschema::validate(&of(name), &document) {
                panic!("{name}: {error}");
            }
        }
    }
}
