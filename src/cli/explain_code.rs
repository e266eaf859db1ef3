//! `--explain`: what the id of a rule or a finding means. Needs neither policies nor a database.

use std::io;

use anyhow::Result;
use clap::Args;

use crate::failure::{Failure, FailureKind};
use crate::render::{Code, Screen, codes_json, every_code, explain_code, find_code, list_codes};

/// The option, for the commands that tell of such ids.
#[derive(Debug, Clone, Args)]
pub struct Explaining {
    /// Explain a rule or a finding, by its id or its name, and do nothing else; without a CODE list all of them
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "", value_parser = asked)]
    explain: Option<Asked>,
}

#[derive(Debug, Clone)]
enum Asked {
    All,
    One(Box<Code>),
}

fn asked(word: &str) -> Result<Asked, String> {
    if word.is_empty() {
        return Ok(Asked::All);
    }
    let unknown = "there is no such rule or finding; `--explain` alone lists them";
    find_code(word).map(|code| Asked::One(Box::new(code))).ok_or_else(|| unknown.to_owned())
}

/// How codes can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    ForPeople,
    AsJson,
    /// The command's format is none for codes.
    NotAtAll,
}

impl Explaining {
    /// Explains what was asked for, if anything was.
    ///
    /// # Errors
    /// [`FailureKind::Usage`] for a format that has no room for explanations, any other when `out` cannot be written to.
    pub(super) fn answer(&self, written: Written, screen: Screen, out: &mut dyn io::Write) -> Result<Answered> {
        let Some(asked) = &self.explain else { return Ok(Answered::NothingAsked) };
        match (written, asked) {
            (Written::NotAtAll, _) => {
                let failure = Failure::new(FailureKind::Usage, "`--explain` has no such output format");
                return Err(failure.hint("leave `-o` out, or write `-o json`").into());
            }
            (Written::AsJson, Asked::All) => codes_json(&every_code(), out)?,
            (Written::AsJson, Asked::One(code)) => codes_json(std::slice::from_ref(code), out)?,
            (Written::ForPeople, Asked::All) => list_codes(&every_code(), screen, out)?,
            (Written::ForPeople, Asked::One(code)) => explain_code(code, screen, out)?,
        }
        Ok(Answered::Explained)
    }
}

/// Whether anything is left to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    /// The command's own work.
    NothingAsked,
    /// No.
    Explained,
}
