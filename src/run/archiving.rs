//! Carries out an archive step: takes away what an interrupted one left, writes down that it begins, makes the archive,
//! and only when everything was read back and compared writes down that there is one.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::ledger::Entry;
use super::signals::{Stop, StopSignal};
use super::step_error::{not_archived, stopped};
use crate::archive::{Destination, Diary, Made, Making, Passing, make};
use crate::db::connect::Session;
use crate::db::read_definition::{Definition, read_definition};
use crate::failure::{Failure, FailureKind};
use crate::manifest::{Bound, archive_path};
use crate::plan::steps::ArchiveTable;
use crate::plan::{Archived, Step, StepError};
use crate::sql::SqlLiteral;

/// How long it is tried to take away what a failed attempt has written; the next run tries again.
const CLEAN_UP: Duration = Duration::from_secs(20);

/// What an archive step is carried out with.
pub(super) struct Archiving<'a> {
    /// The worker's session, for the ledger; the rows come over sessions of their own.
    pub session: &'a Session,
    /// The step as planned.
    pub planned: &'a Step,
    /// The same.
    pub step: &'a ArchiveTable,
    /// The fingerprint of the policy.
    pub policy: &'a str,
    /// Account and machine of the client.
    pub client: Option<String>,
    /// Hears how far it is.
    pub progress: &'a (dyn Fn(Passing) + Send + Sync),
    /// The step's place in the ledger; none where there is no ledger.
    pub entry: Option<Entry<'a>>,
}

/// How an attempt ended badly.
enum Ended {
    By(StopSignal),
    Failed(anyhow::Error),
}

/// Archives the table.
///
/// # Errors
/// When anything fails: then the table is kept, and the ledger knows of no archive of it.
pub(super) async fn archive(archiving: Archiving<'_>, stop: &mut Stop) -> Result<Archived, StepError> {
    let (planned, step) = (archiving.planned, archiving.step);
    archiving.carry_out(stop).await.map_err(|ended| match ended {
        Ended::By(signal) => stopped(signal, planned),
        Ended::Failed(error) => not_archived(&error, step),
    })
}

impl From<anyhow::Error> for Ended {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl Archiving<'_> {
    async fn carry_out(&self, stop: &mut Stop) -> Result<Archived, Ended> {
        let started = Instant::now();
        let client = self.session.client();
        let guard = self.planned.actions().iter().flat_map(|action| action.statements()).next();
        if let Some(guard) = guard {
            client.batch_execute(&guard).await.context("looking at the table once more")?;
        }
        discard_unfinished(client, self.step.oid).await?;
        let bound = Bound { text: self.step.bound.to_string(), range: self.step.range.clone() };
        let definition = read_definition(client, self.step.oid, &self.step.parent, bound).await?;
        let definition = definition.context("the table is gone")?;
        let destination = Destination::open(&self.step.archive.to)?;
        let path = archive_path(&self.step.parent, &self.step.table, definition.now);
        // Another database may archive to the same place; what is there is not this run's to overwrite or take away.
        if !destination.list(&path).await?.is_empty() {
            return Err(anyhow::anyhow!("`{}` is taken", destination.url_of(&path)).into());
        }
        let id = self.begin(&path).await?;
        let mut sessions = Vec::new();
        for _ in 0..self.step.archive.connections {
            sessions.push(self.session.another().await?);
        }
        let made = tokio::select! {
            made = self.make(&sessions, &definition, &destination, (id, &path)) => made.map_err(Ended::Failed),
            signal = stop.requested() => Err(Ended::By(signal)),
        };
        match made {
            Ok(made) => {
                let took = started.elapsed();
                self.finish(id, &made, took).await?;
                Ok(Archived { rows: made.manifest.rows, raw_bytes: made.raw_bytes, bytes: made.manifest.bytes })
            }
            Err(ended) => {
                for session in &sessions {
                    // What a dropped COPY has left to send would be read to its end otherwise.
                    let _ = session.canceller().cancel().await;
                }
                // Best effort: what stays is in the ledger, and the next run takes it away.
                let _ = timeout(CLEAN_UP, discard_unfinished(client, self.step.oid)).await;
                Err(ended)
            }
        }
    }

