//! Examples for those who watch by Prometheus: alert rules and a Grafana dashboard, over the metrics of
//! [`METRICS`](super::METRICS) and no others.

/// Alert rules, as `rule_files` of Prometheus takes them.
pub const ALERT_RULES: &str = include_str!("monitoring/alert_rules.yml");

/// A dashboard, as Grafana imports it.
pub const DASHBOARD: &str = include_str!("monitoring/dashboard.json");

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::render::METRICS;

    /// Holds that every metric that an expression names is one that is written.
    fn assert_written(expression: &str) {
        let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let mut named = words.filter(|word| word.starts_with("partctl_")).peekable();
        assert!(named.peek().is_some(), "no metric of ours in {expression}");
        for word in named {
            assert!(METRICS.iter().any(|metric| metric.name == word), "{word} is written by nobody: {expression}");
        }
    }

    #[test]
    fn alert_rules_name_metrics_that_are_written_and_say_what_to_do() {
        let rules: Value = serde_saphyr::from_str(ALERT_RULES).unwrap();
        let rules = rules["groups"][0]["rules"].as_array().unwrap();
        assert!(8 < rules.len());
        for rule in rules {
            assert_written(rule["expr"].as_str().unwrap());
            assert!(rule["alert"].as_str().unwrap().starts_with("Partctl"), "{rule}");
            assert!(["critical", "warning"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{rule}");
            for text in ["summary", "description"] {
                assert!(rule["annotations"][text].as_str().is_some_and(|text| !text.is_empty()), "{rule}");
            }
        }
    }

    #[test]
    fn the_dashboard_asks_for_metrics_that_are_written_and_its_panels_do_not_overlap() {
        let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
        let panels = dashboard["panels"].as_array().unwrap();
        let mut places = std::collections::BTreeSet::new();
        for panel in panels {
            assert_eq!(panel["datasource"]["uid"], "${datasource}");
            for target in panel["targets"].as_array().unwrap() {
                assert_written(target["expr"].as_str().unwrap());
            }
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
            assert!(x + w <= 24);
            for place in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(places.insert(place), "{} lies over another panel", panel["title"]);
            }
        }
        for variable in dashboard["templating"]["list"].as_array().unwrap() {
            if variable["type"] == "query" {
                assert_written(variable["query"]["query"].as_str().unwrap());
            }
        }
    }
}
