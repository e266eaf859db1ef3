//! Findings about pruning: whether queries read only the partitions that they need.

use super::{Explanation, explain};

pub(super) const EXPLANATIONS: &[Explanation] = &[
    explain(
        "PT118",
        "The query reads and locks partitions that hold nothing of it: slower with every partition, and a lock table that \
         fills.",
        "Follow the reason and the rewrite. `partctl explain` tells both for any query. If it is as good as it can be, relax \
         `partitions`, `locks` or `require`.",
    )
    .example(
        "where date_trunc('month', order_date) = '2026-06-01'               -- does not prune\n\
         where order_date >= '2026-06-01' and order_date < '2026-07-01'     -- prunes",
    ),
    explain(
        "PT119",
        "Nobody knows whether it prunes.",
        "Follow the hint: mostly SELECT is missing, the sample values do not suit their parameters, or the query could fill \
         the lock table.",
    ),
    explain(
        "PT138",
        "A run changed what the planner sees, and queries of the application have become slow since.",
        "The finding names the steps of the run and how to undo them. `partctl explain` shows why the query no longer prunes.",
    ),
    explain(
        "PT139",
        "Of what the server really runs, this statement costs the most without pruning.",
        "Take the rewrite to whoever wrote the statement; `partctl explain` tries others.",
    ),
    explain(
        "PT140",
        "The dearest statements were not looked at.",
        "Install pg_stat_statements (shared_preload_libraries, then CREATE EXTENSION), and GRANT pg_read_all_stats to the \
         role.",
    ),
];
