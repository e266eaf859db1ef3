//! The rules that policies are checked by: ids for ever, names for machines, a sentence for people.

use crate::codes::Severity;
use crate::policy::problem::Rule;

/// A rule without a severity keeps a policy from being read.
macro_rules! severity {
    () => {
        Severity::Error
    };
    ($severity:ident) => {
        Severity::$severity
    };
}

macro_rules! rules {
    ($($constant:ident = $id:literal $name:literal $explanation:literal $($severity:ident)?;)+) => {
        $(pub(in crate::policy) const $constant: Rule =
            Rule { id: $id, name: $name, severity: severity!($($severity)?), explanation: $explanation };)+

        /// Every rule that `validate` knows, in order of id.
        pub const RULES: &[Rule] = &[$($constant),+];
    };
}

rules! {
    SYNTAX = "PT001" "syntax"
        "Policies are YAML in UTF-8; a document that cannot be parsed is not checked further.";
    UNKNOWN_KEY = "PT002" "unknown-key"
        "Only the keys of the policy reference are taken, so that a misspelt one is not silently ignored.";
    DUPLICATE_KEY = "PT003" "duplicate-key"
        "A key stands once in a map; YAML readers disagree about which of two would win.";
    WRONG_TYPE = "PT004" "wrong-type"
        "A value has the type that its key asks for: text, whole number, true or false, list or map.";
    MISSING_KEY = "PT005" "missing-key"
        "Required keys are there; nothing that removes data has a default.";
    VERSION = "PT006" "version"
        "The document says which version of the policy language it is written in, and this version is known.";
    NAME = "PT007" "sql-name"
        "Tables, columns and schemas are named as in SQL: bare names fold to lower case, quoted ones are kept, 63 bytes at most.";
    TABLE_TWICE = "PT008" "table-twice"
        "A table has one policy; two would undo each other's work.";
    STRATEGY = "PT009" "strategy"
        "A policy has exactly one partitioning strategy: range, list or hash.";
    OUT_OF_RANGE = "PT010" "out-of-range"
        "Numbers, times and dates lie within what Postgres and partctl can do.";
    TIME_ZONE = "PT011" "unknown-time-zone"
        "Time zones are named as in the IANA database, so that their clock changes are known.";
    MISSING_UNIT = "PT012" "missing-unit"
        "Times and distances carry their unit; a bare number could mean anything.";
    UNKNOWN_UNIT = "PT014" "unknown-unit"
        "Units are spelled out: minutes, hours, days, weeks, months, quarters, years.";
    NAME_TEMPLATE = "PT015" "name-template"
        "The name template of partitions is well-formed, fits the strategy, and gives neighbours different names.";
    DUPLICATE_VALUE = "PT016" "duplicate-value"
        "A list value belongs to one partition, and a column stands once in a key.";
    CONTRADICTION = "PT017" "contradiction"
        "Keys of a policy do not contradict each other, and fit its partitioning strategy.";
    TOO_LARGE = "PT018" "too-large"
        "Files, documents and the number of partitions stay within bounds that can be handled.";
    PRUNING_QUERY = "PT019" "pruning-query"
        "A pruning query is one statement with a sample value for each of its parameters.";
    UNKNOWN_CHOICE = "PT020" "unknown-choice"
        "A key that takes one of a few words has one of them.";
    QUERY_FILE = "PT021" "query-file"
        "A file of queries that a policy names is there, can be read, and holds a statement.";
    UNLESS = "PT030" "unless"
        "What keeps a partition is one expression in SQL that names the partition, and nothing else.";
    SUBPARTITION = "PT035" "sub-partition"
        "Each level of a policy divides what the level above it leaves together.";
    ENCODING = "PT040" "encoding"
        "An encoding is one that partctl knows, with the parameters that it takes.";
    STORAGE = "PT050" "storage-parameter"
        "A storage parameter has a value that Postgres takes.";
    EACH = "PT051" "each"
        "What says which partitions a list has is one query in SQL, without parameters.";
    DESTINATION = "PT055" "archive-destination"
        "Archives go to a folder or a bucket that is named in full, without credentials.";
    DROP_AT_ONCE = "PT060" "drop-without-grace"
        "Between detaching a partition and dropping it there is time to see that it was still needed." Warning;
    DROP_UNBOUNDED = "PT061" "drop-unbounded"
        "What is dropped while nobody looks is bounded by a number." Warning;
    SHORT_COVERAGE = "PT062" "short-coverage"
        "Coverage reaches at least one partition beyond the current one." Warning;
    LESS_THAN_A_DAY = "PT063" "less-than-a-day"
        "Coverage reaches at least a day ahead, so that a run that fails at night is mended in the morning." Warning;
    UNWATCHED = "PT064" "runway-unwatched"
        "Where rows beyond the last partition are refused, a check tells before coverage ends." Warning;
    NAME_ORDER = "PT065" "name-order"
        "The names of partitions sort as their bounds do." Warning;
    COARSE_RETENTION = "PT066" "coarse-retention"
        "Partitions are no wider than the time that their rows are kept for." Warning;
    MANY_PARTITIONS = "PT067" "many-partitions"
        "A table does not come to have thousands of partitions." Warning;
    HOLD_WITHOUT_REASON = "PT068" "hold-without-reason"
        "A hold says why it is there." Warning;
    RUNWAY_OUT_OF_REACH = "PT069" "runway-out-of-reach"
        "A check asks for no more coverage than the policy makes." Warning;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_order_and_names_and_sentences_are_complete() {
        assert!(RULES.is_sorted_by(|a, b| a.id < b.id));
        for rule in RULES {
            assert!(rule.id.len() == 5 && rule.id.starts_with("PT0"), "{}", rule.id);
            assert!(rule.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", rule.name);
            assert!(rule.explanation.ends_with('.'), "{}", rule.id);
        }
        let names: std::collections::BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
    }
}
