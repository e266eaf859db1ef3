//! Looks up what the names in a query mean, for whoever explains its verdict: relations, keys, parameters, functions.
//! The query is prepared and never planned.

use std::collections::BTreeMap;

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Row};

use super::explain::{FORGET, Settings, prepare, read_setting, refusal};
use crate::pruning::reason::{Function, QueryFacts, Relation, Volatility, functions_called};
use crate::pruning::{Probe, Refusal};

const FUNCTIONS: &str = "SELECT proname::text, max(provolatile::text), \
        CASE WHEN count(DISTINCT prorettype) = 1 THEN format_type(min(prorettype::int8)::oid, NULL) END \
    FROM pg_catalog.pg_proc WHERE proname = ANY ($1) GROUP BY proname";

/// The facts about a query, or why the server refuses it.
///
/// # Errors
/// Only when the connection is gone.
pub async fn look_up(client: &Client, probe: &Probe, settings: Settings) -> Result<Result<QueryFacts, Refusal>, Error> {
    let pruning = read_setting(client).await?;
    if let Some(refusal) = prepare(client, &settings.begin(), probe).await? {
        return Ok(Err(refusal));
    }
    let looked = look(client, &probe.sql).await;
    client.batch_execute(FORGET).await?;
    match looked {
        Ok((relations, parameters, functions)) => Ok(Ok(QueryFacts { relations, parameters, functions, pruning })),
        Err(error) => Ok(Err(refusal(client, error)?)),
    }
}

type Looked = (Vec<Relation>, Vec<String>, BTreeMap<String, Function>);

async fn look(client: &Client, sql: &str) -> Result<Looked, Error> {
    let rows = client.query_typed(include_str!("sql/query_facts.sql"), &[]).await?;
    let row = rows.first();
    let relations: Vec<Relation> = json(row, 0);
    let parameters = json(row, 1);
    let texts = relations.iter().filter_map(|relation| relation.view.as_deref()).chain([sql]);
    let names: Vec<String> = functions_called(texts).into_iter().collect();
    let mut functions = BTreeMap::new();
    if !names.is_empty() {
        for row in client.query_typed(FUNCTIONS, &[(&names, Type::TEXT_ARRAY)]).await? {
            let volatility = match row.try_get::<_, &str>(1)? {
                "i" => Volatility::Immutable,
                "s" => Volatility::Stable,
                _ => Volatility::Volatile,
            };
            functions.insert(row.try_get(0)?, Function { volatility, result: row.try_get(2)? });
        }
    }
    Ok((relations, parameters, functions))
}

/// A column that our own query builds as JSON; NULL, where nothing was named, is empty.
fn json<T: serde::de::DeserializeOwned>(row: Option<&Row>, column: usize) -> Vec<T> {
    let text: Option<String> = row.and_then(|row| row.try_get(column).ok()).flatten();
    text.map(|text| serde_json::from_str(&text).expect("the query builds what is read here")).unwrap_or_default()
}
