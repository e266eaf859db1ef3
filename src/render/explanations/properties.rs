//! Findings about what is set on partitions and on their table, about their indexes and constraints.

use super::{Explanation, explain};

pub(super) const EXPLANATIONS: &[Explanation] = &[
    explain(
        "PT180",
        "What somebody wrote or set on a partition may be there on purpose, so it stays.",
        "Nothing, if it is meant. Otherwise set it as on the table; taking the word out of `inherit` ends the telling.",
    )
    .example("inherit: [owner, privileges, row_security]"),
    explain(
        "PT181",
        "REVOKE on the table does not reach its partitions: who has lost a right there may still read every row by naming \
         the partitions. partctl grants and never revokes.",
        "Revoke it on the partitions, as the hint does, or grant it on the table.",
    )
    .example("REVOKE SELECT ON shop.orders_2026_01 FROM leaver;"),
    explain(
        "PT182",
        "SET TABLESPACE and SET ACCESS METHOD copy every row while everybody waits, so they are never done by the way.",
        "Nothing, if the partition is meant to be there. Otherwise move it when nobody needs it; the hint has the statement.",
    ),
    explain(
        "PT183",
        "Queries of those partitions go without the index, and while it is missing anywhere the table's own is not valid: it \
         guarantees nothing and foreign keys cannot lean on it.",
        "Build it on each of them CONCURRENTLY and attach it, as the hint does. The last one makes the table's valid.",
    )
    .example("CREATE INDEX CONCURRENTLY orders_2026_01_note ON shop.orders_2026_01 USING btree (note);"),
    explain(
        "PT184",
        "It was left by a CREATE INDEX CONCURRENTLY that failed. Every write pays for it, and no query uses it.",
        "Rebuild it by REINDEX INDEX CONCURRENTLY, or drop it.",
    ),
    explain(
        "PT185",
        "The planner does not rely on it, and a partition whose rows break it can neither be restored nor attached again.",
        "Validate it on the table; that reads all partitions, beside readers and writers.",
    )
    .example("ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_amount_check;"),
    explain(
        "PT186",
        "A later version of Postgres brought the parameter, so this server would refuse it (22023); the others are set.",
        "Nothing, if the policy is also for newer servers. Otherwise take it out of `storage`.",
    ),
];
