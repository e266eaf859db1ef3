//! Findings about what is to be removed: what keeps it, and what protects it.

use super::{Explanation, explain};

pub(super) const EXPLANATIONS: &[Explanation] = &[
    explain(
        "PT110",
        "So many at once look like a mistyped `for`, a wrong clock, or a policy for another table. None of them is touched.",
        "Look at the list. If all of them shall go, `partctl apply --confirm-retention N` lets them, this once.",
    ),
    explain(
        "PT111",
        "It is over by age or count, and `hold` keeps it.",
        "Nothing while the hold stands. Remove the entry from `hold`, or give it `until`, when the case is closed.",
    ),
    explain(
        "PT147",
        "A hold finds its partition by the name alone. What it was meant for is retired like everything else.",
        "Mend the name: `partctl status` lists partitions. Where the partition is gone for good, remove the hold; `from` and \
         `to` hold what lies between, whatever it is called.",
    ),
    explain(
        "PT112",
        "It is over by age, and is among the newest with rows in them, of which `at_least` never lets go.",
        "Nothing; a table that no longer gets rows keeps its last ones. Lower `at_least` if that is not wanted.",
    ),
    explain(
        "PT121",
        "What the policy wants removed is still there, and the disk fills.",
        "Answer yes at the prompt, give `--allow-destroy`, or set `unattended: true` in `retain` so that timers may.",
    ),
    explain(
        "PT122",
        "The table that was detached is not the one that would be dropped now.",
        "Look at what became of it; partctl leaves it alone.",
    ),
    explain(
        "PT130",
        "Retention passes over what is not on the grid, so it stays until somebody looks.",
        "Detach it by hand when it may go, or set `every` and `anchor` so that it is on the grid.",
    ),
    explain(
        "PT131",
        "The policy was relaxed after it was detached, so dropping it would remove what is to be kept now.",
        "Run `partctl reattach` on it, or drop it by hand.",
    ),
    explain(
        "PT132",
        "Postgres refuses to detach it (23503): rows elsewhere would point at nothing.",
        "Retire the rows that reference it first, or drop the foreign key. Tables that reference others are retired before \
         them when both have policies.",
    ),
    explain(
        "PT133",
        "It is back, and the next run takes it away again.",
        "Add a `hold` for it to the policy, or lengthen `retain`.",
    ),
    explain(
        "PT141",
        "Readers and writers wait while a partition leaves beside DEFAULT; with `set_default_aside` they would not.",
        "Nothing, or empty DEFAULT, which is what keeps it in its place.",
    ),
    explain(
        "PT142",
        "Rows that fit no other partition are refused (23514) for as long as it is away.",
        "Follow the hint: move what was written meanwhile, and run `partctl apply`, which attaches it again.",
    ),
    explain(
        "PT143",
        "It is over, and the policy's own condition keeps it. It is asked again by every run.",
        "Nothing, or do what the condition waits for.",
    ),
    explain(
        "PT144",
        "Nobody knows whether the partition may go, so it stays, and takes its room.",
        "Run the condition by hand with the partition's name in it. It runs with an empty search_path, read only, and may \
         take 30 seconds.",
    ),
    explain(
        "PT145",
        "The disk fills beyond what the policy allows: only partitions that are over leave, and there are no more of them.",
        "Raise `max_size`, make partitions smaller with `every`, or look at what holds keep.",
    ),
    explain(
        "PT190",
        "Its rows cannot be read back and compared, so nothing would prove that the archive holds them.",
        "Detach it by hand when it may go, or archive it by other means first.",
    ),
    explain(
        "PT191",
        "The archive does not hold all of its rows any more, so dropping it would lose what was written since.",
        "Nothing: the next `partctl apply` archives it again and its grace begins anew. Find out who writes to a table that \
         is no partition any more.",
    ),
];
