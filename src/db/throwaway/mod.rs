//! A PostgreSQL server for one run: temporary folder, private socket, no password, gone afterwards. The demo, the
//! live tests and the benchmarks stand on it.
//!
//! It uses only what is installed on the machine and never connects to, or touches, any other server.

mod launch;
mod locate;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

pub use self::locate::{Installation, locate};

use self::launch::{Account, Guard, Postmaster, Site, make_folder};

/// Postgres' own port; a server on a private socket alone occupies it nowhere.
const SOCKET_PORT: u16 = 5432;

/// Whether the server keeps its promises when the machine fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// `fsync`, `synchronous_commit` and `full_page_writes` are off: fast, lost with the machine.
    #[default]
    Off,
    /// The server's defaults, as in production: for benchmarks.
    On,
}

/// Where the server takes connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Listen {
    /// On a socket in its private folder.
    #[default]
    Socket,
    /// There, and on a free port of 127.0.0.1.
    SocketAndLoopback,
}

/// How to start a [`ThrowawayServer`].
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// The programs to use; `None` asks [`locate`].
    pub installation: Option<Installation>,
    /// Whether commits reach the disk.
    pub durability: Durability,
    /// Where it takes connections.
    pub listen: Listen,
    /// Further server settings, name and value; they win over the ones made here.
    pub settings: Vec<(String, String)>,
}

/// A running server whose folder and processes disappear with this value, and also when this process ends without
/// dropping it.
///
/// Superuser `postgres`, no password, encoding UTF8, locale C, time zone UTC.
#[derive(Debug)]
pub struct ThrowawayServer {
    // Dropped in this order: the server ends, its folder goes, the guard goes home.
    postmaster: Postmaster,
    folder: TempDir,
    guard: Guard,
    site: Site,
    settings: Vec<(String, String)>,
    port: u16,
    listen: Listen,
}

/// A server that was left running on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptServer {
    /// The URL of the database asked for.
    pub url: String,
    /// Process id of the postmaster.
    pub pid: u32,
    /// Everything it wrote.
    pub folder: PathBuf,
    /// One shell line that stops it and removes the folder.
    pub stop_command: String,
}

impl ThrowawayServer {
    /// Makes a server and returns once it accepts connections: about 1 to 2 s, most of it `initdb`. Blocks.
    ///
    /// As root the server runs as `postgres`, else as `nobody`. Ctrl-C reaches this process, not the server: a caller
    /// who handles it must let this value be dropped; otherwise the guard clears up within seconds.
    ///
    /// # Errors
    /// No server programs (see [`locate`]), no usable temporary folder, or the end of what `initdb` or the server said.
    pub fn start(options: ServerOptions) -> anyhow::Result<Self> {
        let ServerOptions { installation, durability, listen, settings } = options;
        let installation = installation.map_or_else(locate, Ok)?;
        let account = Account::unprivileged()?;
        let folder = make_folder(account.as_ref())?;
        let site = Site { installation, account, folder: folder.path().to_path_buf() };
        let guard = Guard::post(&site)?;
        site.init()?;
        let port = match listen {
            Listen::Socket => SOCKET_PORT,
            Listen::SocketAndLoopback => free_port()?,
        };
        let mut all = base_settings(folder.path(), port, listen, durability);
        all.extend(settings);
        let postmaster = site.launch(&all)?;
        Ok(Self { postmaster, folder, guard, site, settings: all, port, listen })
    }

    /// Stops the server as `pg_ctl stop -m immediate` does: no checkpoint, every session ends at once. Blocks.
    pub fn crash(&mut self) {
        self.postmaster.stop();
    }

