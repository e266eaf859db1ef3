//! Why queries do not prune, row by row: what the planner shows, which reason is found, and whether the rewrite that is
//! offered prunes. The verdicts are Postgres'; the reasons have to follow them.

use partctl::db::throwaway::{ServerOptions, ThrowawayServer};
use partctl::failure::Failure;
use partctl::policy::PruningStage;
use partctl::pruning::{Advice, Parameter, TableVerdict, Tried, Verdict};
use partctl::run::{Execute, explain_query};
use std::time::Duration;

use super::harness::{Database, command, contains, said, session};

/// A query, the verdicts of its custom and its generic plan with their reasons, and what may take a condition's place.
struct Row {
    sql: &'static str,
    with: &'static [&'static str],
    types: &'static [&'static str],
    custom: &'static str,
    generic: &'static str,
    /// A part of the rewritten condition; empty: none is offered.
    instead: &'static str,
    /// Versions that it holds for.
    versions: std::ops::Range<u32>,
}

const ALL: std::ops::Range<u32> = 14..99;

const fn row(sql: &'static str, verdict: &'static str, instead: &'static str) -> Row {
    Row { sql, with: &[], types: &[], custom: verdict, generic: verdict, instead, versions: ALL }
}

const fn with(
    sql: &'static str,
    with: &'static [&'static str],
    custom: &'static str,
    generic: &'static str,
    instead: &'static str,
) -> Row {
    Row { sql, with, types: &[], custom, generic, instead, versions: ALL }
}

