//! Why one attempt to connect failed: in words, with a hint where the cause is plain, and what may be tried next.
//! It decides from SQLSTATE and typed causes, never from the server's text, which may be in any language.

use crate::db::conninfo::{ConnSpec, Encryption, Server};
use crate::failure::FailureKind;
use rustls::{AlertDescription, CertificateError};
use std::error::Error as _;
use std::io;
use std::time::Duration;
use tokio_postgres::error::{DbError, SqlState};

/// A failed attempt.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reason: String,
    pub(super) hint: Option<String>,
    pub(super) kind: FailureKind,
    pub(super) next: Next,
    /// Whether the same address may answer otherwise with encryption, or without.
    pub(super) may_depend_on_encryption: bool,
}

/// What may be tried after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The next address or server.
    GoOn,
    /// Nothing: as in libpq a refused login is final, other servers will know the role no better.
    GiveUp,
}

impl Refusal {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            hint: None,
            kind: FailureKind::Unreachable,
            next: Next::GoOn,
            may_depend_on_encryption: false,
        }
    }

    pub(super) fn lookup(name: &str, error: &io::Error) -> Self {
        let hint = "is the name right, and known to the DNS of this machine?";
        Self { hint: Some(hint.to_owned()), ..Self::new(format!("cannot look up `{name}`: {error}")) }
    }

    pub(super) fn no_address() -> Self {
        Self::new("the name has no address")
    }

    pub(super) fn timeout(limit: Duration) -> Self {
        let hint = "a firewall may be in between; `connect_timeout` says how long to wait";
        Self { hint: Some(hint.to_owned()), ..Self::new(format!("no answer within {} s", limit.as_secs())) }
    }

    pub(super) fn wrong_kind(reason: &str) -> Self {
        let hint = "`target_session_attrs` says which servers will do";
        Self { hint: Some(hint.to_owned()), ..Self::new(reason) }
    }

    pub(super) fn too_old(version: &str) -> Self {
        Self {
            kind: FailureKind::Refused,
            next: Next::GiveUp,
            hint: Some("partctl needs PostgreSQL 14 or newer".to_owned()),
            ..Self::new(format!("the server is PostgreSQL {version}, which is too old"))
        }
    }

    /// Both attempts at one address failed, with encryption and without.
    pub(super) fn and(self, second: Self) -> Self {
        let reason = match self.reason == second.reason {
            true => self.reason,
            false => format!("{}; then {}", self.reason, second.reason),
        };
        Self { reason, hint: self.hint.or(second.hint), ..second }
    }

    /// What an error of the driver means.
    pub(super) fn by_server(error: &tokio_postgres::Error, server: &Server, spec: &ConnSpec) -> Self {
        let refusal = Self::new(describe(error));
        if let Some(db) = error.as_db_error() {
            return refusal.by_sqlstate(db, server, spec);
        }
        let Some(io) = find_io(error) else {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            return match cause.as_str() {
                // The driver's words, fixed in English.
                "password missing" => Self {
                    hint: Some(password_hint(spec)),
                    next: Next::GiveUp,
                    ..Self::new("the server asks for a password, and none was found")
                },
                "server does not support TLS" => {
                    let hint = "`sslmode=prefer` does without encryption where a server has none";
                    Self { hint: Some(hint.to_owned()), ..refusal }
                }
                _ => Self { may_depend_on_encryption: true, ..refusal },
            };
        };
        if let Some(tls) = io.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
            return Self { hint: tls_hint(tls), may_depend_on_encryption: true, ..refusal };
        }
        let hint = match io.kind() {
            io::ErrorKind::ConnectionRefused => "nothing listens there: is the server running, on this port?",
            io::ErrorKind::NotFound => {
                "there is no such socket: is the server running? `host` names the folder of its socket, or its address"
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                "this machine cannot reach it: look at routes, firewalls, and the rights on the socket's folder"
            }
            _ => return Self { may_depend_on_encryption: true, ..refusal },
        };
        Self { hint: Some(hint.to_owned()), ..refusal }
    }

    fn by_sqlstate(self, db: &DbError, server: &Server, spec: &ConnSpec) -> Self {
        let class = db.code().code().get(..2).unwrap_or_default();
        let hint = match *db.code() {
            SqlState::INVALID_PASSWORD => {
                server.password.as_ref().map(|password| format!("the password came from {}", password.source()))
            }
            SqlState::PROTOCOL_VIOLATION if spec.options.is_some() => {
                Some("PgBouncer refuses connections with `options`: leave them out".to_owned())
            }
            // 28000 is also a role that does not exist or may not log in; ROUTINE, which is never translated, tells.
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION if db.routine() == Some("ClientAuthentication") => {
                let hint = match spec.tls.encryption {
                    Encryption::Disable => "the server may accept only encrypted connections: try `sslmode=require`",
                    _ => "`pg_hba.conf` on the server decides who may connect from where to which database, and how",
                };
                Some(hint.to_owned())
            }
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Some(
                "the role must be there, with LOGIN; it is named in the connection string, by PGUSER, or as the account is".to_owned(),
            ),
            SqlState::INVALID_CATALOG_NAME => Some(
                "the database is named in the connection string or by PGDATABASE, or is called as the user is"
                    .to_owned(),
            ),
            SqlState::INSUFFICIENT_PRIVILEGE => Some("GRANT CONNECT ON DATABASE to the role".to_owned()),
            SqlState::TOO_MANY_CONNECTIONS => {
                Some("the server has no room for a session now: run again later".to_owned())
            }
            SqlState::CANNOT_CONNECT_NOW => Some("the server is starting or stopping: run again later".to_owned()),
            _ => None,
        };
        // 53 is insufficient resources, 57 includes a server that is starting up or shutting down (57P03).
        let next = if matches!(class, "53" | "57") { Next::GoOn } else { Next::GiveUp };
        Self { hint, next, may_depend_on_encryption: class == "28", ..self }
    }
}

