//! Asks the database what planning wants to know beyond the catalog. Every question is bounded in time, and a
//! question that cannot be answered is an answer too.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::{default_rows, partition_facts};
use crate::catalog::{Answer, Answers, KeyColumn, Question};
use crate::sql::{Identifier, QualifiedName, SqlLiteral};

/// No single question may take longer.
const PATIENCE: &str = "30s";

/// Nor wait longer for somebody's DDL. Rows that row security hides count as well: with it off, a table that would hide
/// some refuses (42501).
const LIMITS: &str = "SET LOCAL lock_timeout = '1s'; SET LOCAL row_security = off";

/// Partitions looked into per query: each is locked (ACCESS SHARE) until it ends.
const PARTITIONS_AT_ONCE: usize = 32;

/// Answers every question and remembers it.
///
/// # Errors
/// When the connection is lost; a question that the server refuses is answered [`Answer::Unknown`].
pub async fn answer(client: &Client, questions: &BTreeSet<Question>, answers: &mut Answers) -> Result<()> {
    for (question, answer) in names_taken(client, questions).await? {
        answers.add(question, answer);
    }
    for (question, answer) in spelled(client, questions).await? {
        answers.add(question, answer);
    }
    let mut in_default: BTreeMap<&QualifiedName, Vec<&Question>> = BTreeMap::new();
    for question in questions {
        let answer = match question {
            Question::NameTaken(_) | Question::Spelling { .. } => continue,
            Question::RowsInDefault { default, .. } => {
                in_default.entry(default).or_default().push(question);
                continue;
            }
            Question::BeyondInDefault { .. } => default_rows::beyond(client, question).await?,
            Question::PartitionFacts(partition) => partition_facts::partition_facts(client, partition).await?,
            Question::SplitFacts(partition) => partition_facts::split_facts(client, partition).await?,
            Question::MaySkipTriggers => partition_facts::may_skip_triggers(client).await?,
            Question::HeapBytes(table) => match count(client, &heap_bytes(table)).await? {
                Answer::Rows(bytes) => Answer::Bytes(bytes),
                unknown => unknown,
            },
            Question::RowsReferencing { partition, by, columns, except } => {
                count(client, &rows_referencing(partition, by, columns, except)).await?
            }
            Question::WrittenSinceArchived { .. } => {
                let sql = question.sql().unwrap_or_default();
                count(client, &format!("SELECT coalesce(({sql}), 1)::int8")).await?
            }
            Question::Sizes(tables) => sizes(client, tables).await?,
            Question::Keeps { condition } => keeps(client, condition).await?,
            Question::EachValue { query, type_name } => each_value(client, query, type_name).await?,
            Question::HighestInUse(partitions) => highest_in_use(client, partitions).await?,
            Question::HighestKey { partitions, column, limit } => {
                highest_key(client, partitions, column, limit).await?
            }
            Question::TextInOrder { collation, texts } => {
                match count(client, &text_in_order(collation.as_ref(), texts)).await? {
                    Answer::Rows(in_order) => Answer::InOrder(0 < in_order),
                    unknown => unknown,
                }
            }
            Question::HoldRows { partitions, enough } => holders(client, partitions, *enough).await?,
        };
        answers.add(question.clone(), answer);
    }
    for (default, questions) in in_default {
        default_rows::count_windows(client, default, &questions, answers).await?;
    }
    Ok(())
}

