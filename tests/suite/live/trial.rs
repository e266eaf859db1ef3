//! One broken run: a workload in a database of its own, a writer, and what must be true once it was mended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use partctl::db::throwaway::ThrowawayServer;
use tokio::task::JoinHandle;

use super::harness::{Address, Database, Run, server, session};
use super::proxy::Proxy;
use super::workloads::{FIRST_WRITTEN, Workload};

/// What runs are started with here.
pub const APPLY: &[&str] = &["apply", "--allow-destroy", "--jobs", "2"];

/// How many runs are broken, where so many are usual: `PARTCTL_TEST_KILLS` in its place, each time.
pub fn kills(usual: usize) -> usize {
    std::env::var("PARTCTL_TEST_KILLS").map_or(usual, |text| text.parse().expect("PARTCTL_TEST_KILLS is a number"))
}

/// What chance is made from: `PARTCTL_TEST_SEED`, or another one each time. Every message names it.
pub fn seed() -> u64 {
    let another = || fastrand::u64(..1_000_000);
    std::env::var("PARTCTL_TEST_SEED").map_or_else(|_| another(), |text| text.parse().expect("a seed is a number"))
}

/// Every so many of them, beginning anywhere: about `count`.
pub fn some_of<T>(mut all: Vec<T>, count: usize, chance: &mut fastrand::Rng) -> Vec<T> {
    let step = all.len().div_ceil(count.max(1)).max(1);
    all.drain(..chance.usize(0..step).min(all.len()));
    all.into_iter().step_by(step).collect()
}

/// Holds that a run which has lost its server says so, and that one which came to its end before did all it should.
pub fn assert_ended_or_lost((code, said): (Option<i32>, String), broken: &str) {
    let ended = said.contains("pruning proven on") && !said.contains("left out");
    let lost = !said.contains("GRANT") && said.contains("connect");
    assert!(code == Some(0) && ended || code == Some(5) && lost, "{broken}: {code:?}\n{said}");
}

/// Rows that somebody wrote.
#[derive(Debug, Default)]
struct Written {
    acknowledged: BTreeSet<i32>,
    /// The connection was lost before an answer came.
    in_doubt: BTreeSet<i32>,
}

/// Writes a row after the other, until told to stop or until the server is gone for good.
struct Writer {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Written>,
}

const PAUSE: Duration = Duration::from_millis(2);

impl Writer {
    /// Each row is a transaction that stays open for some milliseconds: detaches have somebody to wait for.
    fn begin(url: String, workload: Workload) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut written = Written::default();
            let mut writer = session(&url).await;
            for id in (FIRST_WRITTEN..FIRST_WRITTEN + 20_000).take_while(|_| !told.load(Ordering::Relaxed)) {
                let insert = (workload.insert)(id);
                let sql = format!("BEGIN; {insert}; SELECT pg_catalog.pg_sleep(0.002); COMMIT");
                let answer = writer.client().batch_execute(&sql).await;
                if answer.is_ok() {
                    written.acknowledged.insert(id);
                } else if writer.client().batch_execute("ROLLBACK").await.is_err() {
                    written.in_doubt.insert(id);
                    match come_back(&url, &told).await {
                        Some(session) => writer = session,
                        None => break,
                    }
                }
                tokio::time::sleep(PAUSE).await;
            }
            written
        });
        Self { stop, task }
    }

    async fn ends(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

/// A session as soon as the server takes one; none when nobody waits for it any more.
async fn come_back(url: &str, stop: &AtomicBool) -> Option<partctl::db::connect::Session> {
    use partctl::db::conninfo::{ConnSpec, Environment};
    let spec = ConnSpec::resolve(Some(url), &Environment::from_process()).unwrap();
    for _ in 0..10_000 {
        if let Ok(session) = partctl::db::connect::connect(&spec).await {
            return Some(session);
        }
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("the server did not come back");
}

/// Sessions of partctl in this database.
pub const RUNNING: &str = "FROM pg_stat_activity WHERE application_name = 'partctl' AND datname = current_database() AND pid <> pg_backend_pid()";

/// Rows as queries find them through the parents, and in what was detached.
const FOUND: &str = "SELECT unnest(xpath('//id/text()', query_to_xml(
    format('SELECT id FROM %I.%I', n.nspname, c.relname), true, false, '')))::text::int
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'shop' AND c.relkind IN ('r', 'p') AND NOT c.relispartition";

