//! A door in front of a store that fails as networks and stores do.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the door behaves, for connections and for bytes that come from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes.
    Fine,
    /// Every request is answered by 500.
    Errors,
    /// Every connection is closed once so many bytes have come from the client.
    Cut(usize),
    /// So many bytes, and then a pause of ten milliseconds.
    Slow(usize),
}

/// The way to a server.
pub struct Door {
    port: u16,
    weather: watch::Sender<Weather>,
}

impl Door {
    /// Opens it.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (weather, seen) = watch::channel(Weather::Fine);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let seen = seen.clone();
                tokio::spawn(async move {
                    // A connection that was cut is what the test wanted.
                    let _ = pass(client, server, seen).await;
                });
            }
        });
        Self { port, weather }
    }

    /// Where clients find the server.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

async fn pass(mut client: TcpStream, server: SocketAddr, mut weather: watch::Receiver<Weather>) -> std::io::Result<()> {
    const REFUSAL: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let mut server = TcpStream::connect(server).await?;
    let (mut up, mut down) = (vec![0; 512 << 10], vec![0; 64 << 10]);
    let mut come = 0;
    loop {
        let now = *weather.borrow_and_update();
        let limit = match now {
            Weather::Slow(bytes) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
                bytes
            }
            _ => up.len(),
        };
        tokio::select! {
            read = client.read(&mut up[..limit]) => match (read?, now) {
                (0, _) => return Ok(()),
                (_, Weather::Errors) => return client.write_all(REFUSAL).await,
                (read, now) => {
                    come += read;
                    if let Weather::Cut(after) = now && after <= come {
                        return Ok(());
                    }
                    server.write_all(&up[..read]).await?;
                }
            },
            read = server.read(&mut down) => match read? {
                0 => return Ok(()),
                read => client.write_all(&down[..read]).await?,
            },
            changed = weather.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}
