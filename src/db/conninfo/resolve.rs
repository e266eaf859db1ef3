//! Turns connection settings into a [`ConnSpec`]: the order of the sources, the defaults, the values that exist.
//! The order is libpq's: connection string, service file, variables, defaults.

use super::environment::{Environment, SeenKind};
use super::keyword::Parameters;
use super::passfile::{Passfile, SOCKET_FOLDERS};
use super::{
    ChannelBinding, ClientCertificate, ConnSpec, Encryption, Host, Keepalives, Origin, Password, PasswordSource, Roots,
    Server, TargetSessionAttrs, TlsSpec, Verify, keyvalue, service, uri,
};
use crate::failure::{Failure, FailureKind};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::time::Duration;

const DEFAULT_PORT: u16 = 5432;

/// libpq waits for hours, or without end, for a peer that has gone silent. Nobody watches a run at night: it shall end
/// within a minute, and say why.
const CONNECT_TIMEOUT: u64 = 15;
const KEEPALIVES_IDLE: u64 = 20;
const KEEPALIVES_INTERVAL: u64 = 10;
const KEEPALIVES_COUNT: u64 = 3;
/// Milliseconds.
const TCP_USER_TIMEOUT: u64 = 45_000;

const TARGETS: &[(&str, TargetSessionAttrs)] = &[
    ("any", TargetSessionAttrs::Any),
    ("read-write", TargetSessionAttrs::ReadWrite),
    ("read-only", TargetSessionAttrs::ReadOnly),
    ("primary", TargetSessionAttrs::Primary),
    ("standby", TargetSessionAttrs::Standby),
    ("prefer-standby", TargetSessionAttrs::PreferStandby),
];

const BINDINGS: &[(&str, ChannelBinding)] =
    &[("disable", ChannelBinding::Disable), ("prefer", ChannelBinding::Prefer), ("require", ChannelBinding::Require)];

/// How much `sslmode` alone asks to be verified.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Nothing,
    Chain,
    ChainAndName,
}

const SSL_MODES: &[(&str, (Encryption, Level))] = &[
    ("disable", (Encryption::Disable, Level::Nothing)),
    ("allow", (Encryption::Allow, Level::Nothing)),
    ("prefer", (Encryption::Prefer, Level::Nothing)),
    ("require", (Encryption::Require, Level::Nothing)),
    ("verify-ca", (Encryption::Require, Level::Chain)),
    ("verify-full", (Encryption::Require, Level::ChainAndName)),
];

impl ConnSpec {
    /// Resolves `--database` (a URL, `key=value` settings, or the bare name of a database), else
    /// `PARTCTL_DATABASE`, else `DATABASE_URL`, with `PG*` variables for what the string leaves out. Fails with
    /// [`FailureKind::Usage`] on anything that libpq would not understand or partctl cannot honour.
    pub fn resolve(database: Option<&str>, environment: &Environment) -> Result<Self> {
        let named = |name| environment.variable(name).filter(|value| !value.is_empty()).map(|value| (name, value));
        let (source, string) = match database {
            Some(string) => ("--database", string),
            None => named("PARTCTL_DATABASE").or_else(|| named("DATABASE_URL")).unwrap_or_default(),
        };
        resolve(source, string, environment).map_err(|error| {
            let message = match source {
                "" => "cannot resolve the connection from `PG*` variables and defaults".to_owned(),
                _ => format!("cannot resolve the connection from `{source}`"),
            };
            let hint = "write it as in `postgresql://user@host:5432/database`, with settings as libpq has them";
            error.context(Failure::new(FailureKind::Usage, message).hint(hint))
        })
    }
}

fn resolve(source: &str, string: &str, environment: &Environment) -> Result<ConnSpec> {
    // `--database "$UNSET"` must not end up in whatever database the defaults name.
    ensure!(source.is_empty() || !string.trim().is_empty(), "the connection string is empty");
    let mut parameters = parse(string)?;
    let service = parameters.get("service").or_else(|| environment.variable("PGSERVICE")).map(str::to_owned);
    if let Some(service) = service.filter(|name| !name.is_empty()) {
        service::fill(&mut parameters, &service, environment)?;
    }
    parameters.fill_from_variables(|name| environment.variable(name))?;

    let mut warnings = Vec::new();
    let user = parameters.get("user").or(environment.user());
    let user = user.context("no user given, and the operating system knows none")?.to_owned();
    let database = parameters.get("dbname").unwrap_or(&user).to_owned();
    let mut servers = servers(&parameters, environment)?;
    fill_in_passwords(&mut servers, &database, &user, &parameters, environment, &mut warnings);
    let over_tcp = servers.iter().any(|server| !matches!(server.host, Host::Socket(_)));
    Ok(ConnSpec {
        tls: tls(&parameters, environment, over_tcp, &mut warnings)?,
        servers,
        user,
        database,
        target: choose(&parameters, "target_session_attrs", TARGETS)?.unwrap_or(TargetSessionAttrs::Any),
        // libpq insists on at least two seconds; zero and negative numbers wait without end.
        connect_timeout: number(&parameters, "connect_timeout", CONNECT_TIMEOUT)?
            .map(|seconds| Duration::from_secs(seconds.max(2))),
        application_name: parameters.get("application_name").unwrap_or("partctl").to_owned(),
        options: parameters.get("options").map(str::to_owned),
        channel_binding: choose(&parameters, "channel_binding", BINDINGS)?.unwrap_or(ChannelBinding::Prefer),
        keepalives: keepalives(&parameters)?,
        warnings,
    })
}

