//! `partctl generate`: files and scripts for what stands around partctl. Needs no database.

use clap::{Args, Subcommand, ValueEnum};

use super::terminal::Terminal;
use super::{Ended, Global, context};
use crate::render::{ALERT_RULES, DASHBOARD, Duty, grants};
use crate::sql::Identifier;

/// Print scripts for what stands around partctl; needs no database
#[derive(Debug, Args)]
pub(super) struct Generate {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Grants(Grants),
    /// Alert rules for Prometheus, over the metrics of `--prometheus-textfile`
    PrometheusRules,
    /// A dashboard for Grafana, over the same metrics
    GrafanaDashboard,
}

/// The rights that partctl needs on the tables of the policies, and no more, as SQL
#[derive(Debug, Args)]
struct Grants {
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

impl Generate {
    pub(super) fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        match &self.what {
            What::Grants(asked) => return asked.run(global, terminal),
            What::PrometheusRules => terminal.out.write_all(ALERT_RULES.as_bytes())?,
            What::GrafanaDashboard => terminal.out.write_all(DASHBOARD.as_bytes())?,
        }
        Ok(None)
    }
}

impl Grants {
    fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let policies = context::policies(global, terminal)?;
        let role = Identifier::new(&self.role);
        let reader = || Identifier::new(format!("{}_reader", self.role));
        let duties = match self.duty {
            None => vec![(Duty::Plan, reader()), (Duty::Apply, role)],
            Some(DutyName::Plan) => vec![(Duty::Plan, role)],
            Some(DutyName::Apply) => vec![(Duty::Apply, role)],
        };
        let owner = self.owner.as_ref().map(Identifier::new);
        grants(&policies, &duties, owner.as_ref(), &mut terminal.out)?;
        Ok(None)
    }
}
