//! A session in use: the client, the task that drives its socket, and what the server said on its own.
//! It decides nothing; notices are kept for whoever asks, never printed.

use crate::db::conninfo::ConnSpec;
use crate::sql::pin_session;
use anyhow::{Context, Result};
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{AbortHandle, JoinHandle};
use tokio_postgres::error::DbError;
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{AsyncMessage, CancelToken, Client, Connection, NoTls, SimpleQueryMessage, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A connection to one server. Dropping it ends the session after the statement that is running, if any; only
/// [`Session::close`] waits for that.
pub struct Session {
    client: Client,
    task: JoinHandle<()>,
    heard: Arc<Mutex<Heard>>,
    connector: Option<MakeRustlsConnect>,
    greeting: Greeting,
    dialled: Arc<Dialled>,
}

/// Where a session was opened.
pub(super) struct Dialled {
    /// The server's name for messages.
    pub(super) server: String,
    /// Its address; `None`: a Unix socket.
    pub(super) address: Option<IpAddr>,
    /// Its port.
    pub(super) port: u16,
    /// How to open another session at the same place.
    pub(super) again: ConnSpec,
}

/// What the server tells about itself at the start.
#[derive(Debug, Clone, Default)]
pub(super) struct Greeting {
    pub(super) in_recovery: bool,
    pub(super) read_only: bool,
    pub(super) backend_pid: i32,
    pub(super) server_version: u32,
    /// Where the server itself took the connection; no address: on a Unix socket.
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
}

#[derive(Default)]
struct Heard {
    notices: Vec<Notice>,
    ended_by: Option<String>,
}

/// A warning or notice of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// `WARNING`, `NOTICE`, ..., in the server's language.
    pub severity: String,
    /// SQLSTATE, such as `01000`.
    pub sqlstate: String,
    /// The message.
    pub message: String,
    /// DETAIL, when given.
    pub detail: Option<String>,
    /// HINT, when given.
    pub hint: Option<String>,
}

impl From<&DbError> for Notice {
    fn from(error: &DbError) -> Self {
        Self {
            severity: error.severity().to_owned(),
            sqlstate: error.code().code().to_owned(),
            message: error.message().to_owned(),
            detail: error.detail().map(str::to_owned),
            hint: error.hint().map(str::to_owned),
        }
    }
}

