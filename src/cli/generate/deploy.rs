//! `partctl generate systemd|cron|kubernetes|github-action`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::write_into;
use crate::cli::Global;
use crate::cli::terminal::Terminal;
use crate::render::{Deployment, cron_line, github_workflow, kubernetes_cron_job, systemd_units};

/// Units for systemd: a service under an account of its own, a timer, and what is started when the service fails
#[derive(Debug, Args)]
pub(super) struct Systemd {
    #[command(flatten)]
    job: Job,
    #[command(flatten)]
    host: HostOptions,
    /// When it runs, as OnCalendar= takes it
    #[arg(long, value_name = "CALENDAR", default_value = "*-*-* 03:15")]
    on_calendar: String,
    /// Write the units into this folder
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

/// A file for /etc/cron.d
#[derive(Debug, Args)]
pub(super) struct Cron {
    #[command(flatten)]
    job: Job,
    #[command(flatten)]
    host: HostOptions,
    #[command(flatten)]
    when: Schedule,
}

/// A CronJob for Kubernetes
#[derive(Debug, Args)]
pub(super) struct Kubernetes {
    #[command(flatten)]
    job: Job,
    #[command(flatten)]
    when: Schedule,
    /// The image to run
    #[arg(long, value_name = "IMAGE", default_value = concat!("partctl:", env!("CARGO_PKG_VERSION")))]
    image: String,
}

/// A workflow for GitHub: policies are judged in pull requests, with the plan as a summary
#[derive(Debug, Args)]
pub(super) struct GithubAction {
    /// The shell command that installs partctl
    #[arg(long, value_name = "COMMAND", default_value = "cargo install --locked partctl")]
    install: String,
}

/// What every run is given.
#[derive(Debug, Args)]
struct Job {
    /// When the run stops trying for locks
    #[arg(long, value_name = "TIME", default_value = "20 minutes")]
    deadline: String,
    /// Where each run writes its metrics
    #[arg(long, value_name = "FILE")]
    prometheus_textfile: Option<String>,
}

/// What a machine has, and a container has not.
#[derive(Debug, Args)]
struct HostOptions {
    /// The program
    #[arg(long, value_name = "PATH", default_value = "/usr/bin/partctl")]
    program: String,
    /// The account that it runs under
    #[arg(long, value_name = "NAME", default_value = "partctl")]
    user: String,
    /// A file of NAME=value lines, such as PARTCTL_DATABASE=service=shop
    #[arg(long, value_name = "FILE", default_value = "/etc/partctl/environment")]
    environment: String,
}

/// When it runs.
#[derive(Debug, Args)]
struct Schedule {
    /// When it runs, as cron takes it
    #[arg(long, value_name = "CRON", default_value = "15 3 * * *")]
    schedule: String,
}

/// Where policies lie on a machine or in a container, unless `--policies` says otherwise.
const POLICIES: &str = "/etc/partctl/policies";

fn policies(global: &Global, otherwise: &str) -> Vec<String> {
    match global.policies.as_slice() {
        [] => vec![otherwise.to_owned()],
        paths => paths.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
    }
}

impl Job {
    fn deployment<'a>(&'a self, policies: &'a [String], host: Option<&'a HostOptions>) -> Deployment<'a> {
        Deployment {
            program: host.map_or("partctl", |host| &host.program),
            policies,
            deadline: &self.deadline,
            textfile: self.prometheus_textfile.as_deref(),
            user: host.map_or("", |host| &host.user),
            environment: host.map_or("", |host| &host.environment),
        }
    }
}

impl Systemd {
    pub(super) fn run(&self, global: &Global, terminal: &mut Terminal) -> Result<()> {
        let policies = policies(global, POLICIES);
        let units = systemd_units(&self.job.deployment(&policies, Some(&self.host)), &self.on_calendar);
        if let Some(folder) = &self.to {
            return write_into(folder, units.iter().map(|(name, text)| (*name, text.as_bytes())));
        }
        let texts: Vec<&str> = units.iter().map(|(_, text)| text.as_str()).collect();
        Ok(terminal.out.write_all(texts.join("\n").as_bytes())?)
    }
}

impl Cron {
    pub(super) fn run(&self, global: &Global, terminal: &mut Terminal) -> Result<()> {
        let policies = policies(global, POLICIES);
        let line = cron_line(&self.job.deployment(&policies, Some(&self.host)), &self.when.schedule);
        Ok(terminal.out.write_all(line.as_bytes())?)
    }
}

impl Kubernetes {
    pub(super) fn run(&self, global: &Global, terminal: &mut Terminal) -> Result<()> {
        let policies = policies(global, POLICIES);
        let job = kubernetes_cron_job(&self.job.deployment(&policies, None), &self.when.schedule, &self.image);
        Ok(terminal.out.write_all(job.as_bytes())?)
    }
}

impl GithubAction {
    pub(super) fn run(&self, global: &Global, terminal: &mut Terminal) -> Result<()> {
        let policies = policies(global, crate::cli::policy_files::DEFAULT_PATH);
        let workflow = github_workflow(&policies, &self.install);
        Ok(terminal.out.write_all(workflow.as_bytes())?)
    }
}