/// Whether the session has ended: by the network, or because the server ended it (class 57P).
pub fn is_lost(error: &tokio_postgres::Error) -> bool {
    error.is_closed()
        || error.code().is_some_and(|code| code.code().starts_with("57P"))
        || error.as_db_error().is_none() && find_io(error).is_some()
}

/// The causes of an error in one line, each said once.
pub fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        let detail = db.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        return format!("{}: {}{detail} (SQLSTATE {})", db.severity(), db.message(), db.code().code());
    }
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(&format!(": {error}"));
        cause = error.source();
    }
    words
}

fn password_hint(spec: &ConnSpec) -> String {
    let way = "give it by `~/.pgpass`, `PGPASSWORD` or the connection string";
    match spec.warnings.first() {
        Some(warning) => format!("{way} ({warning})"),
        None => way.to_owned(),
    }
}

fn find_io(error: &tokio_postgres::Error) -> Option<&io::Error> {
    error.source().and_then(|cause| cause.downcast_ref::<io::Error>())
}

fn tls_hint(error: &rustls::Error) -> Option<String> {
    let hint = match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "`sslrootcert` must name the certificate of the authority that signed the server's certificate"
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }) => {
            "`host` must be a name that the certificate is for (`hostaddr` can say where that is), or use \
             `sslmode=verify-ca`"
        }
        rustls::Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateUnknown,
        ) => "the server does not accept the client certificate: `sslcert` names it",
        // webpki has reasons that rustls gives no name.
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => match other.to_string() {
            text if text.contains("UnsupportedCertVersion") => {
                "the server's certificate is X.509 version 1, which is not supported: sign it again as version 3 \
                 (`openssl x509 -req` with `-extfile`)"
            }
            text if text.contains("CaUsedAsEndEntity") => {
                "the server shows the certificate of an authority as its own: that is accepted only when \
                 `sslrootcert` holds that very certificate"
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(hint.to_owned())
}
