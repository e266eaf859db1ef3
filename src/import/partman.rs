//! pg_partman's `part_config`, of 4.x and 5.x: what a policy says instead, and what it cannot say.
//!
//! Rows arrive as JSON, so that columns which come and go between versions need no query of their own. Every column has
//! its line in [`SETTINGS`]; one that nobody knows is told of.

use serde_json::{Map, Value};

use super::{Setting, Wish};
use crate::schedule::{Interval, Unit};
use crate::sql::QualifiedName;

/// What pg_partman was told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartConfig {
    /// `part_config`, row by row.
    pub tables: Vec<Map<String, Value>>,
    /// `part_config_sub`.
    pub sub: Vec<Map<String, Value>>,
}

/// The wishes, by table.
pub fn partman_wishes(config: &PartConfig) -> Vec<(QualifiedName, Wish)> {
    let wish = |row: &Map<String, Value>| {
        let parent = row.get("parent_table")?.as_str()?;
        // It is stored as it is, without SQL's quotes.
        let (schema, table) = parent.split_once('.')?;
        let mut wish = wish(&Row(row));
        let below = config.sub.iter().find(|sub| sub.get("sub_parent").and_then(Value::as_str) == Some(parent));
        if let Some(below) = below.map(wish_below) {
            // Both levels are mostly told the same.
            let others = below.remarks.iter().filter(|remark| !wish.remarks.contains(remark));
            let others: Vec<String> = others.map(|remark| format!("Of its sub-partitions: {remark}")).collect();
            wish.remarks.extend(others);
            wish.below = Some(Box::new(below));
        }
        Some((QualifiedName::new(schema, table), wish))
    };
    config.tables.iter().filter_map(wish).collect()
}

/// The columns of `part_config_sub` are those of `part_config`, with `sub_` before them.
fn wish_below(row: &Map<String, Value>) -> Wish {
    let own = row.iter().filter(|(column, _)| *column != "sub_parent");
    let own = own.filter_map(|(column, value)| Some((column.strip_prefix("sub_")?.to_owned(), value.clone())));
    wish(&Row(&own.collect()))
}

struct Row<'a>(&'a Map<String, Value>);

impl Row<'_> {
    fn text(&self, column: &str) -> Option<&str> {
        self.0.get(column)?.as_str().filter(|text| !text.is_empty())
    }

    fn is(&self, column: &str) -> Option<bool> {
        self.0.get(column)?.as_bool()
    }
}