fn parse(string: &str) -> Result<Parameters> {
    let text = string.trim();
    let is_name = |c: char| c.is_alphanumeric() || "_-$".contains(c);
    match uri::without_scheme(text) {
        Some(rest) => uri::parse(rest),
        None if text
            .split_once("://")
            .is_some_and(|(scheme, _)| scheme.chars().all(|c| is_name(c) || "+.:".contains(c))) =>
        {
            bail!("a connection URL starts with `postgresql://` or `postgres://`")
        }
        None if text.contains('=') || text.is_empty() => keyvalue::parse(text),
        // As psql does; narrower, because a mistyped URL would be shown as the name of a database.
        None if text.chars().all(is_name) => {
            let mut parameters = Parameters::default();
            parameters.set("dbname", text.to_owned())?;
            Ok(parameters)
        }
        None => bail!("neither a `postgresql://` URL nor `key=value` settings nor the name of a database"),
    }
}

fn servers(parameters: &Parameters, environment: &Environment) -> Result<Vec<Server>> {
    let list = |name| parameters.get(name).map(|text| text.split(',').map(str::trim).collect::<Vec<_>>());
    let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port").unwrap_or_else(|| vec![""]));
    let count = addresses.as_ref().or(names.as_ref()).map_or(1, Vec::len);
    if let (Some(names), Some(addresses)) = (&names, &addresses) {
        ensure!(names.len() == addresses.len(), "{} hosts but {} host addresses", names.len(), addresses.len());
    }
    ensure!(ports.len() == 1 || ports.len() == count, "{} ports but {count} hosts", ports.len());

    let at = |list: &Option<Vec<&str>>, index: usize| {
        list.as_ref().map(|list| list[index].to_owned()).filter(|text| !text.is_empty())
    };
    (0..count)
        .map(|index| {
            let port = match ports[if ports.len() == 1 { 0 } else { index }] {
                "" => DEFAULT_PORT,
                // Not quoted: in `postgres://user:pass/word@host` it would be the start of the password.
                port => port.parse().ok().filter(|port| 0 < *port).context("a port is not a number from 1 to 65535")?,
            };
            let host = match (at(&names, index), at(&addresses, index)) {
                (name, Some(address)) => Host::Address {
                    name,
                    address: address.parse().ok().context("`hostaddr` takes IP addresses, `host` takes names")?,
                },
                (Some(name), None) if name.starts_with('/') => Host::Socket(PathBuf::from(name)),
                (Some(name), None) => {
                    ensure!(!name.contains('@'), "a host name has an `@`; abstract sockets are not supported");
                    Host::Name(name)
                }
                (None, None) => default_host(port, environment),
            };
            Ok(Server { host, port, password: None })
        })
        .collect()
}

/// libpq is built with one default folder; we take the first that has a socket for this port.
fn default_host(port: u16, environment: &Environment) -> Host {
    let has_socket = |folder: &str| {
        let seen = environment.look(&Path::new(folder).join(format!(".s.PGSQL.{port}")));
        seen.is_ok_and(|seen| seen.kind == SeenKind::Socket)
    };
    match SOCKET_FOLDERS.iter().find(|folder| has_socket(folder)) {
        Some(folder) => Host::Socket(PathBuf::from(folder)),
        None => Host::Name("localhost".to_owned()),
    }
}

fn fill_in_passwords(
    servers: &mut [Server],
    database: &str,
    user: &str,
    parameters: &Parameters,
    environment: &Environment,
    warnings: &mut Vec<String>,
) {
    if let Some((text, origin)) = parameters.get_with_origin("password") {
        let source = match origin {
            Origin::ConnectionString => PasswordSource::ConnectionString,
            Origin::ServiceFile => PasswordSource::ServiceFile,
            Origin::Variable => PasswordSource::Variable,
        };
        let password = Password { text: text.to_owned(), source };
        servers.iter_mut().for_each(|server| server.password = Some(password.clone()));
    } else if let Some(path) = parameters.get("passfile").map(PathBuf::from).or_else(|| environment.in_home(".pgpass"))
    {
        let passfile = Passfile::read(environment, &path, warnings);
        for server in servers {
            let text = passfile.password(&server.host, server.port, database, user);
            server.password = text.map(|text| Password { text, source: PasswordSource::Passfile(path.clone()) });
        }
    }
}

