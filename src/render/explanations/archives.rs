//! Findings about archives: what is wrong with one, and what keeps what came back from one.

use super::{Explanation, explain};

pub(super) const EXPLANATIONS: &[Explanation] = &[
    explain(
        "PT192",
        "Its rows cannot be trusted, so nothing is restored from it, in part neither. Its table may be dropped already.",
        "Look at the object that is named: bring it back from a copy or an older version of the bucket's, and verify again. \
         If the detached table is still there, `partctl archive delete` the archive and let `apply` make another one.",
    ),
    explain(
        "PT193",
        "It is over by the policy's `retain`, and somebody wanted its rows back: retention leaves it alone.",
        "Nothing while it is needed; then `partctl archive release` it, and the next run retires it like any other.",
    ),
    explain(
        "PT194",
        "Its time by `keep` is over, and a hold on its partition keeps it all the same.",
        "Nothing while the hold stands. Remove the entry from `hold`, or give it `until`, when the case is closed.",
    ),
    explain(
        "PT195",
        "The table has changed since: rows come back with its columns of today.",
        "Nothing, if that is what you want; `--as TABLE --as-it-was` gives the columns that were archived.",
    ),
];
