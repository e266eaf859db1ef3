//! Makes and runs the processes of a throwaway server: which account, which folder, `initdb`, `postgres` and the
//! guard that outlives us. Decides nothing about databases; never touches a process or folder it did not make.

use std::env;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, User};
use tempfile::TempDir;

use super::locate::Installation;

/// Every throwaway folder starts so, for whoever finds one.
pub(super) const FOLDER_PREFIX: &str = "partctl-throwaway-";

const START_PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);
const LOG_TAIL_LINES: usize = 20;

/// `sun_path` holds 108 bytes on Linux and 104 on macOS, the final NUL among them.
const SOCKET_PATH_MAX: usize = 103;

/// The account the server runs as, when it is not ours.
#[derive(Debug, Clone)]
pub(super) struct Account {
    name: String,
    uid: u32,
    gid: u32,
}

impl Account {
    /// `initdb` and `postgres` refuse root, and any uid without a passwd entry.
    pub(super) fn unprivileged() -> anyhow::Result<Option<Self>> {
        if !Uid::effective().is_root() {
            return Ok(None);
        }
        for name in ["postgres", "nobody"] {
            if let Some(user) = User::from_name(name).with_context(|| format!("looking up the account `{name}`"))? {
                return Ok(Some(Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() }));
            }
        }
        bail!("a PostgreSQL server does not run as root, and there is neither an account `postgres` nor `nobody`")
    }
}

/// Where and as whom the server's programs run.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) installation: Installation,
    pub(super) account: Option<Account>,
    pub(super) folder: PathBuf,
}

impl Site {
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// The end of the server's log, for error messages; empty when there is none.
    pub(super) fn log_tail(&self) -> String {
        let text = fs::read(self.log()).unwrap_or_default();
        tail(&String::from_utf8_lossy(&text), LOG_TAIL_LINES)
    }

    /// Runs `initdb`: superuser `postgres`, no password, UTF-8 in the C locale, so order and texts are the same
    /// everywhere. About 1 s.
    pub(super) fn init(&self) -> anyhow::Result<()> {
        let mut initdb = self.command(&self.installation.program("initdb"));
        initdb.arg("--pgdata").arg(self.data());
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]);
        let output = self.spawning(initdb.output(), "initdb")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`initdb` failed ({})\n{}", output.status, tail(&said, LOG_TAIL_LINES));
        Ok(())
    }

    /// Starts `postgres` as our child and returns once it accepts connections.
    pub(super) fn launch(&self, settings: &[(String, String)]) -> anyhow::Result<Postmaster> {
        let log = File::create(self.log()).context("creating the server's log")?;
        let mut postgres = self.command(&self.installation.program("postgres"));
        postgres.arg("-D").arg(self.data());
        for (name, value) in settings {
            postgres.arg("-c").arg(format!("{name}={value}"));
        }
        postgres.stdout(log.try_clone().context("sharing the server's log")?).stderr(log);
        // Its own process group: Ctrl-C on the terminal is for us, who then stop it in order.
        let child = self.spawning(postgres.process_group(0).spawn(), "postgres")?;
        let mut postmaster = Postmaster(child);
        self.await_ready(&mut postmaster)?;
        Ok(postmaster)
    }

    /// The eighth line of postmaster.pid turns to `ready` when the server accepts connections (PostgreSQL 10+).
    fn await_ready(&self, postmaster: &mut Postmaster) -> anyhow::Result<()> {
        let began = Instant::now();
        let pid_file = self.data().join("postmaster.pid");
        loop {
            let text = fs::read_to_string(&pid_file).unwrap_or_default();
            if text.lines().nth(7).is_some_and(|status| status.trim() == "ready") {
                return Ok(());
            }
            if let Some(status) = postmaster.0.try_wait().context("watching the server start")? {
                return Err(anyhow!("the throwaway server did not start ({status})\n{}", self.log_tail()));
            }
            if START_PATIENCE < began.elapsed() {
                let seconds = START_PATIENCE.as_secs();
                bail!("the throwaway server was not ready within {seconds} s\n{}", self.log_tail());
            }
            sleep(POLL);
        }
    }

    /// A program that runs in the folder, under the account, and sees none of the caller's Postgres settings.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).stdin(Stdio::null());
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid);
        }
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C");
        command
    }

    fn spawning<T>(&self, result: std::io::Result<T>, program: &str) -> anyhow::Result<T> {
        result.with_context(|| {
            let path = self.installation.program(program);
            match &self.account {
                Some(account) => format!("running `{}` as `{}`", path.display(), account.name),
                None => format!("running `{}`", path.display()),
            }
        })
    }
}

