//! Who is to notice nothing: a writer and two readers, each statement's latency, and who kept them waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::{Bench, Case, literal};

/// The writer and the two readers, as long as they are wanted.
pub struct Load {
    wanted: Arc<AtomicBool>,
    sides: Vec<JoinHandle<Vec<(Instant, f64)>>>,
}

impl Load {
    pub async fn start(bench: &Bench, database: &str, case: Case) -> Self {
        let wanted = Arc::new(AtomicBool::new(true));
        let at = format!("{}::timestamptz + interval '1 s'", literal(0));
        let insert = match case {
            // Whoever writes to the referenced table must not notice either.
            Case::ForeignKey => format!(
                "WITH place AS (UPDATE bench.places SET seen = seen + 1 WHERE id = 7 RETURNING id)
                 INSERT INTO bench.events SELECT nextval('bench.ids'), {at}, id, 'new' FROM place"
            ),
            _ => format!("INSERT INTO bench.events VALUES (nextval('bench.ids'), {at}, 7, 'new')"),
        };
        let today = format!("SELECT count(*) FROM bench.events WHERE at = {}", literal(0));
        let all = "SELECT count(*) FROM bench.events WHERE id = 12345".to_owned();
        let mut sides = Vec::new();
        for (name, pause, sql) in [("writer", 2, insert), ("reader of today", 5, today), ("reader of all", 5, all)] {
            let client = bench.connect(database, name).await;
            sides.push(tokio::spawn(again_and_again(client, Arc::clone(&wanted), Duration::from_millis(pause), sql)));
        }
        Self { wanted, sides }
    }

    /// The latencies, in milliseconds, of the statements that ended after this moment, side by side.
    pub async fn stop(self, from: Instant) -> Vec<Vec<f64>> {
        self.wanted.store(false, Ordering::Relaxed);
        let mut latencies = Vec::new();
        for side in self.sides {
            let all = side.await.expect("a side's statements");
            latencies.push(all.into_iter().filter(|(ended, _)| from < *ended).map(|(_, latency)| latency).collect());
        }
        latencies
    }

    /// Says who kept whom waiting for 20 ms and more.
    pub fn watch(&self, client: Client) -> JoinHandle<()> {
        let wanted = Arc::clone(&self.wanted);
        tokio::spawn(async move {
            let began = Instant::now();
            let mut waits: Vec<(String, Instant, Instant)> = Vec::new();
            let mut ticks = interval(Duration::from_millis(5));
            while wanted.load(Ordering::Relaxed) {
                ticks.tick().await;
                let rows = client.query(WAITING, &[]).await.expect("who waits");
                let now = Instant::now();
                for wait in rows.iter().map(|row| row.get::<_, String>(0)) {
                    let going_on = |(known, _, last): &&mut (String, Instant, Instant)| {
                        *known == wait && now - *last < Duration::from_millis(20)
                    };
                    match waits.iter_mut().find(going_on) {
                        Some((_, _, last)) => *last = now,
                        None => waits.push((wait, now, now)),
                    }
                }
            }
            for (wait, first, last) in waits {
                let lasted = (last - first).as_millis();
                if 20 <= lasted {
                    println!("  {:>6.2} s: {lasted:>5} ms: {wait}", (first - began).as_secs_f64());
                }
            }
        })
    }
}

const WAITING: &str = "SELECT w.application_name || ' waits for ' || l.mode || ' on '
        || coalesce(l.relation::regclass::text, l.locktype) || ' behind ' || b.application_name || ': '
        || coalesce(substring(b.query FROM '(?:ALTER|DROP|CREATE) TABLE [^;]{0,80}'), left(b.query, 60))
    FROM pg_stat_activity w
    CROSS JOIN unnest(pg_blocking_pids(w.pid)) blocking(pid)
    JOIN pg_stat_activity b ON b.pid = blocking.pid
    LEFT JOIN pg_locks l ON l.pid = w.pid AND NOT l.granted
    WHERE w.datname = current_database() AND w.wait_event_type = 'Lock'";

async fn again_and_again(client: Client, wanted: Arc<AtomicBool>, pause: Duration, sql: String) -> Vec<(Instant, f64)> {
    let mut latencies = Vec::new();
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while wanted.load(Ordering::Relaxed) {
        ticks.tick().await;
        let began = Instant::now();
        if let Err(error) = client.query_typed(&sql, &[]).await {
            // As long as it took, and in vain besides.
            assert_eq!(error.code(), Some(&SqlState::T_R_DEADLOCK_DETECTED), "{sql}: {error:?}");
            println!("  a statement of the load was the victim of a deadlock");
        }
        latencies.push((Instant::now(), began.elapsed().as_secs_f64() * 1000.0));
    }
    latencies
}
