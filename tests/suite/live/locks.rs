//! The promise: what an action says that it locks is what the server sees it lock, relation by relation.

mod cases;

use std::collections::{BTreeMap, BTreeSet};

use partctl::db::connect::Session;
use partctl::plan::{Action, Alone, LockMode, LockScope, Phase, Step, StepKind};
use partctl::run::{Moment, make_plan};
use partctl::sql::QualifiedName;

use self::cases::{CASES, Case, Less, PENDING};
use super::harness::{Database, server, session};

/// Relations by name with the strongest mode on each.
type Modes = BTreeMap<String, LockMode>;

/// Tables of every kind that a test made, oids and names.
const RELATIONS: &str = "SELECT pg_catalog.format('%s %s.%s', c.oid, n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname = 'shop' ORDER BY 1";

async fn database(case: &Case) -> (Database, Session) {
    let database = Database::new(case.policy, &format!("CREATE SCHEMA shop; {}", case.setup)).await;
    database.partctl(&["init"], 0);
    let url = match case.role {
        Some(role) => {
            let grants = format!(
                "GRANT CREATE, USAGE ON SCHEMA shop TO {role}; GRANT USAGE ON SCHEMA partctl TO {role};
                 GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA partctl TO {role}"
            );
            database.sql(&grants).await;
            database.url_with(&format!("user={role}"))
        }
        None => database.url(),
    };
    (database, session(&url).await)
}

async fn relations(database: &Database) -> BTreeMap<u32, String> {
    let rows = database.column(RELATIONS).await;
    let row = |row: &String| {
        let (oid, name) = row.split_once(' ').unwrap();
        (oid.parse().unwrap(), name.to_owned())
    };
    rows.iter().map(row).collect()
}

fn mode(text: &str) -> LockMode {
    match text {
        "AccessShareLock" => LockMode::AccessShare,
        "RowShareLock" => LockMode::RowShare,
        "RowExclusiveLock" => LockMode::RowExclusive,
        "ShareUpdateExclusiveLock" => LockMode::ShareUpdateExclusive,
        "ShareLock" => LockMode::Share,
        "ShareRowExclusiveLock" => LockMode::ShareRowExclusive,
        "AccessExclusiveLock" => LockMode::AccessExclusive,
        other => panic!("no mode for {other}"),
    }
}

fn strengthen(modes: &mut Modes, name: &str, mode: LockMode) {
    let strongest = modes.get(name).map_or(mode, |known| mode.max(*known));
    modes.insert(name.to_owned(), strongest);
}

/// What a session holds, or waits for, on these relations. ACCESS SHARE is not promised.
async fn observe(database: &Database, pid: i32, relations: &BTreeMap<u32, String>, modes: &mut Modes) {
    let sql = format!("SELECT relation || ' ' || mode FROM pg_locks WHERE pid = {pid} AND locktype = 'relation'");
    for row in database.column(&sql).await {
        let (oid, held) = row.split_once(' ').unwrap();
        match (relations.get(&oid.parse().unwrap()), mode(held)) {
            (None, _) | (_, LockMode::AccessShare) => {}
            (Some(name), mode) => strengthen(modes, name, mode),
        }
    }
}

/// What an action promises, relation by relation, also those below where it says so.
async fn promised(database: &Database, action: &Action) -> Modes {
    let mut modes = Modes::new();
    for lock in action.locks() {
        strengthen(&mut modes, &lock.relation.to_string(), lock.mode);
        if lock.scope == LockScope::WithPartitions {
            let below = format!(
                "WITH RECURSIVE t(oid) AS (SELECT '{}'::regclass::oid UNION SELECT i.inhrelid FROM t JOIN pg_inherits i ON i.inhparent = t.oid)
                 SELECT n.nspname || '.' || c.relname FROM t JOIN pg_class c ON c.oid = t.oid JOIN pg_namespace n ON n.oid = c.relnamespace",
                lock.relation
            );
            for name in database.column(&below).await {
                strengthen(&mut modes, &name, lock.mode);
            }
        }
    }
    modes
}

