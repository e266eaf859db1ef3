//! Killed anywhere: right before any request reaches the server, or right after the server has completed it, in mixed
//! workloads with a writer. The next run converges, and every row that was acknowledged is there exactly once.
//!
//! `PARTCTL_TEST_KILLS=1000` kills at every request there is; as it is, at some of them, elsewhere each time.

use std::time::Instant;

use super::harness::{Run, session};
use super::proxy::{Point, Proxy, Request, Side};
use super::trial::{Trial, assert_ended_or_lost, kills, seed, some_of};
use super::workloads::{
    ALL, DAYS, DEFAULT_SET_ASIDE, EMPTY_DEFAULT, FILLED_DEFAULT, FOREIGN_KEYS, SEVERAL, SPLIT_DEFAULT, Workload,
};

/// Whether it was killed there.
async fn killed_at(workload: Workload, point: Point, broken: &str) -> bool {
    let trial = Trial::begin(workload).await;
    let proxy = Proxy::open(&trial.database.address, Some(point));
    let mut run = trial.start_at(&proxy.address());
    // A run that comes to its end before needs no killing: how often it must try for a lock is nobody's choice.
    let held = run.comes_to(proxy.held()).await;
    run.kill().await;
    drop(proxy);
    trial.ends_well(broken).await;
    held
}

async fn killed_anywhere(workload: Workload) {
    let seed = seed();
    let mut chance = fastrand::Rng::with_seed(seed);
    let requests = Trial::requests(workload).await;
    let points = (1..=requests).flat_map(|number| [(Side::Before, number), (Side::After, number)]).collect();
    let points = some_of(points, kills(8), &mut chance);
    let mut killed = 0;
    for (side, number) in &points {
        let broken =
            format!("killed {side:?} request {number} of {requests}: {}, PARTCTL_TEST_SEED={seed}", workload.name);
        killed += usize::from(killed_at(workload, (*side, Request::Number(*number)), &broken).await);
    }
    assert!(points.len() < 2 * killed, "only {killed} of {} were killed: {}", points.len(), workload.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_request_while_it_creates_detaches_and_drops_the_next_run_converges() {
    killed_anywhere(DAYS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_request_beside_an_empty_default_the_next_run_converges() {
    killed_anywhere(EMPTY_DEFAULT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_request_while_default_is_set_aside_the_next_run_converges() {
    killed_anywhere(DEFAULT_SET_ASIDE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_request_beside_a_filled_default_the_next_run_converges() {
    killed_anywhere(FILLED_DEFAULT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_request_while_default_is_split_the_next_run_converges() {
    killed_anywhere(SPLIT_DEFAULT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_request_where_foreign_keys_come_and_go_the_next_run_converges() {
    killed_anywhere(FOREIGN_KEYS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_request_at_several_tables_at_once_the_next_run_converges() {
    killed_anywhere(SEVERAL).await;
}

/// What is ended.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Killed {
    /// partctl: the server ends the statement that it was sent.
    Client,
    /// Its backends, in the middle of their statements.
    Backends,
    /// Both, as when the machine goes that both are on.
    Both,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_phases_of_a_detach_the_next_run_finishes_it() {
    let killed = [Killed::Client, Killed::Backends, Killed::Both];
    for (workload, killed) in
        [DAYS, DEFAULT_SET_ASIDE].iter().flat_map(|workload| killed.map(|killed| (workload, killed)))
    {
        let trial = Trial::begin(*workload).await;
        let proxy = Proxy::open(&trial.database.address, Some((Side::Before, Request::With("CONCURRENTLY"))));
        let mut run = trial.start_at(&proxy.address());
        assert!(run.comes_to(proxy.held()).await, "nothing was detached concurrently");
        // Comes after whatever has been looked at beforehand, and keeps the second phase from beginning.
        let reader = session(&trial.database.url_with("application_name=reader")).await;
        reader.client().batch_execute("BEGIN; SELECT FROM shop.orders").await.unwrap();
        proxy.resume();
        trial.database.until("SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)", || true).await;
        let broken = format!("{killed:?} ended between the phases: {}", workload.name);
        end(run, &trial, killed, &broken).await;
        reader.client().batch_execute("ROLLBACK").await.unwrap();
        trial.ends_well(&broken).await;
    }
}

async fn end(run: Run, trial: &Trial, killed: Killed, broken: &str) {
    if killed == Killed::Client {
        return run.kill().await;
    }
    trial.terminate_backends().await;
    if killed == Killed::Both {
        return run.kill().await;
    }
    assert_ended_or_lost(run.ends().await, broken);
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_at_any_moment_with_or_without_its_backends_the_next_run_converges() {
    let seed = seed();
    let mut chance = fastrand::Rng::with_seed(seed);
    for workload in ALL {
        let trial = Trial::begin(*workload).await;
        let began = Instant::now();
        let (code, said) = trial.start_at(&trial.database.address).ends().await;
        assert_eq!(code, Some(0), "{said}");
        let took = began.elapsed();
        trial.ends_well(workload.name).await;
        for _ in 0..kills(3) {
            let killed = chance.choice([Killed::Client, Killed::Backends, Killed::Both]).unwrap();
            let moment = took.mul_f64(chance.f64());
            let trial = Trial::begin(*workload).await;
            let run = trial.start_at(&trial.database.address);
            tokio::time::sleep(moment).await;
            let broken = format!("{killed:?} ended after {moment:?}: {}, PARTCTL_TEST_SEED={seed}", workload.name);
            end(run, &trial, killed, &broken).await;
            trial.ends_well(&broken).await;
        }
    }
}
