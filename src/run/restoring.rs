//! Makes a table of an archive: empty and marked first, then filled, read back and compared in one transaction, so that
//! nobody ever sees a part of it. Killed in between it leaves an empty table that says what it is, and the next run
//! begins with taking that away.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::ledger::restored_entry;
use super::signals::Stop;
use crate::archive::{Damage, Destination, Loading, Progress, load, read_out};
use crate::db::connect::{Session, is_lost};
use crate::db::read_definition::read_definition;
use crate::failure::{Failure, FailureKind};
use crate::manifest::{Bound, Manifest};
use crate::restore::{Afterwards, Mapping, Remark, add_afterwards, create_table, map};
use crate::sql::{QualifiedName, SqlLiteral};

/// What a table says of itself while its rows have not come.
const MARK: &str = "partctl: being restored from ";

/// What the table is made like.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// What was archived.
    Manifest,
    /// This table as it is today.
    Like(QualifiedName),
    /// A partition to be, by the statements that make it.
    Partition {
        /// The statements.
        statements: Vec<String>,
        /// What it is to be a partition of.
        parent: QualifiedName,
    },
}

/// What is restored, and as what.
pub struct Restoring<'a> {
    /// A session in no transaction.
    pub session: &'a Session,
    /// The store.
    pub destination: &'a Destination,
    /// The archive's folder below it.
    pub path: &'a str,
    /// Its manifest.
    pub manifest: &'a Manifest,
    /// The table to be made.
    pub table: &'a QualifiedName,
    /// What it is made like.
    pub model: Model,
    /// Hears how far it is.
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
}

/// A table that holds an archive's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Its oid.
    pub oid: u32,
    /// Its rows.
    pub rows: u64,
    /// What is not as it was.
    pub remarks: Vec<Remark>,
}

/// Makes the table, whole and compared, or not at all.
///
/// # Errors
/// When a table of that name is there, the archive is damaged, or the server refuses its rows.
pub async fn restore(restoring: &Restoring<'_>, stop: &mut Stop) -> Result<Restored> {
    restoring.clear_the_way().await?;
    let (oid, mut remarks) = restoring.make_table().await?;
    let restored = tokio::select! {
        filled = restoring.fill(oid, &mut remarks) => filled,
        signal = stop.requested() => {
            // The COPY that is running would be read to its end otherwise.
            let _ = restoring.session.canceller().cancel().await;
            Err(Failure::new(signal.failure(), "interrupted: nothing was restored").into())
        }
    };
    match restored {
        Ok(rows) => Ok(Restored { oid, rows, remarks }),
        Err(error) => {
            // Best effort: an empty table that stays says what it is, and the next run takes it away.
            let _ = restoring.session.client().batch_execute("ROLLBACK").await;
            let _ = restoring.clear_the_way().await;
            Err(restoring.understood(error))
        }
    }
}

