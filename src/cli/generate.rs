//! `partctl generate`: files and scripts for what stands around partctl. Needs no database.

mod deploy;
mod grants;
mod manual;
mod schema;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, CommandFactory, Subcommand};
use clap_complete::Shell;

use self::deploy::{Cron, GithubAction, Kubernetes, Systemd};
use self::grants::Grants;
use self::schema::Schema;
use super::save_file::{make_folder, save_file};
use super::terminal::Terminal;
use super::{Cli, Ended, Global};
use crate::render::{ALERT_RULES, DASHBOARD};

/// Print files and scripts for what stands around partctl; needs no database
#[derive(Debug, Args)]
pub(super) struct Generate {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What a shell needs to complete commands and options
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// The manual: its first page, or with `--to` a page for every command
    Man {
        /// Write the pages into this folder
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
    },
    Systemd(Systemd),
    Cron(Cron),
    Kubernetes(Kubernetes),
    GithubAction(GithubAction),
    Grants(Grants),
    Schema(Schema),
    /// Alert rules for Prometheus, over the metrics of `--prometheus-textfile`
    PrometheusRules,
    /// A dashboard for Grafana, over the same metrics
    GrafanaDashboard,
}

impl Generate {
    pub(super) fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let out = &mut terminal.out;
        match &self.what {
            What::Completions { shell } => out.write_all(&completions(*shell))?,
            What::Man { to: None } => out.write_all(&manual::first_page()?)?,
            What::Man { to: Some(folder) } => manual::write_pages(folder)?,
            What::Systemd(asked) => asked.run(global, terminal)?,
            What::Cron(asked) => asked.run(global, terminal)?,
            What::Kubernetes(asked) => asked.run(global, terminal)?,
            What::GithubAction(asked) => asked.run(global, terminal)?,
            What::Grants(asked) => asked.run(global, terminal)?,
            What::Schema(asked) => asked.run(out)?,
            What::PrometheusRules => out.write_all(ALERT_RULES.as_bytes())?,
            What::GrafanaDashboard => out.write_all(DASHBOARD.as_bytes())?,
        }
        Ok(None)
    }
}

/// Into memory: clap_complete panics where its output cannot be written.
fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "partctl", &mut script);
    script
}

/// Writes files into a folder, which is made when it is missing.
fn write_into<'a>(folder: &Path, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<()> {
    make_folder(folder)?;
    files.into_iter().try_for_each(|(name, content)| save_file(&folder.join(name), content))
}
