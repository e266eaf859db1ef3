//! Findings about what exists: whether the table is what its policy says, and whether rows find a partition.

use super::{Explanation, explain};

pub(super) const EXPLANATIONS: &[Explanation] = &[
    explain(
        "PT101",
        "partctl makes partitions, never the table itself: nothing is planned for it.",
        "Create the table with PARTITION BY, connect to the right database, or mend `table` in the policy.",
    ),
    explain(
        "PT102",
        "The longer this stands, the more rows gather in DEFAULT, where retention never comes and queries do not expect \
         them.",
        "Let partctl move them (`create.move_rows: at_once`), or move or delete them yourself; the hint has the condition \
         that finds them. The next run makes the partition.",
    )
    .example("select * from shop.orders_default where order_date >= '2027-04-01';"),
    explain(
        "PT103",
        "An ordinary table cannot have partitions, so nothing is planned for it.",
        "Make a partitioned table beside it and move the rows, or remove the policy.",
    ),
    explain(
        "PT104",
        "The key of a table cannot be changed: the policy is about another table, or was written for another key.",
        "Make the policy say what \\d shows as the partition key.",
    ),
    explain(
        "PT105",
        "Without a grid that suits the key no bound can be computed, so nothing is planned for the table.",
        "Follow the hint: a timestamptz needs `timezone`, a date refuses it, and numbers take a number as `every`.",
    ),
    explain(
        "PT106",
        "It counts as coverage and stays as it is. Retention passes it over, for nobody but its owner knows what else it \
         holds.",
        "Nothing, if it is known. When it may go, detach it by hand; when all are off the grid, set `anchor` or `every` to \
         what they have.",
    ),
    explain(
        "PT107",
        "Postgres refuses two partitions that overlap (42P17), so what the policy wants cannot be made.",
        "Make the policy say what the partition holds, or detach it, move its rows, and attach what is right.",
    ),
    explain(
        "PT108",
        "The partition is missing until the name is free, and rows of it are refused or land in DEFAULT.",
        "Rename what has the name, or give the policy another `name`. A table left over from earlier can be dropped.",
    ),
    explain(
        "PT109",
        "With one bound unknown nobody can say what is covered, so nothing is planned for the whole table.",
        "Look at the bound with \\d+, and detach the partition if it is not meant to be there.",
    ),
    explain(
        "PT114",
        "Its rows are found by queries and never looked after by partctl.",
        "Add a group with its values, or a partition of its remainder, to the policy; or leave it.",
    ),
    explain(
        "PT116",
        "Rows in DEFAULT wanted a partition that was not there. They prune badly, and writers wait while they are moved \
         when it is made later.",
        "Look at them: `partctl status` counts them, and a query on the DEFAULT partition shows which windows they belong \
         to.",
    ),
    explain(
        "PT117",
        "Beside a DEFAULT partition every detach blocks readers, and every new partition has to look through it.",
        "Move its rows to where they belong and drop it, or set `create.default: allow`.",
    ),
    explain(
        "PT120",
        "Nobody makes partitions for it in advance, and nobody retires them.",
        "Write a policy for it; `partctl import --from-database` writes a first one. Leave it if something else manages it.",
    ),
    explain(
        "PT123",
        "Partitions of the policy's modulus cannot stand beside those that the table has, and partctl never merges any; so \
         nothing is planned for the table.",
        "Set `modulus` to what the table has, or follow the hint.",
    ),
    explain(
        "PT124",
        "When coverage ends, inserts are refused (23514) or rows land in DEFAULT.",
        "Run `partctl apply`, look for why it did not make partitions before, and raise `create.ahead` if it ran.",
    ),
    explain(
        "PT126",
        "A hold that cannot be understood protects nothing, so the table is not planned at all.",
        "Write `from`, `to` and `anchor` as the key is: a date for times, a number for numbers.",
    ),
    explain(
        "PT127",
        "Such a number comes from one partition far away or from a mistaken `every`, and would be hard to undo.",
        "Look for a far-away partition with `partctl status`; `fill_gaps: false` leaves gaps alone.",
    ),
    explain(
        "PT128",
        "Rows of these windows are refused now (23514), or land in DEFAULT.",
        "Run `partctl apply`.",
    ),
    explain("PT129", "Nothing is wrong: it is only not done yet.", "Run `partctl apply`, or wait for its next run."),
    explain(
        "PT137",
        "Autovacuum analyzes partitions and never the table above them, so queries over several of them are planned by \
         guesses.",
        "Set `maintain: {analyze: true}` in the policy, or run ANALYZE on the table from time to time.",
    ),
    explain(
        "PT160",
        "Partitions of a number key are made ahead of the highest key in use. An index that leads with the key tells it; \
         without one, each run looks which partitions hold rows, and takes the highest one to be full.",
        "Create the index that the hint names, on each partition CONCURRENTLY first where writers must not wait.",
    ),
    explain(
        "PT161",
        "Partitions of a text key follow its collation. If that does not sort times in their order, bounds hold other rows \
         than they say.",
        "Partition by the key COLLATE \"C\".",
    ),
    explain(
        "PT162",
        "The values of a group are compared as the key's type has them; one that is none of the type, or is another one \
         spelt differently, cannot be a bound.",
        "Mend the values of the policy's groups as the message says.",
    ),
    explain(
        "PT215",
        "Each partition costs planning time and locks; the policy has set the number at which somebody should look.",
        "Retire more, make wider partitions, or raise `check.max_partitions`.",
    ),
    explain(
        "PT216",
        "The policy has set how many stray rows are too many.",
        "Look at what is in DEFAULT, make the partitions that its rows belong to, or raise `check.default_rows`.",
    ),
];
