//! An S3-compatible server of the test's own, with a door in front of it. It speaks Google's dialect of that protocol
//! as well.

use std::sync::Arc;

use assert_cmd::Command;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderValue, IF_NONE_MATCH};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::super::harness::{Database, Run, said};
use super::door::{Door, Weather};

const KEY: &str = "the-key";
const SECRET: &str = "the-secret";
/// The bucket that is there.
pub const BUCKET: &str = "acme";

/// Where partctl finds a store, and how it gets on there.
pub trait Cloud {
    /// The settings by which the cloud's own tools find it.
    fn settings(&self) -> Vec<(&'static str, String)>;

    /// The way there.
    fn door(&self) -> &Door;

    /// From now on.
    fn set(&self, weather: Weather) {
        self.door().set(weather);
    }

    /// partctl, where the environment leads to this store.
    fn command(&self, database: &Database, arguments: &[&str]) -> Command {
        let mut command = database.command(arguments);
        command.envs(self.settings());
        command
    }

    /// Runs partctl so, and says what it said when the exit code is another.
    fn partctl(&self, database: &Database, arguments: &[&str], exit: i32) -> String {
        let output = self.command(database, arguments).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(exit), "partctl {arguments:?}\n{said}");
        said
    }

    /// Starts partctl so, and lets it run.
    fn run(&self, database: &Database, arguments: &[&str]) -> Run {
        database.start_with(&database.url(), arguments, &self.settings())
    }
}

/// A server, and the door in front of it.
pub struct Store {
    folder: TempDir,
    door: Door,
    dialect: Dialect,
}

#[derive(Clone, Copy)]
enum Dialect {
    S3,
    Google,
}

impl Store {
    /// Starts both.
    pub async fn start() -> Self {
        Self::speaking(Dialect::S3).await
    }

    /// A server that passes for Google Cloud Storage.
    pub async fn google() -> Self {
        Self::speaking(Dialect::Google).await
    }

    async fn speaking(dialect: Dialect) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        if let Dialect::S3 = dialect {
            service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        }
        let service = service.build();
        let behind = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = Door::before(behind.local_addr().unwrap()).await;
        tokio::spawn(async move {
            let http = Arc::new(Builder::new(TokioExecutor::new()));
            while let Ok((socket, _)) = behind.accept().await {
                let (http, service) = (Arc::clone(&http), service.clone());
                let answer = service_fn(move |request| answer(service.clone(), dialect, request));
                tokio::spawn(async move {
                    // A connection that was cut is what the test wanted.
                    let _ = http.serve_connection(TokioIo::new(socket), answer).await;
                });
            }
        });
        Self { folder, door, dialect }
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

impl Cloud for Store {
    fn door(&self) -> &Door {
        &self.door
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        match self.dialect {
            Dialect::S3 => vec![
                ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
                ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
                ("AWS_REGION", "eu-central-1".to_owned()),
                ("AWS_ENDPOINT_URL", self.door.url()),
            ],
            Dialect::Google => vec![("STORAGE_EMULATOR_HOST", self.door.url())],
        }
    }
}

/// What Google's protocol has otherwise: an object that must not be there yet is one of generation 0, and every object
/// has a generation. Who asks would show a token; an emulator asks for none.
async fn answer(
    service: S3Service,
    dialect: Dialect,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, HttpError> {
    if let Dialect::S3 = dialect {
        return service.call(request.map(Body::from)).await;
    }
    let gives_up = request.method() == Method::DELETE && request.uri().query().is_some();
    let headers = request.headers_mut();
    headers.remove(AUTHORIZATION);
    if headers.remove("x-goog-if-generation-match").is_some_and(|generation| generation == "0") {
        headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
    }
    let mut response = service.call(request.map(Body::from)).await?;
    response.headers_mut().insert("x-goog-generation", HeaderValue::from_static("1"));
    // An upload that is over is one that is not there, though not for this server.
    if gives_up && response.status() == StatusCode::FORBIDDEN {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    Ok(response)
}
