//! `partctl import`: first policies, from what is there.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use anyhow::{Context as _, Result};
use chrono_tz::Tz;
use clap::Args;

use super::save_file::{make_folder, save_file};
use super::terminal::Terminal;
use super::{Ended, Global, context};
use crate::db::connect::Session;
use crate::db::read_catalog::read_everything;
use crate::db::read_partman::read_partman;
use crate::failure::{Failure, FailureKind};
use crate::import::{Draft, Drafted, explain, from_database, from_wishes, partman_wishes, ppm_wishes, unwritten};
use crate::plan::{Finding, Severity, TablePlan};
use crate::run::{Moment, make_plan};
use crate::sql::QualifiedName;

/// Write policies from what is there: live partitioned tables, pg_partman's settings, or ppm's
///
/// Each policy says what its table shows, and above it stands what it would do the first time; of most it is nothing. What
/// another tool was told and a policy cannot say is told there, too. Changes nothing in the database.
#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(flatten)]
    source: Source,
    /// Write a file for each table into this folder, instead of all to standard output
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Write over files that are there
    #[arg(long, requires = "to")]
    force: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// From every partitioned table; `--only` chooses
    #[arg(long)]
    from_database: bool,
    /// From pg_partman's part_config, 4.x and 5.x
    #[arg(long)]
    from_partman: bool,
    /// From the configuration of postgresql-partition-manager
    #[arg(long, value_name = "FILE")]
    from_ppm: Option<PathBuf>,
}

impl Import {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let wanted = context::only(&global.only)?;
        // Before connecting: the file may be no file.
        let from_file = self.source.from_ppm.as_deref().map(read_ppm).transpose()?;
        let session = context::session(global, terminal).await?;
        let zones = zones(&session).await?;
        let snapshot = read_everything(&session, &[]).await?;
        let mut drafted = match (from_file, self.source.from_partman) {
            (Some(wishes), _) => from_wishes(&wishes, &snapshot, &zones),
            (None, true) => from_wishes(&partman_wishes(&read_partman(session.client()).await?), &snapshot, &zones),
            (None, false) => from_database(&snapshot, &zones),
        };
        let is_wanted = |table: &QualifiedName| {
            wanted.is_empty() || wanted.iter().any(|pattern| pattern.matches(&table.to_string()))
        };
        drafted.retain(|drafted| is_wanted(table(drafted)));
        if drafted.is_empty() {
            return Err(Failure::new(FailureKind::Policy, "there is no table to write a policy for")
                .hint("`--only` chooses tables by `schema.table`; `partctl check` names those without a policy")
                .into());
        }
        let policies = drafted.iter().flatten().filter_map(|draft| draft.policy().ok()).collect::<Vec<_>>();
        let (_, plan) = make_plan(&session, &policies, Moment::Now).await?;
        let explained = |draft: &Draft| explain(&plan, &draft.table);
        let is_error = |finding: &Finding| finding.severity == Severity::Error;
        let converged = |table: &&TablePlan| table.steps.is_empty() && !table.findings.iter().any(is_error);
        let idle = plan.tables.iter().filter(converged).count();
        match &self.to {
            None => {
                let written = drafted.iter().map(|drafted| match drafted {
                    Ok(draft) => draft.text(&explained(draft)),
                    Err(table) => unwritten(table),
                });
                terminal.out.write_all(written.collect::<Vec<_>>().join("---\n").as_bytes())?;
            }
            Some(folder) => self.write_files(folder, &drafted, &explained, terminal)?,
        }
        if !global.quiet {
            let written = drafted.iter().flatten().count();
            let policies = if written == 1 { "policy" } else { "policies" };
            let mut said = format!("{written} {policies}, {idle} with nothing to do");
            match drafted.len() - written {
                0 => {}
                1 => said.push_str("; 1 table without one, and why"),
                without => said.push_str(&format!("; {without} tables without one, and why")),
            }
            writeln!(terminal.err, "{said}")?;
        }
        Ok(None)
    }

    /// One file for each table. Nothing is written when a file is there already.
    fn write_files(
        &self,
        folder: &Path,
        drafted: &[Drafted],
        explained: &dyn Fn(&Draft) -> Vec<String>,
        terminal: &mut Terminal,
    ) -> Result<()> {
        let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
        for drafted in drafted {
            match drafted {
                Ok(draft) => {
                    let file = free_name(folder, &draft.table, &files);
                    files.insert(file, draft.text(&explained(draft)));
                }
                Err(table) => write!(terminal.err, "{}", unwritten(table))?,
            }
        }
        let taken: Vec<String> =
            files.keys().filter(|file| file.exists()).map(|file| format!("`{}`", file.display())).collect();
        if !self.force && !taken.is_empty() {
            let failure = Failure::new(FailureKind::Refused, format!("there already: {}", taken.join(", ")));
            return Err(failure.hint("`--force` writes over them; nothing was written").into());
        }
        make_folder(folder)?;
        for (file, text) in &files {
            save_file(file, text.as_bytes())?;
            writeln!(terminal.out, "{}", file.display())?;
        }
        Ok(())
    }
}

fn table(drafted: &Drafted) -> &QualifiedName {
    match drafted {
        Ok(draft) => &draft.table,
        Err(unwritten) => &unwritten.table,
    }
}

/// A file that no other table has: names may differ in what a path cannot hold, or in case alone.
fn free_name(folder: &Path, table: &QualifiedName, files: &BTreeMap<PathBuf, String>) -> PathBuf {
    let plain = |name: &str| -> String {
        name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' }).collect()
    };
    let stem = format!("{}.{}", plain(table.schema.as_str()), plain(table.name.as_str())).to_lowercase();
    let named = |number: usize| match number {
        1 => folder.join(format!("{stem}.yaml")),
        number => folder.join(format!("{stem}.{number}.yaml")),
    };
    (1..).map(named).find(|file| !files.contains_key(file)).expect("there are enough numbers")
}

const PPM: &str = "name its file, such as `postgresql-partition-manager.yaml`";

fn read_ppm(file: &Path) -> Result<Vec<(QualifiedName, crate::import::Wish)>> {
    let text = std::fs::read_to_string(file).with_context(|| {
        Failure::new(FailureKind::Usage, format!("cannot read the configuration of ppm from `{}`", file.display()))
            .hint(PPM)
    })?;
    ppm_wishes(&text).map_err(|why| {
        Failure::new(FailureKind::Usage, format!("`{}` is no configuration of ppm: {why}", file.display()))
            .hint(PPM)
            .into()
    })
}

/// The zones that are tried first: UTC, and the one that the role's sessions have.
async fn zones(session: &Session) -> Result<Vec<Tz>> {
    let sql = "SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'TimeZone'";
    let rows = session.client().query_typed(sql, &[]).await.context("asking for the role's time zone")?;
    let name: Option<&str> = rows.first().and_then(|row| row.try_get(0).ok());
    let own = name.and_then(|name| Tz::from_str(name).ok());
    Ok([Some(Tz::UTC), own].into_iter().flatten().collect())
}