    /// Starts the server again, after a crash if it still runs, and returns once it accepts connections. Blocks.
    ///
    /// # Errors
    /// The end of what the server said.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.crash();
        self.postmaster = self.site.launch(&self.settings)?;
        Ok(())
    }

    /// A libpq URL of a database over the socket, for psql and for partctl.
    pub fn url(&self, database: &str) -> String {
        socket_url(self.socket_dir(), self.port, database)
    }

    /// A libpq URL over TCP, with [`Listen::SocketAndLoopback`].
    pub fn loopback_url(&self, database: &str) -> Option<String> {
        let url = || format!("postgresql://postgres@127.0.0.1:{}/{}", self.port, percent_encoded(database));
        (self.listen == Listen::SocketAndLoopback).then(url)
    }

    /// The folder that holds the socket, as in `PGHOST`.
    pub fn socket_dir(&self) -> &Path {
        self.folder.path()
    }

    /// The port, as in `PGPORT`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The programs it was started from.
    pub fn installation(&self) -> &Installation {
        &self.site.installation
    }

    /// The folder of those programs.
    pub fn bin_dir(&self) -> &Path {
        self.site.installation.bin_dir()
    }

    /// Process id of the postmaster.
    pub fn pid(&self) -> u32 {
        self.postmaster.0.id()
    }

    /// The last lines of the server's log.
    pub fn log_tail(&self) -> String {
        self.site.log_tail()
    }

    /// Creates a database, as a copy of `template` if one is named (nobody may be connected to it): 0.02 to 0.05 s.
    ///
    /// # Errors
    /// What the server answers, such as 42P04 when the database exists or 55006 when the template is in use.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> anyhow::Result<()> {
        let mut statement = format!("create database {}", quoted(name));
        if let Some(template) = template {
            let _ = write!(statement, " template {}", quoted(template));
        }
        let client = self.connect("postgres").await?;
        client.batch_execute(&statement).await.with_context(|| format!("creating database `{name}`"))
    }

    /// Runs a script of SQL statements in a database, as one batch: one transaction unless it says otherwise.
    ///
    /// # Errors
    /// What the server answers to the first statement that fails; the rest is not run.
    pub async fn run_script(&self, database: &str, script: &str) -> anyhow::Result<()> {
        let client = self.connect(database).await?;
        client.batch_execute(script).await.with_context(|| format!("running a script in database `{database}`"))
    }

    /// Leaves the server running, beyond the end of this process.
    pub fn keep(self, database: &str) -> KeptServer {
        let (url, pid) = (self.url(database), self.pid());
        let Self { postmaster, folder, guard, .. } = self;
        // Its destructor would stop the server; a child that is not waited for goes to init when we end.
        std::mem::forget(postmaster);
        let folder = folder.keep();
        drop(guard);
        let stop_command = format!("kill -QUIT {pid} && sleep 1 && rm -rf {}", shell_quoted(&folder));
        KeptServer { url, pid, folder, stop_command }
    }

    async fn connect(&self, database: &str) -> anyhow::Result<Client> {
        let mut config = tokio_postgres::Config::new();
        config.host_path(self.socket_dir()).port(self.port).user("postgres").dbname(database);
        config.application_name("partctl throwaway");
        let connected = config.connect(NoTls).await;
        let (client, connection) = connected.with_context(|| format!("connecting to database `{database}`"))?;
        // Its error, if any, also ends the client's next call.
        tokio::spawn(connection);
        Ok(client)
    }
}

fn base_settings(socket_dir: &Path, port: u16, listen: Listen, durability: Durability) -> Vec<(String, String)> {
    let addresses = match listen {
        Listen::Socket => "",
        Listen::SocketAndLoopback => "127.0.0.1",
    };
    let port = port.to_string();
    // A list of folders: quoted, because a comma would end the name.
    let folder = quoted(&socket_dir.to_string_lossy());
    let mut settings = vec![
        ("listen_addresses", addresses),
        ("port", &port),
        ("unix_socket_directories", &folder),
        ("unix_socket_permissions", "0700"),
        ("cluster_name", "partctl-throwaway"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
        ("logging_collector", "off"),
    ];
    if durability == Durability::Off {
        settings.extend([("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")]);
    }
    settings.into_iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn free_port() -> anyhow::Result<u16> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port of 127.0.0.1")?;
    Ok(probe.local_addr().context("looking for a free port of 127.0.0.1")?.port())
}

fn socket_url(socket_dir: &Path, port: u16, database: &str) -> String {
    let host = percent_encoded(&socket_dir.to_string_lossy());
    // The port is written even when it is the default: libpq would take an absent one from PGPORT.
    format!("postgresql://postgres@{host}:{port}/{}", percent_encoded(database))
}

/// Everything but RFC 3986's unreserved characters as `%XX`.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        encoded
    })
}

fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

