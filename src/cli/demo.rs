//! `partctl demo`

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use clap::Args;
use tokio::process::Command;
use tokio_postgres::SimpleQueryMessage;

use super::terminal::Terminal;
use super::{Ended, Global};
use crate::db::connect::{Session, connect};
use crate::db::conninfo::{ConnSpec, Environment};
use crate::db::throwaway::{ServerOptions, ThrowawayServer};
use crate::pruning::explain;
use crate::run::Stop;

/// Show everything on a throwaway PostgreSQL server with a million rows, then remove it
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Leave the server running and say how to reach and stop it
    #[arg(long)]
    keep: bool,
}

/// The sample, as it stands in `policies/`.
const POLICIES: &[(&str, &str)] = &[
    ("customers.yaml", include_str!("../../policies/customers.yaml")),
    ("events.yaml", include_str!("../../policies/events.yaml")),
    ("orders.yaml", include_str!("../../policies/orders.yaml")),
];
const DATA: &str = include_str!("../../policies/demo.sql");
const DATABASE: &str = "demo";

/// An order of the month after next: nothing holds it before `apply`. The month is the server's.
const INSERT: &str = "insert into shop.orders (id, order_date, customer_id, amount) \
                      values (0, date_trunc('month', now()) + interval '2 months 5 days', 7, 19.90)";
const QUERY: &str = "select count(*) from shop.orders where order_date >= '{from}' and order_date < '{to}'";

/// Its month, and how many partitions there are.
const MONTH: &str = "SELECT pg_catalog.to_char(m, 'YYYY-MM-DD'), pg_catalog.to_char(m + interval '1 month', 'YYYY-MM-DD'), \
                     (SELECT pg_catalog.count(*) FROM pg_catalog.pg_inherits WHERE inhparent = 'shop.orders'::regclass) \
                     FROM (SELECT date_trunc('month', now()) + interval '2 months' AS m) next";

impl Demo {
    pub(super) async fn run(&self, _: &Global, terminal: &mut Terminal) -> Ended {
        let mut stop = Stop::listen().context("listening for signals")?;
        tokio::select! {
            ended = self.show(terminal) => ended.map(|()| None),
            // The server and the policies go away with the future that holds them.
            signal = stop.requested() => Ok(Some(signal.failure())),
        }
    }

    async fn show(&self, terminal: &mut Terminal) -> Result<()> {
        let folder =
            tempfile::Builder::new().prefix("partctl-demo-").tempdir().context("making a folder for the policies")?;
        let policies = folder.path().join("policies");
        std::fs::create_dir(&policies)?;
        for (name, text) in POLICIES {
            std::fs::write(policies.join(name), text)?;
        }
        say(terminal, "# A throwaway PostgreSQL server, and a million orders in it")?;
        let server = tokio::task::spawn_blocking(|| ThrowawayServer::start(ServerOptions::default())).await??;
        server.create_database(DATABASE, None).await?;
        server.run_script(DATABASE, DATA).await.context("loading the sample data")?;
        let major = server.installation().major();
        say(terminal, &format!("PostgreSQL {major} on a socket, the sample of policies/ loaded"))?;

        let stage = Stage { folder: folder.path(), url: server.url(DATABASE), session: open(&server).await? };
        say(terminal, "\n# The policies are checked without a database")?;
        stage.partctl(terminal, &["validate"]).await?;
        say(terminal, "\n# What would be done, and why")?;
        stage.partctl(terminal, &["plan"]).await?;
        say(terminal, "\n# An order of the month after next, before; and what a query for its month touches")?;
        stage.insert(terminal).await?;
        stage.query(terminal).await?;
        say(terminal, "\n# It is carried out")?;
        stage.partctl(terminal, &["apply", "--yes"]).await?;
        say(terminal, "\n# The same order and the same query, after")?;
        stage.insert(terminal).await?;
        stage.query(terminal).await?;
        say(terminal, "\n# A second run has nothing to do")?;
        stage.partctl(terminal, &["plan", "--check"]).await?;
        say(terminal, "\n# The same plan half a year from now")?;
        stage.partctl(terminal, &["plan", "--at", "+6 months"]).await?;
        stage.session.close().await;
        if self.keep {
            let policies = folder.keep().join("policies");
            let kept = server.keep(DATABASE);
            say(terminal, &format!("\nThe server stays at {}\nwith its policies in {}", kept.url, policies.display()))?;
            say(terminal, &format!("stop it with: {}", kept.stop_command))?;
        } else {
            drop(server);
            say(
                terminal,
                "\nThe server is stopped and everything is removed; `partctl demo --keep` leaves it to play with.",
            )?;
        }
        Ok(())
    }
}