fn weaken_on_14(mut modes: Modes, case: &Case, action: &Action) -> Modes {
    let statements = action.statements().join("; ");
    let weaker = case.less_on_14.iter().filter(|less| statements.contains(less.during));
    for Less { on, promised, taken, .. } in weaker.filter(|_| server().installation().major() < 15) {
        modes.retain(|name, mode| {
            let less = name.starts_with(on) && mode == promised;
            *mode = taken.filter(|_| less).unwrap_or(*mode);
            !less || taken.is_some()
        });
    }
    modes
}

/// Carries an action out in this session and says what it locked.
async fn carry_out(database: &Database, runner: &Session, action: &Action) -> Modes {
    let relations = relations(database).await;
    let client = runner.client();
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let mut observed = Modes::new();
    match action {
        Action::Transaction(_) => {
            client.batch_execute("BEGIN").await.unwrap();
            for statement in action.statements() {
                client.batch_execute(&statement).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
            }
            observe(database, pid, &relations, &mut observed).await;
            client.batch_execute("COMMIT").await.unwrap();
        }
        Action::CopyOut(_) | Action::Remove { .. } => unreachable!("no case here archives"),
        // Nothing is held when it ends, and in between nothing that stops anybody.
        Action::Batches(batches) => client.batch_execute(&batches.statement).await.unwrap(),
        Action::Alone(alone) => detach_through_traps(database, runner, pid, alone, &relations, &mut observed).await,
    }
    observed
}

/// Two sessions on every relation, one in the way of everything from SHARE UPDATE EXCLUSIVE on, one in the way of
/// ACCESS EXCLUSIVE alone; each ends when the detach waits for it, so that the detach is seen at every lock it takes.
async fn detach_through_traps(
    database: &Database,
    runner: &Session,
    pid: i32,
    alone: &Alone,
    relations: &BTreeMap<u32, String>,
    observed: &mut Modes,
) {
    runner.client().batch_execute(&alone.guards.join(";")).await.unwrap();
    let mut traps: BTreeMap<i32, Session> = BTreeMap::new();
    for (oid, name) in relations {
        let foreign = database.value(&format!("SELECT relkind = 'f' FROM pg_class WHERE oid = {oid}")).await == "t";
        set_traps(database, name, foreign, &mut traps).await;
    }
    let statement = runner.client().batch_execute(&alone.statement);
    let springing = async {
        let blocking = format!("SELECT coalesce(array_to_string(pg_blocking_pids({pid}), ' '), '')");
        let ended = format!("SELECT state <> 'active' FROM pg_stat_activity WHERE pid = {pid}");
        let (mut waits, mut pending) = (0, false);
        while database.value(&ended).await == "f" {
            let blockers = database.value(&blocking).await;
            if blockers.is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                continue;
            }
            observe(database, pid, relations, observed).await;
            if !pending && database.value("SELECT bool_or(inhdetachpending) FROM pg_inherits").await == "t" {
                // It waits for everybody who has used the parent, so those traps are gone when it locks it again.
                pending = true;
                set_traps(database, &alone.waits_for_users_of.to_string(), false, &mut traps).await;
            }
            for blocker in blockers.split(' ') {
                if let Some(trap) = traps.remove(&blocker.parse().unwrap()) {
                    trap.client().batch_execute("COMMIT").await.unwrap();
                    trap.close().await;
                    waits += 1;
                }
            }
        }
        assert!(3 <= waits, "it walked into {waits} traps only, so nobody has seen what it locks");
    };
    let begun = format!("SELECT state = 'active' FROM pg_stat_activity WHERE pid = {pid}");
    let (result, ()) = tokio::join!(statement, async {
        database.until(&begun, || true).await;
        springing.await;
    });
    result.unwrap_or_else(|error| panic!("{}: {error:?}", alone.statement));
}

