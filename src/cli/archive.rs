//! `partctl archive`

mod choose;
mod delete;
mod list;
mod release;
mod restore;
mod verify;

use clap::{Args, Subcommand, ValueEnum};

use super::terminal::Terminal;
use super::{Ended, Global};
use crate::manifest::ListedArchive;
use crate::render::{archives_json, archives_markdown, archives_table};

/// What is archived: list it, read it back and compare, restore it, delete it
#[derive(Debug, Args)]
pub(super) struct Archive {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    Verify(verify::Verify),
    Restore(restore::Restore),
    Release(release::Release),
    Delete(delete::Delete),
}

/// `-o`
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For machines
    Json,
    /// For pull requests and tickets
    Markdown,
}

impl Archive {
    pub(super) async fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        match &self.command {
            Command::List(command) => command.run(global, terminal).await,
            Command::Verify(command) => command.run(global, terminal).await,
            Command::Restore(command) => command.run(global, terminal).await,
            Command::Release(command) => command.run(global, terminal).await,
            Command::Delete(command) => command.run(global, terminal).await,
        }
    }
}

fn tell(archives: &[ListedArchive], format: Format, terminal: &mut Terminal) -> std::io::Result<()> {
    match format {
        Format::Table => archives_table(archives, terminal.screen, &mut terminal.out),
        Format::Json => archives_json(archives, &mut terminal.out),
        Format::Markdown => archives_markdown(archives, &mut terminal.out),
    }
}