/// Shows at once: what the child processes write must not overtake it.
fn say(terminal: &mut Terminal, line: &str) -> Result<()> {
    writeln!(terminal.out, "{line}")?;
    terminal.out.flush()?;
    Ok(())
}

async fn open(server: &ThrowawayServer) -> Result<Session> {
    let session = connect(&ConnSpec::resolve(Some(&server.url(DATABASE)), &Environment::from_process())?).await?;
    // Dates without an offset are Berlin's here, as the months of the sample are.
    session.client().batch_execute("SET TimeZone = 'Europe/Berlin'").await?;
    Ok(session)
}

/// Where the demo plays.
struct Stage<'a> {
    folder: &'a Path,
    url: String,
    session: Session,
}

impl Stage<'_> {
    /// Runs this very program as a user would, on the same terminal.
    async fn partctl(&self, terminal: &mut Terminal, arguments: &[&str]) -> Result<()> {
        let shown = arguments.iter().map(|argument| match argument.contains(' ') {
            true => format!("'{argument}'"),
            false => (*argument).to_owned(),
        });
        say(terminal, &format!("$ partctl {}", shown.collect::<Vec<_>>().join(" ")))?;
        let program = std::env::current_exe().context("finding this program")?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder).env("PARTCTL_DATABASE", &self.url).stdin(Stdio::null());
        let status = command.kill_on_drop(true).status().await.context("running partctl")?;
        anyhow::ensure!(status.success(), "partctl {} ended with {status}", arguments.join(" "));
        Ok(())
    }

    async fn insert(&self, terminal: &mut Terminal) -> Result<()> {
        say(terminal, &format!("sql> {INSERT}"))?;
        let said = match self.session.client().batch_execute(INSERT).await {
            Ok(()) => "INSERT 0 1".to_owned(),
            Err(error) => match error.as_db_error() {
                Some(refusal) => format!("ERROR:  {} ({})", refusal.message(), refusal.code().code()),
                None => return Err(error.into()),
            },
        };
        say(terminal, &said)
    }

    /// Asks the planner which partitions the query for that month reads, of how many.
    async fn query(&self, terminal: &mut Terminal) -> Result<()> {
        let client = self.session.client();
        let row =
            client.query_typed(MONTH, &[]).await?.into_iter().next().context("the server answered without a row")?;
        let query = QUERY.replace("{from}", row.try_get(0)?).replace("{to}", row.try_get(1)?);
        let partitions: i64 = row.try_get(2)?;
        say(terminal, &format!("sql> {query}"))?;
        let explained = client.simple_query(&format!("EXPLAIN (VERBOSE, FORMAT JSON, COSTS OFF) {query}")).await?;
        let text: String = explained
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            })
            .collect();
        let facts = explain::read(&text).map_err(anyhow::Error::msg)?;
        let touched: Vec<String> = facts.scanned.iter().map(|relation| relation.name.to_string()).collect();
        let colon = if touched.is_empty() { "" } else { ": " };
        say(terminal, &format!("touches {} of {partitions} partitions{colon}{}", touched.len(), touched.join(", ")))
    }
}
