//! The storage parameters that a policy may set on partitions: what Postgres calls them, what they take, since when.
//!
//! Source: "Storage Parameters" under CREATE TABLE in the PostgreSQL documentation; every limit was tried on 14-18.
//! `user_catalog_table` is left out: it belongs to extensions.

/// A storage parameter of a table, or with `toast.` before it of its TOAST table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StorageParameter {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// The first major version that knows it, 14 for those that are older.
    pub since: u32,
}

/// Values of a storage parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Takes {
    /// Whole numbers from the first to the second.
    Integer(i32, i32),
    /// Numbers from the first to the second.
    Real(f64, f64),
    /// `true` or `false`.
    Boolean,
    /// `auto`, `on` or `off`.
    AutoOnOff,
}

use Takes::{AutoOnOff, Boolean, Integer, Real};

const fn parameter(name: &'static str, takes: Takes) -> StorageParameter {
    StorageParameter { name, takes, since: 14 }
}

const fn since_18(name: &'static str, takes: Takes) -> StorageParameter {
    StorageParameter { name, takes, since: 18 }
}

const COUNT: Takes = Integer(0, i32::MAX);
const COUNT_OR_NEVER: Takes = Integer(-1, i32::MAX);
const PERCENTAGE: Takes = Real(0.0, 100.0);

/// Every storage parameter that a policy may set.
pub const STORAGE_PARAMETERS: &[StorageParameter] = &[
    parameter("fillfactor", Integer(10, 100)),
    parameter("toast_tuple_target", Integer(128, 8_160)),
    parameter("parallel_workers", Integer(0, 1_024)),
    parameter("autovacuum_enabled", Boolean),
    parameter("autovacuum_vacuum_threshold", COUNT),
    since_18("autovacuum_vacuum_max_threshold", COUNT_OR_NEVER),
    parameter("autovacuum_vacuum_scale_factor", PERCENTAGE),
    parameter("autovacuum_vacuum_insert_threshold", COUNT_OR_NEVER),
    parameter("autovacuum_vacuum_insert_scale_factor", PERCENTAGE),
    parameter("autovacuum_analyze_threshold", COUNT),
    parameter("autovacuum_analyze_scale_factor", PERCENTAGE),
    parameter("autovacuum_vacuum_cost_delay", PERCENTAGE),
    parameter("autovacuum_vacuum_cost_limit", Integer(1, 10_000)),
    parameter("autovacuum_freeze_min_age", Integer(0, 1_000_000_000)),
    parameter("autovacuum_freeze_max_age", Integer(100_000, 2_000_000_000)),
    parameter("autovacuum_freeze_table_age", Integer(0, 2_000_000_000)),
    parameter("autovacuum_multixact_freeze_min_age", Integer(0, 1_000_000_000)),
    parameter("autovacuum_multixact_freeze_max_age", Integer(10_000, 2_000_000_000)),
    parameter("autovacuum_multixact_freeze_table_age", Integer(0, 2_000_000_000)),
    parameter("log_autovacuum_min_duration", COUNT_OR_NEVER),
    parameter("vacuum_index_cleanup", AutoOnOff),
    parameter("vacuum_truncate", Boolean),
    since_18("vacuum_max_eager_freeze_failure_rate", Real(0.0, 1.0)),
    parameter("toast.autovacuum_enabled", Boolean),
    parameter("toast.autovacuum_vacuum_threshold", COUNT),
    since_18("toast.autovacuum_vacuum_max_threshold", COUNT_OR_NEVER),
    parameter("toast.autovacuum_vacuum_scale_factor", PERCENTAGE),
    parameter("toast.autovacuum_vacuum_insert_threshold", COUNT_OR_NEVER),
    parameter("toast.autovacuum_vacuum_insert_scale_factor", PERCENTAGE),
    parameter("toast.autovacuum_vacuum_cost_delay", PERCENTAGE),
    parameter("toast.autovacuum_vacuum_cost_limit", Integer(1, 10_000)),
    parameter("toast.autovacuum_freeze_min_age", Integer(0, 1_000_000_000)),
    parameter("toast.autovacuum_freeze_max_age", Integer(100_000, 2_000_000_000)),
    parameter("toast.autovacuum_freeze_table_age", Integer(0, 2_000_000_000)),
    parameter("toast.autovacuum_multixact_freeze_min_age", Integer(0, 1_000_000_000)),
    parameter("toast.autovacuum_multixact_freeze_max_age", Integer(10_000, 2_000_000_000)),
    parameter("toast.autovacuum_multixact_freeze_table_age", Integer(0, 2_000_000_000)),
    parameter("toast.log_autovacuum_min_duration", COUNT_OR_NEVER),
    parameter("toast.vacuum_index_cleanup", AutoOnOff),
    parameter("toast.vacuum_truncate", Boolean),
    since_18("toast.vacuum_max_eager_freeze_failure_rate", Real(0.0, 1.0)),
];