async fn set_traps(database: &Database, name: &str, foreign: bool, traps: &mut BTreeMap<i32, Session>) {
    // LOCK TABLE refuses a foreign table; that a query is analysed locks it without anything being read.
    let (strong, weak) = if foreign {
        (format!("COMMENT ON FOREIGN TABLE {name} IS 'held'"), format!("PREPARE held AS SELECT FROM {name}"))
    } else {
        let lock = |mode| format!("LOCK TABLE ONLY {name} IN {mode} MODE");
        (lock("SHARE UPDATE EXCLUSIVE"), lock("ACCESS SHARE"))
    };
    for lock in [strong, weak] {
        let trap = session(&database.url()).await;
        trap.client().batch_execute(&format!("BEGIN; {lock}")).await.unwrap();
        traps.insert(trap.backend_pid(), trap);
    }
}

fn different(what: &str, promised: &Modes, observed: &Modes) -> Vec<String> {
    let names: BTreeSet<&String> = promised.keys().chain(observed.keys()).collect();
    let show = |mode: Option<&LockMode>| mode.map_or("nothing".to_owned(), ToString::to_string);
    let differs = names.into_iter().filter(|name| promised.get(*name) != observed.get(*name));
    let line = |name: &String| {
        format!("{what}: {name}: promised {}, took {}", show(promised.get(name)), show(observed.get(name)))
    };
    differs.map(line).collect()
}

async fn compare(database: &Database, runner: &Session, case: &Case, step: &Step, wrong: &mut Vec<String>) {
    for (at, action) in step.actions().iter().enumerate() {
        let promised = weaken_on_14(promised(database, action).await, case, action);
        let mut observed = carry_out(database, runner, action).await;
        // What the step itself has made nobody else knows of yet, unless it takes the place and the name of what it splits.
        let takes_a_name = |name: &QualifiedName| step.kind() == StepKind::Split && name == step.target();
        let made = step.made().iter().map(|create| &create.partition).filter(|name| !takes_a_name(name));
        let made: Vec<String> = made.map(ToString::to_string).collect();
        observed.retain(|name, _| !made.contains(name) && !name.starts_with("shop.partctl_"));
        wrong.extend(different(
            &format!("{}: {} {}, action {at}", case.name, step.kind().as_str(), step.target()),
            &promised,
            &observed,
        ));
    }
}

async fn hold(cases: &[Case]) {
    let mut wrong = Vec::new();
    for case in cases {
        let (database, runner) = database(case).await;
        let policies = database.parsed_policies();
        let (_, plan) = make_plan(&runner, &policies, Moment::Now).await.unwrap();
        for kind in case.kinds {
            assert!(0 < plan.count(*kind), "{}: nothing to {}: {plan:?}", case.name, kind.as_str());
        }
        for phase in [Phase::Finish, Phase::Create, Phase::Retire, Phase::Maintain] {
            for (_, step) in plan.steps().filter(|(_, step)| step.phase() == phase) {
                compare(&database, &runner, case, step, &mut wrong).await;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn hold_pending(cases: &[Case]) {
    let mut wrong = Vec::new();
    for case in cases {
        let (database, runner) = database(case).await;
        leave_pending(&database).await;
        let (_, plan) = database.plan().await;
        assert_eq!(plan.count(StepKind::Finalize), 1, "{}", case.name);
        for (_, step) in plan.steps().filter(|(_, step)| step.kind() == StepKind::Finalize) {
            compare(&database, &runner, case, step, &mut wrong).await;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_locks_what_it_promises_and_nothing_else() {
    hold(CASES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finishing_a_detach_locks_what_it_promises_and_nothing_else() {
    hold_pending(PENDING).await;
}

/// A concurrent detach of the old partition that is cut short between its phases.
async fn leave_pending(database: &Database) {
    let reader = session(&database.url()).await;
    reader.client().batch_execute("BEGIN; SELECT * FROM shop.orders").await.unwrap();
    database.sql("SET lock_timeout = '20ms'").await;
    let detach = "ALTER TABLE shop.orders DETACH PARTITION shop.orders_2001_01 CONCURRENTLY";
    assert!(database.session.client().batch_execute(detach).await.is_err());
    reader.client().batch_execute("COMMIT").await.unwrap();
    reader.close().await;
    database.sql("RESET lock_timeout").await;
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits WHERE inhdetachpending").await, "1");
}
