//! `partctl generate schema`

use std::io::Write;

use anyhow::Result;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::render::SCHEMAS;

/// The JSON Schema of policies, for completion and hints in editors, or of an output
///
/// An editor with the YAML language server takes it from the first line of a policy file:
/// `# yaml-language-server: $schema=policy.schema.json`
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// What is described
    #[arg(value_name = "WHAT", default_value = "policy", value_parser = described())]
    what: String,
}

fn described() -> PossibleValuesParser {
    SCHEMAS.iter().map(|described| PossibleValue::new(described.name).help(described.about)).collect::<Vec<_>>().into()
}

impl Schema {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let described = SCHEMAS.iter().find(|described| described.name == self.what).expect("clap takes no other");
        serde_json::to_writer_pretty(&mut *out, &described.schema())?;
        Ok(writeln!(out)?)
    }
}
