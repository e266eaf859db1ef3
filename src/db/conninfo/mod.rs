//! Where to connect, resolved from a connection string, a service file, `PG*` variables and a passfile as libpq
//! does. It decides everything that can be known before dialling; it opens no connection, reads no clock, and no
//! type of it ever shows a password.

pub mod environment;
mod keyvalue;
mod keyword;
mod passfile;
mod resolve;
mod service;
#[cfg(test)]
mod tests;
mod uri;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use environment::Environment;

/// A connection as the user asked for it, with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnSpec {
    /// The servers to try, in this order; never empty.
    pub servers: Vec<Server>,
    /// The role to log in as.
    pub user: String,
    /// The database to open.
    pub database: String,
    /// Encryption of TCP connections; Unix sockets are never encrypted.
    pub tls: TlsSpec,
    /// Which of the servers will do.
    pub target: TargetSessionAttrs,
    /// How long one address may take to log in, at least 2 seconds, 15 unless given; `None` waits as long as the
    /// system does.
    pub connect_timeout: Option<Duration>,
    /// `application_name` of the session.
    pub application_name: String,
    /// Command-line options for the backend. PgBouncer refuses connections that have any.
    pub options: Option<String>,
    /// Whether SCRAM is bound to the TLS channel.
    pub channel_binding: ChannelBinding,
    /// TCP keepalives.
    pub keepalives: Keepalives,
    /// What was ignored and should be said, as lowercase fragments, such as a passfile that others may read.
    pub warnings: Vec<String>,
}

impl ConnSpec {
    /// The same connection to nowhere but this server at this address; no address: as the server says.
    pub(super) fn at(&self, server: &Server, address: Option<IpAddr>) -> Self {
        let host = match (&server.host, address) {
            (Host::Name(name), Some(address)) => Host::Address { name: Some(name.clone()), address },
            (host, _) => host.clone(),
        };
        let server = Server { host, ..server.clone() };
        Self { servers: vec![server], target: TargetSessionAttrs::Any, ..self.clone() }
    }
}

/// One server to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where it is.
    pub host: Host,
    /// Its port, 1 to 65535; for a socket it is part of the file's name.
    pub port: u16,
    /// The password for it, when one was found.
    pub password: Option<Password>,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// The folder of a Unix socket.
    Socket(PathBuf),
    /// A name to look up, or an address written as the host.
    Name(String),
    /// An address given by `hostaddr`; the name is then only for certificates and passfiles.
    Address {
        /// The name from `host`, when there is one.
        name: Option<String>,
        /// The address to dial.
        address: IpAddr,
    },
}

/// A password and where it came from. `Debug` shows neither its text nor its length.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    text: String,
    source: PasswordSource,
}

impl Password {
    /// The text itself, for the server only.
    pub(super) fn reveal(&self) -> &str {
        &self.text
    }

    /// Where it came from, for hints.
    pub fn source(&self) -> &PasswordSource {
        &self.source
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Password(from {})", self.source)
    }
}

/// Where a password came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordSource {
    /// The connection string.
    ConnectionString,
    /// The service file.
    ServiceFile,
    /// `PGPASSWORD`.
    Variable,
    /// This passfile.
    Passfile(PathBuf),
}

impl fmt::Display for PasswordSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionString => f.write_str("the connection string"),
            Self::ServiceFile => f.write_str("the service file"),
            Self::Variable => f.write_str("`PGPASSWORD`"),
            Self::Passfile(path) => write!(f, "`{}`", path.display()),
        }
    }
}

/// How TCP connections are encrypted and what the server must prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSpec {
    /// Whether and in which order encryption is tried.
    pub encryption: Encryption,
    /// What is verified about the server when the connection is encrypted.
    pub verify: Verify,
    /// The client's certificate and its key, when the certificate's file exists.
    pub client_certificate: Option<ClientCertificate>,
}

/// Whether to encrypt, from `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Never.
    Disable,
    /// Only when the server refuses the unencrypted login.
    Allow,
    /// Yes, but not when the server cannot or the encrypted login fails.
    Prefer,
    /// Always.
    Require,
}

/// What the server's certificate must prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verify {
    /// Nothing: encryption without knowing with whom.
    Nothing,
    /// That one of these roots vouches for it. libpq does this in every mode when a root certificate file exists.
    Chain(Roots),
    /// That one of these roots vouches for it and it is for the host dialled.
    ChainAndName(Roots),
}

/// Whom to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// The certificates of a PEM file.
    File(PathBuf),
    /// The roots that the operating system trusts.
    System,
}

/// A client's certificate and key, both PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, followed by any intermediate ones.
    pub certificate: PathBuf,
    /// Its private key; it must exist and be private.
    pub key: PathBuf,
}

/// Which server will do, from `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetSessionAttrs {
    /// The first that lets us in.
    Any,
    /// One whose sessions may write by default.
    ReadWrite,
    /// One whose sessions may not write by default.
    ReadOnly,
    /// One that is not in recovery.
    Primary,
    /// One that is in recovery.
    Standby,
    /// One that is in recovery, or if there is none, any.
    PreferStandby,
}

/// Whether SCRAM must be bound to the TLS channel, from `channel_binding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// When server and connection can.
    Prefer,
    /// Or else refuse the connection.
    Require,
}

/// TCP keepalives; a time that is `None` is the system's. Unless given, a peer that has gone silent is noticed within
/// a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keepalives {
    /// `false` when `keepalives=0`.
    pub enabled: bool,
    /// Idle time before the first probe.
    pub idle: Option<Duration>,
    /// Time between probes.
    pub interval: Option<Duration>,
    /// Lost probes before the connection is given up.
    pub count: Option<u32>,
    /// `tcp_user_timeout`: how long sent data may stay unacknowledged.
    pub user_timeout: Option<Duration>,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port;
        match &self.host {
            Host::Socket(folder) => write!(f, "{}/.s.PGSQL.{port}", folder.display()),
            Host::Name(name) if name.contains(':') => write!(f, "[{name}]:{port}"),
            Host::Name(name) | Host::Address { name: Some(name), .. } => write!(f, "{name}:{port}"),
            Host::Address { name: None, address: IpAddr::V6(address) } => write!(f, "[{address}]:{port}"),
            Host::Address { name: None, address } => write!(f, "{address}:{port}"),
        }
    }
}

/// A URL without password and parameters, for messages; libpq would read it.
impl fmt::Display for ConnSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgresql://{}@", uri::encode(&self.user))?;
        for (index, server) in self.servers.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            match &server.host {
                Host::Socket(folder) => write!(f, "{}:{}", uri::encode(&folder.display().to_string()), server.port)?,
                Host::Name(name) if name.contains(':') => write!(f, "[{}]:{}", name.replace('%', "%25"), server.port)?,
                Host::Name(name) | Host::Address { name: Some(name), .. } => {
                    write!(f, "{}:{}", uri::encode(name), server.port)?;
                }
                Host::Address { name: None, .. } => server.fmt(f)?,
            }
        }
        write!(f, "/{}", uri::encode(&self.database))
    }
}

/// Which source gave a value, from strongest to weakest.
#[derive(Clone, Copy)]
enum Origin {
    ConnectionString,
    ServiceFile,
    Variable,
}
