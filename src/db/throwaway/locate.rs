//! Finds PostgreSQL's server programs on this machine. Decides which installation serves a throwaway server and says
//! where it looked when there is none; never starts a server, never installs or downloads anything.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Failure, FailureKind};
use crate::sql::since::OLDEST_MAJOR;

const CHOICE: &str = "PARTCTL_PG_BIN";

/// Folders of Debian, RPM, Homebrew and Postgres.app, as glob patterns; the newest version in any of them wins.
const USUAL_FOLDERS: [&str; 8] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/opt/homebrew/opt/postgresql/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
];

/// A folder that holds `postgres` and `initdb` of a major version partctl works with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    bin_dir: PathBuf,
    major: u32,
}

impl Installation {
    /// The folder of the server programs, symlinks resolved.
    pub fn bin_dir(&self) -> &Path {
        &self.bin_dir
    }

    /// The major version, [`OLDEST_MAJOR`] or newer.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The path of one of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin_dir.join(name)
    }

    /// A `psql` for this server: its own, else one on PATH; packages may leave the client out.
    pub fn psql(&self) -> Option<PathBuf> {
        let own = self.program("psql");
        if own.is_file() { Some(own) } else { find_in(&folders_of(env::var_os("PATH")), "psql") }
    }
}

/// Finds the server programs: `PARTCTL_PG_BIN` if set (and then nothing else), PATH, `pg_config --bindir`, then the
/// newest version in the usual folders.
///
/// # Errors
/// A [`Failure`] that lists what was looked at and how to install a server.
pub fn locate() -> anyhow::Result<Installation> {
    let surroundings = Surroundings {
        chosen: env::var_os(CHOICE).filter(|dir| !dir.is_empty()).map(PathBuf::from),
        path: folders_of(env::var_os("PATH")),
        usual: USUAL_FOLDERS.map(String::from).to_vec(),
    };
    search(&surroundings).map_err(|looked| {
        let os_release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let hint = match &surroundings.chosen {
            Some(_) => format!("`{CHOICE}` must name the folder that holds `postgres` and `initdb`"),
            None => install_hint(env::consts::OS, &os_release),
        };
        Failure::new(FailureKind::Unreachable, not_found(&looked)).hint(hint).into()
    })
}

/// Where to look, apart from the file system itself.
struct Surroundings {
    chosen: Option<PathBuf>,
    path: Vec<PathBuf>,
    usual: Vec<String>,
}

/// A place that was looked at in vain, and why it does not serve.
#[derive(Debug, PartialEq, Eq)]
struct Looked {
    place: String,
    outcome: String,
}

impl Looked {
    fn new(place: impl Into<String>, outcome: impl Into<String>) -> Self {
        Self { place: place.into(), outcome: outcome.into() }
    }
}

fn search(surroundings: &Surroundings) -> Result<Installation, Vec<Looked>> {
    let mut looked = Vec::new();
    if let Some(dir) = &surroundings.chosen {
        return examine(dir).map_err(|reason| vec![Looked::new(format!("{CHOICE}={}", dir.display()), reason)]);
    }
    looked.push(Looked::new(CHOICE, "not set"));

    let mut on_path = surroundings.path.iter().filter(|dir| dir.join("postgres").is_file()).peekable();
    if on_path.peek().is_none() {
        looked.push(Looked::new("PATH", "no `postgres`"));
    }
    for dir in on_path {
        match examine(dir) {
            Ok(found) => return Ok(found),
            Err(reason) => looked.push(Looked::new(format!("{} (PATH)", dir.display()), reason)),
        }
    }

    match find_in(&surroundings.path, "pg_config").map(|program| output_of(&program, "--bindir")) {
        None => looked.push(Looked::new("pg_config --bindir", "no `pg_config` on PATH")),
        Some(Err(reason)) => looked.push(Looked::new("pg_config --bindir", reason)),
        Some(Ok(dir)) => match examine(Path::new(&dir)) {
            Ok(found) => return Ok(found),
            Err(reason) => looked.push(Looked::new(format!("{dir} (pg_config --bindir)"), reason)),
        },
    }

    let mut newest: Option<Installation> = None;
    for pattern in &surroundings.usual {
        let mut dirs = glob::glob(pattern).into_iter().flatten().flatten().peekable();
        if dirs.peek().is_none() {
            looked.push(Looked::new(pattern, "no such folder"));
        }
        for dir in dirs {
            match examine(&dir) {
                Ok(found) if newest.as_ref().is_none_or(|best| best.major < found.major) => newest = Some(found),
                Ok(_) => {}
                Err(reason) => looked.push(Looked::new(dir.display().to_string(), reason)),
            }
        }
    }
    newest.ok_or(looked)
}

