//! Findings about partitions that have partitions of their own.

use super::{Explanation, explain};

pub(super) const EXPLANATIONS: &[Explanation] = &[
    explain(
        "PT146",
        "Each policy would take what the other one makes for something foreign, and what the one keeps the other one would \
         retire. As with two policies for one table, nothing is done at either of them.",
        "Let one of them say it: leave out `subpartition` in the policy of the table above, or remove the policy of the \
         partition.",
    ),
    explain(
        "PT150",
        "It is what an older policy made, or somebody by hand. Rows find their place in it, and nothing is made or \
         retired below it.",
        "Nothing, if it may stay so until it is retired. To change it, move its rows to a table of the right shape and \
         attach that in its place.",
    ),
    explain(
        "PT151",
        "They hold their rows as they always did; queries cannot prune inside of them.",
        "Nothing, if they may stay so until they are retired.",
    ),
    explain(
        "PT152",
        "What such a partition lacks below, a month or a remainder, is not seen, and rows of it are refused.",
        "Say how partitions are partitioned with `subpartition`, or leave it if somebody else looks after them.",
    )
    .example("partition:\n  range: at\n  every: 1 month\n  subpartition: {hash: customer_id, modulus: 4}"),
    explain(
        "PT153",
        "Postgres would refuse every new partition, so nothing is planned for the table.",
        "Name a column that the table has. Where a unique key is in the way, add the column to the key, or \
         sub-partition by one that is in it already.",
    ),
    explain(
        "PT154",
        "Attaching or dropping it would take all that the server's table of locks has (53200), from everybody's statements at once.",
        "Make fewer partitions of each, or raise max_locks_per_transaction, which takes a restart.",
    ),
    explain(
        "PT155",
        "A run that was stopped left it half built, and rows were written to it that no query on the table sees.",
        "Look at the rows and move them; then drop the table, or take its comment away if it is yours now.",
    ),
    explain(
        "PT156",
        "Which partitions there are to be is not known, so nothing is planned for the table: values that are new are \
         refused, or land in DEFAULT.",
        "Run the query by hand as partctl does, with an empty search_path, and mend what the message says.",
    ),
    explain(
        "PT157",
        "Whoever deleted the row may not have meant the partition: its rows are still there.",
        "Nothing, if they may stay. To let them go, write `retain` beside `each`, or detach them by hand.",
    )
    .example("partition:\n  list: tenant_id\n  each: select id from app.tenants\nretain: {then: drop, grace: 30 days}"),
    explain(
        "PT158",
        "A query without a row is rather a mistake than the end of all: an emptied table, a filter, another database.",
        "Look at the query. Where the partitions really shall go, detach them by hand.",
    ),
    explain(
        "PT159",
        "Until they are split the table goes on with the partitions that it has: every row has its place. Nothing is copied \
         unless the policy says that rows may be.",
        "Write `move_rows: in_batches`: then one partition after the other is copied beside everybody into those that take \
         its place, and writers wait for the last changes alone. Or set `modulus` back to what the table has.",
    )
    .example("partition: {hash: id, modulus: 8}\ncreate: {move_rows: in_batches}"),
];