/// What partctl made for a moment, and what it wrote down of a detach that it never wrote off.
const LEFT_BEHIND: &str = "SELECT 'constraint ' || conname FROM pg_constraint
        WHERE (conname LIKE 'partctl\\_%' OR NOT convalidated) AND connamespace <> 'partctl'::regnamespace
    UNION ALL SELECT 'relation ' || relname FROM pg_class
        WHERE relname LIKE 'partctl\\_%' AND relnamespace <> 'partctl'::regnamespace
    UNION ALL SELECT 'function ' || proname FROM pg_proc
        WHERE proname LIKE 'partctl\\_%' AND pronamespace <> 'partctl'::regnamespace
    UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgname LIKE 'partctl\\_%'
    UNION ALL SELECT 'storage of ' || relname FROM pg_class WHERE 'autovacuum_enabled=off' = ANY (reloptions)
    UNION ALL SELECT 'pending ' || inhrelid::regclass FROM pg_inherits WHERE inhdetachpending
    UNION ALL SELECT 'away ' || table_name FROM partctl.detached_tables WHERE ended_at IS NULL AND bound = 'DEFAULT'
    UNION ALL SELECT 'recorded ' || table_name FROM partctl.detached_tables WHERE ended_at IS NULL AND detached_at IS NULL";

async fn rows(database: &Database) -> Vec<i32> {
    database.column(FOUND).await.iter().map(|id| id.parse().unwrap()).collect()
}

/// A workload in a database of its own, and its writer.
pub struct Trial {
    /// The database.
    pub database: Database,
    /// How the next run finds it.
    pub url: String,
    workload: Workload,
    /// Rows that are there before anybody writes.
    before: BTreeSet<i32>,
    writer: Writer,
}

impl Trial {
    /// On the run's server.
    pub async fn begin(workload: Workload) -> Self {
        Self::on(server(), workload).await
    }

    /// On a server of the test's own.
    pub async fn on(server: &ThrowawayServer, workload: Workload) -> Self {
        let database = Database::on(server, workload.policy, &workload.setup.concat()).await;
        let before = rows(&database).await.into_iter().collect();
        let writer = Writer::begin(database.url_with("application_name=writer"), workload);
        Self { url: database.url(), database, workload, before, writer }
    }

    /// Starts a run that comes in by this door.
    pub fn start_at(&self, address: &Address) -> Run {
        self.database.start(&address.url(&self.database.name), APPLY)
    }

    /// How many requests an undisturbed run makes.
    pub async fn requests(workload: Workload) -> usize {
        let trial = Self::begin(workload).await;
        let proxy = Proxy::open(&trial.database.address, None);
        let (code, said) = trial.start_at(&proxy.address()).ends().await;
        assert_eq!(code, Some(0), "{}: {said}", workload.name);
        trial.ends_well(workload.name).await;
        proxy.requests()
    }

    /// Ends the sessions of a run, in the middle of whatever they are doing.
    pub async fn terminate_backends(&self) {
        self.database.sql(&format!("SELECT pg_terminate_backend(pid) {RUNNING}")).await;
    }

    /// One more run converges; every row that was acknowledged is there once, and nothing else is.
    pub async fn ends_well(self, broken: &str) {
        let Self { database, url, workload, before, writer } = self;
        // What a killed run had sent to the server ends there all the same, and the run's lock goes with it.
        database.until(&format!("SELECT count(*) = 0 {RUNNING}"), || true).await;
        for (arguments, wanted) in [(APPLY, "the next run"), (&["plan", "--check"], "the plan after it")] {
            let (code, said) = database.start(&url, arguments).ends().await;
            assert_eq!(code, Some(0), "{wanted}, {broken}\n{said}");
        }
        let Written { acknowledged, in_doubt } = writer.ends().await;
        assert!(!acknowledged.is_empty(), "nobody wrote anything, {broken}");
        let found = rows(&database).await;
        let once: BTreeSet<i32> = found.iter().copied().collect();
        assert_eq!(found.len(), once.len(), "rows are there twice, {broken}");
        let lost: Vec<&i32> =
            acknowledged.iter().chain(&before).filter(|id| (workload.stays)(**id) && !once.contains(id)).collect();
        assert!(lost.is_empty(), "rows {lost:?} are lost, {broken}");
        let unknown = |id: &&i32| !acknowledged.contains(id) && !before.contains(id) && !in_doubt.contains(id);
        let invented: Vec<&i32> = once.iter().filter(unknown).collect();
        assert!(invented.is_empty(), "nobody wrote the rows {invented:?}, {broken}");
        assert_eq!(database.column(LEFT_BEHIND).await, Vec::<String>::new(), "left behind, {broken}");
        database.discard().await;
    }
}
