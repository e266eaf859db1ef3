//! Azurite, Microsoft's emulator of Azure's storage, on a port of its own, with a door in front of it.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::door::Door;
use super::store::Cloud;

/// The container that is there.
pub const CONTAINER: &str = "acme";
const ACCOUNT: &str = "acmearchives";
const KEY: &str = "dGhlLWtleQ==";

/// A server, which ends with it, and the door in front of it.
pub struct Azurite {
    door: Door,
    _server: Child,
}

impl Azurite {
    /// Starts both.
    pub async fn start() -> Self {
        let mut command = Command::new(program());
        command.args(["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]);
        command
            .args(["--blobHost", "127.0.0.1", "--blobPort", "0"])
            .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{KEY}"));
        let mut server = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap().expect("Azurite ended");
            if let Some((_, address)) = line.split_once("successfully listens on http://") {
                break address.parse().unwrap();
            }
        };
        let door = Door::before(address).await;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/live/archives/container.js");
        let made = Command::new("node").args([script, &format!("{}/{ACCOUNT}", door.url()), KEY, CONTAINER]).output();
        let made = made.await.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { door, _server: server }
    }

    /// The settings of Azure's own command line.
    pub fn account(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AZURE_STORAGE_ACCOUNT", ACCOUNT.to_owned()),
            ("AZURE_STORAGE_KEY", KEY.to_owned()),
            ("AZURE_STORAGE_SERVICE_ENDPOINT", format!("{}/", self.endpoint())),
        ]
    }

    fn endpoint(&self) -> String {
        format!("{}/{ACCOUNT}", self.door.url())
    }
}

impl Cloud for Azurite {
    fn door(&self) -> &Door {
        &self.door
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let string = format!("AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={}/;", self.endpoint());
        vec![("AZURE_STORAGE_CONNECTION_STRING", string)]
    }
}

fn program() -> PathBuf {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/target/azurite/node_modules/.bin/azurite-blob");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let others = std::env::split_paths(&path).map(|folder| folder.join("azurite-blob"));
    let mut candidates = std::iter::once(PathBuf::from(own)).chain(others);
    candidates.find(|program| program.is_file()).expect("no azurite-blob found: `.ci/setup tests` gets it from npm")
}
