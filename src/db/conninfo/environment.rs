//! What libpq looks up around a connection string: variables, the home folder, the user's name, small files.
//! It holds them as data, so that the same strings resolve the same way in every test; only
//! [`Environment::from_process`] may ask the process, and nothing here decides what a value means.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// What is found at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What sort of thing it is.
    pub kind: SeenKind,
    /// Permission bits, such as `0o600`.
    pub mode: u32,
    /// The content of a regular file that could be read, else empty. Bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// The sorts of things that matter to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenKind {
    /// A regular file.
    File,
    /// A Unix socket.
    Socket,
    /// Anything else, such as a folder or a device.
    Other,
}

type Look = Box<dyn Fn(&Path) -> io::Result<Seen> + Send + Sync>;

/// Everything outside the connection string that libpq's conventions consult. It may hold `PGPASSWORD`, therefore it
/// is not `Debug`.
pub struct Environment {
    variables: BTreeMap<String, String>,
    home: Option<PathBuf>,
    user: Option<String>,
    look: Look,
}

impl Environment {
    /// An environment made of data: variables by name, the home folder, the operating system's name for the user,
    /// and how to look at a path.
    pub fn new(
        variables: BTreeMap<String, String>,
        home: Option<PathBuf>,
        user: Option<String>,
        look: impl Fn(&Path) -> io::Result<Seen> + Send + Sync + 'static,
    ) -> Self {
        Self { variables, home, user, look: Box::new(look) }
    }

    /// The environment of this process. Variables that are not UTF-8 count as not set; the home folder is `HOME`,
    /// else the one in the password database, as libpq does since PostgreSQL 15.
    pub fn from_process() -> Self {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let account = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        Self::new(
            variables.collect(),
            home.or_else(|| account.as_ref().map(|account| account.dir.clone())),
            account.map(|account| account.name),
            look_at_disk,
        )
    }

    /// The value of a variable, when it is set (perhaps to nothing).
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A path below the home folder, when there is one.
    pub(super) fn in_home(&self, path: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(path))
    }

    /// The operating system's name for the user, when it has one.
    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// What is at `path`; errors are those of the file system.
    pub(super) fn look(&self, path: &Path) -> io::Result<Seen> {
        (self.look)(path)
    }

    /// Whether anything is at `path`.
    pub(super) fn exists(&self, path: &Path) -> bool {
        self.look(path).is_ok()
    }
}

fn look_at_disk(path: &Path) -> io::Result<Seen> {
    let metadata = fs::metadata(path)?;
    let kind = match metadata.file_type() {
        file if file.is_file() => SeenKind::File,
        file if file.is_socket() => SeenKind::Socket,
        _ => SeenKind::Other,
    };
    // A file that cannot be read still exists; whoever needs its content says so.
    let bytes = if kind == SeenKind::File { fs::read(path).unwrap_or_default() } else { Vec::new() };
    Ok(Seen { kind, mode: metadata.mode() & 0o7777, text: String::from_utf8_lossy(&bytes).into_owned() })
}