async fn names_taken(client: &Client, questions: &BTreeSet<Question>) -> Result<Vec<(Question, Answer)>> {
    let names: Vec<&QualifiedName> = questions
        .iter()
        .filter_map(|question| match question {
            Question::NameTaken(name) => Some(name),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let schemas: Vec<&str> = names.iter().map(|name| name.schema.as_str()).collect();
    let relations: Vec<&str> = names.iter().map(|name| name.name.as_str()).collect();
    let rows = client
        .query_typed(
            include_str!("sql/names_taken.sql"),
            &[(&schemas, Type::TEXT_ARRAY), (&relations, Type::TEXT_ARRAY)],
        )
        .await
        .context("asking which names are taken")?;
    rows.iter()
        .map(|row| {
            let name = QualifiedName::new(row.try_get::<_, String>("schema")?, row.try_get::<_, String>("name")?);
            Ok((Question::NameTaken(name), Answer::Taken(row.try_get("taken")?)))
        })
        .collect()
}

/// Values of one type in one query; when one of them is refused, halves of them, until those are found that are.
async fn spelled(client: &Client, questions: &BTreeSet<Question>) -> Result<Vec<(Question, Answer)>> {
    let mut by_type: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for question in questions {
        if let Question::Spelling { type_name, text } = question {
            by_type.entry(type_name).or_default().push(text);
        }
    }
    let mut answers = Vec::new();
    for (type_name, texts) in &by_type {
        let mut waiting = vec![texts.as_slice()];
        while let Some(texts) = waiting.pop() {
            let mut add = |text: &str, answer| {
                let question = Question::Spelling { type_name: (*type_name).to_owned(), text: text.to_owned() };
                answers.push((question, answer));
            };
            match (ask(client, PATIENCE, &spelling(type_name, texts)).await?, texts) {
                (Ok(rows), _) => {
                    for (row, text) in rows.iter().zip(texts) {
                        add(text, Answer::Spelled(row.try_get(0)?));
                    }
                }
                // 22: no such value; 23514: not in the domain.
                (Err(refusal), [text]) if refusal.code().code().starts_with("22") => {
                    add(text, Answer::Refused(refusal.message().to_owned()));
                }
                (Err(refusal), [text]) if *refusal.code() == SqlState::CHECK_VIOLATION => {
                    add(text, Answer::Refused(refusal.message().to_owned()));
                }
                (Err(refusal), [text]) => add(text, Answer::Unknown(reason(&refusal))),
                (Err(_), texts) => {
                    let (first, second) = texts.split_at(texts.len() / 2);
                    waiting.extend([second, first]);
                }
            }
        }
    }
    Ok(answers)
}

/// The query is a policy's own: what it is not allowed to do in a read-only transaction, it does not do.
async fn each_value(client: &Client, query: &str, type_name: &str) -> Result<Answer> {
    Ok(match ask(client, PATIENCE, &each_value_sql(query, type_name)).await? {
        Ok(rows) => Answer::Values(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?),
        // 22: a value that is none of the type's; 42: no such query, apart from a lack of rights.
        Err(refusal) if *refusal.code() == SqlState::INSUFFICIENT_PRIVILEGE => Answer::Unknown(reason(&refusal)),
        Err(refusal) if refusal.code().code().starts_with("22") || refusal.code().code().starts_with("42") => {
            Answer::Refused(reason(&refusal))
        }
        Err(refusal) if *refusal.code() == SqlState::CHECK_VIOLATION => Answer::Refused(reason(&refusal)),
        Err(refusal) => Answer::Unknown(reason(&refusal)),
    })
}

/// ARRAY refuses a query of more than one column (42601) instead of taking the first. The line ends with the query, so
/// that a comment at its end does.
fn each_value_sql(query: &str, type_name: &str) -> String {
    let cast = if type_name.is_empty() { "value".to_owned() } else { assigned("value", type_name) };
    let limit = Answers::VALUE_LIMIT + 1;
    format!(
        "SELECT DISTINCT CASE WHEN value IS NOT NULL THEN pg_catalog.format('%s', {cast}) COLLATE \"C\" END \
         FROM (SELECT pg_catalog.unnest(ARRAY(SELECT DISTINCT * FROM ({query}\n) each LIMIT {limit}))) rows(value) ORDER BY 1"
    )
}

/// A value as an INSERT into a column of the type would take it: a cast to `varchar(3)` cuts what is longer without a
/// word, and the function behind it, told that the cast is not explicit, refuses (22001).
fn assigned(value: &str, type_name: &str) -> String {
    let length = |prefix| type_name.strip_prefix(prefix)?.strip_suffix(')')?.parse::<i32>().ok();
    // A type modifier of these types is the length and the four bytes of a varlena's header.
    let call = |function, length| format!("pg_catalog.{function}({value}::pg_catalog.{function}, {length} + 4, false)");
    let varchar = length("character varying(").map(|length| call("\"varchar\"", length));
    let char = || length("character(").map(|length| call("bpchar", length));
    varchar.or_else(char).unwrap_or_else(|| format!("{value}::{type_name}"))
}

/// By the type's own output function, as bounds are shown: `::text` would add `/32` to an inet.
fn spelling(type_name: &str, texts: &[&str]) -> String {
    let values: Vec<String> = (0..)
        .zip(texts)
        .map(|(at, text): (u32, _)| format!("({at}, {})", assigned(&SqlLiteral(text).to_string(), type_name)))
        .collect();
    format!("SELECT pg_catalog.format('%s', value) FROM (VALUES {}) v(at, value) ORDER BY at", values.join(", "))
}

/// The heap alone, its partitions' where it has any: that is what a scan reads.
fn heap_bytes(table: &QualifiedName) -> String {
    format!(
        "SELECT coalesce(pg_catalog.sum(pg_catalog.pg_relation_size(t.relid)), 0)::int8 \
         FROM pg_catalog.pg_partition_tree({}::pg_catalog.regclass) t WHERE t.isleaf",
        SqlLiteral(&table.to_string())
    )
}

fn rows_referencing(
    partition: &QualifiedName,
    by: &QualifiedName,
    columns: &[(Identifier, Identifier)],
    except: &[u32],
) -> String {
    let pairs: Vec<String> = columns.iter().map(|(ours, theirs)| format!("p.{ours} = f.{theirs}")).collect();
    let except: Vec<String> = except.iter().map(u32::to_string).collect();
    // A partition's own rows count: Postgres refuses to detach rows that reference each other (23503, 14-18).
    format!(
        "SELECT count(*) FROM (SELECT FROM {by} f WHERE f.tableoid <> ALL ('{{{}}}'::oid[]) \
         AND EXISTS (SELECT FROM {partition} p WHERE {}) LIMIT {}) rows",
        except.join(","),
        pairs.join(" AND "),
        Answers::COUNT_LIMIT
    )
}

/// 1 when the server sorts the texts so, else 0.
fn text_in_order(collation: Option<&QualifiedName>, texts: &[String]) -> String {
    let rows: Vec<String> =
        (0..).zip(texts).map(|(at, text): (u32, _)| format!("({at}, {}::text)", SqlLiteral(text))).collect();
    let collate = collation.map(|collation| format!(" COLLATE {collation}")).unwrap_or_default();
    format!(
        "SELECT (pg_catalog.array_agg(at ORDER BY text{collate}, at DESC) = pg_catalog.array_agg(at ORDER BY at))::int4::int8 \
         FROM (VALUES {}) texts(at, text)",
        rows.join(", ")
    )
}

async fn sizes(client: &Client, tables: &[QualifiedName]) -> Result<Answer> {
    let mut sizes = Vec::new();
    for chunk in tables.chunks(PARTITIONS_AT_ONCE) {
        // What is neither partitioned nor a partition any more has no tree, not even of itself.
        let size = |table: &QualifiedName| {
            let table = SqlLiteral(&table.to_string()).to_string();
            format!(
                "SELECT coalesce((SELECT pg_catalog.sum(pg_catalog.pg_total_relation_size(t.relid)) \
                 FROM pg_catalog.pg_partition_tree({table}::pg_catalog.regclass) t), \
                 pg_catalog.pg_total_relation_size({table}::pg_catalog.regclass), 0)::int8"
            )
        };
        let each: Vec<String> = chunk.iter().map(size).collect();
        match ask(client, PATIENCE, &each.join(" UNION ALL ")).await? {
            Ok(rows) => {
                for row in rows {
                    sizes.push(u64::try_from(row.try_get::<_, i64>(0)?)?);
                }
            }
            Err(refusal) => return Ok(Answer::Unknown(reason(&refusal))),
        }
    }
    Ok(Answer::Sizes(sizes))
}

/// The condition is a policy's own: what it is not allowed to do in a read-only transaction, it does not do.
async fn keeps(client: &Client, condition: &str) -> Result<Answer> {
    Ok(match ask(client, PATIENCE, &format!("SELECT ({condition})::boolean")).await? {
        Ok(rows) => Answer::Keeps(rows.first().context("a condition came without a row")?.try_get(0)?),
        Err(refusal) => Answer::Unknown(reason(&refusal)),
    })
}

async fn highest_in_use(client: &Client, partitions: &[QualifiedName]) -> Result<Answer> {
    for chunk in partitions.chunks(PARTITIONS_AT_ONCE) {
        let cases: Vec<String> =
            (0..).zip(chunk).map(|(at, name)| format!("WHEN EXISTS (SELECT FROM {name}) THEN {at}")).collect();
        match count(client, &format!("SELECT CASE {} ELSE {} END::int8", cases.join(" "), chunk.len())).await? {
            Answer::Rows(at) if at < chunk.len() as u64 => {
                return Ok(Answer::Highest(chunk.get(at as usize).cloned()));
            }
            Answer::Rows(_) => {}
            unknown => return Ok(unknown),
        }
    }
    Ok(Answer::Highest(None))
}

/// Every `max` is one descent of an index, and the first that finds a key keeps the others from being asked.
async fn highest_key(client: &Client, partitions: &[QualifiedName], column: &KeyColumn, limit: &str) -> Result<Answer> {
    let limit = column.literal(limit);
    for chunk in partitions.chunks(PARTITIONS_AT_ONCE) {
        let ends: Vec<String> = chunk
            .iter()
            .map(|name| format!("(SELECT pg_catalog.max({column}) FROM {name} WHERE {column} <= {limit})"))
            .collect();
        let sql = format!("SELECT pg_catalog.floor(coalesce({})::numeric)::text", ends.join(", "));
        match ask(client, PATIENCE, &sql).await? {
            Ok(rows) => {
                let key: Option<String> = rows.first().context("a key came without a row")?.try_get(0)?;
                if key.is_some() {
                    return Ok(Answer::HighestKey(key));
                }
            }
            Err(refusal) => return Ok(Answer::Unknown(reason(&refusal))),
        }
    }
    Ok(Answer::HighestKey(None))
}

async fn holders(client: &Client, partitions: &[QualifiedName], enough: u32) -> Result<Answer> {
    let mut holders = Vec::new();
    let mut rest = partitions;
    while holders.len() < enough as usize {
        let found = match highest_in_use(client, rest).await? {
            Answer::Highest(Some(found)) => found,
            Answer::Highest(None) => break,
            unknown => return Ok(unknown),
        };
        let passed = rest.iter().position(|name| *name == found).map_or(rest.len(), |at| at + 1);
        rest = &rest[passed..];
        holders.push(found);
    }
    Ok(Answer::Holders(holders))
}

/// One number; see [`ask`].
pub(super) async fn count(client: &Client, sql: &str) -> Result<Answer> {
    Ok(match ask(client, PATIENCE, sql).await? {
        Ok(rows) => {
            let number: i64 = rows.first().context("a count came without a row")?.try_get(0)?;
            Answer::Rows(u64::try_from(number).unwrap_or(u64::MAX))
        }
        Err(refusal) => Answer::Unknown(reason(&refusal)),
    })
}

pub(super) fn reason(refusal: &DbError) -> String {
    format!("{} ({})", refusal.message(), refusal.code().code())
}

/// Rows, in a read-only transaction of its own, so that a refusal or a timeout harms nothing else.
pub(super) async fn ask(client: &Client, patience: &str, sql: &str) -> Result<Result<Vec<Row>, DbError>> {
    ask_with(client, patience, sql, &[]).await
}

/// The same for a query with parameters.
pub(super) async fn ask_with(
    client: &Client,
    patience: &str,
    sql: &str,
    values: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Result<Vec<Row>, DbError>> {
    let begin = format!("BEGIN READ ONLY; {LIMITS}; SET LOCAL statement_timeout = '{patience}'");
    client.batch_execute(&begin).await.context("opening a read")?;
    let answer = match client.query_typed(sql, values).await {
        Ok(rows) => Ok(rows),
        Err(error) => match error.as_db_error() {
            Some(refusal) => Err(refusal.clone()),
            None => return Err(error).context("asking the database"),
        },
    };
    client.batch_execute("ROLLBACK").await.context("closing a read")?;
    Ok(answer)
}
