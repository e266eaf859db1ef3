//! The server or the way to it goes away in the middle of a run: partctl ends by itself, says so with exit 5, and the
//! next run converges.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use partctl::db::throwaway::{Listen, ServerOptions, ThrowawayServer};

use super::harness::{Address, contains, session};
use super::proxy::{Point, Proxy, Request, Side};
use super::standby::Standby;
use super::trial::{APPLY, RUNNING, Trial, assert_ended_or_lost, kills, seed, some_of};
use super::workloads::{ALL, DAYS, FULL_DISK, SEVERAL, Workload};

/// Long enough for everything but a hang.
const SOON: Duration = Duration::from_secs(10);

/// A server whose commits survive a crash of it, though not of the machine.
fn own_server(settings: &[(&str, &str)]) -> ThrowawayServer {
    let settings = [("synchronous_commit", "on"), ("wal_level", "replica")].iter().chain(settings);
    let settings = settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    ThrowawayServer::start(ServerOptions { settings, ..ServerOptions::default() }).unwrap()
}

/// The first request of the second connection that works: the one before only finds out whether there is a pooler.
pub const WORKER: Request = Request::FirstOn(3);

async fn cut_at(workload: Workload, point: Point, broken: &str) {
    let trial = Trial::begin(workload).await;
    let proxy = Proxy::open(&trial.database.address, Some(point));
    let mut run = trial.start_at(&proxy.address());
    run.comes_to(proxy.held()).await;
    proxy.cut();
    assert_ended_or_lost(run.ends_within(SOON).await, broken);
    trial.ends_well(broken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_network_is_cut_at_any_request_the_run_ends_with_5() {
    let seed = seed();
    let mut chance = fastrand::Rng::with_seed(seed);
    for workload in [DAYS, SEVERAL] {
        let requests = Trial::requests(workload).await;
        for number in some_of((1..=requests).collect(), kills(6), &mut chance) {
            let side = chance.choice([Side::Before, Side::After]).unwrap();
            let broken = format!("cut {side:?} request {number}: {}, PARTCTL_TEST_SEED={seed}", workload.name);
            cut_at(workload, (side, Request::Number(number)), &broken).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_network_is_cut_while_the_ledger_is_made_the_reason_is_the_network() {
    cut_at(DAYS, (Side::Before, Request::With("CREATE SCHEMA partctl")), "cut before CREATE SCHEMA").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_network_is_cut_before_the_first_step_the_run_has_not_succeeded() {
    for side in [Side::Before, Side::After] {
        cut_at(SEVERAL, (side, WORKER), &format!("cut {side:?} the second connection is set up")).await;
    }
}

/// The timers of the connections whose other end is there, as proc_net_tcp(5) tells them: `02:` is the one that looks
/// whether the other end lives, followed by the hundredths of a second until then.
fn timers_of_connections_to(remote: &str) -> Vec<String> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("this test needs Linux, which tells of its timers");
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|columns| 5 < columns.len() && columns[2].ends_with(remote))
        // 06: closed by now, kept for a minute against packets that are late.
        .filter(|columns| columns[3] != "06")
        .map(|columns| columns[5].to_owned())
        .collect()
}

/// The kernel gives up a connection whose other end is silent only where it was told to look, and how often.
#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_silently_dead_is_found_out_within_a_minute() {
    let options = ServerOptions { listen: Listen::SocketAndLoopback, ..ServerOptions::default() };
    let server = ThrowawayServer::start(options).unwrap();
    let trial = Trial::on(&server, DAYS).await;
    trial.database.partctl(&["init"], 0);
    let holder = session(&trial.database.url_with("application_name=holder")).await;
    holder.client().batch_execute("BEGIN; LOCK TABLE shop.orders").await.unwrap();
    let run = trial.database.start(&server.loopback_url(&trial.database.name).unwrap(), APPLY);
    trial.database.until(&format!("SELECT EXISTS (SELECT {RUNNING} AND wait_event_type = 'Lock')"), || true).await;
    let remote = format!(":{:04X}", server.port());
    let mut timers = Vec::new();
    for _ in 0..1000 {
        timers = timers_of_connections_to(&remote);
        if timers.iter().all(|timer| timer.starts_with("02:")) {
            break;
        }
        // 01: what was sent last has not been acknowledged yet.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let looks_soon = |timer: &String| {
        let left = timer.strip_prefix("02:").and_then(|left| u32::from_str_radix(left, 16).ok());
        left.is_some_and(|hundredths| hundredths <= 60 * 100)
    };
    assert!(!timers.is_empty(), "partctl is not connected to {remote}");
    assert!(timers.iter().all(looks_soon), "nobody looks soon whether the other end is there: {timers:?}");
    holder.client().batch_execute("COMMIT").await.unwrap();
    let (code, said) = run.ends().await;
    assert_eq!(code, Some(0), "{said}");
    trial.ends_well("a connection by TCP").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_server_crashes_the_run_ends_with_5_and_the_next_one_converges() {
    let seed = seed();
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut server = own_server(&[]);
    for _ in 0..kills(4) {
        let workload = *chance.choice(ALL).unwrap();
        let (side, number) = (chance.choice([Side::Before, Side::After]).unwrap(), chance.usize(1..100));
        let broken = format!("crash {side:?} request {number}: {}, PARTCTL_TEST_SEED={seed}", workload.name);
        let mut trial = Trial::on(&server, workload).await;
        let proxy = Proxy::open(&trial.database.address, Some((side, Request::Number(number))));
        let mut run = trial.start_at(&proxy.address());
        run.comes_to(proxy.held()).await;
        server.restart().unwrap();
        proxy.resume();
        assert_ended_or_lost(run.ends_within(SOON).await, &broken);
        trial.database.reconnect(Address::of(&server)).await;
        trial.ends_well(&broken).await;
    }
}

/// How a run ends whose primary crashes at that point, so that the standby takes over; the next one converges there.
pub async fn failover_at(workload: Workload, point: Point, broken: &str) -> (Option<i32>, String) {
    let mut primary = own_server(&[]);
    let standby = Standby::of(&primary);
    standby.streams(&primary).await;
    // From now on a commit that is acknowledged is on the standby's disk.
    for setting in ["ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"] {
        primary.run_script("postgres", setting).await.unwrap();
    }
    let mut trial = Trial::on(&primary, workload).await;
    trial.database.until("SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')", || true).await;
    let proxy = Proxy::open(&trial.database.address, Some(point));
    let both = |first: &Address| {
        let [first, second] = [first, &standby.address()].map(|address| address.folder.display().to_string());
        let (ports, database) = (format!("{},{}", primary.port(), standby.address().port), &trial.database.name);
        format!("host={first},{second} port={ports} user=postgres dbname={database} target_session_attrs=read-write")
    };
    let mut run = trial.database.start(&both(&proxy.address()), APPLY);
    let next_url = both(&trial.database.address);
    run.comes_to(proxy.held()).await;
    primary.crash();
    standby.promote();
    proxy.resume();
    let ended = run.ends_within(SOON).await;
    trial.database.reconnect(standby.address()).await;
    trial.url = next_url;
    trial.ends_well(broken).await;
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_standby_takes_over_the_run_ends_with_5_or_7_and_the_next_one_converges_there() {
    let seed = seed();
    let mut chance = fastrand::Rng::with_seed(seed);
    for workload in some_of(ALL.to_vec(), kills(1), &mut chance) {
        let number = chance.usize(1..80);
        let broken = format!("failover at request {number}: {}, PARTCTL_TEST_SEED={seed}", workload.name);
        let (code, said) = failover_at(workload, (Side::After, Request::Number(number)), &broken).await;
        // A second connection may have found the standby before it was promoted.
        if code != Some(7) || !said.contains("is a standby") {
            assert_ended_or_lost((code, said), &broken);
        }
    }
}

/// A disk of a few megabytes, for a tablespace.
struct SmallDisk {
    folder: PathBuf,
    mounted_on: Option<tempfile::TempDir>,
}

const SMALL_DISK: &str = "PARTCTL_TEST_SMALL_DISK";

impl SmallDisk {
    /// One that this server's account may write to.
    fn of(server: &ThrowawayServer) -> Self {
        if let Some(folder) = std::env::var_os(SMALL_DISK) {
            return Self { folder: folder.into(), mounted_on: None };
        }
        let mounted_on = tempfile::tempdir().unwrap();
        let owner = server.socket_dir().metadata().unwrap();
        let options = format!("size=3m,mode=700,uid={},gid={}", owner.uid(), owner.gid());
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(mounted_on.path()).output();
        let hint = format!(
            "this test needs a disk that is soon full: run it as root, who can mount a tmpfs, or name in {SMALL_DISK} \
             an empty folder on a mounted disk of 2 to 4 MB that belongs to the account of the server"
        );
        let mount = mount.unwrap_or_else(|error| panic!("{hint}: {error}"));
        assert!(mount.status.success(), "{hint}: {}", String::from_utf8_lossy(&mount.stderr));
        Self { folder: mounted_on.path().to_owned(), mounted_on: Some(mounted_on) }
    }

    fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Some(folder) = &self.mounted_on {
            let _ = Command::new("umount").args(["--lazy"]).arg(folder.path()).status();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_disk_is_full_it_is_told_and_the_next_run_converges_once_there_is_room() {
    let server = own_server(&[]);
    let disk = SmallDisk::of(&server);
    let space = format!("CREATE TABLESPACE small LOCATION '{}'", disk.folder().display());
    server.run_script("postgres", &space).await.unwrap();
    // Pages that are free when all others are taken: none, and enough for some partitions.
    for pages in [0, 7] {
        let trial = Trial::on(&server, FULL_DISK).await;
        let fill = session(&trial.database.url_with("application_name=filling")).await;
        let row = "INSERT INTO public.filling SELECT repeat('x', 7000)";
        for table in ["room", "filling"] {
            let table = format!(
                "CREATE TABLE public.{table} (t text) TABLESPACE small; ALTER TABLE public.{table} ALTER t SET STORAGE PLAIN"
            );
            fill.client().batch_execute(&table).await.unwrap();
        }
        let room = format!("INSERT INTO public.room SELECT repeat('x', 7000) FROM generate_series(1, {pages})");
        fill.client().batch_execute(&room).await.unwrap();
        let mut full = None;
        for _ in 0..10_000 {
            full = fill.client().batch_execute(row).await.err();
            if full.is_some() {
                break;
            }
        }
        let full = full.expect("the disk is never full");
        assert_eq!(full.code().unwrap().code(), "53100", "{full:?}");
        fill.client().batch_execute("DROP TABLE public.room").await.unwrap();
        let (code, said) = trial.start_at(&trial.database.address).ends().await;
        assert_eq!(code, Some(3), "{said}");
        contains(&said, &["No space left on device", "53100", "run again"]);
        fill.client().batch_execute("DROP TABLE public.filling").await.unwrap();
        fill.close().await;
        trial.ends_well(&format!("{pages} pages free")).await;
    }
    server.run_script("postgres", "DROP TABLESPACE small").await.unwrap();
    // Before the disk goes from under it.
    drop(server);
}