/// A private folder whose socket path is short enough and which the account can reach.
pub(super) fn make_folder(account: Option<&Account>) -> anyhow::Result<TempDir> {
    let candidates = [env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")];
    let base = candidates
        .iter()
        .filter_map(|base| fs::canonicalize(base).ok())
        .find(|base| fits_a_socket(base) && (account.is_none() || others_may_enter(base)))
        .ok_or_else(|| anyhow!("no folder for a throwaway server: {candidates:?} are too long or closed to others"))?;
    let folder = tempfile::Builder::new()
        .prefix(FOLDER_PREFIX)
        .tempdir_in(&base)
        .with_context(|| format!("creating a folder in `{}`", base.display()))?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).context("closing the folder to others")?;
    if let Some(account) = account {
        chown(folder.path(), Some(account.uid), Some(account.gid))
            .with_context(|| format!("giving `{}` to `{}`", folder.path().display(), account.name))?;
    }
    Ok(folder)
}

fn fits_a_socket(base: &Path) -> bool {
    // The six random characters are tempfile's; a port has five digits at most.
    base.as_os_str().len() + FOLDER_PREFIX.len() + "/123456/.s.PGSQL.65535".len() <= SOCKET_PATH_MAX
}

fn others_may_enter(dir: &Path) -> bool {
    dir.ancestors().all(|dir| fs::metadata(dir).is_ok_and(|meta| meta.mode() & 0o001 != 0))
}

/// The running server. Dropped, it is stopped at once and waited for.
#[derive(Debug)]
pub(super) struct Postmaster(pub(super) Child);

impl Drop for Postmaster {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Postmaster {
    /// Does nothing when it has ended.
    pub(super) fn stop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            // SIGQUIT is an immediate shutdown: no checkpoint, backends end at once, stragglers are killed after 5 s.
            if let Ok(pid) = i32::try_from(self.0.id()) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
            }
            let _ = self.0.wait();
        }
    }
}

/// Clears the server away when we are killed before we can, or end without dropping it (a `static` in tests).
///
/// It is a shell that waits on a pipe only we hold: a line on it sends it home, its end means that we are gone.
/// `PR_SET_PDEATHSIG` would need unsafe code, is known to Linux only, and would leave the folder.
#[derive(Debug)]
pub(super) struct Guard(pub(super) Child);

/// `$1` is the throwaway folder. The process id comes from the folder's own postmaster.pid (negative while `initdb`
/// is at work), which the server removes as its last act; as root this runs under the server's account.
const GUARD: &str = r#"
trap '' HUP INT QUIT TERM
read -r _ && exit 0
pid=$(head -n 1 "$1/data/postmaster.pid")
case $pid in
'' | *[!0-9]*) ;;
*) kill -s QUIT "$pid" ;;
esac
tries=0
while test -e "$1/data/postmaster.pid" && test "$tries" -lt 10; do
    sleep 1
    tries=$((tries + 1))
done
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
"#;

impl Guard {
    pub(super) fn post(site: &Site) -> anyhow::Result<Self> {
        let mut shell = site.command(Path::new("/bin/sh"));
        shell.current_dir("/").args(["-c", GUARD, "partctl-throwaway-guard"]).arg(&site.folder);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Ok(Self(shell.spawn().context("running `/bin/sh`")?))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.0.stdin.take() {
            let _ = pipe.write_all(b"go home\n");
        }
        let _ = self.0.wait();
    }
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_log_is_its_last_lines() {
        assert_eq!(tail("one\ntwo\nthree\n", 2), "two\nthree");
        assert_eq!(tail("one\n", 2), "one");
        assert_eq!(tail("", 2), "");
    }

    #[test]
    fn a_base_folder_serves_only_while_its_socket_path_fits() {
        assert!(fits_a_socket(Path::new("/var/folders/xy/0123456789012345678901234567890123/T")));
        assert!(!fits_a_socket(Path::new(&format!("/{}", "x".repeat(80)))));
    }

    #[test]
    fn a_folder_below_a_closed_one_is_closed_to_others() {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let below = root.path().join("below");
        fs::create_dir(&below).unwrap();
        fs::set_permissions(&below, fs::Permissions::from_mode(0o755)).unwrap();
        let open_above = others_may_enter(root.path().parent().unwrap());
        assert_eq!(others_may_enter(&below), open_above);
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!others_may_enter(&below));
    }
}
