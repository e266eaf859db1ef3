//! What the user typed. One file per command: its arguments, whose doc comments are the help, and one function that
//! wires rooms together. This is the only room that knows a terminal.

mod apply;
mod archive;
mod carry_out;
mod check;
mod confirm;
mod context;
mod demo;
mod explain;
mod explain_code;
mod fmt;
mod generate;
mod history;
mod import;
mod init;
mod plan;
mod policy_files;
mod progress;
mod reattach;
mod report;
mod report_page;
mod save_file;
mod simulate;
mod snapshot;
mod status;
mod terminal;
mod usage;
mod validate;
mod values;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::failure::FailureKind;
use crate::plan::{Finding, Severities, Severity};
use crate::policy::{code_of_severity, severity_called};
use crate::render::ServiceState;
use terminal::{ColourChoice, Terminal};

/// How a command ended: `Ok(None)` is exit 0; a kind without an error has been told to the user already.
type Ended = anyhow::Result<Option<FailureKind>>;

/// Declarative partition management for PostgreSQL.
///
/// Policies say which partitions of a table must exist, for how long, and what becomes of the old ones. `plan` shows
/// what would be done, `apply` does it, and neither holds a lock that anyone notices.
#[derive(Debug, Parser)]
#[command(name = "partctl", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Common options")]
struct Global {
    /// Policy files, or folders of them; `policies/` when not given
    #[arg(long, global = true, value_name = "PATH")]
    policies: Vec<PathBuf>,
    /// Connection string, as a URL or `key=value` pairs
    ///
    /// Without it: PARTCTL_DATABASE, then DATABASE_URL, then libpq's PG* variables, service file and password file.
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// Only policies whose `schema.table` matches, such as `shop.*`; may be given several times
    #[arg(long, global = true, value_name = "GLOB")]
    only: Vec<String>,
    /// Let warnings fail as errors do, with exit 3, and with 4 where policies are judged
    #[arg(long, global = true)]
    strict: bool,
    /// Let a finding matter more or less than usual, such as `PT120=error`; goes before the policies' own `severity`
    ///
    /// Levels are error, warning and info. What was refused stays refused. May be given several times.
    #[arg(long, global = true, value_name = "CODE=LEVEL", value_parser = severity)]
    severity: Vec<(&'static str, Severity)>,
    /// Say only what needs a person
    #[arg(long, short, global = true)]
    quiet: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColourChoice,
    /// How progress is logged when standard error is not a terminal
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human")]
    log_format: progress::LogFormat,
}

#[derive(Debug, Subcommand)]
enum Command {
    Validate(validate::Validate),
    Fmt(fmt::Fmt),
    Plan(plan::Plan),
    Apply(apply::Apply),
    Check(check::Check),
    Status(status::Status),
    Reattach(reattach::Reattach),
    Archive(archive::Archive),
    Explain(explain::Explain),
    History(history::History),
    Simulate(simulate::Simulate),
    Report(report_page::Report),
    Snapshot(snapshot::Snapshot),
    Import(import::Import),
    Init(init::Init),
    Generate(generate::Generate),
    Demo(demo::Demo),
}

/// Reads `CODE=LEVEL`.
fn severity(text: &str) -> Result<(&'static str, Severity), String> {
    let (code, level) = text.split_once('=').ok_or("write it as in `PT120=error`")?;
    let code = code_of_severity(code.trim()).map_err(|(why, hint)| match hint {
        Some(hint) => format!("{why}: {hint}"),
        None => why,
    })?;
    let severity = severity_called(level.trim());
    Ok((code, severity.ok_or_else(|| format!("`{level}` is no severity: write `error`, `warning` or `info`"))?))
}

impl Global {
    /// What the command line says of severities.
    fn severities(&self) -> Severities {
        let mut severities = Severities::default();
        self.severity.iter().for_each(|(code, severity)| severities.set(code, *severity));
        severities
    }

    /// How a command ends that would end so, given what it found.
    fn judge<'a>(
        &self,
        failure: Option<FailureKind>,
        mut findings: impl Iterator<Item = &'a Finding>,
    ) -> Option<FailureKind> {
        let warned = self.strict && findings.any(|finding| finding.severity == Severity::Warning);
        failure.max(warned.then_some(FailureKind::Findings))
    }
}

/// Runs the command line and says how it ended.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let arguments: Vec<String> = std::env::args_os().map(|one| one.to_string_lossy().into_owned()).collect();
            let told = usage::tell(&error, &arguments, &mut std::io::stderr());
            return ExitCode::from(told.map_or(0, FailureKind::exit_code));
        }
    };
    let mut terminal = Terminal::new(cli.global.color);
    let ended = run(&cli, &mut terminal);
    let ended = ended.and_then(|kind| terminal.out.flush().map(|()| kind).map_err(Into::into));
    let kind = ended.unwrap_or_else(|error| Some(report::report(&error, cli.global.log_format, &mut terminal.err)));
    let exit_code = || kind.map_or(0, FailureKind::exit_code);
    ExitCode::from(terminal.service_state.map_or_else(exit_code, ServiceState::exit_code))
}

fn run(cli: &Cli, terminal: &mut Terminal) -> Ended {
    let global = &cli.global;
    match &cli.command {
        Command::Validate(command) => validate::run(command, global, terminal.screen, &mut terminal.out),
        Command::Fmt(command) => command.run(global, terminal),
        Command::Plan(command) => context::block_on(command.run(global, terminal)),
        Command::Apply(command) => context::block_on(command.run(global, terminal)),
        Command::Check(command) => context::block_on(command.run(global, terminal)),
        Command::Status(command) => context::block_on(command.run(global, terminal)),
        Command::Reattach(command) => context::block_on(command.run(global, terminal)),
        Command::Archive(command) => context::block_on(command.run(global, terminal)),
        Command::Explain(command) => context::block_on(command.run(global, terminal)),
        Command::History(command) => context::block_on(command.run(global, terminal)),
        Command::Simulate(command) => context::block_on(command.run(global, terminal)),
        Command::Report(command) => context::block_on(command.run(global, terminal)),
        Command::Snapshot(command) => context::block_on(command.run(global, terminal)),
        Command::Generate(command) => command.run(global, terminal),
        Command::Import(command) => context::block_on(command.run(global, terminal)),
        Command::Init(command) => context::block_on(command.run(global, terminal)),
        Command::Demo(command) => context::block_on(command.run(global, terminal)),
    }
}
