//! Opens sessions: which server, which address, encrypted or not, and the settings that every session is pinned to.
//! It decides when to try the next server, as libpq does; it never prints, and never names a password.

mod pooling;
mod refusal;
mod session;

pub use pooling::{refuse_pooling, refused_pooling};
pub use refusal::{describe, is_lost};
pub use session::{Asked, Canceller, Notice, Pulse, Session};

use super::conninfo::{ChannelBinding, ConnSpec, Encryption, Host, Server, TargetSessionAttrs};
use super::tls;
use crate::failure::{Failure, FailureKind};
use crate::sql::since::OLDEST_MAJOR;
use anyhow::{Context, Result, anyhow};
use refusal::{Next, Refusal};
use rustls::pki_types::ServerName;
use session::{Dialled, Greeting};
use std::net::IpAddr;
use tokio_postgres::config::{ChannelBinding as WireChannelBinding, SslMode};
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Opens a session on the first server of `spec` that will do, with the settings of [`crate::sql::pin_session`] in force.
///
/// Fails with [`FailureKind::Unreachable`] when no server can be reached, refuses the login, or is of the wanted
/// kind, and with [`FailureKind::Refused`] when the server is older than PostgreSQL 14.
pub async fn connect(spec: &ConnSpec) -> Result<Session> {
    let connector = tls::connector(&spec.tls).with_context(|| {
        Failure::new(
            FailureKind::Unreachable,
            format!("cannot prepare an encrypted connection to {}", whereabouts(spec)),
        )
    })?;
    let passes: &[TargetSessionAttrs] = match spec.target {
        TargetSessionAttrs::PreferStandby => &[TargetSessionAttrs::Standby, TargetSessionAttrs::Any],
        ref target => std::slice::from_ref(target),
    };
    let mut refusals = Vec::new();
    'passes: for &target in passes {
        refusals.clear();
        for server in &spec.servers {
            match connect_to(server, spec, &connector, target).await {
                Ok(session) => return Ok(session),
                Err(refusal) => {
                    let last = refusal.next == Next::GiveUp;
                    refusals.push((server, refusal));
                    if last {
                        break 'passes;
                    }
                }
            }
        }
    }
    Err(explain(spec, refusals))
}