    async fn make(
        &self,
        sessions: &[Session],
        definition: &Definition,
        destination: &Destination,
        (id, path): (i64, &str),
    ) -> Result<Made> {
        let diary = LedgerDiary { client: self.session.client(), id };
        let archive = &self.step.archive;
        let making = Making {
            destination,
            path,
            definition,
            layout: archive.layout,
            split: archive.split,
            client: self.client.clone(),
            policy: self.policy.to_owned(),
            diary: &diary,
            progress: self.progress,
        };
        make(sessions, &making).await
    }

    /// Writes down that an archive begins, on the server's disk and with all that came before: its objects outlive a
    /// crash, and must not be forgotten by one.
    async fn begin(&self, path: &str) -> Result<i64> {
        let ArchiveTable { parent, table, oid, bound, archive, .. } = self.step;
        let quoted = [&table.schema, &table.name, &parent.schema, &parent.name]
            .map(|name| SqlLiteral(name.as_str()).to_string());
        let sql = format!(
            "BEGIN; SET LOCAL synchronous_commit = on; INSERT INTO partctl.archives \
             (relation, schema_name, table_name, parent_schema, parent_name, bound, destination, path) \
             VALUES ({oid}, {}, {}, {}, {}) RETURNING id; COMMIT",
            quoted.join(", "),
            SqlLiteral(&bound.to_string()),
            SqlLiteral(&archive.to),
            SqlLiteral(path),
        );
        let answer = self.session.client().simple_query(&sql).await.context("recording that an archive begins")?;
        let id = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
            _ => None,
        });
        id.context("the ledger answered without a row")
    }

    async fn finish(&self, id: i64, made: &Made, took: Duration) -> Result<()> {
        let sql = format!(
            "BEGIN; SET LOCAL synchronous_commit = on; \
             UPDATE partctl.archives SET verified_at = pg_catalog.clock_timestamp(), milliseconds = {}, rows = {}, \
             raw_bytes = {}, bytes = {}, fingerprint = {}, snapshot = {} WHERE id = {id}; {} COMMIT",
            took.as_millis(),
            made.manifest.rows,
            made.raw_bytes,
            made.manifest.bytes,
            SqlLiteral(&made.manifest.fingerprint),
            SqlLiteral(&made.snapshot),
            self.entry.map_or(String::new(), |entry| format!("{};", entry.done(took.as_millis()))),
        );
        self.session.client().batch_execute(&sql).await.context("recording the archive")
    }
}

/// Remembers uploads in the ledger.
struct LedgerDiary<'a> {
    client: &'a Client,
    id: i64,
}

impl Diary for LedgerDiary<'_> {
    fn upload_begins<'a>(&'a self, name: &'a str, id: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let sql = "UPDATE partctl.archives SET uploads = uploads || \
                       pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('name', $2, 'id', $3)) WHERE id = $1";
            let values = [(&self.id as _, Type::INT8), (&name as _, Type::TEXT), (&id as _, Type::TEXT)];
            self.client.query_typed(sql, &values).await.context("recording an upload")?;
            Ok(())
        })
    }
}

/// Takes away all that archives of this table that were never verified have left in their stores.
async fn discard_unfinished(client: &Client, relation: u32) -> Result<()> {
    let sql = "SELECT id, destination, path, uploads::text FROM partctl.archives \
               WHERE relation = $1 AND verified_at IS NULL AND discarded_at IS NULL ORDER BY id";
    let rows = client.query_typed(sql, &[(&relation, Type::OID)]).await.context("looking for unfinished archives")?;
    for row in rows {
        let (id, url, path): (i64, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        discard(&url, &path, row.try_get(3)?).await.with_context(|| {
            Failure::new(FailureKind::Findings, "cannot take away what an interrupted archive has left")
                .hint(format!("remove `{path}` below `{url}` by hand, or make the store reachable"))
        })?;
        let sql = "UPDATE partctl.archives SET discarded_at = pg_catalog.clock_timestamp() WHERE id = $1";
        client.query_typed(sql, &[(&id, Type::INT8)]).await.context("recording what was taken away")?;
    }
    Ok(())
}

async fn discard(url: &str, path: &str, uploads: String) -> Result<()> {
    #[derive(serde::Deserialize)]
    struct Begun {
        name: String,
        id: String,
    }
    let destination = Destination::open(url)?;
    let uploads: Vec<Begun> = serde_json::from_str(&uploads).context("reading the ledger's list of uploads")?;
    for Begun { name, id } in uploads {
        destination.abandon(&name, &id).await?;
    }
    destination.remove(path).await
}