impl Session {
    /// Starts driving a fresh connection. It is not usable before [`Session::pin`].
    pub(super) fn start<T>(
        client: Client,
        mut connection: Connection<Socket, T>,
        connector: Option<MakeRustlsConnect>,
        dialled: Dialled,
    ) -> Self
    where
        T: TlsStream + AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let ears = Arc::clone(&heard);
        // The task ends by itself: dropping the client closes its channel, and then the connection says goodbye.
        let task = tokio::spawn(async move {
            while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                let mut heard = ears.lock().unwrap_or_else(PoisonError::into_inner);
                match message {
                    Ok(AsyncMessage::Notice(notice)) => heard.notices.push(Notice::from(&notice)),
                    Ok(_) => {}
                    Err(error) => {
                        heard.ended_by = Some(super::refusal::describe(&error));
                        break;
                    }
                }
            }
        });
        Self { client, task, heard, connector, greeting: Greeting::default(), dialled: Arc::new(dialled) }
    }

    /// Pins the settings of a server of this major version and reads what the server is, in one round trip.
    pub(super) async fn pin(mut self, major: u32) -> Result<Self, tokio_postgres::Error> {
        let mut sql: String = pin_session(major).collect();
        sql.push_str(
            "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only'), \
             pg_catalog.pg_backend_pid(), pg_catalog.current_setting('server_version_num'), \
             pg_catalog.host(pg_catalog.inet_server_addr()), pg_catalog.current_setting('port')",
        );
        let answer = self.client.simple_query(&sql).await?;
        let row = answer.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        if let Some(row) = row {
            let number = |column| row.get(column).and_then(|text| text.parse().ok()).unwrap_or_default();
            self.greeting = Greeting {
                in_recovery: row.get(0) == Some("t"),
                read_only: row.get(1) == Some("on"),
                backend_pid: number(2),
                server_version: number(3).unsigned_abs(),
                address: row.get(4).and_then(|text| text.parse().ok()),
                port: row.get(5).and_then(|text| text.parse().ok()).unwrap_or_default(),
            };
        }
        Ok(self)
    }

    pub(super) fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// The client, for queries. Behind a transaction pooler named prepared statements break: prefer `query_typed`
    /// and `simple_query`.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The client, for transactions.
    pub fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// `server_version_num`, such as 150018 for 15.18.
    pub fn server_version(&self) -> u32 {
        self.greeting.server_version
    }

    /// Whether the server was a standby when the session began.
    pub fn in_recovery(&self) -> bool {
        self.greeting.in_recovery
    }

    /// Whether transactions are read-only unless they say otherwise (`default_transaction_read_only`).
    pub fn is_read_only(&self) -> bool {
        self.greeting.read_only
    }

    /// `pg_backend_pid()` at the start. Behind a transaction pooler later statements may run elsewhere.
    pub fn backend_pid(&self) -> i32 {
        self.greeting.backend_pid
    }

    /// The server that took the connection, as `host:port` or the path of its socket.
    pub fn server(&self) -> &str {
        &self.dialled.server
    }

    /// Whether the server took the connection where it was dialled. Otherwise something stands in between: a pooler,
    /// or only a proxy or a container's port.
    pub fn is_direct(&self) -> bool {
        let canonical = |address: Option<IpAddr>| address.map(|address| address.to_canonical());
        let Greeting { address, port, .. } = self.greeting;
        port == self.dialled.port && canonical(address) == canonical(self.dialled.address)
    }

    /// Another session at the same place.
    ///
    /// # Errors
    /// Those of [`super::connect`].
    pub async fn another(&self) -> Result<Self> {
        super::connect(&self.dialled.again).await
    }

    /// How to open another session at the same place.
    pub(super) fn again(&self) -> &ConnSpec {
        &self.dialled.again
    }

    /// What the server said on its own since the last call, oldest first.
    pub fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner).notices)
    }

    /// Why the connection ended, once it has ended by itself. Statements then fail with only "connection closed".
    pub fn ended_by(&self) -> Option<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).ended_by.clone()
    }

    /// A handle that cancels the running statement from elsewhere.
    pub fn canceller(&self) -> Canceller {
        Canceller {
            token: self.client.cancel_token(),
            connector: self.connector.clone(),
            backend_pid: self.greeting.backend_pid,
            is_direct: self.is_direct(),
            dialled: Arc::clone(&self.dialled),
        }
    }

    /// Tells elsewhere whether the session has ended.
    pub fn pulse(&self) -> Pulse {
        Pulse(self.task.abort_handle())
    }

    /// Says goodbye and waits until the connection is closed.
    pub async fn close(self) {
        drop(self.client);
        // The task has no result and does not panic; aborted it is closed as well.
        let _ = self.task.await;
    }
}

/// Whether a session is still there, for others than its owner.
#[derive(Debug, Clone)]
pub struct Pulse(AbortHandle);

impl Pulse {
    /// Whether the session has ended, as far as this side knows.
    pub fn has_ended(&self) -> bool {
        self.0.is_finished()
    }
}

/// Cancels the statement that a session is running.
#[derive(Clone)]
pub struct Canceller {
    token: CancelToken,
    connector: Option<MakeRustlsConnect>,
    backend_pid: i32,
    is_direct: bool,
    dialled: Arc<Dialled>,
}

/// How a cancellation was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// By a request that goes its own way: it may still be coming, and it may be lost.
    Request,
    /// By the server itself: its process has been told.
    Signal,
}

impl Canceller {
    /// Asks to cancel; success only means that it was asked.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn cancel(&self) -> Result<Asked> {
        if !self.is_direct {
            return self.cancel_from_another_session().await;
        }
        match &self.connector {
            Some(connector) => self.token.cancel_query(connector.clone()).await,
            None => self.token.cancel_query(NoTls).await,
        }
        .context("sending a cancel request")?;
        Ok(Asked::Request)
    }

    /// The way that works behind a pooler: PgBouncer 1.18 takes a cancel request and cancels nothing.
    ///
    /// # Errors
    /// When no other session can be opened, or the role may not cancel its own statements.
    pub async fn cancel_from_another_session(&self) -> Result<Asked> {
        let other = super::connect(&self.dialled.again).await?;
        let sql = format!("SELECT pg_catalog.pg_cancel_backend({})", self.backend_pid);
        other.client().batch_execute(&sql).await.context("cancelling from another session")?;
        Ok(Asked::Signal)
    }
}