fn tls(
    parameters: &Parameters,
    environment: &Environment,
    over_tcp: bool,
    warnings: &mut Vec<String>,
) -> Result<TlsSpec> {
    let system = parameters.get("sslrootcert") == Some("system");
    // libpq since PostgreSQL 16: the system's roots vouch for the whole internet, so the name must be checked.
    let default =
        if system { (Encryption::Require, Level::ChainAndName) } else { (Encryption::Prefer, Level::Nothing) };
    let (encryption, level) = choose(parameters, "sslmode", SSL_MODES)?.unwrap_or(default);
    if encryption == Encryption::Disable || !over_tcp {
        return Ok(TlsSpec { encryption, verify: Verify::Nothing, client_certificate: None });
    }
    ensure!(!system || level == Level::ChainAndName, "`sslrootcert=system` needs `sslmode=verify-full`");

    let own = |file: &str| environment.in_home(".postgresql").map(|folder| folder.join(file));
    let roots = match parameters.get("sslrootcert") {
        Some("system") => Some(Roots::System),
        Some(path) => {
            // libpq ignores a missing file below verify-ca; who names a file wants it used.
            ensure!(environment.exists(Path::new(path)), "root certificate file `{path}` not found");
            Some(Roots::File(PathBuf::from(path)))
        }
        None => own("root.crt").filter(|path| environment.exists(path)).map(Roots::File),
    };
    let verify = match (level, roots) {
        (Level::ChainAndName, Some(roots)) => Verify::ChainAndName(roots),
        (_, Some(roots)) => Verify::Chain(roots),
        (Level::Nothing, None) => Verify::Nothing,
        (_, None) => bail!(
            "verifying the server needs a root certificate: name it with `sslrootcert`, put it into \
             `~/.postgresql/root.crt`, or use `sslrootcert=system`"
        ),
    };
    Ok(TlsSpec { encryption, verify, client_certificate: client_certificate(parameters, environment, warnings)? })
}

fn client_certificate(
    parameters: &Parameters,
    environment: &Environment,
    warnings: &mut Vec<String>,
) -> Result<Option<ClientCertificate>> {
    let path = |keyword, file| {
        parameters.get(keyword).map(PathBuf::from).or_else(|| Some(environment.in_home(".postgresql")?.join(file)))
    };
    let Some(certificate) = path("sslcert", "postgresql.crt") else { return Ok(None) };
    if !environment.exists(&certificate) {
        // As in libpq the server decides whether it can do without.
        if parameters.get("sslcert").is_some() {
            warnings.push(format!("client certificate `{}` not found, going on without", certificate.display()));
        }
        return Ok(None);
    }
    let key = path("sslkey", "postgresql.key").filter(|key| environment.exists(key));
    let key = key.with_context(|| {
        format!("client certificate `{}` has no private key: name it with `sslkey`", certificate.display())
    })?;
    Ok(Some(ClientCertificate { certificate, key }))
}

fn keepalives(parameters: &Parameters) -> Result<Keepalives> {
    let count = number(parameters, "keepalives_count", KEEPALIVES_COUNT)?;
    Ok(Keepalives {
        enabled: parameters.get("keepalives") != Some("0"),
        idle: number(parameters, "keepalives_idle", KEEPALIVES_IDLE)?.map(Duration::from_secs),
        interval: number(parameters, "keepalives_interval", KEEPALIVES_INTERVAL)?.map(Duration::from_secs),
        count: count.map(u32::try_from).transpose().context("`keepalives_count` is too large")?,
        user_timeout: number(parameters, "tcp_user_timeout", TCP_USER_TIMEOUT)?.map(Duration::from_millis),
    })
}

/// A number; zero and below leave it to the system, as for all of libpq's numbers.
fn number(parameters: &Parameters, name: &str, default: u64) -> Result<Option<u64>> {
    let Some(text) = parameters.get(name) else { return Ok(Some(default)) };
    let number: i32 = text.trim().parse().ok().with_context(|| format!("`{name}` takes a whole number"))?;
    Ok(u64::try_from(number).ok().filter(|number| 0 < *number))
}

fn choose<T: Copy>(parameters: &Parameters, name: &str, choices: &[(&str, T)]) -> Result<Option<T>> {
    let Some(text) = parameters.get(name) else { return Ok(None) };
    match choices.iter().find(|(spelling, _)| *spelling == text) {
        Some((_, choice)) => Ok(Some(*choice)),
        None => bail!(
            "`{name}` takes one of {}",
            choices.iter().map(|(spelling, _)| format!("`{spelling}`")).collect::<Vec<_>>().join(", ")
        ),
    }
}
