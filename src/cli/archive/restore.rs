//! `partctl archive restore`

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;

use super::super::{Ended, Global, context};
use super::choose;
use crate::archive::{Destination, Progress, read_manifest};
use crate::catalog::{Bound, DetachedTable};
use crate::cli::progress::remark;
use crate::cli::reattach::attach_restored;
use crate::cli::terminal::Terminal;
use crate::cli::watch::Watch;
use crate::db::connect::Session;
use crate::db::read_catalog::read_catalog;
use crate::db::read_definition::find_table;
use crate::diff::remade_partition;
use crate::failure::{Failure, FailureKind};
use crate::manifest::Manifest;
use crate::plan::codes;
use crate::policy::Policy;
use crate::render::restoring;
use crate::run::{Model, Restored, Restoring, Stop, add_foreign_keys, install, restore};
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

pub(super) fn table_name(text: &str) -> Result<QualifiedName, String> {
    QualifiedName::parse(text).map_err(|error| error.to_string())
}

/// Where a restore begins.
enum Beginning {
    /// With a table to be made.
    Anew(Model),
    /// With one that an earlier try has made and not attached, by its oid.
    Attaching(u32),
}

impl Restore {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let mut stop = Stop::listen().context("listening for signals")?;
        let policies = match &self.attach {
            Some(_) => context::policies(global, terminal)?,
            None => Vec::new(),
        };
        let chosen = choose::meant(&self.archive, self.from.as_deref(), global, terminal).await?;
        let destination = Destination::existing(&chosen.destination)?;
        let manifest = read_manifest(&destination, &chosen.path).await?;
        let mut session = context::writable_session(&context::target(global, terminal)?).await?;
        let table = self.as_table.clone().unwrap_or_else(|| manifest.table.name.clone());
        let url = destination.url_of(&chosen.path);
        let model = match self.model(&mut session, &manifest, &table, (&url, &policies)).await? {
            Beginning::Anew(model) => model,
            Beginning::Attaching(oid) => {
                remark(&format!("{table} holds its rows already"), global.log_format, &mut terminal.err);
                return self.put_back(oid, (session, stop), (&manifest, &table, &policies), global, terminal).await;
            }
        };
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
            Model::Like(parent) | Model::Partition { parent, .. } => format!("like {parent}"),
            Model::Manifest => "as it was archived".to_owned(),
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
        let restored = restore(&making, &mut stop).await?;
        self.told(&restored, &table, &like, began.elapsed(), terminal)?;
        if self.attach.is_none() {
            return Ok(None);
        }
        self.put_back(restored.oid, (session, stop), (&manifest, &table, &policies), global, terminal).await
    }

    fn parent<'a>(&'a self, manifest: &'a Manifest) -> &'a QualifiedName {
        self.attach.as_ref().and_then(Option::as_ref).unwrap_or(&manifest.table.parent)
    }

    /// Attaches what holds its rows. The lock of runs is taken for the attaching alone: a large archive takes its time,
    /// and partitions are made meanwhile by whoever makes them.
    async fn put_back(
        &self,
        oid: u32,
        (session, mut stop): (Session, Stop),
        (manifest, table, policies): (&Manifest, &QualifiedName, &[Policy]),
        global: &Global,
        terminal: &mut Terminal,
    ) -> Ended {
        let parent = self.parent(manifest);
        let locks =
            policies.iter().find(|policy| policy.table == *parent).map(|policy| policy.locks).unwrap_or_default();
        add_foreign_keys(&session, table, parent, locks, &mut stop).await?;
        let mut watch = Watch::alone("archive restore");
        attach_restored(oid, session, policies, stop, global, terminal, &mut watch).await
    }

    fn told(
        &self,
        restored: &Restored,
        table: &QualifiedName,
        like: &str,
        took: Duration,
        terminal: &mut Terminal,
    ) -> Result<()> {
        let Restored { rows, remarks, .. } = restored;
        for remark in remarks {
            writeln!(terminal.out, "{} {remark}", codes::COLUMNS_CHANGED.id)?;
        }
        let took = crate::render::elapsed(took);
        writeln!(terminal.out, "{table} holds {rows} rows, compared with the archive, made {like}, in {took}")?;
        // What follows may fail, and this stands all the same.
        Ok(terminal.out.flush()?)
    }

    /// What the table is made like; for a place in a partitioned table that is still free.
    async fn model(
        &self,
        session: &mut Session,
        manifest: &Manifest,
        table: &QualifiedName,
        (url, policies): (&str, &[Policy]),
    ) -> Result<Beginning> {
        let parent = self.parent(manifest);
        if self.attach.is_some() {
            let unreadable = |_| Failure::new(FailureKind::Findings, "the archive's bound cannot be read");
            let bound: Bound = manifest.table.bound.text.parse().map_err(unreadable)?;
            // The hold that keeps retention from it is written there.
            install(session.client_mut()).await?;
            let snapshot = read_catalog(session, policies).await?;
            let made = |entry: &&DetachedTable| entry.name == *table && entry.parent == *parent && !entry.attached;
            if let Some(entry) = snapshot.ledger.detached().iter().find(made)
                && snapshot.ledger.restored().iter().any(|restored| restored.oid == entry.oid && restored.from == url)
            {
                return Ok(Beginning::Attaching(entry.oid));
            }
            let statements = remade_partition(parent, table, &bound, policies, &snapshot)?;
            return Ok(Beginning::Anew(Model::Partition { statements, parent: parent.clone() }));
        }
        if self.as_it_was || find_table(session.client(), parent).await?.is_none() {
            return Ok(Beginning::Anew(Model::Manifest));
        }
        Ok(Beginning::Anew(Model::Like(parent.clone())))
    }
}
