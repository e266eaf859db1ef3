//! Rules for policy files, which `validate` checks.

use super::{Explanation, explain};

pub(super) const EXPLANATIONS: &[Explanation] = &[
    explain(
        "PT001",
        "What cannot be parsed says nothing for certain, so the whole document is left out and no command runs on the \
         rest of the files.",
        "Mend the place that the caret points at. Indent with spaces, quote a text that contains `: ` or begins with a \
         special character, and save the file as UTF-8.",
    )
    .example("create:\n\tahead: 3 months      # a tab: YAML wants spaces"),
    explain(
        "PT002",
        "A misspelt `retain` that is ignored keeps data for ever, and a misspelt `hold` lets it go.",
        "Take the key that is suggested, or look the keys up in the README or in the schema of `partctl generate schema`.",
    )
    .example("retian: {for: 1 year, then: drop}     # did you mean `retain`?"),
    explain(
        "PT003",
        "The reader sees both, and only one of them would count.",
        "Remove one of the two; the message tells the line of the first.",
    ),
    explain(
        "PT004",
        "A value of another type was meant for another key, or YAML has taken it for something else.",
        "Write what the message expects. Numbers and `true` or `false` stand without quotes.",
    )
    .example("per_run: '5'     # text\nper_run: 5       # a number"),
    explain(
        "PT005",
        "What is missing cannot be guessed: a wrong guess would make partitions that nobody wants, or remove some that \
         somebody needs.",
        "Add the key. In a file with a `kind: defaults` document it may stand there once for all policies.",
    ),
    explain(
        "PT006",
        "Another version of the language may mean something else by the same words.",
        "Write `version: 1`, or use the partctl that the policy was written for.",
    ),
    explain(
        "PT007",
        "A name that folds to lower case where it should not is another table.",
        "Write `schema.table`. Quote a part in double quotes where SQL would, and the whole in single quotes for YAML.",
    )
    .example("table: 'shop.\"Order Items\"'"),
    explain(
        "PT008",
        "Which of two policies holds would depend on the order of the files.",
        "Remove one of them, or mend its `table`; the message tells where the first one is.",
    ),
    explain(
        "PT009",
        "A table is partitioned in one way, and its policy says which.",
        "Write the key columns under one of `range`, `list` and `hash`. A second level goes under `subpartition`.",
    ),
    explain(
        "PT010",
        "Beyond these bounds Postgres refuses the statement, or nothing sensible can be meant.",
        "Take a value within the bounds that the message names.",
    ),
    explain(
        "PT011",
        "Days begin at midnight somewhere: with the wrong zone every bound is off by hours, twice a year by another hour.",
        "Write the name as the IANA database has it, such as `Europe/Berlin` or `UTC`; abbreviations such as `CEST` do not \
         say when clocks change.",
    ),
    explain(
        "PT012",
        "`24` could be hours, months or partitions, and one of these deletes data.",
        "Add the unit, such as `24 months` or `4 partitions`.",
    )
    .example("retain: {for: 24, then: drop}            # 24 what?\nretain: {for: 24 months, then: drop}"),
    explain(
        "PT014",
        "`m` is minutes to one reader and months to another.",
        "Spell the unit out: minutes, hours, days, weeks, months, quarters, years.",
    )
    .example("every: 1 mnth      # did you mean `month`?"),
    explain(
        "PT015",
        "Two partitions with one name cannot both be made: the second fails when it is needed.",
        "Use the placeholders of the strategy, and a format as fine as `every`: {start:%Y_%m_%d} for days.",
    )
    .example("every: 1 day\nname: \"{table}_{start:%Y_%m}\"       # the same for every day of a month"),
    explain(
        "PT016",
        "Postgres puts a row into exactly one partition, and refuses a value that two of them claim (42P17).",
        "Leave it to one of the two; the message tells where the other one is.",
    ),
    explain(
        "PT017",
        "Each key is fine by itself, and together they cannot all be honoured.",
        "Remove or change one of them as the message says. Keys that come from `kind: defaults` and do not suit a policy \
         are passed over.",
    ),
    explain(
        "PT018",
        "Input without limit would hang the run, and Postgres plans slowly long before a table has 10,000 partitions.",
        "Split the file, or ask for wider partitions or less coverage.",
    ),
    explain(
        "PT019",
        "A query that cannot be explained proves nothing about pruning.",
        "Write one statement that EXPLAIN takes, and under `with` one sample value for each of $1, $2 and so on.",
    ),
    explain(
        "PT020",
        "A word that is not known would have to be guessed at.",
        "Take one of the words that the message lists.",
    ),
    explain(
        "PT021",
        "A query file that is not found would be a check that is silently not made.",
        "Mend the path; it is relative to the folder of the policy file, and may be a glob.",
    ),
    explain(
        "PT030",
        "The condition is put into statements that detach and drop: what is more than an expression would change them.",
        "Write one expression with `{partition}` where the name of the partition stands.",
    )
    .example("unless: \"exists (select from {partition} where state = 'open')\""),
    explain(
        "PT035",
        "All rows of a partition would fall into one of those below it, and the others would stay empty.",
        "Sub-partition by another column.",
    ),
    explain(
        "PT040",
        "The encoding says how a key carries a time. With the wrong one, rows land in partitions of other times.",
        "Take one of the encodings, with its parameters as the message shows them.",
    )
    .example("encoding: {snowflake: {epoch: 1288834974657, shift: 22}}"),
    explain(
        "PT050",
        "Postgres would refuse to make the partition (22023), at night and not in review.",
        "Give the parameter a value from the range that the message names.",
    ),
    explain(
        "PT051",
        "The query is put into one of partctl's, which is asked with every plan: nothing else may come along with it.",
        "Write one SELECT of one column, the key's value, with schemas before the names of tables.",
    )
    .example("partition:\n  list: tenant_id\n  each: select id from app.tenants where active"),
    explain(
        "PT055",
        "Where archives go is read by everybody who reads the policy, and must mean the same on every machine.",
        "Name a folder or a bucket in full, and leave credentials to the environment, as the cloud's own tools take them.",
    )
    .example("archive: {to: s3://acme-archive/orders}"),
];
