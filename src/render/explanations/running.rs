//! Findings about what partctl may do and what it can know: rights, the ledger, questions without an answer.

use super::{Explanation, explain};

pub(super) const EXPLANATIONS: &[Explanation] = &[
    explain(
        "PT113",
        "What needs the right is left out of the plan, so partitions stay missing or old ones stay.",
        "Run the GRANT of the hint as the owner or a superuser. `partctl generate grants` prints all that the policies \
         need.",
    ),
    explain(
        "PT115",
        "Without the ledger nobody would know what was detached, when, and whether its grace is over: nothing is retired.",
        "Run `partctl init` as a role that may create a schema, and grant as the hint says.",
    ),
    explain(
        "PT125",
        "Where the answer is not known the careful one is assumed: what hangs on it is not done.",
        "Follow the hint, which is mostly a GRANT, or another run when whatever held the question up is gone.",
    ),
    explain(
        "PT134",
        "The ledger was edited, written by another version, or restored from a dump, after which every table has another \
         oid. What the entry is about is left alone, whatever becomes of it: a detached table is neither dropped nor \
         attached again.",
        "Mend the row in partctl.detached_tables, or end it with the UPDATE of the hint.",
    ),
    explain(
        "PT135",
        "The plan is the one that another role would carry out; this one only reads.",
        "Nothing. Run `partctl apply` as a member of the owner.",
    ),
    explain(
        "PT136",
        "A concurrent detach waits for older transactions. Those that cannot be seen may trap it between its two halves, \
         and then the next run must finish it.",
        "GRANT pg_read_all_stats to the role.",
    ),
];
