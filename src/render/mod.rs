//! Turns what was decided into text for a person or a machine, written into whatever the caller hands over.
//!
//! One model per report, one file per format. Decides wording and layout only; never what is planned.

mod amounts;
mod apply_report;
mod check_github;
mod check_junit;
mod check_markdown;
mod check_report;
mod check_sarif;
mod explain_report;
mod findings;
mod grants;
mod grid;
mod history_json;
mod history_markdown;
mod history_table;
mod locks;
mod markdown;
mod monitoring;
mod nagios;
mod plan_json;
mod plan_markdown;
mod plan_report;
mod plan_sql;
mod plan_table;
pub mod problems;
mod prometheus;
mod pruning;
mod run_json;
mod run_report;
#[cfg(test)]
mod samples;
mod status_json;
mod status_markdown;
mod status_table;
mod steps;
mod style;
mod timeline;
mod workload;

pub use amounts::elapsed;
pub use apply_report::{ApplyReport, apply_report};
pub use check_github::check_github;
pub use check_junit::check_junit;
pub use check_markdown::check_markdown;
pub use check_report::{CheckReport, Scope, check_human, check_json};
pub use check_sarif::check_sarif;
pub use explain_report::{explain_human, explain_json};
pub use grants::{Duty, grants};
pub use history_json::{history_json, run_json};
pub use history_markdown::{history_markdown, run_markdown};
pub use history_table::{history_table, run_table};
pub use monitoring::{ALERT_RULES, DASHBOARD};
pub use nagios::{ServiceState, nagios};
pub use plan_json::plan_json;
pub use plan_markdown::plan_markdown;
pub use plan_report::{Occasion, PlanReport};
pub use plan_sql::plan_sql;
pub use plan_table::plan_table;
pub use prometheus::{METRICS, Metric, last_success, prometheus};
pub use run_json::run_report_json;
pub use run_report::{ErrorReport, RunReport, Seen, Target, Work};
pub use status_json::status_json;
pub use status_markdown::status_markdown;
pub use status_table::status_table;
pub use style::{Colour, Screen, plain, wrap};
