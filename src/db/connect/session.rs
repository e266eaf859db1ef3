//! A session in use: the client, the task that drives its socket, and what the server said on its own.
//! It decides nothing; notices are kept for whoever asks, never printed.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
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
    server: String,
}

/// What the server tells about itself at the start.
#[derive(Debug, Clone, Default)]
pub(super) struct Greeting {
    pub(super) in_recovery: bool,
    pub(super) read_only: bool,
    pub(super) backend_pid: i32,
    pub(super) server_version: i32,
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
        Self { client, task, heard, connector, greeting: Greeting::default(), server: String::new() }
    }

    /// Sets the given settings and reads what the server is, in one round trip. `server` is its name for messages.
    pub(super) async fn pin(
        mut self,
        settings: &[(&str, &str)],
        server: String,
    ) -> Result<Self, tokio_postgres::Error> {
        let mut sql: String = settings.iter().map(|(name, value)| format!("SET {name} = '{value}';\n")).collect();
        sql.push_str(
            "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only'), \
             pg_catalog.pg_backend_pid(), pg_catalog.current_setting('server_version_num')",
        );
        for message in self.client.simple_query(&sql).await? {
            if let SimpleQueryMessage::Row(row) = message {
                let number = |column| row.get(column).and_then(|text| text.parse().ok()).unwrap_or_default();
                self.greeting = Greeting {
                    in_recovery: row.get(0) == Some("t"),
                    read_only: row.get(1) == Some("on"),
                    backend_pid: number(2),
                    server_version: number(3),
                };
            }
        }
        self.server = server;
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
    pub fn server_version(&self) -> i32 {
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
        &self.server
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
        Canceller { token: self.client.cancel_token(), connector: self.connector.clone() }
    }

    /// Says goodbye and waits until the connection is closed.
    pub async fn close(self) {
        drop(self.client);
        // The task has no result and does not panic; aborted it is closed as well.
        let _ = self.task.await;
    }
}

/// Cancels the statement that a session is running.
#[derive(Clone)]
pub struct Canceller {
    token: CancelToken,
    connector: Option<MakeRustlsConnect>,
}

impl Canceller {
    /// Asks the server to cancel. Success only means that it was asked; behind PgBouncer nothing may happen, there
    /// `pg_cancel_backend` on a second connection is the way.
    pub async fn cancel(&self) -> Result<(), tokio_postgres::Error> {
        match &self.connector {
            Some(connector) => self.token.cancel_query(connector.clone()).await,
            None => self.token.cancel_query(NoTls).await,
        }
    }
}
