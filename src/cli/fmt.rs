//! `partctl fmt`: policy files in one layout.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::save_file::save_file;
use super::terminal::Terminal;
use super::{Ended, Global, context, policy_files};
use crate::failure::{Failure, FailureKind};
use crate::policy::{Formatted, Source, format};
use crate::render::{plain, problems};

/// Lay policy files out in one way; needs no database
///
/// Keys take the order of the reference, each level stands two spaces deeper, and comments stay with their keys. What a
/// policy means never changes: each file is read again before it is replaced, and where the layout is not certain it is
/// left as it is.
#[derive(Debug, Args)]
pub(super) struct Fmt {
    /// Files, or folders of *.yaml and *.yml files; `-` reads standard input and writes to standard output [default:
    /// those of --policies]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Change nothing, and exit with 2 when something would be changed
    #[arg(long)]
    check: bool,
}

impl Fmt {
    pub(super) fn run(&self, global: &Global, terminal: &mut Terminal) -> Ended {
        if self.paths.iter().any(|path| path.as_os_str() == "-") {
            return self.standard_input(terminal);
        }
        let paths = if self.paths.is_empty() { context::policy_paths(global) } else { self.paths.clone() };
        let sources = policy_files::read(&paths)?;
        if sources.is_empty() {
            return Err(policy_files::no_policy(&paths).into());
        }
        let (mut changed, mut failure) = (0, None);
        for source in &sources {
            let Some(Formatted { text, left }) = formatted(source, terminal)? else {
                failure = failure.max(Some(FailureKind::Policy));
                continue;
            };
            let path = plain(&source.path);
            tell_left(&path, &left, terminal)?;
            if text == source.text {
                continue;
            }
            changed += 1;
            if self.check {
                failure = failure.max(Some(FailureKind::Pending));
            } else {
                replace(Path::new(&source.path), &text)?;
            }
            if !global.quiet || self.check {
                writeln!(
                    terminal.out,
                    "{path} {}",
                    if self.check { "would be laid out anew" } else { "laid out anew" }
                )?;
            }
        }
        if !global.quiet && changed == 0 && failure.is_none() {
            let files =
                if sources.len() == 1 { "1 file is".to_owned() } else { format!("{} files are", sources.len()) };
            writeln!(terminal.out, "{files} laid out already")?;
        }
        Ok(failure)
    }

    fn standard_input(&self, terminal: &mut Terminal) -> Ended {
        if self.paths.len() > 1 {
            return Err(Failure::new(FailureKind::Usage, "`-` stands alone").into());
        }
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let source = Source { path: "standard input".to_owned(), text };
        let Some(Formatted { text, left }) = formatted(&source, terminal)? else {
            return Ok(Some(FailureKind::Policy));
        };
        tell_left(&source.path, &left, terminal)?;
        if self.check {
            return Ok((text != source.text).then_some(FailureKind::Pending));
        }
        terminal.out.write_all(text.as_bytes())?;
        Ok(None)
    }
}

/// What keeps the layout that it has, and why.
fn tell_left(path: &str, left: &[(usize, &'static str)], terminal: &mut Terminal) -> std::io::Result<()> {
    left.iter().try_for_each(|(line, why)| writeln!(terminal.err, "{path}:{line}: left as it is: {why}"))
}

/// The file laid out; `None` when it is no YAML, which has been told then.
fn formatted(source: &Source, terminal: &mut Terminal) -> anyhow::Result<Option<Formatted>> {
    match format(source) {
        Ok(formatted) => Ok(Some(formatted)),
        Err(found) => {
            problems::draw(&found, std::slice::from_ref(source), terminal.err_screen, &mut terminal.err)?;
            Ok(None)
        }
    }
}

/// Only what was read is replaced: a name that is no UTF-8 is not the one that it is shown as.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    if !path.is_file() {
        let failure = Failure::new(FailureKind::Policy, format!("cannot write `{}`", path.display()));
        let hint = if path.exists() {
            "it is no file: `-` reads standard input and writes to standard output"
        } else {
            "its name is no UTF-8: rename it"
        };
        return Err(failure.hint(hint).into());
    }
    save_file(path, text.as_bytes())
}