/// Whether the folder holds a server that serves, or why not.
fn examine(dir: &Path) -> Result<Installation, String> {
    let postgres = dir.join("postgres");
    // A `postgres` on PATH is often a link out of a folder that has no other server program.
    let Ok(resolved) = fs::canonicalize(&postgres) else { return Err("no `postgres`".into()) };
    let bin_dir = [resolved.parent(), Some(dir)]
        .into_iter()
        .flatten()
        .find(|dir| dir.join("initdb").is_file())
        .ok_or("no `initdb` beside `postgres`")?;
    let version = output_of(&postgres, "--version")?;
    let major = parse_major(&version).ok_or_else(|| format!("unknown version `{version}`"))?;
    if major < OLDEST_MAJOR {
        return Err(format!("PostgreSQL {major} is older than {OLDEST_MAJOR}"));
    }
    Ok(Installation { bin_dir: bin_dir.to_path_buf(), major })
}

fn output_of(program: &Path, argument: &str) -> Result<String, String> {
    let output = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("`{}` does not run: {error}", program.display()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
    } else {
        Err(format!("`{} {argument}` failed: {}", program.display(), output.status))
    }
}

/// `postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)` is 15, `postgres (PostgreSQL) 19beta1` is 19.
fn parse_major(version: &str) -> Option<u32> {
    let (_, number) = version.split_once(')')?;
    let number = number.trim_start();
    let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..digits].parse().ok()
}

fn folders_of(path: Option<OsString>) -> Vec<PathBuf> {
    path.as_deref().map(|path: &OsStr| env::split_paths(path).collect()).unwrap_or_default()
}

fn find_in(folders: &[PathBuf], program: &str) -> Option<PathBuf> {
    folders.iter().map(|dir| dir.join(program)).find(|path| path.is_file())
}

fn not_found(looked: &[Looked]) -> String {
    let width = looked.iter().map(|look| look.place.chars().count()).max().unwrap_or(0);
    let mut text = format!("no PostgreSQL server programs ({OLDEST_MAJOR} or newer) found on this machine; looked at");
    for Looked { place, outcome } in looked {
        let _ = write!(text, "\n  {place:width$}  {outcome}");
    }
    text
}

