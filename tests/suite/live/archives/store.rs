//! An S3-compatible server of the test's own, and a door in front of it that fails as networks and stores do.

use std::sync::Arc;
use std::time::Duration;

use assert_cmd::Command;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::super::harness::{Database, Run};

const KEY: &str = "the-key";
const SECRET: &str = "the-secret";
/// The bucket that is there.
pub const BUCKET: &str = "acme";

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

/// A server, and the door in front of it.
pub struct Store {
    folder: TempDir,
    port: u16,
    weather: watch::Sender<Weather>,
}

impl Store {
    /// Starts both.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let behind = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = behind.local_addr().unwrap();
        tokio::spawn(async move {
            let http = Arc::new(Builder::new(TokioExecutor::new()));
            while let Ok((socket, _)) = behind.accept().await {
                let (http, service) = (Arc::clone(&http), service.clone());
                tokio::spawn(async move {
                    // A connection that was cut is what the test wanted.
                    let _ = http.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = door.local_addr().unwrap().port();
        let (weather, seen) = watch::channel(Weather::Fine);
        tokio::spawn(async move {
            while let Ok((client, _)) = door.accept().await {
                let seen = seen.clone();
                tokio::spawn(async move {
                    let _ = pass(client, server, seen).await;
                });
            }
        });
        Self { folder, port, weather }
    }

    /// Where the server keeps the bucket's objects.
    pub fn bucket(&self) -> std::path::PathBuf {
        self.folder.path().join(BUCKET)
    }

    /// Takes every object away.
    pub fn clear(&self) {
        std::fs::remove_dir_all(self.bucket()).unwrap();
        std::fs::create_dir(self.bucket()).unwrap();
    }

    /// From now on.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// The settings by which AWS' own tools find it.
    fn settings(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("AWS_REGION", "eu-central-1".to_owned()),
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)),
        ]
    }

    /// partctl, where the environment leads to this store.
    pub fn command(&self, database: &Database, arguments: &[&str]) -> Command {
        let mut command = database.command(arguments);
        command.envs(self.settings());
        command
    }

    /// Runs partctl so, and says what it said when the exit code is another.
    pub fn partctl(&self, database: &Database, arguments: &[&str], exit: i32) -> String {
        let output = self.command(database, arguments).output().unwrap();
        let said = super::super::harness::said(&output);
        assert_eq!(output.status.code(), Some(exit), "partctl {arguments:?}\n{said}");
        said
    }

    /// Starts partctl so, and lets it run.
    pub fn run(&self, database: &Database, arguments: &[&str]) -> Run {
        database.start_with(&database.url(), arguments, &self.settings())
    }

    /// Every file of the server's, objects and what is no object yet, by its path below the bucket or the root.
    pub fn files(&self) -> Vec<String> {
        let bucket = format!("{BUCKET}/");
        let files = super::retiring::files(&self.folder).into_iter();
        files.map(|file| file.strip_prefix(&bucket).unwrap_or(&file).to_owned()).collect()
    }

    /// The objects: what stands under its own name.
    pub fn objects(&self) -> Vec<String> {
        let files = self.files().into_iter();
        files.filter(|file| !file.rsplit('/').next().unwrap_or_default().starts_with('.')).collect()
    }
}

async fn pass(
    mut client: TcpStream,
    server: std::net::SocketAddr,
    mut weather: watch::Receiver<Weather>,
) -> std::io::Result<()> {
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
