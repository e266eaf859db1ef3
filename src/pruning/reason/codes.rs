//! The reasons why a query prunes late or not at all: a stable code, a sentence, and the way out of it.
//!
//! A code is never renamed: scripts read it. Each sentence takes the expression that it is about in place of `{}`.

/// Why a plan is worse than one that prunes when planned.
#[derive(Debug, PartialEq, Eq)]
pub struct Reason {
    /// For machines.
    pub code: &'static str,
    /// A clause with `{}` for the expression.
    pub(super) why: &'static str,
    /// What to do, as a fragment.
    pub way_out: &'static str,
}

macro_rules! reasons {
    ($($name:ident $code:literal: $why:literal, $way_out:literal;)*) => {
        $(pub(super) static $name: Reason = Reason { code: $code, why: $why, way_out: $way_out };)*
        /// Every reason there is.
        pub static REASONS: &[&Reason] = &[$(&$name),*];
    };
}

reasons! {
    NO_KEY_PREDICATE "no_key_predicate":
        "no condition names the key {}", "add a condition on the key, as a range or an equality";
    FUNCTION_ON_KEY "function_on_key":
        "{} hides the key from the planner", "compare the bare key with a half-open range";
    CAST_ON_KEY "cast_on_key":
        "{} casts the key, and a plan prunes by the key itself only", "cast the other side, or use a half-open range";
    ARITHMETIC_ON_KEY "arithmetic_on_key":
        "{} calculates with the key", "move the arithmetic to the other side";
    TYPE_MISMATCH "type_mismatch":
        "{} has a type to which the key is cast for the comparison", "give the value the key's type; a driver may bind another one";
    STABLE_COMPARISON "stable_comparison":
        "{} has another type than the key, and the comparison depends on TimeZone", "give the value the key's type";
    STABLE_FUNCTION "stable_function":
        "{} is known only when execution starts", "pass the value as a literal or a parameter, should the locks matter";
    VOLATILE_FUNCTION "volatile_function":
        "{} is volatile: it may change with every row", "declare it STABLE if it is, use now(), or pass its value as a parameter";
    PARAMETER "parameter":
        "a generic plan does not know {}", "plan_cache_mode = force_custom_plan, should the locks matter";
    ARRAY_PARAMETER "array_parameter":
        "a generic plan cannot look into the array {}", "use IN ($1, $2, ...), or plan_cache_mode = force_custom_plan";
    ARRAY_SUBQUERY "array_subquery":
        "the array {} comes from a subquery", "fetch the values first and pass them as an array, or join";
    OPTIONAL_FILTER "optional_filter":
        "{} may hold for every row, as a plan made for all values has to assume", "leave the condition out when there is no value, or plan_cache_mode = force_custom_plan";
    SCALAR_SUBQUERY "scalar_subquery":
        "{} is known only while the query runs", "it may prune during execution (`--analyze` shows it); fetch the value first and pass it as a parameter";
    IN_SUBQUERY "in_subquery":
        "the values of {} are known only while the query runs", "fetch the values first, or add a range on the key that holds them all";
    JOIN_ON_KEY "join_on_key":
        "the key meets only values of another table: {}", "add a constant range on the key; a nested loop may prune during execution (`--analyze` shows it)";
    CORRELATED "correlated":
        "the key meets only values of a query around it: {}", "add a constant range on the key; a nested loop may prune during execution (`--analyze` shows it)";
    RANGE_NOT_CARRIED "range_not_carried":
        "{} carries an equality with a constant from one table to the other, and never a range", "repeat the range on this table's key";
    OUTER_JOIN_CONDITION "outer_join_condition":
        "rows for which {} is false are kept by the outer join", "move the condition to WHERE, if those rows are not wanted";
    OR_WITH_OTHER_COLUMN "or_with_other_column":
        "rows may meet {} without a condition on the key", "repeat the condition on the key in each branch, or use UNION ALL";
    ROW_COMPARISON "row_comparison":
        "a plan does not prune by the row comparison {}", "add a comparison of the first column";
    NOT_EQUAL "not_equal":
        "{} leaves hardly anything out", "name the range that is wanted";
    HASH_NEEDS_EQUALITY "hash_needs_equality":
        "{} is no equality, and by hash only equality finds a partition", "use = or IN, or partition by range";
    HASH_NEEDS_ALL_COLUMNS "hash_needs_all_columns":
        "{} has no value, and a hash needs all columns of the key", "add an equality for each column of the key";
    LEADING_COLUMN_MISSING "leading_column_missing":
        "no condition names {}, the first column of the key", "add a condition on the first column";
    KEY_IS_EXPRESSION "key_is_expression":
        "the key is the expression {}, and only that very expression prunes", "add a condition on that expression";
    PATTERN_MATCH "pattern_match":
        "a plan does not prune by the pattern {}", "use a half-open range, such as k >= 'a' and k < 'b'";
    COLLATION "collation":
        "{} compares by another collation than the partitions' bounds", "compare by the key's collation";
    OPTIMIZER_FENCE "optimizer_fence":
        "{}", "put the condition inside as well";
    RANGE_OPERATOR "range_operator":
        "{} prunes from Postgres 17 on only", "use key >= lower and key < upper";
    COMPARED_WITH_COLUMN "compared_with_column":
        "the key meets only another column of its row: {}", "add a constant range on the key";
    MERGE_ON_SOURCE "merge_on_source":
        "the key meets only values of the source: {}", "add a constant range on the key to ON";
    NOT_A_COMPARISON "not_a_comparison":
        "a plan does not prune by {}", "compare the bare key by =, <, >, IN or BETWEEN";
    MATCHES_ALL "matches_all":
        "every partition may hold such rows: {}", "narrow the range, if fewer are enough";
    PRUNING_DISABLED "pruning_disabled":
        "enable_partition_pruning is off for this role or database", "turn it on: ALTER ROLE or ALTER DATABASE ... RESET enable_partition_pruning";
    UNKNOWN "unknown":
        "{}", "compare the bare key with constants of its own type";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_words_and_each_stands_once() {
        let mut codes: Vec<&str> = REASONS.iter().map(|reason| reason.code).collect();
        assert!(codes.iter().all(|code| code.chars().all(|c| c.is_ascii_lowercase() || c == '_')), "{codes:?}");
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
