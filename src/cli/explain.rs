//! `partctl explain`

use std::io::Read;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::terminal::Terminal;
use super::{Ended, Global, context, values};
use crate::failure::{Failure, FailureKind};
use crate::pruning::{Parameter, Tried};
use crate::render::{explain_human, explain_json};
use crate::run::{Execute, explain_query};

/// Say whether a query prunes, and if not, why, and what to write instead
///
/// The query is planned twice, for the values at hand and for all values, and not executed. There is one verdict for
/// each partitioned table in it, managed or not. Exit 3 when a table with more than one partition is read whole; with
/// `--strict` also when only a generic plan does so, or when it could not be tried. Names, dates and zones are read by
/// the role's own settings.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// One SELECT, INSERT, UPDATE, DELETE or MERGE, with $1 and so on for parameters; `-` reads standard input
    #[arg(value_name = "SQL", allow_hyphen_values = true)]
    sql: String,
    /// The value of $1, then of $2, and so on
    #[arg(long = "with", value_name = "VALUE", allow_hyphen_values = true)]
    with: Vec<String>,
    /// The type of $1, then of $2, as a driver would bind it; inferred from the query when not given
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Execute the query and roll back, to see what is never touched; sequences and the like do not roll back
    #[arg(long)]
    analyze: bool,
    /// The longest that `--analyze` may take
    #[arg(long, value_name = "TIME", default_value = "30 seconds", value_parser = values::elapsed)]
    timeout: Duration,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "human")]
    output: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For machines
    Json,
}

impl Explain {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        let sql = self.sql()?;
        let parameters = self.parameters()?;
        let session = context::session(global, terminal).await?;
        let execute = if self.analyze { Execute::Within(self.timeout) } else { Execute::Never };
        let explained = explain_query(&session, &sql, parameters, execute).await?;
        match self.output {
            Format::Human => explain_human(&explained, terminal.screen, &mut terminal.out)?,
            Format::Json => explain_json(&explained, &mut terminal.out)?,
        }
        let fails = explained.tables.iter().any(|table| table.fails());
        let doubts = |tried: &Tried| matches!(tried, Tried::Not(_));
        let warned = explained.tables.iter().any(|table| table.generic_fails() || doubts(&table.custom));
        Ok((fails || (global.strict && warned)).then_some(FailureKind::Findings))
    }

    fn sql(&self) -> anyhow::Result<String> {
        let mut text = self.sql.clone();
        if text == "-" {
            text.clear();
            std::io::stdin().read_to_string(&mut text).context("reading the query from standard input")?;
        }
        let sql = text.trim().trim_end_matches(';').trim_end();
        if sql.is_empty() {
            return Err(Failure::new(FailureKind::Usage, "the query is empty").into());
        }
        Ok(sql.to_owned())
    }

    fn parameters(&self) -> anyhow::Result<Vec<Parameter>> {
        if self.with.len() < self.types.len() {
            let message = format!("{} types are given for {} values", self.types.len(), self.with.len());
            return Err(Failure::new(FailureKind::Usage, message)
                .hint("give `--with VALUE` for each parameter")
                .into());
        }
        let types = self.types.iter().cloned().map(Some).chain(std::iter::repeat(None));
        let values = self.with.iter().cloned();
        Ok(values.zip(types).map(|(value, type_name)| Parameter { type_name, value }).collect())
    }
}
