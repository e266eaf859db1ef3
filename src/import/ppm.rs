//! The configuration of postgresql-partition-manager (ppm), a YAML file: what a policy says instead.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Setting, Wish};
use crate::sql::QualifiedName;

/// The wishes of a file, by table.
///
/// # Errors
/// Why the file is none of ppm's, as a fragment.
pub fn ppm_wishes(text: &str) -> Result<Vec<(QualifiedName, Wish)>, String> {
    let file: BTreeMap<String, Value> =
        serde_saphyr::from_str(text).map_err(|error| error.without_snippet().to_string())?;
    // Its keys are read in any case.
    let file: BTreeMap<String, Value> = file.into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect();
    let Some(Value::Object(partitions)) = file.get("partitions") else {
        return Err("it has no `partitions`".to_owned());
    };
    let timeout = file.get("lock-timeout").and_then(Value::as_u64);
    partitions.iter().map(|(name, value)| wish(name, value, timeout)).collect()
}

/// Keys that a policy says otherwise or not at all, and what there is to say.
const TOLD: &[(&str, &str)] = &[
    ("provisionretentionpartitions", "partctl makes past partitions once, by `create.behind`, and fills gaps."),
    ("hooks", "partctl runs no hooks around a partition; `--notify` tells a command or an address how a run ended."),
];

const TAKEN: [&str; 7] =
    ["schema", "table", "partitionkey", "interval", "retention", "preprovisioned", "cleanuppolicy"];

fn wish(name: &str, value: &Value, timeout: Option<u64>) -> Result<(QualifiedName, Wish), String> {
    let Value::Object(given) = value else { return Err(format!("`partitions.{name}` is no map")) };
    let given: BTreeMap<String, &Value> = given.iter().map(|(key, value)| (key.to_lowercase(), value)).collect();
    let text = |key: &str| given.get(key).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
    let count = |key: &str| given.get(key).and_then(|value| value.as_u64()).and_then(|count| u32::try_from(count).ok());
    let needed = |key: &str| text(key).ok_or_else(|| format!("`partitions.{name}` has no `{key}`"));
    let table = QualifiedName::new(needed("schema")?, needed("table")?);
    let mut wish = Wish { tool: "ppm", key: text("partitionkey").map(str::to_owned), ..Wish::default() };
    let interval = needed("interval")?;
    wish.every = match interval {
        "daily" => Some("1 day".to_owned()),
        "weekly" => Some("1 week".to_owned()),
        "monthly" => Some("1 month".to_owned()),
        "quarterly" => Some("1 quarter".to_owned()),
        "yearly" => Some("1 year".to_owned()),
        other => {
            wish.remarks.push(format!("interval = {other}: `every` is what the partitions show."));
            None
        }
    };
    wish.ahead = count("preprovisioned");
    if let Some(retention) = count("retention") {
        // It keeps so many besides the current one, which is one of the newest here.
        let newest = retention.saturating_add(1).to_string();
        let then = if text("cleanuppolicy") == Some("drop") { "drop" } else { "detach" };
        wish.retain = vec![
            Setting::new("newest", newest).remark(format!("retention = {retention}, and the current one")),
            Setting::new("then", then),
        ];
        wish.remarks
            .push("ppm removed by itself; partctl asks, unless `unattended: true` stands in `retain`.".to_owned());
    }
    if let Some(timeout) = timeout.filter(|timeout| (1..=60_000).contains(timeout)) {
        wish.locks = vec![Setting::new("timeout", format!("{timeout} ms")).remark("lock-timeout")];
    }
    for key in given.keys().filter(|key| !TAKEN.contains(&key.as_str())) {
        let told = TOLD.iter().find(|(known, _)| known == key).map(|(_, told)| *told);
        wish.remarks
            .push(format!("{key}: {}", told.unwrap_or("this version of partctl does not know what that means.")));
    }
    Ok((table, wish))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_becomes_wishes_and_what_is_not_ppms_is_refused() {
        let wishes = ppm_wishes(
            "log-format: json\nlock-timeout: 300\npartitions:\n  logs:\n    schema: public\n    table: logs\n    \
             partitionKey: created_at\n    interval: daily\n    retention: 30\n    preProvisioned: 7\n    cleanupPolicy: drop\n    \
             provisionRetentionPartitions: false\n    colour: red\n",
        )
        .unwrap();
        let (table, wish) = &wishes[0];
        assert_eq!(table.to_string(), "public.logs");
        assert_eq!(
            (wish.key.as_deref(), wish.every.as_deref(), wish.ahead),
            (Some("created_at"), Some("1 day"), Some(7))
        );
        let said: Vec<String> =
            wish.retain.iter().chain(&wish.locks).map(|set| format!("{}: {}", set.key, set.value)).collect();
        assert_eq!(said, ["newest: 31", "then: drop", "timeout: 300 ms"]);
        assert_eq!(wish.remarks.len(), 3, "{:?}", wish.remarks);
        assert_eq!(ppm_wishes("a: 1\n").unwrap_err(), "it has no `partitions`");
        assert_eq!(ppm_wishes("partitions: {a: {table: b}}\n").unwrap_err(), "`partitions.a` has no `schema`");
        assert!(ppm_wishes("partitions: [\n").is_err());
    }
}
