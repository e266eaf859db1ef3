//! A policy as a short text that changes whenever its meaning does: a saved plan is only carried out under the
//! policy it was made from.

use sha2::{Digest, Sha256};

use super::model::{Policy, PruningQuery};

/// 32 hexadecimal digits of everything that the policy says, wherever it is written, but for what only a check holds
/// the table to, and how much findings matter.
///
/// Equal policies have equal fingerprints in one version of partctl; another version may see others.
pub fn fingerprint(policy: &Policy) -> String {
    let Policy {
        table,
        level,
        archive,
        hold,
        inherit,
        storage,
        locks,
        maintain,
        thresholds: _,
        severities: _,
        pruning,
        location: _,
    } = policy;
    // Every part of the model shows all of itself in its Debug form, and names are quoted there as in SQL.
    let queries = pruning.iter().map(|query| {
        let PruningQuery { name, sql, with, partitions, locks, require, location: _ } = query;
        (name, sql, with, partitions, locks, require)
    });
    let pruning: Vec<_> = queries.collect();
    let meaning = format!("{:?}", (table, level, archive, hold, inherit, storage, locks, maintain, pruning));
    let digest = Sha256::digest(meaning.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::problem::Source;

    fn print_of(text: &str) -> String {
        let checked = crate::policy::check(&[Source { path: "a.yaml".to_owned(), text: text.to_owned() }]);
        assert_eq!(checked.problems, []);
        fingerprint(&checked.policies[0])
    }

    const POLICY: &str = "version: 1\ntable: a.b\npartition: {range: at, every: 1 month}\n";

    #[test]
    fn spelling_and_place_do_not_matter() {
        let print = print_of(POLICY);
        assert_eq!(print.len(), 32);
        assert_eq!(print, print_of(&format!("# moved\n\n{POLICY}")));
        assert_eq!(print, print_of(&POLICY.replace("a.b", "A.\"b\"").replace("1 month", "1 months")));
    }

    #[test]
    fn every_change_of_meaning_shows() {
        let variants = [
            POLICY.replace("a.b", "a.c"),
            POLICY.replace("range: at", "range: At2"),
            POLICY.replace("1 month", "2 months"),
            POLICY.replace("month}", "month, timezone: UTC}"),
            POLICY.replace("month}", "month, schema: x}"),
            format!("{POLICY}create: {{ahead: 5 partitions}}\n"),
            format!("{POLICY}retain: {{for: 2 years, then: drop}}\n"),
            format!("{POLICY}retain: {{for: 2 years, then: detach}}\n"),
            format!("{POLICY}retain: {{for: 2 years, max_size: 1 TB, then: drop}}\n"),
            format!("{POLICY}retain: {{for: 2 years, unless: '{{partition}} is null', then: drop}}\n"),
            format!("{POLICY}hold: [{{partition: x}}]\n"),
            format!("{POLICY}inherit: [owner]\n"),
            format!("{POLICY}storage: {{fillfactor: 90}}\n"),
            format!("{POLICY}locks: {{timeout: 51 ms}}\n"),
            format!("{POLICY}locks: {{set_default_aside: true}}\n"),
            format!("{POLICY}maintain: {{analyze: true}}\n"),
            format!("{POLICY}pruning: [{{sql: select 1}}]\n"),
        ];
        let prints: std::collections::BTreeSet<String> =
            variants.iter().map(String::as_str).chain([POLICY]).map(print_of).collect();
        assert_eq!(prints.len(), variants.len() + 1);
    }
}
