//! SIGTERM and Ctrl-C at any request, inside a statement, and between the phases of a detach: the run ends soon, with
//! 143 or 130, and what it says was done is what was done.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::harness::{Run, session};
use super::proxy::{Proxy, Request, Side};
use super::trial::{RUNNING, Trial, kills, seed, some_of};
use super::workloads::{DAYS, SEVERAL};

/// A second is the promise; more is a machine that is busy, or a hang.
const SOON: Duration = Duration::from_secs(5);

const SIGNALS: [(Signal, i32); 2] = [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)];

/// Holds that it ended so, and that the ledger knows as many steps as it told of.
async fn ends_truly(run: Run, trial: &Trial, wanted: i32, broken: &str) {
    let (code, said) = run.ends_within(SOON).await;
    let has_ledger = trial.database.value("SELECT to_regclass('partctl.steps') IS NOT NULL").await == "t";
    let in_ledger = match has_ledger {
        true => trial.database.value("SELECT count(*) FROM partctl.steps WHERE error IS NULL").await,
        false => "0".to_owned(),
    };
    let done = said.split_once(if in_ledger == "1" { " step done" } else { " steps done" });
    let told = done.map_or("0", |(before, _)| before.rsplit(' ').next().unwrap());
    // A signal that comes after the last step finds all of it done.
    let ended = code == Some(wanted) && said.contains("Stopped.") || code == Some(0) && said.contains("pruning proven");
    assert!(ended && told == in_ledger, "{broken}: {code:?}, {in_ledger} steps in the ledger\n{said}");
    assert!(in_ledger == "0" || !said.contains("Nothing was changed"), "{broken}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_at_any_request_ends_the_run_and_what_it_says_is_true() {
    let seed = seed();
    let mut chance = fastrand::Rng::with_seed(seed);
    for workload in [DAYS, SEVERAL] {
        let requests = Trial::requests(workload).await;
        for number in some_of((1..=requests).collect(), kills(5), &mut chance) {
            let side = chance.choice([Side::Before, Side::After]).unwrap();
            let (signal, code) = chance.choice(SIGNALS).unwrap();
            let broken = format!("{signal} {side:?} request {number}: {}, PARTCTL_TEST_SEED={seed}", workload.name);
            let trial = Trial::begin(workload).await;
            let proxy = Proxy::open(&trial.database.address, Some((side, Request::Number(number))));
            let mut run = trial.start_at(&proxy.address());
            if run.comes_to(proxy.held()).await {
                run.signal(signal);
            }
            proxy.resume();
            ends_truly(run, &trial, code, &broken).await;
            trial.ends_well(&broken).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_inside_a_statement_cancels_it() {
    for (signal, code) in SIGNALS {
        let trial = Trial::begin(DAYS).await;
        trial.database.partctl(&["init"], 0);
        trial
            .database
            .sql(
                "CREATE FUNCTION partctl.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
                    IF (SELECT 3 <= count(*) FROM partctl.steps) THEN PERFORM pg_sleep(60); END IF; RETURN new; END';
                CREATE TRIGGER slow BEFORE INSERT ON partctl.steps FOR EACH ROW WHEN (new.error IS NULL) EXECUTE FUNCTION partctl.slow()",
            )
            .await;
        let run = trial.start_at(&trial.database.address);
        let inside = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'partctl'
            AND datname = current_database() AND wait_event = 'PgSleep')";
        trial.database.until(inside, || true).await;
        run.signal(signal);
        ends_truly(run, &trial, code, &format!("{signal} inside a statement")).await;
        assert_eq!(trial.database.value("SELECT count(*) FROM partctl.steps WHERE error IS NULL").await, "3");
        trial.database.sql("DROP FUNCTION partctl.slow CASCADE").await;
        trial.ends_well(&format!("{signal} inside a statement")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_between_the_phases_of_a_detach_ends_the_run_and_the_next_one_finishes_it() {
    for (signal, code) in SIGNALS {
        let trial = Trial::begin(DAYS).await;
        let proxy = Proxy::open(&trial.database.address, Some((Side::Before, Request::With("CONCURRENTLY"))));
        let mut run = trial.start_at(&proxy.address());
        assert!(run.comes_to(proxy.held()).await, "nothing was detached concurrently");
        let reader = session(&trial.database.url_with("application_name=reader")).await;
        reader.client().batch_execute("BEGIN; SELECT FROM shop.orders").await.unwrap();
        proxy.resume();
        trial.database.until("SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)", || true).await;
        run.signal(signal);
        ends_truly(run, &trial, code, &format!("{signal} between the phases")).await;
        reader.client().batch_execute("ROLLBACK").await.unwrap();
        trial.ends_well(&format!("{signal} between the phases")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_while_the_network_stands_still_ends_the_run_all_the_same() {
    let seed = seed();
    let mut chance = fastrand::Rng::with_seed(seed);
    let requests = Trial::requests(DAYS).await;
    for number in some_of((1..=requests).collect(), kills(4), &mut chance) {
        let (signal, wanted) = chance.choice(SIGNALS).unwrap();
        let broken = format!("{signal} while nothing answers request {number}, PARTCTL_TEST_SEED={seed}");
        let trial = Trial::begin(DAYS).await;
        let proxy = Proxy::open(&trial.database.address, Some((Side::Before, Request::Number(number))));
        let mut run = trial.start_at(&proxy.address());
        if run.comes_to(proxy.held()).await {
            run.signal(signal);
            let (code, said) = run.ends_within(SOON).await;
            assert_eq!(code, Some(wanted), "{broken}\n{said}");
        }
        drop(proxy);
        trial.ends_well(&broken).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_while_somebody_holds_the_ledger_ends_the_run_all_the_same() {
    for (signal, wanted) in SIGNALS {
        let trial = Trial::begin(DAYS).await;
        trial.database.partctl(&["init"], 0);
        let proxy = Proxy::open(&trial.database.address, Some((Side::Before, Request::With("ATTACH PARTITION"))));
        let mut run = trial.start_at(&proxy.address());
        assert!(run.comes_to(proxy.held()).await, "nothing was attached");
        let holder = session(&trial.database.url_with("application_name=holder")).await;
        holder.client().batch_execute("BEGIN; LOCK TABLE partctl.steps").await.unwrap();
        proxy.resume();
        let waits = format!("SELECT EXISTS (SELECT {RUNNING} AND wait_event_type = 'Lock')");
        trial.database.until(&waits, || true).await;
        run.signal(signal);
        let (code, said) = run.ends_within(SOON).await;
        assert_eq!(code, Some(wanted), "{said}");
        holder.client().batch_execute("ROLLBACK").await.unwrap();
        trial.ends_well(&format!("{signal} while somebody holds the ledger")).await;
    }
}