impl Restoring<'_> {
    fn client(&self) -> &Client {
        self.session.client()
    }

    fn url(&self) -> String {
        self.destination.url_of(self.path)
    }

    /// Takes away what an interrupted restore left under this name.
    async fn clear_the_way(&self) -> Result<()> {
        let table = self.table;
        let sql = "SELECT coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), '') FROM pg_catalog.pg_class c \
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";
        let (schema, name) = (table.schema.as_str(), table.name.as_str());
        let rows = self.client().query_typed(sql, &[(&schema, Type::TEXT), (&name, Type::TEXT)]).await;
        let rows = rows.with_context(|| format!("looking whether {table} is there"))?;
        let Some(row) = rows.first() else { return Ok(()) };
        let taken = |message: String| Failure::new(FailureKind::Refused, message).hint("restore it as another table");
        if !row.try_get::<_, String>(0)?.starts_with(MARK) {
            return Err(taken(format!("`{table}` is there already, and is left alone")).into());
        }
        // Rows come in one transaction with the end of the mark: any that are here are somebody else's.
        let empty = format!(
            "DO $partctl$BEGIN LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; IF EXISTS (SELECT FROM {table}) THEN \
             RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = 'it holds rows'; END IF; DROP TABLE {table}; END$partctl$"
        );
        self.client().batch_execute(&empty).await.with_context(|| {
            taken(format!("`{table}` was left by a restore that was interrupted, and cannot be taken away"))
        })
    }

    /// Makes the table, empty and marked; parents are locked no longer than that takes.
    async fn make_table(&self) -> Result<(u32, Vec<Remark>)> {
        let Self { table, manifest, .. } = self;
        let (statements, remarks) = match &self.model {
            Model::Manifest => {
                let (statement, remarks) = create_table(manifest, table, &self.unknown_types().await?);
                (vec![statement], remarks)
            }
            Model::Like(parent) => {
                let like = format!("CREATE TABLE {table} (LIKE {parent} INCLUDING ALL EXCLUDING IDENTITY)");
                (vec![like], Vec::new())
            }
            Model::Partition { statements, .. } => (statements.clone(), Vec::new()),
        };
        let mark = SqlLiteral(&format!("{MARK}{}", self.url())).to_string();
        let batch = format!("BEGIN; {}; COMMENT ON TABLE {table} IS {mark}; COMMIT", statements.join("; "));
        let made = self.client().batch_execute(&batch).await;
        if let Err(error) = made {
            let _ = self.client().batch_execute("ROLLBACK").await;
            let failure = Failure::new(FailureKind::Findings, format!("cannot make the table {table}"));
            let failure = match error.code().map(|code| code.code()) {
                Some("3F000") => failure.hint(format!("CREATE SCHEMA {}", table.schema)),
                Some("42501") => failure.hint(format!("GRANT USAGE, CREATE ON SCHEMA {}", table.schema)),
                _ => failure,
            };
            let failure = if is_lost(&error) { Failure { kind: FailureKind::Unreachable, ..failure } } else { failure };
            return Err(anyhow::Error::from(error).context(failure));
        }
        let sql = "SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                   WHERE n.nspname = $1 AND c.relname = $2";
        let (schema, name) = (table.schema.as_str(), table.name.as_str());
        let rows = self.client().query_typed(sql, &[(&schema, Type::TEXT), (&name, Type::TEXT)]).await;
        let rows = rows.context("looking for the new table")?;
        Ok((rows.first().context("the new table is gone")?.try_get(0)?, remarks))
    }

    async fn unknown_types(&self) -> Result<BTreeSet<String>> {
        let types: Vec<&str> = self.manifest.table.columns.iter().map(|column| column.type_name.as_str()).collect();
        let sql = "SELECT DISTINCT name FROM pg_catalog.unnest($1) name WHERE pg_catalog.to_regtype(name) IS NULL";
        let rows = self.client().query_typed(sql, &[(&types, Type::TEXT_ARRAY)]).await;
        rows.context("looking for the types")?.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    async fn fill(&self, oid: u32, remarks: &mut Vec<Remark>) -> Result<u64> {
        let Self { session, destination, path, manifest, table, progress, .. } = self;
        let client = self.client();
        let bound = Bound { text: String::new(), range: String::new() };
        let today = read_definition(client, oid, table, bound).await?.context("the new table is gone")?;
        let mapping = map(manifest, &today.table.columns).map_err(|unfit| {
            let failure = Failure::new(FailureKind::Findings, format!("rows of the archive do not fit: {unfit}"));
            failure.hint("give the column a default, or restore the table as it was: `--as TABLE --as-it-was`")
        })?;
        remarks.extend(mapping.remarks.iter().cloned());
        // Rows that are FROZEN are visible to everybody from their commit on, which asks for a table that this
        // transaction has emptied; it writes no log of them where `wal_level` is minimal.
        client.batch_execute(&format!("BEGIN; TRUNCATE {table}")).await.with_context(|| format!("filling {table}"))?;
        let loading = Loading { destination, path, manifest, mapping: &mapping, table, progress: *progress };
        let expected = load(session, &loading).await?;
        if self.model == Model::Manifest {
            for one in add_afterwards(&manifest.table, table) {
                remarks.extend(self.try_afterwards(&one).await?);
            }
        }
        self.compare(&mapping, expected).await?;
        let end = match &self.model {
            Model::Partition { parent, .. } => {
                let entry = restored_entry(oid, table, parent, &manifest.table.bound.text, &self.url());
                format!("COMMENT ON TABLE {table} IS NULL; {entry}")
            }
            Model::Manifest | Model::Like(_) => {
                let said = format!("restored by partctl from {}", self.url());
                format!("COMMENT ON TABLE {table} IS {}", SqlLiteral(&said))
            }
        };
        let commit = format!("SET LOCAL synchronous_commit = on; {end}; COMMIT");
        client.batch_execute(&commit).await.with_context(|| format!("committing {table}"))?;
        Ok(manifest.rows)
    }

    async fn try_afterwards(&self, one: &Afterwards) -> Result<Option<Remark>> {
        let client = self.client();
        client.batch_execute("SAVEPOINT one").await?;
        let Err(error) = client.batch_execute(&one.statement).await else { return Ok(None) };
        let Some(refusal) = error.as_db_error() else { return Err(error.into()) };
        let why = refusal.message().to_owned();
        client.batch_execute("ROLLBACK TO SAVEPOINT one").await?;
        Ok(Some(Remark::LeftOut { name: one.name.clone(), why }))
    }

    /// Holds that the table gives back what the archive holds.
    async fn compare(&self, mapping: &Mapping, expected: crate::rows::Fingerprint) -> Result<()> {
        let found = read_out(self.session, mapping, self.table).await?;
        if found == expected {
            return Ok(());
        }
        let message = if found.rows == expected.rows {
            "its rows are not those of the archive: something has changed them on their way in".to_owned()
        } else {
            format!("{} rows came in, and the archive holds {}", found.rows, expected.rows)
        };
        Err(Failure::new(FailureKind::Findings, message)
            .hint("nothing was made; restore it as it was: `--as-it-was`")
            .into())
    }

    /// Errors of servers and stores have no kind of their own.
    fn understood(&self, error: anyhow::Error) -> anyhow::Error {
        if error.downcast_ref::<Failure>().is_some() || Damage::of(&error).is_some() {
            return error;
        }
        let server = error.chain().find_map(|cause| cause.downcast_ref::<tokio_postgres::Error>());
        let failure = match server {
            Some(server) if is_lost(server) => Failure::new(
                FailureKind::Unreachable,
                format!("the connection was lost, {} was not restored", self.table),
            ),
            _ => Failure::new(FailureKind::Findings, format!("{} was not restored, nothing was made", self.table)),
        };
        error.context(failure)
    }
}
