//! `partctl generate grants`

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::cli::terminal::Terminal;
use crate::cli::{Global, context};
use crate::render::{Duty, grants};
use crate::sql::Identifier;

/// The rights that partctl needs on the tables of the policies, and no more, as SQL
#[derive(Debug, Args)]
pub(super) struct Grants {
    /// The role that is granted to; one that only plans is called so with `_reader` behind it, unless `--for` names it
    #[arg(long, value_name = "NAME", default_value = "partctl")]
    role: String,
    /// What the role is for; both when not given
    #[arg(long = "for", value_name = "DUTY")]
    duty: Option<DutyName>,
    /// The owner of all tables; looked up where the script runs when not given
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DutyName {
    /// `plan`, `check`, `status` and `history`
    Plan,
    /// All of that, and `apply`
    Apply,
}

impl Grants {
    pub(super) fn run(&self, global: &Global, terminal: &mut Terminal) -> Result<()> {
        let policies = context::policies(global, terminal)?;
        let role = Identifier::new(&self.role);
        let reader = || Identifier::new(format!("{}_reader", self.role));
        let duties = match self.duty {
            None => vec![(Duty::Plan, reader()), (Duty::Apply, role)],
            Some(DutyName::Plan) => vec![(Duty::Plan, role)],
            Some(DutyName::Apply) => vec![(Duty::Apply, role)],
        };
        let owner = self.owner.as_ref().map(Identifier::new);
        Ok(grants(&policies, &duties, owner.as_ref(), &mut terminal.out)?)
    }
}
