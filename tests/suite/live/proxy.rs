//! A server's front door that stands still at one chosen request: right before it reaches the server, or right after
//! the server has completed it and before any of its answer is delivered. What happens then is the test's business.
//!
//! It knows just enough of the protocol: where messages end, which ones ask (`Query`, `Sync`), and which one says that
//! an answer is complete (`ReadyForQuery`). It never changes a byte.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::harness::Address;

/// Which side of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The server has not seen it.
    Before,
    /// The server has completed it, and nobody knows.
    After,
}

/// Which request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// The n-th over all connections, from 1.
    Number(usize),
    /// The first one with this in its SQL.
    With(&'static str),
    /// The first one on the n-th connection, from 1.
    FirstOn(usize),
}

/// Where the network stands still.
pub type Point = (Side, Request);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// The point has not come.
    Open,
    /// Everything stands still, on every connection.
    Held,
    /// Everything goes on; the point does not come again.
    Resumed,
    /// Every connection is closed, in both directions.
    Cut,
}

struct Shared {
    server: PathBuf,
    point: Option<Point>,
    requests: AtomicUsize,
    gate: watch::Sender<Gate>,
}

/// A socket that leads to a server. Dropped, its connections are closed.
pub struct Proxy {
    folder: TempDir,
    port: u16,
    shared: Arc<Shared>,
    doorman: JoinHandle<()>,
}

impl Proxy {
    /// Opens a door to the server that stands still at that point, or nowhere.
    pub fn open(server: &Address, point: Option<Point>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(server.socket_in(folder.path())).unwrap();
        let server_socket = server.socket_in(&server.folder);
        let (gate, _) = watch::channel(Gate::Open);
        let shared = Arc::new(Shared { server: server_socket, point, requests: AtomicUsize::new(0), gate });
        let doorman = tokio::spawn(let_in(listener, Arc::clone(&shared)));
        Self { folder, port: server.port, shared, doorman }
    }

    /// Where it listens.
    pub fn address(&self) -> Address {
        Address { folder: self.folder.path().to_owned(), port: self.port }
    }

    /// Requests that have come so far.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Returns when the point has come; never, when it does not.
    pub async fn held(&self) {
        let mut gate = self.shared.gate.subscribe();
        gate.wait_for(|gate| *gate != Gate::Open).await.unwrap();
    }

    /// Everything goes on.
    pub fn resume(&self) {
        self.shared.gate.send_replace(Gate::Resumed);
    }

    /// Closes every connection, and takes none any more.
    pub fn cut(&self) {
        self.shared.gate.send_replace(Gate::Cut);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.doorman.abort();
    }
}

async fn let_in(listener: UnixListener, shared: Arc<Shared>) {
    // Dropped with this task, which ends them.
    let mut connections = JoinSet::new();
    let mut connection = 0;
    while let Ok((client, _)) = listener.accept().await {
        connection += 1;
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let Ok(server) = UnixStream::connect(&shared.server).await else { return };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            // The first answer is the one to the login.
            let asked = Mutex::new(VecDeque::from([false]));
            let both = async {
                // Each ends with its own sender, and closes its own receiver's half.
                let _ = tokio::join!(
                    shared.requests(connection, from_client, to_server, &asked),
                    shared.answers(from_server, to_client, &asked)
                );
            };
            tokio::select! {
                () = both => {}
                () = shared.is(Gate::Cut) => {}
            }
        });
    }
}

impl Shared {
    /// Returns when the gate is so.
    async fn is(&self, wanted: Gate) {
        if self.gate.subscribe().wait_for(|gate| *gate == wanted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns when what has come may go on.
    async fn pass(&self) {
        let _ = self.gate.subscribe().wait_for(|gate| matches!(gate, Gate::Open | Gate::Resumed)).await;
    }

    /// Stands still here, until told to go on.
    async fn hold(&self) {
        self.gate.send_if_modified(|gate| {
            let first = *gate == Gate::Open;
            if first {
                *gate = Gate::Held;
            }
            first
        });
        self.pass().await;
    }

    /// The side on which to stand still at this request.
    fn side(&self, number: usize, first_on: Option<usize>, batch: &[u8]) -> Option<Side> {
        let (side, request) = self.point.filter(|_| *self.gate.borrow() == Gate::Open)?;
        let is_it = match request {
            Request::Number(wanted) => number == wanted,
            Request::FirstOn(wanted) => first_on == Some(wanted),
            Request::With(text) => batch.windows(text.len()).any(|window| window == text.as_bytes()),
        };
        is_it.then_some(side)
    }

    async fn requests(
        &self,
        connection: usize,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        asked: &Mutex<VecDeque<bool>>,
    ) -> io::Result<()> {
        // The first message has no type; a cancel request is the only one on its connection.
        let login = message(&mut from, Vec::new()).await?;
        self.pass().await;
        to.write_all(&login).await?;
        let mut first_on = Some(connection);
        let mut batch = Vec::new();
        loop {
            let kind = from.read_u8().await?;
            batch.extend(message(&mut from, vec![kind]).await?);
            match kind {
                b'Q' | b'S' => {
                    let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
                    let side = self.side(number, first_on.take(), &batch);
                    if side == Some(Side::Before) {
                        self.hold().await;
                    }
                    asked.lock().unwrap().push_back(side == Some(Side::After));
                }
                // Parse, Bind, Describe, Execute, Close: the request ends with its Sync.
                b'P' | b'B' | b'D' | b'E' | b'C' => continue,
                _ => {}
            }
            self.pass().await;
            to.write_all(&batch).await?;
            batch.clear();
        }
    }

    async fn answers(
        &self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        asked: &Mutex<VecDeque<bool>>,
    ) -> io::Result<()> {
        let mut answer = Vec::new();
        loop {
            let kind = from.read_u8().await?;
            answer.extend(message(&mut from, vec![kind]).await?);
            let mut asked = {
                let mut asked = asked.lock().unwrap();
                let kept = asked.front() == Some(&true);
                if kind == b'Z' {
                    asked.pop_front();
                }
                kept
            };
            if asked && kind == b'Z' {
                self.hold().await;
                asked = false;
            }
            if !asked {
                self.pass().await;
                to.write_all(&answer).await?;
                answer.clear();
            }
        }
    }
}

/// The rest of a message: its length, which counts itself, and what it says.
async fn message(from: &mut OwnedReadHalf, mut message: Vec<u8>) -> io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    message.extend(length.to_be_bytes());
    let rest =
        usize::try_from(length).ok().and_then(|length| length.checked_sub(4)).ok_or(io::ErrorKind::InvalidData)?;
    let start = message.len();
    message.resize(start + rest, 0);
    from.read_exact(&mut message[start..]).await?;
    Ok(message)
}