/// What to type on this system; `os_release` is the text of `/etc/os-release`, empty where there is none.
fn install_hint(os: &str, os_release: &str) -> String {
    let family = |name: &str| {
        os_release
            .lines()
            .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
            .any(|ids| ids.trim_matches('"').split(' ').any(|id| id == name))
    };
    let line = if os == "macos" {
        "brew install postgresql"
    } else if family("debian") || family("ubuntu") {
        "apt-get install postgresql"
    } else if family("fedora") || family("rhel") || family("centos") {
        "dnf install postgresql-server"
    } else {
        return format!("install the PostgreSQL server, or set `{CHOICE}` to the folder of `postgres` and `initdb`");
    };
    format!("`{line}`, or set `{CHOICE}` to the folder of `postgres` and `initdb`")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A folder with a `postgres` that answers `--version`, with or without `initdb`.
    fn fake(dir: &Path, version: &str, others: &[&str]) -> PathBuf {
        fs::create_dir_all(dir).unwrap();
        script(&dir.join("postgres"), &format!("echo 'postgres (PostgreSQL) {version}'"));
        for other in others {
            script(&dir.join(other), "exit 1");
        }
        fs::canonicalize(dir).unwrap()
    }

    fn script(path: &Path, line: &str) {
        // Written elsewhere and renamed: a program still open for writing in another thread's fork is ETXTBSY.
        let draft = path.with_extension("draft");
        fs::write(&draft, format!("#!/bin/sh\n{line}\n")).unwrap();
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(draft, path).unwrap();
    }

    fn nowhere() -> Surroundings {
        Surroundings { chosen: None, path: vec![], usual: vec![] }
    }

    #[test]
    fn the_major_version_is_read_from_what_postgres_says() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(parse_major("postgres (PostgreSQL) 9.6.24"), Some(9));
        assert_eq!(parse_major("postgres"), None);
    }

    #[test]
    fn a_link_on_path_leads_to_the_folder_that_has_initdb() {
        let root = tempfile::tempdir().unwrap();
        let real = fake(&root.path().join("lib/16/bin"), "16.2", &["initdb"]);
        let links = root.path().join("links");
        fs::create_dir(&links).unwrap();
        symlink(real.join("postgres"), links.join("postgres")).unwrap();
        let found = search(&Surroundings { path: vec![links], ..nowhere() }).unwrap();
        assert_eq!(found, Installation { bin_dir: real, major: 16 });
    }

    #[test]
    fn an_old_or_incomplete_server_on_path_is_passed_over_for_the_next() {
        let root = tempfile::tempdir().unwrap();
        let old = fake(&root.path().join("a"), "13.22", &["initdb"]);
        let bare = fake(&root.path().join("b"), "17.1", &[]);
        let good = fake(&root.path().join("c"), "14.0", &["initdb"]);
        let path = vec![old, bare, good.clone()];
        assert_eq!(search(&Surroundings { path, ..nowhere() }).unwrap().bin_dir(), good);
    }

    #[test]
    fn pg_config_leads_to_a_server_that_is_not_on_path() {
        let root = tempfile::tempdir().unwrap();
        let real = fake(&root.path().join("opt"), "18.1", &["initdb"]);
        let tools = root.path().join("tools");
        fs::create_dir(&tools).unwrap();
        script(&tools.join("pg_config"), &format!("echo '{}'", real.display()));
        assert_eq!(search(&Surroundings { path: vec![tools], ..nowhere() }).unwrap().bin_dir(), real);
    }

    #[test]
    fn the_newest_version_in_the_usual_folders_wins() {
        let root = tempfile::tempdir().unwrap();
        fake(&root.path().join("debian/9.6/bin"), "9.6.1", &["initdb"]);
        fake(&root.path().join("debian/15/bin"), "15.1", &["initdb"]);
        let newest = fake(&root.path().join("pgsql-18/bin"), "18.0", &["initdb"]);
        fake(&root.path().join("pgsql-17/bin"), "17.5", &["initdb"]);
        let usual = ["debian/*/bin", "pgsql-*/bin"].map(|glob| root.path().join(glob).display().to_string()).to_vec();
        assert_eq!(search(&Surroundings { usual, ..nowhere() }).unwrap(), Installation { bin_dir: newest, major: 18 });
    }

    #[test]
    fn a_chosen_folder_that_does_not_serve_is_not_replaced_by_another() {
        let root = tempfile::tempdir().unwrap();
        let good = fake(&root.path().join("good"), "16.1", &["initdb"]);
        let chosen = Some(root.path().join("wrong"));
        let looked = search(&Surroundings { chosen: chosen.clone(), path: vec![good], ..nowhere() }).unwrap_err();
        assert_eq!(looked.len(), 1);
        assert_eq!(looked[0].outcome, "no `postgres`");
        assert!(looked[0].place.ends_with("/wrong"));
    }

    #[test]
    fn finding_nothing_tells_every_place_and_its_fault() {
        let root = tempfile::tempdir().unwrap();
        fake(&root.path().join("13/bin"), "13.22", &["initdb"]);
        let prefix = root.path().display();
        let usual = vec![format!("{prefix}/*/bin"), format!("{prefix}/pgsql-*/bin")];
        let looked = search(&Surroundings { usual, ..nowhere() }).unwrap_err();
        let text = not_found(&looked).replace(&prefix.to_string(), "");
        let lines: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        no PostgreSQL server programs (14 or newer) found on this machine; looked at
        PARTCTL_PG_BIN not set
        PATH no `postgres`
        pg_config --bindir no `pg_config` on PATH
        /13/bin PostgreSQL 13 is older than 14
        /pgsql-*/bin no such folder
        ");
    }

    #[test]
    fn the_hint_is_the_install_line_of_this_system() {
        let line = |os, release| install_hint(os, release).split(',').next().unwrap_or_default().to_string();
        assert_eq!(line("linux", "NAME=\"Debian GNU/Linux\"\nID=debian\n"), "`apt-get install postgresql`");
        assert_eq!(line("linux", "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"), "`apt-get install postgresql`");
        assert_eq!(line("linux", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"), "`dnf install postgresql-server`");
        assert_eq!(line("macos", ""), "`brew install postgresql`");
        assert_eq!(line("freebsd", ""), "install the PostgreSQL server");
    }
}
