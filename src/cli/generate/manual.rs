//! The manual: what `--help` says, as pages for `man`; the first page tells besides how runs end, and what is read.

use std::path::Path;

use anyhow::{Context, Result};
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::write_into;
use crate::cli::Cli;
use crate::failure::FailureKind;

/// How a run ends.
const ENDS: &[(Option<FailureKind>, &str)] = &[
    (None, "done, or nothing to do"),
    (Some(FailureKind::Unexpected), "unexpected failure"),
    (Some(FailureKind::Pending), "plan \\-\\-check: changes are pending"),
    (Some(FailureKind::Findings), "findings of severity error, a failed pruning check, or some tables failed"),
    (Some(FailureKind::Policy), "a policy is invalid, or does not fit its table"),
    (Some(FailureKind::Unreachable), "database unreachable, credentials refused, or the connection was lost"),
    (Some(FailureKind::Busy), "another run holds the lock"),
    (Some(FailureKind::Refused), "refused: stale plan, destruction not allowed, too much at once, standby"),
    (Some(FailureKind::LockTimeout), "locks not granted within the patience given"),
    (Some(FailureKind::Usage), "usage"),
    (Some(FailureKind::Interrupted), "interrupted by Ctrl-C"),
    (Some(FailureKind::Terminated), "interrupted by SIGTERM"),
];

/// In the language of the manual's pages.
const MORE: &str = "\
.PP
check \\-o nagios ends with the codes of plugins instead: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
.SH ENVIRONMENT
.TP
PARTCTL_DATABASE, DATABASE_URL, PG*
Where to connect, in this order, when \\-\\-database is not given; PG* as libpq takes them.
.TP
PARTCTL_NOTIFY, PARTCTL_HEARTBEAT
Stand for the options \\-\\-notify and \\-\\-heartbeat.
.TP
NO_COLOR
Turns colour off.
.SH FILES
.TP
policies/
Policies are looked for here when \\-\\-policies is not given.
.TP
~/.pgpass, ~/.pg_service.conf
Passwords and services, as libpq takes them.
";

fn command() -> Command {
    Cli::command().disable_help_subcommand(true)
}

/// `partctl(1)`
pub(super) fn first_page() -> Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command()).render(&mut page).context("writing the manual")?;
    page.extend_from_slice(b".SH \"EXIT STATUS\"\n");
    for (kind, meaning) in ENDS {
        let code = kind.map_or(0, FailureKind::exit_code);
        page.extend_from_slice(format!(".TP\n{code}\n{meaning}\n").as_bytes());
    }
    page.extend_from_slice(MORE.as_bytes());
    Ok(page)
}

/// A page for every command: `partctl.1`, `partctl-plan.1`, `partctl-generate-grants.1` ...
pub(super) fn write_pages(folder: &Path) -> Result<()> {
    write_into(folder, [])?;
    clap_mangen::generate_to(command(), folder)
        .with_context(|| format!("cannot write the manual into `{}`", folder.display()))?;
    write_into(folder, [("partctl.1", first_page()?.as_slice())])
}
