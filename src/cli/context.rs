//! What most commands begin with: policies that are valid, and a session on the right database.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use glob::Pattern;

use super::progress::{LogFormat, note, remark};
use super::terminal::Terminal;
use super::{Global, policy_files};
use crate::catalog::Dump;
use crate::db::connect::{Session, connect, refuse_pooling};
use crate::db::conninfo::{ConnSpec, Environment};
use crate::failure::{Failure, FailureKind};
use crate::policy::{Policy, check_with};
use crate::render::problems;

/// Runs a command's future on the one runtime of the process.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("starting the runtime")?.block_on(future)
}

/// Where policies are looked for.
pub(super) fn policy_paths(global: &Global) -> Vec<PathBuf> {
    if global.policies.is_empty() { vec![PathBuf::from(policy_files::DEFAULT_PATH)] } else { global.policies.clone() }
}

/// The policies that `--policies` and `--only` choose. Problems are drawn on standard error.
///
/// # Errors
/// [`FailureKind::Policy`] when there is any problem in any file: half a set of policies is never carried out.
pub(super) fn policies(global: &Global, terminal: &mut Terminal) -> Result<Vec<Policy>> {
    let paths = policy_paths(global);
    let sources = policy_files::read(&paths)?;
    let queries = policy_files::query_files(&sources);
    let checked = check_with(&sources, &queries);
    if !checked.problems.is_empty() {
        let sources = [sources, queries.sources()].concat();
        match global.log_format {
            LogFormat::Human => {
                problems::draw(&checked.problems, &sources, terminal.err_screen, &mut terminal.err)?;
            }
            LogFormat::Json => {
                for problem in problems::items(&checked.problems, &sources) {
                    note("problem", &problem, &mut terminal.err);
                }
            }
        }
        let hint = checked.problems.first().map(|problem| problem.rule.id).unwrap_or_default();
        let failure = Failure::new(FailureKind::Policy, "the policies are not valid, nothing was done");
        return Err(failure.hint(format!("`partctl validate --explain {hint}` says what a rule is for")).into());
    }
    let wanted = only(&global.only)?;
    let chosen =
        |policy: &Policy| wanted.is_empty() || wanted.iter().any(|pattern| pattern.matches(&policy.table.to_string()));
    if checked.policies.is_empty() {
        return Err(policy_files::no_policy(&paths).into());
    }
    let tables: Vec<String> = checked.policies.iter().map(|policy| policy.table.to_string()).collect();
    let mut policies: Vec<Policy> = checked.policies.into_iter().filter(chosen).collect();
    for policy in &mut policies {
        policy.severities = std::mem::take(&mut policy.severities).overridden_by(&global.severities());
    }
    if policies.is_empty() {
        let message = format!("no policy matches {}", global.only.join(", "));
        let hint = format!("there are policies for {}", tables.join(", "));
        return Err(Failure::new(FailureKind::Policy, message).hint(hint).into());
    }
    Ok(policies)
}

/// The same; none where no `--policies` are given and there is no default folder.
///
/// # Errors
/// Those of [`policies`].
pub(super) fn any_policies(global: &Global, terminal: &mut Terminal) -> Result<Vec<Policy>> {
    if global.policies.is_empty() && !PathBuf::from(policy_files::DEFAULT_PATH).exists() {
        return Ok(Vec::new());
    }
    policies(global, terminal)
}

/// The snapshot in a file.
///
/// # Errors
/// [`FailureKind::Usage`] for a file that is none.
pub(super) fn dump(path: &Path) -> Result<Dump> {
    let failure =
        |message: String| Failure::new(FailureKind::Usage, message).hint("`partctl snapshot --save FILE` makes one");
    let text = std::fs::read_to_string(path)
        .with_context(|| failure(format!("cannot read the snapshot `{}`", path.display())))?;
    Dump::from_json(&text).map_err(|error| failure(format!("`{}`: {error}", path.display())).into())
}

/// The patterns of `--only`.
///
/// # Errors
/// [`FailureKind::Usage`] for what is no pattern.
pub(super) fn only(globs: &[String]) -> Result<Vec<Pattern>> {
    let compile = |glob: &String| {
        Pattern::new(glob).with_context(|| {
            Failure::new(FailureKind::Usage, format!("`--only {glob}` is not a pattern"))
                .hint("write `schema.table`, with `*` for any characters: `shop.*`")
        })
    };
    globs.iter().map(compile).collect()
}

/// Where to connect to.
///
/// # Errors
/// When the connection string or the environment cannot be understood.
pub(super) fn target(global: &Global, terminal: &mut Terminal) -> Result<ConnSpec> {
    let spec = ConnSpec::resolve(global.database.as_deref(), &Environment::from_process())?;
    for warning in &spec.warnings {
        remark(&format!("warning: {warning}"), global.log_format, &mut terminal.err);
    }
    Ok(spec)
}

/// A session for reading: a standby will do.
///
/// Where something stands between partctl and the server, a second session tells what; a direct connection needs none.
pub(super) async fn session(global: &Global, terminal: &mut Terminal) -> Result<Session> {
    session_at(&target(global, terminal)?).await
}

/// The same where the target is known.
pub(super) async fn session_at(spec: &ConnSpec) -> Result<Session> {
    let session = connect(spec).await?;
    if !session.is_direct() {
        refuse_pooling(&session).await?;
    }
    Ok(session)
}

/// A session for changing.
///
/// # Errors
/// [`FailureKind::Refused`] on a standby, where sessions are read-only, and where they are not sessions.
pub(super) async fn writable_session(spec: &ConnSpec) -> Result<Session> {
    writable(connect(spec).await?).await
}

/// The same, given a session.
///
/// # Errors
/// Those of [`writable_session`].
pub(super) async fn writable(session: Session) -> Result<Session> {
    if session.in_recovery() {
        return Err(Failure::new(FailureKind::Refused, format!("{} is a standby", session.server()))
            .hint("connect to the primary, or list all hosts with target_session_attrs=read-write")
            .into());
    }
    if session.is_read_only() {
        return Err(Failure::new(
            FailureKind::Refused,
            format!("sessions of this role on {} are read-only", session.server()),
        )
        .hint("default_transaction_read_only is on for the role, the database or the connection")
        .into());
    }
    // Before the run's lock: behind a pooler two runs could both get it.
    refuse_pooling(&session).await?;
    Ok(session)
}