const ROWS: &[(u8, Row)] = &[
    (1, row("select * from s.r where id = 1", "none no_key_predicate", "")),
    (1, row("select * from s.r", "none no_key_predicate", "")),
    (
        2,
        row(
            "select * from s.r where date_trunc('month', ts) = '2024-02-01'",
            "none function_on_key",
            "ts >= '2024-02-01' AND ts < '2024-03-01'",
        ),
    ),
    (2, row("select * from s.r where date_trunc('month', ts) = '2024-02-02'", "none function_on_key", "")),
    (
        2,
        row(
            "select * from s.r where ts::date = '2024-02-10'",
            "none cast_on_key",
            "ts >= '2024-02-10' AND ts < '2024-02-11'",
        ),
    ),
    (
        2,
        with(
            "select * from s.rt where ts::date = $1",
            &["2024-02-10"],
            "none cast_on_key",
            "none cast_on_key",
            "ts >= $1::date AND ts < $1::date + 1",
        ),
    ),
    (
        2,
        row(
            "select * from s.rd where extract(year from d) = 2023",
            "none function_on_key",
            "d >= '2023-01-01' AND d < '2024-01-01'",
        ),
    ),
    (2, row("select * from s.r where ts + '1 day' > '2024-05-01'", "none arithmetic_on_key", "")),
    (
        2,
        row(
            "select * from s.rt where ts + interval '1 day' > '2024-05-01'",
            "none arithmetic_on_key",
            "ts > '2024-05-01'::timestamp - INTERVAL '1 day'",
        ),
    ),
    (2, row("select * from s.ri where id + 1 = 16", "none arithmetic_on_key", "id = 16 - 1")),
    (
        2,
        row(
            "select * from s.r where ts at time zone 'Europe/Berlin' >= '2024-05-01'",
            "none function_on_key",
            "ts >= '2024-05-01'::timestamp AT TIME ZONE 'Europe/Berlin'",
        ),
    ),
    (
        2,
        row(
            "select * from s.r where (ts at time zone 'Europe/Berlin')::date = '2024-05-05'",
            "none cast_on_key",
            "ts < '2024-05-06'::timestamp AT TIME ZONE 'Europe/Berlin'",
        ),
    ),
    (
        2,
        row(
            "select * from s.r where coalesce(ts, now()) >= '2024-05-01'",
            "none function_on_key",
            "ts >= '2024-05-01'",
        ),
    ),
    (2, row("select * from s.l where lower(k) = 'a'", "none function_on_key", "")),
    (2, row("select * from s.ri where id::text = '5'", "none cast_on_key", "")),
    (
        2,
        row(
            "delete from s.r where date_trunc('month', ts) = '2024-02-01'",
            "none function_on_key",
            "ts >= '2024-02-01' AND ts < '2024-03-01'",
        ),
    ),
    (3, row("select * from s.ri where id = 5.0", "none type_mismatch", "id = 5")),
    (3, row("select * from s.ri where id = 5::float8", "none type_mismatch", "id = 5")),
    (
        3,
        with(
            "select * from s.ri where id = $1::numeric",
            &["5"],
            "none type_mismatch",
            "none type_mismatch",
            "id = $1::bigint",
        ),
    ),
    (
        3,
        Row {
            types: &["numeric"],
            ..with("select * from s.ri where id = $1", &["5"], "none type_mismatch", "none type_mismatch", "")
        },
    ),
    (3, row("select * from s.h where tenant = 5.0", "none type_mismatch", "tenant = 5")),
    (
        4,
        row(
            "select * from s.r where ts >= date '2024-05-01'",
            "startup stable_comparison",
            "ts >= '2024-05-01'::timestamptz",
        ),
    ),
    (
        4,
        row(
            "select * from s.r where ts >= '2024-05-01'::timestamp",
            "startup stable_comparison",
            "ts >= '2024-05-01'::timestamptz",
        ),
    ),
    (
        4,
        row(
            "select * from s.rt where ts >= '2024-05-01'::timestamptz",
            "startup stable_comparison",
            "ts >= '2024-05-01'::timestamp",
        ),
    ),
    (4, row("select * from s.rd where d >= '2024-05-01'::timestamptz", "startup stable_comparison", "")),
    (4, row("select * from s.rt where ts >= date '2024-05-01'", "plan", "")),
    (5, row("select * from s.r where ts >= now() - interval '1 day'", "startup stable_function", "")),
    (5, row("select * from s.rd where d >= current_date", "startup stable_function", "")),
    (6, row("select * from s.r where ts >= clock_timestamp()", "none volatile_function", "")),
    (6, row("select * from s.r where ts >= s.vol()", "none volatile_function", "")),
    (7, with("select * from s.r where ts = $1", &["2024-02-02"], "plan", "startup parameter", "")),
    (8, with("select * from s.ri where id = any($1)", &["{5,6}"], "plan", "none array_parameter", "")),
    (8, row("select * from s.ri where id = any('{5,6}')", "plan", "")),
    (9, row("select * from s.ri where id = any(array(select id from s.src))", "none array_subquery", "")),
    (
        10,
        with(
            "select * from s.r where $1::timestamptz is null or ts >= $1",
            &["2024-05-01"],
            "plan",
            "none optional_filter",
            "",
        ),
    ),
    (10, with("select * from s.r where ts >= coalesce($1, ts)", &["2024-05-01"], "plan", "none optional_filter", "")),
    (11, row("select * from s.r where ts = (select max(ts) from s.src)", "none scalar_subquery", "")),
    (12, row("select * from s.r where ts in (select ts from s.src)", "none in_subquery", "")),
    (12, row("select * from s.r join s.src on r.ts = src.ts", "none join_on_key", "")),
    (13, row("select * from s.src, lateral (select * from s.r where r.ts = src.ts limit 1) x", "none correlated", "")),
    (
        13,
        row("select * from s.r where exists (select from s.r2 where r2.ts = r.ts) and r.ts = '2024-02-02'", "plan", ""),
    ),
    (
        14,
        row(
            "select * from s.r a join s.r2 b on a.ts = b.ts where a.ts >= '2024-05-01'",
            "none range_not_carried",
            "b.ts >= '2024-05-01'",
        ),
    ),
    (14, row("select * from s.r a join s.r b using (ts) where a.ts >= '2024-05-01'", "none range_not_carried", "")),
    (14, row("select * from s.r natural join s.r2 where ts >= '2024-05-01'", "none range_not_carried", "")),
    (14, row("select * from s.r a join s.r2 b on a.ts = b.ts where a.ts = '2024-05-01'", "plan", "")),
    (
        15,
        row(
            "select * from s.r left join s.src on src.id = r.id and r.ts = '2024-02-02'",
            "none outer_join_condition",
            "",
        ),
    ),
    (16, row("select * from s.r where ts >= '2024-05-01' or id = 1", "none or_with_other_column", "")),
    (16, row("select * from s.r where ts = '2024-05-01' or ts = '2024-02-01'", "plan", "")),
    (17, row("select * from s.m where (a, b) > (25, 0)", "none row_comparison", "a >= 25 AND (a, b) > (25, 0)")),
    (18, row("select * from s.ri where id <> 5", "none not_equal", "")),
    (18, row("select * from s.l where k <> 'a'", "plan", "")),
    (19, row("select * from s.h where tenant >= 5", "none hash_needs_equality", "")),
    (19, row("select * from s.h2 where a = 5", "none hash_needs_all_columns", "")),
    (19, row("select * from s.h where tenant in (1, 1)", "plan", "")),
    (20, row("select * from s.m where b = 2", "none leading_column_missing", "")),
    (21, row("select * from s.e where ts = '2024-02-02'", "none key_is_expression", "AND date_trunc('month'")),
    (21, row("select * from s.e where date_trunc('month', ts) = '2024-02-01'", "plan", "")),
    (22, row("select * from s.l where k like 'a%'", "none pattern_match", "")),
    (22, row("select * from s.l where k ~ '^a'", "none pattern_match", "")),
    (23, row("select * from s.l where k = 'a' collate \"C\"", "none collation", "k = 'a'")),
    (23, row("select * from s.l where k collate \"C\" = 'a'", "none collation", "k = 'a'")),
    (23, row("select * from s.lc where k = 'a'", "none collation", "k = 'a' COLLATE \"C\"")),
    (
        24,
        row(
            "with x as materialized (select * from s.r) select * from x where ts = '2024-02-02'",
            "none optimizer_fence",
            "",
        ),
    ),
    (
        24,
        row(
            "with x as (select * from s.r) select * from x a, x b where a.ts = '2024-02-02' and b.ts = '2024-02-02'",
            "none optimizer_fence",
            "",
        ),
    ),
    (24, row("select * from (select * from s.r limit 10) x where ts = '2024-02-02'", "none optimizer_fence", "")),
    (
        24,
        row(
            "select * from (select distinct on (id) * from s.r order by id) x where ts = '2024-02-02'",
            "none optimizer_fence",
            "",
        ),
    ),
    (
        24,
        row(
            "select * from (select ts, row_number() over (partition by id) n from s.r) x where ts = '2024-02-02'",
            "none optimizer_fence",
            "",
        ),
    ),
    (24, row("with x as (select * from s.r) select * from x where ts = '2024-02-02'", "plan", "")),
    (25, row("select * from s.def where ts >= '2024-06-01'", "plan", "")),
    (
        26,
        Row {
            versions: 14..17,
            ..row(
                "select * from s.r where tstzrange('2024-02-01', '2024-03-01') @> ts",
                "none range_operator",
                "ts >= '2024-02-01' AND ts < '2024-03-01'",
            )
        },
    ),
    (
        26,
        Row {
            versions: 17..99,
            ..row("select * from s.r where tstzrange('2024-02-01', '2024-03-01') @> ts", "plan", "")
        },
    ),
    (28, row("update s.r set id = 2 where ts >= now()", "startup stable_function", "")),
    (28, row("delete from s.r where ts >= now()", "startup stable_function", "")),
    (28, row("select * from s.r where ts >= now() for update", "startup stable_function", "")),
    (
        29,
        Row {
            versions: 15..99,
            ..row(
                "merge into s.r using s.src on r.ts = src.ts when matched then update set id = 2",
                "none merge_on_source",
                "",
            )
        },
    ),
    (
        29,
        Row {
            versions: 15..99,
            ..row(
                "merge into s.r using s.src on r.ts = src.ts and r.ts >= '2024-05-01' when matched then delete",
                "plan",
                "",
            )
        },
    ),
    (30, row("select * from s.pend where ts = '2024-02-02'", "plan", "")),
    // Beyond the rows: what stands around a table, and what is no fault.
    (13, row("select * from s.r where exists (select from s.src where src.ts = r.ts)", "none join_on_key", "")),
    (31, row("table s.r", "none no_key_predicate", "")),
    (31, row("select * from s.v where at = '2024-02-02'", "plan", "")),
    (31, row("select * from s.v where at::date = '2024-02-02'", "none cast_on_key", "")),
    (31, row("select * from s.months where month = '2024-02-01'", "none function_on_key", "")),
    (31, row("select * from s.r where ts >= '2000-01-01'", "none matches_all", "")),
    (31, row("select * from s.sub where k = 1", "plan", "")),
    (31, row("select * from s.sub where ts = '2024-02-02' and k = 1", "plan", "")),
    (31, row("select * from s.sub_0 where k = 1", "plan", "")),
    (31, row("select * from s.r where ts = '2030-01-01'", "plan", "")),
    (31, row("select * from s.r where false", "plan", "")),
    (31, row("select * from s.r order by ts limit 1", "none no_key_predicate", "")),
    (31, row("insert into s.src select ts from s.r where id = 1", "none no_key_predicate", "")),
    (
        31,
        row(
            "select * from s.r where ts = '2024-02-02' union all select * from s.r where id = 1",
            "none no_key_predicate",
            "",
        ),
    ),
    (31, row("with x as (delete from s.r where id = 1 returning 1) select 1", "none no_key_predicate", "")),
    (31, row("update s.r set id = 1 from s.src where src.id = r.id", "none no_key_predicate", "")),
];

