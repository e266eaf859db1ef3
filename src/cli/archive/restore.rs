//! `partctl archive restore`

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;

use super::super::{Ended, Global, context};
use super::choose;
use crate::archive::{Destination, Progress, read_manifest};
use crate::cli::progress::remark;
use crate::cli::terminal::Terminal;
use crate::db::connect::Session;
use crate::db::read_definition::find_table;
use crate::manifest::Manifest;
use crate::render::restoring;
use crate::run::{Model, Restored, Restoring, Stop, restore};
use crate::sql::QualifiedName;

/// How often it is told how far it is.
const TELL_AGAIN: Duration = Duration::from_secs(5);

/// Make a table of an archive's rows, beside what there is or back in its old place
///
/// Rows come in over one connection in constant memory, are read out again, and are compared with the archive before
/// anybody sees them. The table is made like today's parent: columns are matched by name, added ones get their default,
/// dropped ones are told of. It takes the archive and a server, and no ledger.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["as_table", "attach"]).multiple(true))]
pub(super) struct Restore {
    /// The archive: its number, its partition (then the newest one of it), or its URL
    #[arg(value_name = "ARCHIVE")]
    archive: String,
    /// The table to make, with its schema
    #[arg(long = "as", value_name = "TABLE", value_parser = table_name)]
    as_table: Option<QualifiedName>,
    /// Make it what was archived, rather than like the parent of today
    #[arg(long, requires = "as_table", conflicts_with = "attach")]
    as_it_was: bool,
    /// Attach it with its old bounds to the table that it was a partition of, or to this one
    #[arg(long, value_name = "PARENT", num_args = 0..=1, require_equals = true, value_parser = table_name)]
    attach: Option<Option<QualifiedName>>,
    /// Ask this destination rather than the ledger
    #[arg(long, value_name = "URL")]
    from: Option<String>,
}

fn table_name(text: &str) -> Result<QualifiedName, String> {
    QualifiedName::parse(text).map_err(|error| error.to_string())
}

impl Restore {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let mut stop = Stop::listen().context("listening for signals")?;
        let chosen = choose::meant(&self.archive, self.from.as_deref(), global, terminal).await?;
        let destination = Destination::existing(&chosen.destination)?;
        let manifest = read_manifest(&destination, &chosen.path).await?;
        let session = context::writable_session(&context::target(global, terminal)?).await?;
        let table = self.as_table.clone().unwrap_or_else(|| manifest.table.name.clone());
        let model = self.model(&session, &manifest).await?;
        let began = Instant::now();
        let said = Mutex::new(began);
        let (quiet, format) = (global.quiet, global.log_format);
        let progress = |Progress { rows, bytes }| {
            let mut said = said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if !quiet && TELL_AGAIN <= said.elapsed() {
                *said = Instant::now();
                let line = restoring(rows, bytes, manifest.rows, began.elapsed());
                remark(&format!("{table}: {line}"), format, &mut std::io::stderr());
            }
        };
        let like = match &model {
            Model::Like(parent) => format!("like {parent}"),
            Model::Manifest | Model::Partition { .. } => "as it was archived".to_owned(),
        };
        let making = Restoring {
            session: &session,
            destination: &destination,
            path: &chosen.path,
            manifest: &manifest,
            table: &table,
            model,
            progress: &progress,
        };
        let Restored { rows, remarks, .. } = restore(&making, &mut stop).await?;
        for remark in &remarks {
            writeln!(terminal.out, "{remark}")?;
        }
        let took = crate::render::elapsed(began.elapsed());
        writeln!(terminal.out, "{table} holds {rows} rows, compared with the archive, made {like}, in {took}")?;
        Ok(None)
    }

    async fn model(&self, session: &Session, manifest: &Manifest) -> Result<Model> {
        let parent = &manifest.table.parent;
        if self.as_it_was || find_table(session.client(), parent).await?.is_none() {
            return Ok(Model::Manifest);
        }
        Ok(Model::Like(parent.clone()))
    }
}
