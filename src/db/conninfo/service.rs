//! Finds a named service in `pg_service.conf` files as libpq does: the user's file, then the system's.
//! It decides only which lines belong to the service.

use super::Origin;
use super::environment::Environment;
use super::keyword::Parameters;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};

/// Where packages keep the system's `pg_service.conf`, when `PGSYSCONFDIR` does not say: Debian's, then the RPMs'.
const SYSTEM_FOLDERS: [&str; 2] = ["/etc/postgresql-common", "/etc/sysconfig/pgsql"];

/// Fills what is not set from the service called `name`. Fails when no file knows it.
pub(super) fn fill(parameters: &mut Parameters, name: &str, environment: &Environment) -> Result<()> {
    let named = environment.variable("PGSERVICEFILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(path) = &named {
        ensure!(environment.exists(path), "service file `{}` not found", path.display());
    }
    let own = named.or_else(|| environment.in_home(".pg_service.conf"));
    let system: Vec<PathBuf> = match environment.variable("PGSYSCONFDIR") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => SYSTEM_FOLDERS.iter().map(PathBuf::from).collect(),
    };
    for path in own.into_iter().chain(system.into_iter().map(|folder| folder.join("pg_service.conf"))) {
        if let Ok(seen) = environment.look(&path)
            && fill_from(parameters, name, &seen.text, &path)?
        {
            return Ok(());
        }
    }
    bail!("definition of service `{name}` not found")
}

/// Whether the file defines the service.
fn fill_from(parameters: &mut Parameters, name: &str, text: &str, path: &Path) -> Result<bool> {
    let mut within = false;
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            if within {
                break;
            }
            within = header.split(']').next() == Some(name);
        } else if within {
            let (keyword, value) = line
                .split_once('=')
                .with_context(|| format!("line {number} of service file `{}` lacks its `=`", path.display()))?;
            ensure!(
                keyword != "service",
                "nested service in line {number} of service file `{}` is not supported",
                path.display()
            );
            parameters
                .fill(keyword, value.to_owned(), Origin::ServiceFile)
                .with_context(|| format!("in line {number} of service file `{}`", path.display()))?;
        }
    }
    Ok(within)
}
