//! What a DEFAULT partition holds: rows per wanted window in one pass, and rows beyond all windows. Bounded in time: what
//! cannot be counted is estimated, and what cannot be told is an answer too.

use anyhow::{Context, Result};
use tokio_postgres::Client;

use super::answers::{ask, count, reason};
use crate::catalog::{Answer, Answers, KeyColumn, Question};
use crate::sql::QualifiedName;

/// Windows that are counted by one query.
const WINDOWS_AT_ONCE: usize = 200;

/// More conditions than this in a WHERE clause help no index.
const INDEXED: usize = 16;

/// How long counting everything may take, and then each of the cheaper looks.
const PATIENCE: &str = "10s";

/// Answers [`Question::RowsInDefault`] for one DEFAULT partition.
///
/// # Errors
/// When the connection is lost.
pub(super) async fn count_windows(
    client: &Client,
    default: &QualifiedName,
    questions: &[&Question],
    answers: &mut Answers,
) -> Result<()> {
    // Most DEFAULT partitions are empty.
    let empty = matches!(
        count(client, &format!("SELECT count(*) FROM (SELECT FROM {default} LIMIT 1) rows")).await?,
        Answer::Rows(0)
    );
    for questions in questions.chunks(WINDOWS_AT_ONCE) {
        let windows: Vec<(&Question, String)> =
            questions.iter().filter_map(|question| Some((*question, question.predicate_sql()?))).collect();
        for question in questions.iter().filter(|question| question.predicate_sql().is_none()) {
            let why = "this kind of bound cannot be looked for".to_owned();
            answers.add((*question).clone(), if empty { Answer::Rows(0) } else { Answer::Unknown(why) });
        }
        let counts = match empty {
            true => vec![Answer::Rows(0); windows.len()],
            false => match count_together(client, default, &windows).await? {
                Ok(counts) => counts,
                Err(_) => count_apart(client, default, &windows).await?,
            },
        };
        windows.iter().zip(counts).for_each(|((question, _), answer)| answers.add((*question).clone(), answer));
    }
    Ok(())
}

/// Every window in one pass over the table, or over the part of it that an index leads to.
async fn count_together(
    client: &Client,
    default: &QualifiedName,
    windows: &[(&Question, String)],
) -> Result<Result<Vec<Answer>, String>> {
    let cases: Vec<String> =
        windows.iter().enumerate().map(|(at, (_, condition))| format!("WHEN {condition} THEN {at}")).collect();
    let conditions: Vec<String> = windows.iter().map(|(_, condition)| format!("({condition})")).collect();
    let filter = match windows.len() <= INDEXED {
        true => format!(" WHERE {}", conditions.join(" OR ")),
        false => String::new(),
    };
    let sql =
        format!("SELECT CASE {} END AS position, count(*) AS rows FROM {default}{filter} GROUP BY 1", cases.join(" "));
    let rows = match ask(client, PATIENCE, &sql).await? {
        Ok(rows) => rows,
        Err(refusal) => return Ok(Err(reason(&refusal))),
    };
    let mut counts = vec![0; windows.len()];
    for row in &rows {
        let (position, rows): (Option<i32>, i64) = (row.try_get("position")?, row.try_get("rows")?);
        let slot = position.and_then(|position| counts.get_mut(usize::try_from(position).ok()?));
        slot.into_iter().for_each(|slot| *slot = u64::try_from(rows).unwrap_or_default());
    }
    Ok(Ok(counts.into_iter().map(Answer::Rows).collect()))
}

/// Window by window up to a limit, where all of it took too long; from the limit on the planner's word is taken. Once one
/// window takes too long as well, no other is looked for.
async fn count_apart(client: &Client, default: &QualifiedName, windows: &[(&Question, String)]) -> Result<Vec<Answer>> {
    let limit = Answers::COUNT_LIMIT;
    let mut counts = Vec::new();
    let mut refusal: Option<String> = None;
    for (_, condition) in windows {
        if let Some(why) = &refusal {
            counts.push(Answer::Unknown(why.clone()));
            continue;
        }
        let sql = format!("SELECT count(*) AS rows FROM (SELECT FROM {default} WHERE {condition} LIMIT {limit}) rows");
        let answer = match ask(client, PATIENCE, &sql).await? {
            Ok(rows) => {
                let rows: i64 = rows.first().context("a count came without a row")?.try_get("rows")?;
                match u64::try_from(rows).unwrap_or_default() {
                    rows if rows < limit => Answer::Rows(rows),
                    _ => Answer::RowsAbout(limit.max(estimate(client, default, condition).await?)),
                }
            }
            Err(refused) => {
                let why = reason(&refused);
                refusal = Some(why.clone());
                Answer::Unknown(why)
            }
        };
        counts.push(answer);
    }
    Ok(counts)
}

/// What the planner expects; 0 when it cannot be asked.
async fn estimate(client: &Client, default: &QualifiedName, condition: &str) -> Result<u64> {
    let sql = format!("EXPLAIN SELECT FROM {default} WHERE {condition}");
    let Ok(rows) = ask(client, PATIENCE, &sql).await? else { return Ok(0) };
    let top: &str = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    let expected = top.split_once(" rows=").and_then(|(_, rest)| rest.split_once(' ')?.0.parse().ok());
    Ok(expected.unwrap_or_default())
}

/// Answers [`Question::BeyondInDefault`].
///
/// # Errors
/// When the connection is lost.
pub(super) async fn beyond(client: &Client, question: &Question) -> Result<Answer> {
    let newest = match question {
        Question::BeyondInDefault { default, key, .. } => key.first().and_then(KeyColumn::greatest).zip(Some(default)),
        _ => None,
    };
    let (Some((newest, default)), Some(condition)) = (newest, question.predicate_sql()) else {
        return Ok(Answer::Unknown("this kind of bound cannot be looked for".to_owned()));
    };
    let sql = format!("SELECT count(*) AS rows, {newest} AS newest FROM {default} WHERE {condition}");
    Ok(match ask(client, PATIENCE, &sql).await? {
        Ok(rows) => {
            let row = rows.first().context("a count came without a row")?;
            let rows = u64::try_from(row.try_get::<_, i64>("rows")?).unwrap_or_default();
            Answer::Beyond { rows, newest: row.try_get("newest")? }
        }
        Err(refusal) => Answer::Unknown(reason(&refusal)),
    })
}