fn shell_quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    if plain { text.into_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use nix::errno::Errno;
    use nix::sys::signal::kill;
    use nix::unistd::{Pid, Uid};
    use tokio_postgres::SimpleQueryMessage;

    use super::*;
    use crate::failure::Failure;
    use crate::sql::since::OLDEST_MAJOR;

    fn start(options: ServerOptions) -> ThrowawayServer {
        ThrowawayServer::start(options).unwrap_or_else(|error| {
            let hint = error.downcast_ref::<Failure>().and_then(|failure| failure.hint.as_deref());
            panic!("{error:#}\nhint: {}", hint.unwrap_or("none"))
        })
    }

    fn is_gone(pid: u32) -> bool {
        kill(Pid::from_raw(pid.try_into().unwrap()), None) == Err(Errno::ESRCH)
    }

    async fn one_value(url: &str, sql: &str) -> String {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let messages = client.simple_query(sql).await.unwrap();
        let row = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        row.unwrap().to_string()
    }

    #[tokio::test]
    async fn a_server_serves_databases_and_leaves_nothing_behind() {
        let server = start(ServerOptions::default());
        let (pid, folder) = (server.pid(), server.socket_dir().to_path_buf());
        assert!(OLDEST_MAJOR <= server.installation().major());
        assert_eq!(folder.metadata().unwrap().mode() & 0o777, 0o700);
        if Uid::effective().is_root() {
            assert_ne!(folder.join("data").metadata().unwrap().uid(), 0);
        }

        server.create_database("odd \"name\"/é", None).await.unwrap();
        server.run_script("odd \"name\"/é", "create table t (k int); insert into t values (41)").await.unwrap();
        server.create_database("copy", Some("odd \"name\"/é")).await.unwrap();
        assert_eq!(one_value(&server.url("copy"), "select k + 1 from t").await, "42");
        assert_eq!(one_value(&server.url("odd \"name\"/é"), "select current_database()").await, "odd \"name\"/é");
        assert_eq!(one_value(&server.url("copy"), "show fsync").await, "off");
        assert_eq!(server.loopback_url("copy"), None);
        let refused = server.create_database("copy", None).await.unwrap_err();
        assert!(format!("{refused:?}").contains("already exists"), "{refused:?}");

        drop(server);
        assert!(is_gone(pid));
        assert!(!folder.exists());
    }

    #[tokio::test]
    async fn settings_durability_and_loopback_are_as_asked_for() {
        let server = start(ServerOptions {
            durability: Durability::On,
            listen: Listen::SocketAndLoopback,
            settings: vec![("timezone".into(), "Asia/Kathmandu".into()), ("work_mem".into(), "7MB".into())],
            ..ServerOptions::default()
        });
        let url = server.loopback_url("postgres").unwrap();
        assert_eq!(one_value(&url, "show timezone").await, "Asia/Kathmandu");
        assert_eq!(one_value(&url, "show work_mem").await, "7MB");
        assert_eq!(one_value(&server.url("postgres"), "show fsync").await, "on");
        assert_eq!(one_value(&server.url("postgres"), "show synchronous_commit").await, "on");
    }

    #[tokio::test]
    async fn a_server_that_crashed_comes_back_with_what_was_committed() {
        let settings = vec![("synchronous_commit".to_string(), "on".to_string())];
        let mut server = start(ServerOptions { settings, ..ServerOptions::default() });
        server.run_script("postgres", "create table t as select 41 as k").await.unwrap();
        let pid = server.pid();
        server.crash();
        assert!(is_gone(pid) && server.run_script("postgres", "select 1").await.is_err());
        server.restart().unwrap();
        assert_eq!(one_value(&server.url("postgres"), "select k + 1 from t").await, "42");
        assert_ne!(server.pid(), pid);
    }

    #[test]
    fn a_server_that_cannot_start_says_why() {
        let settings = vec![("shared_buffers".to_string(), "lots".to_string())];
        let error = ThrowawayServer::start(ServerOptions { settings, ..ServerOptions::default() }).unwrap_err();
        let text = format!("{error:?}");
        assert!(text.contains("did not start") && text.contains("invalid value for parameter"), "{text}");
    }

    #[test]
    fn the_guard_clears_away_when_we_are_gone() {
        let mut server = start(ServerOptions::default());
        // When a process dies, the kernel closes its end of the guard's pipe; nothing else reaches the guard.
        drop(server.guard.0.stdin.take());
        server.postmaster.0.wait().unwrap();
        server.guard.0.wait().unwrap();
        assert!(!server.socket_dir().exists());
    }

    #[test]
    fn a_kept_server_runs_on_until_its_stop_command() {
        let kept = start(ServerOptions::default()).keep("postgres");
        let pid = Pid::from_raw(kept.pid.try_into().unwrap());
        assert_eq!(kill(pid, None), Ok(()));
        assert!(kept.folder.join(".s.PGSQL.5432").exists());
        assert!(std::process::Command::new("sh").args(["-c", &kept.stop_command]).status().unwrap().success());
        // Still our child here, so it stays a zombie until it is waited for.
        assert!(nix::sys::wait::waitpid(pid, None).is_ok());
        assert!(!kept.folder.exists());
    }

    #[test]
    fn urls_encode_the_socket_folder_and_the_database() {
        let url = socket_url(Path::new("/tmp/partctl-throwaway-x1"), 5432, "a b/c");
        assert_eq!(url, "postgresql://postgres@%2Ftmp%2Fpartctl-throwaway-x1:5432/a%20b%2Fc");
    }

    #[test]
    fn the_stop_command_survives_an_odd_folder() {
        assert_eq!(shell_quoted(Path::new("/tmp/plain-1_x.y")), "/tmp/plain-1_x.y");
        assert_eq!(shell_quoted(Path::new("/tmp/it's")), r"'/tmp/it'\''s'");
    }
}