impl StorageParameter {
    /// The parameter of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        STORAGE_PARAMETERS.iter().find(|parameter| parameter.name == name)
    }

    /// Whether it is one of the TOAST table.
    pub fn is_of_toast(&self) -> bool {
        self.name.starts_with("toast.")
    }

    /// The one spelling of a value, however it was written; `None` when it is none of this parameter's.
    pub fn canonical(&self, value: &str) -> Option<String> {
        match self.takes {
            Integer(least, most) => {
                value.parse().ok().filter(|number| (least..=most).contains(number)).map(|number| number.to_string())
            }
            Real(least, most) => value
                .parse()
                .ok()
                .filter(|number| (least..=most).contains(number))
                .map(|number: f64| number.to_string()),
            Boolean => truth(value).map(|truth| truth.to_string()),
            AutoOnOff => match truth(value) {
                Some(truth) => Some(if truth { "on" } else { "off" }.to_owned()),
                None => value.eq_ignore_ascii_case("auto").then(|| "auto".to_owned()),
            },
        }
    }

    /// What it takes, in words.
    pub fn takes_in_words(&self) -> String {
        match self.takes {
            Integer(least, most) => format!("a whole number from {least} to {most}"),
            Real(least, most) => format!("a number from {least} to {most}"),
            Boolean => "`true` or `false`".to_owned(),
            AutoOnOff => "`auto`, `on` or `off`".to_owned(),
        }
    }
}

fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Some(true),
        "false" | "off" | "no" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(name: &str, value: &str) -> Option<String> {
        StorageParameter::named(name).unwrap().canonical(value)
    }

    #[test]
    fn values_are_compared_by_what_they_mean() {
        assert_eq!(canonical("fillfactor", "090"), canonical("fillfactor", "90"));
        assert_eq!(canonical("autovacuum_vacuum_scale_factor", "1e-2").as_deref(), Some("0.01"));
        assert_eq!(canonical("autovacuum_vacuum_scale_factor", "0.010"), Some("0.01".to_owned()));
        assert_eq!(canonical("toast.autovacuum_enabled", "ON"), canonical("toast.autovacuum_enabled", "yes"));
        assert_eq!(canonical("vacuum_index_cleanup", "Auto").as_deref(), Some("auto"));
        assert_eq!(canonical("vacuum_index_cleanup", "0").as_deref(), Some("off"));
    }

    #[test]
    fn values_that_postgres_refuses_are_none() {
        for (name, value) in [
            ("fillfactor", "9"),
            ("fillfactor", "9.5"),
            ("autovacuum_vacuum_scale_factor", "101"),
            ("autovacuum_vacuum_scale_factor", "NaN"),
            ("autovacuum_enabled", "maybe"),
        ] {
            assert_eq!(canonical(name, value), None, "{name} = {value}");
        }
    }
}