/// Tries every address of one server.
async fn connect_to(
    server: &Server,
    spec: &ConnSpec,
    connector: &MakeRustlsConnect,
    target: TargetSessionAttrs,
) -> Result<Session, Refusal> {
    let addresses = match &server.host {
        Host::Socket(_) => vec![None],
        Host::Address { address, .. } => vec![Some(*address)],
        Host::Name(name) => {
            let found = tokio::net::lookup_host((name.as_str(), server.port)).await;
            let found = found.map_err(|error| Refusal::lookup(name, &error))?;
            found.map(|address| Some(address.ip())).collect()
        }
    };
    let mut refusal = Refusal::no_address();
    for address in addresses {
        match connect_at(server, address, spec, connector, target).await {
            Ok(session) => return Ok(session),
            Err(error) if error.next == Next::GiveUp => return Err(error),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// Tries one address with and without encryption, in the order that `sslmode` asks for.
async fn connect_at(
    server: &Server,
    address: Option<IpAddr>,
    spec: &ConnSpec,
    connector: &MakeRustlsConnect,
    target: TargetSessionAttrs,
) -> Result<Session, Refusal> {
    let modes: &[SslMode] = match spec.tls.encryption {
        _ if address.is_none() => &[SslMode::Disable],
        Encryption::Disable => &[SslMode::Disable],
        Encryption::Allow => &[SslMode::Disable, SslMode::Prefer],
        Encryption::Prefer => &[SslMode::Prefer, SslMode::Disable],
        Encryption::Require => &[SslMode::Require],
    };
    let mut first: Option<Refusal> = None;
    for &mode in modes {
        let place = Dialled { server: server.to_string(), address, port: server.port, again: spec.at(server, address) };
        let config = configure(server, address, spec, mode);
        let attempt = log_in(config, server, spec, connector.clone(), target, place);
        // libpq gives every address its own time.
        let outcome = match spec.connect_timeout {
            Some(limit) => tokio::time::timeout(limit, attempt).await.unwrap_or_else(|_| Err(Refusal::timeout(limit))),
            None => attempt.await,
        };
        match outcome {
            Ok(session) => return Ok(session),
            Err(refusal) if refusal.may_depend_on_encryption => {
                first = Some(match first.take() {
                    Some(first) => first.and(refusal),
                    None => refusal,
                });
            }
            Err(refusal) => return Err(refusal),
        }
    }
    Err(first.unwrap_or_else(Refusal::no_address))
}

fn configure(server: &Server, address: Option<IpAddr>, spec: &ConnSpec, mode: SslMode) -> Config {
    let mut config = Config::new();
    match (&server.host, address) {
        (Host::Socket(folder), _) => {
            config.host_path(folder);
        }
        (host, address) => {
            let name = match host {
                Host::Name(name) | Host::Address { name: Some(name), .. } => Some(name.as_str()),
                Host::Socket(_) | Host::Address { name: None, .. } => None,
            };
            // The name only serves the certificate. What is no DNS name (`my_host-`) cannot be verified, but need
            // not stop a connection that does not verify names: then the address stands in, and no SNI is sent.
            let verified = matches!(spec.tls.verify, super::conninfo::Verify::ChainAndName(_));
            let usable = name.filter(|name| verified || ServerName::try_from(*name).is_ok());
            config.host(usable.map_or_else(|| address.map_or_else(String::new, |ip| ip.to_string()), str::to_owned));
            if let Some(address) = address {
                config.hostaddr(address);
            }
        }
    }
    config
        .port(server.port)
        .user(&spec.user)
        .dbname(&spec.database)
        .application_name(&spec.application_name)
        .ssl_mode(mode)
        .channel_binding(match spec.channel_binding {
            ChannelBinding::Disable => WireChannelBinding::Disable,
            ChannelBinding::Prefer => WireChannelBinding::Prefer,
            ChannelBinding::Require => WireChannelBinding::Require,
        })
        .keepalives(spec.keepalives.enabled);
    if let Some(password) = &server.password {
        config.password(password.reveal());
    }
    if let Some(options) = &spec.options {
        config.options(options);
    }
    if let Some(idle) = spec.keepalives.idle {
        config.keepalives_idle(idle);
    }
    if let Some(interval) = spec.keepalives.interval {
        config.keepalives_interval(interval);
    }
    if let Some(count) = spec.keepalives.count {
        config.keepalives_retries(count);
    }
    if let Some(limit) = spec.keepalives.user_timeout {
        config.tcp_user_timeout(limit);
    }
    config
}

/// Logs in, pins the session, and sees whether this is the kind of server that was asked for.
async fn log_in(
    config: Config,
    server: &Server,
    spec: &ConnSpec,
    connector: MakeRustlsConnect,
    target: TargetSessionAttrs,
    place: Dialled,
) -> Result<Session, Refusal> {
    let refused = |error| Refusal::by_server(&error, server, spec);
    let (session, major) = match config.get_ssl_mode() {
        SslMode::Disable => {
            let (client, connection) = config.connect(NoTls).await.map_err(refused)?;
            let major = check_major(connection.parameter("server_version"))?;
            (Session::start(client, connection, None, place), major)
        }
        _ => {
            let (client, connection) = config.connect(connector.clone()).await.map_err(refused)?;
            let major = check_major(connection.parameter("server_version"))?;
            (Session::start(client, connection, Some(connector), place), major)
        }
    };
    let session = session.pin(major).await.map_err(refused)?;
    match unwanted(target, session.greeting()) {
        Some(reason) => Err(Refusal::wrong_kind(reason)),
        None => Ok(session),
    }
}

/// The major version, which decides what can be pinned. A server that does not tell it counts as the oldest.
fn check_major(version: Option<&str>) -> Result<u32, Refusal> {
    let digits = version.and_then(|version| version.split(|c: char| !c.is_ascii_digit()).next());
    match digits.and_then(|digits| digits.parse::<u32>().ok()) {
        Some(major) if major < OLDEST_MAJOR => Err(Refusal::too_old(version.unwrap_or_default())),
        known => Ok(known.unwrap_or(OLDEST_MAJOR)),
    }
}

/// Why a server is not of the wanted kind, if so.
fn unwanted(target: TargetSessionAttrs, greeting: &Greeting) -> Option<&'static str> {
    let Greeting { in_recovery, read_only, .. } = *greeting;
    match target {
        TargetSessionAttrs::ReadWrite if in_recovery => Some("it is a standby, and a session that can write is wanted"),
        TargetSessionAttrs::ReadWrite if read_only => {
            Some("its sessions are read-only, and one that can write is wanted")
        }
        TargetSessionAttrs::ReadOnly if !read_only => Some("its sessions can write, and a read-only one is wanted"),
        TargetSessionAttrs::Primary if in_recovery => Some("it is a standby, and a primary is wanted"),
        TargetSessionAttrs::Standby if !in_recovery => Some("it is a primary, and a standby is wanted"),
        _ => None,
    }
}

fn whereabouts(spec: &ConnSpec) -> String {
    let servers: Vec<_> = spec.servers.iter().map(|server| format!("`{server}`")).collect();
    format!("{} as user `{}`, database `{}`", servers.join(", "), spec.user, spec.database)
}

fn explain(spec: &ConnSpec, refusals: Vec<(&Server, Refusal)>) -> anyhow::Error {
    let failure = Failure::new(FailureKind::Unreachable, format!("cannot connect to {}", whereabouts(spec)));
    let several = 1 < refusals.len();
    let mut hint = None;
    let mut kind = FailureKind::Unreachable;
    let reasons: Vec<_> = refusals
        .into_iter()
        .map(|(server, refusal)| {
            kind = refusal.kind;
            hint = refusal.hint.or(hint.take());
            if several { format!("`{server}`: {}", refusal.reason) } else { refusal.reason }
        })
        .collect();
    let hint = hint.or_else(|| spec.warnings.first().cloned());
    anyhow!(reasons.join("; ")).context(Failure { kind, hint, ..failure })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::conninfo::Environment;

    fn spec(string: &str) -> ConnSpec {
        let nothing = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        let environment = Environment::new(Default::default(), None, Some("ada".to_owned()), nothing);
        ConnSpec::resolve(Some(string), &environment).unwrap()
    }

    fn greeting(in_recovery: bool, read_only: bool) -> Greeting {
        Greeting { in_recovery, read_only, ..Greeting::default() }
    }

    #[test]
    fn servers_before_14_are_refused() {
        for (version, refused) in [
            ("9.6.24", true),
            ("13.23 (Debian 13.23-1)", true),
            ("14.0", false),
            ("15.18 (Debian 15.18-0+deb12u1)", false),
            ("19beta1", false),
        ] {
            let outcome = check_major(Some(version));
            assert_eq!(outcome.as_ref().is_err_and(|e| e.kind == FailureKind::Refused), refused, "{version}");
        }
        assert!(check_major(None).is_ok());
    }

    #[test]
    fn target_session_attrs_choose_by_recovery_and_by_what_sessions_may_write() {
        use TargetSessionAttrs::{Any, Primary, ReadOnly, ReadWrite, Standby};
        let (primary, standby) = (greeting(false, false), greeting(true, true));
        let read_only_primary = greeting(false, true);
        for (server, wanted_by) in [
            (primary, &[Any, ReadWrite, Primary][..]),
            (standby, &[Any, ReadOnly, Standby]),
            (read_only_primary, &[Any, ReadOnly, Primary]),
        ] {
            for target in [Any, ReadWrite, ReadOnly, Primary, Standby] {
                assert_eq!(unwanted(target, &server).is_none(), wanted_by.contains(&target), "{target:?} {server:?}");
            }
        }
    }

    #[test]
    fn every_refusal_is_told_with_its_server_and_the_last_decides_the_kind() {
        let spec = spec("postgres://bob:hush@db1,db2:5433/sales");
        let refusals = [Refusal::wrong_kind("it is a standby"), Refusal::too_old("9.6")];
        let error = explain(&spec, spec.servers.iter().zip(refusals).collect());
        assert_eq!(
            format!("{error:#}"),
            "cannot connect to `db1:5432`, `db2:5433` as user `bob`, database `sales`: \
             `db1:5432`: it is a standby; `db2:5433`: the server is PostgreSQL 9.6, which is too old"
        );
        let failure = error.downcast_ref::<Failure>().unwrap();
        assert_eq!(failure.kind, FailureKind::Refused);
        assert_eq!(failure.hint.as_deref(), Some("partctl needs PostgreSQL 14 or newer"));
        assert!(!format!("{error:?}").contains("hush"));
    }

    #[test]
    fn a_name_that_is_no_dns_name_is_dialled_unless_it_must_be_verified() {
        let address = "192.0.2.1".parse().ok();
        for (string, host) in [
            ("host=my_db- sslmode=require", "192.0.2.1"),
            ("host=my_db- sslrootcert=system", "my_db-"),
            ("host=my_db sslmode=require", "my_db"),
            ("hostaddr=192.0.2.1", "192.0.2.1"),
        ] {
            let spec = spec(string);
            let config = configure(&spec.servers[0], address, &spec, SslMode::Require);
            assert_eq!(config.get_hosts(), [tokio_postgres::config::Host::Tcp(host.to_owned())], "{string}");
            assert_eq!(config.get_hostaddrs(), [address.unwrap()]);
        }
    }

    #[tokio::test]
    async fn a_port_where_nothing_listens_is_unreachable_and_says_so() {
        // Taken and given back: nobody listens there now.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = connect(&spec(&format!("postgres://bob:hush@127.0.0.1:{free}/sales"))).await.err().unwrap();
        let failure = error.downcast_ref::<Failure>().unwrap();
        assert_eq!(failure.kind, FailureKind::Unreachable);
        let expected = format!("cannot connect to `127.0.0.1:{free}` as user `bob`, database `sales`");
        assert_eq!(failure.message, expected);
        assert!(failure.hint.as_ref().unwrap().starts_with("nothing listens there"));
        assert!(!format!("{error:?} {error:#}").contains("hush"));
    }
}