/// What a column comes to in a policy.
enum Meaning {
    /// It is read where the wish is made.
    Taken,
    /// It needs no counterpart: what it tells is pg_partman's own business.
    Own,
    /// A sentence, where the row asks for something that a policy cannot say or says otherwise.
    Told(fn(&Row<'_>) -> Option<String>),
}

use Meaning::{Own, Taken, Told};

/// Every column of 4.x and 5.x.
const SETTINGS: &[(&str, Meaning)] = &[
    ("parent_table", Taken),
    ("control", Taken),
    ("partition_interval", Taken),
    ("premake", Taken),
    ("epoch", Taken),
    ("retention", Taken),
    ("retention_keep_table", Taken),
    ("retention_schema", Taken),
    ("partition_type", Told(partition_type)),
    ("datetime_string", Own),
    ("maintenance_order", Own),
    ("maintenance_last_run", Own),
    ("sub_partition_set_full", Own),
    ("trigger_exception_handling", Own),
    ("trigger_return_null", Own),
    ("optimize_trigger", Own),
    ("optimize_constraint", Own),
    ("inherit_fk", Own),
    ("async_partitioning_in_progress", Own),
    ("constraint_valid", Own),
    ("default_table", Own),
    (
        "retention_keep_index",
        Told(|row| {
            let asked = row.is("retention_keep_index") == Some(false) && row.text("retention").is_some();
            asked.then(|| {
                "retention_keep_index = false: partctl leaves the indexes of a detached table as they are.".to_owned()
            })
        }),
    ),
    (
        "retention_keep_publication",
        Told(|row| {
            let asked = row.is("retention_keep_publication") == Some(false) && row.text("retention").is_some();
            asked.then(|| "retention_keep_publication = false: partctl takes no table out of a publication.".to_owned())
        }),
    ),
    (
        "infinite_time_partitions",
        Told(|row| {
            let asked = row.is("infinite_time_partitions") == Some(false) && is_interval(row);
            asked.then(|| {
            "infinite_time_partitions = false: pg_partman made partitions as data came; partctl makes them by the clock."
                .to_owned()
        })
        }),
    ),
    (
        "automatic_maintenance",
        Told(|row| {
            let off = row.text("automatic_maintenance").is_some_and(|word| word != "on");
            off.then(|| {
                "automatic_maintenance = off: pg_partman left this table alone; partctl looks after every policy."
                    .to_owned()
            })
        }),
    ),
    (
        "constraint_cols",
        Told(|row| {
            let columns = row.0.get("constraint_cols")?.as_array().filter(|columns| !columns.is_empty())?;
            let columns: Vec<&str> = columns.iter().filter_map(Value::as_str).collect();
            Some(format!("constraint_cols = {}: partctl adds no constraints to old partitions.", columns.join(", ")))
        }),
    ),
    (
        "template_table",
        Told(|row| {
            let template = row.text("template_table")?;
            Some(format!(
                "template_table = {template}: partctl takes indexes and properties from the table itself. What only the template \
             has, such as unique indexes without the key, is not on new partitions."
            ))
        }),
    ),
    ("jobmon", Own),
    (
        "undo_in_progress",
        Told(|row| {
            let undoing = row.is("undo_in_progress") == Some(true);
            undoing.then(|| {
                "undo_in_progress = true: its partitions are being undone; finish that before a policy works on it."
                    .to_owned()
            })
        }),
    ),
    (
        "inherit_privileges",
        Told(|row| {
            let kept = row.is("inherit_privileges") == Some(false);
            kept.then(|| {
            "inherit_privileges = false: partctl gives partitions their table's owner and privileges; `inherit` says \
             otherwise."
                .to_owned()
        })
        }),
    ),
    (
        "ignore_default_data",
        Told(|row| {
            let ignored = row.is("ignore_default_data") == Some(true);
            ignored.then(|| {
            "ignore_default_data = true: partctl makes no partition either whose rows are in DEFAULT, and says so (PT102)."
                .to_owned()
        })
        }),
    ),
    (
        "drop_cascade_fk",
        Told(|row| {
            let cascades = row.is("drop_cascade_fk") == Some(true);
            cascades.then(|| {
                "drop_cascade_fk = true: partctl keeps a partition that rows elsewhere reference (PT132).".to_owned()
            })
        }),
    ),
    ("upsert", Told(|row| row.text("upsert").map(|text| format!("upsert = {text}: partitioned tables need none.")))),
    (
        "publications",
        Told(|row| {
            let publications = row.0.get("publications")?.as_array().filter(|found| !found.is_empty())?;
            let names: Vec<&str> = publications.iter().filter_map(Value::as_str).collect();
            Some(format!(
                "publications = {}: publish the table itself, with publish_via_partition_root.",
                names.join(", ")
            ))
        }),
    ),
    (
        "subscription_refresh",
        Told(|row| {
            let subscription = row.text("subscription_refresh")?;
            Some(format!(
                "subscription_refresh = {subscription}: partctl refreshes no subscription after it has made partitions."
            ))
        }),
    ),
    (
        "date_trunc_interval",
        Told(|row| {
            let by = row.text("date_trunc_interval")?;
            Some(format!("date_trunc_interval = {by}: `anchor` says where the grid starts, as the partitions show it."))
        }),
    ),
    ("time_encoder", Taken),
    ("time_decoder", Taken),
    ("offset_id", Own),
];

fn partition_type(row: &Row<'_>) -> Option<String> {
    match row.text("partition_type")? {
        "native" | "range" => None,
        "partman" => Some(
            "partition_type = partman: partitions by inheritance and triggers; make it a partitioned table first."
                .to_owned(),
        ),
        other => Some(format!("partition_type = {other}: a policy follows what the table is.")),
    }
}

fn is_interval(row: &Row<'_>) -> bool {
    row.text("partition_interval").is_some_and(|text| text.parse::<i128>().is_err())
}

fn wish(row: &Row<'_>) -> Wish {
    let mut wish = Wish { tool: "pg_partman", ..Wish::default() };
    wish.key = row.text("control").map(str::to_owned);
    let epoch = match row.text("epoch") {
        Some("seconds") => Some("epoch_s"),
        Some("milliseconds") => Some("epoch_ms"),
        Some("microseconds") => Some("epoch_us"),
        Some("nanoseconds") => Some("epoch_ns"),
        _ => None,
    };
    wish.encoding = epoch.map(str::to_owned);
    match (row.text("time_encoder"), row.text("time_decoder")) {
        (Some(encoder), _) if encoder.ends_with("uuid7_time_encoder") => wish.encoding = Some("uuidv7".to_owned()),
        (Some(function), _) | (None, Some(function)) => wish.remarks.push(format!(
            "time_encoder = {function}: a function of one's own; see whether `encoding` has what it does."
        )),
        (None, None) => {}
    }
    if let Some(text) = row.text("partition_interval") {
        match every(text) {
            Some(every) => wish.every = Some(every),
            None => wish
                .remarks
                .push(format!("partition_interval = {text}: `every` takes one unit; it is what the partitions show.")),
        }
    }
    let premake = row.0.get("premake").and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok());
    wish.ahead = premake;
    retention(row, &mut wish);
    for (column, meaning) in SETTINGS {
        if let (true, Told(tell)) = (row.0.contains_key(*column), meaning) {
            wish.remarks.extend(tell(row));
        }
    }
    for (column, value) in row.0.iter().filter(|(_, value)| !value.is_null()) {
        if !SETTINGS.iter().any(|(known, _)| known == column) {
            wish.remarks.push(format!("{column} = {value}: this version of partctl does not know what that means."));
        }
    }
    wish
}

/// pg_partman removed what lies beyond the retention in the night it got there. A policy waits for a grace, and for leave.
fn retention(row: &Row<'_>, wish: &mut Wish) {
    let Some(text) = row.text("retention") else { return };
    let keeps = row.is("retention_keep_table") != Some(false);
    let then = match row.text("retention_schema") {
        Some(schema) => {
            wish.remarks.push(format!(
                "retention_schema = {schema}: `then: detach` leaves the table where it is; move it by hand."
            ));
            Setting::new("then", "detach")
        }
        None if keeps => Setting::new("then", "detach").remark("retention_keep_table = true"),
        None => Setting::new("then", "drop").remark("retention_keep_table = false; after the grace of 7 days"),
    };
    let number = text.trim().parse::<u64>().ok().filter(|number| 0 < *number);
    let keep = match (every(text), number, is_interval(row)) {
        (Some(keep), None, true) => Setting::new("for", keep),
        (_, Some(number), false) => Setting::new("distance", number.to_string()),
        _ => {
            wish.remarks.push(format!(
                "retention = {text}: `retain` counts in one calendar unit (`for`), in numbers of a number key (`distance`) or \
                 in partitions (`newest`); nothing is removed until it says so."
            ));
            return;
        }
    };
    wish.remarks
        .push("pg_partman removed by itself; partctl asks, unless `unattended: true` stands in `retain`.".to_owned());
    wish.retain = vec![keep, then];
}

/// `1 mon`, `7 days`, `01:00:00`, `P1M` or `1000000` as a policy writes it: intervals stand as the session's IntervalStyle
/// was. `None`: it has several units, or is of ones that a policy does not know.
fn every(text: &str) -> Option<String> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i128>() {
        return Some(number.to_string());
    }
    let word = |word: &str| match word.trim_end_matches('s') {
        "year" | "yearly" => Some((Unit::Year, 1)),
        "quarterly" => Some((Unit::Quarter, 1)),
        "mon" | "month" | "monthly" => Some((Unit::Month, 1)),
        "week" | "weekly" => Some((Unit::Week, 1)),
        "day" | "daily" => Some((Unit::Day, 1)),
        "hour" | "hourly" => Some((Unit::Hour, 1)),
        "half-hour" => Some((Unit::Minute, 30)),
        "quarter-hour" => Some((Unit::Minute, 15)),
        "min" | "minute" => Some((Unit::Minute, 1)),
        _ => None,
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let (count, unit) = match words.as_slice() {
        [iso] if iso.starts_with('P') => iso_8601(iso)?,
        [clock] if clock.contains(':') => {
            let parts: Vec<u32> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
            let [hours, minutes, 0] = parts[..] else { return None };
            if minutes == 0 { (hours, Unit::Hour) } else { (hours * 60 + minutes, Unit::Minute) }
        }
        [one] => {
            let (unit, count) = word(one)?;
            (count, unit)
        }
        [count, unit] => (count.parse().ok()?, word(unit)?.0),
        _ => return None,
    };
    let (count, unit) = match (count, unit) {
        (months, Unit::Month) if months % 12 == 0 => (months / 12, Unit::Year),
        (months, Unit::Month) if months % 3 == 0 => (months / 3, Unit::Quarter),
        (days, Unit::Day) if days % 7 == 0 => (days / 7, Unit::Week),
        other => other,
    };
    Interval::new(count, unit).ok().map(|interval| interval.to_string())
}

/// `P1M` or `PT15M`.
fn iso_8601(text: &str) -> Option<(u32, Unit)> {
    let (is_clock, rest) = match text.strip_prefix("PT") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('P')?),
    };
    let (at, letter) = rest.char_indices().next_back()?;
    let unit = match (letter, is_clock) {
        ('Y', false) => Unit::Year,
        ('M', false) => Unit::Month,
        ('W', false) => Unit::Week,
        ('D', false) => Unit::Day,
        ('H', true) => Unit::Hour,
        ('M', true) => Unit::Minute,
        _ => return None,
    };
    Some((rest[..at].parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_postgres_are_those_of_policies() {
        for (text, written) in [
            ("1 mon", Some("1 month")),
            ("3 mons", Some("1 quarter")),
            ("1 year", Some("1 year")),
            ("12 mons", Some("1 year")),
            ("7 days", Some("1 week")),
            ("10 days", Some("10 days")),
            ("01:00:00", Some("1 hour")),
            ("00:15:00", Some("15 minutes")),
            ("01:30:00", Some("90 minutes")),
            ("monthly", Some("1 month")),
            ("half-hour", Some("30 minutes")),
            ("P1M", Some("1 month")),
            ("P7D", Some("1 week")),
            ("PT15M", Some("15 minutes")),
            ("P1Y2M", None),
            ("PT30S", None),
            ("P", None),
            ("1000000", Some("1000000")),
            ("1 mon 3 days", None),
            ("00:00:30", None),
            ("a fortnight", None),
            ("0 days", None),
        ] {
            assert_eq!(every(text).as_deref(), written, "{text}");
        }
    }

    fn wish_of(json: &str) -> Wish {
        let row: Map<String, Value> = serde_json::from_str(json).unwrap();
        let config = PartConfig { tables: vec![row], sub: Vec::new() };
        partman_wishes(&config).remove(0).1
    }

    #[test]
    fn what_a_policy_cannot_say_is_told_and_what_nobody_knows_too() {
        let wish = wish_of(
            r#"{"parent_table": "shop.Orders", "control": "at", "partition_interval": "1 mon", "premake": 6,
                "partition_type": "native", "retention": "24 mons", "retention_keep_table": false,
                "constraint_cols": ["id"], "jobmon": true, "inherit_privileges": false, "epoch": "none",
                "automatic_maintenance": "on", "infinite_time_partitions": true, "tomorrows_setting": 7}"#,
        );
        assert_eq!((wish.every.as_deref(), wish.ahead), (Some("1 month"), Some(6)));
        let retain: Vec<String> = wish.retain.iter().map(|set| format!("{}: {}", set.key, set.value)).collect();
        assert_eq!(retain, ["for: 2 years", "then: drop"]);
        let told = wish.remarks.join("\n");
        for part in ["constraint_cols = id", "inherit_privileges", "unattended", "tomorrows_setting = 7"] {
            assert!(told.contains(part), "{part} is not in\n{told}");
        }
        assert_eq!(wish.remarks.len(), 4, "{told}");
    }

    #[test]
    fn retention_is_taken_over_or_told_and_never_guessed_at() {
        let retained = |interval: &str, retention: &str| {
            let row =
                format!(r#"{{"parent_table": "a.b", "partition_interval": "{interval}", "retention": "{retention}"}}"#);
            let wish = wish_of(&row);
            (wish.retain.first().map(|set| format!("{}: {}", set.key, set.value)), wish.remarks)
        };
        assert_eq!(retained("1000", "50000").0.as_deref(), Some("distance: 50000"));
        for (interval, retention) in [("1000", "30 days"), ("1 day", "50000"), ("1000", "0"), ("1 day", "1 mon 3 days")]
        {
            let (retain, remarks) = retained(interval, retention);
            assert_eq!(retain, None, "{interval} {retention}");
            assert!(remarks[0].contains(&format!("retention = {retention}")), "{remarks:?}");
        }
        let kept = r#"{"parent_table": "a.b", "partition_interval": "1 day", "retention": "30 days",
                       "retention_schema": "cold", "epoch": "milliseconds"}"#;
        let wish = wish_of(kept);
        assert_eq!(wish.encoding.as_deref(), Some("epoch_ms"));
        assert_eq!(wish.retain[1].value, "detach");
        assert!(wish.remarks.iter().any(|remark| remark.contains("retention_schema = cold")));
    }
}
