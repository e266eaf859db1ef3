//! Findings about rows that wait for a partition, or for somebody to look at them.

use super::{Explanation, explain};

pub(super) const EXPLANATIONS: &[Explanation] = &[
    explain(
        "PT170",
        "No partition will ever be made for them: what is wanted follows the clock, never the rows. Where DEFAULT is looked \
         through, so are they.",
        "Look at them: far-away times are often typing errors of an application. Mend or delete them, or raise \
         `create.ahead`.",
    )
    .example("select * from shop.orders_default where order_date >= '2027-04-01' order by order_date desc limit 20;"),
    explain(
        "PT171",
        "A row is moved by deleting it in one table and inserting it in another. Foreign keys, rules and publications may \
         take that for more than it is: ON DELETE CASCADE would delete rows elsewhere, subscribers would lose theirs.",
        "The finding says what is in the way, the hint what would take it out of the way. Until then the partition is not \
         made, and its rows go on to DEFAULT.",
    )
    .example("GRANT SET ON PARAMETER session_replication_role TO deployer;"),
    explain(
        "PT172",
        "Nothing was moved: writers to the table would have had to wait for longer than the policy lets them.",
        "Let DEFAULT be split: `move_rows: in_batches` copies it beside everybody, which takes room on the disk and time, and \
         writers wait for the last changes alone. Or allow more with `create.writers_wait`, for a quiet hour perhaps. What is \
         expected is reckoned for a slow server; what takes longer than allowed is rolled back.",
    )
    .example("create: {move_rows: in_batches}"),
    explain(
        "PT173",
        "Where DEFAULT is split its rows are copied, parts of it and a new DEFAULT take its place, and it is dropped. What is \
         bound to the old table would be lost with it: references from other tables, views, triggers of its own, what \
         subscribers know of it. And changes are told by a key, so the table needs one.",
        "The finding says what is in the way, the hint what would take it out of the way, if only until the split is done. \
         Or allow writers to wait for longer: then the rows move at once, and DEFAULT stays what it is.",
    )
    .example("create: {move_rows: in_batches, writers_wait: 30 s}"),
    explain(
        "PT174",
        "Where the modulus is raised each partition is copied, those of the larger modulus take its place, and it is dropped. \
         What is bound to the old table would be lost with it, changes are told by a key, and writers wait for a moment at \
         the end. The other partitions are split all the same; every row has its place meanwhile.",
        "The finding says what is in the way, the hint what would take it out of the way, if only until all is split. By hand \
         it takes one transaction, in which everybody waits: detach the partition, make those of the larger modulus, insert \
         its rows into the table, drop it.",
    )
    .example("alter table shop.users add primary key (id);"),
];