fn parameters(row: &Row) -> Vec<Parameter> {
    let types = row.types.iter().map(|name| Some((*name).to_owned())).chain(std::iter::repeat(None));
    row.with.iter().zip(types).map(|(value, type_name)| Parameter { type_name, value: (*value).to_owned() }).collect()
}

fn shown(tried: &Tried, advice: Option<&Advice>) -> String {
    let verdict = match tried {
        Tried::Planned(outcome) => outcome.verdict.as_str(),
        Tried::Not(why) => why,
    };
    advice.map_or_else(|| verdict.to_owned(), |advice| format!("{verdict} {}", advice.reason.code))
}

async fn explain(database: &Database, row: &Row, execute: Execute) -> Vec<TableVerdict> {
    let explained = explain_query(&database.session, row.sql, parameters(row), execute).await;
    explained.unwrap_or_else(|error| panic!("{}: {error:#}", row.sql)).tables
}

/// The table that prunes worst.
fn worst(tables: Vec<TableVerdict>) -> TableVerdict {
    tables.into_iter().max_by_key(TableVerdict::verdict).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_follows_the_planners_verdict_and_each_rewrite_is_proven() {
    let database = Database::new("", include_str!("pruning_reasons.sql")).await;
    let version = database.session.server_version() / 10_000;
    let mut wrong = Vec::new();
    for (number, row) in ROWS.iter().filter(|(_, row)| row.versions.contains(&version)) {
        let table = worst(explain(&database, row, Execute::Never).await);
        let custom = shown(&table.custom, table.custom_advice.as_ref());
        let generic = shown(&table.generic, table.generic_advice.as_ref());
        let instead = table.custom_advice.as_ref().and_then(|advice| advice.instead.as_ref());
        let condition = instead.map(|instead| instead.condition.as_str()).unwrap_or_default();
        if let Some(instead) = instead.filter(|_| row.sql.starts_with("select") && row.with.is_empty()) {
            let rows = async |sql: &str| {
                database.value(&format!("SELECT md5(string_agg(x::text, ',' ORDER BY x::text)) FROM ({sql}) x")).await
            };
            assert_eq!(rows(row.sql).await, rows(&instead.sql).await, "{}\n{}", row.sql, instead.sql);
        }
        let fits = custom == row.custom
            && generic == row.generic
            && condition.contains(row.instead)
            && condition.is_empty() == row.instead.is_empty();
        if !fits {
            wrong.push(format!(
                "{number} {}\n    {custom} | {generic} | {condition}\n    {:?}",
                row.sql, table.custom_advice
            ));
        }
    }
    assert!(wrong.is_empty(), "Postgres {version}:\n{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_switched_off_default_and_pending_are_told() {
    let database = Database::new("", include_str!("pruning_reasons.sql")).await;
    let explained = |sql: &'static str| {
        let row = row(sql, "", "");
        let database = &database;
        async move { worst(explain(database, &row, Execute::Never).await) }
    };
    let open = explained("select * from s.def where ts >= '2024-06-01'").await;
    contains(&open.notes.join("\n"), &["DEFAULT def_default is read as well"]);
    let closed = explained("select * from s.def where ts >= '2024-06-01' and ts < '2024-07-01'").await;
    assert_eq!((closed.outcome().unwrap().scanned.len(), closed.notes.len()), (1, 0));
    let pending = explained("select * from s.pend where ts = '2024-02-02'").await;
    assert_eq!(pending.total, 2);
    contains(&pending.notes.join("\n"), &["pend_2 is pending detach"]);

    database.sql("SET enable_partition_pruning = off").await;
    let off = explained("select * from s.r where ts = '2024-02-02'").await;
    assert_eq!(shown(&off.custom, off.custom_advice.as_ref()), "none pruning_disabled");
    database.sql("RESET enable_partition_pruning").await;

    // Several tables, one verdict each, and the locks of all of them.
    let tables = explain(
        &database,
        &row("select * from s.r a join s.ri b on a.id = b.id where a.ts = '2024-02-02' and b.ts = now()", "", ""),
        Execute::Never,
    )
    .await;
    let verdicts: Vec<_> =
        tables.iter().map(|table| (table.table.to_string(), table.verdict().unwrap().as_str())).collect();
    assert_eq!(verdicts, [("s.r".to_owned(), "plan"), ("s.ri".to_owned(), "none")]);
    assert!(tables[0].planning.is_some() && tables[0].outcome().unwrap().locks < tables[0].lockable as usize);

    // Where rows go is not in a plan.
    let inserted = explain(&database, &row("insert into s.r values (1, '2024-02-02')", "", ""), Execute::Never).await;
    assert_eq!((inserted[0].read, inserted[0].verdict()), (false, None));
    assert!(explain(&database, &row("select * from s.src", "", ""), Execute::Never).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shows_only_while_a_query_runs_is_seen_by_running_it_and_leaves_nothing_behind() {
    let database = Database::new("", include_str!("pruning_reasons.sql")).await;
    let run = Execute::Within(Duration::from_secs(30));
    let execution = Some(Verdict::Pruned(PruningStage::Execution));
    let subquery = row("select * from s.r where ts = (select max(ts) from s.src)", "", "");
    let table = worst(explain(&database, &subquery, run).await);
    assert_eq!(table.verdict(), execution);
    assert_eq!(table.outcome().unwrap().never_executed, Some(5));
    assert_eq!(table.custom_advice.unwrap().reason.code, "scalar_subquery");

    // A Limit that has enough is not pruning.
    let limited = worst(explain(&database, &row("select * from s.r limit 1", "", ""), run).await);
    assert_eq!(limited.verdict(), Some(Verdict::Unpruned));
    assert!(limited.outcome().unwrap().never_executed > Some(0));

    let deleted =
        worst(explain(&database, &row("delete from s.r where ts = (select max(ts) from s.src)", "", ""), run).await);
    assert_eq!(deleted.verdict(), execution);
    worst(explain(&database, &row("delete from s.r where id = 1", "", ""), run).await);
    worst(explain(&database, &row("select * from s.r for update", "", ""), run).await);
    assert_eq!(database.value("SELECT count(*) FROM s.r").await, "4368");

    let slow = row("select pg_sleep(60) from s.r", "", "");
    let table = worst(explain(&database, &slow, Execute::Within(Duration::from_millis(100))).await);
    assert!(matches!(&table.analyzed, Some(Tried::Not(why)) if why.contains("57014")), "{:?}", table.analyzed);
    assert_eq!(table.verdict(), Some(Verdict::Unpruned), "the plan still counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_hold_whatever_stands_around_the_scans() {
    let database = Database::new("", include_str!("pruning_reasons.sql")).await;
    database
        .sql(
            "CREATE INDEX ON s.r2 (ts); CREATE INDEX ON s.r (ts); SET enable_seqscan = off; SET enable_bitmapscan = off;
            CREATE FUNCTION s.hidden() RETURNS SETOF s.r LANGUAGE sql STABLE AS 'SELECT * FROM s.r WHERE id = 1'",
        )
        .await;
    let shown = async |sql: &'static str| {
        let tables = explain(&database, &row(sql, "", ""), Execute::Never).await;
        tables.iter().map(|table| shown(&table.custom, table.custom_advice.as_ref())).collect::<Vec<_>>()
    };
    // Merge Append.
    assert_eq!(
        shown("select * from s.r where ts >= now() - interval '1 day' order by ts").await,
        ["startup stable_function"]
    );
    assert_eq!(shown("select * from s.r where id = 1 order by ts").await, ["none no_key_predicate"]);
    // Workers, each with its share.
    database
        .sql(
            "RESET enable_seqscan; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
            SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 4",
        )
        .await;
    let plan = database.column("EXPLAIN SELECT count(*) FROM s.r WHERE id = 1").await.join("\n");
    contains(&plan, &["Gather", "Parallel"]);
    assert_eq!(shown("select count(*) from s.r where id = 1").await, ["none no_key_predicate"]);
    assert_eq!(
        shown("select count(*) from s.r where ts >= now() - interval '1 day'").await,
        ["startup stable_function"]
    );
    // Joined partition by partition.
    database.sql("SET enable_partitionwise_join = on").await;
    assert_eq!(
        shown("select count(*) from s.r join s.r2 using (ts) where r.ts = '2024-02-02'").await,
        ["plan", "plan"]
    );
    // A function's query is no part of this one.
    assert!(shown("select * from s.hidden()").await.is_empty());

    // Partitions elsewhere.
    if database.value("SELECT count(*) FROM pg_available_extensions WHERE name = 'file_fdw'").await == "1" {
        database
            .sql(
                "CREATE EXTENSION file_fdw SCHEMA public; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
                CREATE FOREIGN TABLE s.rd_far PARTITION OF s.rd FOR VALUES FROM ('2023-01-01') TO ('2023-02-01')
                    SERVER files OPTIONS (filename '/dev/null')",
            )
            .await;
        let far =
            worst(explain(&database, &row("select * from s.rd where d = '2023-01-05'", "", ""), Execute::Never).await);
        let outcome = far.outcome().unwrap();
        assert_eq!((far.total, outcome.verdict.as_str(), outcome.scanned.len()), (7, "plan", 1));
        assert_eq!(shown("select * from s.rd where d::text = '2023-01-05'").await, ["none cast_on_key"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policys_query_that_fails_is_told_why_and_what_to_write() {
    let policy = "version: 1\ntable: s.rt\npartition: {range: ts, every: 1 month}\npruning:
  - {name: month, sql: \"select * from s.rt where date_trunc('month', ts) = '2024-02-01'\", partitions: 1}
  - {name: fine, sql: \"select * from s.rt where ts = '2024-02-01'\", partitions: 1}
  - {name: generic, sql: \"select * from s.rt where ts = any($1)\", with: ['{2024-02-01}'], require: startup}\n";
    let database = Database::new(policy, include_str!("pruning_reasons.sql")).await;
    let text = database.partctl(&["check"], 3);
    contains(
        &text,
        &[
            "why      date_trunc('month', ts) hides the key from the planner (function_on_key)",
            "instead  ts >= '2024-02-01' AND ts < '2024-03-01'",
            "prunes when planned: 1 of 6 partitions, 2 locks (tried)",
            "a generic plan cannot look into the array $1 (array_parameter)",
            "hint: date_trunc('month', ts) hides the key",
        ],
    );
    let output = database.command(&["check", "-o", "json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let query =
        |name: &str| json["pruning"].as_array().unwrap().iter().find(|query| query["query"] == name).unwrap().clone();
    assert_eq!(query("month")["reason"], "function_on_key");
    assert_eq!(query("month")["rewrite"]["verdict"], "plan");
    assert_eq!(query("generic")["reason"], "array_parameter");
    assert!(query("fine").get("reason").is_none());
    // An apply that changes the table tells the same.
    contains(&database.partctl(&["apply"], 3), &["(function_on_key)", "ts >= '2024-02-01' AND ts < '2024-03-01'"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_fill_the_lock_table_is_not_tried_by_hand_either() {
    let small = [("max_locks_per_transaction", "10"), ("max_connections", "15"), ("autovacuum", "off")];
    let settings = small.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let server = ThrowawayServer::start(ServerOptions { settings, ..ServerOptions::default() }).unwrap();
    let url = server.url("postgres");
    let client = session(&url).await;
    let script = "CREATE SCHEMA s; CREATE TABLE s.big (id int) PARTITION BY RANGE (id)";
    client.client().batch_execute(script).await.unwrap();
    let parts = "DO $$BEGIN FOR i IN 0..1199 LOOP
        EXECUTE format('CREATE TABLE s.big_%s PARTITION OF s.big FOR VALUES FROM (%s) TO (%s)', i, i, i + 1);
        COMMIT; END LOOP; END$$";
    client.client().batch_execute(parts).await.unwrap();
    for analyze in [&["--analyze"][..], &[]] {
        let arguments = [&["explain", "select * from s.big where id + 0 = 5"], analyze].concat();
        let output = command(std::path::Path::new("/nonexistent"), &url, &arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        contains(
            &said(&output),
            &["s.big: not tried", "could lock 1201 relations, and all sessions together have room for about 150"],
        );
    }
    let strict = ["--strict", "explain", "select * from s.big"];
    assert_eq!(command(std::path::Path::new("/nonexistent"), &url, &strict).output().unwrap().status.code(), Some(3));
    assert!(!server.log_tail().contains("out of shared memory"), "{}", server.log_tail());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_tells_people_and_machines_and_ends_with_what_it_found() {
    let database = Database::new("", include_str!("pruning_reasons.sql")).await;
    let text = database.partctl(&["explain", "select * from s.r where date_trunc('month', ts) = '2024-02-01'"], 3);
    contains(
        &text,
        &[
            "s.r: does not prune · 6 of 6 partitions",
            "why      date_trunc('month', ts) hides the key from the planner (function_on_key)",
            "instead  ts >= '2024-02-01' AND ts < '2024-03-01'",
            "prunes when planned: 1 of 6 partitions",
            "(tried)",
        ],
    );
    let text = database.partctl(&["explain", "select * from s.r where ts = $1", "--with", "2024-02-02"], 0);
    contains(
        &text,
        &["s.r: prunes when planned · 1 of 6 partitions", "reads    r_1", "generic  prunes when execution starts"],
    );
    contains(&database.partctl(&["explain", "select 1"], 0), &["touches no partitioned table"]);
    contains(&database.partctl(&["explain", "select * from s.r_1"], 0), &["a partition of s.r"]);
    let array = ["explain", "select * from s.ri where id = any($1)", "--with", "{5}"];
    contains(&database.partctl(&array, 0), &["array_parameter"]);
    database.partctl(&[&["--strict"], &array[..]].concat(), 3);

    let output = database.command(&["explain", "-", "-o", "json", "--with", "5", "--type", "numeric"]);
    let mut output = output;
    let output = output.write_stdin("select * from s.ri where id = $1;\n").output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((json["format"].as_str(), json["version"].as_u64()), (Some("partctl-explain"), Some(1)));
    assert_eq!((json["verdict"].as_str(), json["reason"].as_str()), (Some("none"), Some("type_mismatch")));
    assert_eq!(json["parameters"][0]["type"], "numeric");
    assert_eq!(json["tables"][0]["custom"]["scanned"].as_array().map(Vec::len), Some(6));

    for (arguments, why) in [
        (vec!["explain", "selec 1"], "syntax error"),
        (vec!["explain", "select * from nowhere"], "does not exist (42P01)"),
        (vec!["explain", "select 1; drop table s.r"], "42601"),
        (vec!["explain", "select * from s.r where id = $1"], "parameters in the query is 1, of values given 0"),
        (vec!["explain", "select 1", "--type", "int"], "1 types are given for 0 values"),
        (vec!["explain", " ; "], "empty"),
    ] {
        contains(&database.partctl(&arguments, 64), &[why]);
    }
    assert_eq!(database.value("SELECT count(*) FROM s.r").await, "4368");

    // As the role's own sessions find names.
    database.sql("DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = s', current_database()); END$$").await;
    contains(
        &database.partctl(&["explain", "select * from r where ts = '2024-02-02'"], 0),
        &["s.r: prunes when planned"],
    );
    let gone = explain_query(&database.session, "select $1", Vec::new(), Execute::Never).await.unwrap_err();
    assert!(gone.downcast_ref::<Failure>().is_some());
}
