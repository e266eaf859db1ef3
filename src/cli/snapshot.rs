//! `partctl snapshot`

use std::path::PathBuf;

use clap::Args;

use super::save_file::save_file;
use super::terminal::Terminal;
use super::{Ended, Global, context};
use crate::policy::mentioned;
use crate::run::take_snapshot;

/// The catalog as a file, for `plan --catalog`: to plan where there is no database, and for bug reports
///
/// Holds what the catalog says of every partitioned table, and what the policies at hand ask beyond it: names, bounds,
/// sizes, counts. Never a row's content.
#[derive(Debug, Args)]
pub(super) struct Snapshot {
    /// Write it to this file, whole or not at all
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Replace every name and list value that the policies do not mention by a made-up word
    #[arg(long)]
    redact: bool,
}

impl Snapshot {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let policies = context::any_policies(global, terminal)?;
        let session = context::session(global, terminal).await?;
        let mut dump = take_snapshot(&session, &policies).await?;
        if self.redact {
            dump = dump.redacted(&mentioned(&policies));
        }
        match &self.save {
            None => terminal.out.write_all(dump.to_json().as_bytes())?,
            Some(path) => {
                save_file(path, dump.to_json().as_bytes())?;
                if !global.quiet {
                    writeln!(terminal.err, "saved to {}", path.display())?;
                }
            }
        }
        Ok(None)
    }
}
