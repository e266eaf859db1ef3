//! What is legal and unwise.

use super::{Explanation, explain};

pub(super) const EXPLANATIONS: &[Explanation] = &[
    explain(
        "PT060",
        "A retention that was meant for another table, or a month too short, is noticed by those who miss the rows; with a \
         grace of 0 days they are gone by then.",
        "Leave `grace` at its 7 days, or say in review why nobody can need the rows.",
    )
    .example("grace: 7 days"),
    explain(
        "PT061",
        "A run by a timer carries out what the policy says, also when the policy says too much since yesterday. Without \
         `per_run` 10 partitions, or 20 %, whichever is more, go at once.",
        "Add `per_run`, a little more than retire in a usual run.",
    )
    .example("per_run: 2"),
    explain(
        "PT062",
        "Rows of the next partition are refused, or go to DEFAULT, from its first moment on, unless a run comes just before.",
        "Make at least one partition ahead of the current one; three or four are usual.",
    )
    .example("ahead: 3 months"),
    explain(
        "PT063",
        "Runs are mostly once a day. One that fails, or is held off by locks, leaves rows without a partition before \
         anybody is awake.",
        "Make more ahead: empty partitions cost little.",
    )
    .example("ahead: 3 days"),
    explain(
        "PT064",
        "Without DEFAULT the first row beyond the last partition is refused, and the application shows the error first.",
        "Let `check` fail while there is time left to mend what keeps runs from making partitions.",
    )
    .example("check: {min_runway: 14 days}"),
    explain(
        "PT065",
        "Backups, scripts and psql's \\d+ list tables by name: the newest partition is not where one looks for it.",
        "Write the year first, then what is smaller, with leading zeros. Partitions that exist keep their names.",
    )
    .example("name: \"{table}_{start:%Y_%m_%d}\""),
    explain(
        "PT066",
        "A partition leaves when its last row is old enough, so its first rows live longer than the policy promises, by up \
         to the width of a partition.",
        "Choose a shorter `every`, or a `for` that says what is meant.",
    ),
    explain(
        "PT067",
        "Planning takes longer with every partition, autovacuum visits each, and a statement that prunes none of them may \
         need more locks than the lock table holds.",
        "Choose a longer `every`; `partctl explain` shows what queries come to.",
    ),
    explain(
        "PT068",
        "A hold outlives those who asked for it. When nobody knows why it is there, nobody dares to take it away.",
        "Add the reason, and `until` where it ends by itself.",
    )
    .example("hold: [{partition: orders_2023_04, reason: \"case 8812\", until: 2027-01-01}]"),
    explain(
        "PT069",
        "A check that fails every day is one that nobody reads.",
        "Make more partitions ahead, or ask for less runway.",
    ),
];
